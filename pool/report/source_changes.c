/* R2: what happened to the registry, an event of the audit chain a row.
 *
 * A miner is not told of what R8 never tells it, nor of a freeze and of who was asked about
 * it: the message there is to stay neutral (registry spec sections 3 and 4). */
#include "pool/registry/record_act.h"
#include "pool/report/fill.h"

#include <string.h>

static bool is_told_to_subject(const json_t *event)
{
    static const enum audit_word kept[] = {AUDIT_ALERT_DECIDED, AUDIT_SCREENED,
                                           AUDIT_FROZEN, AUDIT_UNFROZEN,
                                           AUDIT_DISCLOSURE};
    const char *word = record_text(event, "event");
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (word == NULL || strcmp(word, audit_word_name(kept[i])) == 0)
            return false;
    return true;
}

static bool is_asked(const struct report_source *s, const struct history_event *e)
{
    return source_is_asked(s, e->miner) &&
           (s->subject == NULL || is_told_to_subject(e->event));
}

static void fill_event(struct fill *f, const struct history_event *e)
{
    char previous[HASH256_HEX_SIZE];
    const json_t *basis = json_object_get(e->event, "basis");
    hex_encode(previous, e->previous.b, sizeof(e->previous.b));
    fill_row(f);
    fill_member(f, "instance", e->event, "instance");
    fill_whole(f, "event_no", e->event, "seq", 1);
    fill_number(f, "time", e->time_ms);
    if (e->record != NULL)
        fill_miner(f, e->record);
    else
        fill_text(f, "miner_id", e->miner);
    fill_member(f, "event", e->event, "event");
    fill_member(f, "reason", e->event, "reason");
    fill_member(f, "basis_code", basis, "code");
    fill_member(f, "basis_document", basis, "document");
    fill_member(f, "actor_role", e->event, "role");
    fill_text(f, "prev_hash", previous);
    fill_text(f, "hash", e->hash);
}

enum kz_err source_changes(struct report **out, char why[SOURCE_WHY_SIZE],
                           const struct report_source *s)
{
    struct fill f;
    const struct history *h = s->history;
    enum kz_err err = fill_begin(&f, why, REPORT_R2, s);
    if (err != KZ_OK)
        return err;
    for (size_t i = 0; i < h->event_count; i++)
        if (is_asked(s, &h->events[i]))
            fill_event(&f, &h->events[i]);
    return fill_end(out, &f);
}
