/* pool/accounts.h - the accountant: what happens to blocks, miners and shares becomes
 * entries of the ledger.
 *
 * A thread of its own, since it may wait for Redis (share/store_read.h) and nobody who
 * serves rigs may. It keeps no state that counts: what is booked is in Redis and in the
 * journal, and each step is found again from there. A step is: read what Redis has, make
 * one event with final amounts (payout/postings.h), have it journaled, synced and applied.
 * It begins only when every event journaled before is in Redis, so it never books twice,
 * whatever died in between; and entries have keys besides.
 *
 *   a block is seen on the best chain   accept: the window of its slice, split by the terms
 *                                       of that slice, stored with the block
 *   ... off it, on it again             orphan, revive
 *   ... at `payout.maturity`            mature: payable, or held where the registry says so
 *   a miner is suspended, resumed       hold, release of what is payable
 *   a slice of a pay-per-share scheme   accruals
 *   a day of FPPS is over               accruals of its blocks' average fee
 *
 * Who asks the nodes is the tracker (tracker.h), and for a day's fees dayfees.h; this file
 * believes them.
 *
 * Ownership  parts are borrowed until accounts_free().
 * Thread     start/stop, status: control. The rest: any; hooks: the accountant's. */
#ifndef POOL_ACCOUNTS_H
#define POOL_ACCOUNTS_H

#include "conf/conf.h"
#include "payout/entry.h"
#include "payout/snapshot.h"
#include "pool/registry/record_may.h"
#include "share/store.h"

struct accounts;

struct accounts_hooks {
    void *ctx;
    /* Blocks whose fate nodes are to be asked of: [{"hash", "height", "state"}, ...]. The
     * callee owns the array. */
    void (*on_watch)(void *ctx, json_t *blocks);
    /* Whom jobs may pay from now on (payout.direct); `now`: at once. The callee owns the
     * reference. */
    void (*on_snapshot)(void *ctx, const struct snapshot *s, bool now);
    /* The day whose blocks' fees are waited for (accounts_day_fees_take()); days since
     * 1970, 0: none. */
    void (*on_want_day)(void *ctx, uint32_t day);
};

/* KZ_RANGE: as refresh_new(). */
KZ_MUST_USE enum kz_err accounts_start(struct accounts **out, const struct conf *conf,
                                       const struct profile *profile,
                                       struct store *store,
                                       const struct accounts_hooks *hooks);

/* stop: before the store stops, which it may wait for. Everything may still be called and
 * does nothing. free: after that, when nobody calls any more. NULL accepted. */
void accounts_stop(struct accounts *a);
void accounts_free(struct accounts *a);

/* Something may have to be done. */
void accounts_wake(struct accounts *a);

/* What the best healthy node says of a block. `confirmations`: >= 1 on the best chain, -1
 * not on it, 0 no node knows it. `tip`: that node's height. */
struct sighting {
    struct hash256 hash;
    int64_t confirmations;
    uint32_t tip;
};
void accounts_block_seen(struct accounts *a, const struct sighting *s);
/* The registry's records (registry_list()); takes the array. */
void accounts_set_miners(struct accounts *a, json_t *records);

/* The network's target, of the newest template: what a snapshot's window is measured by. */
void accounts_set_nbits(struct accounts *a, uint32_t nbits);

/* The fees of each block of a day, as many as there were; takes `fees`. */
void accounts_day_fees_take(struct accounts *a, uint32_t day, struct amount *fees,
                            size_t count);

/* What slices are marked with under these settings; the subsidy is the template's. */
struct slice_terms accounts_terms(const struct conf *conf);
/* The window's span at a target, 0 when it cannot be. */
uint64_t accounts_span(const struct conf *conf, uint32_t nbits);

/* The same as long as the pool can bear it; PPLNS's once pay per share was suspended for
 * want of means of its own (accounts_reserve.c). */
struct slice_terms accounts_terms_in_force(struct accounts *a);
/* An operator asks for it again. It is taken up where the reserve is restored. */
void accounts_look_again(struct accounts *a);

/* Operator's money put in or taken out: an entry that two persons answer for. Answered once,
 * on the accountant's thread: KZ_OK, KZ_RANGE with why it cannot be, KZ_IO with why not
 * now. KZ_BUSY at once: another one is waiting. */
struct capital_request {
    int64_t sat; /* > 0 put in, < 0 taken out */
    struct entry_basis basis;
    void (*on_done)(void *ctx, enum kz_err err, const char *text);
    void *ctx;
};
KZ_MUST_USE enum kz_err accounts_capital(struct accounts *a,
                                         const struct capital_request *r);

/* {state (waiting | ready), alarm, warning, error, entries, open_blocks, snapshot, suspended,
 * solvency (null: not asked for yet)}; the caller owns. */
json_t *accounts_status(struct accounts *a);

#endif
