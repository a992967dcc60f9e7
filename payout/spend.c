#include "payout/spend.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

#define KEY_HASH_SIZE 20
#define SCRIPT_MAX    520 /* of a redeem script: the largest push (BIP16) */
/* An empty item, signatures, the script. */
#define STACK_MAX (SPEND_KEYS_MAX + 2)

static const struct bytes nothing = {NULL, 0};

static enum kz_err refuse(const char **why, const char *what)
{
    *why = what;
    return KZ_RANGE;
}

static bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static bool is_p2sh_of(struct bytes script, struct bytes redeem)
{
    struct script made;
    script_p2sh(&made, redeem);
    return bytes_equal(script, script_bytes(&made));
}

static bool is_p2wsh_of(struct bytes program, struct bytes witness_script)
{
    struct script made;
    script_p2wsh(&made, witness_script);
    return bytes_equal(program, script_bytes(&made));
}

static enum kz_err read_multisig(struct spend *s, const char **why, struct bytes script,
                                 enum spend_kind kind)
{
    s->kind = kind;
    if (!script_read_multisig(&s->needed, &s->key_count, s->keys, script))
        return refuse(why, "its script is no multisig of compressed keys");
    return KZ_OK;
}

/* A witness program: the output's script, or the redeem script. */
static enum kz_err read_p2wsh(struct spend *s, const char **why, struct bytes program,
                              enum spend_kind kind)
{
    if (s->witness_script.len == 0)
        return refuse(why, "its witness script is missing");
    if (!is_p2wsh_of(program, s->witness_script))
        return refuse(why, "its witness script is not the one that is committed to");
    return read_multisig(s, why, s->witness_script, kind);
}

static enum kz_err read_p2sh(struct spend *s, const char **why)
{
    if (s->redeem.len == 0)
        return refuse(why, "its redeem script is missing");
    if (s->redeem.len > SCRIPT_MAX || !is_p2sh_of(s->script, s->redeem))
        return refuse(why, "its redeem script is not the one that is committed to");
    enum script_type type = script_type_of(s->redeem);
    if (type == SCRIPT_P2WSH)
        return read_p2wsh(s, why, s->redeem, SPEND_P2SH_P2WSH_MULTISIG);
    if (s->witness_script.len > 0)
        return refuse(why, "a witness script where none applies");
    if (type == SCRIPT_P2WPKH) {
        s->kind = SPEND_P2SH_P2WPKH;
        return KZ_OK;
    }
    return read_multisig(s, why, s->redeem, SPEND_P2SH_MULTISIG);
}

static enum kz_err read_kind(struct spend *s, const char **why)
{
    enum script_type type = script_type_of(s->script);
    if (type == SCRIPT_P2SH)
        return read_p2sh(s, why);
    if (s->redeem.len > 0)
        return refuse(why, "a redeem script where none applies");
    if (type == SCRIPT_P2WSH)
        return read_p2wsh(s, why, s->script, SPEND_P2WSH_MULTISIG);
    if (s->witness_script.len > 0)
        return refuse(why, "a witness script where none applies");
    if (type == SCRIPT_P2PKH)
        s->kind = SPEND_P2PKH;
    else if (type == SCRIPT_P2WPKH)
        s->kind = SPEND_P2WPKH;
    else if (type == SCRIPT_P2TR)
        s->kind = SPEND_P2TR;
    else
        return refuse(why, "it spends a kind of script that the pool does not");
    return KZ_OK;
}

enum kz_err spend_read(struct spend *s, const char **why, const struct tx_output *spent,
                       struct bytes redeem, struct bytes witness_script)
{
    struct spend read = {
        .value = spent->value,
        .script = tx_view(&spent->script),
        .redeem = redeem,
        .witness_script = witness_script,
        .needed = 1,
    };
    enum kz_err err = read_kind(&read, why);
    if (err == KZ_OK)
        *s = read;
    return err;
}

bool spend_is_legacy(const struct spend *s)
{
    return s->kind == SPEND_P2PKH || s->kind == SPEND_P2SH_MULTISIG;
}

bool spend_is_taproot(const struct spend *s)
{
    return s->kind == SPEND_P2TR;
}

/* Of the one key: 76a914<20>88ac and 0014<20>. */
static const uint8_t *key_hash(const struct spend *s)
{
    if (s->kind == SPEND_P2PKH)
        return s->script.p + 3;
    return (s->kind == SPEND_P2WPKH ? s->script.p : s->redeem.p) + 2;
}

bool spend_has_key(const struct spend *s, struct bytes pubkey)
{
    uint8_t hash[KEY_HASH_SIZE];
    assert(s->kind != SPEND_P2TR);
    for (size_t i = 0; i < s->key_count; i++)
        if (bytes_equal(s->keys[i], pubkey))
            return true;
    if (s->key_count > 0)
        return false;
    hash160(hash, pubkey);
    return memcmp(hash, key_hash(s), sizeof(hash)) == 0;
}

/* By the rule of the kind. Only taproot's can fail. */
static enum kz_err make_digest(struct hash256 *out, const struct spend *s,
                               const struct spend_place *at, uint8_t hash_type)
{
    struct script code;
    switch (s->kind) {
    case SPEND_P2PKH:
        sighash_legacy(out, at->tx, at->input, s->script, hash_type);
        return KZ_OK;
    case SPEND_P2SH_MULTISIG:
        sighash_legacy(out, at->tx, at->input, s->redeem, hash_type);
        return KZ_OK;
    case SPEND_P2WPKH:
    case SPEND_P2SH_P2WPKH:
        script_p2pkh(&code, key_hash(s));
        sighash_witness_v0(out, at->tx, at->input, script_bytes(&code), s->value,
                           hash_type);
        return KZ_OK;
    case SPEND_P2WSH_MULTISIG:
    case SPEND_P2SH_P2WSH_MULTISIG:
        sighash_witness_v0(out, at->tx, at->input, s->witness_script, s->value,
                           hash_type);
        return KZ_OK;
    case SPEND_P2TR:
        break;
    }
    return sighash_taproot(out, at->tx, at->input, at->spent, hash_type);
}

static enum kz_err check_taproot(const char **why, const struct sign_context *c,
                                 const struct spend *s, const struct spend_place *at,
                                 struct bytes signature)
{
    struct hash256 digest;
    if (signature.len != SCHNORR_SIZE && signature.len != SCHNORR_SIZE + 1)
        return refuse(why, "a taproot signature of another length");
    /* BIP341: DEFAULT has no byte, and a byte of DEFAULT is invalid. */
    if (signature.len > SCHNORR_SIZE && signature.p[SCHNORR_SIZE] != SIGHASH_ALL)
        return refuse(why, "a signature that does not cover the whole transaction");
    uint8_t type = signature.len == SCHNORR_SIZE ? SIGHASH_DEFAULT : SIGHASH_ALL;
    if (make_digest(&digest, s, at, type) != KZ_OK ||
        !sign_schnorr_verify(c, signature.p, &digest, s->script.p + 2))
        return refuse(why, "a signature that does not hold");
    return KZ_OK;
}

enum kz_err spend_check_signature(const char **why, const struct sign_context *c,
                                  const struct spend *s, const struct spend_place *at,
                                  const struct spend_signature *signature)
{
    struct hash256 digest;
    struct bytes der = signature->signature;
    if (s->kind == SPEND_P2TR)
        return check_taproot(why, c, s, at, der);
    if (!spend_has_key(s, signature->pubkey))
        return refuse(why, "a signature of a key that is not in the script");
    /* Uncompressed keys are not standard in witnesses, and none of ours. */
    if (signature->pubkey.len != PUBKEY_SIZE)
        return refuse(why, "a signature of an uncompressed key");
    if (der.len < 2 || der.p[der.len - 1] != SIGHASH_ALL)
        return refuse(why, "a signature that does not cover the whole transaction");
    der.len--;
    if (make_digest(&digest, s, at, SIGHASH_ALL) != KZ_OK ||
        !sign_ecdsa_verify(c, der, &digest, signature->pubkey))
        return refuse(why, "a signature that does not hold");
    return KZ_OK;
}

static enum kz_err sign_taproot(struct spend_signed *out, const char **why,
                                const struct sign_context *c, const struct spend *s,
                                const struct spend_place *at,
                                const uint8_t key[PRIVATE_KEY_SIZE], const uint8_t *aux)
{
    struct hash256 digest;
    uint8_t tweaked[PRIVATE_KEY_SIZE];
    assert(aux != NULL);
    if (make_digest(&digest, s, at, SIGHASH_DEFAULT) != KZ_OK ||
        sign_taproot_private_key(tweaked, c, key, NULL) != KZ_OK)
        return refuse(why, "no private key");
    enum kz_err err = sign_public_key(out->pubkey, c, tweaked);
    if (err == KZ_OK && memcmp(out->pubkey + 1, s->script.p + 2, XONLY_SIZE) != 0)
        err = KZ_RANGE;
    if (err == KZ_OK)
        err = sign_schnorr(out->signature, c, &digest, tweaked, aux);
    OPENSSL_cleanse(tweaked, sizeof(tweaked));
    out->len = SCHNORR_SIZE;
    return err == KZ_OK ? KZ_OK : refuse(why, "a key that is not the output's");
}

static enum kz_err sign_plain(struct spend_signed *out, const char **why,
                              const struct sign_context *c, const struct spend *s,
                              const struct spend_place *at,
                              const uint8_t key[PRIVATE_KEY_SIZE])
{
    struct hash256 digest;
    size_t len = 0;
    if (sign_public_key(out->pubkey, c, key) != KZ_OK)
        return refuse(why, "no private key");
    if (!spend_has_key(s, (struct bytes){out->pubkey, PUBKEY_SIZE}))
        return refuse(why, "a key that is not the output's");
    if (make_digest(&digest, s, at, SIGHASH_ALL) != KZ_OK ||
        sign_ecdsa(out->signature, &len, c, &digest, key) != KZ_OK)
        return refuse(why, "no signature could be made");
    out->signature[len] = SIGHASH_ALL;
    out->len = len + 1;
    return KZ_OK;
}

enum kz_err spend_sign(struct spend_signed *out, const char **why,
                       const struct sign_context *c, const struct spend *s,
                       const struct spend_place *at,
                       const uint8_t key[PRIVATE_KEY_SIZE], const uint8_t *aux)
{
    struct spend_signed made = {.len = 0};
    enum kz_err err = s->kind == SPEND_P2TR
                          ? sign_taproot(&made, why, c, s, at, key, aux)
                          : sign_plain(&made, why, c, s, at, key);
    struct spend_signature check = {{made.pubkey, PUBKEY_SIZE},
                                    {made.signature, made.len}};
    /* A fault of memory or processor would leak the key through a wrong signature. */
    if (err == KZ_OK)
        err = spend_check_signature(why, c, s, at, &check);
    if (err == KZ_OK)
        *out = made;
    return err;
}

/* What goes on the stack: pushed by the script of a legacy input, else the witness. */
struct stack {
    struct bytes items[STACK_MAX];
    size_t count;
};

static void stack_add(struct stack *k, struct bytes item)
{
    assert(k->count < STACK_MAX);
    k->items[k->count++] = item;
}

static void stack_put(struct tx *t, size_t input, const struct spend *s,
                      const struct stack *k)
{
    uint8_t script[STACK_MAX * (3 + SPEND_SIGNATURE_MAX) + 3 + SCRIPT_MAX];
    size_t len = 0;
    if (spend_is_legacy(s)) {
        for (size_t i = 0; i < k->count; i++)
            script_push(script, &len, k->items[i]);
    } else {
        if (s->redeem.len > 0)
            script_push(script, &len, s->redeem);
        tx_set_witness(t, input, k->items, k->count);
    }
    tx_set_script(t, input, (struct bytes){script, len});
}

static const struct spend_signature *
signature_of(struct bytes key, const struct spend_signature *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(list[i].pubkey, key))
            return &list[i];
    return NULL;
}

/* BIP11, and its oddity: OP_CHECKMULTISIG takes one item more than it uses. */
static bool stack_multisig(struct stack *k, const struct spend *s,
                           const struct spend_signature *list, size_t count)
{
    size_t found = 0;
    stack_add(k, nothing);
    for (size_t i = 0; i < s->key_count && found < s->needed; i++) {
        const struct spend_signature *one = signature_of(s->keys[i], list, count);
        if (one == NULL)
            continue;
        stack_add(k, one->signature);
        found++;
    }
    stack_add(k, s->kind == SPEND_P2SH_MULTISIG ? s->redeem : s->witness_script);
    return found == s->needed;
}

enum kz_err spend_finish(struct tx *t, size_t input, const struct spend *s,
                         const struct spend_signature *signatures, size_t count)
{
    struct stack k = {.count = 0};
    if (count == 0)
        return KZ_EMPTY;
    if (s->key_count > 0) {
        if (!stack_multisig(&k, s, signatures, count))
            return KZ_EMPTY;
    } else {
        stack_add(&k, signatures[0].signature);
        if (s->kind != SPEND_P2TR)
            stack_add(&k, signatures[0].pubkey);
    }
    stack_put(t, input, s, &k);
    return KZ_OK;
}
