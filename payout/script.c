#include "payout/script.h"

#include "share/hash256.h"

#include <assert.h>
#include <openssl/ripemd.h>
#include <string.h>

#define KEY_HASH_SIZE 20
#define KEYS_MAX      16
#define PUSH_MAX      520 /* bytes of one stack item, before taproot */

enum {
    OP_PUSHDATA1 = 0x4c,
    OP_PUSHDATA2 = 0x4d,
    OP_1NEGATE = 0x4f,
    OP_1 = 0x51, /* OP_1 to OP_16 follow each other */
    OP_DUP = 0x76,
    OP_EQUAL = 0x87,
    OP_EQUALVERIFY = 0x88,
    OP_HASH160 = 0xa9,
    OP_CHECKSIG = 0xac,
    OP_CHECKMULTISIG = 0xae,
};

struct bytes script_bytes(const struct script *s)
{
    return (struct bytes){s->b, s->len};
}

static bool begins_with(struct bytes script, size_t len, const char *start,
                        size_t start_len)
{
    return script.len == len && memcmp(script.p, start, start_len) == 0;
}

enum script_type script_type_of(struct bytes script)
{
    size_t m = 0, n = 0;
    struct bytes keys[KEYS_MAX];
    if (begins_with(script, 25, "\x76\xa9\x14", 3) && script.p[23] == OP_EQUALVERIFY &&
        script.p[24] == OP_CHECKSIG)
        return SCRIPT_P2PKH;
    if (begins_with(script, 23, "\xa9\x14", 2) && script.p[22] == OP_EQUAL)
        return SCRIPT_P2SH;
    if (begins_with(script, 22, "\x00\x14", 2))
        return SCRIPT_P2WPKH;
    if (begins_with(script, 34, "\x00\x20", 2))
        return SCRIPT_P2WSH;
    if (begins_with(script, 34, "\x51\x20", 2))
        return SCRIPT_P2TR;
    if (begins_with(script, 4, "\x51\x02\x4e\x73", 4))
        return SCRIPT_P2A;
    if (script_read_multisig(&m, &n, keys, script))
        return SCRIPT_MULTISIG;
    return SCRIPT_OTHER;
}

const char *script_type_name(enum script_type type)
{
    switch (type) {
    case SCRIPT_P2PKH:
        return "p2pkh";
    case SCRIPT_P2SH:
        return "p2sh";
    case SCRIPT_P2WPKH:
        return "p2wpkh";
    case SCRIPT_P2WSH:
        return "p2wsh";
    case SCRIPT_P2TR:
        return "p2tr";
    case SCRIPT_P2A:
        return "p2a";
    case SCRIPT_MULTISIG:
        return "multisig";
    case SCRIPT_OTHER:
        break;
    }
    return "other";
}

void hash160(uint8_t out[20], struct bytes in)
{
    struct hash256 first;
    hash256_single(&first, in.p, in.len);
    /* The low-level call: builds of OpenSSL 3 differ in which provider has the digest. */
    RIPEMD160(first.b, sizeof(first.b), out);
}

static void add(struct script *s, const void *p, size_t len)
{
    assert(s->len + len <= sizeof(s->b));
    memcpy(s->b + s->len, p, len);
    s->len += len;
}

static void add_byte(struct script *s, size_t byte)
{
    const uint8_t b = (uint8_t)byte;
    add(s, &b, 1);
}

void script_p2pkh(struct script *out, const uint8_t hash[20])
{
    out->len = 0;
    add_byte(out, OP_DUP);
    add_byte(out, OP_HASH160);
    add_byte(out, KEY_HASH_SIZE);
    add(out, hash, KEY_HASH_SIZE);
    add_byte(out, OP_EQUALVERIFY);
    add_byte(out, OP_CHECKSIG);
}

void script_p2sh(struct script *out, struct bytes redeem)
{
    uint8_t hash[KEY_HASH_SIZE];
    hash160(hash, redeem);
    out->len = 0;
    add_byte(out, OP_HASH160);
    add_byte(out, KEY_HASH_SIZE);
    add(out, hash, sizeof(hash));
    add_byte(out, OP_EQUAL);
}

/* BIP141: the version's opcode and one push. */
static void make_program(struct script *out, uint8_t version_opcode,
                         const uint8_t *program, size_t len)
{
    out->len = 0;
    add_byte(out, version_opcode);
    add_byte(out, len);
    add(out, program, len);
}

void script_p2wpkh(struct script *out, const uint8_t hash[20])
{
    make_program(out, 0, hash, KEY_HASH_SIZE);
}

void script_p2wsh(struct script *out, struct bytes witness_script)
{
    struct hash256 hash;
    hash256_single(&hash, witness_script.p, witness_script.len);
    make_program(out, 0, hash.b, sizeof(hash.b));
}

void script_p2tr(struct script *out, const uint8_t output_key[XONLY_SIZE])
{
    make_program(out, OP_1, output_key, XONLY_SIZE);
}

void script_multisig(struct script *out, size_t m, const uint8_t keys[][PUBKEY_SIZE],
                     size_t n)
{
    assert(m >= 1 && m <= n && n <= KEYS_MAX);
    out->len = 0;
    add_byte(out, OP_1 + m - 1);
    for (size_t i = 0; i < n; i++) {
        add_byte(out, PUBKEY_SIZE);
        add(out, keys[i], PUBKEY_SIZE);
    }
    add_byte(out, OP_1 + n - 1);
    add_byte(out, OP_CHECKMULTISIG);
}

/* By insertion: there are 16 at most. */
void script_sort_keys(uint8_t keys[][PUBKEY_SIZE], size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint8_t key[PUBKEY_SIZE];
        size_t at = i;
        memcpy(key, keys[i], PUBKEY_SIZE);
        for (; at > 0 && memcmp(keys[at - 1], key, PUBKEY_SIZE) > 0; at--)
            memcpy(keys[at], keys[at - 1], PUBKEY_SIZE);
        memcpy(keys[at], key, PUBKEY_SIZE);
    }
}

/* Keys are of one length, so the length of the script gives their number. */
static bool has_multisig_form(struct bytes script)
{
    const size_t around = 3, each = 1 + PUBKEY_SIZE;
    if (script.len < around + each || (script.len - around) % each != 0)
        return false;
    size_t n = (script.len - around) / each;
    uint8_t m_opcode = script.p[0], n_opcode = script.p[script.len - 2];
    return n <= KEYS_MAX && n_opcode == OP_1 + n - 1 && m_opcode >= OP_1 &&
           m_opcode <= n_opcode && script.p[script.len - 1] == OP_CHECKMULTISIG;
}

bool script_read_multisig(size_t *m, size_t *n, struct bytes keys[16],
                          struct bytes script)
{
    if (!has_multisig_form(script))
        return false;
    struct bytes found[KEYS_MAX];
    size_t count = 0;
    for (const uint8_t *p = script.p + 1; p < script.p + script.len - 2;
         p += 1 + PUBKEY_SIZE) {
        if (p[0] != PUBKEY_SIZE || (p[1] != 0x02 && p[1] != 0x03))
            return false;
        found[count++] = (struct bytes){p + 1, PUBKEY_SIZE};
    }
    memcpy(keys, found, count * sizeof(found[0]));
    *m = (size_t)(script.p[0] - OP_1 + 1);
    *n = count;
    return true;
}

/* BIP62's least form: numbers that have an opcode of their own take it. */
void script_push(uint8_t *out, size_t *len, struct bytes in)
{
    assert(in.len <= PUSH_MAX);
    uint8_t *p = out + *len;
    if (in.len == 1 && ((in.p[0] >= 1 && in.p[0] <= 16) || in.p[0] == 0x81)) {
        *p = in.p[0] == 0x81 ? OP_1NEGATE : (uint8_t)(OP_1 + in.p[0] - 1);
        *len += 1;
        return;
    }
    if (in.len > 0xff) {
        *p++ = OP_PUSHDATA2;
        write_le16(p, (uint16_t)in.len);
        p += 2;
    } else {
        if (in.len >= OP_PUSHDATA1)
            *p++ = OP_PUSHDATA1;
        *p++ = (uint8_t)in.len;
    }
    if (in.len > 0)
        memcpy(p, in.p, in.len);
    *len = (size_t)(p - out) + in.len;
}
