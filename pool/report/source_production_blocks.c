/* R4-blocks: what each block gave each miner, a row a credit of the period. A block found
 * in its last minutes may be credited in the next; the credits here are R4's. */
#include "conf/mem.h"
#include "payout/statement.h"
#include "pool/report/ledger_source.h"
#include "pool/report/source_blocks.h"
#include "pool/report/source_miners.h"

#include <stdlib.h>
#include <string.h>

struct block_credit {
    struct miner_id miner;
    char hash[HASH256_HEX_SIZE];
    int64_t time_ms;
    struct amount amount;
    size_t n; /* in the ledger's order */
};

struct making {
    const struct report_source *s;
    char *why;
    struct source_miners *miners;
    struct source_blocks *blocks;
    struct block_credit *credits;
    size_t count, room;
    struct fill fill;
};

static void keep_credit(struct making *m, const struct entry *e,
                        const struct ledger_change *c)
{
    if (m->count == m->room) {
        m->room = m->room > 0 ? 2 * m->room : 256;
        m->credits = mem_resize(m->credits, m->room * sizeof(*m->credits));
    }
    struct block_credit *k = &m->credits[m->count];
    *k = (struct block_credit){c->miner, "", e->time_ms, c->owed, m->count};
    memcpy(k->hash, e->key.object, sizeof(k->hash));
    m->count++;
}

static enum kz_err take_entry(void *ctx, const struct entry *e,
                              const struct ledger_changes *changes)
{
    struct making *m = ctx;
    bool is_credit =
        e->key.kind == ENTRY_BLOCK_ACCEPTED || e->key.kind == ENTRY_BLOCK_REVIVED;
    source_blocks_take(m->blocks, e);
    if (!is_credit || e->time_ms < m->s->header.period.from_ms)
        return KZ_OK;
    for (size_t i = 0; i < changes->count; i++)
        if (!amount_is_zero(changes->rows[i].owed) &&
            source_is_asked(m->s, changes->rows[i].miner.text))
            keep_credit(m, e, &changes->rows[i]);
    return KZ_OK;
}

static int by_miner(const void *a, const void *b)
{
    const struct block_credit *x = a, *y = b;
    int order = strcmp(x->miner.text, y->miner.text);
    return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

static void set_share(struct fill *f, const struct source_block *block,
                      const char *miner)
{
    struct source_part part;
    if (!source_block_part(&part, block, miner) || amount_is_zero(block->shared))
        return;
    __int128 share = (__int128)amount_to_sat(part.gross) * 100 * CELL_MILLIONTHS /
                     amount_to_sat(block->shared);
    fill_number(f, "miner_share_percent", (int64_t)share);
}

static enum kz_err add_row(struct making *m, const struct block_credit *c)
{
    const struct source_block *block;
    struct fill *f = &m->fill;
    enum kz_err err = source_block(&block, m->why, m->blocks, c->hash);
    if (err != KZ_OK)
        return err;
    fill_row(f);
    source_fill_miner(f, m->miners, c->miner.text, c->time_ms);
    fill_number(f, "block_height", block->height);
    fill_text(f, "block_hash", c->hash);
    fill_number(f, "found_at", block->found_ms);
    fill_text(f, "block_state", block->state);
    set_share(f, block, c->miner.text);
    if (f->err == KZ_OK)
        report_set_amount(f->report, "credited", c->amount);
    return f->err;
}

static enum kz_err begin(void **making, char why[SOURCE_WHY_SIZE],
                         const struct report_source *s)
{
    struct making *m = mem_new(sizeof(*m));
    *m = (struct making){.s = s,
                         .why = why,
                         .miners = source_miners_new(s),
                         .blocks = source_blocks_new(s)};
    *making = m;
    return KZ_OK;
}

static enum kz_err make(struct report **out, void *making)
{
    struct making *m = making;
    enum kz_err err = fill_begin(&m->fill, m->why, REPORT_R4_BLOCKS, m->s);
    if (err != KZ_OK)
        return err;
    if (m->count > 0)
        qsort(m->credits, m->count, sizeof(*m->credits), by_miner);
    for (size_t i = 0; i < m->count && err == KZ_OK; i++)
        err = add_row(m, &m->credits[i]);
    m->fill.err = err;
    return fill_end(out, &m->fill);
}

static void end(void *making)
{
    struct making *m = making;
    source_blocks_free(m->blocks);
    source_miners_free(m->miners);
    mem_free(m->credits);
    mem_free(m);
}

const struct ledger_source ledger_production_blocks = {begin, take_entry, make, end};
