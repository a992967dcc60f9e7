/* payout/book_parts.h - what the files of the book share. Private to payout/book*.c.
 *
 * book.c applies and answers, book_rules.c says what may follow what, book_expect.c what
 * an event posts, book_check.c proves the invariants. */
#ifndef PAYOUT_BOOK_PARTS_H
#define PAYOUT_BOOK_PARTS_H

#include "payout/book.h"
#include "payout/statement.h"
#include "payout/textmap.h"

struct book_account {
    struct account account;
    struct amount amount;
};

struct block_state {
    struct book_block seen;
    struct entry standing; /* cleared once mature */
};

struct payout_state {
    struct book_payout seen;
    struct entry reserve; /* cleared once closed */
    struct entry confirm; /* the last; without postings before the first */
};

/* Of a payout's transactions that pay nobody; there may be no payout_state beside it. */
struct fee_state {
    uint64_t n;       /* of the last fee or back */
    struct entry fee; /* in force; cleared by a back */
};

struct pps_state {
    uint64_t work; /* credited up to here */
};

struct book {
    struct textmap *accounts; /* account -> struct book_account */
    struct textmap *keys;     /* entry key -> struct hash256 of the content */
    struct textmap *blocks;   /* hash -> struct block_state */
    struct textmap *payouts;  /* id -> struct payout_state */
    struct textmap *fees;     /* id -> struct fee_state */
    struct textmap *pps;      /* period:miner -> struct pps_state */
    struct textmap *miners;   /* id -> struct book_miner; `end` is not kept */
};

/* Fills `why` and returns KZ_RANGE. */
KZ_PRINTF(3, 4)
enum kz_err book_refuse(struct book_problem *why, enum book_rule rule,
                        const char *format, ...);

/* I2 for one account. */
enum kz_err book_check_sign(struct book_problem *why, const struct account *a,
                            struct amount amount);

/* What a kind of entry is about, as far as the order of events goes. */
enum book_about {
    BOOK_ABOUT_BLOCK,
    BOOK_ABOUT_PAYOUT,
    BOOK_ABOUT_FEE,
    BOOK_ABOUT_PPS,
    BOOK_ABOUT_HOLD,
    BOOK_ABOUT_NOTHING, /* follows anything */
};
enum book_about book_about(enum entry_kind kind);

struct amount book_pool_amount(const struct entry *e, enum account_name name);

/* The entry that the event of `e` makes; any error: no such event posts this. The order
 * was checked. `made` is the caller's to clear after KZ_OK. */
KZ_MUST_USE enum kz_err book_expect(struct entry *made, const struct book *b,
                                    const struct entry *e);

/* May `e` follow what is booked, and is it what its event makes? */
enum kz_err book_rules_allow(const struct book *b, struct book_problem *why,
                             const struct entry *e);
/* What is known of blocks, payouts and periods, after `e`. */
void book_rules_commit(struct book *b, const struct entry *e);

/* "<period>:<miner>" */
void pps_name(char out[ENTRY_KEY_SIZE], const struct entry_key *k);

#endif
