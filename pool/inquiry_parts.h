/* pool/inquiry_parts.h - what the files pool/inquiry*.c share; nobody else includes it.
 *
 *   inquiry.c            the thread and its queue; asking the nodes through control
 *   inquiry_ledger.c     balances of one instant, entries page by page; BALANCE
 *   inquiry_statement.c  STATEMENT
 *   inquiry_verify.c     VERIFY: entries, balances, blocks
 *   inquiry_coins.c      VERIFY: coins against the node
 *   inquiry_block.c      BLOCK
 *   inquiry_payout.c     PAYOUTS, PAYOUT
 *
 * Thread: the inquiry's own, but where it says otherwise. */
#ifndef POOL_INQUIRY_PARTS_H
#define POOL_INQUIRY_PARTS_H

#include "payout/book.h"
#include "payout/textmap.h"
#include "pool/inquiry.h"
#include "share/store_read.h"

#include <pthread.h>

#define INQUIRY_PAGE 500 /* entries read at a time */

/* What is asked of a node. There is one at a time; it outlives who asked when that
 * could not wait (the daemon stops). */
struct node_ask {
    bool is_coin;
    struct hash256 hash; /* of the transaction, or the block */
    uint32_t vout;
    char script_hex[256]; /* what its script should be; "": any */
    bool done;
    enum kz_err err;
    struct inquiry_coin coin;
    int64_t confirmations;
};

struct inquiry {
    struct inquiry_parts parts;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool stopping;
    struct question *first, **end;
    size_t waiting;
    struct node_ask ask;
};

/* Answers one kind: KZ_OK and a value, else a text. KZ_BUSY: stopping. */
typedef enum kz_err inquiry_fn(json_t **value, char text[INQUIRY_TEXT_SIZE],
                               struct inquiry *i, const json_t *arguments);
inquiry_fn inquiry_balance, inquiry_statement, inquiry_verify, inquiry_block,
    inquiry_payouts, inquiry_payout;

bool inquiry_is_stopping(struct inquiry *i);
/* False: stopping. */
bool inquiry_pause(struct inquiry *i, uint32_t ms);
enum kz_err inquiry_say(char text[INQUIRY_TEXT_SIZE], enum kz_err err,
                        const char *format, ...) KZ_PRINTF(3, 4);

/* KZ_IO: no node can say, or stopping. */
KZ_MUST_USE enum kz_err inquiry_ask_coin(struct inquiry_coin *out, struct inquiry *i,
                                         const struct hash256 *txid, uint32_t vout,
                                         const char *script_hex);
/* KZ_EMPTY: no node has the block. -1: not on the best chain. */
KZ_MUST_USE enum kz_err inquiry_ask_confirmations(int64_t *out, struct inquiry *i,
                                                  const struct hash256 *block);

/* Whole satoshis as Redis keeps them. False: no such number. */
bool inquiry_read_sat(struct amount *a, const char *text);

/* All balances as they were when the ledger's last entry was number `entries`. */
struct ledger_view {
    uint64_t entries;
    struct posting *balances; /* owned; signs as postings have them; no zeros */
    size_t count;
};
void ledger_view_clear(struct ledger_view *v);
/* KZ_PARSE: `text` names what is no account or no number; v->entries is set. KZ_BUSY: it
 * was never quiet for long enough, or stopping. */
KZ_MUST_USE enum kz_err ledger_view_take(struct ledger_view *v,
                                         char text[INQUIRY_TEXT_SIZE],
                                         struct inquiry *i);
/* KEY_ENTRY_SEQ: 0 where there is no ledger yet. */
KZ_MUST_USE enum kz_err ledger_last_entry(uint64_t *n, struct inquiry *i);

/* Entries (or parts of them) of a stream behind `*after`, at most `max`, each given to
 * `take`, whose error ends it. KZ_EMPTY: no more. KZ_PARSE: `text` says what is damaged. */
struct entry_walk {
    const char *key;
    bool is_part;
    bool is_whole; /* numbers without a gap */
    enum kz_err (*take)(void *ctx, uint64_t n, const struct entry *e);
    void *ctx;
};
KZ_MUST_USE enum kz_err ledger_walk(uint64_t *after, char text[INQUIRY_TEXT_SIZE],
                                    struct inquiry *i, const struct entry_walk *walk,
                                    uint64_t max);

/* --- the proof ------------------------------------------------------------------- */

/* A block as its entries brought it. */
struct booked_block {
    struct amount pool_coins; /* to the pool's own outputs */
    size_t payees;            /* miners' outputs beside them */
};

struct proof {
    struct inquiry *i;
    struct book *book;
    struct textmap *blocks; /* struct booked_block by hash */
    uint64_t at;            /* entries applied */
    json_t *lines, *problems;
    bool needs_node; /* no comparison is a failure */
};

void proof_say(struct proof *p, const char *format, ...) KZ_PRINTF(2, 3);
void proof_fail(struct proof *p, const char *format, ...) KZ_PRINTF(2, 3);
/* Applies entries that were written meanwhile. True: there were some. */
bool proof_catch_up(struct proof *p);
/* The ledger's coins against the node's. KZ_IO: Redis is away. */
KZ_MUST_USE enum kz_err proof_coins(struct proof *p);

#endif
