#include "pool/ledger_read.h"

#include "conf/mem.h"
#include "payout/lots.h"
#include "share/keys.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 500

static bool post(struct ledger_change *c, const struct posting *p)
{
    return amount_sub(&c->owed, c->owed, p->amount) &&
           (!lots_is_payable(&p->account) ||
            amount_sub(&c->payable, c->payable, p->amount));
}

static int by_miner(const void *a, const void *b)
{
    const struct ledger_change *x = a, *y = b;
    return strcmp(x->miner.text, y->miner.text);
}

/* False: a sum outside the range of money. */
static bool merge(struct ledger_changes *c)
{
    size_t kept = 0;
    if (c->count == 0)
        return true;
    qsort(c->rows, c->count, sizeof(*c->rows), by_miner);
    for (size_t i = 1; i < c->count; i++) {
        struct ledger_change *to = &c->rows[kept], *from = &c->rows[i];
        if (!miner_id_equal(&to->miner, &from->miner))
            c->rows[++kept] = *from;
        else if (!amount_add(&to->owed, to->owed, from->owed) ||
                 !amount_add(&to->payable, to->payable, from->payable))
            return false;
    }
    c->count = kept + 1;
    return true;
}

static enum kz_err take_entry(const struct entry *e, ledger_take_fn *take, void *ctx)
{
    struct ledger_changes c = {mem_array(e->posting_count + 1, sizeof(*c.rows)), 0};
    bool fits = true;
    for (size_t i = 0; i < e->posting_count && fits; i++) {
        const struct posting *p = &e->postings[i];
        if (!account_has_miner(p->account.name))
            continue;
        c.rows[c.count] = (struct ledger_change){.miner = p->account.miner};
        fits = post(&c.rows[c.count++], p);
    }
    enum kz_err err = fits && merge(&c) ? take(ctx, e, &c) : KZ_RANGE;
    mem_free(c.rows);
    return err;
}

static enum kz_err take_text(const json_t *text, ledger_take_fn *take, void *ctx)
{
    struct entry e;
    if (entry_parse(&e, json_string_value(text), json_string_length(text)) != KZ_OK)
        return KZ_RANGE;
    enum kz_err err = take_entry(&e, take, ctx);
    entry_clear(&e);
    return err;
}

enum kz_err ledger_read(struct store *s, ledger_take_fn *take, void *ctx)
{
    uint64_t after = 0;
    json_t *page = NULL, *one;
    size_t i;
    enum kz_err err;
    while ((err = store_read_entry_texts(&page, &after, s, KEY_ENTRIES, PAGE)) ==
           KZ_OK) {
        json_array_foreach(page, i, one)
        {
            err = take_text(one, take, ctx);
            if (err != KZ_OK)
                break;
        }
        json_decref(page);
        if (err != KZ_OK)
            return err;
    }
    return err == KZ_EMPTY ? KZ_OK : err == KZ_PARSE ? KZ_RANGE : err;
}
