#include "payout/coinbase.h"

#define FIRST_SUBSIDY_SAT INT64_C(5000000000)

enum kz_err coinbase_outputs(struct job_output *outputs, size_t max, size_t *count,
                             const struct coinbase_snapshot *snapshot)
{
    if (max < 1 || amount_is_negative(snapshot->value))
        return KZ_RANGE;
    /* Also when it is worth nothing: a transaction must have an output. */
    outputs[0] = (struct job_output){
        .value_sat = amount_to_sat(snapshot->value),
        .script = {snapshot->pool.script, snapshot->pool.script_len},
    };
    *count = 1;
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
