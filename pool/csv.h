/* pool/csv.h - rows of RFC 4180, safe to open in a spreadsheet.
 *
 * A cell of text that begins with = + - @, a tab or a carriage return would be run as a
 * formula by some programs: such a one gets an apostrophe in front, which they show as
 * text. Numbers are written as numbers, a sign included: nothing but digits is in them.
 *
 * The delimiter is a comma but where a function is told: spreadsheets of some countries
 * expect a semicolon.
 *
 * Thread: one at a time, whichever. */
#ifndef POOL_CSV_H
#define POOL_CSV_H

#include <stdint.h>
#include <stdio.h>

/* What to write for `text`, quoted where it must be. The caller's to mem_free(). */
char *csv_cell(const char *text);
char *csv_cell_between(const char *text, char delimiter);

void csv_put_text(FILE *to,
                  const char *text); /* a cell, and the comma before the next */
void csv_put_number(FILE *to, int64_t number);
void csv_put_empty(FILE *to);
/* The last cell of a row: without the comma, with the row's end. */
void csv_end_text(FILE *to, const char *text);
void csv_end_number(FILE *to, int64_t number);

#endif
