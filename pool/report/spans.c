#include "pool/report/spans.h"

#include "conf/mem.h"
#include "pool/registry/day.h"
#include "pool/registry/registry_record.h"

#include <string.h>

static size_t add(struct span_set *set, const char *miner, int64_t from, int64_t to)
{
    if (set->count == set->room) {
        set->room = set->room > 0 ? 2 * set->room : 64;
        set->list = mem_resize(set->list, set->room * sizeof(*set->list));
    }
    set->list[set->count] = (struct crosscheck_span){mem_text(miner), from, to};
    return set->count++;
}

static void note_state(struct spans *s, const struct history_event *e)
{
    const json_t *open = json_object_get(s->open, e->miner);
    enum miner_state state = record_state(e->record);
    bool may_mine = state == MINER_ACTIVE || state == MINER_RESTRICTED;
    if (may_mine && open == NULL) {
        size_t i = add(&s->mining, e->miner, e->time_ms, INT64_MAX);
        json_object_set_new(s->open, e->miner, json_integer((json_int_t)i));
    } else if (!may_mine && open != NULL) {
        s->mining.list[json_integer_value(open)].to_ms = e->time_ms;
        json_object_del(s->open, e->miner);
    }
}

static void note_certificate(struct spans *s, const struct history_event *e)
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
    add(&s->certified, e->miner, day_start_ms(from, s->offset_minutes),
        has_end ? day_start_ms(to, s->offset_minutes) : INT64_MAX);
}

void spans_init(struct spans *s, int offset_minutes)
{
    *s = (struct spans){.open = json_object(), .offset_minutes = offset_minutes};
}

void spans_take(void *spans, const struct history_event *e)
{
    if (e->record == NULL)
        return;
    note_state(spans, e);
    note_certificate(spans, e);
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
    json_decref(s->open);
    s->open = NULL;
}

struct crosscheck_spans spans_for_check(const struct spans *s)
{
    return (struct crosscheck_spans){.mining = s->mining.list,
                                     .certified = s->certified.list,
                                     .mining_count = s->mining.count,
                                     .certified_count = s->certified.count};
}
