/* share/bytes.h - borrowed bytes, integers on the wire, and hex.
 *
 * The only way from hex, decimal digits or little-endian bytes to numbers and back. Nothing here
 * allocates. Pure: no I/O, lock or clock; any thread. */
#ifndef SHARE_BYTES_H
#define SHARE_BYTES_H

#include "conf/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *p; /* borrowed */
    size_t len;
};

uint16_t read_le16(const uint8_t *p);
uint32_t read_le32(const uint8_t *p);
uint64_t read_le64(const uint8_t *p);
void write_le16(uint8_t *p, uint16_t v);
void write_le32(uint8_t *p, uint32_t v);
void write_le64(uint8_t *p, uint64_t v);

/* Bitcoin's compact size. write: 1 to 9 bytes into `out`, returns how many.
 * read: KZ_PARSE when cut short or not minimal. */
size_t compact_size_write(uint8_t out[9], uint64_t v);
size_t compact_size_len(uint64_t v);
KZ_MUST_USE enum kz_err compact_size_read(uint64_t *v, size_t *used, struct bytes in);

/* Lower case, `out` has room for 2 * len + 1. */
void hex_encode(char *out, const void *p, size_t len);

/* Exactly 2 * `len` hex digits of either case, no prefix. KZ_PARSE otherwise. */
KZ_MUST_USE enum kz_err hex_decode(uint8_t *out, size_t len, const char *text,
                                   size_t text_len);

/* As many whole bytes as `text` has, at most `max`: KZ_RANGE above, KZ_PARSE for odd
 * length or a byte that is no digit. */
KZ_MUST_USE enum kz_err hex_decode_some(uint8_t *out, size_t *len, size_t max,
                                        const char *text, size_t text_len);

/* Whole bytes of hex digits and nothing else; true for the empty text. */
bool hex_is_valid(const char *text, size_t text_len);

/* A 32-bit number in 1 to 8 hex digits of either case, left zeros may lack. With
 * `prefix_ok` also behind "0x". KZ_PARSE otherwise. */
KZ_MUST_USE enum kz_err hex_u32(uint32_t *v, const char *text, size_t text_len,
                                bool prefix_ok);

/* The number whose decimal digits `*text` begins with, which is moved behind them; 0
 * when there is none, and UINT64_MAX for every number that does not fit. */
uint64_t decimal_take(const char **text);

/* The same of a text that stays where it is; 0 for NULL. */
uint64_t decimal_of(const char *text);

/* The whole of `text`: one digit at least, nothing else, at most `max`. Else false, and
 * `v` is left alone. */
bool decimal_read(uint64_t *v, const char *text, uint64_t max);

#endif
