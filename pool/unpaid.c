#include "pool/unpaid.h"

#include "conf/mem.h"
#include "payout/lots.h"
#include "payout/textmap.h"

#define DAY_MS INT64_C(86400000)

struct unpaid {
    struct textmap *miners; /* struct lots */
};

struct unpaid *unpaid_new(void)
{
    struct unpaid *u = mem_new(sizeof(*u));
    u->miners = textmap_new(sizeof(struct lots));
    return u;
}

void unpaid_free(struct unpaid *u)
{
    if (u == NULL)
        return;
    for (size_t i = 0; i < textmap_count(u->miners); i++)
        lots_clear(textmap_value(u->miners, i));
    textmap_free(u->miners);
    mem_free(u);
}

/* An entry without a change matters, too: it may end what a payout reserved. */
void unpaid_take(struct unpaid *u, const struct entry *e,
                 const struct ledger_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct ledger_change *c = &changes->rows[i];
        lots_apply(textmap_put(u->miners, c->miner.text), e, c->payable);
    }
}

static size_t age_of(const int64_t *days, size_t count, int64_t age_ms)
{
    size_t k = 0;
    while (k + 1 < count && age_ms > days[k] * DAY_MS)
        k++;
    return k;
}

enum kz_err unpaid_by_age(struct amount *sums, const int64_t *days, size_t count,
                          const struct unpaid *u, int64_t now_ms)
{
    for (size_t k = 0; k < count; k++)
        sums[k] = amount_zero();
    for (size_t i = 0; i < textmap_count(u->miners); i++) {
        size_t rows;
        const struct lot *row = lots_left(textmap_value(u->miners, i), &rows);
        for (size_t n = 0; n < rows; n++) {
            struct amount *sum = &sums[age_of(days, count, now_ms - row[n].time_ms)];
            if (!amount_add(sum, *sum, row[n].sat))
                return KZ_RANGE;
        }
    }
    return KZ_OK;
}
