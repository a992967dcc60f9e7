#include "payout/coinbase.h"

#include "conf/mem.h"

#include <assert.h>
#include <string.h>

#define FIRST_SUBSIDY_SAT INT64_C(5000000000)

struct coinbase_split {
    const struct snapshot *snapshot;
    struct amount value, pool_fee, retained;
    enum direct_mode mode;
    struct direct_payee *payees; /* by miner id ascending */
    size_t count;
};

struct coinbase {
    const struct snapshot *snapshot;
    struct address pool;
    struct direct_terms terms;  /* its pool is the one above */
    struct job_output *outputs; /* scripts of the snapshot and of the pool */
    size_t output_count;
    size_t paid_count;
};

enum kz_err coinbase_to_pool(struct job_output *output, struct amount value,
                             const struct address *pool)
{
    if (amount_is_negative(value))
        return KZ_RANGE;
    *output =
        (struct job_output){amount_to_sat(value), {pool->script, pool->script_len}};
    return KZ_OK;
}

struct amount coinbase_subsidy(uint32_t height, const struct network *network)
{
    uint32_t halvings = height / network->halving_interval;
    struct amount subsidy = amount_zero();
    /* The shift rounds down, and 33 of them leave nothing. */
    if (halvings < 64 && !amount_from_sat(&subsidy, FIRST_SUBSIDY_SAT >> halvings))
        return amount_zero();
    return subsidy;
}

enum direct_mode coinbase_mode(const struct snapshot *s, bool accounted, bool doubt)
{
    /* The finder has the block, and who that will be the job cannot know. */
    if (s->scheme == SCHEME_SOLO)
        return DIRECT_NOTHING;
    return direct_mode_of(s->scheme, accounted, doubt);
}

/* --- entitlements --------------------------------------------------------------------
 */

/* Both lists go by miner id: those with work, and those the snapshot may pay. */
static void merge(struct coinbase_split *out, const struct scheme_split *split)
{
    const struct snapshot *s = out->snapshot;
    size_t w = 0, p = 0;
    out->payees = mem_array(split->count + s->payee_count + 1, sizeof(*out->payees));
    while (w < split->count || p < s->payee_count) {
        int order = w == split->count     ? 1
                    : p == s->payee_count ? -1
                                          : split_miner_compare(&split->parts[w].miner,
                                                                &s->payees[p].miner);
        struct direct_payee *to = &out->payees[out->count++];
        if (order <= 0) {
            to->miner = split->parts[w].miner;
            to->entitlement = split->parts[w++].net;
        }
        if (order >= 0) {
            const struct snapshot_payee *from = &s->payees[p++];
            to->miner = from->miner;
            to->address = from->address.script_len > 0 ? &from->address : NULL;
            to->carry = from->carry;
            to->minimum = from->minimum;
            to->hold = from->hold;
        }
    }
}

static bool are_sums_in_range(const struct coinbase_split *split)
{
    for (size_t i = 0; i < split->count; i++) {
        struct amount sum;
        if (!amount_add(&sum, split->payees[i].entitlement, split->payees[i].carry))
            return false;
    }
    return true;
}

enum kz_err coinbase_split_new(struct coinbase_split **out, const struct snapshot *s,
                               struct amount value, enum direct_mode mode)
{
    assert(mode != DIRECT_NOTHING);
    struct scheme_split shares;
    const struct scheme_block block = {
        .scheme = s->scheme, .reward = value, .counted = &s->counted, .fees = &s->fees};
    enum kz_err err = scheme_split_block(&shares, &block);
    if (err != KZ_OK)
        return err;
    struct coinbase_split *split = mem_new(sizeof(*split));
    *split = (struct coinbase_split){.snapshot = snapshot_ref(s),
                                     .value = value,
                                     .pool_fee = shares.pool_fee,
                                     .retained = shares.retained,
                                     .mode = mode};
    merge(split, &shares);
    scheme_split_clear(&shares);
    if (!are_sums_in_range(split)) {
        coinbase_split_free(split);
        return KZ_RANGE;
    }
    *out = split;
    return KZ_OK;
}

void coinbase_split_free(struct coinbase_split *split)
{
    if (split == NULL)
        return;
    snapshot_unref(split->snapshot);
    mem_free(split->payees);
    mem_free(split);
}

/* --- one form of it ------------------------------------------------------------------
 */

static void set_terms(struct coinbase *c, const struct coinbase_split *split,
                      const struct template *t, enum direct_class class,
                      const struct coinbase_terms *terms)
{
    c->pool = terms->pool;
    c->terms = (struct direct_terms){.value = split->value,
                                     .minimum = terms->minimum,
                                     .pool = &c->pool,
                                     .dust_rate = COINBASE_DUST_RATE,
                                     .mode = split->mode};
    direct_room_init(&c->terms.room, t, class, terms->tag_len);
    if (terms->outputs > 0)
        c->terms.room.outputs = terms->outputs;
}

static void set_outputs(struct coinbase *c, const struct coinbase_split *split,
                        const struct direct_plan *plan)
{
    size_t max = plan->paid_count + 1;
    c->outputs = mem_array(max, sizeof(*c->outputs));
    c->paid_count = plan->paid_count;
    enum kz_err err = direct_outputs(c->outputs, max, &c->output_count, plan,
                                     split->payees, &c->pool);
    assert(err == KZ_OK); /* one more than the payees always suffices */
    (void)err;
}

enum kz_err coinbase_new(struct coinbase **out, struct coinbase_split *split,
                         const struct template *t, enum direct_class class,
                         const struct coinbase_terms *terms)
{
    struct direct_plan plan;
    if (amount_to_sat(split->value) != t->coinbase_value_sat)
        return KZ_RANGE;
    struct coinbase *c = mem_new(sizeof(*c));
    c->snapshot = snapshot_ref(split->snapshot);
    set_terms(c, split, t, class, terms);
    enum kz_err err = direct_plan(&plan, split->payees, split->count, &c->terms);
    if (err != KZ_OK) {
        coinbase_free(c);
        return err;
    }
    set_outputs(c, split, &plan);
    direct_plan_clear(&plan);
    *out = c;
    return KZ_OK;
}

void coinbase_free(struct coinbase *c)
{
    if (c == NULL)
        return;
    snapshot_unref(c->snapshot);
    mem_free(c->outputs);
    mem_free(c);
}

const struct job_output *coinbase_outputs(const struct coinbase *c, size_t *count)
{
    *count = c->output_count;
    return c->outputs;
}

size_t coinbase_payees(const struct coinbase *c)
{
    return c->paid_count;
}

bool coinbase_is_same(const struct coinbase *a, const struct coinbase *b)
{
    if (a->output_count != b->output_count)
        return false;
    for (size_t i = 0; i < a->output_count; i++) {
        const struct job_output *x = &a->outputs[i], *y = &b->outputs[i];
        if (x->value_sat != y->value_sat || x->script.len != y->script.len ||
            memcmp(x->script.p, y->script.p, x->script.len) != 0)
            return false;
    }
    return true;
}

const struct snapshot *coinbase_snapshot(const struct coinbase *c)
{
    return c->snapshot;
}

/* --- with its job --------------------------------------------------------------------
 */

static void free_payout(void *payout)
{
    coinbase_free(payout);
}

void coinbase_put(struct job_spec *spec, const struct coinbase *c)
{
    spec->outputs = coinbase_outputs(c, &spec->output_count);
    spec->snapshot_id = c->snapshot->id;
    spec->payout = c;
    spec->payout_free = free_payout;
}

const struct coinbase *coinbase_of_job(const struct job *job)
{
    return job->payout;
}

/* --- what it books -------------------------------------------------------------------
 */

static void fill_parts(struct coinbase_booking *b, const struct coinbase_split *split,
                       const struct direct_plan *plan)
{
    uint32_t *vout = mem_array(split->count + 1, sizeof(*vout));
    for (size_t i = 0; i < plan->paid_count; i++)
        vout[plan->paid[i]] = (uint32_t)i;
    b->parts = mem_array(split->count + 1, sizeof(*b->parts));
    for (size_t i = 0; i < split->count; i++) {
        const struct direct_payee *p = &split->payees[i];
        if (amount_is_zero(p->entitlement) && amount_is_zero(p->paid))
            continue;
        b->parts[b->part_count++] = (struct postings_part){.miner = p->miner,
                                                           .net = p->entitlement,
                                                           .direct = p->paid,
                                                           .vout = vout[i]};
    }
    mem_free(vout);
}

/* What was given out is what is computed now, or the books would be wrong. */
static void check_outputs(const struct coinbase *c, const struct coinbase_split *split,
                          const struct direct_plan *plan)
{
    assert(plan->paid_count == c->paid_count);
    for (size_t i = 0; i < plan->paid_count; i++)
        assert(amount_to_sat(split->payees[plan->paid[i]].paid) ==
               c->outputs[i].value_sat);
}

void coinbase_book(struct coinbase_booking *b, const struct coinbase *c)
{
    struct coinbase_split *split = NULL;
    struct direct_plan plan = {0};
    enum kz_err err =
        coinbase_split_new(&split, c->snapshot, c->terms.value, c->terms.mode);
    if (err == KZ_OK)
        err = direct_plan(&plan, split->payees, split->count, &c->terms);
    assert(err == KZ_OK); /* it was when the job was made, from the same */
    check_outputs(c, split, &plan);
    *b = (struct coinbase_booking){.snapshot_id = c->snapshot->id,
                                   .scheme = c->snapshot->scheme,
                                   .mode = c->terms.mode,
                                   .value = c->terms.value,
                                   .pool_outputs = plan.pool,
                                   .fee = split->pool_fee,
                                   .own = split->retained};
    fill_parts(b, split, &plan);
    direct_plan_clear(&plan);
    coinbase_split_free(split);
}

void coinbase_booking_clear(struct coinbase_booking *b)
{
    mem_free(b->parts);
    *b = (struct coinbase_booking){0};
}
