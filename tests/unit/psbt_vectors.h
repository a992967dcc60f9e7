/* tests/unit/psbt_vectors.h - PSBTs of the shared vectors, for the tests of them.
 * Include after cmocka.h. */
#ifndef TESTS_UNIT_PSBT_VECTORS_H
#define TESTS_UNIT_PSBT_VECTORS_H

#include "conf/mem.h"
#include "payout/psbt.h"
#include "tests/unit/vectors.h"

static inline void psbt_must_parse(struct psbt *p, const char *text)
{
    struct psbt_problem problem;
    char why[200];
    if (psbt_parse_base64(p, &problem, text, strlen(text)) == KZ_OK)
        return;
    psbt_problem_format(why, sizeof(why), &problem);
    fail_msg("%s: %.60s...", why, text);
}

static inline void psbt_assert_text(const struct psbt *p, const char *want)
{
    char *text = psbt_format_base64(p);
    assert_string_equal(text, want);
    mem_free(text);
}

static inline void psbt_assert_problem(const struct psbt_problem *problem,
                                       const char *want)
{
    char why[200];
    psbt_problem_format(why, sizeof(why), problem);
    assert_string_equal(why, want);
}

#endif
