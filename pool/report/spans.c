#include "pool/report/spans.h"

#include "conf/mem.h"
#include "pool/registry/day.h"
#include "pool/registry/registry_record.h"

#include <string.h>

struct building {
    struct spans spans;
    json_t *open; /* miner -> index of its open span in `mining` */
    int offset_minutes;
};

static size_t add(struct span_set *set, const char *miner, int64_t from, int64_t to)
{
    if (set->count == set->room) {
        set->room = set->room > 0 ? 2 * set->room : 64;
        set->list = mem_resize(set->list, set->room * sizeof(*set->list));
    }
    set->list[set->count] = (struct crosscheck_span){mem_text(miner), from, to};
    return set->count++;
}

static void note_state(struct building *b, const struct history_event *e)
{
    const json_t *open = json_object_get(b->open, e->miner);
    enum miner_state state = record_state(e->record);
    bool may_mine = state == MINER_ACTIVE || state == MINER_RESTRICTED;
    if (may_mine && open == NULL) {
        size_t i = add(&b->spans.mining, e->miner, e->time_ms, INT64_MAX);
        json_object_set_new(b->open, e->miner, json_integer((json_int_t)i));
    } else if (!may_mine && open != NULL) {
        b->spans.mining.list[json_integer_value(open)].to_ms = e->time_ms;
        json_object_del(b->open, e->miner);
    }
}

static void note_certificate(struct building *b, const struct history_event *e)
{
    struct day from, to = {0};
    const json_t *now = json_object_get(e->record, "certificate");
    const json_t *before = json_object_get(e->before, "certificate");
    const char *issued = record_text(now, "issued_on");
    const char *until = record_text(now, "valid_until");
    if (before != NULL && json_equal(before, now))
        return;
    if (issued == NULL || day_parse(&from, issued) != KZ_OK)
        return;
    bool has_end = until != NULL && day_parse(&to, until) == KZ_OK;
    to.n += has_end;
    add(&b->spans.certified, e->miner, day_start_ms(from, b->offset_minutes),
        has_end ? day_start_ms(to, b->offset_minutes) : INT64_MAX);
}

static void on_event(void *ctx, const struct history_event *e)
{
    if (e->record == NULL)
        return;
    note_state(ctx, e);
    note_certificate(ctx, e);
}

enum kz_err spans_read(struct spans *out, char why[HISTORY_WHY_SIZE],
                       const char *journal_dir, int64_t until_ms, int offset_minutes)
{
    struct history h;
    struct building b = {.open = json_object(), .offset_minutes = offset_minutes};
    const struct history_ask ask = {
        .dir = journal_dir, .until_ms = until_ms, .on_event = on_event, .ctx = &b};
    enum kz_err err = history_read(&h, why, &ask);
    json_decref(b.open);
    if (err != KZ_OK) {
        spans_clear(&b.spans);
        return err;
    }
    history_clear(&h);
    *out = b.spans;
    return KZ_OK;
}

static void clear_set(struct span_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        mem_free((char *)set->list[i].miner);
    mem_free(set->list);
    *set = (struct span_set){.count = 0};
}

void spans_clear(struct spans *s)
{
    clear_set(&s->mining);
    clear_set(&s->certified);
}

struct crosscheck_spans spans_for_check(const struct spans *s)
{
    return (struct crosscheck_spans){.mining = s->mining.list,
                                     .certified = s->certified.list,
                                     .mining_count = s->mining.count,
                                     .certified_count = s->certified.count};
}
