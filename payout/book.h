/* payout/book.h - the ledger in memory: entries in, balances and proofs out.
 *
 * A book applies each entry once, by its key, and refuses what cannot be: an event out
 * of its order (the orphan of a block that is mature), postings other than those that
 * payout/postings.h makes of the same event, money that is not there. Nothing is
 * changed by an entry that is refused or known. So whatever sequence was applied, the
 * invariants of accounting section 7 hold; book_check() proves it again from the
 * balances alone, and names what is wrong where they came from elsewhere.
 *
 *   I1  all accounts sum to 0
 *   I2  no liability is in debit, no coins.* in credit
 *   I3  what waits for maturity is what the accepted blocks brought, to each account
 *   I6  each reserved: account belongs to one open payout, at the amount it reserved
 *   I7  what outputs paid a miner, and their part of fees, is what was debited
 *   I8  start + credited - paid - reversed + adjusted = end, for each miner
 * (I4 and I5 need the coins: book_totals() gives this side of both.)
 *
 * Entries come in the order they were booked; those of several streams are merged by
 * time first. A block's entry is kept until it is mature, a payout's until it is
 * abandoned or book_finish_payout() says that it is final, its network fee until it is
 * taken back. Keys are kept for ever, about
 * 150 bytes an entry; an archive's end is a book of opening balances.
 *
 * Units      balances are signed as postings are: what is owed is negative.
 * Ownership  book_apply() copies; book_free() accepts NULL.
 * Errors     `why` is filled on KZ_RANGE, with text for a person.
 * Thread     one at a time, whichever. Pure: no I/O, lock or clock. */
#ifndef PAYOUT_BOOK_H
#define PAYOUT_BOOK_H

#include "payout/entry.h"
#include "payout/postings.h"

struct book;

enum book_rule {
    BOOK_I1,
    BOOK_I2,
    BOOK_I3,
    BOOK_I6,
    BOOK_I7,
    BOOK_I8,
    BOOK_ORDER,   /* an event that cannot follow what is booked */
    BOOK_FORM,    /* other postings than the event makes */
    BOOK_KEY,     /* a known key, but another content */
    BOOK_RANGE,   /* an account would leave the range of money */
    BOOK_BALANCE, /* a balance kept elsewhere differs from the entries' sum */
};

struct book_problem {
    enum book_rule rule;
    char text[400]; /* "I2: mature:m000001 comes to 5: a debt in debit" */
};

struct book *book_new(void);
void book_free(struct book *b);

/* A balance from before the first entry (an archive's end, a restored backup). Only
 * while nothing is applied; once an account. KZ_RANGE: another time, or twice. */
KZ_MUST_USE enum kz_err book_open_balance(struct book *b, const struct account *a,
                                          struct amount amount);

/*   KZ_OK     applied
 *   KZ_EMPTY  its key is known, with the same content: nothing to do
 *   KZ_RANGE  refused; `why` says what is wrong */
KZ_MUST_USE enum kz_err book_apply(struct book *b, struct book_problem *why,
                                   const struct entry *e);

/* KZ_RANGE: an invariant does not hold; the first found is in `why`. */
KZ_MUST_USE enum kz_err book_check(const struct book *b, struct book_problem *why);

struct amount book_balance(const struct book *b, const struct account *a);
/* Balances that are not 0, sorted by account; the caller's to mem_free(). */
struct posting *book_balances(const struct book *b, size_t *count);
/* Are these all the balances there are? Zeros may be left out. KZ_RANGE: no. */
KZ_MUST_USE enum kz_err book_compare(const struct book *b, struct book_problem *why,
                                     const struct posting *balances, size_t count);

/* Positive where the kind usually is: liabilities are what is owed. */
struct book_totals {
    struct amount coins; /* immature, mature and direct */
    struct amount receivables;
    struct amount liabilities;
    struct amount income, expenses, equity;
};
/* I5: coins + receivables >= liabilities. KZ_RANGE: a sum outside the range of money. */
KZ_MUST_USE enum kz_err book_totals(const struct book *b, struct book_totals *t);

/* All that was booked for one miner. Positive: owed to them. */
struct book_miner {
    struct amount start; /* from book_open_balance() */
    struct amount credited, paid, reversed, adjusted;
    struct amount outputs;  /* of `paid`: what outputs of transactions pay */
    struct amount fee_part; /* of `paid`: their part of network fees */
    struct amount end;      /* of all their accounts */
};
/* KZ_EMPTY: no account of theirs. KZ_RANGE: a sum outside the range of money. */
KZ_MUST_USE enum kz_err book_miner(const struct book *b, struct book_miner *out,
                                   const struct miner_id *miner);

enum book_block_stage { BOOK_BLOCK_ACCEPTED, BOOK_BLOCK_ORPHANED, BOOK_BLOCK_MATURE };
/* I3: `coins` is the R that the block's coinbase pays. */
struct book_block {
    enum book_block_stage stage;
    uint64_t n; /* of its last orphan or revive */
    struct amount coins, net, fee, own;
};
KZ_MUST_USE enum kz_err book_block(const struct book *b, struct book_block *out,
                                   const char *block); /* KZ_EMPTY: not known */

enum book_payout_stage { BOOK_PAYOUT_OPEN, BOOK_PAYOUT_CONFIRMED, BOOK_PAYOUT_CLOSED };
struct book_payout {
    enum book_payout_stage stage;
    uint64_t n; /* of its last confirm or unconfirm */
    struct amount reserved;
};
KZ_MUST_USE enum kz_err book_payout(const struct book *b, struct book_payout *out,
                                    const struct payout_id *id);

/* The entries that the next ones are made from, borrowed until the next apply: of a
 * block that is not mature its accept or last revive, of a payout that is not closed
 * its reserve and its last confirm. NULL: none. */
const struct entry *book_standing(const struct book *b, const char *block);
const struct entry *book_reserve(const struct book *b, const struct payout_id *id);
const struct entry *book_confirm(const struct book *b, const struct payout_id *id);

/* Network fees of transactions that pay nobody. A payout may have them at any stage, and
 * a joining of coins has nothing else; one at a time is in force. NULL: none. */
const struct entry *book_fee(const struct book *b, const struct payout_id *id);
/* The number of the last fee or back; 0: there was none. */
uint64_t book_fee_number(const struct book *b, const struct payout_id *id);

/* A confirmed payout that is buried deep enough: no unconfirm can follow, its entries
 * are let go. KZ_RANGE: not confirmed. */
KZ_MUST_USE enum kz_err book_finish_payout(struct book *b, const struct payout_id *id);

#endif
