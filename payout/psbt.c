#include "payout/psbt.h"

#include "conf/mem.h"
#include "payout/base64.h"
#include "payout/psbt_parts.h"

#include <assert.h>
#include <string.h>

/* What a map of version 2 takes at least: its required fields and the end mark. */
#define V2_INPUT_LEAST  (3 + 32 + 3 + 4 + 1)
#define V2_OUTPUT_LEAST (3 + 8 + 3 + 1)

static const struct bytes no_data = {NULL, 0};

static enum kz_err fail(struct psbt_problem *problem, enum psbt_place place,
                        size_t index, const char *field, const char *what)
{
    *problem = (struct psbt_problem){place, index, field, what};
    return KZ_PARSE;
}

static struct psbt_map *maps_new(size_t count)
{
    return mem_array(count > 0 ? count : 1, sizeof(struct psbt_map));
}

static void maps_clear(struct psbt_map *maps, size_t count)
{
    for (size_t i = 0; maps != NULL && i < count; i++)
        psbt_map_clear(&maps[i]);
    mem_free(maps);
}

void psbt_init(struct psbt *p, const struct tx *tx)
{
    *p = (struct psbt){0};
    for (size_t i = 0; i < tx->input_count; i++)
        assert(tx->inputs[i].script.len == 0 && tx->inputs[i].witness_count == 0);
    tx_copy(&p->tx, tx);
    p->inputs = maps_new(tx->input_count);
    p->outputs = maps_new(tx->output_count);
}

void psbt_clear(struct psbt *p)
{
    maps_clear(p->inputs, p->tx.input_count);
    maps_clear(p->outputs, p->tx.output_count);
    psbt_map_clear(&p->global);
    tx_clear(&p->tx);
    *p = (struct psbt){0};
}

void psbt_copy(struct psbt *to, const struct psbt *from)
{
    psbt_init(to, &from->tx);
    psbt_map_copy(&to->global, &from->global);
    for (size_t i = 0; i < from->tx.input_count; i++)
        psbt_map_copy(&to->inputs[i], &from->inputs[i]);
    for (size_t i = 0; i < from->tx.output_count; i++)
        psbt_map_copy(&to->outputs[i], &from->outputs[i]);
}

/* A PSBT while it is read: its counts come before its transaction in version 2. */
struct reading {
    struct psbt p;
    struct bytes rest;
    unsigned version;
    size_t input_count, output_count;
    struct psbt_problem *problem;
};

static void reading_clear(struct reading *r)
{
    maps_clear(r->p.inputs, r->input_count);
    maps_clear(r->p.outputs, r->output_count);
    psbt_map_clear(&r->p.global);
    tx_clear(&r->p.tx);
}

static enum kz_err read_map(struct reading *r, struct psbt_map *map,
                            enum psbt_place place, size_t index)
{
    const char *field = NULL;
    const char *what = psbt_map_read(map, &r->rest);
    if (what == NULL && place != PSBT_GLOBAL)
        what = psbt_check_fields(&field, map, place, r->version);
    return what == NULL ? KZ_OK : fail(r->problem, place, index, field, what);
}

/* The version decides what else may be there. */
static enum kz_err read_version(struct reading *r)
{
    struct bytes value;
    const char *field = NULL;
    if (psbt_get(&value, &r->p.global, PSBT_GLOBAL_VERSION, no_data)) {
        uint32_t version = value.len == 4 ? read_le32(value.p) : 1;
        if (version != 0 && version != 2)
            return fail(r->problem, PSBT_GLOBAL, 0, "version", "is neither 0 nor 2");
        r->version = version;
    }
    const char *what = psbt_check_fields(&field, &r->p.global, PSBT_GLOBAL, r->version);
    return what == NULL ? KZ_OK : fail(r->problem, PSBT_GLOBAL, 0, field, what);
}

static bool is_unsigned_tx(const struct psbt_record *record)
{
    return record->type == PSBT_GLOBAL_UNSIGNED_TX;
}

static enum kz_err read_tx(struct reading *r)
{
    struct bytes value;
    if (!psbt_get(&value, &r->p.global, PSBT_GLOBAL_UNSIGNED_TX, no_data))
        return fail(r->problem, PSBT_GLOBAL, 0, "unsigned_tx", "is missing");
    enum kz_err err = tx_parse_bare(&r->p.tx, value);
    if (err != KZ_OK) {
        (void)fail(r->problem, PSBT_GLOBAL, 0, "unsigned_tx",
                   err == KZ_RANGE ? "pays what is outside the range of money"
                                   : "is no transaction without witnesses");
        return err;
    }
    for (size_t i = 0; i < r->p.tx.input_count; i++)
        if (r->p.tx.inputs[i].script.len > 0)
            return fail(r->problem, PSBT_GLOBAL, 0, "unsigned_tx",
                        "has a script in an input");
    r->input_count = r->p.tx.input_count;
    r->output_count = r->p.tx.output_count;
    psbt_map_drop(&r->p.global, is_unsigned_tx);
    return KZ_OK;
}

/* Memory for maps is taken by the count, so what is there has to be able to hold them. */
static enum kz_err read_count(struct reading *r, size_t *count, uint64_t type,
                              size_t least, const char *field)
{
    struct bytes value;
    uint64_t v = 0;
    if (!psbt_get(&value, &r->p.global, type, no_data) ||
        !psbt_take_compact(&v, &value))
        return fail(r->problem, PSBT_GLOBAL, 0, field, "is missing");
    if (v > r->rest.len / least)
        return fail(r->problem, PSBT_GLOBAL, 0, field, "is more than there can be");
    *count = (size_t)v;
    return KZ_OK;
}

static enum kz_err read_counts(struct reading *r)
{
    size_t inputs = 0, outputs = 0;
    enum kz_err err =
        read_count(r, &inputs, PSBT_GLOBAL_INPUT_COUNT, V2_INPUT_LEAST, "input_count");
    if (err == KZ_OK)
        err = read_count(r, &outputs, PSBT_GLOBAL_OUTPUT_COUNT, V2_OUTPUT_LEAST,
                         "output_count");
    if (err != KZ_OK)
        return err;
    r->input_count = inputs;
    r->output_count = outputs;
    return KZ_OK;
}

static enum kz_err read_maps(struct reading *r)
{
    enum kz_err err = KZ_OK;
    r->p.inputs = maps_new(r->input_count);
    r->p.outputs = maps_new(r->output_count);
    for (size_t i = 0; err == KZ_OK && i < r->input_count; i++)
        err = read_map(r, &r->p.inputs[i], PSBT_INPUT, i);
    for (size_t i = 0; err == KZ_OK && i < r->output_count; i++)
        err = read_map(r, &r->p.outputs[i], PSBT_OUTPUT, i);
    if (err == KZ_OK && r->rest.len > 0)
        return fail(r->problem, PSBT_WHOLE, 0, NULL, "something follows its end");
    return err;
}

static bool is_global_v2(const struct psbt_record *record)
{
    return record->type == PSBT_GLOBAL_VERSION ||
           (record->type >= PSBT_GLOBAL_TX_VERSION &&
            record->type <= PSBT_GLOBAL_TX_MODIFIABLE);
}

static bool is_input_v2(const struct psbt_record *record)
{
    return record->type >= PSBT_IN_PREVIOUS_TXID &&
           record->type <= PSBT_IN_REQUIRED_HEIGHT_LOCKTIME;
}

static bool is_output_v2(const struct psbt_record *record)
{
    return record->type == PSBT_OUT_AMOUNT || record->type == PSBT_OUT_SCRIPT;
}

/* From here on it is a PSBT of version 0. */
static enum kz_err turn_into_v0(struct reading *r)
{
    enum kz_err err =
        psbt_build_tx(&r->p.tx, r->problem, &r->p, r->input_count, r->output_count);
    if (err != KZ_OK)
        return err;
    psbt_map_drop(&r->p.global, is_global_v2);
    for (size_t i = 0; i < r->input_count; i++)
        psbt_map_drop(&r->p.inputs[i], is_input_v2);
    for (size_t i = 0; i < r->output_count; i++)
        psbt_map_drop(&r->p.outputs[i], is_output_v2);
    return KZ_OK;
}

/* BIP174: without this a wrong amount could be slipped in for a true one. */
static enum kz_err check_previous(struct reading *r, size_t input)
{
    const struct tx_outpoint *from = &r->p.tx.inputs[input].from;
    const char *what = NULL;
    struct bytes value;
    struct hash256 id;
    struct tx previous;
    if (!psbt_get(&value, &r->p.inputs[input], PSBT_IN_NON_WITNESS_UTXO, no_data))
        return KZ_OK;
    if (tx_parse(&previous, value) != KZ_OK)
        return fail(r->problem, PSBT_INPUT, input, "non_witness_utxo",
                    "is no transaction");
    tx_id(&id, &previous);
    if (!hash256_equal(&id, &from->txid))
        what = "is not the transaction that the input spends";
    else if (from->vout >= previous.output_count)
        what = "has no output of the number that the input spends";
    tx_clear(&previous);
    return what == NULL ? KZ_OK
                        : fail(r->problem, PSBT_INPUT, input, "non_witness_utxo", what);
}

static enum kz_err read_all(struct reading *r)
{
    struct bytes start;
    if (!psbt_take(&start, &r->rest, 5) || memcmp(start.p, "psbt\xff", 5) != 0)
        return fail(r->problem, PSBT_WHOLE, 0, NULL, "does not begin as one");
    enum kz_err err = read_map(r, &r->p.global, PSBT_GLOBAL, 0);
    if (err == KZ_OK)
        err = read_version(r);
    if (err == KZ_OK)
        err = r->version == 0 ? read_tx(r) : read_counts(r);
    if (err == KZ_OK)
        err = read_maps(r);
    if (err == KZ_OK && r->version == 2)
        err = turn_into_v0(r);
    for (size_t i = 0; err == KZ_OK && i < r->input_count; i++)
        err = check_previous(r, i);
    return err;
}

enum kz_err psbt_parse(struct psbt *p, struct psbt_problem *problem, struct bytes in)
{
    struct reading r = {.rest = in, .problem = problem};
    if (in.len > PSBT_BYTES_MAX) {
        (void)fail(problem, PSBT_WHOLE, 0, NULL, "is too large");
        return KZ_RANGE;
    }
    enum kz_err err = read_all(&r);
    if (err == KZ_OK)
        *p = r.p;
    else
        reading_clear(&r);
    return err;
}

enum kz_err psbt_parse_base64(struct psbt *p, struct psbt_problem *problem,
                              const char *text, size_t len)
{
    uint8_t *bytes = NULL;
    size_t count = 0;
    enum kz_err err = base64_decode(&bytes, &count, text, len, PSBT_BYTES_MAX);
    if (err != KZ_OK) {
        (void)fail(problem, PSBT_WHOLE, 0, NULL,
                   err == KZ_RANGE ? "is too large" : "is not base64");
        return err;
    }
    err = psbt_parse(p, problem, (struct bytes){bytes, count});
    mem_free(bytes);
    return err;
}
