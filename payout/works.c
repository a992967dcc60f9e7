#include "payout/works.h"

#include "conf/mem.h"

#include <stdlib.h>

static int by_miner(const void *left, const void *right)
{
    const struct split_weight *a = left, *b = right;
    return split_miner_compare(&a->miner, &b->miner);
}

static bool is_sorted(const struct split_weight *rows, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (by_miner(&rows[i - 1], &rows[i]) > 0)
            return false;
    return true;
}

static bool total_fits(uint64_t total, const struct split_weight *rows, size_t count)
{
    unsigned __int128 sum = total;
    for (size_t i = 0; i < count; i++)
        sum += rows[i].weight;
    return sum <= INT64_MAX;
}

/* Onto the last row when it is that miner's, else as the next. */
static size_t put_row(struct split_weight *rows, size_t count,
                      const struct split_weight *row)
{
    if (row->weight == 0)
        return count;
    if (count > 0 && by_miner(&rows[count - 1], row) == 0) {
        rows[count - 1].weight += row->weight;
        return count;
    }
    rows[count] = *row;
    return count + 1;
}

/* Two sorted lists into `out`, which has room for both; returns the rows of it. */
static size_t merge(struct split_weight *out, const struct works *w,
                    const struct split_weight *rows, size_t count)
{
    size_t out_count = 0, i = 0, k = 0;
    while (i < w->count || k < count) {
        bool ours = k == count || (i < w->count && by_miner(&w->rows[i], &rows[k]) < 0);
        out_count = put_row(out, out_count, ours ? &w->rows[i++] : &rows[k++]);
    }
    return out_count;
}

enum kz_err works_add(struct works *w, const struct split_weight *rows, size_t count)
{
    if (!total_fits(w->total, rows, count))
        return KZ_RANGE;
    if (count == 0)
        return KZ_OK;
    struct split_weight *sorted = NULL;
    if (!is_sorted(rows, count)) {
        sorted = mem_copy(rows, count * sizeof(*rows));
        qsort(sorted, count, sizeof(*sorted), by_miner);
        rows = sorted;
    }
    struct works sum = {.total = w->total};
    sum.rows = mem_array(w->count + count, sizeof(*sum.rows));
    sum.count = merge(sum.rows, w, rows, count);
    for (size_t i = 0; i < count; i++)
        sum.total += rows[i].weight;
    mem_free(sorted);
    works_clear(w);
    *w = sum;
    return KZ_OK;
}

uint64_t works_of(const struct works *w, const struct miner_id *miner)
{
    struct split_weight key = {.miner = *miner};
    const struct split_weight *row = NULL;
    if (w->count > 0)
        row = bsearch(&key, w->rows, w->count, sizeof(*w->rows), by_miner);
    return row != NULL ? row->weight : 0;
}

void works_clear(struct works *w)
{
    mem_free(w->rows);
    *w = (struct works){0};
}
