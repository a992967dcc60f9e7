/* R7: refused logins, an hour and a reason a row, as the journal counted them.
 *
 * The journal keeps no more than these counts: listener, sources, login, network and rig
 * software stay empty until the front reports them. */
#include "pool/report/fill.h"

#include "conf/mem.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

static int by_hour_and_reason(const void *a, const void *b)
{
    const struct tally_refusal *x = a, *y = b;
    if (x->hour != y->hour)
        return x->hour < y->hour ? -1 : 1;
    return strcmp(x->reason, y->reason);
}

/* The rows of one hour and reason into one. Returns how many are left. */
static size_t merge(struct tally_refusal *list, size_t count)
{
    size_t kept = 0;
    if (count > 0)
        qsort(list, count, sizeof(*list), by_hour_and_reason);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && by_hour_and_reason(&list[kept - 1], &list[i]) == 0)
            list[kept - 1].count += list[i].count;
        else
            list[kept++] = list[i];
    }
    return kept;
}

static void fill_refusal(struct fill *f, const struct tally_refusal *r)
{
    fill_row(f);
    fill_number(f, "hour", r->hour * HOUR_MS);
    fill_text(f, "reason", r->reason);
    fill_number(f, "attempts", (int64_t)r->count);
}

enum kz_err source_refusals(struct report **out, char why[SOURCE_WHY_SIZE],
                            const struct report_source *s)
{
    struct fill f;
    const struct history *h = s->history;
    enum kz_err err = fill_begin(&f, why, REPORT_R7, s);
    if (err != KZ_OK)
        return err;
    struct tally_refusal *list = mem_array(h->refusal_count + 1, sizeof(*list));
    if (h->refusal_count > 0)
        memcpy(list, h->refusals, h->refusal_count * sizeof(*list));
    size_t count = merge(list, h->refusal_count);
    for (size_t i = 0; i < count; i++)
        fill_refusal(&f, &list[i]);
    mem_free(list);
    return fill_end(out, &f);
}
