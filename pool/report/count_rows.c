#include "pool/report/count_rows.h"

#include "pool/canon.h"
#include "pool/report/formats.h"

#include <string.h>

/* Of the canonical form and no other. */
static enum kz_err count_json(uint64_t *rows, struct bytes text)
{
    json_t *root = NULL;
    enum kz_err err = canon_read(&root, text);
    if (err != KZ_OK)
        return err;
    json_t *list = json_object_get(root, "rows");
    if (json_is_array(list))
        *rows = json_array_size(list);
    else
        err = KZ_PARSE;
    json_decref(root);
    return err;
}

/* Lines that end outside quotes, less the one of names. */
static enum kz_err count_csv(uint64_t *rows, struct bytes text)
{
    bool is_quoted = false;
    uint64_t lines = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '"')
            is_quoted = !is_quoted;
        else if (text.p[i] == '\n' && !is_quoted)
            lines++;
    }
    if (is_quoted || lines == 0 || text.p[text.len - 1] != '\n')
        return KZ_PARSE;
    *rows = lines - 1;
    return KZ_OK;
}

static enum kz_err count_marks(uint64_t *rows, struct bytes text, const char *mark)
{
    size_t len = strlen(mark);
    const uint8_t *p = text.p, *end = text.p + text.len;
    uint64_t found = 0;
    while (p < end && (p = memmem(p, (size_t)(end - p), mark, len)) != NULL) {
        found++;
        p += len;
    }
    *rows = found;
    return KZ_OK;
}

static bool ends_in(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

enum kz_err count_rows(uint64_t *rows, const char *name, struct bytes text)
{
    if (ends_in(name, ".json"))
        return count_json(rows, text);
    if (ends_in(name, ".csv"))
        return count_csv(rows, text);
    if (ends_in(name, ".xml"))
        return count_marks(rows, text, REPORT_XML_ROW);
    if (ends_in(name, ".html"))
        return count_marks(rows, text, REPORT_HTML_ROW);
    return KZ_RANGE;
}
