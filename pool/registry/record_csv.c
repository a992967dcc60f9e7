#include "pool/registry/record_csv.h"

#include "conf/mem.h"
#include "pool/csv_read.h"
#include "pool/registry/record_path.h"
#include "share/bytes.h"

#include <stdio.h>
#include <string.h>

struct column {
    char name[RECORD_PATH_SIZE];
    struct record_path path;
    const struct record_field *field;
};

struct import {
    const struct record_act *act;
    json_t *drafts, *problems;
    json_t *seen; /* ids and certificates of the rows before */
    struct csv_reader reader;
    struct column columns[CSV_COLUMNS_MAX];
    size_t count, rows;
};

/* A rule that quotes what is no UTF-8 any more, being cut, is not quoted itself. */
static json_t *rule_text(const char *rule)
{
    json_t *text = json_string(rule);
    return text != NULL ? text : json_string("is refused");
}

static void add_problem(struct import *m, const char *column, const char *severity,
                        const char *rule)
{
    if (json_array_size(m->problems) < RECORD_CSV_PROBLEMS_MAX)
        json_array_append_new(
            m->problems,
            json_pack("{s:I, s:s?, s:s, s:o}", "line", (json_int_t)m->reader.row_line,
                      "column", column, "severity", severity, "rule", rule_text(rule)));
}

/* --- the first row ---------------------------------------------------------------------- */

static bool is_entry(const struct record_field *f)
{
    return f->shape == RECORD_TEXTS || f->shape == RECORD_OBJECTS;
}

/* NULL: no text or number that may be given. */
static const struct record_field *find_field(const struct record_path *path)
{
    const struct record_field *table = record_fields(), *f = NULL;
    for (size_t i = 0; i < path->count; i++) {
        f = table != NULL ? record_field_find(table, path->steps[i].name) : NULL;
        if (f == NULL || is_entry(f) != (path->steps[i].entry >= 0))
            return NULL;
        table = f->fields;
    }
    if (!record_field_is_given(record_field_find(record_fields(), path->steps[0].name)))
        return NULL;
    bool is_cell = f->shape == RECORD_TEXT || f->shape == RECORD_NUMBER ||
                   f->shape == RECORD_TEXTS;
    return is_cell ? f : NULL;
}

static bool is_there_before(const struct import *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->columns[i].name, name) == 0)
            return true;
    return false;
}

/* A name that is no field's is shown as far as it is a word: it may be a value, in a file
 * without a first row. */
static bool read_column(struct import *m, const char *name)
{
    struct column *c = &m->columns[m->count];
    const char *rule = NULL;
    bool is_path =
        strlen(name) < sizeof(c->name) && record_path_parse(&c->path, name) == KZ_OK;
    if (!is_path || (c->field = find_field(&c->path)) == NULL)
        rule = "no field that a table may have";
    else if (is_there_before(m, name))
        rule = "is there twice";
    if (rule != NULL) {
        add_problem(m, is_path ? name : NULL, "error", rule);
        return false;
    }
    memcpy(c->name, name, strlen(name) + 1);
    m->count++;
    return true;
}

static bool read_first_row(struct import *m)
{
    bool is_right = true;
    enum kz_err err = csv_reader_next(&m->reader);
    if (err != KZ_OK) {
        m->reader.row_line = m->reader.line;
        add_problem(m, NULL, "error",
                    err == KZ_EMPTY ? "there are no rows" : m->reader.why);
        return false;
    }
    for (size_t i = 0; i < m->reader.count; i++)
        is_right = read_column(m, m->reader.cells[i]) && is_right;
    return is_right;
}

/* --- a row ------------------------------------------------------------------------------- */

static json_t *value_of(const struct column *c, const char *cell)
{
    uint64_t number;
    if (c->field->is_null_said && strcmp(cell, "unlimited") == 0)
        return json_null();
    if (c->field->shape != RECORD_NUMBER)
        return json_string(cell); /* NULL: no UTF-8 */
    return decimal_read(&number, cell, INT64_MAX) ? json_integer((json_int_t)number)
                                                  : NULL;
}

static bool read_cell(struct import *m, json_t *fields, size_t i)
{
    const struct column *c = &m->columns[i];
    const char *cell = m->reader.cells[i];
    if (cell[0] == '\0')
        return true;
    json_t *value = value_of(c, cell);
    if (value == NULL) {
        add_problem(m, c->name, "error",
                    c->field->shape == RECORD_NUMBER ? "a whole number expected"
                                                     : "must be UTF-8");
        return false;
    }
    if (record_path_set_take(fields, &c->path, value) == KZ_OK)
        return true;
    add_problem(m, c->name, "error", "the entry before it in the list is empty");
    return false;
}

/* The only word that a field of an object may have is not asked for. */
static void complete_words(json_t *object, const struct record_field *table)
{
    for (const struct record_field *f = table; f->name != NULL; f++) {
        json_t *value = json_object_get(object, f->name), *entry;
        size_t i;
        bool is_only = f->choices != NULL && f->choices[1] == NULL;
        if (value == NULL && is_only)
            json_object_set_new(object, f->name, json_string(f->choices[0]));
        else if (value != NULL && f->shape == RECORD_OBJECT)
            complete_words(value, f->fields);
        else if (value != NULL && f->shape == RECORD_OBJECTS)
            json_array_foreach(value, i, entry) complete_words(entry, f->fields);
    }
}

/* No cell can say an empty list: that there is no owner is said by its reason. */
static void complete_owners(json_t *fields)
{
    if (json_object_get(fields, "no_owner_reason") != NULL &&
        json_object_get(fields, "beneficial_owners") == NULL)
        json_object_set_new(fields, "beneficial_owners", json_array());
}

static bool check_draft(struct import *m, const json_t *draft)
{
    struct record_findings found = {.count = 0};
    struct record_checks with = record_checks_of(m->act);
    with.is_stored = false;
    record_check(&found, draft, &with);
    for (size_t i = 0; i < found.count; i++)
        add_problem(m, found.list[i].path, record_severity_name(found.list[i].severity),
                    found.list[i].rule);
    bool is_right = found.of[RECORD_ERROR] == 0;
    record_findings_clear(&found);
    return is_right;
}

static bool is_new(struct import *m, const char *column, const char *value)
{
    char key[256];
    if (value == NULL)
        return true;
    snprintf(key, sizeof(key), "%s=%s", column, value);
    if (json_object_get(m->seen, key) != NULL) {
        add_problem(m, column, "error", "an earlier row has the same");
        return false;
    }
    json_object_set_new(m->seen, key, json_true());
    return true;
}

static bool is_new_miner(struct import *m, const json_t *draft)
{
    const json_t *certificate = json_object_get(draft, "certificate");
    bool is_id_new = is_new(m, "miner_id", record_text(draft, "miner_id"));
    return is_new(m, "certificate.number", record_text(certificate, "number")) &&
           is_id_new;
}

/* Takes `fields`. */
static void take_row(struct import *m, json_t *fields)
{
    char why[RECORD_WHY_SIZE];
    struct record_happened happened;
    json_t *draft = NULL;
    complete_words(fields, record_fields());
    complete_owners(fields);
    enum kz_err err = record_draft(&draft, &happened, why, fields, m->act);
    json_decref(fields);
    if (err != KZ_OK)
        add_problem(m, NULL, "error", why);
    else if (check_draft(m, draft) && is_new_miner(m, draft))
        json_array_append(m->drafts, draft);
    json_decref(draft);
}

static bool is_empty_row(const struct import *m)
{
    for (size_t i = 0; i < m->reader.count; i++)
        if (m->reader.cells[i][0] != '\0')
            return false;
    return true;
}

static void read_row(struct import *m)
{
    if (is_empty_row(m)) /* as spreadsheets leave them */
        return;
    if (m->reader.count != m->count) {
        add_problem(m, NULL, "error", "as many cells as the first row has expected");
        return;
    }
    json_t *fields = json_object();
    bool is_right = true;
    for (size_t i = 0; i < m->count; i++)
        is_right = read_cell(m, fields, i) && is_right;
    if (is_right)
        take_row(m, fields);
    else
        json_decref(fields);
}

static void read_rows(struct import *m)
{
    enum kz_err err;
    while ((err = csv_reader_next(&m->reader)) == KZ_OK) {
        if (++m->rows > RECORD_CSV_ROWS_MAX) {
            add_problem(m, NULL, "error", "no more rows are read at once");
            return;
        }
        read_row(m);
        if (json_array_size(m->problems) == RECORD_CSV_PROBLEMS_MAX)
            return;
    }
    if (err != KZ_EMPTY) {
        m->reader.row_line = m->reader.line;
        add_problem(m, NULL, "error", m->reader.why);
    }
}

void record_csv_read(json_t **drafts, json_t **problems, const char *text, size_t len,
                     const struct record_act *act)
{
    struct import *m = mem_new(sizeof(*m));
    m->act = act;
    m->drafts = json_array();
    m->problems = json_array();
    m->seen = json_object();
    csv_reader_init(&m->reader, text, len);
    if (read_first_row(m))
        read_rows(m);
    csv_reader_clear(&m->reader);
    json_decref(m->seen);
    *drafts = m->drafts;
    *problems = m->problems;
    mem_free(m);
}
