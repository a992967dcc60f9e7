/* conf/mem.h - allocation that cannot fail.
 *
 * Running out of memory aborts here: sizes that come from outside are bounded before
 * anything is allocated, so no caller has a sensible answer to a failed allocation.
 * All memory is released with mem_free(), which accepts NULL.
 * Thread: any. */
#ifndef CONF_MEM_H
#define CONF_MEM_H

#include <stddef.h>

/* Zeroed. `size` > 0. */
void *mem_new(size_t size) __attribute__((malloc, returns_nonnull));

/* Zeroed; aborts when count * size overflows. */
void *mem_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* Grows or shrinks; bytes past the old size are not zeroed. `p` may be NULL. */
void *mem_resize(void *p, size_t size) __attribute__((returns_nonnull));

/* A copy of `size` bytes, with a zero byte behind it. */
void *mem_copy(const void *p, size_t size) __attribute__((malloc, returns_nonnull));

/* A copy of a string. */
char *mem_text(const char *text) __attribute__((malloc, returns_nonnull));

void mem_free(void *p);

#endif
