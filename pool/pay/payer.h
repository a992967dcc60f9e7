/* pool/pay/payer.h - kariz-payout put together: what all its files work on.
 *
 *   payer.c     opens and closes: journal, store, node, wallet, lease
 *   purse.c     the pool's coins: what the ledger has, and what of it is free
 *   dues.c      who is due what, and who waits and why
 *   screen.c    lists, and the program that is asked about payees
 *   gate.c      what must hold before anything is reserved
 *   run.c       plan, reserve, sign, send
 *   follow.c    what becomes of what was sent
 *   bump.c      raising a fee, taking a payment back
 *   adopt.c     what a lost journal reserved
 *   psbt_io.c   signing elsewhere
 *   join.c      payments of the pool to itself
 *   recover.c   payouts read from the chain, after a restored backup
 *   reserves.c  what is owed, against what is there
 *   show.c      what people see
 *
 * Two ways to be opened. A reader has no journal and no lease: it plans and shows. A
 * payer writes: every step is one ledger event in its own journal (data_dir/payout),
 * synced before the act it announces is visible outside, applied to Redis by the store
 * (share/store.h). Nothing is kept in memory that counts: each step begins with what
 * Redis has. So it may die anywhere.
 *
 * Thread  one, which may wait; the store has its own. */
#ifndef POOL_PAY_PAYER_H
#define POOL_PAY_PAYER_H

#include "conf/clock.h"
#include "pool/pay/chain.h"
#include "pool/pay/record.h"
#include "pool/pay/wallet.h"
#include "pool/registry/record_may.h"
#include "pool/registry/record_state.h"
#include "pool/settings.h"
#include "share/keys.h"
#include "share/store_lease.h"
#include "share/store_read.h"

#define PAY_TEXT_SIZE 480

struct payer {
    const struct conf *conf;
    struct conf own; /* the store's: another instance name, a Redis that is not ours */
    struct profile *profile;
    const struct network *network;
    int lock_fd, redis_dir_fd;
    struct journal *journal; /* NULL: a reader */
    struct store *store;
    struct chain *chain;
    struct wallet *wallet;                      /* NULL: not needed so far */
    const struct passphrase_source *passphrase; /* NULL: nothing is signed by itself */
    struct lease lease;
    bool has_lease;
    struct lease_terms lease_terms;
    char name[LEASE_NAME_SIZE];
    struct monotime lease_renewed;
    uint64_t generation;
    char why[PAY_TEXT_SIZE]; /* of the last error, one line for the operator */
};

/* Keeps a line in `p->why` and returns `err`. */
enum kz_err pay_fail(struct payer *p, enum kz_err err, const char *format, ...)
    KZ_PRINTF(3, 4);
/* What a registration allows now; NULL: there is none. */
struct record_may pay_may(const struct payer *p, const json_t *record);
/* 0 to FEERATE_MAX, as the settings have checked. */
struct feerate pay_rate(int64_t sat_per_kvb);

/* --- payer.c ---------------------------------------------------------------------- */
/* `p` is zeroed. A reader, or one that may write. */
KZ_MUST_USE enum kz_err pay_open(struct payer *p, const struct conf *conf,
                                 bool is_reader);
void pay_close(struct payer *p);
/* Takes the lease; and again while it is held and due to be renewed. KZ_BUSY: another
 * has it. */
KZ_MUST_USE enum kz_err pay_hold_lease(struct payer *p);
/* Still as it was when pay_open() or the last pay_look_again() returned: what was read
 * since is of one state. */
bool pay_is_current(struct payer *p);
KZ_MUST_USE enum kz_err pay_look_again(struct payer *p);
/* Journals and applies an event. KZ_RANGE: a reserve that Redis refused. Takes it. */
KZ_MUST_USE enum kz_err pay_write(struct payer *p, enum event_kind kind, json_t *event);
/* Reserved by our journal, whose directory is locked: nobody else has signed it, or will. */
bool pay_is_ours(const struct payout *o, const struct payer *p);
/* An entry as JSON for an event. Clears `e`. */
json_t *pay_entry(struct entry *e);

/* --- purse.c ---------------------------------------------------------------------- */
struct purse_coin {
    struct coin coin;
    struct script script;
    struct wallet_place place;
    uint32_t height;
    bool is_ours;                   /* the wallet can spend it */
    bool is_held;                   /* by an open payout */
    bool is_spent;                  /* by a confirmed one */
    bool is_void;                   /* change of what a reorganisation took */
    char payout[PAYOUT_ID_MAX + 1]; /* whose, when held or spent */
};
struct purse {
    struct purse_coin *coins;
    size_t count, room;
};
void purse_clear(struct purse *u);
struct purse_coin *purse_add(struct purse *u); /* zeroed */
/* The coin there; NULL: none of the purse. */
struct purse_coin *purse_find(const struct purse *u, const struct tx_outpoint *from);
/* The same, as payouts keep their coins. */
struct payout_coin purse_payout_coin(const struct purse_coin *c);
/* Takes new mature coinbases into the table first, when `p` writes. */
KZ_MUST_USE enum kz_err purse_read(struct purse *u, struct payer *p);
/* The free ones, for a plan: an array of struct coin and the purse's places of them. */
struct coin *purse_free(size_t **places, size_t *count, const struct purse *u);
/* KZ_RANGE: one that should be unspent is not, or the reverse; p->why names it. */
KZ_MUST_USE enum kz_err purse_check(const struct purse *u, struct payer *p);
/* A mark for an event: output `vout` of a payout's transaction is a coin of ours. */
json_t *purse_change_mark(const struct payout *o, const struct tx *t, uint32_t vout);
/* The name of a mark's key: who uses a coin. */
void purse_use_key(char out[TX_OUTPOINT_TEXT_SIZE + 8], const struct tx_outpoint *o);
/* Marks that say what `o` does with its coins: "held", "freed" or "spent". */
void purse_use_marks(json_t *marks, const struct payout *o, const char *use);

/* --- gate.c ----------------------------------------------------------------------- */
/* What must hold before anything is reserved: the lease, a node in good order, a ledger
 * that proves, coins where the ledger has them, no payout that waits for a person. */
KZ_MUST_USE enum kz_err gate_pass(struct payer *p);
/* KZ_BUSY: the lease was another journal's that did not give it back, and the gate was
 * not passed at two heights since. */
KZ_MUST_USE enum kz_err gate_is_proved(struct payer *p);
/* The proof of the ledger alone. */
KZ_MUST_USE enum kz_err gate_prove(struct payer *p);

/* --- run.c ------------------------------------------------------------------------ */
/* The reserve that a crash left undecided, if there is one. First of all, always. */
KZ_MUST_USE enum kz_err pay_resolve(struct payer *p);

/* --- step.c: one payout, one step; each reads nothing but `o` and journals first ---- */
/* The unsigned transaction of a payout's first version. The caller's to tx_clear(). */
void step_build(struct tx *t, const struct payout *o, const struct payer *p);
/* Where its change goes, whether it has any or not. KZ_RANGE: no such index. */
KZ_MUST_USE enum kz_err step_change(struct descriptor_output *out,
                                    const struct payout *o, const struct payer *p);
/* The payout's coin there; NULL: none of its. */
const struct payout_coin *step_coin_of(const struct payout *o,
                                       const struct tx_outpoint *from);
/* It pays the anchor back to the pool, and nobody else anything. */
bool step_is_cancel(const struct tx *t, const struct payout *o, const struct payer *p);
/* Signs `t`, whose inputs are coins of `o`, and checks the signatures. */
KZ_MUST_USE enum kz_err step_sign_tx(struct tx *t, const struct payout *o,
                                     struct payer *p);
/* Signs, checks its own work, keeps the bytes. */
KZ_MUST_USE enum kz_err step_sign(struct payout *o, struct payer *p);
/* The same but for scripts and witnesses. */
bool step_is_same(const struct tx *a, const struct tx *b);
/* Coins that were planned or that a version spends: those behind them were taken for one
 * that was never made. */
size_t step_known_coins(const struct payout *o);
/* The signed transaction of a version. The caller's to tx_clear(). */
void step_version_tx(struct tx *t, const struct payout_version *v);
/* Keeps a signed transaction as the next version. */
KZ_MUST_USE enum kz_err step_keep(struct payout *o, struct payer *p, const struct tx *t,
                                  enum payout_why why);
/* Sends the newest version's bytes. What a node answers is a step, not an error. */
KZ_MUST_USE enum kz_err step_send(struct payout *o, struct payer *p);
/* Debts are owed again, coins free. The caller knows that no version can ever confirm. */
KZ_MUST_USE enum kz_err step_abandon(struct payout *o, struct payer *p,
                                     const char *note);
KZ_MUST_USE enum kz_err step_confirm(struct payout *o, struct payer *p);
KZ_MUST_USE enum kz_err step_unconfirm(struct payout *o, struct payer *p);
/* The anchor is back, and buried: debts are owed again. */
KZ_MUST_USE enum kz_err step_cancelled(struct payout *o, struct payer *p);
/* A mark of the state and a note, and of `more` (may be NULL; taken). */
KZ_MUST_USE enum kz_err step_state(struct payout *o, struct payer *p,
                                   enum payout_state state, const char *note,
                                   json_t *more);

/* --- follow.c --------------------------------------------------------------------- */
/* Every payout that is not at an end, one step further where the chain allows it. */
KZ_MUST_USE enum kz_err follow_all(struct payer *p);

/* --- bump.c ----------------------------------------------------------------------- */
/* What an operator, or the clock, asks of a payout that does not confirm. */
bool bump_is_late(const struct payout *o, const struct payer *p);
bool bump_is_too_cheap(const struct payout *o); /* so said the node, of its newest */
KZ_MUST_USE enum kz_err bump_late(struct payout *o, struct payer *p);
/* At `rate` (0: what the node estimates now). KZ_BUSY: it cannot be raised now. The wallet
 * is unlocked. */
KZ_MUST_USE enum kz_err bump_payout(struct payout *o, struct payer *p,
                                    struct feerate rate);
/* The anchor back to the pool. Of one of ours that nobody signed: given up at once. `psbt_dir`:
 * not signed here but written there; NULL: signed. */
KZ_MUST_USE enum kz_err bump_cancel_payout(struct payout *o, struct payer *p,
                                           const char *psbt_dir);

/* --- adopt.c ---------------------------------------------------------------------- */
/* What another journal reserved, whose machine is gone for good: an operator says so. It
 * may have been signed there, so it is signed again here, never given up. */
KZ_MUST_USE enum kz_err adopt_payout(struct payout *o, struct payer *p);

/* --- psbt_io.c -------------------------------------------------------------------- */
/* Reserved payouts of ours into files `dir`/<id>.psbt, to be signed elsewhere. `*count` is
 * how many. */
KZ_MUST_USE enum kz_err psbt_export_all(struct payer *p, const char *dir,
                                        size_t *count);
/* A transaction of `o` that calls it off, into the file `dir`/<id>-cancel.psbt. */
KZ_MUST_USE enum kz_err psbt_export_cancel(const struct payout *o, struct payer *p,
                                           const struct tx *t, const char *dir);
/* A signed file back: checked, kept, sent. `id` is filled. */
KZ_MUST_USE enum kz_err psbt_import(struct payer *p, const char *path,
                                    struct payout_id *id);

/* --- all payouts ------------------------------------------------------------------ */
struct payout_list {
    struct payout *rows;
    size_t count;
};
void payout_list_clear(struct payout_list *l);
/* Which: there are more with every day, and each has its transactions. */
enum pay_which {
    PAY_OPEN,   /* not at an end */
    PAY_TODAY,  /* reserved this UTC day, by their names */
    PAY_NEWEST, /* the PAY_NEWEST_MAX newest */
    PAY_ALL,
};
#define PAY_NEWEST_MAX 100
/* The oldest first. */
KZ_MUST_USE enum kz_err pay_list(struct payout_list *l, struct payer *p,
                                 enum pay_which which);
/* By id, or by the txid of any version. KZ_EMPTY: none. */
KZ_MUST_USE enum kz_err pay_find(struct payout *o, struct payer *p, const char *name);

#endif
