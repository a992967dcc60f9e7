/* pool/report/cell.h - one value of a report: what it may be, and how it is written.
 *
 * Written without localisation, as all files but HTML have it: whole numbers in digits,
 * decimals with a point and no zeros at their end, times in UTC with a Z, dates as
 * 2026-10-31, yes and no as true and false.
 *
 * Errors  KZ_RANGE: not what the type may hold; the cell is untouched.
 * Thread  one at a time. Pure. */
#ifndef POOL_REPORT_CELL_H
#define POOL_REPORT_CELL_H

#include "pool/report/columns.h"

#define CELL_TEXT_MAX    4000 /* bytes */
#define CELL_FORMAT_SIZE 48   /* for what is no text */
#define CELL_MILLIONTHS  INT64_C(1000000)

struct cell {
    bool is_set;
    int64_t number; /* integer, satoshi, millionths, UTC milliseconds, bool */
    char *text;     /* owned; text, code, work, date, hash */
};

void cell_clear(struct cell *c);
/* `to` is empty or set before. */
void cell_copy(struct cell *to, const struct cell *from);
bool cell_equal(const struct cell *a, const struct cell *b);

/* Of the types that are kept as text: UTF-8 without control characters (\\n and
 * \t are none), in the type's own form. */
KZ_MUST_USE enum kz_err cell_set_text(struct cell *c, enum cell_type type,
                                      const char *text);
/* Whether a text cell may hold it; and what one holds in its place: U+FFFD where a character
 * is none, cut at CELL_TEXT_MAX. The caller's to mem_free(). */
bool cell_text_is_clean(const char *text);
char *cell_text_clean(const char *text);
/* Of the others. Decimals are in millionths. */
KZ_MUST_USE enum kz_err cell_set_number(struct cell *c, enum cell_type type,
                                        int64_t number);

/* to += from. An empty cell counts as 0, two of them stay empty. Of integers, money,
 * decimals and work. */
KZ_MUST_USE enum kz_err cell_add(struct cell *to, enum cell_type type,
                                 const struct cell *from);

/* Borrowed from the cell or written into `buffer`; NULL: it is empty. Money in satoshi. */
const char *cell_format(char buffer[CELL_FORMAT_SIZE], const struct cell *c,
                        enum cell_type type);
/* Money in bitcoin with 8 places. */
const char *cell_format_btc(char buffer[CELL_FORMAT_SIZE], const struct cell *c);

/* "12", "12.5", "-0.000001". KZ_PARSE: another form; KZ_RANGE: finer or too large. */
KZ_MUST_USE enum kz_err decimal_parse(int64_t *millionths, const char *text);

#endif
