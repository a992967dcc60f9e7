/* pool/report/columns.h - which reports there are, and the columns of each: data.
 *
 * Names are English and stay: programs of others read them. A money column is one here and
 * two in files, `<name>_sat` and `<name>_btc`. What people read above a column is the
 * catalogue's word for its name (pool/report/catalogue.h).
 *
 * A list inside a report (the blocks of R4 and R9) is a table of its own, R4-blocks and
 * R9-blocks, so that every cell is one value.
 *
 * Disclosure  a column is shown from its level on; subject sees what full does, of one
 *             miner. Names, tax ids and registration ids: full only.
 * Thread      any: constant tables. Source: registry spec section 4. */
#ifndef POOL_REPORT_COLUMNS_H
#define POOL_REPORT_COLUMNS_H

#include "pool/report/period.h"

enum report_id {
    REPORT_R1, /* registry */
    REPORT_R2, /* changes */
    REPORT_R3, /* equipment */
    REPORT_R4, /* production */
    REPORT_R4_BLOCKS,
    REPORT_R5, /* distributions */
    REPORT_R6, /* summary */
    REPORT_R7, /* refusals */
    REPORT_R8, /* alerts */
    REPORT_R9, /* proof of the pool */
    REPORT_R9_BLOCKS,
    REPORT_IDS
};

enum disclosure {
    DISCLOSURE_PUBLIC,
    DISCLOSURE_REGULATOR,
    DISCLOSURE_FULL,
    DISCLOSURE_SUBJECT,
};

enum cell_type {
    CELL_TEXT,
    CELL_CODE, /* one of a closed list of English words, which catalogues translate */
    CELL_INTEGER,
    CELL_SAT,     /* money */
    CELL_DECIMAL, /* up to 6 decimals */
    CELL_WORK,    /* a whole number of up to 38 digits */
    CELL_TIME,    /* an instant */
    CELL_DATE,    /* a day of the zone */
    CELL_HASH,    /* 64 hex digits, lower case */
    CELL_BOOL,
};

/* What a row of totals has in the column. */
enum column_total {
    TOTAL_NONE,
    TOTAL_KEY, /* there is one such row for each value; rows with the same stand together */
    TOTAL_SUM,
    TOTAL_FIRST, /* the first row's: a balance at the start */
    TOTAL_LAST,
};

struct column {
    const char *name;
    enum cell_type type;
    enum column_total total;
    enum disclosure shown_from;
};

struct report_kind {
    const char *name;             /* "R4": in files and file names */
    enum period_kind period;      /* what a profile may change */
    const struct column *columns; /* behind the common ones */
    size_t count;
    bool is_public, is_for_subject;
    int version; /* of the columns: counts up when one changes */
};

const struct report_kind *report_kind_of(enum report_id id);
KZ_MUST_USE enum kz_err report_id_parse(enum report_id *id, const char *name);
/* May the report be given at this level at all? */
bool report_is_disclosed(enum report_id id, enum disclosure level);
bool column_is_disclosed(const struct column *c, enum disclosure level);

const char *disclosure_name(enum disclosure level); /* "public", "regulator", ... */
KZ_MUST_USE enum kz_err disclosure_parse(enum disclosure *level, const char *name);
const char *cell_type_name(enum cell_type type); /* "text", "integer", ... */

/* Before a report's own columns in every row of a CSV file, in the header of the others. */
#define COMMON_COLUMNS 9
extern const char *const common_columns[COMMON_COLUMNS];

#endif
