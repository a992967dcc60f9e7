/* share/store_read_parts.h - one question to Redis by a thread that waits, for the files
 * that read for it; nobody else includes it.
 *
 * `fill` runs on the store thread and makes `out` of the answer; its error is the
 * question's. The texts are borrowed until then. */
#ifndef SHARE_STORE_READ_PARTS_H
#define SHARE_STORE_READ_PARTS_H

#include "share/store_internal.h"

typedef enum kz_err store_fill_fn(void *out, const redisReply *r);

/* KZ_IO: Redis is away, refused (logged), or the store stops. */
KZ_MUST_USE enum kz_err store_ask(struct store *s, store_fill_fn *fill, void *out,
                                  const char *const *argv);
#define STORE_ASK(s, fill, out, ...)                                                   \
    store_ask(s, fill, out, (const char *const[]){__VA_ARGS__, NULL})

#endif
