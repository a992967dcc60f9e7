/* tests/fuzz/fuzz_tx.c - transactions of others: what is read is written the same.
 *
 * And its digests are computed, with the bytes as a script of their own. */
#include "payout/sighash.h"

#include "conf/mem.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_bytes(const struct tx *t, bool bare, struct bytes in)
{
    size_t len = 0;
    uint8_t *p = tx_format(&len, t, bare);
    assert(len == in.len && memcmp(p, in.p, len) == 0);
    mem_free(p);
}

static void assert_ids(const struct tx *t)
{
    struct hash256 id, witness_id;
    struct amount sum;
    tx_id(&id, t);
    tx_witness_id(&witness_id, t);
    assert(tx_has_witness(t) != hash256_equal(&id, &witness_id));
    assert(tx_weight(t) <= 4 * tx_vsize(t) && tx_weight(t) + 4 > 4 * tx_vsize(t));
    if (tx_output_sum(&sum, t))
        assert(!amount_is_negative(sum));
}

static void sign_last_input(const struct tx *t, struct bytes script)
{
    struct hash256 h;
    size_t input = t->input_count - 1;
    for (uint32_t type = 0; type < 4; type++) {
        sighash_legacy(&h, t, input, script, type);
        sighash_witness_v0(&h, t, input, script, amount_zero(),
                           type | SIGHASH_ANYONECANPAY);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = {data, size};
    struct tx t, copy;
    if (tx_parse(&t, in) == KZ_OK) {
        assert(t.input_count > 0);
        assert_bytes(&t, false, in);
        assert_ids(&t);
        sign_last_input(&t, in);
        tx_copy(&copy, &t);
        assert_bytes(&copy, false, in);
        tx_clear(&copy);
        tx_clear(&t);
    }
    if (tx_parse_bare(&t, in) == KZ_OK) {
        assert(!tx_has_witness(&t));
        assert_bytes(&t, true, in);
        tx_clear(&t);
    }
    return 0;
}
