/* pool/accounts_parts.h - what the accountant's files share. Private to pool/accounts*.c:
 * accounts.c (thread, what is to be done), accounts_split.c (whom a block belongs to),
 * accounts_blocks.c (a block's life), accounts_holds.c (suspended miners), accounts_pps.c
 * (pay per share), accounts_snapshot.c (whom coinbases may pay), accounts_trim.c (old
 * slices).
 *
 * Thread  the accountant's, but for what `lock` guards. */
#ifndef POOL_ACCOUNTS_PARTS_H
#define POOL_ACCOUNTS_PARTS_H

#include "conf/log.h"
#include "payout/postings.h"
#include "payout/scheme.h"
#include "pool/accounts.h"
#include "share/network.h"
#include "share/store_read.h"

#include <pthread.h>
#include <stdatomic.h>

#define ACCOUNTS_ALARM        256
#define ACCOUNTS_SIGHTINGS    512 /* waiting; the tracker asks again */
#define ACCOUNTS_FINAL_BLOCKS 200 /* confirmations after which nobody watches */

struct accounts {
    struct conf conf;
    const struct network *network;
    struct store *store;
    struct accounts_hooks hooks;
    pthread_t thread;
    bool has_thread;
    atomic_bool stop;
    atomic_uint nbits; /* 0: not known yet */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t is_awake;
    bool wake;
    struct sighting sightings[ACCOUNTS_SIGHTINGS];
    size_t sighting_count;
    json_t *new_miners; /* owned; NULL: no news */
    char alarm[ACCOUNTS_ALARM], error[ACCOUNTS_ALARM];
    bool is_waiting;
    uint64_t entries, open_blocks, snapshot_id;

    /* the accountant's */
    json_t *miners;                        /* id -> record; owned */
    bool miners_changed, balances_changed; /* since holds were looked at */
    bool accounts_changed;                 /* since the last snapshot */
    int64_t looked_at_holds_ms;
    bool pps_is_done;
    uint64_t snapshot_slice; /* newest slice in the last snapshot */
    uint64_t last_snapshot;
    int64_t snapshot_at_ms;
    int64_t trimmed_at_ms;
};

/* --- accounts.c ------------------------------------------------------------------- */
/* Shown until the next start; said once. */
void accounts_raise(struct accounts *a, const char *event, const char *text);
/* Journals, applies and waits; takes `event`. False: not now, it is tried again. */
KZ_MUST_USE bool accounts_write(struct accounts *a, json_t *event);
bool accounts_is_held(const void *ctx,
                      const struct miner_id *miner); /* a postings_now */
/* An entry as a JSON value; clears it. */
json_t *accounts_entry(struct entry *e);
/* A number kept as text in a hash; 0 where there is none. */
int64_t accounts_number(const json_t *hash, const char *field);
/* The pool's rate and each miner's own, borrowed from `rows`, which the caller frees. */
struct scheme_fees accounts_fees(const struct accounts *a, uint32_t pool_ppm,
                                 struct scheme_fee **rows);

/* --- accounts_split.c ------------------------------------------------------------- */
/* What a found block is split by. */
struct split_terms {
    enum scheme scheme;
    uint32_t window_milli;
    uint32_t pool_ppm;
    uint32_t nbits;
    uint64_t newest; /* the slice that the block closed */
    uint64_t
        previous; /* PROP: slices up to this one belong to the block before; 0: all */
};
/* The window that ends with terms->newest. KZ_IO: later. KZ_PARSE: a slice is damaged. */
KZ_MUST_USE enum kz_err split_window(struct window *w, struct accounts *a,
                                     const struct split_terms *terms);
/* {"scheme", ...}: see accounts_split.c; kept with the block. */
json_t *split_describe(const struct split_terms *terms, const struct window *w,
                       const struct scheme_block *block,
                       const struct scheme_split *split);

/* --- the others ------------------------------------------------------------------- */
/* What a sighting means for a block's record. False: not now. */
KZ_MUST_USE bool block_step(struct accounts *a, const struct sighting *s);
/* A snapshot's text back; KZ_EMPTY: it is not there any more. */
KZ_MUST_USE enum kz_err snapshot_read(const struct snapshot **out, struct accounts *a,
                                      uint64_t id);
void holds_step(struct accounts *a);
void pps_step(struct accounts *a);
void snapshot_step(struct accounts *a);
void trim_step(struct accounts *a);

#endif
