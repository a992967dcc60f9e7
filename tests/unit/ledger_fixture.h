/* tests/unit/ledger_fixture.h - small things the tests of the ledger share; the
 * events of ledger_trace.json are in payout/cases_trace.h. Include after cmocka.h. */
#ifndef TESTS_UNIT_LEDGER_FIXTURE_H
#define TESTS_UNIT_LEDGER_FIXTURE_H

#include "conf/mem.h"
#include "payout/book.h"
#include "payout/cases_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline struct amount sat(int64_t n)
{
    struct amount a;
    assert_true(amount_from_sat(&a, n));
    return a;
}

static inline struct miner_id miner_n(int n)
{
    char text[16];
    struct miner_id id;
    snprintf(text, sizeof(text), "m%06d", n);
    assert_int_equal(miner_id_parse(&id, text, strlen(text)), KZ_OK);
    return id;
}

static inline struct payout_id payout_n(int n)
{
    char text[16];
    struct payout_id id;
    snprintf(text, sizeof(text), "po-%d", n);
    assert_int_equal(payout_id_parse(&id, text, strlen(text)), KZ_OK);
    return id;
}

static inline struct account account_of(const char *text)
{
    struct account a;
    if (account_parse(&a, text, strlen(text)) != KZ_OK)
        fail_msg("'%s' is no account", text);
    return a;
}

/* What `e` posts to the account named `text`. */
static inline int64_t posted(const struct entry *e, const char *text)
{
    struct account a = account_of(text);
    return amount_to_sat(entry_amount(e, &a));
}

static inline int64_t balance(const struct book *b, const char *text)
{
    struct account a = account_of(text);
    return amount_to_sat(book_balance(b, &a));
}

static inline const struct entry_basis *two_persons(void)
{
    static const struct entry_basis basis = {"decided at the meeting",
                                             {"op-1", "op-2"}};
    return &basis;
}

static inline const struct entry_basis *no_basis(void)
{
    static const struct entry_basis basis;
    return &basis;
}

/* Where money lies now: a book's balances, and a flag a miner. */
struct fixture_now {
    const struct book *book;
    bool held[10]; /* by miner number */
};

static inline struct amount fixture_balance(const void *ctx, const struct account *a)
{
    const struct fixture_now *now = ctx;
    return book_balance(now->book, a);
}

static inline bool fixture_is_held(const void *ctx, const struct miner_id *miner)
{
    const struct fixture_now *now = ctx;
    for (int n = 0; n < 10; n++) {
        struct miner_id id = miner_n(n);
        if (miner_id_equal(&id, miner))
            return now->held[n];
    }
    return false;
}

static inline struct postings_now fixture_hooks(const struct fixture_now *now)
{
    return (struct postings_now){fixture_balance, fixture_is_held, now};
}

static inline void applied(struct book *b, const struct entry *e)
{
    struct book_problem why = {0};
    enum kz_err err = book_apply(b, &why, e);
    if (err != KZ_OK)
        fail_msg("%s: %s", kz_err_text(err), why.text);
}

static inline void holds(const struct book *b)
{
    struct book_problem why = {0};
    if (book_check(b, &why) != KZ_OK)
        fail_msg("%s", why.text);
}

#endif
