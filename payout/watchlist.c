#include "payout/watchlist.h"

#include "conf/mem.h"

#include <stdlib.h>
#include <string.h>

struct watchlist {
    struct bytes *scripts; /* sorted, each once; they lie in `room` */
    size_t count;
    uint8_t *room;
    struct hash256 sha256;
};

/* A list while it is read. No script is longer than its line, so `room` is as large as
 * the text. */
struct reader {
    struct watchlist *list;
    const struct network *network;
    size_t used;
};

static int compare(const void *left, const void *right)
{
    const struct bytes *a = left, *b = right;
    size_t both = a->len < b->len ? a->len : b->len;
    int order = both > 0 ? memcmp(a->p, b->p, both) : 0;
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Without its comment and the blanks around it. */
static void trim(const char **line, size_t *len)
{
    const char *comment = memchr(*line, '#', *len);
    if (comment != NULL)
        *len = (size_t)(comment - *line);
    while (*len > 0 && is_blank((*line)[*len - 1]))
        (*len)--;
    while (*len > 0 && is_blank((*line)[0])) {
        (*line)++;
        (*len)--;
    }
}

static enum kz_err read_script(struct reader *r, size_t *script_len, const char *line,
                               size_t len, const char **why)
{
    struct address a;
    struct address_problem p;
    uint8_t *out = r->list->room + r->used;
    enum kz_err err = address_parse(&a, &p, r->network, line, len);
    if (err == KZ_OK) {
        memcpy(out, a.script, a.script_len);
        *script_len = a.script_len;
        return KZ_OK;
    }
    if (hex_decode_some(out, script_len, WATCHLIST_SCRIPT_MAX, line, len) == KZ_OK)
        return KZ_OK;
    bool is_like_none =
        p.fault == ADDRESS_BAD_CHARACTER || p.fault == ADDRESS_BAD_LENGTH;
    *why = is_like_none ? "neither an address nor a script in hex"
                        : address_fault_text(p.fault);
    return err;
}

static enum kz_err read_line(struct reader *r, const char *line, size_t len,
                             const char **why)
{
    struct watchlist *list = r->list;
    size_t script_len = 0;
    trim(&line, &len);
    if (len == 0)
        return KZ_OK;
    enum kz_err err = read_script(r, &script_len, line, len, why);
    if (err != KZ_OK)
        return err;
    list->scripts[list->count++] = (struct bytes){list->room + r->used, script_len};
    r->used += script_len;
    return KZ_OK;
}

static enum kz_err read_lines(struct reader *r, struct watchlist_problem *problem,
                              const char *text, size_t len)
{
    size_t number = 1;
    for (size_t at = 0; at < len; number++) {
        const char *why = NULL;
        const char *end = memchr(text + at, '\n', len - at);
        size_t line_len = end != NULL ? (size_t)(end - text) - at : len - at;
        enum kz_err err = read_line(r, text + at, line_len, &why);
        if (err != KZ_OK) {
            *problem = (struct watchlist_problem){number, why};
            return err;
        }
        at += line_len + 1;
    }
    return KZ_OK;
}

/* No more scripts than lines; and no more than fit, a byte of hex and a line's end each,
 * so that a file of empty lines asks for no memory. */
static size_t most_scripts(const char *text, size_t len)
{
    size_t lines = 1, fit = (len + 1) / 3 + 1;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines < fit ? lines : fit;
}

static void sort(struct watchlist *list)
{
    size_t kept = 0;
    qsort(list->scripts, list->count, sizeof(*list->scripts), compare);
    for (size_t i = 0; i < list->count; i++)
        if (kept == 0 || compare(&list->scripts[kept - 1], &list->scripts[i]) != 0)
            list->scripts[kept++] = list->scripts[i];
    list->count = kept;
}

enum kz_err watchlist_parse(struct watchlist **list, struct watchlist_problem *problem,
                            const struct network *network, const char *text, size_t len)
{
    if (len > WATCHLIST_BYTES_MAX) {
        *problem = (struct watchlist_problem){0, "the list is too long"};
        return KZ_RANGE;
    }
    struct watchlist *l = mem_new(sizeof(*l));
    struct reader r = {.list = l, .network = network};
    l->room = mem_array(len + 1, 1);
    l->scripts = mem_array(most_scripts(text, len), sizeof(*l->scripts));
    hash256_single(&l->sha256, text, len);
    enum kz_err err = read_lines(&r, problem, text, len);
    if (err != KZ_OK) {
        watchlist_free(l);
        return err;
    }
    sort(l);
    *list = l;
    return KZ_OK;
}

void watchlist_free(struct watchlist *list)
{
    if (list == NULL)
        return;
    mem_free(list->scripts);
    mem_free(list->room);
    mem_free(list);
}

bool watchlist_has(const struct watchlist *list, struct bytes script)
{
    return list->count > 0 && bsearch(&script, list->scripts, list->count,
                                      sizeof(*list->scripts), compare) != NULL;
}

size_t watchlist_count(const struct watchlist *list)
{
    return list->count;
}

const struct hash256 *watchlist_sha256(const struct watchlist *list)
{
    return &list->sha256;
}
