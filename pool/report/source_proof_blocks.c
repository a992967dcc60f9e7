/* R9-blocks: the blocks that were found in the period, by height, with their states at its
 * end. What of a block's value is above the subsidy of its height are transactions' fees. */
#include "conf/mem.h"
#include "payout/coinbase.h"
#include "pool/report/ledger_source.h"
#include "pool/report/source_blocks.h"
#include "pool/report/source_common.h"

struct making {
    const struct report_source *s;
    char *why;
    struct source_blocks *blocks;
    struct fill fill;
};

static enum kz_err take_entry(void *ctx, const struct entry *e,
                              const struct ledger_changes *changes)
{
    struct making *m = ctx;
    (void)changes;
    source_blocks_take(m->blocks, e);
    return KZ_OK;
}

/* A coinbase may leave a part of the subsidy behind: then there is that much less of it. */
static void set_value(struct report *r, const struct source_block *block,
                      const struct network *network)
{
    struct amount subsidy = coinbase_subsidy((uint32_t)block->height, network);
    struct amount fees;
    if (amount_compare(block->value, subsidy) < 0)
        subsidy = block->value;
    if (!amount_sub(&fees, block->value, subsidy))
        fees = amount_zero(); /* not reached: both are in range, and value is more */
    report_set_amount(r, "subsidy", subsidy);
    report_set_amount(r, "fees", fees);
}

static void add_row(struct making *m, const struct source_block *block)
{
    struct fill *f = &m->fill;
    fill_row(f);
    fill_number(f, "block_height", block->height);
    fill_text(f, "block_hash", block->hash);
    fill_number(f, "found_at", block->found_ms);
    fill_text(f, "block_state", block->state);
    if (f->err == KZ_OK)
        set_value(f->report, block, network_of(m->s->conf->network));
}

static enum kz_err begin(void **making, char why[SOURCE_WHY_SIZE],
                         const struct report_source *s)
{
    struct making *m = mem_new(sizeof(*m));
    *m = (struct making){.s = s, .why = why, .blocks = source_blocks_new(s)};
    *making = m;
    return KZ_OK;
}

static enum kz_err make(struct report **out, void *making)
{
    struct making *m = making;
    const struct source_block **found = NULL;
    size_t count = 0;
    enum kz_err err = source_blocks_found(&found, &count, m->why, m->blocks);
    if (err == KZ_OK)
        err = fill_begin(&m->fill, m->why, REPORT_R9_BLOCKS, m->s);
    for (size_t i = 0; i < count && err == KZ_OK; i++)
        add_row(m, found[i]);
    mem_free(found);
    return err == KZ_OK ? fill_end(out, &m->fill) : err;
}

static void end(void *making)
{
    struct making *m = making;
    source_blocks_free(m->blocks);
    mem_free(m);
}

const struct ledger_source ledger_proof_blocks = {begin, take_entry, make, end};
