#include "pool/report/table.h"

#include "conf/clock.h"
#include "conf/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct report_row {
    struct cell *cells; /* one a column of the kind, shown or not */
};

struct rows {
    struct report_row *row;
    size_t count, room;
};

struct report {
    enum report_id id;
    const struct report_kind *kind;
    struct report_header header; /* its texts are owned here */
    struct rows rows, totals;
    struct report_row *current;
};

static const struct cell empty_cell = {0};

/* --- life ----------------------------------------------------------------------------- */

static bool header_is_clean(const struct report_header *h)
{
    struct cell c = {0};
    bool ok = cell_set_text(&c, CELL_TEXT, h->jurisdiction) == KZ_OK &&
              cell_set_text(&c, CELL_TEXT, h->operator_name) == KZ_OK &&
              cell_set_text(&c, CELL_TEXT, h->timezone) == KZ_OK;
    cell_clear(&c);
    return ok;
}

enum kz_err report_new(struct report **out, enum report_id id,
                       const struct report_header *header)
{
    if (!report_is_disclosed(id, header->disclosure) || !header_is_clean(header))
        return KZ_RANGE;
    struct report *r = mem_new(sizeof(*r));
    r->id = id;
    r->kind = report_kind_of(id);
    r->header = *header;
    r->header.jurisdiction = mem_text(header->jurisdiction);
    r->header.operator_name = mem_text(header->operator_name);
    r->header.timezone = mem_text(header->timezone);
    *out = r;
    return KZ_OK;
}

static void rows_clear(struct rows *rows, size_t columns)
{
    for (size_t i = 0; i < rows->count; i++) {
        for (size_t c = 0; c < columns; c++)
            cell_clear(&rows->row[i].cells[c]);
        mem_free(rows->row[i].cells);
    }
    mem_free(rows->row);
    *rows = (struct rows){0};
}

void report_free(struct report *r)
{
    if (r == NULL)
        return;
    rows_clear(&r->rows, r->kind->count);
    rows_clear(&r->totals, r->kind->count);
    mem_free((char *)r->header.jurisdiction);
    mem_free((char *)r->header.operator_name);
    mem_free((char *)r->header.timezone);
    mem_free(r);
}

enum report_id report_id(const struct report *r)
{
    return r->id;
}

const struct report_header *report_header(const struct report *r)
{
    return &r->header;
}

/* --- building ------------------------------------------------------------------------- */

static struct report_row *add_row(struct rows *rows, size_t columns)
{
    if (rows->count == rows->room) {
        rows->room = rows->room > 0 ? 2 * rows->room : 16;
        rows->row = mem_resize(rows->row, rows->room * sizeof(*rows->row));
    }
    struct report_row *row = &rows->row[rows->count++];
    row->cells = mem_array(columns, sizeof(*row->cells));
    return row;
}

void report_row_begin(struct report *r)
{
    r->current = add_row(&r->rows, r->kind->count);
}

static size_t column_at(const struct report *r, const char *name)
{
    size_t i = 0;
    while (i < r->kind->count && strcmp(r->kind->columns[i].name, name) != 0)
        i++;
    assert(i < r->kind->count);
    return i;
}

/* NULL: not shown. */
static struct cell *cell_to_set(const struct report *r, const struct column **column,
                                const char *name)
{
    assert(r->current != NULL);
    size_t at = column_at(r, name);
    *column = &r->kind->columns[at];
    return column_is_disclosed(*column, r->header.disclosure) ? &r->current->cells[at]
                                                              : NULL;
}

enum kz_err report_set_text(struct report *r, const char *name, const char *text)
{
    const struct column *column;
    struct cell *c = cell_to_set(r, &column, name);
    if (c == NULL || text == NULL)
        return KZ_OK;
    return cell_set_text(c, column->type, text);
}

enum kz_err report_set_number(struct report *r, const char *name, int64_t number)
{
    const struct column *column;
    struct cell *c = cell_to_set(r, &column, name);
    assert(column->type != CELL_SAT);
    return c == NULL ? KZ_OK : cell_set_number(c, column->type, number);
}

void report_set_amount(struct report *r, const char *name, struct amount amount)
{
    const struct column *column;
    struct cell *c = cell_to_set(r, &column, name);
    assert(column->type == CELL_SAT);
    if (c == NULL)
        return;
    enum kz_err err = cell_set_number(c, CELL_SAT, amount_to_sat(amount));
    assert(err == KZ_OK); /* an amount is always in its range */
}

/* --- totals --------------------------------------------------------------------------- */

static bool has_total(const struct report *r, enum column_total total)
{
    for (size_t i = 0; i < r->kind->count; i++)
        if (r->kind->columns[i].total == total)
            return true;
    return false;
}

static bool has_same_key(const struct report *r, const struct report_row *a,
                         const struct report_row *b)
{
    for (size_t i = 0; i < r->kind->count; i++)
        if (r->kind->columns[i].total == TOTAL_KEY &&
            !cell_equal(&a->cells[i], &b->cells[i]))
            return false;
    return true;
}

static enum kz_err add_to_group(const struct report *r, struct report_row *to,
                                const struct report_row *row, bool is_first)
{
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < r->kind->count && err == KZ_OK; i++) {
        const struct column *c = &r->kind->columns[i];
        if (c->total == TOTAL_SUM)
            err = cell_add(&to->cells[i], c->type, &row->cells[i]);
        else if (c->total == TOTAL_LAST ||
                 (is_first && (c->total == TOTAL_FIRST || c->total == TOTAL_KEY)))
            cell_copy(&to->cells[i], &row->cells[i]);
    }
    return err;
}

/* Over everything, balances of all keys add up, too; a name of the last of them would
 * mean nothing. */
static enum kz_err add_to_all(const struct report *r, struct report_row *to,
                              const struct report_row *row)
{
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < r->kind->count && err == KZ_OK; i++) {
        const struct column *c = &r->kind->columns[i];
        if (c->total == TOTAL_SUM || (c->type == CELL_SAT && c->total != TOTAL_NONE))
            err = cell_add(&to->cells[i], c->type, &row->cells[i]);
    }
    return err;
}

static enum kz_err add_groups(struct report *r)
{
    const struct report_row *last = NULL;
    struct report_row *to = NULL;
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < r->rows.count && err == KZ_OK; i++) {
        const struct report_row *row = &r->rows.row[i];
        bool is_first = last == NULL || !has_same_key(r, last, row);
        if (is_first)
            to = add_row(&r->totals, r->kind->count);
        err = add_to_group(r, to, row, is_first);
        last = row;
    }
    return err;
}

enum kz_err report_add_totals(struct report *r)
{
    enum kz_err err = KZ_OK;
    if (!has_total(r, TOTAL_SUM))
        return KZ_OK;
    assert(r->totals.count == 0);
    bool has_groups = has_total(r, TOTAL_KEY);
    if (has_groups)
        err = add_groups(r);
    size_t groups = r->totals.count;
    struct report_row *all = add_row(&r->totals, r->kind->count);
    const struct rows *parts = has_groups ? &r->totals : &r->rows;
    size_t count = has_groups ? groups : r->rows.count;
    for (size_t i = 0; i < count && err == KZ_OK; i++)
        err = add_to_all(r, all, &parts->row[i]);
    if (err != KZ_OK)
        rows_clear(&r->totals, r->kind->count);
    r->current = NULL;
    return err;
}

void report_totals_edit(struct report *r, size_t i)
{
    assert(i < r->totals.count);
    r->current = &r->totals.row[i];
}

/* --- reading -------------------------------------------------------------------------- */

size_t report_row_count(const struct report *r)
{
    return r->rows.count;
}

const struct report_row *report_row(const struct report *r, size_t i)
{
    assert(i < r->rows.count);
    return &r->rows.row[i];
}

size_t report_totals_count(const struct report *r)
{
    return r->totals.count;
}

const struct report_row *report_totals(const struct report *r, size_t i)
{
    assert(i < r->totals.count);
    return &r->totals.row[i];
}

const struct cell *report_cell(const struct report *r, const struct report_row *row,
                               const char *name)
{
    return row == NULL ? &empty_cell : &row->cells[column_at(r, name)];
}

static void add_field(struct report_field *fields, size_t *count,
                      const struct report_kind *kind, size_t at, enum field_unit unit)
{
    static const char *const ends[] = {
        [FIELD_PLAIN] = "", [FIELD_SAT] = "_sat", [FIELD_BTC] = "_btc"};
    assert(*count < FIELDS_MAX);
    struct report_field *f = &fields[(*count)++];
    f->column = &kind->columns[at];
    f->at = at;
    f->unit = unit;
    int n = snprintf(f->name, sizeof(f->name), "%s%s", f->column->name, ends[unit]);
    assert(n > 0 && (size_t)n < sizeof(f->name));
}

size_t report_fields_of(struct report_field fields[FIELDS_MAX], enum report_id id,
                        enum disclosure level)
{
    const struct report_kind *kind = report_kind_of(id);
    size_t count = 0;
    for (size_t i = 0; i < kind->count; i++) {
        if (!column_is_disclosed(&kind->columns[i], level))
            continue;
        if (kind->columns[i].type == CELL_SAT) {
            add_field(fields, &count, kind, i, FIELD_SAT);
            add_field(fields, &count, kind, i, FIELD_BTC);
        } else {
            add_field(fields, &count, kind, i, FIELD_PLAIN);
        }
    }
    return count;
}

size_t report_fields(struct report_field fields[FIELDS_MAX], const struct report *r)
{
    return report_fields_of(fields, r->id, r->header.disclosure);
}

const struct cell *report_field_cell(const struct report_row *row,
                                     const struct report_field *field)
{
    return &row->cells[field->at];
}

const char *report_field_text(char buffer[CELL_FORMAT_SIZE],
                              const struct report_row *row,
                              const struct report_field *field)
{
    const struct cell *c = report_field_cell(row, field);
    return field->unit == FIELD_BTC ? cell_format_btc(buffer, c)
                                    : cell_format(buffer, c, field->column->type);
}

void report_common(const char *texts[COMMON_COLUMNS - 1],
                   char buffers[COMMON_COLUMNS - 1][COMMON_TEXT_SIZE],
                   const struct report *r)
{
    const struct report_header *h = &r->header;
    snprintf(buffers[1], COMMON_TEXT_SIZE, "%d", r->kind->version);
    clock_utc_format(buffers[4], h->period.from_ms);
    clock_utc_format(buffers[5], h->period.to_ms);
    clock_utc_format(buffers[7], h->generated_ms);
    const char *all[COMMON_COLUMNS - 1] = {
        r->kind->name, buffers[1], h->jurisdiction, h->operator_name,
        buffers[4],    buffers[5], h->timezone,     buffers[7],
    };
    memcpy(texts, all, sizeof(all));
}
