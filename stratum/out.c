#include "stratum/out.h"

#include "conf/mem.h"

#include <stdio.h>
#include <string.h>

static char *out_reserve(struct out *o, size_t len)
{
    if (o->room - o->len < len) {
        size_t room = o->room > 0 ? o->room : 4096;
        while (room - o->len < len)
            room *= 2;
        o->p = mem_resize(o->p, room);
        o->room = room;
    }
    return o->p + o->len;
}

void out_clear(struct out *o)
{
    mem_free(o->p);
    *o = (struct out){0};
}

void out_add(struct out *o, const void *p, size_t len)
{
    if (len == 0)
        return;
    memcpy(out_reserve(o, len), p, len);
    o->len += len;
}

void out_text(struct out *o, const char *text)
{
    out_add(o, text, strlen(text));
}

void out_u64(struct out *o, uint64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
    out_add(o, text, (size_t)n);
}

void out_hex(struct out *o, const void *p, size_t len)
{
    hex_encode(out_reserve(o, 2 * len + 1), p, len);
    o->len += 2 * len;
}
