/* payout/base58.h - base58 with a checksum: addresses of the old kind.
 *
 * Version byte and payload, then the first 4 bytes of their SHA256d, as one number in
 * base 58; each leading zero byte is a '1'. Private keys come this way too, so what is
 * left of them on the stack is wiped. Pure; any thread. */
#ifndef PAYOUT_BASE58_H
#define PAYOUT_BASE58_H

#include "conf/err.h"

#include <stddef.h>
#include <stdint.h>

#define BASE58_BYTES_MAX 128
#define BASE58_TEXT_SIZE 177 /* of that many bytes, and the zero behind */

/* Text to bytes, no checksum. KZ_PARSE: a character outside the alphabet, its place in
 * *bad_at. KZ_RANGE: more than `max` (<= BASE58_BYTES_MAX) bytes. */
KZ_MUST_USE enum kz_err base58_decode(uint8_t *out, size_t *len, size_t *bad_at,
                                      size_t max, const char *text, size_t text_len);

/* As above, then KZ_EMPTY when the last 4 bytes are not the checksum of the others;
 * `len` is without them. */
KZ_MUST_USE enum kz_err base58_decode_check(uint8_t *out, size_t *len, size_t *bad_at,
                                            size_t max, const char *text,
                                            size_t text_len);

/* `len` bytes (at most BASE58_BYTES_MAX - 4) with their checksum behind. */
void base58_encode_check(char out[BASE58_TEXT_SIZE], const uint8_t *p, size_t len);

#endif
