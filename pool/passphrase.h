/* pool/passphrase.h - what opens the wallet's key: read from where it was left for us.
 *
 * Never an argument or the environment, which other users of the machine can read: a file
 * descriptor that whoever started the program opened, or a credential of systemd
 * (LoadCredential=, in $CREDENTIALS_DIRECTORY). The first line counts, without its line
 * end, up to 1024 bytes.
 *
 * Ownership  the result is the caller's to locked_free(); nothing is kept.
 * Errors     KZ_EMPTY: no such source. KZ_RANGE: empty, or too long. KZ_IO: cannot be
 *            read. `problem` then has a line for people; nothing is logged but what
 *            conf/locked.h logs.
 * Thread     any; reading waits for whoever writes. */
#ifndef POOL_PASSPHRASE_H
#define POOL_PASSPHRASE_H

#include "conf/locked.h"

#define PASSPHRASE_MAX 1024

struct key_problem {
    char text[256];
};

struct passphrase_source {
    int fd;                 /* read up to the line's end and left open, or -1 */
    const char *credential; /* if fd is -1: its name */
};

KZ_MUST_USE enum kz_err passphrase_read(struct locked **out,
                                        struct key_problem *problem,
                                        const struct passphrase_source *source);

#endif
