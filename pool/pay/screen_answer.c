#include "pool/pay/screen_answer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static bool fail(struct screen_reply *r, const char *why)
{
    snprintf(r->why, sizeof(r->why), "%s", why);
    return false;
}

static const char *const verdict_names[] = {
    [SCREEN_CLEAR] = "clear", [SCREEN_MATCH] = "match", [SCREEN_UNKNOWN] = "unknown"};

const char *screen_verdict_name(enum screen_verdict v)
{
    return verdict_names[v];
}

static bool read_verdict(struct screen_reply *r, const char *word, size_t len)
{
    for (int v = SCREEN_CLEAR; v <= SCREEN_UNKNOWN; v++) {
        if (strlen(verdict_names[v]) == len &&
            memcmp(verdict_names[v], word, len) == 0) {
            r->verdict = (enum screen_verdict)v;
            return true;
        }
    }
    return fail(r, "its answer is none of clear, match and unknown");
}

/* It is shown on terminals and kept as JSON: a byte that is no printable ASCII is a
 * question mark. */
static void keep_reference(struct screen_reply *r, const char *text)
{
    size_t i = 0;
    for (; text[i] != '\0' && i + 1 < SCREEN_REFERENCE_SIZE; i++)
        r->reference[i] = text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?';
    r->reference[i] = '\0';
}

static bool read_json(struct screen_reply *r, const char *text, size_t len)
{
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *answer = json_string_value(json_object_get(o, "answer"));
    const json_t *reference = json_object_get(o, "reference");
    bool is_good = answer != NULL && (reference == NULL || json_is_string(reference) ||
                                      json_is_null(reference));
    if (!is_good)
        fail(r, "its answer is not the JSON it should be");
    else
        is_good = read_verdict(r, answer, strlen(answer));
    if (is_good && json_is_string(reference))
        keep_reference(r, json_string_value(reference));
    json_decref(o);
    return is_good;
}

static bool read_line(struct screen_reply *r, char *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\n')
        len--;
    if (len > 0 && line[len - 1] == '\r')
        len--;
    line[len] = '\0';
    if (strlen(line) != len || strpbrk(line, "\r\n") != NULL)
        return fail(r, "its answer is more than a line");
    size_t word = strcspn(line, " \t");
    if (!read_verdict(r, line, word))
        return false;
    keep_reference(r, line + word + strspn(line + word, " \t"));
    return true;
}

enum kz_err screen_answer_read(struct screen_reply *r, char *text, size_t len)
{
    bool is_good =
        len > 0 && text[0] == '{' ? read_json(r, text, len) : read_line(r, text, len);
    return is_good ? KZ_OK : KZ_PARSE;
}
