/* stratum/guard.h - counting who is connected, over all front threads.
 *
 * Live sessions in all, per address and per miner, and new connections per address and
 * second. Shared by the fronts without a lock: atomic counters in tables of fixed size.
 * Addresses go into two rows by independent secret hashes and the smaller count is
 * taken, so a stranger who shares a slot must do so in both rows to be counted along.
 * Miners are kept by their number, which counts registrations: exact up to 65,536 of
 * them, beyond that two miners may share a slot.
 *
 * Thread: any. No I/O, lock or clock. */
#ifndef STRATUM_GUARD_H
#define STRATUM_GUARD_H

#include "conf/conf.h"
#include "stratum/netaddr.h"

struct guard;

struct guard *guard_new(void);
void guard_free(struct guard *g);

/* A connection came: counts it. KZ_BUSY: over a limit, not counted. */
KZ_MUST_USE enum kz_err guard_enter(struct guard *g, const struct conf_limits *limits,
                                    const struct netaddr *a, uint32_t now_seconds);
void guard_leave(struct guard *g, const struct netaddr *a);
/* A proxy header said who it really is: `to` instead of `from`. */
KZ_MUST_USE enum kz_err guard_rename(struct guard *g, const struct conf_limits *limits,
                                     const struct netaddr *from,
                                     const struct netaddr *to, uint32_t now_seconds);

/* A session is counted once for each miner it has a login of. */
KZ_MUST_USE enum kz_err guard_enter_miner(struct guard *g,
                                          const struct conf_limits *limits,
                                          uint32_t miner_number);
void guard_leave_miner(struct guard *g, uint32_t miner_number);

#endif
