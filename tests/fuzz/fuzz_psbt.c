/* tests/fuzz/fuzz_psbt.c - partially signed transactions as outsiders send them.
 *
 * What is read is written so that it reads the same, and judging and finalising it
 * refuse or succeed, but change nothing when they refuse. */
#include "payout/psbt_roles.h"

#include "conf/mem.h"
#include "payout/base64.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct psbt *p, const uint8_t *bytes, size_t len)
{
    size_t again_len = 0;
    uint8_t *again = psbt_format(&again_len, p);
    assert(again_len == len && memcmp(again, bytes, len) == 0);
    mem_free(again);
}

static void try_text(const uint8_t *bytes, size_t len)
{
    struct psbt p;
    struct psbt_problem problem;
    char *text = base64_encode(bytes, len);
    bool read = psbt_parse_base64(&p, &problem, text, strlen(text)) == KZ_OK;
    assert(read);
    check_same(&p, bytes, len);
    psbt_clear(&p);
    mem_free(text);
}

static void try_roles(struct psbt *p, const struct sign_context *c,
                      const uint8_t *bytes, size_t len)
{
    struct psbt_problem problem = {PSBT_WHOLE, 0, NULL, NULL};
    struct tx t;
    bool same = psbt_check_against(p, &problem, &p->tx, NULL) == KZ_OK;
    assert(same);
    bool combined = psbt_combine(p, &problem, p) == KZ_OK;
    assert(combined);
    check_same(p, bytes, len);
    if (psbt_finalise(p, &problem, c) != KZ_OK) {
        assert(problem.what != NULL);
        check_same(p, bytes, len);
        return;
    }
    bool extracted = psbt_extract(&t, &problem, p, c) == KZ_OK;
    assert(extracted);
    tx_clear(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct psbt p;
    struct psbt_problem problem = {PSBT_WHOLE, 0, NULL, NULL};
    char why[100];
    size_t len = 0;
    if (psbt_parse(&p, &problem, (struct bytes){data, size}) != KZ_OK) {
        assert(problem.what != NULL);
        psbt_problem_format(why, sizeof(why), &problem);
        assert(strlen(why) > 0);
        return 0;
    }
    struct sign_context *c = sign_context_new();
    uint8_t *bytes = psbt_format(&len, &p);
    try_text(bytes, len);
    try_roles(&p, c, bytes, len);
    mem_free(bytes);
    psbt_clear(&p);
    sign_context_free(c);
    return 0;
}
