/* R7: refused logins, an hour and a reason a row, as the journal counted them.
 *
 * The journal keeps no more than these counts: listener, sources, login, network and rig
 * software stay empty until the front reports them. */
#include "pool/report/fill.h"

#include "conf/mem.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

struct counting {
    const struct period *period;
    struct tally_refusal *list;
    size_t count, room;
};

static void on_refusals(void *ctx, const struct tally_refusal *refusals, size_t count)
{
    struct counting *c = ctx;
    for (size_t i = 0; i < count; i++) {
        if (!period_has(c->period, refusals[i].hour * HOUR_MS))
            continue;
        if (c->count == c->room) {
            c->room = c->room > 0 ? 2 * c->room : 256;
            c->list = mem_resize(c->list, c->room * sizeof(*c->list));
        }
        c->list[c->count++] = refusals[i];
    }
}

static int by_hour_and_reason(const void *a, const void *b)
{
    const struct tally_refusal *x = a, *y = b;
    if (x->hour != y->hour)
        return x->hour < y->hour ? -1 : 1;
    return strcmp(x->reason, y->reason);
}

/* The journal has a count each time it was written down. */
static void merge(struct counting *c)
{
    size_t kept = 0;
    if (c->count > 0)
        qsort(c->list, c->count, sizeof(*c->list), by_hour_and_reason);
    for (size_t i = 0; i < c->count; i++) {
        if (kept > 0 && by_hour_and_reason(&c->list[kept - 1], &c->list[i]) == 0)
            c->list[kept - 1].count += c->list[i].count;
        else
            c->list[kept++] = c->list[i];
    }
    c->count = kept;
}

enum kz_err source_refusals(struct report **out, char why[SOURCE_WHY_SIZE],
                            const struct report_source *s)
{
    struct fill f;
    struct history h;
    struct counting c = {.period = &s->header.period};
    const struct history_ask ask = {.on_refusals = on_refusals, .ctx = &c};
    enum kz_err err = fill_begin(&f, why, REPORT_R7, s);
    if (err == KZ_OK)
        err = fill_history(&f, &h, s, &ask);
    if (err != KZ_OK) {
        mem_free(c.list);
        return err;
    }
    history_clear(&h);
    merge(&c);
    for (size_t i = 0; i < c.count; i++) {
        fill_row(&f);
        fill_number(&f, "hour", c.list[i].hour * HOUR_MS);
        fill_text(&f, "reason", c.list[i].reason);
        fill_number(&f, "attempts", (int64_t)c.list[i].count);
    }
    mem_free(c.list);
    return fill_end(out, &f);
}
