/* Changes of records: judged here, told to the audit chain, written by the store. */
#include "pool/registry/registry_parts.h"

#include "conf/log.h"
#include "pool/registry/record_split.h"

#include <stdio.h>
#include <string.h>

#define CHANGES_MAX 64 /* under way at once */

/* --- changes ---------------------------------------------------------------------- */

/* Whether changes can be taken at all; says why not. */
static bool is_open(const struct registry *r, registry_done_fn *on_done, void *ctx)
{
    if (!r->is_loaded)
        on_done(ctx, KZ_IO, NULL, "the registry is not loaded yet: Redis is away");
    else if (r->went_back)
        on_done(ctx, KZ_IO, NULL,
                "Redis lost registry data: restore it, or start karizd again to go on "
                "with what Redis has");
    else if (r->changes >= CHANGES_MAX)
        on_done(ctx, KZ_BUSY, NULL, "too many changes at once; try again");
    else
        return true;
    return false;
}

/* What the chain is told of a change; NULL: with `why`. */
static json_t *event_of(const struct registry *r, const struct record_happened *h,
                        const json_t *before, const json_t *after,
                        char why[RECORD_WHY_SIZE])
{
    char text[AUDIT_WHY_SIZE];
    struct hash256 hashes[2];
    json_t *event = NULL;
    struct audit_event e = {.time_ms = clock_utc_ms(),
                            .instance = r->conf->instance,
                            .word = h->word,
                            .miner = record_text(after, "miner_id"),
                            .actor = h->actor,
                            .role = h->role,
                            .second = h->second,
                            .reason = h->reason,
                            .basis = h->basis,
                            .detail = h->detail};
    if (before != NULL && record_hash(&hashes[0], before))
        e.before = &hashes[0];
    if (!record_hash(&hashes[1], after)) {
        record_refuse(why, "the record has no canonical form");
        return NULL;
    }
    e.after = &hashes[1];
    if (audit_event_build(&event, text, &e, 1) != KZ_OK)
        record_refuse(why, "audit: %.200s", text);
    return event;
}

/* Takes `after`, and what `h` owns. `before` NULL: a new record. */
static void put(struct registry *r, const json_t *before, json_t *after,
                struct record_happened *h, registry_done_fn *on_done, void *ctx)
{
    char why[RECORD_WHY_SIZE];
    json_int_t revision = json_integer_value(json_object_get(before, "revision"));
    json_t *event = event_of(r, h, before, after, why);
    json_decref(h->detail);
    if (event == NULL) {
        json_decref(after);
        on_done(ctx, KZ_RANGE, NULL, why);
        return;
    }
    struct ask *a = registry_ask(r, ASK_PUT);
    a->on_done = on_done;
    a->ctx = ctx;
    a->settles_vault = !json_equal(json_object_get(before, "personal"),
                                   json_object_get(after, "personal")) ||
                       json_object_get(after, "erased") != NULL;
    snprintf(a->miner, sizeof(a->miner), "%s", record_text(after, "miner_id"));
    r->changes++;
    store_registry_put(r->store, after, (uint64_t)revision, event, registry_on_reply,
                       a);
}

struct record_act registry_act(const struct registry *r,
                               const struct registry_order *order)
{
    return (struct record_act){.by = order->by,
                               .role = order->role,
                               .reason = order->reason,
                               .basis = order->basis,
                               .profile = r->profile,
                               .conf = r->conf,
                               .now_ms = clock_utc_ms()};
}

/* Personal values into the vault, their commitments into the record. */
static enum kz_err keep_apart(struct registry *r, char why[RECORD_WHY_SIZE],
                              json_t **record)
{
    char text[VAULT_WHY_SIZE];
    struct miner_id id;
    json_t *stored = NULL, *personal = NULL, *commitments = NULL, *committed = NULL;
    const char *name = record_text(*record, "miner_id");
    if (name == NULL || miner_id_parse(&id, name, strlen(name)) != KZ_OK)
        return record_refuse(why, "miner_id: 3 to 32 of a-z, 0-9 and - expected");
    record_split(&stored, &personal, *record);
    enum kz_err err = vault_put(&commitments, text, r->vault, &id, personal);
    if (err != KZ_OK)
        record_refuse(why, "vault: %.200s", text);
    else
        err = record_commit(&committed, why, stored, personal, commitments);
    json_decref(stored);
    json_decref(personal);
    json_decref(commitments);
    if (err != KZ_OK)
        return err;
    json_decref(*record);
    *record = committed;
    return KZ_OK;
}

/* False: said why not. */
static bool may_apply(struct registry *r, const json_t *draft,
                      registry_done_fn *on_done, void *ctx)
{
    char why[RECORD_WHY_SIZE];
    const char *id = record_text(draft, "miner_id");
    if (!is_open(r, on_done, ctx))
        return false;
    if (id == NULL || json_object_get(r->miners, id) == NULL)
        return true;
    snprintf(why, sizeof(why), "miner_id: \"%.40s\" is registered already", id);
    on_done(ctx, KZ_RANGE, NULL, why);
    return false;
}

void registry_apply_take(struct registry *r, json_t *draft,
                         struct record_happened *happened, registry_done_fn *on_done,
                         void *ctx)
{
    char why[RECORD_WHY_SIZE];
    bool is_refused = !may_apply(r, draft, on_done, ctx);
    if (!is_refused && keep_apart(r, why, &draft) == KZ_OK) {
        put(r, NULL, draft, happened, on_done, ctx);
        return;
    }
    json_decref(draft);
    json_decref(happened->detail);
    if (!is_refused)
        on_done(ctx, KZ_RANGE, NULL, why);
}

/* NULL: there is no such miner, and it was said. */
static const json_t *find_to_change(struct registry *r, const char *id,
                                    registry_done_fn *on_done, void *ctx)
{
    char why[RECORD_WHY_SIZE];
    if (!is_open(r, on_done, ctx))
        return NULL;
    const json_t *record = json_object_get(r->miners, id);
    if (record == NULL) {
        snprintf(why, sizeof(why), "no miner \"%.64s\"", id);
        on_done(ctx, KZ_EMPTY, NULL, why);
    }
    return record;
}

void registry_change(struct registry *r, const char *id, registry_how_fn *how,
                     const void *what, const struct registry_order *order,
                     registry_done_fn *on_done, void *ctx)
{
    char why[RECORD_WHY_SIZE];
    json_t *changed = NULL;
    struct record_happened happened = {.actor = NULL};
    const struct record_act act = registry_act(r, order);
    const json_t *record = find_to_change(r, id, on_done, ctx);
    if (record == NULL)
        return;
    if (how(what, &changed, &happened, why, record, &act) != KZ_OK)
        on_done(ctx, KZ_RANGE, NULL, why);
    else
        put(r, record, changed, &happened, on_done, ctx);
}

void registry_note(struct registry *r, enum audit_word word, const char *miner,
                   const struct registry_order *order, const json_t *detail,
                   const json_t *facts, registry_done_fn *on_done, void *ctx)
{
    char why[AUDIT_WHY_SIZE];
    json_t *event = NULL;
    const struct audit_event e = {.time_ms = clock_utc_ms(),
                                  .instance = r->conf->instance,
                                  .word = word,
                                  .miner = miner,
                                  .actor = order->by,
                                  .role = order->role,
                                  .reason = order->reason,
                                  .basis = order->basis,
                                  .detail = detail};
    if (!is_open(r, on_done, ctx))
        return;
    if (facts != NULL && r->facts_are_changing) {
        on_done(ctx, KZ_BUSY, NULL, "another such change is being written; try again");
        return;
    }
    if (audit_event_build(&event, why, &e, 1) != KZ_OK) {
        on_done(ctx, KZ_RANGE, NULL, why);
        return;
    }
    struct ask *a = registry_ask(r, ASK_NOTE);
    a->on_done = on_done;
    a->ctx = ctx;
    a->facts =
        facts != NULL ? json_deep_copy(facts) : NULL; /* another than the store's */
    r->changes++;
    r->facts_are_changing |= facts != NULL;
    store_audit_put(r->store, event, facts != NULL ? json_deep_copy(facts) : NULL,
                    registry_on_reply, a);
}

/* --- what time alone changes --------------------------------------------------------- */

/* Nobody asked for it, so nobody else would hear; it is tried again at the next look. */
static void on_due_done(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    (void)ctx;
    if (err != KZ_OK)
        log_error("registry_due_failed", kv_str("why", text));
    json_decref(value);
}

/* Suspends and restricts what is due; a stop order that begins or ends changes nobody's
 * record, but the roster. */
void registry_look_what_is_due(struct registry *r)
{
    const char *id;
    json_t *record;
    const struct record_view view = registry_view(r);
    r->due_at = clock_now();
    if (registry_is_stopped(r) != r->is_stopped)
        registry_publish(r);
    json_object_foreach(r->miners, id, record)
    {
        json_t *changed = NULL;
        struct record_happened happened = {.actor = NULL};
        if (r->went_back || r->must_load || r->changes > 0)
            return; /* what is under way may be just that */
        enum record_due due = record_due(&changed, &happened, record, &view);
        if (due == RECORD_DUE_SUSPENSION || due == RECORD_DUE_RESTRICTION) {
            put(r, record, changed, &happened, on_due_done, NULL);
            return;
        }
    }
}
