/* pool/report/table.h - one report in memory: its header, its rows, its totals.
 *
 * Whoever builds a report begins a row and sets its cells by the names of
 * pool/report/columns.h. What is not set stays empty. A cell of a column that the report's
 * level of disclosure does not show is dropped at once: builders set all they know, and
 * no writer can give away what is not there.
 *
 * Units      money in struct amount, decimals in millionths, times in UTC milliseconds.
 * Ownership  report_new() and the setters copy. report_free() accepts NULL.
 * Errors     KZ_RANGE: the value is none of the column's type (pool/report/cell.h); the
 *            cell is untouched. A name that is no column, or one of another type, is our
 *            mistake and asserted.
 * Thread     one at a time. Pure. Source: registry spec section 4. */
#ifndef POOL_REPORT_TABLE_H
#define POOL_REPORT_TABLE_H

#include "payout/amount.h"
#include "pool/report/cell.h"

struct report;
struct report_row;

struct report_header {
    const char *jurisdiction; /* "TM" */
    const char *operator_name;
    const char *timezone; /* "Asia/Ashgabat": the zone of the period's edges */
    struct period period;
    int64_t generated_ms;
    enum disclosure disclosure;
    bool profile_verified; /* false: said on every page */
};

/* KZ_RANGE: the level does not show this report, or a text of the header is not clean. */
KZ_MUST_USE enum kz_err report_new(struct report **out, enum report_id id,
                                   const struct report_header *header);
void report_free(struct report *r);

enum report_id report_id(const struct report *r);
const struct report_header *report_header(const struct report *r);

/* --- building ------------------------------------------------------------------------- */

/* What is set from here on is the new row's. */
void report_row_begin(struct report *r);

/* Text, code, work, date and hash. NULL: the cell stays empty. */
KZ_MUST_USE enum kz_err report_set_text(struct report *r, const char *name,
                                        const char *text);
/* Integer, decimal, time and bool. */
KZ_MUST_USE enum kz_err report_set_number(struct report *r, const char *name,
                                          int64_t number);
void report_set_amount(struct report *r, const char *name, struct amount amount);

/* Once all rows are set: a row of totals for each key (rows with the same key stand
 * together), then one over everything; of a report whose columns have none, nothing.
 * KZ_RANGE: a sum outside what the column may hold; there are no totals then. */
KZ_MUST_USE enum kz_err report_add_totals(struct report *r);
/* What is set from here on is of that row of totals: averages, which are no sums. */
void report_totals_edit(struct report *r, size_t i);

/* --- reading -------------------------------------------------------------------------- */

size_t report_row_count(const struct report *r);
const struct report_row *report_row(const struct report *r, size_t i);
size_t report_totals_count(const struct report *r); /* the last is over everything */
const struct report_row *report_totals(const struct report *r, size_t i);

/* Of a column by its name; an empty cell for one that is not shown. */
const struct cell *report_cell(const struct report *r, const struct report_row *row,
                               const char *name);

/* What a file has for the columns that are shown: two fields for money, one for others. */
enum field_unit { FIELD_PLAIN, FIELD_SAT, FIELD_BTC };

#define FIELD_NAME_SIZE 40
#define FIELDS_MAX      64

struct report_field {
    char name[FIELD_NAME_SIZE]; /* "credited_btc" */
    const struct column *column;
    size_t at; /* of the column in its report */
    enum field_unit unit;
};

size_t report_fields(struct report_field fields[FIELDS_MAX], const struct report *r);
/* The same of a report at a level, without one. */
size_t report_fields_of(struct report_field fields[FIELDS_MAX], enum report_id id,
                        enum disclosure level);

const struct cell *report_field_cell(const struct report_row *row,
                                     const struct report_field *field);
/* Not localised; NULL: empty. */
const char *report_field_text(char buffer[CELL_FORMAT_SIZE],
                              const struct report_row *row,
                              const struct report_field *field);

/* The common columns' texts but row_no, in the order of common_columns. */
#define COMMON_TEXT_SIZE 32
void report_common(const char *texts[COMMON_COLUMNS - 1],
                   char buffers[COMMON_COLUMNS - 1][COMMON_TEXT_SIZE],
                   const struct report *r);

#endif
