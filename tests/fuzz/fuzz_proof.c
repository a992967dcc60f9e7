/* tests/fuzz/fuzz_proof.c - proofs as people hand them in: address, message and proof, a
 * line each.
 *
 * What proves one message proves no other. */
#include "payout/proof.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Up to the next line end, which is taken as well. */
static struct bytes take_line(struct bytes *rest)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->p, '\n', rest->len) : NULL;
    struct bytes line = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->len};
    size_t used = end != NULL ? line.len + 1 : line.len;
    rest->p += used;
    rest->len -= used;
    return line;
}

static void judge(const struct proof_claim *claim)
{
    struct sign_context *c = sign_context_new();
    struct proof_answer answer = proof_check(c, claim);
    assert(answer.reason != NULL);
    if (answer.verdict == PROOF_VALID) {
        struct proof_claim other = *claim;
        other.message = claim->script;
        assert(proof_check(c, &other).verdict == PROOF_INVALID);
    }
    sign_context_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = {data, size};
    struct bytes address = take_line(&rest), message = take_line(&rest);
    struct address a;
    struct address_problem problem;
    if (address_parse(&a, &problem, network_of(CONF_MAIN), (const char *)address.p,
                      address.len) != KZ_OK)
        return 0;
    const struct proof_claim claim = {
        .script = {a.script, a.script_len},
        .message = message,
        .text = (const char *)rest.p,
        .text_len = rest.len,
    };
    judge(&claim);
    return 0;
}
