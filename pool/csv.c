#include "pool/csv.h"

#include "conf/mem.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

char *csv_cell(const char *text)
{
    return csv_cell_between(text, ',');
}

char *csv_cell_between(const char *text, char delimiter)
{
    const char special[] = {delimiter, '"', '\r', '\n', '\0'};
    bool is_formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
    bool is_quoted = strpbrk(text, special) != NULL;
    char *out = mem_new(2 * strlen(text) + 4), *to = out;
    if (is_quoted)
        *to++ = '"';
    if (is_formula)
        *to++ = '\'';
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"')
            *to++ = '"';
        *to++ = *p;
    }
    if (is_quoted)
        *to++ = '"';
    *to = '\0';
    return out;
}

static void put(FILE *to, const char *text, const char *behind)
{
    char *cell = csv_cell(text);
    fputs(cell, to);
    fputs(behind, to);
    mem_free(cell);
}

void csv_put_text(FILE *to, const char *text)
{
    put(to, text, ",");
}

void csv_put_number(FILE *to, int64_t number)
{
    fprintf(to, "%" PRId64 ",", number);
}

void csv_put_empty(FILE *to)
{
    fputs(",", to);
}

void csv_end_text(FILE *to, const char *text)
{
    put(to, text, "\r\n");
}

void csv_end_number(FILE *to, int64_t number)
{
    fprintf(to, "%" PRId64 "\r\n", number);
}
