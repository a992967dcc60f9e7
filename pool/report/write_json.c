#include "pool/report/formats.h"

#include "conf/mem.h"
#include "pool/canon.h"

#include <assert.h>

/* Takes the value. Whatever a report holds has a canonical form: cells are checked. */
static void put_value(FILE *to, json_t *value)
{
    char *text = NULL;
    size_t len = 0;
    enum kz_err err = canon_format(&text, &len, value);
    assert(err == KZ_OK);
    fwrite(text, 1, len, to);
    mem_free(text);
    json_decref(value);
}

static void put_member(FILE *to, const char *name, json_t *value)
{
    fprintf(to, ",\"%s\":", name);
    put_value(to, value);
}

static json_t *columns_json(const struct report_field *fields, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const char *type = fields[i].unit == FIELD_BTC
                               ? "btc"
                               : cell_type_name(fields[i].column->type);
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "name", fields[i].name, "type", type));
    }
    return list;
}

static json_t *field_json(const struct report_row *row, const struct report_field *f)
{
    char buffer[CELL_FORMAT_SIZE];
    const struct cell *c = report_field_cell(row, f);
    const char *text = report_field_text(buffer, row, f);
    if (text == NULL)
        return json_null();
    if (f->column->type == CELL_INTEGER || f->unit == FIELD_SAT)
        return json_integer(c->number);
    if (f->column->type == CELL_BOOL)
        return json_boolean(c->number != 0);
    return json_string(text);
}

struct shown {
    struct report_field fields[FIELDS_MAX];
    size_t count;
};

/* `no` 0: a row of totals. */
static void put_row(FILE *to, const struct shown *s, const struct report_row *row,
                    size_t no)
{
    json_t *o = json_object();
    for (size_t i = 0; i < s->count; i++)
        json_object_set_new(o, s->fields[i].name, field_json(row, &s->fields[i]));
    if (no > 0)
        json_object_set_new(o, "row_no", json_integer((json_int_t)no));
    put_value(to, o);
}

static void put_rows(FILE *to, const struct report *r, const struct shown *s)
{
    fputs(",\"rows\":[", to);
    for (size_t i = 0; i < report_row_count(r); i++) {
        if (i > 0)
            fputc(',', to);
        put_row(to, s, report_row(r, i), i + 1);
    }
    fputc(']', to);
}

static void put_totals(FILE *to, const struct report *r, const struct shown *s)
{
    fputs(",\"totals\":[", to);
    for (size_t i = 0; i < report_totals_count(r); i++) {
        if (i > 0)
            fputc(',', to);
        put_row(to, s, report_totals(r, i), 0);
    }
    fputc(']', to);
}

/* The members stand in the order of their names, as the canonical form has them. */
enum kz_err report_write_json(FILE *to, const struct report *r)
{
    const struct report_header *h = report_header(r);
    const char *common[COMMON_COLUMNS - 1];
    char buffers[COMMON_COLUMNS - 1][COMMON_TEXT_SIZE], period[PERIOD_TEXT_SIZE];
    struct shown s;
    s.count = report_fields(s.fields, r);
    report_common(common, buffers, r);
    period_format(period, &h->period);
    fputs("{\"columns\":", to);
    put_value(to, columns_json(s.fields, s.count));
    put_member(to, "disclosure", json_string(disclosure_name(h->disclosure)));
    put_member(to, "generated_at", json_string(common[7]));
    put_member(to, "jurisdiction", json_string(common[2]));
    put_member(to, "operator", json_string(common[3]));
    put_member(to, "period", json_string(period));
    put_member(to, "period_from", json_string(common[4]));
    put_member(to, "period_to", json_string(common[5]));
    put_member(to, "profile_verified", json_boolean(h->profile_verified));
    put_member(to, "report", json_string(common[0]));
    put_rows(to, r, &s);
    put_member(to, "schema", json_string("kariz-report-table/1"));
    put_member(to, "timezone", json_string(common[6]));
    put_totals(to, r, &s);
    put_member(to, "version", json_string(common[1]));
    fputc('}', to);
    return ferror(to) ? KZ_IO : KZ_OK;
}
