#include "conf/locate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct walk {
    const char *p;
    int line;
    const char *path; /* what is looked for */
    int best_line;    /* of the deepest part seen so far */
    size_t best_len;
};

static void skip_space(struct walk *w)
{
    for (; *w->p != '\0' && strchr(" \t\r\n,:", *w->p) != NULL; w->p++)
        w->line += *w->p == '\n';
}

/* Steps behind a string; its raw content is [*start, *start + *len). */
static void skip_string(struct walk *w, const char **start, size_t *len)
{
    *start = ++w->p;
    while (*w->p != '\0' && *w->p != '"')
        w->p += w->p[0] == '\\' && w->p[1] != '\0' ? 2 : 1;
    *len = (size_t)(w->p - *start);
    if (*w->p == '"')
        w->p++;
}

static void note(struct walk *w, const char *here)
{
    size_t len = strlen(here);
    if (len < w->best_len || strncmp(w->path, here, len) != 0)
        return;
    /* Whole parts only: "tls" must not be taken for "tls_x". */
    if (w->path[len] != '\0' && w->path[len] != '.' && w->path[len] != '[')
        return;
    w->best_len = len;
    w->best_line = w->line;
}

static void walk_value(struct walk *w, const char *here, int depth);

static void walk_members(struct walk *w, const char *here, char close, int depth)
{
    size_t index = 0;
    w->p++;
    for (skip_space(w); *w->p != '\0' && *w->p != close; skip_space(w)) {
        char child[512];
        if (close == ']') {
            snprintf(child, sizeof(child), "%s[%zu]", here, index++);
        } else {
            const char *key;
            size_t len;
            skip_string(w, &key, &len);
            snprintf(child, sizeof(child), "%s%s%.*s", here, *here ? "." : "", (int)len,
                     key);
            skip_space(w);
        }
        walk_value(w, child, depth + 1);
    }
    if (*w->p == close)
        w->p++;
}

/* Recursion is bounded: deeper than any setting there is nothing to find. */
static void walk_value(struct walk *w, const char *here, int depth)
{
    const char *start;
    size_t len;
    skip_space(w);
    note(w, here);
    if (depth < 16 && *w->p == '{')
        walk_members(w, here, '}', depth);
    else if (depth < 16 && *w->p == '[')
        walk_members(w, here, ']', depth);
    else if (*w->p == '"')
        skip_string(w, &start, &len);
    else if (*w->p != '\0')
        w->p += 1 + strcspn(w->p + 1, ",]} \t\r\n");
}

int locate_line(const char *text, const char *path)
{
    struct walk w = {.p = text, .line = 1, .path = path, .best_line = 1};
    walk_value(&w, "", 0);
    return w.best_line;
}
