/* pool/registry/fold.h - names as eyes and ears take them, for comparing.
 *
 * A text becomes cells: letters, and what stands between them. Each letter is read twice,
 * because who hides a word does it for the eye or for the ear:
 *
 *   look   the Latin letters it looks like: Cyrillic "р" as p, "н" as h (its capital),
 *          Greek, full-width and mathematical letters; i, l and 1 are one letter here
 *   sound  what it is transliterated to: "р" as r, "щ" as shch, "ь" as nothing; y is i and
 *          w is v, since Turkmen, Russian and English spell these sounds differently
 *
 * Case and diacritics are gone in both; "ü", "u" with a combining mark and "u" are one.
 * Digits are letters too, as those who write "0" for "o" want it: 0 o, 1 l or i, 3 e or z,
 * 4 a or ch, 5 s, 6 b, 7 t, 8 b or v. But a word also begins behind each digit, so that
 * "1state" is not a way out. It also begins at a capital behind a small letter.
 *
 * Between words is a gap (blanks) or a joint (any other sign, and invisible ones), which
 * ends a word or is nothing at all, whichever finds more: "Turk-men". Blanks between
 * single letters are joints: "S T A T E".
 *
 * Letters of other scripts stay as they are. Bytes that are no UTF-8 are joints.
 *
 * Thread  any. Pure. */
#ifndef POOL_REGISTRY_FOLD_H
#define POOL_REGISTRY_FOLD_H

#include <stdbool.h>
#include <stddef.h>

#define FOLD_READ_SIZE 5

enum fold_kind { FOLD_LETTER, FOLD_JOINT, FOLD_GAP };
enum fold_way { FOLD_LOOK, FOLD_SOUND, FOLD_WAYS };

struct fold_cell {
    enum fold_kind kind;
    size_t at;                            /* offset in the text */
    char read[FOLD_WAYS][FOLD_READ_SIZE]; /* of a letter; may be "" */
    bool is_digit, is_upper;
    bool begins_word;
};

struct fold {
    size_t count;
    struct fold_cell *cells; /* owned */
};

/* The caller bounds `text`; a cell is some 40 bytes. Release with fold_clear(). */
void fold_init(struct fold *f, const char *text);
void fold_clear(struct fold *f);

/* Letters as read, one blank for each gap between, joints left out: equal for names that
 * are the same to a reader. The caller's to mem_free(). */
char *fold_text(const char *text, enum fold_way way);

#endif
