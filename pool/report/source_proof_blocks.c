/* R9-blocks: the blocks that were found in the period, by height, with their states at its
 * end. What of a block's value is above the subsidy of its height are transactions' fees. */
#include "conf/mem.h"
#include "payout/coinbase.h"
#include "pool/report/source_blocks.h"
#include "pool/report/source_common.h"

struct making {
    const struct report_source *s;
    char *why;
    struct source_blocks *blocks;
    struct report *report;
};

static enum kz_err take_entry(void *ctx, const struct entry *e,
                              const struct ledger_changes *changes)
{
    struct making *m = ctx;
    (void)changes;
    if (e->time_ms < m->s->header.period.to_ms)
        source_blocks_take(m->blocks, e);
    return KZ_OK;
}

/* A coinbase may leave a part of the subsidy behind: then there is that much less of it. */
static void set_value(struct making *m, const struct source_block *block)
{
    struct amount subsidy =
        coinbase_subsidy((uint32_t)block->height, network_of(m->s->conf->network));
    struct amount fees;
    if (amount_compare(block->value, subsidy) < 0)
        subsidy = block->value;
    if (!amount_sub(&fees, block->value, subsidy))
        fees = amount_zero(); /* not reached: both are in range, and value is more */
    report_set_amount(m->report, "subsidy", subsidy);
    report_set_amount(m->report, "fees", fees);
}

static enum kz_err add_row(struct making *m, const struct source_block *block)
{
    struct report *r = m->report;
    report_row_begin(r);
    enum kz_err err = source_set_number(r, m->why, "block_height", block->height);
    if (err == KZ_OK)
        err = source_set_text(r, m->why, "block_hash", block->hash);
    if (err == KZ_OK)
        err = source_set_number(r, m->why, "found_at", block->found_ms);
    if (err == KZ_OK)
        err = source_set_text(r, m->why, "block_state", block->state);
    set_value(m, block);
    return err;
}

static enum kz_err make(struct making *m)
{
    const struct source_block **found = NULL;
    size_t count = 0;
    enum kz_err err = source_report(&m->report, m->why, REPORT_R9_BLOCKS, m->s);
    if (err == KZ_OK)
        err = source_read_ledger(m->why, m->s, take_entry, m);
    if (err == KZ_OK)
        err = source_blocks_found(&found, &count, m->why, m->blocks);
    for (size_t i = 0; i < count && err == KZ_OK; i++)
        err = add_row(m, found[i]);
    mem_free(found);
    return err == KZ_OK ? source_add_totals(m->report, m->why) : err;
}

enum kz_err source_proof_blocks(struct report **out, char why[SOURCE_WHY_SIZE],
                                const struct report_source *s)
{
    struct making m = {.s = s, .why = why, .blocks = source_blocks_new(s)};
    enum kz_err err = make(&m);
    if (err == KZ_OK)
        *out = m.report;
    else
        report_free(m.report);
    source_blocks_free(m.blocks);
    return err;
}
