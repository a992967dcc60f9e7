#include "payout/cases_parts.h"

#include "conf/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void case_fail(struct case_run *r, const char *format, ...)
{
    va_list args;
    if (!case_is_well(r))
        return;
    va_start(args, format);
    vsnprintf(r->why, sizeof(r->why), format, args);
    va_end(args);
}

bool case_is_well(const struct case_run *r)
{
    return r->why[0] == '\0';
}

bool case_done(struct case_run *r, const char *what, enum kz_err err)
{
    if (err != KZ_OK)
        case_fail(r, "%s: expected an answer, got \"%s\"", what, kz_err_text(err));
    return case_is_well(r);
}

const char *case_text(struct case_run *r, const json_t *of, const char *name)
{
    const char *text = json_string_value(json_object_get(of, name));
    if (text == NULL)
        case_fail(r, "no text \"%s\" in the file", name);
    return text != NULL ? text : "";
}

int64_t case_number(struct case_run *r, const json_t *of, const char *name)
{
    const json_t *number = json_object_get(of, name);
    if (!json_is_integer(number))
        case_fail(r, "no whole number \"%s\" in the file", name);
    return json_integer_value(number);
}

/* Numbers that are no JSON integer everywhere are written as text. */
uint64_t case_digits(struct case_run *r, const json_t *of, const char *name)
{
    const char *text = case_text(r, of, name);
    uint64_t v = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 19 || strspn(text, "0123456789") != len)
        case_fail(r, "\"%s\" is no number of at most 19 digits", name);
    for (size_t i = 0; i < len && i < 19; i++)
        v = v * 10 + (uint64_t)(text[i] - '0');
    return v;
}

uint32_t case_hex(struct case_run *r, const json_t *of, const char *name)
{
    uint32_t v = 0;
    const char *text = case_text(r, of, name);
    if (hex_u32(&v, text, strlen(text), false) != KZ_OK)
        case_fail(r, "\"%s\" is not 8 hex digits", name);
    return v;
}

struct amount case_amount(struct case_run *r, const json_t *of, const char *name)
{
    struct amount a = amount_zero();
    if (amount_from_sat(&a, case_number(r, of, name)))
        return a;
    case_fail(r, "\"%s\" is outside the range of money", name);
    return amount_zero();
}

struct miner_id case_miner(struct case_run *r, const char *text)
{
    struct miner_id id = {0};
    if (miner_id_parse(&id, text, strlen(text)) != KZ_OK)
        case_fail(r, "\"%s\" is no miner id", text);
    return id;
}

struct split_weight *case_rows(struct case_run *r, size_t *count, const json_t *object)
{
    struct split_weight *rows = mem_array(json_object_size(object) + 1, sizeof(*rows));
    const char *name;
    json_t *value;
    *count = 0;
    if (!json_is_object(object))
        case_fail(r, "an object of works or weights is missing in the file");
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            case_fail(r, "%s: no weight", name);
        rows[*count].miner = case_miner(r, name);
        rows[(*count)++].weight = (uint64_t)json_integer_value(value);
    }
    return rows;
}

void case_works(struct case_run *r, struct works *w, const json_t *object)
{
    size_t count;
    struct split_weight *rows = case_rows(r, &count, object);
    if (case_is_well(r))
        case_done(r, "works", works_add(w, rows, count));
    mem_free(rows);
}

void case_same(struct case_run *r, const char *of, int64_t want, int64_t got)
{
    if (want != got)
        case_fail(r, "%s: expected %" PRId64 ", got %" PRId64, of, want, got);
}

void case_same_text(struct case_run *r, const char *of, const char *want,
                    const char *got)
{
    if (strcmp(want, got) != 0)
        case_fail(r, "%s: expected %.170s, got %.170s", of, want, got);
}
