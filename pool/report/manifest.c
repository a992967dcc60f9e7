#include "pool/report/manifest.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/canon.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define SCHEMA "kariz-report/1"
#define TAG    "Kariz/report/1"

static const char *const status_names[] = {"new", "correction", "cancellation"};

const char *manifest_status_name(enum manifest_status status)
{
    return status_names[status];
}

bool manifest_name_is_fine(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    size_t len = strlen(name);
    return len >= 1 && len <= MANIFEST_NAME_MAX && name[0] != '.' &&
           strspn(name, allowed) == len && strcmp(name, MANIFEST_FILE) != 0 &&
           strcmp(name, MANIFEST_SIGNATURE_IN) != 0;
}

static bool files_are_fine(const struct manifest *m)
{
    for (size_t i = 0; i < m->file_count; i++) {
        if (!manifest_name_is_fine(m->files[i].name))
            return false;
        if (i > 0 && strcmp(m->files[i - 1].name, m->files[i].name) >= 0)
            return false;
    }
    return true;
}

/* --- writing -------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *hash_json(const struct hash256 *h)
{
    char hex[HASH256_HEX_SIZE];
    if (h == NULL)
        return json_null();
    hex_encode(hex, h->b, sizeof(h->b));
    return json_string(hex);
}

/* One that does not fit is refused by the canonical form. */
static json_t *count_json(uint64_t n)
{
    return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *time_json(int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_utc_format(text, ms);
    return json_string(text);
}

static json_t *period_json(const struct period *p)
{
    char name[PERIOD_TEXT_SIZE];
    period_format(name, p);
    return json_pack("{s:s, s:o, s:o, s:i}", "name", name, "from",
                     time_json(p->from_ms), "to", time_json(p->to_ms),
                     "utc_offset_minutes", p->offset_minutes);
}

static json_t *languages_json(const struct manifest_facts *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->language_count; i++)
        json_array_append_new(list, json_string(f->languages[i]));
    return list;
}

static json_t *journal_json(const struct manifest_facts *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->journal_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "instance",
                                              f->journal[i].instance, "first",
                                              count_json(f->journal[i].first), "last",
                                              count_json(f->journal[i].last)));
    return list;
}

static json_t *audit_json(const struct manifest_facts *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->audit_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "instance",
                                              f->audit[i].instance, "seq",
                                              count_json(f->audit[i].seq), "hash",
                                              hash_json(&f->audit[i].hash)));
    return list;
}

static json_t *reports_json(const struct manifest *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->report_count; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:o}", "id",
                                        report_kind_of(m->reports[i].id)->name, "rows",
                                        count_json(m->reports[i].rows), "totals",
                                        count_json(m->reports[i].totals)));
    return list;
}

static json_t *files_json(const struct manifest *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->file_count; i++) {
        const struct manifest_file *f = &m->files[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o}", "name", f->name,
                                              "report", text_or_null(f->report),
                                              "bytes", count_json(f->bytes), "sha256",
                                              hash_json(&f->sha256)));
    }
    return list;
}

/* NULL where a text is no UTF-8. */
static json_t *facts_json(const struct manifest_facts *f)
{
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o,"
        " s:{s:s, s:s, s:o, s:b}, s:{s:s, s:s, s:o}}",
        "schema", SCHEMA, "status", status_names[f->status], "corrects",
        hash_json(f->corrects), "previous", hash_json(f->previous), "operator",
        f->operator_name, "jurisdiction", f->jurisdiction, "timezone", f->timezone,
        "languages", languages_json(f), "disclosure", disclosure_name(f->disclosure),
        "subject", text_or_null(f->subject), "request", text_or_null(f->request),
        "made_at", time_json(f->made_ms), "period", period_json(&f->period), "journal",
        journal_json(f), "audit", audit_json(f), "profile", "name", f->profile.name,
        "version", f->profile.version, "sha256", hash_json(&f->profile.sha256),
        "verified", f->profile.verified, "software", "name", "kariz", "version",
        f->version, "commit", text_or_null(f->commit));
}

enum kz_err manifest_format(char **text, size_t *len, const struct manifest *m)
{
    char key[2 * XONLY_SIZE + 1];
    assert((m->facts.status == MANIFEST_NEW) == (m->facts.corrects == NULL));
    if (!files_are_fine(m))
        return KZ_RANGE;
    json_t *root = facts_json(&m->facts);
    if (root == NULL)
        return KZ_RANGE;
    hex_encode(key, m->key, sizeof(m->key));
    json_object_set_new(root, "reports", reports_json(m));
    json_object_set_new(root, "files", files_json(m));
    json_object_set_new(root, "key", json_string(key));
    enum kz_err err = canon_format(text, len, root);
    json_decref(root);
    return err;
}

/* --- reading -------------------------------------------------------------------------- */

/* What manifest_parse() hands out points into the rest. */
struct parsed {
    struct manifest m;
    json_t *root;
    struct hash256 corrects, previous;
    const char *languages[MANIFEST_LIST_MAX];
    struct manifest_journal *journal;
    struct manifest_audit *audit;
    struct manifest_report *reports;
    struct manifest_file *files;
};

/* Members that are more than texts. */
struct members {
    const char *schema, *status, *disclosure, *made_at, *profile_sha256, *period, *from,
        *to, *software, *key;
    json_t *corrects, *previous, *languages, *subject, *request, *journal, *audit,
        *reports, *files, *commit;
    int verified, offset_minutes;
};

static enum kz_err refuse(char why[MANIFEST_WHY_SIZE], const char *what)
{
    snprintf(why, MANIFEST_WHY_SIZE, "%s", what);
    return KZ_PARSE;
}

static bool read_hash(struct hash256 *out, const char *text)
{
    return text != NULL &&
           hex_decode(out->b, sizeof(out->b), text, strlen(text)) == KZ_OK;
}

/* `*to` stays NULL for null. */
static bool read_hash_or_null(const struct hash256 **to, struct hash256 *room,
                              const json_t *value)
{
    if (json_is_null(value))
        return true;
    if (!read_hash(room, json_string_value(value)))
        return false;
    *to = room;
    return true;
}

static bool read_text_or_null(const char **to, const json_t *value)
{
    *to = json_string_value(value);
    return *to != NULL || json_is_null(value);
}

static bool read_count(uint64_t *to, json_int_t value)
{
    *to = (uint64_t)value;
    return value >= 0;
}

static bool list_is_fine(const json_t *list)
{
    return json_is_array(list) && json_array_size(list) <= MANIFEST_LIST_MAX;
}

static bool read_languages(struct parsed *p, const json_t *list)
{
    if (!list_is_fine(list))
        return false;
    p->m.facts.languages = p->languages;
    p->m.facts.language_count = json_array_size(list);
    for (size_t i = 0; i < json_array_size(list); i++) {
        p->languages[i] = json_string_value(json_array_get(list, i));
        if (p->languages[i] == NULL)
            return false;
    }
    return true;
}

static bool read_journal(struct parsed *p, const json_t *list)
{
    if (!list_is_fine(list))
        return false;
    p->m.facts.journal_count = json_array_size(list);
    p->m.facts.journal = p->journal =
        mem_array(json_array_size(list), sizeof(*p->journal));
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t first, last;
        struct manifest_journal *j = &p->journal[i];
        if (json_unpack_ex(json_array_get(list, i), NULL, JSON_STRICT,
                           "{s:s, s:I, s:I}", "instance", &j->instance, "first", &first,
                           "last", &last) != 0 ||
            !read_count(&j->first, first) || !read_count(&j->last, last))
            return false;
    }
    return true;
}

static bool read_audit(struct parsed *p, const json_t *list)
{
    if (!list_is_fine(list))
        return false;
    p->m.facts.audit_count = json_array_size(list);
    p->m.facts.audit = p->audit = mem_array(json_array_size(list), sizeof(*p->audit));
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t seq;
        const char *hash;
        struct manifest_audit *a = &p->audit[i];
        if (json_unpack_ex(json_array_get(list, i), NULL, JSON_STRICT,
                           "{s:s, s:I, s:s}", "instance", &a->instance, "seq", &seq,
                           "hash", &hash) != 0 ||
            !read_count(&a->seq, seq) || !read_hash(&a->hash, hash))
            return false;
    }
    return true;
}

static bool read_reports(struct parsed *p, const json_t *list)
{
    if (!list_is_fine(list))
        return false;
    p->m.report_count = json_array_size(list);
    p->m.reports = p->reports = mem_array(json_array_size(list), sizeof(*p->reports));
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t rows, totals;
        const char *id;
        struct manifest_report *r = &p->reports[i];
        if (json_unpack_ex(json_array_get(list, i), NULL, JSON_STRICT,
                           "{s:s, s:I, s:I}", "id", &id, "rows", &rows, "totals",
                           &totals) != 0 ||
            report_id_parse(&r->id, id) != KZ_OK || !read_count(&r->rows, rows) ||
            !read_count(&r->totals, totals))
            return false;
    }
    return true;
}

static bool read_files(struct parsed *p, const json_t *list)
{
    if (!list_is_fine(list))
        return false;
    p->m.file_count = json_array_size(list);
    p->m.files = p->files = mem_array(json_array_size(list), sizeof(*p->files));
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t bytes;
        json_t *report;
        const char *sha256;
        struct manifest_file *f = &p->files[i];
        if (json_unpack_ex(json_array_get(list, i), NULL, JSON_STRICT,
                           "{s:s, s:o, s:I, s:s}", "name", &f->name, "report", &report,
                           "bytes", &bytes, "sha256", &sha256) != 0 ||
            !read_text_or_null(&f->report, report) || !read_count(&f->bytes, bytes) ||
            !read_hash(&f->sha256, sha256))
            return false;
    }
    return files_are_fine(&p->m);
}

static bool read_status(struct manifest_facts *f, const char *name)
{
    for (size_t i = 0; i < sizeof(status_names) / sizeof(status_names[0]); i++) {
        if (strcmp(status_names[i], name) == 0) {
            f->status = (enum manifest_status)i;
            return true;
        }
    }
    return false;
}

/* The name and the offset say the edges; those in the text must be the same. */
static bool read_period(struct period *p, const struct members *m)
{
    int64_t from, to;
    return period_parse(p, m->period, m->offset_minutes) == KZ_OK &&
           clock_utc_parse(&from, m->from, strlen(m->from)) == KZ_OK &&
           clock_utc_parse(&to, m->to, strlen(m->to)) == KZ_OK && from == p->from_ms &&
           to == p->to_ms;
}

static bool unpack(struct manifest_facts *f, struct members *m, json_error_t *error,
                   json_t *root)
{
    return json_unpack_ex(
               root, error, JSON_STRICT,
               "{s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:s, s:o, s:o,"
               " s:{s:s, s:s, s:s, s:i}, s:{s:s, s:s, s:s, s:b}, s:{s:s, s:s, s:o},"
               " s:o, s:o, s:s}",
               "schema", &m->schema, "status", &m->status, "corrects", &m->corrects,
               "previous", &m->previous, "operator", &f->operator_name, "jurisdiction",
               &f->jurisdiction, "timezone", &f->timezone, "languages", &m->languages,
               "disclosure", &m->disclosure, "subject", &m->subject, "request",
               &m->request, "made_at", &m->made_at, "journal", &m->journal, "audit",
               &m->audit, "period", "name", &m->period, "from", &m->from, "to", &m->to,
               "utc_offset_minutes", &m->offset_minutes, "profile", "name",
               &f->profile.name, "version", &f->profile.version, "sha256",
               &m->profile_sha256, "verified", &m->verified, "software", "name",
               &m->software, "version", &f->version, "commit", &m->commit, "reports",
               &m->reports, "files", &m->files, "key", &m->key) == 0;
}

/* The first member that is not what it must be, or NULL. */
static const char *read_members(struct parsed *p, const struct members *m)
{
    struct manifest_facts *f = &p->m.facts;
    f->profile.verified = m->verified != 0;
    const struct {
        const char *name;
        bool is_fine;
    } rows[] = {
        {"schema", strcmp(m->schema, SCHEMA) == 0},
        {"corrects", read_hash_or_null(&f->corrects, &p->corrects, m->corrects)},
        {"previous", read_hash_or_null(&f->previous, &p->previous, m->previous)},
        {"status", read_status(f, m->status)},
        {"languages", read_languages(p, m->languages)},
        {"disclosure", disclosure_parse(&f->disclosure, m->disclosure) == KZ_OK},
        {"subject", read_text_or_null(&f->subject, m->subject)},
        {"request", read_text_or_null(&f->request, m->request)},
        {"commit", read_text_or_null(&f->commit, m->commit)},
        {"made_at",
         clock_utc_parse(&f->made_ms, m->made_at, strlen(m->made_at)) == KZ_OK},
        {"period", read_period(&f->period, m)},
        {"profile.sha256", read_hash(&f->profile.sha256, m->profile_sha256)},
        {"journal", read_journal(p, m->journal)},
        {"audit", read_audit(p, m->audit)},
        {"reports", read_reports(p, m->reports)},
        {"files", read_files(p, m->files)},
        {"key",
         hex_decode(p->m.key, sizeof(p->m.key), m->key, strlen(m->key)) == KZ_OK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!rows[i].is_fine)
            return rows[i].name;
    if ((f->status == MANIFEST_NEW) != (f->corrects == NULL))
        return "status";
    if ((f->disclosure == DISCLOSURE_SUBJECT) != (f->subject != NULL))
        return "subject";
    return NULL;
}

enum kz_err manifest_parse(struct manifest **out, char why[MANIFEST_WHY_SIZE],
                           struct bytes text)
{
    json_error_t error = {0};
    struct members members = {0};
    json_t *root = NULL;
    if (text.len > MANIFEST_SIZE_MAX)
        return refuse(why, "larger than a manifest may be");
    if (canon_read(&root, text) != KZ_OK)
        return refuse(why, "no canonical JSON (RFC 8785)");
    struct parsed *p = mem_new(sizeof(*p));
    p->root = root;
    if (!unpack(&p->m.facts, &members, &error, root)) {
        manifest_free(&p->m);
        return refuse(why, error.text);
    }
    const char *wrong = read_members(p, &members);
    if (wrong != NULL) {
        snprintf(why, MANIFEST_WHY_SIZE, "\"%s\" is not what it must be", wrong);
        manifest_free(&p->m);
        return KZ_PARSE;
    }
    *out = &p->m;
    return KZ_OK;
}

void manifest_free(struct manifest *m)
{
    struct parsed *p = (struct parsed *)m; /* its first member */
    if (p == NULL)
        return;
    json_decref(p->root);
    mem_free(p->journal);
    mem_free(p->audit);
    mem_free(p->reports);
    mem_free(p->files);
    mem_free(p);
}

/* --- the signature -------------------------------------------------------------------- */

enum kz_err manifest_hash(struct hash256 *out, struct bytes text)
{
    json_t *root = NULL;
    enum kz_err err = canon_read(&root, text);
    if (err == KZ_OK)
        err = canon_sha256_tagged(out, TAG, (struct bytes){NULL, 0}, root);
    json_decref(root);
    return err;
}

enum kz_err manifest_sign(char out[MANIFEST_SIGNATURE + 1],
                          const struct sign_context *c, struct bytes text,
                          const uint8_t key[PRIVATE_KEY_SIZE], const uint8_t aux[32])
{
    struct hash256 hash;
    uint8_t signature[SCHNORR_SIZE];
    enum kz_err err = manifest_hash(&hash, text);
    if (err == KZ_OK)
        err = sign_schnorr(signature, c, &hash, key, aux);
    if (err != KZ_OK)
        return err;
    hex_encode(out, signature, sizeof(signature));
    out[MANIFEST_SIGNATURE - 1] = '\n';
    out[MANIFEST_SIGNATURE] = '\0';
    return KZ_OK;
}

bool manifest_is_signed(const struct sign_context *c, struct bytes text,
                        struct bytes signature, const uint8_t key[XONLY_SIZE])
{
    struct hash256 hash;
    uint8_t raw[SCHNORR_SIZE];
    char again[MANIFEST_SIGNATURE];
    if (signature.len != MANIFEST_SIGNATURE ||
        signature.p[MANIFEST_SIGNATURE - 1] != '\n' ||
        hex_decode(raw, sizeof(raw), (const char *)signature.p,
                   MANIFEST_SIGNATURE - 1) != KZ_OK)
        return false;
    /* Lower case only: one signature, one file. */
    hex_encode(again, raw, sizeof(raw));
    return memcmp(again, signature.p, MANIFEST_SIGNATURE - 1) == 0 &&
           manifest_hash(&hash, text) == KZ_OK &&
           sign_schnorr_verify(c, raw, &hash, key);
}
