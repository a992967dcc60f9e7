#include "pool/registry/reconcile.h"

#include "conf/mem.h"
#include "pool/registry/registry_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the list --------------------------------------------------------------------------- */

static const char *const names[] = {"certificate_no", "tax_id", "name", "state",
                                    "valid_until"};
#define NAMES (sizeof(names) / sizeof(names[0]))

/* Which column has it. */
struct columns {
    size_t at[NAMES]; /* CSV_COLUMNS_MAX: none */
};

static enum kz_err refuse(char why[CSV_WHY_SIZE], size_t line, const char *text)
{
    snprintf(why, CSV_WHY_SIZE, "line %zu: %s", line, text);
    return KZ_RANGE;
}

static enum kz_err read_names(struct columns *columns, char why[CSV_WHY_SIZE],
                              const struct csv_reader *r)
{
    for (size_t n = 0; n < NAMES; n++) {
        columns->at[n] = CSV_COLUMNS_MAX;
        for (size_t i = r->count; i > 0; i--)
            if (strcmp(r->cells[i - 1], names[n]) == 0)
                columns->at[n] = i - 1;
    }
    if (columns->at[0] == CSV_COLUMNS_MAX && columns->at[1] == CSV_COLUMNS_MAX)
        return refuse(why, r->row_line, "a column certificate_no or tax_id expected");
    return KZ_OK;
}

static enum kz_err read_row(json_t *rows, char why[CSV_WHY_SIZE],
                            const struct columns *columns, const struct csv_reader *r)
{
    json_t *row = json_pack("{s:I}", "line", (json_int_t)r->row_line);
    json_array_append_new(rows, row);
    for (size_t n = 0; n < NAMES; n++) {
        size_t at = columns->at[n];
        if (at >= r->count || r->cells[at][0] == '\0')
            continue;
        json_t *text = json_string(r->cells[at]);
        if (text == NULL)
            return refuse(why, r->row_line, "must be UTF-8");
        json_object_set_new(row, names[n], text);
    }
    if (json_object_size(row) == 1) /* an empty row */
        json_array_remove(rows, json_array_size(rows) - 1);
    return json_array_size(rows) <= RECONCILE_ROWS_MAX
               ? KZ_OK
               : refuse(why, r->row_line, "no more rows are read at once");
}

static enum kz_err read_all(json_t *rows, char why[CSV_WHY_SIZE], struct csv_reader *r)
{
    struct columns columns;
    enum kz_err err = csv_reader_next(r);
    if (err == KZ_EMPTY)
        return refuse(why, 1, "there are no rows");
    if (err == KZ_OK)
        err = read_names(&columns, why, r);
    else
        snprintf(why, CSV_WHY_SIZE, "%s", r->why);
    if (err != KZ_OK)
        return err;
    while ((err = csv_reader_next(r)) == KZ_OK)
        if (read_row(rows, why, &columns, r) != KZ_OK)
            return KZ_RANGE;
    if (err == KZ_EMPTY)
        return KZ_OK;
    snprintf(why, CSV_WHY_SIZE, "%s", r->why);
    return err;
}

enum kz_err reconcile_read(json_t **rows, char why[CSV_WHY_SIZE], const char *text,
                           size_t len)
{
    struct csv_reader r;
    json_t *list = json_array();
    csv_reader_init(&r, text, len);
    enum kz_err err = read_all(list, why, &r);
    csv_reader_clear(&r);
    if (err == KZ_OK)
        *rows = list;
    else
        json_decref(list);
    return err;
}

/* --- ours ------------------------------------------------------------------------------- */

static const char *ours_of(const json_t *record, const char *name)
{
    const json_t *certificate = json_object_get(record, "certificate");
    if (strcmp(name, "certificate_no") == 0)
        return record_text(certificate, "number");
    if (strcmp(name, "tax_id") == 0)
        return record_text(json_object_get(record, "tax_id"), "value");
    if (strcmp(name, "name") == 0)
        return record_text(record, "official_name");
    if (strcmp(name, "valid_until") == 0)
        return record_text(certificate, "valid_until");
    switch (record_state(record)) {
    case MINER_ACTIVE:
    case MINER_RESTRICTED:
        return "active";
    case MINER_SUSPENDED:
    case MINER_REVOKED:
    case MINER_CLOSED:
        return miner_state_name(record_state(record));
    case MINER_DRAFT:
    case MINER_SUBMITTED:
    case MINER_REJECTED:
    case MINER_STATES:
        break;
    }
    return NULL;
}

static bool must_be_there(const json_t *record)
{
    enum miner_state state = record_state(record);
    return state == MINER_ACTIVE || state == MINER_RESTRICTED ||
           state == MINER_SUSPENDED;
}

static int by_id(const void *a, const void *b)
{
    const char *x = record_text(*(json_t *const *)a, "miner_id"),
               *y = record_text(*(json_t *const *)b, "miner_id");
    return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

/* --- matching --------------------------------------------------------------------------- */

/* Rows and records by number, in the order that is told. */
struct match {
    size_t record_count, row_count;
    const json_t **records;
    const json_t **row_of;     /* of a record; NULL: none yet */
    const json_t **rows;       /* as they came */
    bool *is_taken, *is_twice; /* of a row */
    json_t *found;
};

static void tell(struct match *m, const char *what, const json_t *record,
                 const json_t *row, const char *field)
{
    const char *number = record != NULL ? ours_of(record, "certificate_no")
                                        : record_text(row, "certificate_no");
    const json_t *line = json_object_get(row, "line");
    json_array_append_new(
        m->found,
        json_pack("{s:s, s:s?, s:s?, s:O, s:s?, s:s?, s:s?}", "what", what, "miner_id",
                  record_text(record, "miner_id"), "certificate_no", number, "line",
                  line != NULL ? line : json_null(), "field", field, "ours",
                  field != NULL ? ours_of(record, field) : NULL, "theirs",
                  field != NULL ? record_text(row, field) : NULL));
}

/* Numbers of free rows by what they have in `name`: the first of the same. */
static json_t *index_rows(const struct match *m, const char *name)
{
    json_t *by_text = json_object();
    for (size_t i = 0; i < m->row_count; i++) {
        const char *text = record_text(m->rows[i], name);
        if (text != NULL && !m->is_taken[i] && !m->is_twice[i] &&
            json_object_get(by_text, text) == NULL)
            json_object_set_new(by_text, text, json_integer((json_int_t)i));
    }
    return by_text;
}

static void mark_twice(struct match *m)
{
    json_t *first = index_rows(m, "certificate_no");
    for (size_t i = 0; i < m->row_count; i++) {
        const char *text = record_text(m->rows[i], "certificate_no");
        m->is_twice[i] =
            text != NULL &&
            json_integer_value(json_object_get(first, text)) != (json_int_t)i;
    }
    json_decref(first);
}

/* Of two records with one number the live one comes first: a closed one's certificate may
 * have been given to nobody else, but an id may come back with a new record. */
static void match_by(struct match *m, const char *name, bool only_live)
{
    json_t *index = index_rows(m, name);
    for (size_t i = 0; i < m->record_count; i++) {
        const char *text = ours_of(m->records[i], name);
        const json_t *at = text != NULL ? json_object_get(index, text) : NULL;
        if (at == NULL || m->row_of[i] != NULL ||
            (only_live && !must_be_there(m->records[i])))
            continue;
        size_t row = (size_t)json_integer_value(at);
        if (m->is_taken[row])
            continue;
        m->is_taken[row] = true;
        m->row_of[i] = m->rows[row];
    }
    json_decref(index);
}

static void compare(struct match *m, const json_t *record, const json_t *row)
{
    for (size_t n = 0; n < NAMES; n++) {
        const char *ours = ours_of(record, names[n]);
        const char *theirs = record_text(row, names[n]);
        bool is_end = strcmp(names[n], "valid_until") == 0;
        /* What they do not say is no difference; nor what we do not have, but for an end
         * where ours has none. */
        if (theirs == NULL || (ours == NULL && !is_end))
            continue;
        if (ours == NULL || strcmp(ours, theirs) != 0)
            tell(m, "differs", record, row, names[n]);
    }
}

static void tell_all(struct match *m)
{
    for (size_t i = 0; i < m->record_count; i++) {
        if (m->row_of[i] != NULL)
            compare(m, m->records[i], m->row_of[i]);
        else if (must_be_there(m->records[i]))
            tell(m, "missing_there", m->records[i], NULL, NULL);
    }
    for (size_t i = 0; i < m->row_count; i++) {
        if (m->is_twice[i])
            tell(m, "twice", NULL, m->rows[i], NULL);
        else if (!m->is_taken[i])
            tell(m, "missing_here", NULL, m->rows[i], NULL);
    }
}

static void match_init(struct match *m, const json_t *records, const json_t *rows)
{
    size_t i;
    json_t *one;
    *m = (struct match){.row_count = json_array_size(rows), .found = json_array()};
    m->records = mem_array(json_array_size(records) + 1, sizeof(*m->records));
    m->row_of = mem_array(json_array_size(records) + 1, sizeof(*m->row_of));
    m->rows = mem_array(m->row_count + 1, sizeof(*m->rows));
    m->is_taken = mem_array(m->row_count + 1, sizeof(*m->is_taken));
    m->is_twice = mem_array(m->row_count + 1, sizeof(*m->is_twice));
    json_array_foreach((json_t *)records, i, one)
    {
        if (record_state(one) != MINER_REJECTED)
            m->records[m->record_count++] = one;
    }
    json_array_foreach((json_t *)rows, i, one) m->rows[i] = one;
    qsort(m->records, m->record_count, sizeof(*m->records), by_id);
}

json_t *reconcile(const json_t *records, const json_t *rows)
{
    struct match m;
    match_init(&m, records, rows);
    mark_twice(&m);
    match_by(&m, "certificate_no", true);
    match_by(&m, "certificate_no", false);
    match_by(&m, "tax_id", true);
    match_by(&m, "tax_id", false);
    tell_all(&m);
    mem_free(m.records);
    mem_free(m.row_of);
    mem_free(m.rows);
    mem_free(m.is_taken);
    mem_free(m.is_twice);
    return m.found;
}
