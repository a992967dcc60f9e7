/* pool/pay/key.h - `kariz-payout key create | show | check`: the key file for people.
 *
 * create makes 32 random bytes (or takes a key from a file descriptor), encrypts them and
 * prints what may be seen: descriptors and the first addresses. The key itself is never
 * printed; the file and its passphrase are the backup.
 *
 * Errors  said on standard error, one line. Returns an exit status.
 * Thread  one. */
#ifndef POOL_PAY_KEY_H
#define POOL_PAY_KEY_H

#include "payout/descriptor.h"
#include "pool/keyfile.h"
#include "share/network.h"

struct key_order {
    const struct network *network;
    const char *path;
    enum descriptor_type type;
    uint32_t account;
    struct passphrase_source passphrase;
    int key_fd;        /* -1: a new one; else hex seed, xprv or WIF, one line */
    uint32_t scrypt_n; /* 0: the default */
};

int key_create(const struct key_order *order);
int key_show(const struct key_order *order);
/* Opens it, and sees that its key gives its addresses. */
int key_check(const struct key_order *order);

#endif
