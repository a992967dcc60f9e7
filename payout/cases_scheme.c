/* Cases of schemes.json: windows, blocks under each scheme, pay per share. */
#include "conf/mem.h"
#include "payout/cases_parts.h"
#include "payout/pps.h"
#include "payout/scheme.h"

#include <stdio.h>
#include <string.h>

/* --- windows ---------------------------------------------------------------------- */

/* Computed from the case's nbits where it has them, and as it says. */
static uint64_t span_of(struct case_run *r, const json_t *one)
{
    uint64_t span = case_digits(r, one, "window_units"), work = 0, computed = 0;
    struct target t = {{0}};
    if (json_object_get(one, "nbits") == NULL)
        return span;
    uint64_t unit = (uint64_t)case_number(r, one, "hashes_per_unit");
    uint32_t milli = (uint32_t)case_number(r, one, "window_milli");
    if (!case_done(r, "nbits", target_from_nbits(&t, case_hex(r, one, "nbits"))))
        return 1;
    if (!target_work(&work, &t, unit))
        case_fail(r, "a block's work: does not fit 63 bits");
    case_same(r, "a block's work", (int64_t)case_digits(r, one, "block_work_units"),
              (int64_t)work);
    case_done(r, "window", window_span(&computed, &t, milli, unit));
    case_same(r, "window", (int64_t)span, (int64_t)computed);
    return span;
}

/* Slice `i` of the case: one of its slices, or one that holds one of its shares. */
static void slice_of(struct case_run *r, struct slice *s, const json_t *one, size_t i)
{
    const json_t *slices = json_object_get(one, "slices_oldest_first");
    const json_t *share =
        json_array_get(json_object_get(one, "shares_oldest_first"), i);
    *s = (struct slice){.id = i + 1};
    if (slices != NULL) {
        case_works(r, &s->works, json_array_get(slices, i));
        return;
    }
    const char *who = json_string_value(json_array_get(share, 0));
    const json_t *work = json_array_get(share, 1);
    if (who == NULL || !json_is_integer(work)) {
        case_fail(r, "share %zu is no pair of miner and work", i);
        return;
    }
    struct split_weight row = {case_miner(r, who), (uint64_t)json_integer_value(work)};
    case_done(r, "share", works_add(&s->works, &row, 1));
}

static void same_works(struct case_run *r, const json_t *one, const struct works *got)
{
    struct works want = {0};
    case_works(r, &want, json_object_get(one, "counted"));
    case_same(r, "miners that count", (int64_t)want.count, (int64_t)got->count);
    case_same(r, "counted_total", case_number(r, one, "counted_total"),
              (int64_t)got->total);
    for (size_t i = 0; i < want.count; i++)
        case_same(r, want.rows[i].miner.text, (int64_t)want.rows[i].weight,
                  (int64_t)works_of(got, &want.rows[i].miner));
    works_clear(&want);
}

/* What the window of the case counts; the caller's to works_clear(). */
static void walk_window(struct case_run *r, struct works *counted, const json_t *one)
{
    size_t n = json_array_size(json_object_get(one, "shares_oldest_first")) +
               json_array_size(json_object_get(one, "slices_oldest_first"));
    uint64_t span = span_of(r, one);
    struct window w;
    if (n == 0 || span == 0 || span > INT64_MAX)
        case_fail(r, "no shares or slices, or no window");
    if (!case_is_well(r))
        return;
    window_init(&w, span, WINDOW_BLOCK);
    for (size_t i = n; i-- > 0;) {
        struct slice s;
        slice_of(r, &s, one, i);
        if (case_is_well(r))
            case_done(r, "window", window_take(&w, &s));
        slice_clear(&s);
    }
    same_works(r, one, &w.counted);
    *counted = w.counted;
    w.counted = (struct works){0};
    window_clear(&w);
}

/* --- blocks ----------------------------------------------------------------------- */

static int by_miner(const void *a, const void *b)
{
    const struct scheme_fee *x = a, *y = b;
    return split_miner_compare(&x->miner, &y->miner);
}

/* "fee_ppm": one number, or {"*": pool's, "m000002": own}. `own` is mem_free()d. */
static void fees_of(struct case_run *r, struct scheme_fees *fees,
                    struct scheme_fee **own, const json_t *one)
{
    const json_t *ppm = json_object_get(one, "fee_ppm");
    const char *name;
    json_t *value;
    *fees = (struct scheme_fees){0};
    *own = NULL;
    if (json_is_integer(ppm)) {
        fees->pool_ppm = (uint32_t)json_integer_value(ppm);
        return;
    }
    fees->pool_ppm = (uint32_t)case_number(r, ppm, "*");
    *own = mem_array(json_object_size(ppm) + 1, sizeof(**own));
    json_object_foreach((json_t *)(uintptr_t)ppm, name, value)
    {
        if (strcmp(name, "*") != 0)
            (*own)[fees->own_count++] = (struct scheme_fee){
                case_miner(r, name), (uint32_t)case_number(r, ppm, name)};
    }
    qsort(*own, fees->own_count, sizeof(**own), by_miner);
    fees->own = *own;
}

/* The subsidy is not in the file and is retained whatever it is: any will do. */
#define PPS_PLUS_SUBSIDY 312500000

static void read_block(struct case_run *r, struct scheme_block *block,
                       struct works *counted, const json_t *one)
{
    if (block->scheme == SCHEME_PPS_PLUS) {
        struct amount fees = case_amount(r, one, "block_fee_part_sat");
        if (!amount_from_sat(&block->subsidy, PPS_PLUS_SUBSIDY) ||
            !amount_add(&block->reward, block->subsidy, fees))
            case_fail(r, "block_fee_part_sat: outside the range of money");
        case_works(r, counted, json_object_get(one, "counted"));
        return;
    }
    block->reward = case_amount(r, one, "reward_sat");
    if (block->scheme == SCHEME_SOLO)
        block->finder = case_miner(r, case_text(r, one, "finder"));
    else if (block->scheme == SCHEME_PROP)
        case_works(r, counted, json_object_get(one, "round_work"));
    else
        walk_window(r, counted, one);
}

static void same_part(struct case_run *r, const json_t *one, const char *what,
                      const char *miner, struct amount got)
{
    char of[80];
    snprintf(of, sizeof(of), "%s of %s", what, miner);
    case_same(r, of, case_number(r, json_object_get(one, what), miner),
              amount_to_sat(got));
}

static void same_split(struct case_run *r, const json_t *one,
                       const struct scheme_block *block,
                       const struct scheme_split *split)
{
    struct amount sum = split->pool_fee;
    bool is_sum = amount_add(&sum, sum, split->retained);
    case_same(r, "payees", (int64_t)json_object_size(json_object_get(one, "gross")),
              (int64_t)split->count);
    for (size_t i = 0; i < split->count; i++) {
        const struct scheme_part *p = &split->parts[i];
        same_part(r, one, "gross", p->miner.text, p->gross);
        same_part(r, one, "fee", p->miner.text, p->fee);
        same_part(r, one, "net", p->miner.text, p->net);
        is_sum = is_sum && amount_add(&sum, sum, p->net);
    }
    case_same(r, "pool_fee_sat", case_number(r, one, "pool_fee_sat"),
              amount_to_sat(split->pool_fee));
    if (!is_sum || amount_compare(sum, block->reward) != 0)
        case_fail(r, "net parts, fee and what is retained do not sum to the reward");
}

static void run_block(struct case_run *r, const json_t *one, const char *scheme)
{
    struct works counted = {0};
    struct scheme_fees fees;
    struct scheme_fee *own;
    struct scheme_split split;
    struct scheme_block block = {.counted = &counted, .fees = &fees};
    fees_of(r, &fees, &own, one);
    if (case_done(r, scheme, scheme_parse(&block.scheme, scheme, strlen(scheme))))
        read_block(r, &block, &counted, one);
    if (case_is_well(r) && case_done(r, "split", scheme_split_block(&split, &block))) {
        same_split(r, one, &block, &split);
        scheme_split_clear(&split);
    }
    works_clear(&counted);
    mem_free(own);
}

/* --- pay per share ---------------------------------------------------------------- */

static struct pps_terms terms_of(struct case_run *r, const json_t *one)
{
    return (struct pps_terms){.nbits = case_hex(r, one, "nbits"),
                              .fee_ppm = (uint32_t)case_number(r, one, "fee_ppm"),
                              .subsidy = case_amount(r, one, "subsidy_sat")};
}

static void run_entitlement(struct case_run *r, const json_t *one)
{
    struct pps_terms terms = terms_of(r, one);
    struct pps_account account = {0};
    struct amount whole, base, first, second, fee;
    uint64_t work = case_digits(r, one, "work_units");
    uint64_t unit = (uint64_t)case_number(r, one, "hashes_per_unit");
    int64_t want = case_number(r, one, "entitlement_sat");
    fee = case_amount(r, one, "average_fee_sat");
    if (!case_is_well(r))
        return;
    if (!amount_add(&base, terms.subsidy, fee)) {
        case_fail(r, "subsidy and fee: outside the range of money");
        return;
    }
    if (case_done(r, "entitlement", pps_entitlement(&whole, &terms, base, work, unit)))
        case_same(r, "entitlement", want, amount_to_sat(whole));
    /* And in two steps, as a day goes. */
    if (case_done(r, "accrual", pps_accrue(&first, &account, &terms, work, unit)) &&
        case_done(r, "closing", pps_close_day(&second, &account, &terms, fee, unit)))
        case_same(r, "accrual and closing", want,
                  amount_to_sat(first) + amount_to_sat(second));
}

static void run_average(struct case_run *r, const json_t *one)
{
    const json_t *fees = json_object_get(one, "block_fees_sat");
    size_t n = json_array_size(fees);
    struct amount *list = mem_array(n + 1, sizeof(*list)), average;
    for (size_t i = 0; i < n; i++)
        if (!json_is_integer(json_array_get(fees, i)) ||
            !amount_from_sat(&list[i], json_integer_value(json_array_get(fees, i))))
            case_fail(r, "fee %zu is no amount", i);
    case_same(r, "count", case_number(r, one, "count"), (int64_t)n);
    if (case_is_well(r) &&
        case_done(r, "average", pps_average_fee(&average, list, n, 0)))
        case_same(r, "average_fee_sat", case_number(r, one, "average_fee_sat"),
                  amount_to_sat(average));
    mem_free(list);
}

static void run_step(struct case_run *r, struct pps_account *account,
                     const struct pps_terms *terms, uint64_t unit, const json_t *step)
{
    struct amount credit;
    uint64_t work = (uint64_t)case_number(r, step, "work");
    if (!case_is_well(r) ||
        !case_done(r, "accrual", pps_accrue(&credit, account, terms, work, unit)))
        return;
    case_same(r, "cumulative_work", case_number(r, step, "cumulative_work"),
              (int64_t)account->work);
    case_same(r, "credit_now", case_number(r, step, "credit_now"),
              amount_to_sat(credit));
    case_same(r, "cumulative_entitlement",
              case_number(r, step, "cumulative_entitlement"),
              amount_to_sat(account->credited));
}

static void run_cumulative(struct case_run *r, const json_t *one)
{
    const json_t *steps = json_object_get(one, "steps");
    struct pps_terms terms = terms_of(r, one);
    struct pps_account account = {0};
    uint64_t unit = (uint64_t)case_number(r, one, "hashes_per_unit");
    if (json_array_size(steps) == 0)
        case_fail(r, "no steps in the file");
    for (size_t i = 0; i < json_array_size(steps); i++)
        run_step(r, &account, &terms, unit, json_array_get(steps, i));
}

/* --- which ------------------------------------------------------------------------ */

void case_scheme(struct case_run *r, const json_t *one)
{
    const char *scheme = case_text(r, one, "scheme");
    if (strcmp(scheme, "pps") == 0 || strcmp(scheme, "fpps") == 0)
        run_entitlement(r, one);
    else if (strcmp(scheme, "fpps_average") == 0)
        run_average(r, one);
    else if (strcmp(scheme, "pps_cumulative") == 0)
        run_cumulative(r, one);
    else
        run_block(r, one, strcmp(scheme, "pplns_slices") == 0 ? "pplns" : scheme);
}
