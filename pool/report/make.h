/* pool/report/make.h - a package of reports, made out of the store and the journal.
 *
 * Reads what each report needs, checks the reports against each other and against the
 * registry's history, and writes a signed package (pool/report/package.h). R6 and R8 add up
 * R4 and R5, which are made for them even where the package has neither.
 *
 * Everything before `made_ms` counts, nothing after: of a period that is not over, the
 * package is as of then. But work is kept by whole hours: what came of shares up to the end
 * of the hour of `made_ms` is in it, or not, as it is read sooner or later.
 *
 * Ownership  the plan borrows all it names.
 * Errors     KZ_IO: Redis, the journal or the disk. KZ_RANGE: what is there contradicts
 *            itself, or the plan cannot be. `why` names report and reason; nothing is
 *            written then.
 * Thread     any that may wait: it reads all of the period. */
#ifndef POOL_REPORT_MAKE_H
#define POOL_REPORT_MAKE_H

#include "pool/report/package.h"
#include "pool/report/source.h"

#define MAKE_LEDGER  "the ledger"
#define MAKE_PACKAGE "the package"

/* How long behind its period's end the last shares may still come into the tallies. */
#define MAKE_GRACE_MS INT64_C(600000)

struct make_plan {
    struct store *store;
    const struct conf *conf;
    const struct profile *profile;
    const char *commit; /* of the software; NULL: not known */
    const char *journal_dir;
    struct vault *vault; /* NULL: not for full disclosure */
    struct period period;
    enum disclosure disclosure;
    const char *subject;       /* of the level subject: a miner's id; else NULL */
    const char *request;       /* or NULL */
    const enum report_id *ids; /* in the order of enum report_id, each once */
    size_t count;
    const struct catalogue *const *catalogues;
    size_t catalogue_count;
    const struct hash256 *corrects, *previous; /* NULL: none; corrects: a correction */
    const struct sign_context *context;
    const uint8_t *key; /* PRIVATE_KEY_SIZE */
    /* The manifest of a package that is made again: then operator, software and key are as
     * it says, and nothing is signed (`key` is NULL). NULL: a new one. */
    const struct manifest *again;
    const char *dir; /* to be made */
    int64_t made_ms;
    /* Asked on the way, with what comes next: MAKE_LEDGER, many times while that is read; each
     * report's name; MAKE_PACKAGE, to be checked and written. False: it ends with KZ_BUSY.
     * NULL: it never does. */
    bool (*goes_on)(void *ctx, const char *doing);
    void *ctx;
};

KZ_MUST_USE enum kz_err make_package(struct hash256 *hash, char why[PACKAGE_WHY_SIZE],
                                     const struct make_plan *plan);

/* What is due for such a period by the profile and may be given at the level; on demand:
 * all that may. Returns how many. */
size_t make_due(enum report_id ids[REPORT_IDS], const struct profile *profile,
                enum period_kind kind, enum disclosure level);
/* "R1,R4-blocks": each once, in the order of enum report_id. KZ_PARSE: no such report. */
KZ_MUST_USE enum kz_err make_ids_parse(enum report_id ids[REPORT_IDS], size_t *count,
                                       const char *text);

/* What makes a report: the one or the other, of which the other is NULL. */
report_source_fn *make_source_of(enum report_id id);
const struct ledger_source *make_ledger_source_of(enum report_id id);

#endif
