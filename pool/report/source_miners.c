#include "pool/report/source_miners.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/audit/vault.h"
#include "pool/registry/day.h"
#include "pool/registry/registry_record.h"
#include "share/event.h"
#include "share/journal_verify.h"

#include <string.h>

struct source_miners {
    json_t *records;     /* id -> record */
    json_t *names;       /* id -> official name, of those that were looked up */
    struct vault *vault; /* borrowed, may be NULL */
    int offset_minutes;
};

/* --- records of an instant -------------------------------------------------------- */

struct replay {
    int64_t before_ms;
    json_t *records; /* id -> record */
    json_t *known;   /* id -> revision of that, or 0: it is a later one's */
    bool is_damaged;
};

/* A record without an audit event is older than the chain. */
static bool is_before(const json_t *body, int64_t before_ms)
{
    const json_t *event = json_object_get(json_object_get(body, "audit"), "event");
    const char *time = record_text(event, "time");
    int64_t at;
    return time == NULL || clock_utc_parse(&at, time, strlen(time)) != KZ_OK ||
           at < before_ms;
}

static void take_record(struct replay *r, const json_t *body)
{
    json_t *record = json_object_get(body, "record");
    const char *id = record_text(record, "miner_id");
    json_int_t revision = json_integer_value(json_object_get(body, "revision"));
    if (id == NULL)
        return;
    json_int_t known = json_integer_value(json_object_get(r->known, id));
    bool is_taken = is_before(body, r->before_ms) && revision > known;
    json_object_set_new(r->known, id, json_integer(is_taken ? revision : known));
    if (is_taken)
        json_object_set(r->records, id, record);
}

static void on_record(void *ctx, uint32_t stream, const struct journal_record *r,
                      const struct share_record *share)
{
    (void)share;
    if (stream != JOURNAL_EVENTS || r->kind != EVENT_MINER)
        return;
    json_t *body = json_loadb((const char *)r->body.p, r->body.len, 0, NULL);
    take_record(ctx, body);
    json_decref(body);
}

static void on_damage(void *ctx, const struct journal_damage *damage)
{
    struct replay *r = ctx;
    (void)damage;
    r->is_damaged = true;
}

static enum kz_err replay_journal(struct replay *r, char why[SOURCE_WHY_SIZE],
                                  const char *dir)
{
    struct journal_verify_report report;
    const struct journal_verify_options o = {
        .dir = dir, .on_record = on_record, .on_damage = on_damage, .ctx = r};
    if (dir == NULL)
        return KZ_OK;
    enum kz_err err = journal_verify(&report, &o);
    if (err == KZ_OK && r->is_damaged)
        return source_fail(why, KZ_RANGE,
                           "%s: the event stream is damaged: karizctl journal verify "
                           "says where",
                           dir);
    return err == KZ_OK || err == KZ_EMPTY
               ? KZ_OK
               : source_fail(why, err, "%s: the journal cannot be read", dir);
}

/* Those that the journal does not know. */
static void add_today(struct replay *r, const json_t *registry)
{
    json_t *record;
    size_t i;
    json_array_foreach(json_object_get(registry, "miners"), i, record)
    {
        const char *id = record_text(record, "miner_id");
        if (id != NULL && json_object_get(r->known, id) == NULL)
            json_object_set(r->records, id, record);
    }
}

enum kz_err source_miners_read(struct source_miners **out, char why[SOURCE_WHY_SIZE],
                               const struct report_source *s)
{
    struct replay r = {.before_ms = s->header.period.to_ms,
                       .records = json_object(),
                       .known = json_object()};
    json_t *registry = NULL;
    enum kz_err err = replay_journal(&r, why, s->journal_dir);
    if (err == KZ_OK && store_read_registry(&registry, s->store) != KZ_OK)
        err = source_fail(why, KZ_IO, "Redis is away");
    if (err == KZ_OK) {
        add_today(&r, registry);
        *out = mem_new(sizeof(**out));
        **out = (struct source_miners){json_incref(r.records), json_object(), s->vault,
                                       s->header.period.offset_minutes};
    }
    json_decref(registry);
    json_decref(r.records);
    json_decref(r.known);
    return err;
}

void source_miners_free(struct source_miners *m)
{
    if (m == NULL)
        return;
    json_decref(m->records);
    json_decref(m->names);
    mem_free(m);
}

const json_t *source_miners_all(const struct source_miners *m)
{
    return m->records;
}

/* --- what held on a day ----------------------------------------------------------- */

static bool day_at(struct day *out, const json_t *object, const char *key)
{
    const char *text = record_text(object, key);
    return text != NULL && day_parse(out, text) == KZ_OK;
}

const json_t *source_certificate_at(const struct source_miners *m, const char *id,
                                    int64_t at_ms)
{
    const json_t *record = json_object_get(m->records, id), *found = NULL, *one;
    const json_t *list = json_object_get(record, "certificates_before");
    struct day day = day_of_ms(at_ms, m->offset_minutes), until, earliest = {0};
    for (size_t i = 0; i < json_array_size(list); i++) {
        one = json_array_get(list, i);
        if (!day_at(&until, one, "replaced_on") || until.n <= day.n ||
            (found != NULL && until.n >= earliest.n))
            continue;
        found = one;
        earliest = until;
    }
    return found != NULL ? found : json_object_get(record, "certificate");
}

static bool has_time(int64_t *ms, const json_t *object, const char *key)
{
    const char *text = record_text(object, key);
    return text != NULL && clock_utc_parse(ms, text, strlen(text)) == KZ_OK;
}

/* The list is in the order of registration: the newest live one is paid. */
const char *source_address_at(const struct source_miners *m, const char *id,
                              int64_t at_ms)
{
    const json_t *list =
        json_object_get(json_object_get(m->records, id), "payout_addresses");
    for (size_t i = json_array_size(list); i > 0; i--) {
        const json_t *one = json_array_get(list, i - 1);
        int64_t from, to;
        if (has_time(&from, one, "from") && from > at_ms)
            continue;
        if (!has_time(&to, one, "to") || to > at_ms)
            return record_text(one, "address");
    }
    return NULL;
}

static bool is_used_on(const json_t *equipment, struct day day)
{
    struct day from, to;
    return (!day_at(&from, equipment, "from") || from.n <= day.n) &&
           (!day_at(&to, equipment, "to") || to.n > day.n);
}

struct source_equipment source_equipment_at(const struct source_miners *m,
                                            const char *id, int64_t at_ms)
{
    const json_t *list = json_object_get(json_object_get(m->records, id), "equipment");
    struct day day = day_of_ms(at_ms, m->offset_minutes);
    struct source_equipment sum = {0};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (!is_used_on(one, day))
            continue;
        sum.ghs += (uint64_t)json_integer_value(json_object_get(one, "nominal_ghs"));
        sum.watts += (uint64_t)json_integer_value(json_object_get(one, "power_w"));
    }
    return sum;
}

/* --- cells ------------------------------------------------------------------------ */

enum kz_err source_set_miner(struct report *r, char why[SOURCE_WHY_SIZE],
                             const struct source_miners *m, const char *id,
                             int64_t at_ms)
{
    static const char *const names[] = {"kind", "residency", "residence_country"};
    const json_t *record = json_object_get(m->records, id);
    const json_t *certificate = source_certificate_at(m, id, at_ms);
    enum kz_err err = source_set_text(r, why, "miner_id", id);
    if (err == KZ_OK)
        err = source_set_text(r, why, "certificate_no",
                              record_text(certificate, "number"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && err == KZ_OK; i++)
        err = source_set_text(r, why, names[i], record_text(record, names[i]));
    return err;
}

/* Of persons it is in the vault. An erased one has no name any more. */
static const char *name_of(struct source_miners *m, const char *id,
                           const json_t *record)
{
    char why[VAULT_WHY_SIZE];
    struct miner_id miner;
    json_t *values = NULL;
    const char *public_name = record_text(record, "official_name");
    const json_t *known = json_object_get(m->names, id);
    if (public_name != NULL || m->vault == NULL)
        return public_name;
    if (known == NULL && miner_id_parse(&miner, id, strlen(id)) == KZ_OK) {
        enum kz_err err = vault_get(&values, why, m->vault, &miner);
        const json_t *kept =
            err == KZ_OK ? json_object_get(values, "official_name") : NULL;
        const char *text = record_text(kept, "value");
        json_object_set_new(m->names, id, json_string(text != NULL ? text : ""));
        json_decref(values);
        known = json_object_get(m->names, id);
    }
    const char *name = json_string_value(known);
    return name != NULL && name[0] != '\0' ? name : NULL;
}

enum kz_err source_set_identity(struct report *r, char why[SOURCE_WHY_SIZE],
                                struct source_miners *m, const char *id)
{
    const json_t *record = json_object_get(m->records, id);
    if (report_header(r)->disclosure < DISCLOSURE_FULL)
        return KZ_OK;
    enum kz_err err = source_set_text(
        r, why, "tax_id", record_text(json_object_get(record, "tax_id"), "value"));
    return err == KZ_OK
               ? source_set_text(r, why, "official_name", name_of(m, id, record))
               : err;
}
