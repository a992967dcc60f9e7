/* pool/inquiry.h - long questions of people: a thread that reads Redis and may wait.
 *
 * Balances, statements, the proof of the ledger and a block's split need hundreds of reads
 * one after the other. Control posts such a question here and goes on; the thread asks the
 * store (share/store_read.h), and the nodes through control, and posts the answer back.
 * One question at a time, the others wait in order.
 *
 *   BALANCE    miner (may be left out), registered -> {entries, miners: [{miner, immature,
 *              mature, held, reserved, receivable, total}], totals, pool: {account: sat}}
 *   STATEMENT  miner, registered, from, to (ISO dates; left out: all) -> {miner, from_ms,
 *              to_ms, start, credited, ..., end, sound, at_start, at_end, lines}
 *              newest (a number): only so many lines of each term, and no `pays`
 *   VERIFY     no_node -> {ok, lines, problems, entries, last}: the ledger proved from its
 *              entries, against the kept balances, the blocks' records and the node
 *   PAYOUTS    open (true: those not at an end; else the newest) -> a row each
 *   PAYOUT     payout (its name, or the id of a transaction of it) -> the whole of it
 *   BLOCK      block (hash, prefix of 8 digits or more, height) -> {record, ok,
 *              recomputed, differences}
 *
 * Money in answers is whole satoshis, positive where it is owed (in "pool": debit +).
 *
 * Bounds     INQUIRY_WAITING_MAX questions; entries, slices and blocks are read in pages. A
 *            statement has INQUIRY_LINES_MAX lines at most; a proof keeps what
 *            payout/book.h keeps.
 * Ownership  parts are borrowed until inquiry_free(); arguments are copied.
 * Thread     control, all of it; on_done too. */
#ifndef POOL_INQUIRY_H
#define POOL_INQUIRY_H

#include "conf/conf.h"
#include "conf/mailbox.h"
#include "pool/node.h"
#include "share/store.h"

#define INQUIRY_WAITING_MAX 16
#define INQUIRY_LINES_MAX   100000
#define INQUIRY_TEXT_SIZE   480

struct inquiry;

/* A coin as the chain has it. */
struct inquiry_coin {
    bool is_unspent;
    int64_t value_sat;
    bool script_fits; /* or the node did not say */
};

/* Asking a node, for a program that has no nodes to ask through control; both wait.
 * Errors as nodes_txout() and nodes_confirmations() have them. */
struct inquiry_node {
    void *ctx;
    enum kz_err (*coin)(void *ctx, struct inquiry_coin *out, const struct hash256 *txid,
                        uint32_t vout, const char *script_hex);
    enum kz_err (*confirmations)(void *ctx, int64_t *out, const struct hash256 *block);
};

struct inquiry_parts {
    struct mailbox *mailbox; /* control's; its owner pointer is not used */
    struct store *store;
    struct nodes *nodes;
    const struct conf *conf;
    const struct inquiry_node *node; /* in the place of mailbox and nodes */
};

enum inquiry_kind {
    INQUIRY_BALANCE,
    INQUIRY_STATEMENT,
    INQUIRY_VERIFY,
    INQUIRY_BLOCK,
    INQUIRY_PAYOUTS,
    INQUIRY_PAYOUT,
    INQUIRY_KINDS /* how many there are */
};

/* KZ_OK with a value it owns, else `text` says to a person why not. */
typedef void inquiry_done_fn(void *ctx, enum kz_err err, json_t *value,
                             const char *text);

KZ_MUST_USE enum kz_err inquiry_start(struct inquiry **out,
                                      const struct inquiry_parts *parts);
/* Ends the thread; while the store runs. Who waits is told "stopping", before this
 * returns or by the mailbox. NULL accepted. */
void inquiry_stop(struct inquiry *i);
/* When neither the nodes nor the mailbox can call any more. NULL accepted. */
void inquiry_free(struct inquiry *i);

/* The proof of the ledger at once, on the caller's thread, which may wait; `parts` has a
 * node. As VERIFY's answer; the caller owns. */
KZ_MUST_USE enum kz_err inquiry_prove(json_t **value, char text[INQUIRY_TEXT_SIZE],
                                      const struct inquiry_parts *parts);

/* `on_done` is called exactly once; at once where the queue is full. */
void inquiry_ask(struct inquiry *i, enum inquiry_kind kind, const json_t *arguments,
                 inquiry_done_fn *on_done, void *ctx);

#endif
