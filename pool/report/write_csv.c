#include "pool/report/formats.h"

#include "conf/mem.h"
#include "pool/csv.h"

/* Only text can be taken for a formula; a number may begin with its sign. */
static bool is_number(const struct report_field *f)
{
    switch (f->column->type) {
    case CELL_INTEGER:
    case CELL_SAT:
    case CELL_DECIMAL:
    case CELL_WORK:
        return true;
    case CELL_TEXT:
    case CELL_CODE:
    case CELL_TIME:
    case CELL_DATE:
    case CELL_HASH:
    case CELL_BOOL:
        return false;
    }
    return false;
}

static void put_text(FILE *to, const char *text, char delimiter)
{
    char *cell = csv_cell_between(text, delimiter);
    fputs(cell, to);
    mem_free(cell);
}

static void put_names(FILE *to, const struct report_field *fields, size_t count,
                      char delimiter)
{
    for (size_t i = 0; i < COMMON_COLUMNS; i++)
        fprintf(to, "%s%c", common_columns[i], delimiter);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "%s%s", i > 0 ? (char[]){delimiter, '\0'} : "", fields[i].name);
    fputs("\r\n", to);
}

static void put_cells(FILE *to, const struct report_row *row,
                      const struct report_field *fields, size_t count, char delimiter)
{
    char buffer[CELL_FORMAT_SIZE];
    for (size_t i = 0; i < count; i++) {
        const char *text = report_field_text(buffer, row, &fields[i]);
        if (i > 0)
            fputc(delimiter, to);
        if (text != NULL && is_number(&fields[i]))
            fputs(text, to);
        else if (text != NULL)
            put_text(to, text, delimiter);
    }
    fputs("\r\n", to);
}

enum kz_err report_write_csv(FILE *to, const struct report *r,
                             const struct csv_style *style)
{
    struct report_field fields[FIELDS_MAX];
    const char *common[COMMON_COLUMNS - 1];
    char buffers[COMMON_COLUMNS - 1][COMMON_TEXT_SIZE];
    size_t count = report_fields(fields, r);
    report_common(common, buffers, r);
    if (style->has_bom)
        fputs("\xef\xbb\xbf", to);
    put_names(to, fields, count, style->delimiter);
    for (size_t i = 0; i < report_row_count(r); i++) {
        for (size_t c = 0; c < COMMON_COLUMNS - 1; c++) {
            put_text(to, common[c], style->delimiter);
            fputc(style->delimiter, to);
        }
        fprintf(to, "%zu%c", i + 1, style->delimiter);
        put_cells(to, report_row(r, i), fields, count, style->delimiter);
    }
    return ferror(to) ? KZ_IO : KZ_OK;
}
