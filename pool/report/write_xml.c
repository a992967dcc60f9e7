#include "pool/report/formats.h"

#define SCHEMA_NAMESPACE "http://www.w3.org/2001/XMLSchema"

void xml_put_text(FILE *to, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        switch (*p) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        case '\'':
            fputs("&#39;", to);
            break;
        default:
            fputc(*p, to);
        }
    }
}

static void put_element(FILE *to, const char *name, const char *text)
{
    fprintf(to, "<%s>", name);
    xml_put_text(to, text);
    fprintf(to, "</%s>", name);
}

static void put_cells(FILE *to, const struct report_row *row,
                      const struct report_field *fields, size_t count)
{
    char buffer[CELL_FORMAT_SIZE];
    for (size_t i = 0; i < count; i++) {
        const char *text = report_field_text(buffer, row, &fields[i]);
        if (text != NULL)
            put_element(to, fields[i].name, text);
    }
}

static void put_header(FILE *to, const struct report *r)
{
    const struct report_header *h = report_header(r);
    const char *common[COMMON_COLUMNS - 1];
    char buffers[COMMON_COLUMNS - 1][COMMON_TEXT_SIZE], period[PERIOD_TEXT_SIZE];
    report_common(common, buffers, r);
    period_format(period, &h->period);
    fputs("<header>", to);
    for (size_t i = 0; i < COMMON_COLUMNS - 1; i++)
        put_element(to, common_columns[i], common[i]);
    put_element(to, "period", period);
    put_element(to, "disclosure", disclosure_name(h->disclosure));
    put_element(to, "profile_verified", h->profile_verified ? "true" : "false");
    fputs("</header>\n", to);
}

enum kz_err report_write_xml(FILE *to, const struct report *r)
{
    struct report_field fields[FIELDS_MAX];
    size_t count = report_fields(fields, r);
    const char *name = report_kind_of(report_id(r))->name;
    fprintf(to,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s xmlns=\"" REPORT_NAMESPACE
            "\">\n",
            name);
    put_header(to, r);
    fputs("<rows>\n", to);
    for (size_t i = 0; i < report_row_count(r); i++) {
        fprintf(to, REPORT_XML_ROW "\"%zu\">", i + 1);
        put_cells(to, report_row(r, i), fields, count);
        fputs("</row>\n", to);
    }
    fputs("</rows>\n<totals>\n", to);
    for (size_t i = 0; i < report_totals_count(r); i++) {
        fputs("<total>", to);
        put_cells(to, report_totals(r, i), fields, count);
        fputs("</total>\n", to);
    }
    fprintf(to, "</totals>\n</%s>\n", name);
    return ferror(to) ? KZ_IO : KZ_OK;
}

/* --- the schema ----------------------------------------------------------------------- */

static const struct {
    const char *name, *base, *facets;
} types[] = {
    {"text", "string", "<xs:maxLength value=\"4000\"/>"},
    {"code", "string", "<xs:pattern value=\"[A-Za-z0-9_.\\-]{1,64}\"/>"},
    {"integer", "long",
     "<xs:minInclusive value=\"-9007199254740991\"/>"
     "<xs:maxInclusive value=\"9007199254740991\"/>"},
    {"sat", "long",
     "<xs:minInclusive value=\"-2100000000000000\"/>"
     "<xs:maxInclusive value=\"2100000000000000\"/>"},
    {"btc", "decimal", "<xs:pattern value=\"-?[0-9]{1,8}\\.[0-9]{8}\"/>"},
    {"decimal", "decimal", "<xs:pattern value=\"-?[0-9]{1,13}(\\.[0-9]{1,6})?\"/>"},
    {"work", "string", /* validators keep 18 digits of a number, or 24 */
     "<xs:pattern value=\"[0-9]{1,38}\"/>"},
    {"time", "dateTime", "<xs:pattern value=\"[0-9T:.\\-]{23}Z\"/>"},
    {"date", "date", "<xs:pattern value=\"[0-9\\-]{10}\"/>"},
    {"hash", "string", "<xs:pattern value=\"[0-9a-f]{64}\"/>"},
    {"bool", "boolean", "<xs:pattern value=\"true|false\"/>"},
    {"level", "string", "<xs:pattern value=\"public|regulator|full|subject\"/>"},
};

static void put_types(FILE *to)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        fprintf(to,
                "<xs:simpleType name=\"%s\"><xs:restriction base=\"xs:%s\">%s"
                "</xs:restriction></xs:simpleType>\n",
                types[i].name, types[i].base, types[i].facets);
}

static void put_header_type(FILE *to)
{
    /* In the order of common_columns, without row_no, then what put_header() adds. */
    static const char *const header_types[COMMON_COLUMNS - 1] = {
        "code", "code", "text", "text", "time", "time", "text", "time"};
    static const char form[] = "<xs:element name=\"%s\" type=\"r:%s\"/>\n";
    fputs("<xs:complexType name=\"header\"><xs:sequence>\n", to);
    for (size_t i = 0; i < COMMON_COLUMNS - 1; i++)
        fprintf(to, form, common_columns[i], header_types[i]);
    fprintf(to, form, "period", "text");
    fprintf(to, form, "disclosure", "level");
    fprintf(to, form, "profile_verified", "bool");
    fputs("</xs:sequence></xs:complexType>\n", to);
}

static void put_cells_group(FILE *to, enum report_id id, const char *name)
{
    struct report_field fields[FIELDS_MAX];
    size_t count = report_fields_of(fields, id, DISCLOSURE_FULL);
    fprintf(to, "<xs:group name=\"%s-cells\"><xs:sequence>\n", name);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "<xs:element name=\"%s\" type=\"r:%s\" minOccurs=\"0\"/>\n",
                fields[i].name,
                fields[i].unit == FIELD_BTC ? "btc"
                                            : cell_type_name(fields[i].column->type));
    fputs("</xs:sequence></xs:group>\n", to);
}

/* An element of its own for each report: so rows can only have that report's columns. */
static void put_report(FILE *to, const char *name)
{
    fprintf(to,
            "<xs:element name=\"%s\"><xs:complexType><xs:sequence>\n"
            "<xs:element name=\"header\" type=\"r:header\"/>\n"
            "<xs:element name=\"rows\"><xs:complexType><xs:sequence>\n"
            "<xs:element name=\"row\" minOccurs=\"0\" maxOccurs=\"unbounded\">"
            "<xs:complexType><xs:group ref=\"r:%s-cells\"/>"
            "<xs:attribute name=\"no\" type=\"xs:positiveInteger\" use=\"required\"/>"
            "</xs:complexType></xs:element>\n"
            "</xs:sequence></xs:complexType></xs:element>\n"
            "<xs:element name=\"totals\"><xs:complexType><xs:sequence>\n"
            "<xs:element name=\"total\" minOccurs=\"0\" maxOccurs=\"unbounded\">"
            "<xs:complexType><xs:group ref=\"r:%s-cells\"/></xs:complexType>"
            "</xs:element>\n"
            "</xs:sequence></xs:complexType></xs:element>\n"
            "</xs:sequence></xs:complexType></xs:element>\n",
            name, name, name);
}

enum kz_err report_write_xsd(FILE *to)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<xs:schema xmlns:xs=\"" SCHEMA_NAMESPACE "\" xmlns:r=\"" REPORT_NAMESPACE
          "\" targetNamespace=\"" REPORT_NAMESPACE
          "\" elementFormDefault=\"qualified\">\n",
          to);
    put_types(to);
    put_header_type(to);
    for (int id = 0; id < REPORT_IDS; id++) {
        const char *name = report_kind_of((enum report_id)id)->name;
        put_cells_group(to, (enum report_id)id, name);
        put_report(to, name);
    }
    fputs("</xs:schema>\n", to);
    return ferror(to) ? KZ_IO : KZ_OK;
}
