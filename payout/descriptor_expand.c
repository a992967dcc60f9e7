#include "payout/descriptor.h"
#include "payout/descriptor_checksum.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

const char *descriptor_type_name(enum descriptor_type type)
{
    static const char *const names[] = {
        [DESCRIPTOR_PKH] = "pkh",
        [DESCRIPTOR_WPKH] = "wpkh",
        [DESCRIPTOR_SH_WPKH] = "sh(wpkh)",
        [DESCRIPTOR_TR] = "tr",
        [DESCRIPTOR_SH_MULTI] = "sh(sortedmulti)",
        [DESCRIPTOR_WSH_MULTI] = "wsh(sortedmulti)",
    };
    assert((size_t)type < sizeof(names) / sizeof(names[0]));
    return names[type];
}

bool descriptor_is_ranged(const struct descriptor *d)
{
    bool ranged = false;
    for (size_t i = 0; i < d->key_count; i++)
        ranged = ranged || d->keys[i].is_ranged;
    return ranged;
}

bool descriptor_has_private(const struct descriptor *d)
{
    bool all = true;
    for (size_t i = 0; i < d->key_count; i++)
        all = all && d->keys[i].key.is_private;
    return all;
}

static uint32_t last_step(const struct descriptor_key *k, uint32_t index)
{
    return k->is_range_hardened ? index + BIP32_HARDENED : index;
}

static enum kz_err derive(struct bip32_key *out, const struct sign_context *c,
                          const struct descriptor_key *k, uint32_t index)
{
    if (k->is_ranged && index >= BIP32_HARDENED)
        return KZ_RANGE;
    *out = k->key;
    if (!k->is_extended)
        return KZ_OK;
    enum kz_err err = bip32_descend(out, c, out, k->path, k->path_count);
    if (err == KZ_OK && k->is_ranged)
        err = bip32_child(out, c, out, last_step(k, index));
    return err;
}

static void add_steps(struct key_origin *o, const uint32_t *path, size_t count)
{
    assert(o->count + count <= KEY_ORIGIN_MAX);
    memcpy(o->path + o->count, path, count * sizeof(*path));
    o->count += count;
}

static void origin_of(struct key_origin *out, const struct sign_context *c,
                      const struct descriptor_key *k, uint32_t index)
{
    *out = k->origin;
    if (!k->has_origin)
        bip32_fingerprint(out->fingerprint, c, &k->key);
    add_steps(out, k->path, k->path_count);
    if (k->is_ranged)
        add_steps(out, &(uint32_t){last_step(k, index)}, 1);
}

static enum kz_err expand_keys(struct descriptor_output *out,
                               const struct descriptor *d, const struct sign_context *c,
                               uint32_t index)
{
    enum kz_err err = KZ_OK;
    struct bip32_key key;
    for (size_t i = 0; err == KZ_OK && i < d->key_count; i++) {
        err = derive(&key, c, &d->keys[i], index);
        if (err != KZ_OK)
            break;
        bip32_public_key(out->keys[i].pubkey, c, &key);
        origin_of(&out->keys[i].origin, c, &d->keys[i], index);
    }
    bip32_wipe(&key);
    return err;
}

static void make_multisig(struct script *out, const struct descriptor_output *o)
{
    uint8_t keys[DESCRIPTOR_KEYS_MAX][PUBKEY_SIZE];
    for (size_t i = 0; i < o->key_count; i++)
        memcpy(keys[i], o->keys[i].pubkey, PUBKEY_SIZE);
    script_sort_keys(keys, o->key_count);
    script_multisig(out, o->required, (const uint8_t(*)[PUBKEY_SIZE])keys,
                    o->key_count);
}

static enum kz_err make_scripts(struct descriptor_output *o,
                                const struct sign_context *c)
{
    uint8_t hash[20], output_key[XONLY_SIZE];
    const uint8_t *pubkey = o->keys[0].pubkey;
    hash160(hash, (struct bytes){pubkey, PUBKEY_SIZE});
    switch (o->type) {
    case DESCRIPTOR_PKH:
        script_p2pkh(&o->script, hash);
        return KZ_OK;
    case DESCRIPTOR_WPKH:
        script_p2wpkh(&o->script, hash);
        return KZ_OK;
    case DESCRIPTOR_SH_WPKH:
        script_p2wpkh(&o->redeem, hash);
        script_p2sh(&o->script, script_bytes(&o->redeem));
        return KZ_OK;
    case DESCRIPTOR_TR:
        if (sign_taproot_output_key(output_key, c, pubkey + 1, NULL) != KZ_OK)
            return KZ_RANGE;
        script_p2tr(&o->script, output_key);
        return KZ_OK;
    case DESCRIPTOR_SH_MULTI:
        make_multisig(&o->redeem, o);
        script_p2sh(&o->script, script_bytes(&o->redeem));
        return KZ_OK;
    case DESCRIPTOR_WSH_MULTI:
        make_multisig(&o->witness, o);
        script_p2wsh(&o->script, script_bytes(&o->witness));
        return KZ_OK;
    }
    return KZ_RANGE;
}

enum kz_err descriptor_expand(struct descriptor_output *out, const struct descriptor *d,
                              const struct sign_context *c, uint32_t index)
{
    struct descriptor_output o = {
        .type = d->type, .required = d->required, .key_count = d->key_count};
    enum kz_err err = expand_keys(&o, d, c, index);
    if (err == KZ_OK)
        err = make_scripts(&o, c);
    if (err == KZ_OK)
        *out = o;
    return err;
}

enum kz_err descriptor_private_key(uint8_t out[PRIVATE_KEY_SIZE],
                                   const struct descriptor *d,
                                   const struct sign_context *c, size_t which,
                                   uint32_t index)
{
    struct bip32_key key;
    assert(which < d->key_count);
    if (!d->keys[which].key.is_private)
        return KZ_EMPTY;
    enum kz_err err = derive(&key, c, &d->keys[which], index);
    if (err == KZ_OK)
        memcpy(out, key.key + 1, PRIVATE_KEY_SIZE);
    bip32_wipe(&key);
    return err;
}

static const struct {
    uint32_t purpose;
    const char *before, *after;
} accounts[] = {
    [DESCRIPTOR_PKH] = {44, "pkh(", ")"},
    [DESCRIPTOR_WPKH] = {84, "wpkh(", ")"},
    [DESCRIPTOR_SH_WPKH] = {49, "sh(wpkh(", "))"},
    [DESCRIPTOR_TR] = {86, "tr(", ")"},
};

enum kz_err descriptor_of_account(char out[DESCRIPTOR_TEXT_MAX + 1],
                                  const struct sign_context *c,
                                  const struct bip32_key *master,
                                  enum descriptor_type type, uint32_t account,
                                  uint32_t branch)
{
    assert(type <= DESCRIPTOR_TR && master->is_private && account < BIP32_HARDENED);
    const uint32_t path[] = {accounts[type].purpose + BIP32_HARDENED,
                             (master->is_test ? 1U : 0U) + BIP32_HARDENED,
                             account + BIP32_HARDENED};
    struct bip32_key key;
    uint8_t print[BIP32_FINGERPRINT_SIZE];
    char print_hex[2 * BIP32_FINGERPRINT_SIZE + 1], text[BIP32_TEXT_SIZE];
    char checksum[DESCRIPTOR_CHECKSUM_SIZE];
    size_t bad_at = 0;
    enum kz_err err = bip32_descend(&key, c, master, path, 3);
    if (err != KZ_OK)
        return err;
    bip32_neuter(&key, c, &key);
    bip32_format(text, &key);
    bip32_fingerprint(print, c, master);
    hex_encode(print_hex, print, sizeof(print));
    int len = snprintf(out, DESCRIPTOR_TEXT_MAX + 1, "%s[%s/%uh/%uh/%uh]%s/%u/*%s",
                       accounts[type].before, print_hex, accounts[type].purpose,
                       master->is_test ? 1U : 0U, account, text, branch,
                       accounts[type].after);
    err = descriptor_checksum(checksum, &bad_at, out, (size_t)len);
    assert(err == KZ_OK);
    snprintf(out + len, DESCRIPTOR_TEXT_MAX + 1 - (size_t)len, "#%s", checksum);
    return KZ_OK;
}
