/* pool/csv_read.h - rows of RFC 4180 as programs and spreadsheets write them.
 *
 * A reader goes over a text in memory, a row a call. Cells may be quoted, a quote inside
 * is doubled, and a quoted cell may hold delimiters and line ends. Rows end in CR LF or
 * LF; the last one's end may lack. A byte order mark in front is skipped. The delimiter
 * is the one of , and ; that is first in the first row outside quotes (RFC 4180 knows
 * the comma alone; spreadsheets of most of Europe and Asia write the other). Empty
 * lines are skipped.
 *
 * The apostrophe that pool/csv.h puts before what a spreadsheet would run is taken off
 * again, so that what we wrote is read as it was.
 *
 * Bytes are not looked into: whoever needs UTF-8 asks json_string().
 *
 * Ownership  csv_reader_init() borrows the text until csv_reader_clear(); a row's cells
 *            are the reader's until the next call.
 * Errors     KZ_PARSE and KZ_RANGE with `why`: the line, and what is wrong with it. No
 *            row can be read behind such a one.
 * Thread     one at a time, whichever. Pure. */
#ifndef POOL_CSV_READ_H
#define POOL_CSV_READ_H

#include "conf/err.h"

#include <stdbool.h>
#include <stddef.h>

#define CSV_COLUMNS_MAX 256
#define CSV_CELL_MAX    4096 /* bytes */
#define CSV_WHY_SIZE    128

struct csv_reader {
    const char *p, *end;
    size_t line; /* of the next row, from 1 */
    char delimiter;
    char *text; /* the row's cells, each with a 0 behind it */
    const char *cells[CSV_COLUMNS_MAX];
    size_t count;
    size_t row_line; /* at which the row begins */
    char why[CSV_WHY_SIZE];
};

void csv_reader_init(struct csv_reader *r, const char *text, size_t len);
void csv_reader_clear(struct csv_reader *r);

/* Fills cells and row_line. KZ_EMPTY: there is no more. KZ_PARSE: a quote where none may
 * be, or one that nothing closes; a 0 byte. KZ_RANGE: too many cells, or too large a one. */
KZ_MUST_USE enum kz_err csv_reader_next(struct csv_reader *r);

#endif
