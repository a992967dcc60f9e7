/* pool/ctl_table.h - tables on standard output, and the cells in them.
 *
 * Text that others chose goes through ctl_set_cell(), which replaces everything outside
 * printable ASCII: a terminal obeys control characters. */
#ifndef POOL_CTL_TABLE_H
#define POOL_CTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_COLUMNS_MAX 12
#define CTL_CELL_SIZE   72

struct ctl_table {
    const char *head[CTL_COLUMNS_MAX]; /* one that begins with '>' is right-aligned */
    size_t columns;
    size_t width[CTL_COLUMNS_MAX]; /* filled on the way */
};

/* Fills a row from an element. */
typedef void ctl_fill_fn(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE],
                         const json_t *object);
/* A table of an array; long ones in parts, each with its head. */
void ctl_print_array(struct ctl_table *t, const json_t *array, ctl_fill_fn *fill);

/* Members of objects; "" and 0 where they are not there. */
const char *ctl_text(const json_t *object, const char *key);
int64_t ctl_number(const json_t *object, const char *key);
double ctl_real(const json_t *object, const char *key);

void ctl_set_cell(char cell[CTL_CELL_SIZE], const char *text);
void ctl_format_rate(char cell[CTL_CELL_SIZE], double hashes); /* "1.23 MH/s" */
void ctl_format_ago(char cell[CTL_CELL_SIZE], int64_t utc_ms); /* "5 min ago" */

#endif
