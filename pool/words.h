/* pool/words.h - what people at a desk read, in their language.
 *
 * Sentences and rules are looked up by their English text in the sections "desk" and
 * "rules" of a catalogue (pool/report/catalogue.h), labels of a record's fields by their
 * path without numbers ("certificate.number") or by the last name of it in "fields", codes
 * by themselves in "codes". What a catalogue does not have is shown in English; so is
 * everything where there is none.
 *
 * A rule may have numbers in it: in the catalogue # stands for each, in their order.
 *
 * Ownership  owns the catalogue; words_free() accepts NULL. Texts are borrowed.
 * Thread     any; words_load() does I/O and reads the environment. */
#ifndef POOL_WORDS_H
#define POOL_WORDS_H

#include "pool/report/catalogue.h"

#include <stdbool.h>
#include <stdio.h>

#define WORDS_RULE_SIZE 400

struct words;

/* `lang`: "tk", "ru" or "en"; NULL: as LC_ALL, LC_MESSAGES or LANG have it, English where
 * they name none of these. Catalogues lie in KARIZ_CATALOGUES, or where conf_data_folder()
 * finds them. NULL: no such language, or it is asked for and its catalogue cannot be read;
 * said on standard error. */
struct words *words_load(const char *lang);
/* Takes the catalogue, which may be NULL. */
struct words *words_of_take(struct catalogue *catalogue);
void words_free(struct words *w);

const char *words_language(const struct words *w);
const char *words_say(const struct words *w, const char *english);
const char *words_field(const struct words *w, const char *path);
/* In `section`: "codes", "declarations", "reasons". */
const char *words_code(const struct words *w, const char *section, const char *code);
void words_rule(const struct words *w, char out[WORDS_RULE_SIZE], const char *rule);

/* Text of others: letters of all alphabets, but nothing that a terminal obeys. Returns how
 * many characters it took. */
size_t words_print(FILE *to, const char *text);
/* The same, with blanks behind it up to `width`. */
void words_print_wide(FILE *to, const char *text, size_t width);

#endif
