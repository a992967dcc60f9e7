/* tests/unit/tx_fixture.h - bytes and transactions out of the hex of vectors. Include
 * after cmocka.h. */
#ifndef TESTS_UNIT_TX_FIXTURE_H
#define TESTS_UNIT_TX_FIXTURE_H

#include "conf/mem.h"
#include "payout/tx.h"
#include "tests/unit/vectors.h"

/* Exactly as large as the hex says, so that reading past the end is seen; the caller's
 * to mem_free(). */
static inline struct tx_bytes unhex(const char *hex)
{
    struct tx_bytes b = {NULL, strlen(hex) / 2};
    if (b.len > 0)
        b.p = mem_new(b.len);
    assert_int_equal(hex_decode(b.p, b.len, hex, strlen(hex)), KZ_OK);
    return b;
}

static inline void assert_hex(struct bytes b, const char *hex)
{
    char *found = mem_new(2 * b.len + 1);
    hex_encode(found, b.p, b.len);
    assert_string_equal(found, hex);
    mem_free(found);
}

static inline void assert_display(const struct hash256 *h, const char *expected)
{
    char text[HASH256_HEX_SIZE];
    hash256_format_display(text, h);
    assert_string_equal(text, expected);
}

static inline enum kz_err tx_of_hex(struct tx *t, const char *hex)
{
    struct tx_bytes b = unhex(hex);
    enum kz_err err = tx_parse(t, tx_view(&b));
    mem_free(b.p);
    return err;
}

static inline enum kz_err tx_of_bare_hex(struct tx *t, const char *hex)
{
    struct tx_bytes b = unhex(hex);
    enum kz_err err = tx_parse_bare(t, tx_view(&b));
    mem_free(b.p);
    return err;
}

static inline void assert_tx_hex(const struct tx *t, bool bare, const char *hex)
{
    size_t len = 0;
    uint8_t *p = tx_format(&len, t, bare);
    assert_hex((struct bytes){p, len}, hex);
    mem_free(p);
}

/* An output as vectors give it; the caller's to mem_free() its script. */
static inline struct tx_output output_of(const json_t *o, const char *value,
                                         const char *script)
{
    struct tx_output out = {.script = unhex(text_at(o, script))};
    assert_true(amount_from_sat(&out.value, number_at(o, value)));
    return out;
}

#endif
