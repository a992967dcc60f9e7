/* payout/base64.h - bytes as text of 64 letters (RFC 4648 section 4).
 *
 * Strict: the standard alphabet, always padded, no blanks or line ends, and the bits
 * that padding leaves over are zero. So each text has one meaning, and each run of
 * bytes one text.
 *
 * Ownership  what is returned is the caller's to mem_free().
 * Errors     KZ_PARSE: not such a text. KZ_RANGE: more than `max` bytes.
 * Thread     any. Pure. */
#ifndef PAYOUT_BASE64_H
#define PAYOUT_BASE64_H

#include "conf/err.h"

#include <stddef.h>
#include <stdint.h>

/* NUL-terminated. */
char *base64_encode(const void *p, size_t len);

/* With a zero byte behind what was decoded; the empty text is no bytes. */
KZ_MUST_USE enum kz_err base64_decode(uint8_t **out, size_t *len, const char *text,
                                      size_t text_len, size_t max);

#endif
