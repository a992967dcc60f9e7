#include "payout/spend.h"

#include <string.h>

/* The most that is looked at: an empty item, signatures, the script. */
#define STACK_MAX (SPEND_KEYS_MAX + 2)

enum { OP_PUSHDATA1 = 0x4c, OP_PUSHDATA2 = 0x4d };

static enum kz_err refuse(const char **why, const char *what)
{
    *why = what;
    return KZ_RANGE;
}

struct stack {
    struct bytes items[STACK_MAX];
    size_t count;
};

static bool stack_add(struct stack *k, struct bytes item)
{
    if (k->count == STACK_MAX)
        return false;
    k->items[k->count++] = item;
    return true;
}

/* One push off the front. Whether it is in its least form is seen later, when the same
 * bytes have to come out again. */
static bool take_push(struct bytes *item, struct bytes *script)
{
    size_t start = 1, len = script->p[0];
    if (len == OP_PUSHDATA1 && script->len >= 2) {
        start = 2;
        len = script->p[1];
    } else if (len == OP_PUSHDATA2 && script->len >= 3) {
        start = 3;
        len = read_le16(script->p + 1);
    } else if (len >= OP_PUSHDATA1) {
        return false;
    }
    if (script->len - start < len)
        return false;
    *item = (struct bytes){script->p + start, len};
    *script = (struct bytes){script->p + start + len, script->len - start - len};
    return true;
}

static bool stack_of_script(struct stack *k, struct bytes script)
{
    while (script.len > 0) {
        struct bytes item;
        if (!take_push(&item, &script) || !stack_add(k, item))
            return false;
    }
    return true;
}

static bool stack_of_witness(struct stack *k, const struct tx_input *in)
{
    for (size_t i = 0; i < in->witness_count; i++)
        if (!stack_add(k, tx_view(&in->witness[i])))
            return false;
    return true;
}

static struct bytes last_of(const struct stack *k)
{
    return k->count > 0 ? k->items[k->count - 1] : (struct bytes){NULL, 0};
}

/* The scripts that the input itself brings: last in its script, last in its witness. */
static enum kz_err read_input(struct spend *s, const char **why,
                              const struct stack *pushed, const struct stack *witness,
                              const struct tx_output *spent)
{
    struct bytes program = tx_view(&spent->script);
    struct bytes redeem = {NULL, 0}, witness_script = {NULL, 0};
    if (script_type_of(program) == SCRIPT_P2SH)
        program = redeem = last_of(pushed);
    if (script_type_of(program) == SCRIPT_P2WSH)
        witness_script = last_of(witness);
    return spend_read(s, why, spent, redeem, witness_script);
}

/* Signatures stand in the order of their keys, so each is of one behind the last's. */
static enum kz_err match_keys(struct spend_signature *found, size_t *count,
                              const char **why, const struct sign_context *c,
                              const struct spend *s, const struct spend_place *at,
                              const struct stack *k)
{
    size_t key = 0;
    *why = "signatures missing";
    for (size_t i = 1; i + 1 < k->count; i++) {
        struct spend_signature one = {.signature = k->items[i]};
        enum kz_err err = KZ_RANGE;
        for (; err != KZ_OK && key < s->key_count; key++) {
            one.pubkey = s->keys[key];
            err = spend_check_signature(why, c, s, at, &one);
        }
        if (err != KZ_OK)
            return err;
        found[(*count)++] = one;
    }
    return KZ_OK;
}

static enum kz_err read_signatures(struct spend_signature *found, size_t *count,
                                   const char **why, const struct sign_context *c,
                                   const struct spend *s, const struct spend_place *at,
                                   const struct stack *k)
{
    if (s->key_count > 0)
        return match_keys(found, count, why, c, s, at, k);
    if (k->count != (spend_is_taproot(s) ? 1 : 2))
        return refuse(why, "a script or witness of another form");
    found[0].signature = k->items[0];
    if (!spend_is_taproot(s))
        found[0].pubkey = k->items[1];
    *count = 1;
    return spend_check_signature(why, c, s, at, &found[0]);
}

static bool bytes_equal(const struct tx_bytes *a, const struct tx_bytes *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

static bool inputs_equal(const struct tx_input *a, const struct tx_input *b)
{
    if (!bytes_equal(&a->script, &b->script) || a->witness_count != b->witness_count)
        return false;
    for (size_t i = 0; i < a->witness_count; i++)
        if (!bytes_equal(&a->witness[i], &b->witness[i]))
            return false;
    return true;
}

/* Made again from its signatures it is the same, so nothing else is in it: malleated
 * forms would have another wtxid, and some no node would relay. */
static bool is_exact(const struct tx_input *in, const struct spend *s,
                     const struct spend_signature *found, size_t count)
{
    struct tx again;
    tx_init(&again, 2, 0);
    tx_add_input(&again, &in->from, in->sequence);
    bool same = spend_finish(&again, 0, s, found, count) == KZ_OK &&
                inputs_equal(in, &again.inputs[0]);
    tx_clear(&again);
    return same;
}

enum kz_err spend_check_final(const char **why, const struct sign_context *c,
                              const struct spend_place *at)
{
    const struct tx_input *in = &at->tx->inputs[at->input];
    struct stack pushed = {.count = 0}, witness = {.count = 0};
    struct spend_signature found[STACK_MAX];
    size_t count = 0;
    struct spend s;
    memset(found, 0, sizeof(found));
    if (!stack_of_script(&pushed, tx_view(&in->script)) ||
        !stack_of_witness(&witness, in))
        return refuse(why, "a script or witness of another form");
    enum kz_err err = read_input(&s, why, &pushed, &witness, &at->spent[at->input]);
    if (err == KZ_OK)
        err = read_signatures(found, &count, why, c, &s, at,
                              spend_is_legacy(&s) ? &pushed : &witness);
    if (err == KZ_OK && !is_exact(in, &s, found, count))
        err = refuse(why, "a script or witness of another form");
    return err;
}
