/* pool/pay/chain.h - a node's answers to a program that may wait.
 *
 * One question at a time, asked of the first configured node that is in good order: it
 * answers, is on the right network, out of initial download, and has all blocks that it
 * has headers of. What it says stands until chain_refresh() is called again; a
 * transaction is sent to all nodes.
 *
 * Every answer says whether it is known: KZ_IO is "nobody could say", and is never taken
 * for "no". Rates are exact decimals of the node's text, no floats.
 *
 * Ownership  a chain owns its event loop; conf is borrowed. Results are the caller's.
 * Errors     KZ_IO: no answer (logged once a cause). KZ_EMPTY: the node knows no such
 *            thing. KZ_RANGE: no node in good order; chain_why() says.
 * Thread     one at a time; may wait node_timeout_seconds a question. */
#ifndef POOL_PAY_CHAIN_H
#define POOL_PAY_CHAIN_H

#include "conf/conf.h"
#include "payout/fee.h"
#include "payout/tx.h"

#include <jansson.h>

struct chain;

struct chain_tip {
    uint32_t height;
    struct hash256 hash;
};

struct chain_coin {
    bool is_unspent; /* false: spent, also by an unconfirmed transaction, or unknown */
    struct amount value;
    uint8_t script[128]; /* as much of it as there is room for */
    size_t script_len;
    uint32_t confirmations; /* 0: unconfirmed */
    bool is_coinbase;
};

/* Where a transaction is. */
struct chain_place {
    bool is_in_mempool;
    bool is_in_chain;
    uint32_t height; /* in the chain */
    struct hash256 block;
};

/* sendrawtransaction's answers, by what to do (accounting section 9). */
enum chain_sent {
    CHAIN_SENT,      /* it is in the mempool */
    CHAIN_CONFIRMED, /* it is in the chain already */
    CHAIN_MISSING,   /* an input is spent or unknown: ask by whom */
    CHAIN_FEE_LOW,   /* below what the node takes now */
    CHAIN_BUMP_LOW,  /* a replacement that pays too little more */
    CHAIN_REFUSED,   /* no node will take it: a defect of ours */
    CHAIN_UNKNOWN,   /* no answer: it may have been sent */
};
const char *chain_sent_name(enum chain_sent s);

/* KZ_PARSE: a url that is none. */
KZ_MUST_USE enum kz_err chain_open(struct chain **out, const struct conf *conf);
void chain_close(struct chain *c); /* NULL accepted */

/* Chooses a node anew. KZ_RANGE: none is in good order. */
KZ_MUST_USE enum kz_err chain_refresh(struct chain *c);
const char *chain_why(const struct chain *c);
struct chain_tip chain_tip(const struct chain *c);

/* `with_mempool`: what an unconfirmed transaction spends counts as spent. */
KZ_MUST_USE enum kz_err chain_txout(struct chain_coin *out, struct chain *c,
                                    const struct tx_outpoint *o, bool with_mempool);
/* -1: not on the best chain. KZ_EMPTY: no such block. */
KZ_MUST_USE enum kz_err chain_confirmations(int64_t *out, struct chain *c,
                                            const struct hash256 *block);
KZ_MUST_USE enum kz_err chain_block_hash(struct hash256 *out, struct chain *c,
                                         uint32_t height);

/* Called with each transaction of a block; false ends the walk. Borrowed. */
typedef bool chain_tx_fn(void *ctx, const struct tx *t);
KZ_MUST_USE enum kz_err chain_block_walk(struct chain *c, const struct hash256 *block,
                                         chain_tx_fn *fn, void *ctx);

/* Its serialised bytes, by whatever the node gives: for PSBTs. `block` may be NULL.
 * KZ_EMPTY: the node cannot find it. The caller's to tx_clear(). */
KZ_MUST_USE enum kz_err chain_transaction(struct tx *out, struct chain *c,
                                          const struct hash256 *txid,
                                          const struct hash256 *block);
KZ_MUST_USE enum kz_err chain_is_in_mempool(bool *out, struct chain *c,
                                            const struct hash256 *txid);

/* The unconfirmed transaction that spends `o`. KZ_EMPTY: none does. */
KZ_MUST_USE enum kz_err chain_mempool_spender(struct hash256 *txid, struct chain *c,
                                              const struct tx_outpoint *o);

struct chain_rates {
    struct feerate estimate;  /* 0: the node has none */
    struct feerate minimum;   /* the greater of mempoolminfee and minrelaytxfee */
    struct feerate increment; /* incrementalrelayfee */
};
KZ_MUST_USE enum kz_err chain_rates(struct chain_rates *out, struct chain *c,
                                    uint32_t target);

/* To all nodes; the best answer counts. `why` (RPC_MESSAGE_SIZE) is the node's text. */
enum chain_sent chain_send(char *why, struct chain *c, const char *hex);

#endif
