/* pool/canon.h - JSON in the one form that is hashed: RFC 8785 (JCS).
 *
 * No blanks, members sorted by the UTF-16 code units of their names, each string escaped
 * in the one way of RFC 8785 section 3.2.2.2: two programs that agree on a value agree on
 * its bytes, and so on its hash.
 *
 * Numbers are integers of at most 2^53 - 1 either way, which every reader of JSON keeps
 * whole. Larger ones are decimal texts where records are made, and a number with a
 * fraction or an exponent is never in them, "1.0" and "-0" not either: such values are
 * refused, not rounded.
 *
 * Ownership  texts are the caller's to mem_free(), NUL-terminated behind `len`. They are
 *            made in one allocation, so wiping that one leaves no copy of ours.
 * Errors     KZ_RANGE: a number as above, or more than CANON_DEPTH_MAX levels. KZ_PARSE
 *            from canon_read() alone. Outputs are untouched unless KZ_OK.
 * Thread     any. Pure: no I/O, lock or clock. */
#ifndef POOL_CANON_H
#define POOL_CANON_H

#include "share/hash256.h"

#include <jansson.h>

#define CANON_INTEGER_MAX INT64_C(9007199254740991)
#define CANON_DEPTH_MAX   32 /* arrays and objects within each other */

KZ_MUST_USE enum kz_err canon_format(char **text, size_t *len, const json_t *value);

/* The value that `text` is the canonical form of, byte for byte; the caller's. KZ_PARSE:
 * no JSON, a name twice, or another form of it. */
KZ_MUST_USE enum kz_err canon_read(json_t **value, struct bytes text);

/* BIP-340's tagged hash: SHA256(SHA256(tag) || SHA256(tag) || prefix || canonical value).
 * The text in between is wiped. */
KZ_MUST_USE enum kz_err canon_sha256_tagged(struct hash256 *out, const char *tag,
                                            struct bytes prefix, const json_t *value);

#endif
