#include "conf/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *mem_or_abort(void *p)
{
    if (p == NULL) {
        /* The logger allocates, so it cannot be asked. */
        fputs("error out_of_memory\n", stderr);
        abort();
    }
    return p;
}

void *mem_new(size_t size)
{
    return mem_or_abort(calloc(1, size));
}

void *mem_array(size_t count, size_t size)
{
    return mem_or_abort(calloc(count > 0 ? count : 1, size));
}

void *mem_resize(void *p, size_t size)
{
    return mem_or_abort(realloc(p, size > 0 ? size : 1));
}

void *mem_copy(const void *p, size_t size)
{
    char *copy = mem_or_abort(malloc(size + 1));
    if (size > 0)
        memcpy(copy, p, size);
    copy[size] = '\0';
    return copy;
}

char *mem_text(const char *text)
{
    return mem_copy(text, strlen(text));
}

void mem_free(void *p)
{
    free(p);
}
