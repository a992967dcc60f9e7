#include "pool/registry/fold.h"

#include "conf/mem.h"
#include "pool/registry/fold_letters.h"
#include "pool/registry/utf8.h"

#include <stdio.h>
#include <string.h>

/* Separators in a row are one: a gap where a blank is among them. */
static void add_separator(struct fold *f, enum fold_kind kind, size_t at)
{
    struct fold_cell *last = f->count > 0 ? &f->cells[f->count - 1] : NULL;
    if (last != NULL && last->kind != FOLD_LETTER) {
        if (kind == FOLD_GAP)
            last->kind = FOLD_GAP;
        return;
    }
    f->cells[f->count++] = (struct fold_cell){.kind = kind, .at = at};
}

static bool begins_word(const struct fold *f, const struct fold_letter *letter)
{
    if (f->count == 0)
        return true;
    const struct fold_cell *before = &f->cells[f->count - 1];
    return before->kind != FOLD_LETTER || before->is_digit ||
           (letter->is_upper && !before->is_upper);
}

static void add_letter(struct fold *f, const struct fold_letter *letter, uint32_t c,
                       size_t at)
{
    char same[UTF8_SIZE];
    utf8_write(same, c);
    struct fold_cell cell = {.kind = FOLD_LETTER,
                             .at = at,
                             .is_digit = letter->is_digit,
                             .is_upper = letter->is_upper,
                             .begins_word = begins_word(f, letter)};
    snprintf(cell.read[FOLD_LOOK], FOLD_READ_SIZE, "%s",
             letter->look != NULL ? letter->look : same);
    snprintf(cell.read[FOLD_SOUND], FOLD_READ_SIZE, "%s",
             letter->sound != NULL ? letter->sound : same);
    f->cells[f->count++] = cell;
}

static bool is_letter(const struct fold *f, size_t at)
{
    return at < f->count && f->cells[at].kind == FOLD_LETTER;
}

/* "S T A T E": a blank between single letters separates nothing. */
static void close_spaced_letters(struct fold *f)
{
    for (size_t i = 1; i + 1 < f->count; i++) {
        bool is_spaced = f->cells[i].kind == FOLD_GAP && is_letter(f, i - 1) &&
                         !(i >= 2 && is_letter(f, i - 2)) && is_letter(f, i + 1) &&
                         !is_letter(f, i + 2);
        if (is_spaced)
            f->cells[i].kind = FOLD_JOINT;
    }
}

void fold_init(struct fold *f, const char *text)
{
    size_t len = strlen(text);
    *f = (struct fold){0, mem_array(len + 1, sizeof(*f->cells))};
    for (size_t at = 0, used; at < len; at += used) {
        struct fold_letter letter;
        uint32_t c;
        used = utf8_read(&c, text + at);
        switch (fold_letter_read(&letter, c)) {
        case FOLD_CLASS_LETTER:
            add_letter(f, &letter, c, at);
            break;
        case FOLD_CLASS_BLANK:
            add_separator(f, FOLD_GAP, at);
            break;
        case FOLD_CLASS_SIGN:
            add_separator(f, FOLD_JOINT, at);
            break;
        case FOLD_CLASS_MARK:
            break;
        }
    }
    close_spaced_letters(f);
}

void fold_clear(struct fold *f)
{
    mem_free(f->cells);
    *f = (struct fold){0, NULL};
}

char *fold_text(const char *text, enum fold_way way)
{
    struct fold f;
    fold_init(&f, text);
    char *out = mem_new(f.count * FOLD_READ_SIZE + 1), *to = out;
    bool is_gap = false; /* behind a letter, with none behind it yet */
    for (size_t i = 0; i < f.count; i++) {
        const struct fold_cell *c = &f.cells[i];
        if (c->kind == FOLD_GAP)
            is_gap = to > out;
        if (c->kind != FOLD_LETTER || c->read[way][0] == '\0')
            continue;
        if (is_gap)
            *to++ = ' ';
        is_gap = false;
        size_t len = strlen(c->read[way]);
        memcpy(to, c->read[way], len);
        to += len;
    }
    *to = '\0';
    fold_clear(&f);
    return out;
}
