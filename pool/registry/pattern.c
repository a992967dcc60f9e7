#include "pool/registry/pattern.h"

#include "conf/mem.h"
#include "share/bytes.h"

#include <regex.h>
#include <string.h>

struct pattern {
    regex_t compiled;
};

struct scan {
    const char *p; /* what is left */
    int depth;     /* of groups */
    const char *why;
};

static bool refuse(struct scan *s, const char *why)
{
    s->why = why;
    return false;
}

static bool is_repeat(char c)
{
    return c != '\0' && strchr("*+?{", c) != NULL;
}

/* Behind the bracket that closes what `s` is at. */
static bool skip_bracket(struct scan *s)
{
    const char *p = s->p + 1;
    p += *p == '^';
    p += *p == ']'; /* the first is a member */
    while (*p != '\0' && *p != ']') {
        if (p[0] == '[' && (p[1] == '.' || p[1] == '='))
            return refuse(s, "no [. and no [= in it");
        if (p[0] == '[' && p[1] == ':') {
            p = strstr(p + 2, ":]");
            if (p == NULL)
                return refuse(s, "[: closed by :]");
            p++;
        }
        p++;
    }
    if (*p == '\0')
        return refuse(s, "[ closed by ]");
    s->p = p + 1;
    return true;
}

static bool skip_count(const char **p)
{
    return **p < '0' || **p > '9' || decimal_take(p) <= PATTERN_REPEAT_MAX;
}

/* One repetition, if there is one. */
static bool skip_repeat(struct scan *s)
{
    if (!is_repeat(*s->p))
        return true;
    if (*s->p == '{') {
        const char *p = s->p + 1;
        bool is_small = skip_count(&p);
        p += *p == ',';
        is_small = skip_count(&p) && is_small;
        if (*p != '}' || !is_small)
            return refuse(s, "{n}, {n,} or {n,m} of at most 64");
        s->p = p;
    }
    s->p++;
    return !is_repeat(*s->p) || refuse(s, "nothing repeated twice");
}

static bool skip_escape(struct scan *s)
{
    if (s->p[1] == '\0' || strchr("\\^$.[]|()?*+{}-/", s->p[1]) == NULL)
        return refuse(s, "a backslash before a sign only, no back-references");
    s->p += 2;
    return skip_repeat(s);
}

static bool skip_group_end(struct scan *s)
{
    if (--s->depth < 0)
        return refuse(s, ") behind (");
    s->p++;
    if (is_repeat(*s->p) && *s->p != '?')
        return refuse(s, "no repeated group");
    return skip_repeat(s);
}

/* One piece, between the anchors. */
static bool skip_piece(struct scan *s)
{
    char c = *s->p;
    if (c < ' ' || c > '~')
        return refuse(s, "printable ASCII");
    switch (c) {
    case '\\':
        return skip_escape(s);
    case '[':
        return skip_bracket(s) && skip_repeat(s);
    case '(':
        s->depth++;
        s->p++;
        return !is_repeat(*s->p) || refuse(s, "something to repeat");
    case ')':
        return skip_group_end(s);
    case '|':
        s->p++;
        if (s->depth == 0)
            return refuse(s, "| within ( and ) only");
        return !is_repeat(*s->p) || refuse(s, "something to repeat");
    case '^':
    case '$':
        return refuse(s, "^ first and $ last, and nowhere else");
    default:
        s->p++;
        return skip_repeat(s);
    }
}

static bool is_safe(struct scan *s)
{
    size_t len = strlen(s->p);
    if (len > PATTERN_MAX)
        return refuse(s, "at most 200 bytes");
    if (*s->p != '^')
        return refuse(s, "^ first and $ last, and nowhere else");
    s->p++;
    if (is_repeat(*s->p))
        return refuse(s, "something to repeat");
    while (*s->p != '\0' && strcmp(s->p, "$") != 0)
        if (!skip_piece(s))
            return false;
    if (*s->p == '\0')
        return refuse(s, "^ first and $ last, and nowhere else");
    return s->depth == 0 || refuse(s, ") behind (");
}

enum kz_err pattern_new(struct pattern **out, const char **why, const char *text)
{
    struct scan s = {.p = text};
    if (!is_safe(&s)) {
        *why = s.why;
        return KZ_RANGE;
    }
    struct pattern *p = mem_new(sizeof(*p));
    if (regcomp(&p->compiled, text, REG_EXTENDED | REG_NOSUB) != 0) {
        mem_free(p);
        *why = "a POSIX extended regular expression";
        return KZ_RANGE;
    }
    *out = p;
    return KZ_OK;
}

void pattern_free(struct pattern *p)
{
    if (p == NULL)
        return;
    regfree(&p->compiled);
    mem_free(p);
}

bool pattern_fits(const struct pattern *p, const char *text)
{
    return p == NULL || regexec(&p->compiled, text, 0, NULL, 0) == 0;
}
