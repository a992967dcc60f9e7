/* pool/accounts_parts.h - what the accountant's files share. Private to pool/accounts*.c:
 * accounts.c (thread, what is to be done), accounts_split.c (whom a block belongs to),
 * accounts_blocks.c (a block's life), accounts_holds.c (suspended miners), accounts_pps.c
 * (pay per share), accounts_fpps.c (its fees), accounts_reserve.c (can the pool bear it),
 * accounts_snapshot.c (whom coinbases may pay), accounts_trim.c (old slices),
 * accounts_capital.c (the operator's own money).
 *
 * Thread  the accountant's, but for what `lock` guards. */
#ifndef POOL_ACCOUNTS_PARTS_H
#define POOL_ACCOUNTS_PARTS_H

#include "conf/clock.h"
#include "conf/log.h"
#include "payout/pool_output.h"
#include "payout/postings.h"
#include "payout/pps.h"
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
    struct pool_output *pool_output; /* the accountant's */
    struct store *store;
    struct accounts_hooks hooks;
    pthread_t thread;
    bool has_thread;
    atomic_bool stop;
    atomic_uint nbits; /* 0: not known yet */
    atomic_bool is_suspended, look_again;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t is_awake;
    bool wake;
    struct sighting sightings[ACCOUNTS_SIGHTINGS];
    size_t sighting_count;
    json_t *new_miners; /* owned; NULL: no news */
    char alarm[ACCOUNTS_ALARM], error[ACCOUNTS_ALARM], warning[ACCOUNTS_ALARM];
    int64_t solvency;
    bool knows_solvency;
    struct amount *day_fees; /* owned */
    size_t day_fee_count;
    uint32_t day_of_fees; /* 0: none */
    struct capital_request capital;
    bool has_capital;
    bool is_waiting;
    uint64_t entries, open_blocks, snapshot_id;

    /* the accountant's */
    uint64_t generation; /* of Redis, as this step began */
    bool is_journaled;   /* what was written last: applied or not, it will be */
    const struct profile *profile;
    json_t *miners;                        /* id -> record; owned */
    bool miners_changed, balances_changed; /* since holds were looked at */
    bool accounts_changed;                 /* since the last snapshot */
    struct monotime looked_at_holds;
    bool pps_is_done, fpps_is_done;
    bool is_judged; /* the reserve was looked at */
    json_t *days;   /* our fields of KEY_FPPS, owned; NULL: to be read */
    uint32_t wanted_day;
    uint64_t snapshot_slice; /* newest slice in the last snapshot */
    uint64_t last_snapshot;
    struct monotime snapshot_at;
    struct monotime trimmed_at;
};

/* A window's work in units, WINDOW_SPAN_MAX where it is more; 0: less than one, or no
 * target. */
uint64_t accounts_window(const struct network *network, uint32_t nbits,
                         uint32_t window_milli);

/* --- accounts.c ------------------------------------------------------------------- */
/* Shown until the next start; said once. */
void accounts_raise(struct accounts *a, const char *event, const char *text);
/* Journals, applies and waits; takes `event`. False: not now, it is tried again. */
KZ_MUST_USE bool accounts_write(struct accounts *a, json_t *event);
/* What the registration allows now. */
struct record_may accounts_may(const struct accounts *a, const json_t *record);
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

/* --- accounts_pps.c --------------------------------------------------------------- */
/* What was credited in a period: miner -> "<work> <satoshi>". */
KZ_MUST_USE bool pps_read_period(json_t **out, struct accounts *a, const char *period);
KZ_MUST_USE bool pps_read_account(struct pps_account *out, const json_t *credited,
                                  const char *miner);
/* A mark of it; `keep`: until its day is closed. */
void pps_mark_account(json_t *marks, const char *period, const char *miner,
                      const struct pps_account *account, bool keep);

/* --- accounts_fpps.c -------------------------------------------------------------- */
#define FPPS_FIELD_SIZE 64
/* Field and name of a day's marks: "<date>:<instance>". */
void fpps_field(char out[FPPS_FIELD_SIZE], const struct accounts *a, uint32_t day);
/* Adds to `marks` what says that a day has work to be paid for. False: not now. */
KZ_MUST_USE bool fpps_note_day(json_t *marks, struct accounts *a, uint32_t day);
/* What is known of days may be out of date. */
void fpps_forget(struct accounts *a);
void fpps_step(struct accounts *a);

/* --- accounts_reserve.c ----------------------------------------------------------- */
/* Looks whether pay per share can be borne. False: not now. */
KZ_MUST_USE bool reserve_judge(struct accounts *a);

void pps_step(struct accounts *a);
void snapshot_step(struct accounts *a);
void trim_step(struct accounts *a);
/* `may_book`: the accounts are in step with Redis. */
void capital_step(struct accounts *a, bool may_book);

#endif
