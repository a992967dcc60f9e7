#include "payout/psbt_parts.h"

#include "payout/script.h"

#include <secp256k1.h>

#define XPUB_SIZE      78 /* BIP32, without version's base58 and checksum */
#define XPUB_DEPTH_AT  4  /* how many steps below the master it is */
#define XPUB_KEY_AT    45
#define TREE_DEPTH_MAX 128 /* BIP341 */
#define SIGNATURE_MIN  9   /* the least DER, and the hash type */
#define SIGNATURE_MAX  73
#define LOCKTIME_TIMES UINT32_C(500000000) /* below heights, from here on seconds */

enum { V0 = 1, V2 = 2, BOTH = V0 | V2 };

/* A type in one kind of map. Both checks have to hold; the value's sees the key too,
 * since an extended key says how long its path is. */
struct rule {
    enum psbt_place place;
    uint8_t type, allowed, required; /* in which versions */
    const char *name;
    bool (*key_fits)(struct bytes key);
    bool (*value_fits)(struct bytes value, struct bytes key);
};

static bool is_point(struct bytes key)
{
    secp256k1_pubkey point;
    return secp256k1_ec_pubkey_parse(secp256k1_context_static, &point, key.p,
                                     key.len) == 1;
}

static bool key_none(struct bytes key)
{
    return key.len == 0;
}

static bool key_pubkey(struct bytes key)
{
    return (key.len == PUBKEY_SIZE || key.len == 65) && is_point(key);
}

static bool key_compressed(struct bytes key)
{
    return key.len == PUBKEY_SIZE && is_point(key);
}

static bool key_20(struct bytes key)
{
    return key.len == 20;
}

static bool key_32(struct bytes key)
{
    return key.len == 32;
}

static bool key_with_leaf(struct bytes key)
{
    return key.len == XONLY_SIZE + 32;
}

/* BIP341: leaf version and parity, internal key, one hash for each level. */
static bool key_control_block(struct bytes key)
{
    return key.len >= 33 && (key.len - 33) % 32 == 0 &&
           (key.len - 33) / 32 <= TREE_DEPTH_MAX;
}

static bool key_xpub(struct bytes key)
{
    return key.len == XPUB_SIZE &&
           is_point((struct bytes){key.p + XPUB_KEY_AT, PUBKEY_SIZE});
}

/* BIP373: a participant, the aggregate, and where it signs for a leaf, its hash. */
static bool key_musig(struct bytes key)
{
    return (key.len == 2 * PUBKEY_SIZE || key.len == 2 * PUBKEY_SIZE + 32) &&
           is_point((struct bytes){key.p, PUBKEY_SIZE}) &&
           is_point((struct bytes){key.p + PUBKEY_SIZE, PUBKEY_SIZE});
}

/* BIP174: whose it is, a type of theirs, and anything. */
static bool key_proprietary(struct bytes key)
{
    struct bytes owner;
    uint64_t type = 0;
    return psbt_take_sized(&owner, &key) && psbt_take_compact(&type, &key);
}

static bool value_any(struct bytes value, struct bytes key)
{
    (void)value;
    (void)key;
    return true;
}

static bool value_1(struct bytes value, struct bytes key)
{
    (void)key;
    return value.len == 1;
}

static bool value_4(struct bytes value, struct bytes key)
{
    (void)key;
    return value.len == 4;
}

static bool value_8(struct bytes value, struct bytes key)
{
    (void)key;
    return value.len == 8;
}

static bool value_32(struct bytes value, struct bytes key)
{
    (void)key;
    return value.len == 32;
}

static bool value_66(struct bytes value, struct bytes key)
{
    (void)key;
    return value.len == 66;
}

static bool value_compact(struct bytes value, struct bytes key)
{
    uint64_t v = 0;
    (void)key;
    return psbt_take_compact(&v, &value) && value.len == 0;
}

static bool value_output(struct bytes value, struct bytes key)
{
    struct tx_output out;
    (void)key;
    return psbt_read_output(&out, value);
}

static bool value_signature(struct bytes value, struct bytes key)
{
    (void)key;
    return value.len >= SIGNATURE_MIN && value.len <= SIGNATURE_MAX;
}

static bool value_schnorr(struct bytes value, struct bytes key)
{
    (void)key;
    return value.len == 64 || value.len == 65;
}

/* A fingerprint and the steps of a path. */
static bool value_origin(struct bytes value, struct bytes key)
{
    (void)key;
    return value.len >= 4 && value.len % 4 == 0;
}

static bool value_xpub_origin(struct bytes value, struct bytes key)
{
    return value_origin(value, key) && value.len / 4 - 1 == key.p[XPUB_DEPTH_AT];
}

static bool value_stack(struct bytes value, struct bytes key)
{
    uint64_t count = 0;
    struct bytes item;
    (void)key;
    if (!psbt_take_compact(&count, &value))
        return false;
    for (; count > 0; count--)
        if (!psbt_take_sized(&item, &value))
            return false;
    return value.len == 0;
}

/* The script may be empty, its version behind it may not lack. */
static bool value_leaf(struct bytes value, struct bytes key)
{
    (void)key;
    return value.len >= 1;
}

static bool value_tap_origin(struct bytes value, struct bytes key)
{
    uint64_t count = 0;
    struct bytes leaves;
    return psbt_take_compact(&count, &value) && count <= value.len / 32 &&
           psbt_take(&leaves, &value, (size_t)count * 32) && value_origin(value, key);
}

/* BIP371: leaves depth first, each with its depth, so that they fill a binary tree.
 * `open` holds one bit for each depth at which a right branch is still to come. */
static bool tree_add(bool open[TREE_DEPTH_MAX + 1], size_t *at, uint8_t depth)
{
    if (depth > TREE_DEPTH_MAX || depth < *at)
        return false;
    for (; *at < depth; ++*at)
        open[*at + 1] = true;
    /* The leaf completes a branch: every left one is followed by its right one. */
    while (*at > 0 && !open[*at])
        --*at;
    if (*at > 0)
        open[*at] = false;
    return true;
}

static bool value_tree(struct bytes value, struct bytes key)
{
    bool open[TREE_DEPTH_MAX + 1] = {false};
    size_t at = 0;
    struct bytes head, script;
    (void)key;
    if (value.len == 0)
        return false;
    do {
        if (!psbt_take(&head, &value, 2) || (head.p[1] & 1) != 0 ||
            !psbt_take_sized(&script, &value) || !tree_add(open, &at, head.p[0]))
            return false;
    } while (at > 0 && value.len > 0);
    return at == 0 && value.len == 0;
}

static bool value_time(struct bytes value, struct bytes key)
{
    return value_4(value, key) && read_le32(value.p) >= LOCKTIME_TIMES;
}

static bool value_height(struct bytes value, struct bytes key)
{
    return value_4(value, key) && read_le32(value.p) > 0 &&
           read_le32(value.p) < LOCKTIME_TIMES;
}

static bool value_points(struct bytes value, struct bytes key)
{
    (void)key;
    for (size_t at = 0; at + PUBKEY_SIZE <= value.len; at += PUBKEY_SIZE)
        if (!is_point((struct bytes){value.p + at, PUBKEY_SIZE}))
            return false;
    return value.len % PUBKEY_SIZE == 0;
}

static const struct rule rules[] = {
    {PSBT_GLOBAL, PSBT_GLOBAL_UNSIGNED_TX, V0, V0, "unsigned_tx", key_none, value_any},
    {PSBT_GLOBAL, PSBT_GLOBAL_XPUB, BOTH, 0, "xpub", key_xpub, value_xpub_origin},
    {PSBT_GLOBAL, PSBT_GLOBAL_TX_VERSION, V2, V2, "tx_version", key_none, value_4},
    {PSBT_GLOBAL, PSBT_GLOBAL_FALLBACK_LOCKTIME, V2, 0, "fallback_locktime", key_none,
     value_4},
    {PSBT_GLOBAL, PSBT_GLOBAL_INPUT_COUNT, V2, V2, "input_count", key_none,
     value_compact},
    {PSBT_GLOBAL, PSBT_GLOBAL_OUTPUT_COUNT, V2, V2, "output_count", key_none,
     value_compact},
    {PSBT_GLOBAL, PSBT_GLOBAL_TX_MODIFIABLE, V2, 0, "tx_modifiable", key_none, value_1},
    {PSBT_GLOBAL, PSBT_GLOBAL_VERSION, BOTH, V2, "version", key_none, value_4},
    {PSBT_GLOBAL, PSBT_PROPRIETARY, BOTH, 0, "proprietary", key_proprietary, value_any},

    {PSBT_INPUT, PSBT_IN_NON_WITNESS_UTXO, BOTH, 0, "non_witness_utxo", key_none,
     value_any},
    {PSBT_INPUT, PSBT_IN_WITNESS_UTXO, BOTH, 0, "witness_utxo", key_none, value_output},
    {PSBT_INPUT, PSBT_IN_PARTIAL_SIG, BOTH, 0, "partial_sig", key_pubkey,
     value_signature},
    {PSBT_INPUT, PSBT_IN_SIGHASH_TYPE, BOTH, 0, "sighash_type", key_none, value_4},
    {PSBT_INPUT, PSBT_IN_REDEEM_SCRIPT, BOTH, 0, "redeem_script", key_none, value_any},
    {PSBT_INPUT, PSBT_IN_WITNESS_SCRIPT, BOTH, 0, "witness_script", key_none,
     value_any},
    {PSBT_INPUT, PSBT_IN_BIP32_DERIVATION, BOTH, 0, "bip32_derivation", key_pubkey,
     value_origin},
    {PSBT_INPUT, PSBT_IN_FINAL_SCRIPTSIG, BOTH, 0, "final_scriptsig", key_none,
     value_any},
    {PSBT_INPUT, PSBT_IN_FINAL_SCRIPTWITNESS, BOTH, 0, "final_scriptwitness", key_none,
     value_stack},
    {PSBT_INPUT, PSBT_IN_POR_COMMITMENT, BOTH, 0, "por_commitment", key_none,
     value_any},
    {PSBT_INPUT, PSBT_IN_RIPEMD160, BOTH, 0, "ripemd160", key_20, value_any},
    {PSBT_INPUT, PSBT_IN_SHA256, BOTH, 0, "sha256", key_32, value_any},
    {PSBT_INPUT, PSBT_IN_HASH160, BOTH, 0, "hash160", key_20, value_any},
    {PSBT_INPUT, PSBT_IN_HASH256, BOTH, 0, "hash256", key_32, value_any},
    {PSBT_INPUT, PSBT_IN_PREVIOUS_TXID, V2, V2, "previous_txid", key_none, value_32},
    {PSBT_INPUT, PSBT_IN_OUTPUT_INDEX, V2, V2, "output_index", key_none, value_4},
    {PSBT_INPUT, PSBT_IN_SEQUENCE, V2, 0, "sequence", key_none, value_4},
    {PSBT_INPUT, PSBT_IN_REQUIRED_TIME_LOCKTIME, V2, 0, "required_time_locktime",
     key_none, value_time},
    {PSBT_INPUT, PSBT_IN_REQUIRED_HEIGHT_LOCKTIME, V2, 0, "required_height_locktime",
     key_none, value_height},
    {PSBT_INPUT, PSBT_IN_TAP_KEY_SIG, BOTH, 0, "tap_key_sig", key_none, value_schnorr},
    {PSBT_INPUT, PSBT_IN_TAP_SCRIPT_SIG, BOTH, 0, "tap_script_sig", key_with_leaf,
     value_schnorr},
    {PSBT_INPUT, PSBT_IN_TAP_LEAF_SCRIPT, BOTH, 0, "tap_leaf_script", key_control_block,
     value_leaf},
    {PSBT_INPUT, PSBT_IN_TAP_BIP32_DERIVATION, BOTH, 0, "tap_bip32_derivation", key_32,
     value_tap_origin},
    {PSBT_INPUT, PSBT_IN_TAP_INTERNAL_KEY, BOTH, 0, "tap_internal_key", key_none,
     value_32},
    {PSBT_INPUT, PSBT_IN_TAP_MERKLE_ROOT, BOTH, 0, "tap_merkle_root", key_none,
     value_32},
    {PSBT_INPUT, PSBT_IN_MUSIG2_PARTICIPANT_PUBKEYS, BOTH, 0,
     "musig2_participant_pubkeys", key_compressed, value_points},
    {PSBT_INPUT, PSBT_IN_MUSIG2_PUB_NONCE, BOTH, 0, "musig2_pub_nonce", key_musig,
     value_66},
    {PSBT_INPUT, PSBT_IN_MUSIG2_PARTIAL_SIG, BOTH, 0, "musig2_partial_sig", key_musig,
     value_32},
    {PSBT_INPUT, PSBT_PROPRIETARY, BOTH, 0, "proprietary", key_proprietary, value_any},

    {PSBT_OUTPUT, PSBT_OUT_REDEEM_SCRIPT, BOTH, 0, "redeem_script", key_none,
     value_any},
    {PSBT_OUTPUT, PSBT_OUT_WITNESS_SCRIPT, BOTH, 0, "witness_script", key_none,
     value_any},
    {PSBT_OUTPUT, PSBT_OUT_BIP32_DERIVATION, BOTH, 0, "bip32_derivation", key_pubkey,
     value_origin},
    {PSBT_OUTPUT, PSBT_OUT_AMOUNT, V2, V2, "amount", key_none, value_8},
    {PSBT_OUTPUT, PSBT_OUT_SCRIPT, V2, V2, "script", key_none, value_any},
    {PSBT_OUTPUT, PSBT_OUT_TAP_INTERNAL_KEY, BOTH, 0, "tap_internal_key", key_none,
     value_32},
    {PSBT_OUTPUT, PSBT_OUT_TAP_TREE, BOTH, 0, "tap_tree", key_none, value_tree},
    {PSBT_OUTPUT, PSBT_OUT_TAP_BIP32_DERIVATION, BOTH, 0, "tap_bip32_derivation",
     key_32, value_tap_origin},
    {PSBT_OUTPUT, PSBT_OUT_MUSIG2_PARTICIPANT_PUBKEYS, BOTH, 0,
     "musig2_participant_pubkeys", key_compressed, value_points},
    {PSBT_OUTPUT, PSBT_PROPRIETARY, BOTH, 0, "proprietary", key_proprietary, value_any},
};

#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

static const struct rule *rule_of(enum psbt_place place, uint64_t type)
{
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (rules[i].place == place && rules[i].type == type)
            return &rules[i];
    return NULL;
}

bool psbt_is_known_input(const struct psbt_record *record)
{
    return rule_of(PSBT_INPUT, record->type) != NULL;
}

static const char *check_record(const struct rule *rule, const struct psbt_record *r,
                                uint8_t version)
{
    if ((rule->allowed & version) == 0)
        return version == V0 ? "a field that version 0 does not have"
                             : "a field that version 2 does not have";
    if (!rule->key_fits(psbt_key_data(r)))
        return "a key of another length or form";
    if (!rule->value_fits(psbt_value(r), psbt_key_data(r)))
        return "a value of another length or form";
    return NULL;
}

const char *psbt_check_fields(const char **field, const struct psbt_map *map,
                              enum psbt_place place, unsigned version)
{
    uint8_t bit = version == 0 ? V0 : V2;
    for (size_t i = 0; i < map->count; i++) {
        const struct rule *rule = rule_of(place, map->records[i].type);
        const char *what =
            rule != NULL ? check_record(rule, &map->records[i], bit) : NULL;
        if (what != NULL) {
            *field = rule->name;
            return what;
        }
    }
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (rules[i].place == place && (rules[i].required & bit) != 0 &&
            !psbt_has(map, rules[i].type)) {
            *field = rules[i].name;
            return "is missing";
        }
    }
    return NULL;
}
