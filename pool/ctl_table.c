#include "pool/ctl_table.h"

#include "conf/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *ctl_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

int64_t ctl_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

double ctl_real(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

void ctl_set_cell(char cell[CTL_CELL_SIZE], const char *text)
{
    size_t n = 0;
    for (; text[n] != '\0' && n < CTL_CELL_SIZE - 1; n++)
        cell[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
    cell[n] = '\0';
}

/* 1234567 -> "1.23 MH/s" */
void ctl_format_rate(char cell[CTL_CELL_SIZE], double hashes)
{
    static const char units[] = " kMGTPEZ";
    size_t i = 0;
    for (; hashes >= 1000 && i + 2 < sizeof(units); i++)
        hashes /= 1000;
    if (i == 0)
        snprintf(cell, CTL_CELL_SIZE, "%.0f H/s", hashes);
    else
        snprintf(cell, CTL_CELL_SIZE, "%.3g %cH/s", hashes, units[i]);
}

void ctl_format_ago(char cell[CTL_CELL_SIZE], int64_t utc_ms)
{
    int64_t s = (int64_t)time(NULL) - utc_ms / 1000;
    if (utc_ms == 0)
        snprintf(cell, CTL_CELL_SIZE, "never");
    else if (s < 120)
        snprintf(cell, CTL_CELL_SIZE, "%" PRId64 " s ago", s > 0 ? s : 0);
    else if (s < 7200)
        snprintf(cell, CTL_CELL_SIZE, "%" PRId64 " min ago", s / 60);
    else
        snprintf(cell, CTL_CELL_SIZE, "%" PRId64 " h ago", s / 3600);
}

static void measure(struct ctl_table *t, char rows[][CTL_COLUMNS_MAX][CTL_CELL_SIZE],
                    size_t count)
{
    for (size_t c = 0; c < t->columns; c++) {
        t->width[c] = strlen(t->head[c]) - (t->head[c][0] == '>');
        for (size_t r = 0; r < count; r++) {
            size_t len = strlen(rows[r][c]);
            if (len > t->width[c])
                t->width[c] = len;
        }
    }
}

static void print_cell(const struct ctl_table *t, size_t c, const char *text)
{
    bool is_right = t->head[c][0] == '>';
    bool is_last = c + 1 == t->columns;
    int width = is_last && !is_right ? 0 : (int)t->width[c];
    printf("%*s%s", is_right ? width : -width, text, is_last ? "\n" : "  ");
}

static void print_table(struct ctl_table *t,
                        char rows[][CTL_COLUMNS_MAX][CTL_CELL_SIZE], size_t count)
{
    measure(t, rows, count);
    for (size_t c = 0; c < t->columns; c++)
        print_cell(t, c, t->head[c] + (t->head[c][0] == '>'));
    for (size_t r = 0; r < count; r++) {
        for (size_t c = 0; c < t->columns; c++)
            print_cell(t, c, rows[r][c]);
    }
}

#define BATCH 64

void ctl_print_array(struct ctl_table *t, const json_t *array, ctl_fill_fn *fill)
{
    char(*rows)[CTL_COLUMNS_MAX][CTL_CELL_SIZE] = mem_array(BATCH, sizeof(*rows));
    size_t index, used = 0;
    json_t *object;
    bool is_first = true;
    json_array_foreach(array, index, object)
    {
        memset(rows[used], 0, sizeof(rows[used]));
        fill(rows[used++], object);
        if (used == BATCH) {
            print_table(t, rows, used);
            used = 0;
            is_first = false;
        }
    }
    if (used > 0 || is_first)
        print_table(t, rows, used);
    mem_free(rows);
}
