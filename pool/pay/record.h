/* pool/pay/record.h - one payout as it is kept: what it was planned to be, never changed,
 * and what became of it.
 *
 * In Redis po:{ledger}:<id> is a hash, written by marks of ledger events alone
 * (share/event.h), so the journal has all of it:
 *
 *   plan      JSON: journal, token, created_ms, height, locktime, rate, anchor, coins,
 *             recipients, change, from when it was reserved
 *   state     below; also in pos:{ledger} under the payout's id
 *   reserve   the ledger entry that took the money; "" for a joining of coins
 *   v<n>      JSON: version n of its transaction: txid, raw bytes, fee, why
 *   confirm   the entry in force that booked it as paid; "" while none is
 *   n         the number that the next confirm or unconfirm has
 *   more      JSON: coins that a bump took beside those planned
 *   seen      JSON: height, block and version that the chain has; "" while none
 *   note      why it is where it is, for people
 *
 * The anchor is its first input: every version spends it, so at most one of them can
 * confirm (accounting section 9).
 *
 * Ownership  payout_read() fills; payout_clear() releases, accepts a zeroed one.
 * Errors     KZ_PARSE: what is kept there cannot be read; `why` says what.
 * Thread     any. Pure. */
#ifndef POOL_PAY_RECORD_H
#define POOL_PAY_RECORD_H

#include "payout/coins.h"
#include "payout/entry.h"
#include "pool/pay/wallet.h"

#include <jansson.h>

#define PAYOUT_NOTE_SIZE    240
#define PAYOUT_VERSIONS_MAX 64

/* planned comes before and is nowhere but in memory. */
enum payout_state {
    PAYOUT_RESERVED,
    PAYOUT_EXPORTED, /* a signature may exist outside */
    PAYOUT_SIGNED,
    PAYOUT_BROADCAST,
    PAYOUT_CONFIRMED, /* deep enough to be booked */
    PAYOUT_FINAL,
    PAYOUT_ABANDONED,
    PAYOUT_CANCELLED,  /* the anchor went back to the pool, and that is buried */
    PAYOUT_CONFLICTED, /* a stranger spent the anchor: a person decides */
    PAYOUT_STATES
};
const char *payout_state_name(enum payout_state s);
KZ_MUST_USE enum kz_err payout_state_parse(enum payout_state *s, const char *name);
/* Nothing more will happen to it. */
bool payout_state_is_end(enum payout_state s);

struct payout_coin {
    struct tx_outpoint from;
    struct amount value;
    struct script script;
    struct wallet_place place;
};

struct payout_recipient {
    struct miner_id miner;
    struct amount debit, paid;
    struct script script;
    char address[ADDRESS_TEXT_SIZE];
    uint32_t vout;
};

enum payout_why { VERSION_PAYS, VERSION_BUMPS, VERSION_CANCELS, VERSION_IS_CHILD };
const char *payout_why_name(enum payout_why w);

struct payout_version {
    enum payout_why why;
    struct hash256 txid;
    struct amount fee;
    size_t vsize;
    bool has_change; /* an output to the pool */
    int64_t time_ms;
    char *raw; /* hex, owned */
};

struct payout_seen {
    uint32_t height; /* 0: nowhere in the chain */
    struct hash256 block;
    size_t version;
};

struct payout {
    struct payout_id id;
    enum payout_state state;
    char journal[33]; /* whose it is */
    int64_t created_ms;
    uint32_t height, locktime; /* the tip when it was reserved */
    struct feerate rate;
    struct payout_coin *coins;           /* the first is the anchor */
    size_t coin_count, planned_count;    /* behind those planned: of a bump */
    struct payout_recipient *recipients; /* none: coins are joined */
    size_t recipient_count;
    bool has_change;
    struct amount change, planned_fee;
    uint32_t change_at, change_index;
    struct payout_version versions[PAYOUT_VERSIONS_MAX];
    size_t version_count;
    struct payout_seen seen;
    bool has_reserve, has_confirm;
    struct entry reserve, confirm;
    uint64_t n;
    char note[PAYOUT_NOTE_SIZE];
};

void payout_clear(struct payout *p);

/* `hash`: {member: text}, as store_read_hash() gives it. */
KZ_MUST_USE enum kz_err payout_read(struct payout *p, char why[PAYOUT_NOTE_SIZE],
                                    const char *id, const json_t *hash);

/* One coin as in "plan" and "more": [outpoint, satoshi, script, branch, index]. */
json_t *payout_coin_json(const struct payout_coin *c);

/* The texts of members, the caller's to free() (jansson's). */
char *payout_plan_text(const struct payout *p, const char *token);
/* Of coins behind those planned, up to `until`. */
char *payout_more_text(const struct payout *p, size_t until);
char *payout_version_text(const struct payout_version *v);
char *payout_seen_text(const struct payout_seen *s);

/* "20260131": what the name of a payout of that day begins with. */
#define PAYOUT_DAY_SIZE 16
void payout_day(char out[PAYOUT_DAY_SIZE], int64_t utc_ms);

/* A mark of one member, for an event's "marks": [key, field, value, "keep"]. */
json_t *payout_mark(const struct payout_id *id, const char *member, const char *value);

struct amount payout_debit(const struct payout *p); /* of all recipients */
struct amount payout_paid(const struct payout *p);

#endif
