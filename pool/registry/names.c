#include "pool/registry/names.h"

#include "conf/mem.h"
#include "pool/registry/fold.h"
#include "pool/registry/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct stem {
    char *text; /* folded one way */
    bool is_word;
};

/* Of the letters `from` (a set of how many of the stem's have been met, a bit each), those
 * that are met once `read` is. */
static uint64_t advance(uint64_t from, const char *stem, const char *read)
{
    uint64_t to = 0;
    size_t len = strlen(read), all = strlen(stem);
    for (size_t met = 0; met + len <= all; met++)
        if ((from >> met & 1) != 0 && strncmp(stem + met, read, len) == 0)
            to |= UINT64_C(1) << (met + len);
    return to;
}

static bool ends_word(const struct fold *f, size_t at)
{
    return at == f->count || f->cells[at].kind != FOLD_LETTER || f->cells[at].is_digit;
}

static bool matches_at(const struct fold *f, size_t at, const struct stem *s)
{
    uint64_t whole = UINT64_C(1) << strlen(s->text), met = 1;
    for (; at < f->count && met != 0; at++) {
        const struct fold_cell *c = &f->cells[at];
        if (c->kind == FOLD_GAP)
            return false;
        if (c->kind == FOLD_JOINT)
            continue;
        uint64_t heard = advance(met, s->text, c->read[FOLD_SOUND]);
        met = s->is_word ? heard : heard | advance(met, s->text, c->read[FOLD_LOOK]);
        if ((met & whole) != 0 && (!s->is_word || ends_word(f, at + 1)))
            return true;
    }
    return false;
}

static void copy_word(char out[NAMES_WORD_SIZE], const struct fold *f, size_t at,
                      const char *name)
{
    size_t end = at;
    while (end < f->count && f->cells[end].kind != FOLD_GAP)
        end++;
    const char *from = name + f->cells[at].at;
    size_t len = end < f->count ? f->cells[end].at - f->cells[at].at : strlen(from);
    if (len >= NAMES_WORD_SIZE)
        len = utf8_cut(from, NAMES_WORD_SIZE - 1);
    memcpy(out, from, len);
    out[len] = '\0';
}

struct search {
    struct names_hit *hits;
    size_t count, max;
    const struct fold *f;
    const char *name, *lang;
};

/* By another stem of this language, which is listed before. */
static bool is_taken(const struct search *s, size_t at)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->hits[i].lang, s->lang) == 0 && s->hits[i].at == at)
            return true;
    return false;
}

static bool find_start(size_t *cell, const struct search *s, const struct stem *stem)
{
    for (size_t i = 0; i < s->f->count; i++) {
        const struct fold_cell *c = &s->f->cells[i];
        if (c->begins_word && !is_taken(s, c->at) && matches_at(s->f, i, stem)) {
            *cell = i;
            return true;
        }
    }
    return false;
}

static bool find_stem(size_t *cell, const struct search *s, const char *text,
                      bool is_word)
{
    for (int way = is_word ? FOLD_SOUND : 0; way < FOLD_WAYS; way++) {
        struct stem stem = {fold_text(text, (enum fold_way)way), is_word};
        assert(strlen(stem.text) <= NAMES_STEM_MAX);
        bool found = find_start(cell, s, &stem);
        mem_free(stem.text);
        if (found)
            return true;
    }
    return false;
}

static void search_list(struct search *s, const struct profile_list *list, bool is_word)
{
    for (size_t i = 0; i < list->count && s->count < s->max; i++) {
        size_t cell;
        if (!find_stem(&cell, s, list->items[i], is_word))
            continue;
        struct names_hit *hit = &s->hits[s->count++];
        hit->lang = s->lang;
        hit->stem = list->items[i];
        hit->at = s->f->cells[cell].at;
        copy_word(hit->word, s->f, cell, s->name);
    }
}

size_t names_check(struct names_hit *hits, size_t max, const struct profile *p,
                   const char *name)
{
    struct fold f;
    fold_init(&f, name);
    struct search s = {.hits = hits, .max = max, .f = &f, .name = name};
    for (size_t i = 0; i < p->stems_count; i++) {
        s.lang = p->stems[i].lang;
        search_list(&s, &p->stems[i].stems, false);
        search_list(&s, &p->stems[i].abbreviations, true);
    }
    fold_clear(&f);
    return s.count;
}

bool names_is_stem(const char *text)
{
    bool ok = true;
    for (int way = 0; way < FOLD_WAYS; way++) {
        char *folded = fold_text(text, (enum fold_way)way);
        size_t len = strlen(folded);
        ok = ok && len >= 2 && len <= NAMES_STEM_MAX && strchr(folded, ' ') == NULL;
        mem_free(folded);
    }
    return ok;
}
