/* stratum/roster.h - who may mine: a table the assembly publishes and fronts look up.
 *
 * Immutable and counted, like a job: when the registry changes, the assembly builds a
 * new roster and publishes it; each front thread picks it up through its mailbox and
 * ends the sessions of miners that may no longer mine. So a lookup takes no lock and a
 * front thread never waits for the registry. No personal data is in it.
 *
 * Ownership  roster_add() copies; roster_ref/roster_unref, NULL accepted.
 * Thread     build: one at a time; once published: any. */
#ifndef STRATUM_ROSTER_H
#define STRATUM_ROSTER_H

#include "share/bytes.h"
#include "share/ids.h"
#include "stratum/netaddr.h"

#define ROSTER_NETWORKS_MAX 64 /* of one miner */

struct roster;

struct roster_miner {
    struct miner_id id;
    uint32_t number;  /* the registration's counter, never reused */
    bool may_mine;    /* state active or restricted, and no stop order */
    bool warned;      /* restricted: told so once when it logs in */
    bool unknown;     /* a draft, or refused: treated as if it were not registered */
    int64_t until_ms; /* UTC: not from then on, told anew or not; 0: no such time */
    char **networks;  /* the roster's; blocks of addresses, none: from everywhere */
    size_t network_count;
};

struct roster *roster_new(size_t expected);
/* Looked up by the miner's id. The first of two with one id stays. */
void roster_add(struct roster *r, const struct roster_miner *m);
/* A block of addresses (stratum/netaddr.h) that the miner may log in from. */
void roster_add_network(struct roster *r, uint32_t number, const char *block);
/* A registered address, as normalised by payout/address (bech32 in lower case). */
void roster_add_address(struct roster *r, const char *address, uint32_t number);
struct roster *roster_ref(const struct roster *r);
void roster_unref(struct roster *r);

/* `name` is what stands before the login's first dot: a miner's id, or an address it
 * registered. NULL: unregistered. bech32 and ids match in either case. */
const struct roster_miner *roster_find(const struct roster *r, const char *name,
                                       size_t len);
/* At that moment: a certificate ends at midnight, to the share, whether or not the registry
 * could write that down. */
bool roster_may_mine(const struct roster_miner *m, int64_t utc_ms);
/* No networks: true. */
bool roster_allows(const struct roster_miner *m, const struct netaddr *peer);
/* By number; NULL when it left the table. */
const struct roster_miner *roster_get(const struct roster *r, uint32_t number);

#endif
