/* pool/json_fast.h - the same JSON values as jansson makes, several times faster.
 *
 * A full template is over two megabytes of long hex strings, and every rig waits for it
 * on a new tip; jansson reads it a character at a time (22 ms for 4,000 transactions,
 * against 3 here). This reads the plain part of JSON only: objects, arrays, strings of
 * printable ASCII without escapes, integers of up to 18 digits, true, false, null, 32
 * levels. Whatever else comes, malformed text among it, is left to jansson, so there is
 * one authority on what JSON is.
 *
 * Ownership  the value is the caller's (json_decref).
 * Thread     any. Pure. */
#ifndef POOL_JSON_FAST_H
#define POOL_JSON_FAST_H

#include <jansson.h>
#include <stddef.h>

/* NULL: not the plain part, ask json_loadb(). */
json_t *json_fast(const char *text, size_t len);

#endif
