/* From an event's body to the arguments of the script that applies it. */
#include "share/store_internal.h"

#include "conf/mem.h"
#include "share/crc32c.h"
#include "share/keys.h"
#include "share/scripts.h"
#include "share/scripts_events.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of what is over: a rate period, a job's snapshot. Longer than any replay of them. */
#define MARKS_KEPT_S (30 * INT64_C(86400))

/* --- arguments -------------------------------------------------------------------- */

void script_args_clear(struct script_args *a)
{
    for (size_t i = 0; i < a->owned_count; i++)
        mem_free(a->owned[i]);
    mem_free(a->owned);
    mem_free(a->argv);
    mem_free(a->lens);
    memset(a, 0, sizeof(*a));
}

void script_add_bytes(struct script_args *a, const void *p, size_t len)
{
    if (a->argc == a->room) {
        a->room = a->room > 0 ? 2 * a->room : 64;
        a->argv = mem_resize(a->argv, a->room * sizeof(*a->argv));
        a->lens = mem_resize(a->lens, a->room * sizeof(*a->lens));
    }
    a->argv[a->argc] = p;
    a->lens[a->argc++] = len;
}

void script_add(struct script_args *a, const char *text)
{
    script_add_bytes(a, text, strlen(text));
}

/* Takes `p`. */
static void add_owned(struct script_args *a, void *p, size_t len)
{
    if (a->owned_count == a->owned_room) {
        a->owned_room = a->owned_room > 0 ? 2 * a->owned_room : 64;
        a->owned = mem_resize(a->owned, a->owned_room * sizeof(*a->owned));
    }
    a->owned[a->owned_count++] = p;
    script_add_bytes(a, p, len);
}

void script_add_copy(struct script_args *a, const char *text)
{
    add_owned(a, mem_text(text), strlen(text));
}

static void add_number(struct script_args *a, int64_t v)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, v);
    script_add_copy(a, text);
}

static void add_json(struct script_args *a, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    script_add_copy(a, text != NULL ? text : "null");
    free(text); /* allowed: jansson's */
}

/* --- slices, refusals, miners ----------------------------------------------------- */

static enum kz_err slice_script(struct script_args *a, const struct store *s,
                                const struct journal_record *r, const char *expected,
                                const char *cursor)
{
    struct slice_record slice = {0};
    char key[KEY_SIZE], hash[HASH256_HEX_SIZE] = "";
    if (slice_record_read(&slice, r->body) != KZ_OK)
        return KZ_PARSE;
    script_add(a, "EVAL");
    script_add(a, SCRIPT_SLICE);
    script_add(a, "4");
    key_cursor(key, s->conf.instance, JOURNAL_EVENTS);
    script_add_copy(a, key);
    key_slices(key, s->conf.instance);
    script_add_copy(a, key);
    key_slice(key, s->conf.instance, slice.id);
    script_add_copy(a, key);
    key_block_slices(key, s->conf.instance);
    script_add_copy(a, key);
    script_add_copy(a, expected);
    script_add_copy(a, cursor);
    add_number(a, (int64_t)slice.id);
    uint8_t *bytes = mem_new(r->body.len + 4);
    memcpy(bytes, r->body.p, r->body.len);
    write_le32(bytes + r->body.len, crc32c_of(r->body.p, r->body.len));
    add_owned(a, bytes, r->body.len + 4);
    if (slice_has_block(&slice))
        hash256_format_display(hash, &slice.block);
    script_add_copy(a, hash);
    slice_record_clear(&slice);
    return KZ_OK;
}

static enum kz_err refusals_script(struct script_args *a, const struct store *s,
                                   const struct journal_record *r, const char *expected,
                                   const char *cursor)
{
    struct tally_refusal refusals[TALLY_REFUSALS_MAX];
    size_t used, entries_used;
    struct batch_source from = {.instance = s->conf.instance,
                                .keep = store_retention(&s->conf),
                                .stream = JOURNAL_EVENTS,
                                .refusals = refusals};
    if (event_refusals_read(refusals, &from.refusal_count, r->body) != KZ_OK)
        return KZ_PARSE;
    struct batch *b = batch_build(&from, &entries_used, &used);
    script_add(a, "EVAL");
    script_add(a, SCRIPT_BATCH);
    add_number(a, (int64_t)b->key_count);
    for (size_t i = 0; i < b->key_count; i++)
        script_add_copy(a, b->texts[i]);
    script_add_copy(a, expected);
    script_add_copy(a, cursor);
    for (size_t i = b->key_count; i < b->text_count; i++)
        script_add_copy(a, b->texts[i]);
    batch_free(b);
    return KZ_OK;
}

static const char *text_at(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "";
}

static bool holds_nothing(const json_t *record)
{
    const char *state = text_at(record, "state");
    return strcmp(state, "revoked") == 0 || strcmp(state, "closed") == 0 ||
           strcmp(state, "rejected") == 0;
}

void registry_add_keys(struct script_args *a)
{
    static const char *const keys[] = {KEY_REG_MINERS, KEY_REG_LIVE,
                                       KEY_REG_CERTS,  KEY_REG_ADDRESSES,
                                       KEY_REG_SEQ,    KEY_REG_VERSION};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        script_add(a, keys[i]);
}

const char *registry_certificate(const json_t *record)
{
    return holds_nothing(record)
               ? ""
               : text_at(json_object_get(record, "certificate"), "number");
}

static bool is_live(const json_t *thing)
{
    const json_t *to = json_object_get(thing, "to");
    return to == NULL || json_is_null(to);
}

/* "tax_id:TM:123": no address has a colon. What is not there is held by nobody. */
static void add_number_held(struct script_args *a, const char *field, const char *of,
                            const char *value)
{
    char text[512];
    if (value[0] == '\0')
        return;
    snprintf(text, sizeof(text), "%s:%.100s:%.350s", field, of, value);
    for (char *p = text; *p != '\0'; p++) /* one holding a line */
        if (*p == '\n')
            *p = ' ';
    script_add_copy(a, text);
}

void registry_add_holdings(struct script_args *a, const json_t *record)
{
    size_t i;
    json_t *one;
    const json_t *tax = json_object_get(record, "tax_id"),
                 *registration = json_object_get(record, "registration_id");
    if (holds_nothing(record))
        return;
    json_array_foreach(json_object_get(record, "payout_addresses"), i,
                       one) if (is_live(one))
        script_add_copy(a, text_at(one, "address"));
    add_number_held(a, "tax_id", text_at(tax, "country"), text_at(tax, "value"));
    add_number_held(a, "registration_id", text_at(registration, "country"),
                    text_at(registration, "value"));
    json_array_foreach(json_object_get(record, "equipment"), i, one) if (is_live(one))
        add_number_held(a, "serial", text_at(one, "maker"), text_at(one, "serial"));
}

static enum kz_err miner_script(struct script_args *a, const struct store *s,
                                const struct journal_record *r, const char *expected,
                                const char *cursor)
{
    char key[KEY_SIZE];
    json_t *body = json_loadb((const char *)r->body.p, r->body.len, 0, NULL);
    json_t *record = json_object_get(body, "record");
    if (!json_is_object(record)) {
        json_decref(body);
        return KZ_PARSE;
    }
    script_add(a, "EVAL");
    script_add(a, SCRIPT_REGISTRY_APPLY);
    script_add(a, "8");
    registry_add_keys(a);
    key_cursor_registry(key, s->conf.instance);
    script_add_copy(a, key);
    script_add(a, KEY_REG_AUDIT);
    script_add_copy(a, text_at(record, "miner_id"));
    add_number(a, json_integer_value(json_object_get(body, "revision")) - 1);
    script_add_copy(a, registry_certificate(record));
    script_add_copy(a, expected);
    script_add_copy(a, cursor);
    add_number(a, json_integer_value(json_object_get(body, "number")));
    add_json(a, record);
    script_add_copy(a, s->conf.instance);
    if (json_object_get(body, "audit") != NULL)
        add_json(a, json_object_get(body, "audit"));
    else
        script_add(a, "");
    registry_add_holdings(a, record);
    json_decref(body);
    return KZ_OK;
}

static enum kz_err audit_script(struct script_args *a, const struct store *s,
                                const struct journal_record *r, const char *expected,
                                const char *cursor)
{
    char key[KEY_SIZE];
    const char *name;
    json_t *value;
    json_t *body = json_loadb((const char *)r->body.p, r->body.len, 0, NULL);
    if (!json_is_object(json_object_get(body, "audit"))) {
        json_decref(body);
        return KZ_PARSE;
    }
    key_cursor_registry(key, s->conf.instance);
    const char *const head[] = {"EVAL",        SCRIPT_AUDIT,   "4", key, KEY_REG_AUDIT,
                                KEY_REG_FACTS, KEY_REG_VERSION};
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        script_add_copy(a, head[i]);
    script_add_copy(a, expected);
    script_add_copy(a, cursor);
    script_add_copy(a, s->conf.instance);
    add_json(a, json_object_get(body, "audit"));
    json_object_foreach(json_object_get(body, "facts"), name, value)
    {
        script_add_copy(a, name);
        if (json_is_null(value))
            script_add(a, "");
        else
            add_json(a, value);
    }
    json_decref(body);
    return KZ_OK;
}

/* --- the ledger ------------------------------------------------------------------- */

/* Keys of one call, found again by their text. */
struct places {
    json_t *at; /* key -> place, from 1 */
    size_t count;
};

static size_t place_of(struct places *p, const char *key)
{
    json_t *at = json_object_get(p->at, key);
    if (at != NULL)
        return (size_t)json_integer_value(at);
    json_object_set_new(p->at, key, json_integer((json_int_t)++p->count));
    return p->count;
}

static void add_place(struct script_args *a, struct places *p, const char *key)
{
    add_number(a, (int64_t)place_of(p, key));
}

/* Where an account lies: its hash and field, and the sign under which it is kept. */
static void locate_account(const char **hash, const char **field, int *sign,
                           const char *account)
{
    static const struct {
        const char *prefix, *hash;
    } owed[] = {
        {"immature:", KEY_IMMATURE}, {"mature:", KEY_MATURE}, {"held:", KEY_HELD}};
    *hash = KEY_ACCOUNTS;
    *field = account;
    *sign = 1;
    for (size_t i = 0; i < sizeof(owed) / sizeof(owed[0]); i++) {
        size_t len = strlen(owed[i].prefix);
        if (strncmp(account, owed[i].prefix, len) == 0) {
            *hash = owed[i].hash;
            *field = account + len;
            *sign = -1;
        }
    }
}

/* The miner an account belongs to: what is behind its last ':', NULL: nobody. */
static const char *miner_of(const char *account)
{
    const char *colon = strrchr(account, ':');
    return colon != NULL ? colon + 1 : NULL;
}

/* An entry as one miner sees it: only what is theirs. */
static json_t *excerpt_of(json_t *all, const json_t *entry, const char *miner)
{
    json_t *one = json_object_get(all, miner);
    if (one != NULL)
        return one;
    one =
        json_pack("{s:O*, s:O*, s:O*, s:O*, s:{}}", "key",
                  json_object_get(entry, "key"), "kind", json_object_get(entry, "kind"),
                  "reference", json_object_get(entry, "reference"), "time_ms",
                  json_object_get(entry, "time_ms"), "postings");
    json_object_set_new(all, miner, one);
    return one;
}

static json_t *excerpts_of(const json_t *entry)
{
    json_t *all = json_object(), *value;
    const char *account, *key = text_at(entry, "key");
    size_t i;
    if (strncmp(key, "mn:", 3) == 0) { /* a hold of nothing is theirs too */
        char miner[MINER_ID_MAX + 1];
        snprintf(miner, sizeof(miner), "%.*s", (int)strcspn(key + 3, ":"), key + 3);
        excerpt_of(all, entry, miner);
    }
    json_object_foreach(json_object_get(entry, "postings"), account, value)
    {
        const char *miner = miner_of(account);
        if (miner != NULL)
            json_object_set(json_object_get(excerpt_of(all, entry, miner), "postings"),
                            account, value);
    }
    json_array_foreach(json_object_get(entry, "outputs"), i, value)
    {
        const char *miner = json_string_value(json_array_get(value, 0));
        json_t *one = miner != NULL ? excerpt_of(all, entry, miner) : NULL;
        if (one != NULL && json_object_get(one, "outputs") == NULL)
            json_object_set_new(one, "outputs", json_array());
        json_array_append(json_object_get(one, "outputs"), value);
    }
    return all;
}

/* "pps:<period>:<miner>:to=<work>" is done in a hash of its period. */
static void done_key(char out[KEY_SIZE], bool *expires, const char *key)
{
    char period[KEY_SIZE] = "";
    const char *to = strstr(key, ":to=");
    *expires = strncmp(key, "pps:", 4) == 0 && to != NULL;
    if (*expires) {
        snprintf(period, sizeof(period), "%.*s", (int)(to - key - 4), key + 4);
        char *colon = strrchr(period, ':');
        if (colon != NULL)
            *colon = '\0';
    }
    key_done(out, period);
}

static enum kz_err add_entry(struct script_args *a, struct places *p, json_t *expire,
                             const json_t *entry)
{
    char key[KEY_SIZE];
    const char *id = text_at(entry, "key"), *account, *miner;
    json_t *postings = json_object_get(entry, "postings"), *value;
    bool expires;
    if (id[0] == '\0' || !json_is_object(postings))
        return KZ_PARSE;
    done_key(key, &expires, id);
    if (expires)
        json_object_set_new(
            expire, key,
            json_integer(json_integer_value(json_object_get(entry, "time_ms")) / 1000 +
                         MARKS_KEPT_S));
    add_place(a, p, key);
    script_add_copy(a, id);
    add_json(a, entry);
    add_number(a, (int64_t)json_object_size(postings));
    json_object_foreach(postings, account, value)
    {
        const char *hash, *field;
        int sign;
        locate_account(&hash, &field, &sign, account);
        add_place(a, p, hash);
        script_add_copy(a, field);
        add_number(a, sign * json_integer_value(value));
    }
    json_t *said = excerpts_of(entry);
    add_number(a, (int64_t)json_object_size(said));
    json_object_foreach(said, miner, value)
    {
        key_statement(key, miner);
        add_place(a, p, key);
        add_json(a, value);
    }
    json_decref(said);
    return KZ_OK;
}

static void add_block(struct script_args *a, const json_t *block)
{
    const char *member;
    json_t *value, *set = json_object_get(block, "set");
    json_t *open = json_object_get(block, "open");
    script_add_copy(a, text_at(block, "hash"));
    add_number(a, json_integer_value(json_object_get(block, "height")));
    script_add(a, json_is_true(json_object_get(block, "fresh")) ? "fresh" : "set");
    script_add(a, open == NULL ? "" : json_is_true(open) ? "1" : "0");
    add_number(a, (int64_t)json_object_size(set));
    json_object_foreach(set, member, value)
    {
        script_add_copy(a, member);
        add_json(a, value);
    }
}

static void add_marks(struct script_args *a, struct places *p, json_t *expire,
                      const json_t *event, int64_t time_ms)
{
    char key[KEY_SIZE];
    size_t i;
    json_t *mark;
    const json_t *marks = json_object_get(event, "marks");
    add_number(a, (int64_t)json_array_size(marks));
    json_array_foreach(marks, i, mark)
    {
        const char *name = json_string_value(json_array_get(mark, 0));
        bool is_kept = json_array_size(mark) > 3; /* nothing to say when it goes */
        if (key_mark(key, name != NULL ? name : "") && !is_kept)
            json_object_set_new(expire, key,
                                json_integer(time_ms / 1000 + MARKS_KEPT_S));
        add_place(a, p, key);
        const char *field = json_string_value(json_array_get(mark, 1));
        const char *value = json_string_value(json_array_get(mark, 2));
        script_add_copy(a, field != NULL ? field : "");
        script_add_copy(a, value != NULL ? value : "");
    }
}

/* Nothing where the event's end is known already. */
static void add_needs(struct script_args *a, struct places *p, const json_t *event,
                      bool is_judged)
{
    char key[KEY_SIZE];
    size_t i;
    json_t *need;
    const json_t *needs = is_judged ? json_object_get(event, "needs") : NULL;
    add_number(a, (int64_t)json_array_size(needs));
    json_array_foreach(needs, i, need)
    {
        const char *name = json_string_value(json_array_get(need, 0));
        key_mark(key, name != NULL ? name : "");
        add_place(a, p, key);
        for (size_t k = 1; k < 4; k++) {
            const char *text = json_string_value(json_array_get(need, k));
            script_add_copy(a, text != NULL ? text : "");
        }
    }
}

static void add_expiry(struct script_args *a, struct places *p, const json_t *expire)
{
    const char *key;
    json_t *at;
    add_number(a, (int64_t)json_object_size(expire));
    json_object_foreach((json_t *)expire, key, at)
    {
        add_place(a, p, key);
        add_number(a, json_integer_value(at));
    }
}

static enum kz_err add_event(struct script_args *a, struct places *p,
                             const json_t *event, int64_t time_ms, bool is_judged)
{
    json_t *entry, *expire = json_object();
    const json_t *entries = json_object_get(event, "entries");
    size_t i;
    enum kz_err err = KZ_OK;
    add_block(a, json_object_get(event, "block"));
    add_number(a, (int64_t)json_array_size(entries));
    json_array_foreach(entries, i, entry) if (err == KZ_OK) err =
        add_entry(a, p, expire, entry);
    add_marks(a, p, expire, event, time_ms);
    add_expiry(a, p, expire);
    add_needs(a, p, event, is_judged);
    json_decref(expire);
    return err;
}

/* The keys are known when the arguments are: these are made first, apart. */
static enum kz_err ledger_script(struct script_args *a, const struct store *s,
                                 const struct journal_record *r, const char *expected,
                                 const char *cursor, enum event_fate fate)
{
    static const char *const fixed[] = {KEY_ENTRIES,  KEY_ENTRY_SEQ,  KEY_ACCOUNTS,
                                        KEY_IMMATURE, KEY_MATURE,     KEY_HELD,
                                        KEY_BLOCKS,   KEY_BLOCKS_OPEN};
    json_t *event = fate == EVENT_IS_VOID
                        ? json_object()
                        : json_loadb((const char *)r->body.p, r->body.len, 0, NULL);
    const json_t *block = json_object_get(event, "block");
    struct script_args rest = {0};
    struct places p = {.at = json_object()};
    char key[KEY_SIZE];
    if (!json_is_object(event)) {
        json_decref(p.at);
        json_decref(event);
        return KZ_PARSE;
    }
    key_cursor_ledger(key, s->conf.instance);
    place_of(&p, key);
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        place_of(&p, fixed[i]);
    if (block != NULL)
        key_block(key, text_at(block, "hash"));
    else
        snprintf(key, sizeof(key), "blk:{ledger}:"); /* no block: nothing is under it */
    place_of(&p, key);
    enum kz_err err = add_event(&rest, &p, event, r->time_ms, fate == EVENT_IS_OPEN);
    script_add(a, "EVAL");
    script_add(a, SCRIPT_LEDGER);
    add_number(a, (int64_t)p.count);
    const char *name;
    json_t *place;
    json_object_foreach(p.at, name, place) script_add_copy(a, name);
    script_add_copy(a, expected);
    script_add_copy(a, cursor);
    for (size_t i = 0; i < rest.argc; i++)
        script_add_copy(a, rest.argv[i]);
    script_args_clear(&rest);
    json_decref(p.at);
    json_decref(event);
    return err;
}

enum kz_err event_script(struct script_args *a, const struct store *s,
                         const struct journal_record *r, const char *expected,
                         const char *cursor, enum event_fate fate)
{
    switch (r->kind) {
    case EVENT_SLICE:
        return slice_script(a, s, r, expected, cursor);
    case EVENT_REFUSALS:
        return refusals_script(a, s, r, expected, cursor);
    case EVENT_MINER:
        return miner_script(a, s, r, expected, cursor);
    case EVENT_AUDIT:
        return audit_script(a, s, r, expected, cursor);
    case EVENT_LEDGER:
    case EVENT_RESERVE:
    case EVENT_DECIDED:
        return ledger_script(a, s, r, expected, cursor, fate);
    default:
        return KZ_PARSE;
    }
}
