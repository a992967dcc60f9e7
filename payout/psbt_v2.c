#include "payout/psbt_parts.h"

#include <string.h>

static const struct bytes no_data = {NULL, 0};

static enum kz_err fail(struct psbt_problem *problem, enum psbt_place place,
                        size_t index, const char *what)
{
    *problem = (struct psbt_problem){place, index, NULL, what};
    return KZ_RANGE;
}

static bool read_number(uint32_t *v, const struct psbt_map *map, uint64_t type)
{
    struct bytes value;
    if (!psbt_get(&value, map, type, no_data))
        return false;
    *v = read_le32(value.p);
    return true;
}

/* What the inputs ask for, as BIP370 wants it chosen: of a kind that suits every input
 * which asks at all, heights before times, the largest. */
struct wish {
    uint32_t height, time;
    bool is_height_possible, is_time_possible, is_any;
};

static void wish_add(struct wish *w, const struct psbt_map *input)
{
    uint32_t height = 0, time = 0;
    bool has_height = read_number(&height, input, PSBT_IN_REQUIRED_HEIGHT_LOCKTIME);
    bool has_time = read_number(&time, input, PSBT_IN_REQUIRED_TIME_LOCKTIME);
    if (!has_height && !has_time)
        return;
    w->is_any = true;
    w->is_height_possible = w->is_height_possible && has_height;
    w->is_time_possible = w->is_time_possible && has_time;
    w->height = height > w->height ? height : w->height;
    w->time = time > w->time ? time : w->time;
}

/* False: one input asks for a height and another for a time. */
static bool choose_locktime(uint32_t *locktime, const struct psbt *p, size_t inputs)
{
    struct wish w = {.is_height_possible = true, .is_time_possible = true};
    for (size_t i = 0; i < inputs; i++)
        wish_add(&w, &p->inputs[i]);
    *locktime = 0;
    if (!w.is_any)
        (void)read_number(locktime, &p->global, PSBT_GLOBAL_FALLBACK_LOCKTIME);
    else if (w.is_height_possible)
        *locktime = w.height;
    else if (w.is_time_possible)
        *locktime = w.time;
    return !w.is_any || w.is_height_possible || w.is_time_possible;
}

static void add_input(struct tx *t, const struct psbt_map *map)
{
    struct tx_outpoint from = {.vout = 0};
    struct bytes txid;
    uint32_t sequence = TX_SEQUENCE_FINAL;
    if (psbt_get(&txid, map, PSBT_IN_PREVIOUS_TXID, no_data))
        memcpy(from.txid.b, txid.p, sizeof(from.txid.b));
    (void)read_number(&from.vout, map, PSBT_IN_OUTPUT_INDEX);
    (void)read_number(&sequence, map, PSBT_IN_SEQUENCE);
    tx_add_input(t, &from, sequence);
}

/* False: no amount of money. */
static bool add_output(struct tx *t, const struct psbt_map *map)
{
    struct bytes value, script;
    struct amount amount;
    if (!psbt_get(&value, map, PSBT_OUT_AMOUNT, no_data) ||
        !psbt_get(&script, map, PSBT_OUT_SCRIPT, no_data))
        return false;
    uint64_t sat = read_le64(value.p);
    if (sat > INT64_MAX || !amount_from_sat(&amount, (int64_t)sat))
        return false;
    tx_add_output(t, amount, script);
    return true;
}

enum kz_err psbt_build_tx(struct tx *t, struct psbt_problem *problem,
                          const struct psbt *p, size_t input_count, size_t output_count)
{
    uint32_t version = 0, locktime = 0;
    struct tx built;
    if (!choose_locktime(&locktime, p, input_count))
        return fail(problem, PSBT_WHOLE, 0,
                    "one input needs a height and another a time as lock time");
    (void)read_number(&version, &p->global, PSBT_GLOBAL_TX_VERSION);
    tx_init(&built, version, locktime);
    for (size_t i = 0; i < input_count; i++)
        add_input(&built, &p->inputs[i]);
    for (size_t i = 0; i < output_count; i++) {
        if (!add_output(&built, &p->outputs[i])) {
            tx_clear(&built);
            return fail(problem, PSBT_OUTPUT, i,
                        "an amount outside the range of money");
        }
    }
    *t = built;
    return KZ_OK;
}
