/* pool/forms.h - a template in, a job in the forms that rigs' firmware takes out.
 *
 * With a snapshot each firmware class in use has a coinbase of its own that pays as many
 * miners as it has room for. Room comes from the template itself: what its transactions
 * leave is the coinbase's, so a full block drops outputs, never transactions. A class
 * whose form cannot be made gets DIRECT_SMALL's; if that cannot be made either, all get
 * one that pays the pool alone: there is always a job, unless the template leaves no
 * room for the pool's own output.
 *
 * Ownership  everything given is borrowed; the job is the caller's to job_set_unref().
 * Errors     KZ_RANGE with `why`: not even the pool's form can be made; *out untouched.
 * Thread     one at a time each. */
#ifndef POOL_FORMS_H
#define POOL_FORMS_H

#include "payout/coinbase.h"
#include "stratum/job_set.h"

struct forms_spec {
    struct template *template;
    uint64_t serial; /* of the first form; the others follow it */
    uint32_t ntime;
    const char *tag;
    uint32_t classes; /* in use, a bit each; others get DIRECT_SMALL's form */
    struct coinbase_terms terms;
    const struct snapshot *snapshot; /* NULL: the pool alone is paid */
    enum direct_mode mode;           /* DIRECT_NOTHING: likewise */
};

/* `why`, also on KZ_OK: what was given up on the way, or "". */
KZ_MUST_USE enum kz_err forms_make(struct job_set *out, char why[JOB_WHY_SIZE],
                                   const struct forms_spec *spec);

/* The classes that sessions of these listeners can be of. */
uint32_t forms_classes(const struct conf_stratum *conf);

#endif
