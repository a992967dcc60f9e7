/* pool/reader.h - a program beside the daemon that reads what the daemon keeps in Redis.
 *
 * Errors  KZ_IO with `why`: Redis is not there, or not whole yet.
 * Thread  one, which may wait; the store has its own. */
#ifndef POOL_READER_H
#define POOL_READER_H

#include "conf/conf.h"
#include "share/store_read.h"

#define READER_WHY_SIZE 512

struct reader {
    struct conf own; /* the store's: a Redis that is not ours */
    int redis_dir_fd;
    struct store *store;
};

/* The embedded server is karizd's: `own` is made to reach it through its directory, which
 * stays open at `*fd` (-1 where it is not needed) as long as `own` is used. */
KZ_MUST_USE enum kz_err reader_aim(struct conf *own, int *fd,
                                   char why[READER_WHY_SIZE]);

/* Waits until Redis has every event, of all daemons; `r` is whatever it is on an error, and
 * to be closed all the same. */
KZ_MUST_USE enum kz_err reader_open(struct reader *r, char why[READER_WHY_SIZE],
                                    const struct conf *conf);
void reader_close(struct reader *r);

#endif
