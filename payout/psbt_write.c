#include "payout/base64.h"
#include "payout/psbt_parts.h"

#include "conf/mem.h"

#include <stdio.h>

uint8_t *psbt_format(size_t *len, const struct psbt *p)
{
    static const uint8_t start[] = {'p', 's', 'b', 't', 0xff};
    static const uint8_t tx_key[] = {1, PSBT_GLOBAL_UNSIGNED_TX};
    struct psbt_buffer b = {0};
    size_t tx_len = 0;
    uint8_t *tx = tx_format(&tx_len, &p->tx, true);
    psbt_add(&b, (struct bytes){start, sizeof(start)});
    psbt_add(&b, (struct bytes){tx_key, sizeof(tx_key)});
    psbt_add_sized(&b, (struct bytes){tx, tx_len});
    psbt_map_write(&b, &p->global);
    for (size_t i = 0; i < p->tx.input_count; i++)
        psbt_map_write(&b, &p->inputs[i]);
    for (size_t i = 0; i < p->tx.output_count; i++)
        psbt_map_write(&b, &p->outputs[i]);
    mem_free(tx);
    *len = b.len;
    return b.p;
}

char *psbt_format_base64(const struct psbt *p)
{
    size_t len = 0;
    uint8_t *bytes = psbt_format(&len, p);
    char *text = base64_encode(bytes, len);
    mem_free(bytes);
    return text;
}

void psbt_problem_format(char *out, size_t size, const struct psbt_problem *problem)
{
    static const char *const places[] = {
        [PSBT_WHOLE] = "psbt",
        [PSBT_GLOBAL] = "global",
        [PSBT_INPUT] = "input",
        [PSBT_OUTPUT] = "output",
    };
    const char *place = places[problem->place];
    const char *comma = problem->field != NULL ? ", " : "";
    const char *field = problem->field != NULL ? problem->field : "";
    if (problem->place == PSBT_INPUT || problem->place == PSBT_OUTPUT)
        snprintf(out, size, "%s %zu%s%s: %s", place, problem->index, comma, field,
                 problem->what);
    else
        snprintf(out, size, "%s%s%s: %s", place, comma, field, problem->what);
}
