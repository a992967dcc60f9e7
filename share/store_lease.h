/* share/store_lease.h - who may pay: one program at a time, and each known by its token.
 *
 * A lease is held by a journal (its id) and lasts until it is not renewed for its time.
 * Taking it makes a new token, "<n>-<journal id>", which every reserve names and Redis
 * compares (accounting section 9): a holder that slept through the end of its lease finds
 * another's token there and reserves nothing. The same journal takes its own lease again
 * at once: its directory is locked, so whoever held it before is dead. Another's is free
 * when it was given back, or `takeover_ms` after it ran out: its journal may hold what
 * Redis does not, so the lease names it (`over`) and what that asks for is the caller's
 * (pool/pay/gate.c).
 *
 * Time is the Redis server's, by the expiry of keys; nothing here compares clocks of two
 * machines. A Redis that lost its data has no lease: what the journal replays decides.
 *
 * store_settle() waits until what was applied cannot vanish with the server's next second.
 *
 * Errors  KZ_BUSY: another holds it. KZ_IO: Redis is away. Outputs untouched then.
 * Thread  any that may wait, but the store's own. */
#ifndef SHARE_STORE_LEASE_H
#define SHARE_STORE_LEASE_H

#include "share/store.h"

#define LEASE_TOKEN_SIZE 64
#define LEASE_NAME_SIZE  128

struct lease {
    char token[LEASE_TOKEN_SIZE];
    char over
        [LEASE_TOKEN_SIZE]; /* the last that another journal did not give back, or "" */
};

/* Who has it, when that is somebody else. */
struct lease_holder {
    char journal[JOURNAL_ID_TEXT];
    char name[LEASE_NAME_SIZE];
    int64_t free_in_ms; /* if it is not renewed */
};

struct lease_terms {
    const char *journal; /* id */
    const char *name;    /* for people: host and process */
    uint32_t lasts_ms, takeover_ms;
};

/* KZ_BUSY fills `holder`. */
KZ_MUST_USE enum kz_err store_lease_take(struct lease *out, struct lease_holder *holder,
                                         struct store *s,
                                         const struct lease_terms *terms);
/* KZ_BUSY: somebody took it. */
KZ_MUST_USE enum kz_err store_lease_renew(struct store *s, const struct lease *lease,
                                          const struct lease_terms *terms);
/* Nobody has to wait then. What is not ours stays as it is. */
void store_lease_give_back(struct store *s, const struct lease *lease);

/* Returns when the append-only file has what was applied by now: WAITAOF where the server
 * has it, else two seconds of the same server with its file in order. Without such a file
 * there is nothing to wait for, and KZ_EMPTY says so. KZ_IO: not known; try again. */
KZ_MUST_USE enum kz_err store_settle(struct store *s);

#endif
