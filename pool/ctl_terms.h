/* pool/ctl_terms.h - what karizctl needs to judge a record before the daemon does: the
 * profile and the network. And the ways in which its commands ask and answer.
 *
 * Thread: the only one. */
#ifndef POOL_CTL_TERMS_H
#define POOL_CTL_TERMS_H

#include "pool/ctl_local.h"
#include "pool/ctl_show.h"
#include "pool/registry/record_act.h"

struct ctl_terms {
    struct profile *profile;
    struct conf *conf; /* of the daemon's only what a draft needs */
    json_t *basis;
    struct record_act act; /* an operator's, of an application */
};

/* Of the settings file --conf, or as the daemon has them. False: said why. */
bool ctl_terms_load(struct ctl_terms *t, const struct ctl_place *place,
                    const json_t *arguments);
void ctl_terms_clear(struct ctl_terms *t);

/* Asks the daemon; takes `arguments`. False: said why. */
bool ctl_ask(json_t **result, const struct ctl_place *place, const char *command,
             json_t *arguments);
void ctl_print_json(const json_t *value);
/* As JSON or by `show`; the exit status. Takes `result`. */
int ctl_answer_take(const struct ctl_place *place, json_t *result, ctl_show_fn *show);

/* A whole file of at most `max` bytes, with a 0 behind it; the caller's. NULL: said why. */
char *ctl_read_file(size_t *len, const char *path, size_t max);

#endif
