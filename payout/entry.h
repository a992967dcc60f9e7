/* payout/entry.h - one entry of the ledger: an event and what it moves.
 *
 * Postings are signed satoshis, debit +, credit -, and sum to 0; each account has at
 * most one and none is 0. An entry is built by entry_post() calls (payout/postings.h
 * has one function an event) and then sealed, or read from its JSON; from there on it
 * does not change. It may move nothing: a hold of nothing is still an event.
 *
 * `outputs` says which output of which transaction pays whom, where the entry is about
 * one: the payees in a block's coinbase, the recipients of a confirmed payout. So a
 * statement, and the check that what was paid was owed, need nothing but entries.
 *
 * Text is one canonical JSON object (RFC 8785: no blanks, members sorted):
 *
 *   {"by":["person","person"],"key":"blk:<hash>:accept","kind":"block_accepted",
 *    "outputs":[["m000001",0,157175461]],"postings":{"coins.immature":317526183,...},
 *    "reason":"...","reference":"...","time_ms":1767225600000}
 *
 * "by", "outputs", "reason" and "reference" are there only when they hold something.
 *
 * Ownership  an entry owns its arrays: entry_init(), then entry_clear().
 * Errors     KZ_RANGE: unbalanced, an account outside the range of money, too large.
 *            KZ_PARSE: text of another form. The output is untouched.
 * Thread     any. Pure. */
#ifndef PAYOUT_ENTRY_H
#define PAYOUT_ENTRY_H

#include "payout/amount.h"
#include "payout/entry_key.h"
#include "share/hash256.h"

#define ENTRY_REFERENCE_SIZE 129
#define ENTRY_REASON_SIZE    513
#define ENTRY_PERSON_SIZE    65
#define ENTRY_PARTS_MAX      1000000 /* postings, and outputs, of one entry */

struct posting {
    struct account account;
    struct amount amount;
};

struct entry_output {
    struct miner_id miner;
    uint32_t vout;
    struct amount value;
};

/* Why, and who said so: the document, two persons where the spec asks for two. */
struct entry_basis {
    char reason[ENTRY_REASON_SIZE];
    char by[2][ENTRY_PERSON_SIZE];
};

struct entry {
    struct entry_key key;
    int64_t time_ms;                      /* UTC, of the record */
    char reference[ENTRY_REFERENCE_SIZE]; /* block hash, txid or document */
    struct entry_basis basis;
    struct posting *postings; /* sealed: sorted by account */
    size_t posting_count, posting_room;
    struct entry_output *outputs; /* sealed: sorted by vout */
    size_t output_count, output_room;
};

/* A reason, and two persons who are not the same. */
bool entry_basis_is_double(const struct entry_basis *basis);

void entry_init(struct entry *e, enum entry_kind kind, int64_t time_ms);
/* Accepts a zeroed entry. */
void entry_clear(struct entry *e);
void entry_copy(struct entry *to, const struct entry *from); /* `to` is cleared later */

/* Neither seals. An account posted to twice gets the sum. */
void entry_post(struct entry *e, const struct account *account, struct amount amount);
void entry_pay(struct entry *e, const struct entry_output *output);

/* Sorts, merges, drops zeros, and checks everything this header promises, the key and
 * the texts too. KZ_PARSE: a text or a part of the key that cannot be. */
KZ_MUST_USE enum kz_err entry_seal(struct entry *e);
/* The same, but that a part need not sum to 0: for entry_parse_part(). */
KZ_MUST_USE enum kz_err entry_seal_part(struct entry *e);

/* 0 where the entry has no posting to the account. `e` is sealed, as below. */
struct amount entry_amount(const struct entry *e, const struct account *account);
/* NULL when no output pays `miner`. */
const struct entry_output *entry_output_of(const struct entry *e,
                                           const struct miner_id *miner);

struct amount entry_turned(struct amount a); /* with the other sign */

/* Same kind, object, postings and outputs; time and texts may differ. */
void entry_content_hash(struct hash256 *out, const struct entry *e);
/* NUL-terminated, the caller's to mem_free(). */
char *entry_format(const struct entry *e);
/* `e` needs no init; clear it after KZ_OK. Members in any order; unknown or repeated
 * members and accounts, numbers that are no integers: KZ_PARSE. */
KZ_MUST_USE enum kz_err entry_parse(struct entry *e, const char *text, size_t len);
/* The part of an entry that is about one miner, as their statement keeps it: only their
 * postings and outputs, so it need not sum to 0. For payout/statement.h; never to be
 * given to a book. */
KZ_MUST_USE enum kz_err entry_parse_part(struct entry *e, const char *text, size_t len);

#endif
