#include "pool/report/formats.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "payout/base64.h"
#include "share/hash256.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A table of more columns breaks each row into lines, one under the other: what would
 * not fit the page's width cannot be read. */
#define COLUMNS_A_LINE  11
#define COLUMNS_UPRIGHT 7  /* up to so many the page stands upright */
#define LONG_WORD       24 /* bytes */
#define LOCAL_SIZE      96

/* What all parts of the page need. */
struct page {
    FILE *to;
    const struct report *report;
    const struct report_header *header;
    const struct catalogue *words;
    struct report_field fields[FIELDS_MAX];
    size_t count, lines, a_line; /* fields; lines of a row; fields of a line */
    char period[PERIOD_TEXT_SIZE];
};

static const char *word(const struct page *p, const char *key)
{
    return catalogue_text(p->words, "headings", key);
}

static const char *label(const struct page *p, const char *column)
{
    return catalogue_text(p->words, "columns", column);
}

static void put(const struct page *p, const char *text)
{
    xml_put_text(p->to, text);
}

/* --- values --------------------------------------------------------------------------- */

/* An instant by the clocks of the zone. */
static void format_time(const struct page *p, char out[LOCAL_SIZE], int64_t utc_ms)
{
    char text[CLOCK_TEXT_SIZE], local[CLOCK_TEXT_SIZE];
    clock_utc_format(text, utc_ms + p->header->period.offset_minutes * INT64_C(60000));
    snprintf(local, sizeof(local), "%.10s %.8s", text, text + 11);
    catalogue_date(p->words, out, LOCAL_SIZE, local);
}

/* The page's text of a field that is not empty; borrowed from it, or in `local`. */
static const char *localise(const struct page *p, char local[LOCAL_SIZE],
                            const struct report_field *f, const struct cell *c,
                            const char *text)
{
    switch (f->column->type) {
    case CELL_TEXT:
    case CELL_HASH:
        return text;
    case CELL_CODE:
        return catalogue_text(p->words, "codes", text);
    case CELL_INTEGER:
    case CELL_SAT:
    case CELL_DECIMAL:
    case CELL_WORK:
        catalogue_number(p->words, local, LOCAL_SIZE, text);
        return local;
    case CELL_TIME:
        format_time(p, local, c->number);
        return local;
    case CELL_DATE:
        catalogue_date(p->words, local, LOCAL_SIZE, text);
        return local;
    case CELL_BOOL:
        return word(p, c->number != 0 ? "yes" : "no");
    }
    return text;
}

/* An address, say, which may be broken anywhere; common words may not. */
static bool has_long_word(const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, " \n\t");
        if (len > LONG_WORD)
            return true;
        text += len + (text[len] != '\0');
    }
    return false;
}

static const char *class_of(enum cell_type type, const char *text)
{
    switch (type) {
    case CELL_INTEGER:
    case CELL_SAT:
    case CELL_DECIMAL:
    case CELL_WORK:
        return " class=\"n\"";
    case CELL_HASH:
        return " class=\"h\"";
    case CELL_TEXT:
        return has_long_word(text) ? " class=\"w\"" : "";
    case CELL_CODE:
    case CELL_TIME:
    case CELL_DATE:
    case CELL_BOOL:
        return "";
    }
    return "";
}

/* --- style ---------------------------------------------------------------------------- */

/* A text of CSS: what could end it, or the element around it, is written in hex. */
static void put_css_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p < 0x20 || strchr("\"\\<>&", *p) != NULL)
            fprintf(to, "\\%x ", *p);
        else
            fputc(*p, to);
    }
    fputc('"', to);
}

static void put_page_rule(FILE *to, const struct page *p)
{
    bool is_upright = p->a_line <= COLUMNS_UPRIGHT;
    fprintf(to, "@page{size:A4 %s;margin:16mm 12mm 16mm 12mm;",
            is_upright ? "portrait" : "landscape");
    if (!p->header->profile_verified) {
        fputs("@top-center{color:#a00;font:bold 9pt sans-serif;content:", to);
        put_css_text(to, word(p, "profile_not_verified_short"));
        fputs("}", to);
    }
    fputs("@bottom-left{font:8pt sans-serif;content:", to);
    put_css_text(to, report_kind_of(report_id(p->report))->name);
    fputs("\" \302\267 \"", to);
    put_css_text(to, p->period);
    fputs("\" \302\267 \"", to);
    put_css_text(to, p->header->operator_name);
    fputs("}@bottom-right{font:8pt sans-serif;content:", to);
    put_css_text(to, word(p, "page"));
    fputs("\" \" counter(page) \" / \" counter(pages)}}\n", to);
}

static const char style_rules[] =
    "body{font:8pt \"DejaVu Sans\",\"Noto "
    "Sans\",Arial,sans-serif;color:#000;margin:0}\n"
    "h1{font-size:14pt;margin:0 0 3mm}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:1mm 4mm;margin:0 0 "
    "4mm}\n"
    "dt{color:#444}dd{margin:0}\n"
    ".warning{border:0.6mm solid #a00;color:#a00;font-weight:bold;padding:2mm;"
    "margin:0 0 4mm}\n"
    "table{border-collapse:collapse;width:calc(100% - 0.5mm)}\n"
    ".data{font-size:7pt}\n"
    ".data th,.data td{border:0.2mm solid #888;padding:0.6mm 1mm;text-align:left;"
    "vertical-align:top;overflow-wrap:break-word}\n"
    ".data td.w,.data td.h{overflow-wrap:anywhere}\n"
    ".data th{background:#eee;font-weight:bold}\n"
    ".data td.n{text-align:right;white-space:nowrap}\n"
    ".data td.h{font-family:\"DejaVu Sans Mono\",monospace;font-size:5.5pt}\n"
    "thead{display:table-header-group}\n"
    "tbody{break-inside:avoid;border-bottom:0.5mm solid #444}\n"
    ".total{font-weight:bold;background:#f6f6f6}\n"
    ".note{color:#444;margin:4mm 0}\n"
    ".signs{break-inside:avoid;margin-top:8mm}\n"
    ".signs td{border:0.2mm solid #444;height:18mm;width:25%;vertical-align:top;"
    "padding:1mm;color:#444}\n"
    ".signs td.stamp{height:36mm}\n";

static char *style_of(const struct page *p, size_t *len)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, len);
    assert(to != NULL);
    put_page_rule(to, p);
    fputs(style_rules, to);
    fclose(to);
    return text;
}

/* The browser may use this very style, and load, run or send nothing at all. */
static void put_head(const struct page *p, const char *title)
{
    size_t len = 0;
    struct hash256 hash;
    char *style = style_of(p, &len);
    hash256_single(&hash, style, len);
    char *digest = base64_encode(hash.b, sizeof(hash.b));
    fprintf(
        p->to,
        "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n<title>",
        catalogue_language(p->words), digest);
    put(p, title);
    fprintf(p->to, "</title>\n<style>%s</style>\n</head>\n<body>\n", style);
    free(style); /* allowed: open_memstream's */
    mem_free(digest);
}

/* --- above the table ------------------------------------------------------------------ */

static void put_pair(const struct page *p, const char *name, const char *value)
{
    fputs("<dt>", p->to);
    put(p, name);
    fputs("</dt><dd>", p->to);
    put(p, value);
    fputs("</dd>\n", p->to);
}

static void put_period(const struct page *p)
{
    const struct period *period = &p->header->period;
    char from[PERIOD_DATE_SIZE], last[PERIOD_DATE_SIZE];
    char local_from[LOCAL_SIZE], local_last[LOCAL_SIZE], text[3 * LOCAL_SIZE];
    period_date(from, period->from_ms, period->offset_minutes);
    period_date(last, period->to_ms - 1, period->offset_minutes);
    catalogue_date(p->words, local_from, LOCAL_SIZE, from);
    catalogue_date(p->words, local_last, LOCAL_SIZE, last);
    snprintf(text, sizeof(text), "%s (%s \342\200\223 %s)", p->period, local_from,
             local_last);
    put_pair(p, word(p, "period"), text);
}

static void put_top(const struct page *p, const char *title)
{
    char text[LOCAL_SIZE], rows[LOCAL_SIZE];
    if (!p->header->profile_verified) {
        fputs("<p class=\"warning\">", p->to);
        put(p, word(p, "profile_not_verified"));
        fputs("</p>\n", p->to);
    }
    fputs("<h1>", p->to);
    put(p, title);
    fputs("</h1>\n<dl>\n", p->to);
    put_pair(p, label(p, "operator"), p->header->operator_name);
    put_pair(p, label(p, "jurisdiction"), p->header->jurisdiction);
    put_period(p);
    put_pair(p, label(p, "timezone"), p->header->timezone);
    format_time(p, text, p->header->generated_ms);
    put_pair(p, label(p, "generated_at"), text);
    put_pair(p, word(p, "disclosure"), word(p, disclosure_name(p->header->disclosure)));
    snprintf(text, sizeof(text), "%zu", report_row_count(p->report));
    catalogue_number(p->words, rows, sizeof(rows), text);
    put_pair(p, word(p, "rows"), rows);
    fputs("</dl>\n", p->to);
}

/* --- the table ------------------------------------------------------------------------ */

static void put_name(const struct page *p, const struct report_field *f)
{
    fputs("<th>", p->to);
    put(p, label(p, f->column->name));
    if (f->unit == FIELD_BTC) {
        fputs(", ", p->to);
        put(p, catalogue_text(p->words, "units", "btc"));
    }
    fputs("</th>", p->to);
}

static void put_cell(const struct page *p, const struct report_row *row,
                     const struct report_field *f)
{
    char buffer[CELL_FORMAT_SIZE], local[LOCAL_SIZE];
    const char *text = report_field_text(buffer, row, f);
    if (text == NULL) {
        fputs("<td></td>", p->to);
        return;
    }
    fprintf(p->to, "<td%s>", class_of(f->column->type, text));
    put(p, localise(p, local, f, report_field_cell(row, f), text));
    fputs("</td>", p->to);
}

/* Line by line; without a row, the names. `first` is the cell beside all lines. */
static void put_lines(const struct page *p, const struct report_row *row,
                      const char *first)
{
    const char *tag = row == NULL ? "th" : "td";
    for (size_t line = 0; line < p->lines; line++) {
        fputs("<tr>", p->to);
        if (line == 0) {
            fprintf(p->to, "<%s rowspan=\"%zu\">", tag, p->lines);
            put(p, first);
            fprintf(p->to, "</%s>", tag);
        }
        for (size_t i = line * p->a_line; i < (line + 1) * p->a_line; i++) {
            if (i >= p->count)
                fprintf(p->to, "<%s></%s>", tag, tag);
            else if (row == NULL)
                put_name(p, &p->fields[i]);
            else
                put_cell(p, row, &p->fields[i]);
        }
        fputs("</tr>\n", p->to);
    }
}

static void put_table(const struct page *p)
{
    char no[LOCAL_SIZE];
    size_t totals = report_totals_count(p->report);
    if (report_row_count(p->report) == 0) {
        fputs("<p>", p->to);
        put(p, word(p, "no_rows"));
        fputs("</p>\n", p->to);
        return;
    }
    fputs("<table class=\"data\">\n<thead>\n", p->to);
    put_lines(p, NULL, label(p, "row_no"));
    fputs("</thead>\n", p->to);
    for (size_t i = 0; i < report_row_count(p->report); i++) {
        snprintf(no, sizeof(no), "%zu", i + 1);
        fputs(REPORT_HTML_ROW "\n", p->to);
        put_lines(p, report_row(p->report, i), no);
        fputs("</tbody>\n", p->to);
    }
    for (size_t i = 0; i < totals; i++) {
        fputs("<tbody class=\"total\">\n", p->to);
        put_lines(p, report_totals(p->report, i),
                  word(p, i + 1 == totals ? "total_all" : "total"));
        fputs("</tbody>\n", p->to);
    }
    fputs("</table>\n", p->to);
}

static void put_signs(const struct page *p)
{
    static const char *const boxes[] = {"name_and_office", "signature", "date",
                                        "stamp"};
    fputs("<p class=\"note\">", p->to);
    put(p, word(p, "note"));
    fputs("</p>\n<table class=\"signs\"><tr>", p->to);
    for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
        fprintf(p->to, "<td class=\"%s\">", boxes[i]);
        put(p, word(p, boxes[i]));
        fputs("</td>", p->to);
    }
    fputs("</tr></table>\n</body>\n</html>\n", p->to);
}

/* Bitcoin with its 8 places says the satoshi as well: one column of the two is enough. */
static size_t choose_fields(struct report_field fields[FIELDS_MAX],
                            const struct report *r)
{
    size_t count = 0, all = report_fields(fields, r);
    for (size_t i = 0; i < all; i++)
        if (fields[i].unit != FIELD_SAT)
            fields[count++] = fields[i];
    return count;
}

enum kz_err report_write_html(FILE *to, const struct report *r,
                              const struct catalogue *words)
{
    const char *name = report_kind_of(report_id(r))->name;
    char title[200];
    struct page p = {.to = to, .report = r, .header = report_header(r), .words = words};
    p.count = choose_fields(p.fields, r);
    p.lines = (p.count + COLUMNS_A_LINE - 1) / COLUMNS_A_LINE;
    p.a_line = (p.count + p.lines - 1) / p.lines;
    period_format(p.period, &p.header->period);
    snprintf(title, sizeof(title), "%s \302\267 %s", name,
             catalogue_text(words, "reports", name));
    put_head(&p, title);
    put_top(&p, title);
    put_table(&p);
    put_signs(&p);
    return ferror(to) ? KZ_IO : KZ_OK;
}
