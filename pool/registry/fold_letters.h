/* pool/registry/fold_letters.h - one code point as pool/registry/fold.h reads it.
 *
 * Latin letters by their Unicode names and decompositions; what looks like what was
 * decided by looking. Thread: any. Pure. */
#ifndef POOL_REGISTRY_FOLD_LETTERS_H
#define POOL_REGISTRY_FOLD_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

enum fold_class {
    FOLD_CLASS_LETTER,
    FOLD_CLASS_MARK,  /* combining: goes with the letter before it */
    FOLD_CLASS_BLANK, /* visible as nothing but space */
    FOLD_CLASS_SIGN,  /* all else, and what cannot be seen */
};

struct fold_letter {
    const char *look, *sound; /* NULL: a letter that stays as it is */
    bool is_upper, is_digit;
};

/* `out` is filled for letters. */
enum fold_class fold_letter_read(struct fold_letter *out, uint32_t code_point);

#endif
