#include "pool/csv_read.h"

#include "conf/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char bom[] = "\xef\xbb\xbf";

static char find_delimiter(const char *p, const char *end)
{
    bool is_quoted = false;
    for (; p < end && (is_quoted || *p != '\n'); p++) {
        if (*p == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && (*p == ',' || *p == ';'))
            return *p;
    }
    return ',';
}

void csv_reader_init(struct csv_reader *r, const char *text, size_t len)
{
    *r = (struct csv_reader){.p = text, .end = text + len, .line = 1};
    if (len >= 3 && memcmp(text, bom, 3) == 0)
        r->p += 3;
    r->delimiter = find_delimiter(r->p, r->end);
}

void csv_reader_clear(struct csv_reader *r)
{
    mem_free(r->text);
    r->text = NULL;
}

KZ_PRINTF(3, 4)
static enum kz_err refuse(struct csv_reader *r, enum kz_err err, const char *format,
                          ...)
{
    va_list args;
    int used = snprintf(r->why, sizeof(r->why), "line %zu: ", r->line);
    va_start(args, format);
    vsnprintf(r->why + used, sizeof(r->why) - (size_t)used, format, args);
    va_end(args);
    r->p = r->end;
    return err;
}

/* Where the line break at `p` ends; `p` itself: there is none. */
static const char *behind_break(const char *p, const char *end)
{
    if (p < end && *p == '\n')
        return p + 1;
    if (p + 1 < end && p[0] == '\r' && p[1] == '\n')
        return p + 2;
    return p;
}

static bool is_cell_end(const struct csv_reader *r)
{
    return r->p == r->end || *r->p == r->delimiter ||
           behind_break(r->p, r->end) != r->p;
}

static enum kz_err read_quoted(struct csv_reader *r, char **to)
{
    for (r->p++; r->p < r->end; r->p++) {
        if (*r->p == '\n')
            r->line++;
        if (*r->p == '"') {
            if (r->p + 1 == r->end || r->p[1] != '"')
                break;
            r->p++;
        }
        *(*to)++ = *r->p;
    }
    if (r->p == r->end)
        return refuse(r, KZ_PARSE, "nothing closes the quote of cell %zu",
                      r->count + 1);
    r->p++;
    if (!is_cell_end(r))
        return refuse(r, KZ_PARSE, "text behind the quotes of cell %zu", r->count + 1);
    return KZ_OK;
}

static enum kz_err read_plain(struct csv_reader *r, char **to)
{
    for (; !is_cell_end(r); r->p++) {
        if (*r->p == '"')
            return refuse(r, KZ_PARSE, "a quote inside of cell %zu", r->count + 1);
        *(*to)++ = *r->p;
    }
    return KZ_OK;
}

static char *without_apostrophe(char *cell)
{
    bool is_ours =
        cell[0] == '\'' && cell[1] != '\0' && strchr("=+-@\t\r", cell[1]) != NULL;
    return is_ours ? cell + 1 : cell;
}

static enum kz_err read_cell(struct csv_reader *r, char **to)
{
    char *cell = *to;
    bool is_quoted = r->p < r->end && *r->p == '"';
    enum kz_err err = is_quoted ? read_quoted(r, to) : read_plain(r, to);
    if (err != KZ_OK)
        return err;
    if (memchr(cell, '\0', (size_t)(*to - cell)) != NULL)
        return refuse(r, KZ_PARSE, "a 0 byte in cell %zu", r->count + 1);
    if (*to - cell > CSV_CELL_MAX)
        return refuse(r, KZ_RANGE, "cell %zu has more than %d bytes", r->count + 1,
                      CSV_CELL_MAX);
    if (r->count == CSV_COLUMNS_MAX)
        return refuse(r, KZ_RANGE, "more than %d cells", CSV_COLUMNS_MAX);
    *(*to)++ = '\0';
    r->cells[r->count++] = without_apostrophe(cell);
    return KZ_OK;
}

static void skip_empty_lines(struct csv_reader *r)
{
    for (const char *next; (next = behind_break(r->p, r->end)) != r->p; r->p = next)
        r->line++;
}

enum kz_err csv_reader_next(struct csv_reader *r)
{
    skip_empty_lines(r);
    if (r->p == r->end)
        return r->why[0] == '\0' ? KZ_EMPTY : KZ_PARSE;
    r->count = 0;
    r->row_line = r->line;
    if (r->text == NULL) /* a row is never longer than what is left, and its zeros */
        r->text = mem_new((size_t)(r->end - r->p) + 2);
    char *to = r->text;
    for (;;) {
        enum kz_err err = read_cell(r, &to);
        if (err != KZ_OK)
            return err;
        if (r->p == r->end || *r->p != r->delimiter)
            break;
        r->p++;
    }
    const char *next = behind_break(r->p, r->end);
    r->line += next != r->p;
    r->p = next;
    return KZ_OK;
}
