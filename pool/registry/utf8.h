/* pool/registry/utf8.h - UTF-8, one code point at a time.
 *
 * Thread: any. Pure. */
#ifndef POOL_REGISTRY_UTF8_H
#define POOL_REGISTRY_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_SIZE 5 /* of one code point, and a zero byte */
#define UTF8_BAD  0xfffd

/* How many bytes the code point at `text` (not its end) takes, at least 1. What is no
 * UTF-8, a surrogate or an overlong form is UTF8_BAD, and 1 byte. */
size_t utf8_read(uint32_t *code_point, const char *text);

/* With a zero byte behind it. */
void utf8_write(char out[UTF8_SIZE], uint32_t code_point);

/* The most bytes of `text`, at most `max`, that end between two code points. */
size_t utf8_cut(const char *text, size_t max);

#endif
