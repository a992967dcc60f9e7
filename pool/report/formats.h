/* pool/report/formats.h - a report as a file: JSON, CSV, XML with its schema, HTML.
 *
 *   JSON  canonical (RFC 8785), the master: what others say is what it says. Empty cells
 *         are null; whole numbers and satoshi are numbers, all else is text.
 *   CSV   RFC 4180: one line of names, then the rows, each with the common columns. No
 *         totals: whoever adds up a column would count them twice.
 *   XML   namespace urn:kariz:report:1; one schema for all reports, made from the same
 *         columns. Empty cells are left out. No DTD, no entities but the five.
 *   HTML  to be printed on A4: localised, without scripts or anything from elsewhere.
 *         Money in bitcoin alone, codes in the language's words, times in the zone.
 *
 * All write as they go, whatever the size, and take nothing but the report.
 *
 * Errors  KZ_IO: the stream failed.
 * Thread  one at a time. Source: registry spec sections 2 and 4. */
#ifndef POOL_REPORT_FORMATS_H
#define POOL_REPORT_FORMATS_H

#include "pool/report/catalogue.h"
#include "pool/report/table.h"

#include <stdio.h>

#define REPORT_NAMESPACE "urn:kariz:report:1"
/* In XML and HTML these begin a row, and nothing else looks like them. */
#define REPORT_XML_ROW  "<row no="
#define REPORT_HTML_ROW "<tbody class=\"row\">"

struct csv_style {
    char delimiter; /* ',' or ';' */
    bool has_bom;   /* for spreadsheets that guess the encoding */
};

KZ_MUST_USE enum kz_err report_write_json(FILE *to, const struct report *r);
KZ_MUST_USE enum kz_err report_write_csv(FILE *to, const struct report *r,
                                         const struct csv_style *style);
KZ_MUST_USE enum kz_err report_write_xml(FILE *to, const struct report *r);
KZ_MUST_USE enum kz_err report_write_xsd(FILE *to);
KZ_MUST_USE enum kz_err report_write_html(FILE *to, const struct report *r,
                                          const struct catalogue *words);

/* `text` with & < > " ' as XML and HTML want them. */
void xml_put_text(FILE *to, const char *text);

#endif
