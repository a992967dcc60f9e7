#include "payout/scheme.h"

#include "conf/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct traits {
    const char *name;
    enum slice_regime regime;
    enum window_kind window;
    uint32_t window_milli;
};

static const struct traits traits[] = {
    [SCHEME_PPLNS] = {"pplns", SLICE_SPLIT, WINDOW_BLOCK, 4000},
    [SCHEME_TIDES] = {"tides", SLICE_SPLIT, WINDOW_BLOCK, 8000},
    [SCHEME_PROP] = {"prop", SLICE_SPLIT, WINDOW_BLOCK, 4000},
    [SCHEME_PPS] = {"pps", SLICE_PPS, WINDOW_BLOCK, 4000},
    [SCHEME_FPPS] = {"fpps", SLICE_PPS, WINDOW_BLOCK, 4000},
    [SCHEME_PPS_PLUS] = {"pps_plus", SLICE_PPS_PLUS, WINDOW_FEES, 4000},
    [SCHEME_SOLO] = {"solo", SLICE_SPLIT, WINDOW_BLOCK, 4000},
};

#define SCHEMES (sizeof(traits) / sizeof(traits[0]))

static const struct traits *traits_of(enum scheme s)
{
    assert((size_t)s < SCHEMES);
    return &traits[s];
}

const char *scheme_name(enum scheme s)
{
    return traits_of(s)->name;
}

enum kz_err scheme_parse(enum scheme *s, const char *text, size_t len)
{
    for (size_t i = 0; i < SCHEMES; i++)
        if (strlen(traits[i].name) == len && memcmp(traits[i].name, text, len) == 0) {
            *s = (enum scheme)i;
            return KZ_OK;
        }
    return KZ_PARSE;
}

enum slice_regime scheme_regime(enum scheme s)
{
    return traits_of(s)->regime;
}

bool scheme_pays_shares(enum scheme s)
{
    return traits_of(s)->regime != SLICE_SPLIT;
}

enum window_kind scheme_window_kind(enum scheme s)
{
    return traits_of(s)->window;
}

uint32_t scheme_window_milli(enum scheme s)
{
    return traits_of(s)->window_milli;
}

enum kz_err scheme_fees_check(const struct scheme_fees *fees)
{
    if (fees->pool_ppm > SCHEME_PPM)
        return KZ_RANGE;
    for (size_t i = 0; i < fees->own_count; i++) {
        if (fees->own[i].fee_ppm > SCHEME_PPM)
            return KZ_RANGE;
        if (i > 0 &&
            split_miner_compare(&fees->own[i - 1].miner, &fees->own[i].miner) >= 0)
            return KZ_RANGE;
    }
    return KZ_OK;
}

static int by_miner(const void *left, const void *right)
{
    const struct scheme_fee *a = left, *b = right;
    return split_miner_compare(&a->miner, &b->miner);
}

uint32_t scheme_fee_ppm(const struct scheme_fees *fees, const struct miner_id *miner)
{
    struct scheme_fee key = {.miner = *miner};
    const struct scheme_fee *own = NULL;
    if (fees->own_count > 0)
        own = bsearch(&key, fees->own, fees->own_count, sizeof(key), by_miner);
    return own != NULL ? own->fee_ppm : fees->pool_ppm;
}

/* Sums and differences below stay between 0 and the reward, which is an amount. */
static struct amount plus(struct amount a, struct amount b)
{
    bool fits = amount_add(&a, a, b);
    assert(fits);
    (void)fits;
    return a;
}

static struct amount minus(struct amount a, struct amount b)
{
    bool fits = amount_sub(&a, a, b);
    assert(fits);
    (void)fits;
    return a;
}

/* What of the block is shared out. */
static struct amount shared_amount(const struct scheme_block *block)
{
    switch (block->scheme) {
    case SCHEME_PPLNS:
    case SCHEME_TIDES:
    case SCHEME_PROP:
    case SCHEME_SOLO:
        return block->reward;
    case SCHEME_PPS_PLUS:
        /* A coinbase may claim less than it might, even less than the subsidy. */
        if (amount_compare(block->reward, block->subsidy) > 0)
            return minus(block->reward, block->subsidy);
        return amount_zero();
    case SCHEME_PPS:
    case SCHEME_FPPS:
        return amount_zero();
    }
    return amount_zero();
}

static void fill_part(struct scheme_part *part, const struct split_weight *row,
                      struct amount gross, const struct scheme_fees *fees)
{
    part->miner = row->miner;
    part->work = row->weight;
    part->fee_ppm = scheme_fee_ppm(fees, &row->miner);
    part->gross = gross;
    part->fee = amount_share(gross, part->fee_ppm, SCHEME_PPM);
    part->net = minus(gross, part->fee);
}

static enum kz_err share_out(struct scheme_split *out, struct amount shared,
                             const struct split_weight *rows, size_t count,
                             const struct scheme_fees *fees)
{
    if (count == 0)
        return amount_is_zero(shared) ? KZ_OK : KZ_EMPTY;
    struct amount *gross = mem_array(count, sizeof(*gross));
    enum kz_err err = split_amount(gross, shared, rows, count);
    if (err == KZ_OK) {
        out->parts = mem_array(count, sizeof(*out->parts));
        out->count = count;
        for (size_t i = 0; i < count; i++) {
            fill_part(&out->parts[i], &rows[i], gross[i], fees);
            out->pool_fee = plus(out->pool_fee, out->parts[i].fee);
        }
    }
    mem_free(gross);
    return err;
}

enum kz_err scheme_split_block(struct scheme_split *out,
                               const struct scheme_block *block)
{
    if (amount_is_negative(block->reward) || amount_is_negative(block->subsidy) ||
        scheme_fees_check(block->fees) != KZ_OK)
        return KZ_RANGE;
    struct split_weight finder = {block->finder, 1};
    const struct split_weight *rows = NULL;
    size_t count = 0;
    if (block->scheme == SCHEME_SOLO) {
        rows = &finder;
        count = 1;
    } else if (scheme_regime(block->scheme) != SLICE_PPS && block->counted != NULL) {
        rows = block->counted->rows;
        count = block->counted->count;
    }
    struct amount shared = shared_amount(block);
    struct scheme_split split = {.retained = minus(block->reward, shared)};
    enum kz_err err = share_out(&split, shared, rows, count, block->fees);
    if (err == KZ_OK)
        *out = split;
    return err;
}

void scheme_split_clear(struct scheme_split *split)
{
    mem_free(split->parts);
    *split = (struct scheme_split){0};
}
