/* conf/err.h - the kinds of failure of the outside world, and compiler attributes.
 *
 * A wrong share is a verdict, not an error; a bug of ours is an assert(). Everything
 * else that can fail returns one of these, and its out-parameters are untouched unless
 * it is KZ_OK. Whoever still knows errno or the peer's answer logs it, once. */
#ifndef CONF_ERR_H
#define CONF_ERR_H

#define KZ_MUST_USE __attribute__((warn_unused_result))
#define KZ_PRINTF(format_at, args_at)                                                  \
    __attribute__((format(printf, format_at, args_at)))

enum kz_err {
    KZ_OK = 0,
    KZ_PARSE, /* outside bytes without the form they must have       */
    KZ_RANGE, /* well formed, but outside the limits we accept       */
    KZ_EMPTY, /* nothing there: no job yet, no such miner            */
    KZ_BUSY,  /* a bounded queue or buffer is full; the caller waits */
    KZ_IO,    /* socket, file, node or store failed; logged there    */
};

/* A short lower-case word for logs; never NULL. */
const char *kz_err_text(enum kz_err err);

#endif
