/* tests/unit/raw_block.h - a serialised block, taken apart into a block template.
 *
 * Reads transactions on its own, so that what share/template and share/job make can be
 * compared with blocks that were really mined. Trusts its input. Include after cmocka.h
 * and vectors.h. */
#ifndef TESTS_UNIT_RAW_BLOCK_H
#define TESTS_UNIT_RAW_BLOCK_H

#include "share/hash256.h"

#include <jansson.h>
#include <stdlib.h>

struct raw_tx {
    const uint8_t *p;
    size_t len, stripped;
    bool has_witness;
    struct hash256 txid, wtxid;
};

struct raw_reader {
    const uint8_t *p, *end;
};

static inline uint64_t raw_size(struct raw_reader *r)
{
    uint64_t v = 0;
    size_t used = 0;
    struct bytes in = {r->p, (size_t)(r->end - r->p)};
    assert_int_equal(compact_size_read(&v, &used, in), KZ_OK);
    r->p += used;
    return v;
}

static inline void raw_tx_read(struct raw_tx *tx, struct raw_reader *r)
{
    struct sha256_state s;
    tx->p = r->p;
    r->p += 4;
    tx->has_witness = r->p[0] == 0;
    r->p += tx->has_witness ? 2 : 0;
    const uint8_t *body = r->p;
    uint64_t inputs = raw_size(r);
    for (uint64_t i = 0; i < inputs; i++) {
        r->p += 36;
        uint64_t script = raw_size(r);
        r->p += script + 4;
    }
    uint64_t outputs = raw_size(r);
    for (uint64_t i = 0; i < outputs; i++) {
        r->p += 8;
        uint64_t script = raw_size(r);
        r->p += script;
    }
    size_t body_len = (size_t)(r->p - body);
    for (uint64_t i = 0; tx->has_witness && i < inputs; i++) {
        uint64_t items = raw_size(r);
        for (uint64_t k = 0; k < items; k++) {
            uint64_t item = raw_size(r);
            r->p += item;
        }
    }
    r->p += 4;
    assert_true(r->p <= r->end);
    tx->len = (size_t)(r->p - tx->p);
    tx->stripped = 8 + body_len;
    hash256_double(&tx->wtxid, tx->p, tx->len);
    sha256_begin(&s);
    sha256_add(&s, tx->p, 4);
    sha256_add(&s, body, body_len);
    sha256_add(&s, r->p - 4, 4);
    sha256_end_double(&tx->txid, &s);
}

/* All transactions of a block, the coinbase first; the caller's to free(). */
static inline struct raw_tx *raw_block_read(size_t *count, const uint8_t *p, size_t len)
{
    struct raw_reader r = {p + 80, p + len};
    *count = (size_t)raw_size(&r);
    struct raw_tx *txs = calloc(*count, sizeof(*txs));
    assert_non_null(txs);
    for (size_t i = 0; i < *count; i++)
        raw_tx_read(&txs[i], &r);
    assert_ptr_equal(r.p, r.end);
    return txs;
}

static inline json_t *raw_display(const struct hash256 *h)
{
    char text[HASH256_HEX_SIZE];
    hash256_format_display(text, h);
    return json_string(text);
}

static inline json_t *raw_tx_json(const struct raw_tx *tx)
{
    char *hex = malloc(2 * tx->len + 1);
    assert_non_null(hex);
    hex_encode(hex, tx->p, tx->len);
    json_t *json =
        json_pack("{s:s, s:o, s:o, s:I, s:i}", "data", hex, "txid",
                  raw_display(&tx->txid), "hash", raw_display(&tx->wtxid), "weight",
                  (json_int_t)(3 * tx->stripped + tx->len), "sigops", 0);
    free(hex);
    return json;
}

/* What getblocktemplate would have said of this block, as far as it can be known. */
static inline json_t *raw_block_template(const uint8_t *p, const struct raw_tx *txs,
                                         size_t count, int64_t height, bool segwit)
{
    struct hash256 prev;
    char bits[9];
    json_t *list = json_array();
    for (size_t i = 1; i < count; i++)
        json_array_append_new(list, raw_tx_json(&txs[i]));
    for (size_t i = 0; i < 32; i++)
        prev.b[i] = p[4 + i];
    snprintf(bits, sizeof(bits), "%08x", (unsigned)read_le32(p + 72));
    json_int_t time = read_le32(p + 68);
    return json_pack("{s:I, s:o, s:s, s:I, s:I, s:I, s:I, s:o, s:[s, s]}", "height",
                     (json_int_t)height, "previousblockhash", raw_display(&prev),
                     "bits", bits, "curtime", time, "mintime", time - 600, "version",
                     (json_int_t)read_le32(p), "coinbasevalue", (json_int_t)1250000000,
                     "transactions", list, "rules", "csv", segwit ? "!segwit" : "csv");
}

#endif
