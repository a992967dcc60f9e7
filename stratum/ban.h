/* stratum/ban.h - who sent too much that was no Stratum, on one front thread.
 *
 * A ban is of an address and a login TOGETHER: of the login alone anybody could lock a
 * miner out, of the address alone one broken rig would lock out its farm. Bounded; when
 * the table is full the ban that ends first makes room. Not shared between fronts: a
 * banned pair that reconnects to another front has to earn its ban there again, which
 * bounds what it can send to the number of fronts times the score.
 *
 * Thread: the front's. Pure. */
#ifndef STRATUM_BAN_H
#define STRATUM_BAN_H

#include "conf/clock.h"
#include "stratum/netaddr.h"

#define BAN_MAX 256

struct ban {
    uint64_t key;
    struct monotime until;
};

struct ban_table {
    uint64_t seed; /* random */
    size_t count;
    struct ban at[BAN_MAX];
};

void ban_add(struct ban_table *t, const struct netaddr *a, const void *login,
             size_t len, struct monotime now, uint32_t seconds);
bool ban_has(struct ban_table *t, const struct netaddr *a, const void *login,
             size_t len, struct monotime now);

#endif
