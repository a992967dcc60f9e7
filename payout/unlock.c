#include "payout/unlock.h"

#include "payout/sighash.h"

#include <assert.h>
#include <string.h>

#define PUSH_MAX     520
#define PUSH_EXTRA   3  /* bytes that a push of data takes besides it, at most */
#define STACK_MAX    18 /* of multisig: an empty item, 16 signatures, the script */
#define KEY_HASH_AT  3  /* in P2PKH */
#define PROGRAM_AT   2  /* in witness programs; the hash of P2SH, too */
#define ANNEX_MARKER 0x50

enum {
    OP_PUSHDATA1 = 0x4c,
    OP_PUSHDATA2 = 0x4d,
    OP_1NEGATE = 0x4f,
    OP_1 = 0x51,
    OP_16 = 0x60,
};

/* What is asked about, in one place. */
struct lock {
    const struct sign_context *c;
    const struct tx *t;
    size_t input;
    const struct tx_output *spent;
};

struct stack {
    struct bytes items[STACK_MAX];
    size_t count;
};

static const struct unlock_answer good = {UNLOCK_GOOD, "signed as the address asks"};

static struct unlock_answer bad(const char *reason)
{
    return (struct unlock_answer){UNLOCK_BAD, reason};
}

static struct unlock_answer unknown(const char *reason)
{
    return (struct unlock_answer){UNLOCK_UNKNOWN, reason};
}

static struct unlock_answer verdict(bool is_signed)
{
    return is_signed ? good : bad("a signature does not match");
}

static const struct tx_input *input_of(const struct lock *l)
{
    return &l->t->inputs[l->input];
}

/* The number that an opcode pushes, as bytes that last. */
static bool number_pushed(struct bytes *item, uint8_t op)
{
    static const uint8_t numbers[] = {1, 2,  3,  4,  5,  6,  7,  8,
                                      9, 10, 11, 12, 13, 14, 15, 16};
    static const uint8_t minus_one = 0x81;
    if (op == OP_1NEGATE)
        *item = (struct bytes){&minus_one, 1};
    else if (op >= OP_1 && op <= OP_16)
        *item = (struct bytes){numbers + (op - OP_1), 1};
    else
        return false;
    return true;
}

/* The data behind a push's opcode. False: no push, or cut short. */
static bool data_pushed(struct bytes *item, struct bytes script)
{
    size_t at = 1, len = script.p[0];
    if (script.p[0] == OP_PUSHDATA1 && script.len >= 2) {
        at = 2;
        len = script.p[1];
    } else if (script.p[0] == OP_PUSHDATA2 && script.len >= 3) {
        at = 3;
        len = read_le16(script.p + 1);
    } else if (script.p[0] >= OP_PUSHDATA1) {
        return false;
    }
    *item = (struct bytes){script.p + at, len};
    return len <= script.len - at;
}

/* One push off the front of `rest`. Written again it must be the same bytes: so only
 * least forms pass. */
static bool take_push(struct bytes *item, struct bytes *rest)
{
    uint8_t again[PUSH_EXTRA + PUSH_MAX];
    size_t len = 0;
    if (!number_pushed(item, rest->p[0]) && !data_pushed(item, *rest))
        return false;
    if (item->len > PUSH_MAX)
        return false;
    script_push(again, &len, *item);
    if (len > rest->len || memcmp(again, rest->p, len) != 0)
        return false;
    rest->p += len;
    rest->len -= len;
    return true;
}

static bool take_pushes(struct stack *s, struct bytes script)
{
    s->count = 0;
    while (script.len > 0)
        if (s->count == STACK_MAX || !take_push(&s->items[s->count++], &script))
            return false;
    return true;
}

static bool take_witness(struct stack *s, const struct tx_input *in)
{
    if (in->witness_count > STACK_MAX)
        return false;
    for (size_t i = 0; i < in->witness_count; i++)
        s->items[i] = tx_view(&in->witness[i]);
    s->count = in->witness_count;
    return true;
}

static void digest_of(struct hash256 *out, const struct lock *l, struct bytes code,
                      bool v0)
{
    if (v0)
        sighash_witness_v0(out, l->t, l->input, code, l->spent[l->input].value,
                           SIGHASH_ALL);
    else
        sighash_legacy(out, l->t, l->input, code, SIGHASH_ALL);
}

static bool is_signed(const struct lock *l, struct bytes signature, struct bytes key,
                      const struct hash256 *digest)
{
    if (signature.len == 0 || signature.p[signature.len - 1] != SIGHASH_ALL)
        return false;
    struct bytes der = {signature.p, signature.len - 1};
    return sign_ecdsa_verify(l->c, der, digest, key);
}

/* A signature and the key of that hash: P2PKH and P2WPKH, whose script code is P2PKH's
 * (BIP143). */
static struct unlock_answer check_key(const struct lock *l, const uint8_t hash[20],
                                      const struct stack *s, bool v0)
{
    uint8_t found[20];
    struct script code;
    struct hash256 digest;
    if (s->count != 2)
        return bad("not a signature and a key");
    struct bytes key = s->items[1];
    hash160(found, key);
    if (memcmp(found, hash, sizeof(found)) != 0)
        return bad("the key is not the address's");
    if (v0 && key.len != PUBKEY_SIZE)
        return bad("witnesses take compressed keys only");
    script_p2pkh(&code, hash);
    digest_of(&digest, l, script_bytes(&code), v0);
    return verdict(is_signed(l, s->items[0], key, &digest));
}

/* Signatures come in the order of the keys, each for a key of its own. The empty item
 * before them is one more than the operation needs, and always taken (BIP147). */
static bool are_signed(const struct lock *l, const struct bytes *signatures, size_t m,
                       const struct bytes *keys, size_t n, const struct hash256 *digest)
{
    size_t next = 0;
    for (size_t k = 0; k < n && next < m && n - k >= m - next; k++)
        if (is_signed(l, signatures[next], keys[k], digest))
            next++;
    return next == m;
}

/* The script is the last item of the stack. */
static struct unlock_answer check_multisig(const struct lock *l, const struct stack *s,
                                           bool v0)
{
    size_t m = 0, n = 0;
    struct bytes keys[STACK_MAX], code = s->items[s->count - 1];
    struct hash256 digest;
    if (!script_read_multisig(&m, &n, keys, code))
        return unknown("a script that is not evaluated here");
    if (s->count != m + 2 || s->items[0].len != 0)
        return bad("not as many signatures as the script asks for");
    digest_of(&digest, l, code, v0);
    return verdict(are_signed(l, s->items + 1, m, keys, n, &digest));
}

static struct unlock_answer check_witness_script(const struct lock *l,
                                                 const uint8_t program[32])
{
    const struct tx_input *in = input_of(l);
    struct stack s;
    struct hash256 hash;
    if (in->witness_count == 0)
        return bad("there is no witness");
    struct bytes code = tx_view(&in->witness[in->witness_count - 1]);
    hash256_single(&hash, code.p, code.len);
    if (memcmp(hash.b, program, sizeof(hash.b)) != 0)
        return bad("the witness script is not the address's");
    if (!take_witness(&s, in))
        return unknown("a script that is not evaluated here");
    return check_multisig(l, &s, true);
}

/* Witness version 0; the program is native or a redeem script. */
static struct unlock_answer check_v0(const struct lock *l, struct bytes program)
{
    struct stack s;
    if (script_type_of(program) == SCRIPT_P2WSH)
        return check_witness_script(l, program.p + PROGRAM_AT);
    if (!take_witness(&s, input_of(l)))
        return bad("not a signature and a key");
    return check_key(l, program.p + PROGRAM_AT, &s, true);
}

static struct unlock_answer check_key_path(const struct lock *l, struct bytes signature,
                                           struct bytes program)
{
    struct hash256 digest;
    uint8_t type = SIGHASH_DEFAULT;
    if (signature.len == SCHNORR_SIZE + 1 && signature.p[SCHNORR_SIZE] == SIGHASH_ALL)
        type = SIGHASH_ALL;
    else if (signature.len != SCHNORR_SIZE)
        return bad("not the length or the hash type of a taproot signature");
    enum kz_err err = sighash_taproot(&digest, l->t, l->input, l->spent, type);
    assert(err == KZ_OK);
    return verdict(
        sign_schnorr_verify(l->c, signature.p, &digest, program.p + PROGRAM_AT));
}

static struct unlock_answer check_taproot(const struct lock *l, struct bytes program)
{
    const struct tx_input *in = input_of(l);
    if (in->witness_count == 0)
        return bad("there is no witness");
    struct bytes last = tx_view(&in->witness[in->witness_count - 1]);
    if (in->witness_count == 1)
        return check_key_path(l, last, program);
    if (last.len > 0 && last.p[0] == ANNEX_MARKER)
        return unknown("a taproot annex");
    return unknown("a taproot script path");
}

static struct unlock_answer check_script_hash(const struct lock *l, struct bytes script)
{
    const struct tx_input *in = input_of(l);
    struct stack s;
    uint8_t hash[20];
    if (!take_pushes(&s, tx_view(&in->script)) || s.count == 0)
        return bad("the input's script is not of pushes in their least form");
    struct bytes redeem = s.items[s.count - 1];
    hash160(hash, redeem);
    if (memcmp(hash, script.p + PROGRAM_AT, sizeof(hash)) != 0)
        return bad("the redeem script is not the address's");
    enum script_type type = script_type_of(redeem);
    if (type == SCRIPT_P2WPKH || type == SCRIPT_P2WSH)
        return s.count == 1 ? check_v0(l, redeem)
                            : bad("more beside a redeem script that is a program");
    if (in->witness_count > 0)
        return bad("a witness where none belongs");
    return check_multisig(l, &s, false);
}

static struct unlock_answer check_key_hash(const struct lock *l, struct bytes script)
{
    const struct tx_input *in = input_of(l);
    struct stack s;
    if (in->witness_count > 0)
        return bad("a witness where none belongs");
    if (!take_pushes(&s, tx_view(&in->script)))
        return bad("the input's script is not of pushes in their least form");
    return check_key(l, script.p + KEY_HASH_AT, &s, false);
}

struct unlock_answer unlock_check(const struct sign_context *c, const struct tx *t,
                                  size_t input, const struct tx_output *spent)
{
    assert(input < t->input_count);
    const struct lock l = {c, t, input, spent};
    struct bytes script = tx_view(&spent[input].script);
    bool has_script = t->inputs[input].script.len > 0;
    switch (script_type_of(script)) {
    case SCRIPT_P2PKH:
        return check_key_hash(&l, script);
    case SCRIPT_P2SH:
        return check_script_hash(&l, script);
    case SCRIPT_P2WPKH:
    case SCRIPT_P2WSH:
        return has_script ? bad("a script where only a witness belongs")
                          : check_v0(&l, script);
    case SCRIPT_P2TR:
        return has_script ? bad("a script where only a witness belongs")
                          : check_taproot(&l, script);
    case SCRIPT_P2A:
    case SCRIPT_MULTISIG:
    case SCRIPT_OTHER:
        break;
    }
    return unknown("an address of a kind that is not evaluated here");
}
