/* pool/guide.h - an application asked for at a terminal, field by field.
 *
 * What is asked comes from the table of pool/registry/record_fields.h: in its order, what
 * this kind and residency must or may give, with the choices, numbers and rules that stand
 * there; a new field of the table is asked for without a line of code here. What the pool
 * finds out for itself (screening, risk, certificate.verified) and what the registry writes
 * is not asked. Declarations are read out one by one; what is kept is the SHA-256 of the
 * text that was shown.
 *
 * A bad value is said with its rule and asked for again. A value that has the right form
 * but does not go with an earlier one is taken when it is given a second time: it may be
 * the earlier one that is wrong, and everything is checked again at the end.
 *
 * Lines come from `in`, which may be a pipe; its end ends everything. Nothing is written
 * but to `out`, which is where people look: what they typed is personal.
 *
 * Thread  one at a time, whichever. */
#ifndef POOL_GUIDE_H
#define POOL_GUIDE_H

#include "pool/registry/record_act.h"
#include "pool/words.h"

struct guide {
    FILE *in, *out;
    const struct words *words;
    const struct record_act *act; /* who applies: of it profile, conf and now_ms */
};

/* `begun`: what is known already and is not asked, or NULL. *record is the caller's.
 * KZ_EMPTY: the input ended. */
KZ_MUST_USE enum kz_err guide_run(json_t **record, const struct guide *g,
                                  const json_t *begun);

/* Everything that was given, a line a value. */
void guide_print_record(const struct guide *g, const json_t *record);
/* What record_check() finds in it, as it will be kept: [{path, severity, rule}], the
 * caller's. KZ_RANGE: it can be no draft at all; `why`. */
KZ_MUST_USE enum kz_err guide_find(json_t **findings, char why[RECORD_WHY_SIZE],
                                   const struct guide *g, const json_t *record);
void guide_print_findings(FILE *out, const struct words *w, const json_t *findings);

/* A question with yes or no, no where nothing is said. KZ_EMPTY: the input ended. */
KZ_MUST_USE enum kz_err guide_yes(bool *yes, const struct guide *g,
                                  const char *question);

#endif
