#include "payout/psbt_roles.h"

#include "conf/mem.h"
#include "payout/psbt_parts.h"

#include <assert.h>
#include <string.h>

#define PATH_MAX_LEN 255 /* a depth is one byte (BIP32) */

static const struct bytes no_data = {NULL, 0};

static enum kz_err refuse(struct psbt_problem *problem, enum psbt_place place,
                          size_t index, const char *field, const char *what)
{
    *problem = (struct psbt_problem){place, index, field, what};
    return KZ_RANGE;
}

static void put_script(struct psbt_map *map, uint64_t type, struct bytes script)
{
    if (script.len > 0)
        psbt_put(map, type, no_data, script);
}

static void put_output(struct psbt_map *map, const struct tx_output *out)
{
    uint8_t value[8];
    struct psbt_buffer b = {0};
    write_le64(value, (uint64_t)amount_to_sat(out->value));
    psbt_add(&b, (struct bytes){value, sizeof(value)});
    psbt_add_sized(&b, tx_view(&out->script));
    psbt_put(map, PSBT_IN_WITNESS_UTXO, no_data, (struct bytes){b.p, b.len});
    mem_free(b.p);
}

/* `plain` and `taproot` are the types of such records in this kind of map. A taproot
 * key of ours signs for no leaf, so there is a count of 0 hashes before its origin. */
static void put_origin(struct psbt_map *map, uint64_t plain, uint64_t taproot,
                       const struct psbt_origin *origin)
{
    uint8_t value[1 + 4 + 4 * PATH_MAX_LEN] = {0};
    bool is_taproot = origin->pubkey.len == XONLY_SIZE;
    size_t len = is_taproot ? 1 : 0;
    assert(is_taproot || origin->pubkey.len == PUBKEY_SIZE);
    assert(origin->path_len <= PATH_MAX_LEN);
    memcpy(value + len, origin->fingerprint, 4);
    len += 4;
    for (size_t i = 0; i < origin->path_len; i++, len += 4)
        write_le32(value + len, origin->path[i]);
    psbt_put(map, is_taproot ? taproot : plain, origin->pubkey,
             (struct bytes){value, len});
}

static const char *check_previous(const struct psbt_coin *coin,
                                  const struct tx_outpoint *from)
{
    struct tx previous;
    struct hash256 id;
    const char *what = NULL;
    if (tx_parse(&previous, coin->previous_tx) != KZ_OK)
        return "is missing, or no transaction";
    tx_id(&id, &previous);
    if (!hash256_equal(&id, &from->txid) || from->vout >= previous.output_count) {
        what = "is not the transaction that the input spends";
    } else {
        const struct tx_output *out = &previous.outputs[from->vout];
        if (amount_compare(out->value, coin->spent.value) != 0 ||
            out->script.len != coin->spent.script.len ||
            memcmp(out->script.p, coin->spent.script.p, out->script.len) != 0)
            what = "has another output there than the coin is";
    }
    tx_clear(&previous);
    return what;
}

enum kz_err psbt_describe_input(struct psbt *p, struct psbt_problem *problem,
                                size_t input, const struct psbt_coin *coin)
{
    struct spend s;
    const char *why = NULL;
    const struct psbt_scripts *with = &coin->scripts;
    assert(input < p->tx.input_count);
    if (spend_read(&s, &why, &coin->spent, with->redeem, with->witness_script) != KZ_OK)
        return refuse(problem, PSBT_INPUT, input, NULL, why);
    if (!spend_is_taproot(&s))
        why = check_previous(coin, &p->tx.inputs[input].from);
    if (why != NULL)
        return refuse(problem, PSBT_INPUT, input, "non_witness_utxo", why);

    struct psbt_map *map = &p->inputs[input];
    if (!spend_is_taproot(&s))
        psbt_put(map, PSBT_IN_NON_WITNESS_UTXO, no_data, coin->previous_tx);
    if (!spend_is_legacy(&s))
        put_output(map, &coin->spent);
    put_script(map, PSBT_IN_REDEEM_SCRIPT, with->redeem);
    put_script(map, PSBT_IN_WITNESS_SCRIPT, with->witness_script);
    put_script(map, PSBT_IN_TAP_INTERNAL_KEY, with->internal_key);
    for (size_t i = 0; i < with->origin_count; i++)
        put_origin(map, PSBT_IN_BIP32_DERIVATION, PSBT_IN_TAP_BIP32_DERIVATION,
                   &with->origins[i]);
    return KZ_OK;
}

void psbt_describe_output(struct psbt *p, size_t output,
                          const struct psbt_scripts *scripts)
{
    assert(output < p->tx.output_count);
    struct psbt_map *map = &p->outputs[output];
    put_script(map, PSBT_OUT_REDEEM_SCRIPT, scripts->redeem);
    put_script(map, PSBT_OUT_WITNESS_SCRIPT, scripts->witness_script);
    put_script(map, PSBT_OUT_TAP_INTERNAL_KEY, scripts->internal_key);
    for (size_t i = 0; i < scripts->origin_count; i++)
        put_origin(map, PSBT_OUT_BIP32_DERIVATION, PSBT_OUT_TAP_BIP32_DERIVATION,
                   &scripts->origins[i]);
}

/* Names what differs for the person who has to look at it. */
static enum kz_err compare_parts(struct psbt_problem *problem, const struct tx *a,
                                 const struct tx *b)
{
    if (a->input_count != b->input_count)
        return refuse(problem, PSBT_WHOLE, 0, NULL, "it has another number of inputs");
    if (a->output_count != b->output_count)
        return refuse(problem, PSBT_WHOLE, 0, NULL, "it has another number of outputs");
    for (size_t i = 0; i < a->output_count; i++)
        if (!psbt_is_same_output(&a->outputs[i], &b->outputs[i]))
            return refuse(problem, PSBT_OUTPUT, i, NULL, "the output was changed");
    for (size_t i = 0; i < a->input_count; i++)
        if (!tx_outpoint_equal(&a->inputs[i].from, &b->inputs[i].from) ||
            a->inputs[i].sequence != b->inputs[i].sequence)
            return refuse(problem, PSBT_INPUT, i, NULL, "the input was changed");
    return KZ_OK;
}

/* The bytes decide, whatever is named. */
static enum kz_err compare_tx(struct psbt_problem *problem, const struct tx *a,
                              const struct tx *b)
{
    size_t a_len = 0, b_len = 0;
    enum kz_err err = compare_parts(problem, a, b);
    if (err != KZ_OK)
        return err;
    uint8_t *a_bytes = tx_format(&a_len, a, true);
    uint8_t *b_bytes = tx_format(&b_len, b, true);
    bool same = a_len == b_len && memcmp(a_bytes, b_bytes, a_len) == 0;
    mem_free(a_bytes);
    mem_free(b_bytes);
    return same ? KZ_OK
                : refuse(problem, PSBT_WHOLE, 0, NULL,
                         "its version or lock time was changed");
}

enum kz_err psbt_check_against(const struct psbt *p, struct psbt_problem *problem,
                               const struct tx *reserved, const struct tx_output *spent)
{
    enum kz_err err = compare_tx(problem, &p->tx, reserved);
    for (size_t i = 0; spent != NULL && err == KZ_OK && i < p->tx.input_count; i++) {
        struct tx_output named;
        switch (psbt_read_spent(&named, problem, p, i)) {
        case KZ_OK:
            if (!psbt_is_same_output(&named, &spent[i]))
                err = refuse(problem, PSBT_INPUT, i, NULL,
                             "the output that is spent was changed");
            mem_free(named.script.p);
            break;
        case KZ_EMPTY:
            break;
        case KZ_PARSE:
        case KZ_RANGE:
        case KZ_BUSY:
        case KZ_IO:
            return KZ_RANGE;
        }
    }
    return err;
}

static void map_union(struct psbt_map *to, const struct psbt_map *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct psbt_record *r = &from->records[i];
        struct bytes value;
        if (!psbt_get(&value, to, r->type, psbt_key_data(r)))
            psbt_put(to, r->type, psbt_key_data(r), psbt_value(r));
    }
}

enum kz_err psbt_combine(struct psbt *p, struct psbt_problem *problem,
                         const struct psbt *other)
{
    enum kz_err err = compare_tx(problem, &other->tx, &p->tx);
    if (err != KZ_OK)
        return err;
    map_union(&p->global, &other->global);
    for (size_t i = 0; i < p->tx.input_count; i++)
        map_union(&p->inputs[i], &other->inputs[i]);
    for (size_t i = 0; i < p->tx.output_count; i++)
        map_union(&p->outputs[i], &other->outputs[i]);
    return KZ_OK;
}
