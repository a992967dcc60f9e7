#include "pool/report/fill.h"

#include "conf/mem.h"
#include "pool/audit/vault.h"
#include "pool/registry/record_act.h"

#include <stdio.h>
#include <string.h>

static void fail(struct fill *f, enum kz_err err, const char *column)
{
    if (f->is_draft)
        return;
    f->err = err;
    snprintf(f->why, SOURCE_WHY_SIZE, "%s, row %zu: %s cannot hold what is there",
             report_kind_of(report_id(f->report))->name, report_row_count(f->report),
             column);
}

enum kz_err fill_begin(struct fill *f, char why[SOURCE_WHY_SIZE], enum report_id id,
                       const struct report_source *s)
{
    *f = (struct fill){.why = why};
    enum kz_err err = report_new(&f->report, id, &s->header);
    if (err != KZ_OK)
        snprintf(why, SOURCE_WHY_SIZE,
                 "%s: not at the level %s, or the operator's name "
                 "has characters that no report may have",
                 report_kind_of(id)->name, disclosure_name(s->header.disclosure));
    return err;
}

enum kz_err fill_end(struct report **out, struct fill *f)
{
    if (f->err == KZ_OK && report_add_totals(f->report) != KZ_OK) {
        f->err = KZ_RANGE;
        snprintf(f->why, SOURCE_WHY_SIZE, "%s: its totals are too large",
                 report_kind_of(report_id(f->report))->name);
    }
    if (f->err == KZ_OK)
        *out = f->report;
    else
        report_free(f->report);
    return f->err;
}

void fill_row(struct fill *f)
{
    f->is_draft = false;
    if (f->err == KZ_OK)
        report_row_begin(f->report);
}

void fill_text(struct fill *f, const char *column, const char *text)
{
    enum kz_err err =
        f->err == KZ_OK ? report_set_text(f->report, column, text) : KZ_OK;
    if (err != KZ_OK && !f->is_draft) { /* what is chained cannot be mended any more */
        char *clean = cell_text_clean(text);
        err = report_set_text(f->report, column, clean);
        mem_free(clean);
    }
    if (err != KZ_OK)
        fail(f, err, column);
}

void fill_number(struct fill *f, const char *column, int64_t number)
{
    enum kz_err err =
        f->err == KZ_OK ? report_set_number(f->report, column, number) : KZ_OK;
    if (err != KZ_OK)
        fail(f, err, column);
}

void fill_member(struct fill *f, const char *column, const json_t *object,
                 const char *member)
{
    fill_text(f, column, json_string_value(json_object_get(object, member)));
}

void fill_whole(struct fill *f, const char *column, const json_t *object,
                const char *member, int64_t scale)
{
    int64_t number;
    const json_t *value = json_object_get(object, member);
    if (!json_is_integer(value) || f->err != KZ_OK)
        return;
    if (__builtin_mul_overflow((int64_t)json_integer_value(value), scale, &number))
        fail(f, KZ_RANGE, column);
    else
        fill_number(f, column, number);
}

void fill_time(struct fill *f, const char *column, const json_t *object,
               const char *member)
{
    int64_t at;
    if (record_get_time(&at, object, member))
        fill_number(f, column, at);
}

/* --- miners --------------------------------------------------------------------------- */

void fill_miner(struct fill *f, const json_t *record)
{
    bool was_draft = f->is_draft;
    if (record == NULL)
        return;
    f->is_draft = record_state(record) == MINER_DRAFT;
    fill_member(f, "miner_id", record, "miner_id");
    fill_member(f, "certificate_no", json_object_get(record, "certificate"), "number");
    fill_member(f, "kind", record, "kind");
    fill_member(f, "residency", record, "residency");
    fill_member(f, "residence_country", record, "residence_country");
    f->is_draft = was_draft;
}

/* What the record committed to, the caller's; NULL: the vault has that no more. Other values
 * may have changed since: they are not asked for. */
static json_t *committed_name(const json_t *record, struct vault *vault,
                              const struct miner_id *miner)
{
    char why[VAULT_WHY_SIZE];
    json_t *values = NULL, *asked = json_object(), *kept = NULL;
    json_t *hex = json_object_get(json_object_get(record, "personal"), "official_name");
    json_object_set(asked, "official_name", hex);
    if (hex != NULL && vault_get_committed(&values, why, vault, miner, asked) == KZ_OK)
        kept = json_incref(json_object_get(values, "official_name"));
    json_decref(values);
    json_decref(asked);
    return kept;
}

void fill_name(struct fill *f, const json_t *record, struct vault *vault)
{
    char why[VAULT_WHY_SIZE];
    struct miner_id id;
    json_t *values = NULL;
    const char *name = record_text(record, "official_name");
    const char *miner = record_text(record, "miner_id");
    if (name != NULL || vault == NULL) {
        fill_text(f, "official_name", name);
        return;
    }
    if (miner == NULL || miner_id_parse(&id, miner, strlen(miner)) != KZ_OK)
        return;
    json_t *kept = committed_name(record, vault, &id);
    if (kept != NULL) {
        fill_member(f, "official_name", kept, "value");
        json_decref(kept);
        return;
    }
    enum kz_err err = vault_get(&values, why, vault, &id); /* gone, or not readable? */
    json_decref(values);
    if (err != KZ_OK && err != KZ_EMPTY && f->err == KZ_OK) {
        f->err = err;
        snprintf(f->why, SOURCE_WHY_SIZE, "the vault, miner %.32s: %.300s", miner, why);
    }
}

/* --- days ----------------------------------------------------------------------------- */

int64_t fill_instant(const struct report_source *s)
{
    int64_t to = s->header.period.to_ms;
    return to < s->header.generated_ms ? to : s->header.generated_ms;
}

void fill_days(char first[PERIOD_DATE_SIZE], char last[PERIOD_DATE_SIZE],
               const struct report_source *s)
{
    const struct period *p = &s->header.period;
    int64_t end = fill_instant(s);
    period_date(first, p->from_ms, p->offset_minutes);
    period_date(last, end > p->from_ms ? end - 1 : p->from_ms, p->offset_minutes);
}

/* Dates of this form order as texts do. */
bool fill_was_there(const json_t *entry, const char *first, const char *last)
{
    const char *from = record_text(entry, "from"), *to = record_text(entry, "to");
    return (from == NULL || strcmp(from, last) <= 0) &&
           (to == NULL || strcmp(to, first) > 0);
}
