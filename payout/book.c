#include "payout/book_parts.h"

#include "conf/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct book *book_new(void)
{
    struct book *b = mem_new(sizeof(*b));
    b->accounts = textmap_new(sizeof(struct book_account));
    b->keys = textmap_new(sizeof(struct hash256));
    b->blocks = textmap_new(sizeof(struct block_state));
    b->payouts = textmap_new(sizeof(struct payout_state));
    b->fees = textmap_new(sizeof(struct fee_state));
    b->pps = textmap_new(sizeof(struct pps_state));
    b->miners = textmap_new(sizeof(struct book_miner));
    return b;
}

void book_free(struct book *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < textmap_count(b->blocks); i++) {
        struct block_state *block = textmap_value(b->blocks, i);
        entry_clear(&block->standing);
    }
    for (size_t i = 0; i < textmap_count(b->payouts); i++) {
        struct payout_state *payout = textmap_value(b->payouts, i);
        entry_clear(&payout->reserve);
        entry_clear(&payout->confirm);
    }
    for (size_t i = 0; i < textmap_count(b->fees); i++) {
        struct fee_state *state = textmap_value(b->fees, i);
        entry_clear(&state->fee);
    }
    textmap_free(b->accounts);
    textmap_free(b->keys);
    textmap_free(b->blocks);
    textmap_free(b->payouts);
    textmap_free(b->fees);
    textmap_free(b->pps);
    textmap_free(b->miners);
    mem_free(b);
}

enum kz_err book_refuse(struct book_problem *why, enum book_rule rule,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    why->rule = rule;
    vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    return KZ_RANGE;
}

enum kz_err book_check_sign(struct book_problem *why, const struct account *a,
                            struct amount amount)
{
    char text[ACCOUNT_TEXT_SIZE];
    bool is_coins = a->name == ACCOUNT_COINS_IMMATURE ||
                    a->name == ACCOUNT_COINS_MATURE || a->name == ACCOUNT_COINS_DIRECT;
    bool is_debit = !amount_is_negative(amount) && !amount_is_zero(amount);
    account_format(text, a);
    if (account_kind(a) == ACCOUNT_IS_LIABILITY && is_debit)
        return book_refuse(why, BOOK_I2, "I2: %s comes to %" PRId64 ": a debt in debit",
                           text, amount_to_sat(amount));
    /* receivable: may pass zero: a block that made one can be orphaned after it was
     * set off, and the miner is then owed what was set off. */
    if (is_coins && amount_is_negative(amount))
        return book_refuse(why, BOOK_I2,
                           "I2: %s comes to %" PRId64 ": fewer coins than none", text,
                           amount_to_sat(amount));
    return KZ_OK;
}

struct amount book_balance(const struct book *b, const struct account *a)
{
    char text[ACCOUNT_TEXT_SIZE];
    account_format(text, a);
    const struct book_account *found = textmap_get(b->accounts, text);
    return found != NULL ? found->amount : amount_zero();
}

static void set_balance(struct book *b, const struct account *a, struct amount amount)
{
    char text[ACCOUNT_TEXT_SIZE];
    account_format(text, a);
    struct book_account *kept = textmap_put(b->accounts, text);
    *kept = (struct book_account){*a, amount};
}

enum kz_err book_open_balance(struct book *b, const struct account *a,
                              struct amount amount)
{
    char text[ACCOUNT_TEXT_SIZE];
    account_format(text, a);
    if (textmap_count(b->keys) > 0 || textmap_get(b->accounts, text) != NULL)
        return KZ_RANGE;
    if (account_has_miner(a->name)) {
        struct book_miner *miner = textmap_put(b->miners, a->miner.text);
        if (!amount_sub(&miner->start, miner->start, amount))
            return KZ_RANGE;
    }
    set_balance(b, a, amount);
    return KZ_OK;
}

/* KZ_EMPTY: known, the same. */
static enum kz_err check_key(const struct book *b, struct book_problem *why,
                             const struct entry *e, const char *key)
{
    struct hash256 content;
    const struct hash256 *known = textmap_get(b->keys, key);
    if (known == NULL)
        return KZ_OK;
    entry_content_hash(&content, e);
    if (hash256_equal(known, &content))
        return KZ_EMPTY;
    return book_refuse(why, BOOK_KEY, "%s came again with another content", key);
}

static enum kz_err check_balances(const struct book *b, struct book_problem *why,
                                  const struct entry *e)
{
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < e->posting_count && err == KZ_OK; i++) {
        const struct posting *p = &e->postings[i];
        struct amount after = book_balance(b, &p->account);
        char text[ACCOUNT_TEXT_SIZE];
        account_format(text, &p->account);
        if (!amount_add(&after, after, p->amount))
            return book_refuse(why, BOOK_RANGE, "%s would leave the range of money",
                               text);
        err = book_check_sign(why, &p->account, after);
    }
    return err;
}

static struct amount *term_at(struct book_miner *m, enum statement_term term)
{
    switch (term) {
    case STATEMENT_CREDITED:
        return &m->credited;
    case STATEMENT_PAID:
        return &m->paid;
    case STATEMENT_REVERSED:
        return &m->reversed;
    case STATEMENT_ADJUSTED:
        return &m->adjusted;
    case STATEMENT_NONE:
        break;
    }
    return NULL;
}

/* What is paid or taken back counts by debits, what is credited by credits. */
static bool count_posting(struct book *b, const struct entry *e,
                          const struct posting *p, bool undo)
{
    enum statement_term term = statement_term_of(e->key.kind);
    if (!account_has_miner(p->account.name) || term == STATEMENT_NONE)
        return true;
    struct book_miner *miner = textmap_put(b->miners, p->account.miner.text);
    struct amount *at = term_at(miner, term);
    bool by_debit = term == STATEMENT_PAID || term == STATEMENT_REVERSED;
    struct amount change = by_debit != undo ? p->amount : entry_turned(p->amount);
    struct amount counted, fee = miner->fee_part;
    if (!amount_add(&counted, *at, change))
        return false;
    if (p->account.name == ACCOUNT_RESERVED && !amount_add(&fee, fee, change))
        return false;
    *at = counted;
    miner->fee_part = fee;
    return true;
}

/* An accept only announces its outputs; they pay at maturity. Of a payout the fee part
 * is what was reserved (counted above) less what the output pays. */
static bool count_output(struct book *b, const struct entry *e,
                         const struct entry_output *o, bool undo)
{
    bool is_payout = e->key.kind != ENTRY_BLOCK_MATURED;
    if (statement_term_of(e->key.kind) != STATEMENT_PAID)
        return true;
    struct book_miner *miner = textmap_put(b->miners, o->miner.text);
    bool is_back = (e->key.kind == ENTRY_PAYOUT_UNCONFIRMED) != undo;
    struct amount change = is_back ? entry_turned(o->value) : o->value;
    struct amount outputs, fee = miner->fee_part;
    if (!amount_add(&outputs, miner->outputs, change))
        return false;
    if (is_payout && !amount_sub(&fee, fee, change))
        return false;
    miner->outputs = outputs;
    miner->fee_part = fee;
    return true;
}

static bool count_step(struct book *b, const struct entry *e, size_t i, bool undo)
{
    return i < e->posting_count
               ? count_posting(b, e, &e->postings[i], undo)
               : count_output(b, e, &e->outputs[i - e->posting_count], undo);
}

/* All or nothing: what was counted when a sum leaves the range is taken back. */
static bool count_for_miners(struct book *b, const struct entry *e)
{
    size_t count = e->posting_count + e->output_count, done = 0;
    while (done < count && count_step(b, e, done, false))
        done++;
    if (done == count)
        return true;
    while (done > 0) {
        bool undone = count_step(b, e, --done, true);
        assert(undone);
        (void)undone;
    }
    return false;
}

static void commit(struct book *b, const struct entry *e, const char *key)
{
    struct hash256 content;
    entry_content_hash(&content, e);
    for (size_t i = 0; i < e->posting_count; i++) {
        const struct posting *p = &e->postings[i];
        struct amount after = book_balance(b, &p->account);
        bool fits = amount_add(&after, after, p->amount);
        assert(fits);
        (void)fits;
        set_balance(b, &p->account, after);
    }
    book_rules_commit(b, e);
    struct hash256 *kept = textmap_put(b->keys, key);
    *kept = content;
}

enum kz_err book_apply(struct book *b, struct book_problem *why, const struct entry *e)
{
    char key[ENTRY_KEY_SIZE];
    if (entry_key_format(key, &e->key) != KZ_OK)
        return book_refuse(why, BOOK_FORM, "an entry without a key");
    enum kz_err err = check_key(b, why, e, key);
    if (err == KZ_OK)
        err = book_rules_allow(b, why, e);
    if (err == KZ_OK)
        err = check_balances(b, why, e);
    if (err != KZ_OK)
        return err;
    if (!count_for_miners(b, e))
        return book_refuse(why, BOOK_RANGE,
                           "%s: a miner's total would leave the range of money", key);
    commit(b, e, key);
    return KZ_OK;
}

static int by_account(const void *a, const void *b)
{
    const struct posting *x = a, *y = b;
    return account_compare(&x->account, &y->account);
}

struct posting *book_balances(const struct book *b, size_t *count)
{
    size_t total = textmap_count(b->accounts), kept = 0;
    struct posting *list = mem_array(total, sizeof(*list));
    for (size_t i = 0; i < total; i++) {
        const struct book_account *a = textmap_value(b->accounts, i);
        if (!amount_is_zero(a->amount))
            list[kept++] = (struct posting){a->account, a->amount};
    }
    if (kept > 0)
        qsort(list, kept, sizeof(*list), by_account);
    *count = kept;
    return list;
}

enum kz_err book_miner(const struct book *b, struct book_miner *out,
                       const struct miner_id *miner)
{
    const struct book_miner *found = textmap_get(b->miners, miner->text);
    struct book_miner m = found != NULL ? *found : (struct book_miner){0};
    bool is_known = found != NULL;
    m.end = amount_zero();
    for (size_t i = 0; i < textmap_count(b->accounts); i++) {
        const struct book_account *a = textmap_value(b->accounts, i);
        if (!account_has_miner(a->account.name) ||
            !miner_id_equal(&a->account.miner, miner))
            continue;
        is_known = true;
        if (!amount_sub(&m.end, m.end, a->amount))
            return KZ_RANGE;
    }
    if (!is_known)
        return KZ_EMPTY;
    *out = m;
    return KZ_OK;
}

enum kz_err book_block(const struct book *b, struct book_block *out, const char *block)
{
    const struct block_state *found = textmap_get(b->blocks, block);
    if (found == NULL)
        return KZ_EMPTY;
    *out = found->seen;
    return KZ_OK;
}

enum kz_err book_payout(const struct book *b, struct book_payout *out,
                        const struct payout_id *id)
{
    const struct payout_state *found = textmap_get(b->payouts, id->text);
    if (found == NULL)
        return KZ_EMPTY;
    *out = found->seen;
    return KZ_OK;
}

const struct entry *book_standing(const struct book *b, const char *block)
{
    const struct block_state *found = textmap_get(b->blocks, block);
    return found != NULL && found->seen.stage != BOOK_BLOCK_MATURE ? &found->standing
                                                                   : NULL;
}

const struct entry *book_reserve(const struct book *b, const struct payout_id *id)
{
    const struct payout_state *found = textmap_get(b->payouts, id->text);
    return found != NULL && found->seen.stage != BOOK_PAYOUT_CLOSED ? &found->reserve
                                                                    : NULL;
}

const struct entry *book_confirm(const struct book *b, const struct payout_id *id)
{
    const struct payout_state *found = textmap_get(b->payouts, id->text);
    return found != NULL && found->confirm.posting_count > 0 ? &found->confirm : NULL;
}

const struct entry *book_fee(const struct book *b, const struct payout_id *id)
{
    const struct fee_state *found = textmap_get(b->fees, id->text);
    return found != NULL && found->fee.posting_count > 0 ? &found->fee : NULL;
}

uint64_t book_fee_number(const struct book *b, const struct payout_id *id)
{
    const struct fee_state *found = textmap_get(b->fees, id->text);
    return found != NULL ? found->n : 0;
}

enum kz_err book_finish_payout(struct book *b, const struct payout_id *id)
{
    struct payout_state *found = textmap_get(b->payouts, id->text);
    if (found == NULL || found->seen.stage != BOOK_PAYOUT_CONFIRMED)
        return KZ_RANGE;
    found->seen.stage = BOOK_PAYOUT_CLOSED;
    entry_clear(&found->reserve);
    entry_clear(&found->confirm);
    return KZ_OK;
}
