#include "payout/proof.h"

#include "conf/mem.h"
#include "payout/base64.h"
#include "payout/pps.h"
#include "payout/script.h"
#include "payout/sighash.h"
#include "payout/unlock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OP_RETURN   0x6a
#define SECONDS_DAY 86400

/* Headers of the older form, each plus a recovery id of 0 to 3. */
enum {
    HEADER_UNCOMPRESSED = 27,
    HEADER_COMPRESSED = 31,
    HEADER_NESTED = 35,
    HEADER_WITNESS = 39,
    HEADER_END = 43,
};

static struct proof_answer valid(void)
{
    return (struct proof_answer){PROOF_VALID, "signed as the address asks"};
}

static struct proof_answer invalid(const char *reason)
{
    return (struct proof_answer){PROOF_INVALID, reason};
}

static struct proof_answer inconclusive(const char *reason)
{
    return (struct proof_answer){PROOF_INCONCLUSIVE, reason};
}

static void make_to_spend(struct tx *t, struct bytes script, struct bytes message)
{
    struct tx_outpoint nowhere = {.vout = UINT32_MAX};
    struct hash256 hash;
    uint8_t push[2 + sizeof(hash.b)] = {0, sizeof(hash.b)};
    hash_tagged(&hash, "BIP0322-signed-message", message, (struct bytes){NULL, 0});
    memcpy(push + 2, hash.b, sizeof(hash.b));
    tx_init(t, 0, 0);
    tx_add_input(t, &nowhere, 0);
    tx_set_script(t, 0, (struct bytes){push, sizeof(push)});
    tx_add_output(t, amount_zero(), script);
}

static void make_to_sign(struct tx *t, const struct tx *to_spend)
{
    const uint8_t nothing = OP_RETURN;
    struct tx_outpoint from = {.vout = 0};
    tx_id(&from.txid, to_spend);
    tx_init(t, 0, 0);
    tx_add_input(t, &from, 0);
    tx_add_output(t, amount_zero(), (struct bytes){&nothing, 1});
}

void proof_to_sign(struct tx *to_sign, struct bytes script, struct bytes message)
{
    struct tx to_spend;
    make_to_spend(&to_spend, script, message);
    make_to_sign(to_sign, &to_spend);
    tx_clear(&to_spend);
}

static bool does_spend(const struct tx *t, const struct tx *to_spend)
{
    struct tx_outpoint from = {.vout = 0};
    tx_id(&from.txid, to_spend);
    return tx_outpoint_equal(&t->inputs[0].from, &from);
}

static bool pays_nothing(const struct tx *t)
{
    return t->output_count == 1 && amount_is_zero(t->outputs[0].value) &&
           t->outputs[0].script.len == 1 && t->outputs[0].script.p[0] == OP_RETURN;
}

static struct proof_answer answer_of(struct unlock_answer a)
{
    switch (a.verdict) {
    case UNLOCK_GOOD:
        return valid();
    case UNLOCK_BAD:
        return invalid(a.reason);
    case UNLOCK_UNKNOWN:
        break;
    }
    return inconclusive(a.reason);
}

static struct proof_answer judge(const struct sign_context *c, const struct tx *t,
                                 const struct tx *to_spend)
{
    if (!does_spend(t, to_spend))
        return invalid("signed for another message or another address");
    if (!pays_nothing(t))
        return invalid("does not have the one output that proofs have");
    if (t->input_count > 1)
        return inconclusive("spends further coins, which only a node knows");
    struct proof_answer answer = answer_of(unlock_check(c, t, 0, to_spend->outputs));
    /* BIP322's upgradeable rule comes last: a bad signature is bad in any version. */
    if (answer.verdict == PROOF_VALID && t->version != 0 && t->version != 2)
        return inconclusive("a transaction version of rules to come");
    return answer;
}

static struct proof_answer check_to_sign(const struct sign_context *c,
                                         const struct tx *t,
                                         const struct proof_claim *claim)
{
    struct tx to_spend;
    make_to_spend(&to_spend, claim->script, claim->message);
    struct proof_answer answer = judge(c, t, &to_spend);
    tx_clear(&to_spend);
    return answer;
}

static struct proof_answer check_full(const struct sign_context *c,
                                      const struct proof_claim *claim, struct bytes in)
{
    struct tx t;
    if (tx_parse(&t, in) != KZ_OK)
        return invalid("not a transaction");
    struct proof_answer answer = check_to_sign(c, &t, claim);
    tx_clear(&t);
    return answer;
}

/* to_sign with a witness that somebody gives as bytes. They are put where a transaction
 * has them, so that one parser judges both forms. */
static enum kz_err read_simple(struct tx *t, const struct proof_claim *claim,
                               struct bytes witness)
{
    const size_t head = 4, marker = 2, tail = 4; /* version, BIP144, lock time */
    struct tx bare;
    size_t len = 0;
    proof_to_sign(&bare, claim->script, claim->message);
    uint8_t *plain = tx_format(&len, &bare, true);
    uint8_t *whole = mem_new(len + marker + witness.len);
    memcpy(whole, plain, head);
    whole[head + 1] = 1;
    memcpy(whole + head + marker, plain + head, len - head - tail);
    if (witness.len > 0)
        memcpy(whole + len + marker - tail, witness.p, witness.len);
    enum kz_err err = tx_parse(t, (struct bytes){whole, len + marker + witness.len});
    mem_free(whole);
    mem_free(plain);
    tx_clear(&bare);
    return err;
}

/* A nested address needs its redeem script in the input, where `smp` has none; but the
 * witness ends with the key or the script that it is made of. */
static void add_redeem_script(struct tx *t)
{
    const struct tx_input *in = &t->inputs[0];
    struct bytes last = tx_view(&in->witness[in->witness_count - 1]);
    struct script redeem;
    uint8_t hash[20], push[1 + SCRIPT_STANDARD_MAX];
    size_t len = 0;
    hash160(hash, last);
    if (last.len == PUBKEY_SIZE)
        script_p2wpkh(&redeem, hash);
    else
        script_p2wsh(&redeem, last);
    script_push(push, &len, script_bytes(&redeem));
    tx_set_script(t, 0, (struct bytes){push, len});
}

static struct proof_answer check_simple(const struct sign_context *c,
                                        const struct proof_claim *claim,
                                        struct bytes in)
{
    struct tx t;
    if (read_simple(&t, claim, in) != KZ_OK)
        return invalid("not the witness of a transaction");
    if (script_type_of(claim->script) == SCRIPT_P2SH)
        add_redeem_script(&t);
    struct proof_answer answer = check_to_sign(c, &t, claim);
    tx_clear(&t);
    return answer;
}

void proof_legacy_hash(struct hash256 *out, struct bytes message)
{
    static const char magic[] = "\x18"
                                "Bitcoin Signed Message:\n";
    struct sha256_state s;
    uint8_t size[9];
    sha256_begin(&s);
    sha256_add(&s, magic, sizeof(magic) - 1);
    sha256_add(&s, size, compact_size_write(size, message.len));
    sha256_add(&s, message.p, message.len);
    sha256_end_double(out, &s);
}

/* May a signature with that header be for addresses of that type? */
static bool is_header_for(uint8_t header, enum script_type type)
{
    bool plain = header >= HEADER_COMPRESSED && header < HEADER_NESTED;
    if (type == SCRIPT_P2PKH)
        return header < HEADER_NESTED;
    if (type == SCRIPT_P2SH)
        return plain || (header >= HEADER_NESTED && header < HEADER_WITNESS);
    return type == SCRIPT_P2WPKH && (plain || header >= HEADER_WITNESS);
}

/* The script of `type` that a key's hash gives. */
static void script_of_key(struct script *out, const uint8_t hash[20],
                          enum script_type type)
{
    struct script program;
    script_p2wpkh(&program, hash);
    if (type == SCRIPT_P2PKH)
        script_p2pkh(out, hash);
    else if (type == SCRIPT_P2SH)
        script_p2sh(out, script_bytes(&program));
    else
        *out = program;
}

static struct proof_answer check_legacy(const struct sign_context *c,
                                        const struct proof_claim *claim,
                                        struct bytes in)
{
    uint8_t key[RECOVERABLE_SIZE], hash[20];
    size_t key_len = 0;
    struct hash256 digest;
    struct script script;
    enum script_type type = script_type_of(claim->script);
    uint8_t header = in.p[0];
    if (header < HEADER_UNCOMPRESSED || header >= HEADER_END ||
        !is_header_for(header, type))
        return invalid("a signed message's header that this address cannot have");
    proof_legacy_hash(&digest, claim->message);
    if (sign_recover(key, &key_len, c, in.p + 1, (header - HEADER_UNCOMPRESSED) % 4,
                     header >= HEADER_COMPRESSED, &digest) != KZ_OK)
        return invalid("no key signed this");
    hash160(hash, (struct bytes){key, key_len});
    script_of_key(&script, hash, type);
    if (script.len != claim->script.len ||
        memcmp(script.b, claim->script.p, script.len) != 0)
        return invalid("signed by another key, or another message");
    return valid();
}

static struct proof_answer check_either(const struct sign_context *c,
                                        const struct proof_claim *claim,
                                        struct bytes in)
{
    struct proof_answer answer = check_simple(c, claim, in);
    if (answer.verdict == PROOF_INVALID && in.len == RECOVERABLE_SIZE)
        return check_legacy(c, claim, in);
    return answer;
}

typedef struct proof_answer check_form(const struct sign_context *c,
                                       const struct proof_claim *claim,
                                       struct bytes in);

static struct proof_answer check_base64(const struct sign_context *c,
                                        const struct proof_claim *claim, size_t skip,
                                        check_form *check)
{
    uint8_t *p = NULL;
    size_t len = 0;
    switch (base64_decode(&p, &len, claim->text + skip, claim->text_len - skip,
                          PROOF_BYTES_MAX)) {
    case KZ_OK:
        break;
    case KZ_RANGE:
        return invalid("longer than any proof");
    case KZ_PARSE:
    case KZ_EMPTY:
    case KZ_BUSY:
    case KZ_IO:
        return invalid("not base64");
    }
    struct proof_answer answer = len > 0 ? check(c, claim, (struct bytes){p, len})
                                         : invalid("there is no proof");
    mem_free(p);
    return answer;
}

static bool begins_with(const struct proof_claim *claim, const char *letters)
{
    size_t len = strlen(letters);
    return claim->text_len >= len && memcmp(claim->text, letters, len) == 0;
}

/* The letters are base64, too; but no header is as high as the byte they would be, and no
 * witness that is evaluated here has as many items. */
struct proof_answer proof_check(const struct sign_context *c,
                                const struct proof_claim *claim)
{
    const size_t letters = 3;
    if (begins_with(claim, "smp"))
        return check_base64(c, claim, letters, check_simple);
    if (begins_with(claim, "ful"))
        return check_base64(c, claim, letters, check_full);
    if (begins_with(claim, "pof"))
        return inconclusive("proves further coins, which only a node knows");
    return check_base64(c, claim, 0, check_either);
}

void proof_message(char out[PROOF_MESSAGE_SIZE], const struct proof_binding *b)
{
    char date[PPS_DATE_SIZE];
    assert(b->expires_s >= 0 && b->expires_s < (int64_t)PPS_DAYS * SECONDS_DAY);
    assert(strlen(b->address) < ADDRESS_TEXT_SIZE &&
           strlen(b->nonce) <= PROOF_NONCE_MAX);
    pps_date_format(date, (uint32_t)(b->expires_s / SECONDS_DAY));
    unsigned second = (unsigned)(b->expires_s % SECONDS_DAY);
    int len = snprintf(out, PROOF_MESSAGE_SIZE, "kariz %s %s %s %s %sT%02u:%02u:%02uZ",
                       b->network->name, b->miner.text, b->address, b->nonce, date,
                       second / 3600, second / 60 % 60, second % 60);
    assert(len > 0 && len < PROOF_MESSAGE_SIZE);
}
