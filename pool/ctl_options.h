/* pool/ctl_options.h - a command's words and --options into a JSON object, by its row.
 *
 * `argument` is the name of the word that is no option; of several, with a blank between,
 * their order; NULL: there is none; in brackets: it may be left out. `options` are names
 * with a blank between; behind a name
 *
 *   *   may be repeated: an array of texts
 *   !   takes no value: true
 *   ?   its value, a number, may be left out: text, or true
 *
 * and nothing: takes one value, a text. */
#ifndef POOL_CTL_OPTIONS_H
#define POOL_CTL_OPTIONS_H

#include <jansson.h>

struct ctl_row {
    const char *words; /* "miner show": for messages */
    const char *argument, *options;
};

/* NULL: the command line was wrong, and it was said on standard error. The caller's. */
json_t *ctl_options_read(const struct ctl_row *row, char **words, int count);

#endif
