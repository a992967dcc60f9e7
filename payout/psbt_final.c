#include "payout/psbt_parts.h"
#include "payout/psbt_roles.h"

#include "conf/mem.h"

#include <string.h>

static const struct bytes no_data = {NULL, 0};

static enum kz_err refuse(struct psbt_problem *problem, size_t input, const char *field,
                          const char *what)
{
    *problem = (struct psbt_problem){PSBT_INPUT, input, field, what};
    return KZ_RANGE;
}

static void output_copy(struct tx_output *to, const struct tx_output *from)
{
    to->value = from->value;
    to->script.len = from->script.len;
    to->script.p =
        from->script.len > 0 ? mem_copy(from->script.p, from->script.len) : NULL;
}

/* Out of the previous transaction, of which the parser has seen that it is the one. */
static bool read_from_previous(struct tx_output *out, const struct psbt_map *map,
                               uint32_t vout)
{
    struct bytes value;
    struct tx previous;
    if (!psbt_get(&value, map, PSBT_IN_NON_WITNESS_UTXO, no_data) ||
        tx_parse(&previous, value) != KZ_OK)
        return false;
    bool found = vout < previous.output_count;
    if (found)
        output_copy(out, &previous.outputs[vout]);
    tx_clear(&previous);
    return found;
}

enum kz_err psbt_read_spent(struct tx_output *out, struct psbt_problem *problem,
                            const struct psbt *p, size_t input)
{
    struct bytes value;
    struct tx_output whole, bare;
    const struct psbt_map *map = &p->inputs[input];
    bool has_whole = read_from_previous(&whole, map, p->tx.inputs[input].from.vout);
    bool has_bare = psbt_get(&value, map, PSBT_IN_WITNESS_UTXO, no_data) &&
                    psbt_read_output(&bare, value);
    if (!has_whole && !has_bare) {
        (void)refuse(problem, input, NULL, "the output that is spent is not given");
        return KZ_EMPTY;
    }
    if (has_whole && has_bare && !psbt_is_same_output(&whole, &bare)) {
        mem_free(whole.script.p);
        return refuse(problem, input, "witness_utxo",
                      "is another output than the previous transaction has");
    }
    if (has_whole)
        *out = whole;
    else
        output_copy(out, &bare);
    return KZ_OK;
}

/* A PSBT while it is judged: what its inputs spend, and its transaction with what is
 * finalised already put in. */
struct judged {
    const struct psbt *p;
    struct tx tx;
    struct tx_output *spent;
};

static void judged_clear(struct judged *j)
{
    for (size_t i = 0; i < j->p->tx.input_count; i++)
        mem_free(j->spent[i].script.p);
    mem_free(j->spent);
    tx_clear(&j->tx);
}

static bool is_final(const struct psbt_map *map)
{
    return psbt_has(map, PSBT_IN_FINAL_SCRIPTSIG) ||
           psbt_has(map, PSBT_IN_FINAL_SCRIPTWITNESS);
}

/* The parser has seen that the stack has its form. */
static void put_witness(struct tx *t, size_t input, struct bytes value)
{
    uint64_t count = 0;
    if (!psbt_take_compact(&count, &value) || count == 0 || count > value.len)
        return;
    struct bytes *items = mem_array((size_t)count, sizeof(*items));
    size_t taken = 0;
    while (taken < count && psbt_take_sized(&items[taken], &value))
        taken++;
    tx_set_witness(t, input, items, taken);
    mem_free(items);
}

static void put_final(struct tx *t, size_t input, const struct psbt_map *map)
{
    struct bytes value;
    if (psbt_get(&value, map, PSBT_IN_FINAL_SCRIPTSIG, no_data))
        tx_set_script(t, input, value);
    if (psbt_get(&value, map, PSBT_IN_FINAL_SCRIPTWITNESS, no_data))
        put_witness(t, input, value);
}

static enum kz_err read_spend(struct spend *s, struct psbt_problem *problem,
                              const struct judged *j, size_t input)
{
    struct bytes redeem, witness_script;
    const char *why = NULL;
    const struct psbt_map *map = &j->p->inputs[input];
    (void)psbt_get(&redeem, map, PSBT_IN_REDEEM_SCRIPT, no_data);
    (void)psbt_get(&witness_script, map, PSBT_IN_WITNESS_SCRIPT, no_data);
    if (spend_read(s, &why, &j->spent[input], redeem, witness_script) != KZ_OK)
        return refuse(problem, input, NULL, why);
    /* BIP174: what such a signature covers does not include the amount. */
    if (spend_is_legacy(s) && !psbt_has(map, PSBT_IN_NON_WITNESS_UTXO))
        return refuse(problem, input, "non_witness_utxo",
                      "is missing, which an input without witness needs");
    return KZ_OK;
}

/* What a signer was asked for, where it was asked. */
static enum kz_err check_sighash_type(struct psbt_problem *problem,
                                      const struct spend *s, const struct psbt_map *map,
                                      size_t input)
{
    struct bytes value;
    if (!psbt_get(&value, map, PSBT_IN_SIGHASH_TYPE, no_data))
        return KZ_OK;
    uint32_t type = read_le32(value.p);
    if (type == SIGHASH_ALL || (spend_is_taproot(s) && type == SIGHASH_DEFAULT))
        return KZ_OK;
    return refuse(problem, input, "sighash_type",
                  "asks for signatures that do not cover the whole transaction");
}

static bool is_signature(const struct spend *s, const struct psbt_record *r)
{
    return r->type == (spend_is_taproot(s) ? PSBT_IN_TAP_KEY_SIG : PSBT_IN_PARTIAL_SIG);
}

static struct spend_signature signature_in(const struct psbt_record *r)
{
    return (struct spend_signature){psbt_key_data(r), psbt_value(r)};
}

static enum kz_err check_input(const struct judged *j, struct psbt_problem *problem,
                               const struct sign_context *c, size_t input)
{
    struct spend s;
    const struct psbt_map *map = &j->p->inputs[input];
    struct spend_place at = {&j->tx, input, j->spent};
    const char *why = NULL;
    if (is_final(map)) {
        if (spend_check_final(&why, c, &at) != KZ_OK)
            return refuse(problem, input, NULL, why);
        return KZ_OK;
    }
    enum kz_err err = read_spend(&s, problem, j, input);
    if (err == KZ_OK)
        err = check_sighash_type(problem, &s, map, input);
    for (size_t i = 0; err == KZ_OK && i < map->count; i++) {
        struct spend_signature one = signature_in(&map->records[i]);
        if (is_signature(&s, &map->records[i]) &&
            spend_check_signature(&why, c, &s, &at, &one) != KZ_OK)
            err = refuse(problem, input,
                         spend_is_taproot(&s) ? "tap_key_sig" : "partial_sig", why);
    }
    return err;
}

/* On KZ_OK all is checked, and `j` is to be cleared. */
static enum kz_err judge(struct judged *j, struct psbt_problem *problem,
                         const struct psbt *p, const struct sign_context *c)
{
    size_t count = p->tx.input_count;
    enum kz_err err = KZ_OK;
    *j = (struct judged){.p = p};
    if (count == 0) {
        *problem = (struct psbt_problem){PSBT_WHOLE, 0, NULL, "it has no inputs"};
        return KZ_RANGE;
    }
    tx_copy(&j->tx, &p->tx);
    j->spent = mem_array(count, sizeof(*j->spent));
    for (size_t i = 0; err == KZ_OK && i < count; i++) {
        err = psbt_read_spent(&j->spent[i], problem, p, i) == KZ_OK ? KZ_OK : KZ_RANGE;
        put_final(&j->tx, i, &p->inputs[i]);
    }
    for (size_t i = 0; err == KZ_OK && i < count; i++)
        err = check_input(j, problem, c, i);
    if (err != KZ_OK)
        judged_clear(j);
    return err;
}

enum kz_err psbt_check_signatures(const struct psbt *p, struct psbt_problem *problem,
                                  const struct sign_context *c)
{
    struct judged j;
    enum kz_err err = judge(&j, problem, p, c);
    if (err == KZ_OK)
        judged_clear(&j);
    return err;
}

/* False: there is nothing for this key to do. */
static bool sign_input(struct psbt *p, const struct judged *j,
                       const struct sign_context *c, size_t input,
                       const uint8_t key[PRIVATE_KEY_SIZE], const uint8_t *aux)
{
    struct spend s;
    struct spend_signed made;
    struct psbt_problem ignored;
    const char *why = NULL;
    struct spend_place at = {&j->tx, input, j->spent};
    struct psbt_map *map = &p->inputs[input];
    if (is_final(map) || read_spend(&s, &ignored, j, input) != KZ_OK ||
        spend_sign(&made, &why, c, &s, &at, key, aux) != KZ_OK)
        return false;
    struct bytes pubkey = {made.pubkey, spend_is_taproot(&s) ? 0 : PUBKEY_SIZE};
    struct bytes old;
    uint64_t type = spend_is_taproot(&s) ? PSBT_IN_TAP_KEY_SIG : PSBT_IN_PARTIAL_SIG;
    if (psbt_get(&old, map, type, pubkey))
        return false;
    psbt_put(map, type, pubkey, (struct bytes){made.signature, made.len});
    return true;
}

enum kz_err psbt_sign(struct psbt *p, size_t *count, struct psbt_problem *problem,
                      const struct sign_context *c, const uint8_t key[PRIVATE_KEY_SIZE],
                      const uint8_t *aux)
{
    struct judged j;
    size_t signed_inputs = 0;
    enum kz_err err = judge(&j, problem, p, c);
    if (err != KZ_OK)
        return err;
    for (size_t i = 0; i < p->tx.input_count; i++)
        if (sign_input(p, &j, c, i, key, aux))
            signed_inputs++;
    judged_clear(&j);
    *count = signed_inputs;
    return KZ_OK;
}

/* The input of `j->tx` is then as it will be sent. */
static enum kz_err finish_input(struct judged *j, struct psbt_problem *problem,
                                size_t input)
{
    struct spend s;
    const struct psbt_map *map = &j->p->inputs[input];
    if (is_final(map))
        return KZ_OK;
    enum kz_err err = read_spend(&s, problem, j, input);
    if (err != KZ_OK)
        return err;
    /* Each is of another key of the script, so there are no more than keys. */
    struct spend_signature list[SPEND_KEYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < map->count && count < SPEND_KEYS_MAX; i++)
        if (is_signature(&s, &map->records[i]))
            list[count++] = signature_in(&map->records[i]);
    err = spend_finish(&j->tx, input, &s, list, count);
    if (err != KZ_OK)
        (void)refuse(problem, input, NULL, "signatures are missing");
    return err;
}

/* BIP174: the finaliser keeps what is spent, the result, and what it does not know. */
static bool is_used_up(const struct psbt_record *r)
{
    return psbt_is_known_input(r) && r->type != PSBT_IN_NON_WITNESS_UTXO &&
           r->type != PSBT_IN_WITNESS_UTXO && r->type != PSBT_IN_FINAL_SCRIPTSIG &&
           r->type != PSBT_IN_FINAL_SCRIPTWITNESS && r->type != PSBT_PROPRIETARY;
}

static void store_final(struct psbt_map *map, const struct tx_input *in)
{
    struct psbt_buffer b = {0};
    psbt_map_drop(map, is_used_up);
    if (in->script.len > 0)
        psbt_put(map, PSBT_IN_FINAL_SCRIPTSIG, no_data, tx_view(&in->script));
    if (in->witness_count == 0)
        return;
    psbt_add_compact(&b, in->witness_count);
    for (size_t i = 0; i < in->witness_count; i++)
        psbt_add_sized(&b, tx_view(&in->witness[i]));
    psbt_put(map, PSBT_IN_FINAL_SCRIPTWITNESS, no_data, (struct bytes){b.p, b.len});
    mem_free(b.p);
}

enum kz_err psbt_finalise(struct psbt *p, struct psbt_problem *problem,
                          const struct sign_context *c)
{
    struct judged j;
    enum kz_err err = judge(&j, problem, p, c);
    if (err != KZ_OK)
        return err;
    for (size_t i = 0; err == KZ_OK && i < p->tx.input_count; i++)
        err = finish_input(&j, problem, i);
    for (size_t i = 0; err == KZ_OK && i < p->tx.input_count; i++)
        store_final(&p->inputs[i], &j.tx.inputs[i]);
    judged_clear(&j);
    return err;
}

enum kz_err psbt_extract(struct tx *t, struct psbt_problem *problem,
                         const struct psbt *p, const struct sign_context *c)
{
    struct judged j;
    enum kz_err err = judge(&j, problem, p, c);
    if (err != KZ_OK)
        return err;
    for (size_t i = 0; err == KZ_OK && i < p->tx.input_count; i++) {
        if (is_final(&p->inputs[i]))
            continue;
        (void)refuse(problem, i, NULL, "it is not finalised");
        err = KZ_EMPTY;
    }
    if (err == KZ_OK)
        tx_copy(t, &j.tx);
    judged_clear(&j);
    return err;
}
