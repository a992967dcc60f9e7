#include "payout/address.h"

#include "payout/base58.h"
#include "payout/bech32.h"

#include <assert.h>
#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <string.h>

#define WITNESS_VERSION_MAX 16
#define PROGRAM_MIN         2
#define PROGRAM_MAX         40
#define KEY_HASH_BYTES      20

const char *address_fault_text(enum address_fault fault)
{
    static const char *const texts[ADDRESS_FAULTS] = {
        [ADDRESS_FINE] = "fine",
        [ADDRESS_IS_EMPTY] = "the address is empty",
        [ADDRESS_BAD_CHARACTER] = "a character that no address has",
        [ADDRESS_BAD_LENGTH] = "too long or too short",
        [ADDRESS_MIXED_CASE] = "upper and lower case mixed",
        [ADDRESS_BAD_CHECKSUM] = "the checksum does not match: mistyped or cut",
        [ADDRESS_MISTYPED] = "one character is mistyped",
        [ADDRESS_WRONG_CHECKSUM_KIND] = "the checksum is of the wrong kind for this "
                                        "witness version",
        [ADDRESS_BAD_VERSION] = "no such witness version",
        [ADDRESS_BAD_PROGRAM] = "a witness program of a length or form that is not "
                                "allowed",
        [ADDRESS_OTHER_NETWORK] = "an address of another network",
        [ADDRESS_NOT_PAYABLE] = "a kind of address that pools do not pay to",
        [ADDRESS_NO_SUCH_KEY] = "a taproot key that does not exist: nobody could spend",
    };
    assert((size_t)fault < ADDRESS_FAULTS);
    return texts[fault];
}

const char *address_type_name(enum address_type type)
{
    switch (type) {
    case ADDRESS_P2PKH:
        return "p2pkh";
    case ADDRESS_P2SH:
        return "p2sh";
    case ADDRESS_P2WPKH:
        return "p2wpkh";
    case ADDRESS_P2WSH:
        return "p2wsh";
    case ADDRESS_P2TR:
        return "p2tr";
    case ADDRESS_WITNESS_OTHER:
        break;
    }
    return "witness_other";
}

static enum kz_err fail(struct address_problem *problem, enum address_fault fault)
{
    *problem = (struct address_problem){fault, ADDRESS_NO_POSITION};
    return fault == ADDRESS_OTHER_NETWORK || fault == ADDRESS_NOT_PAYABLE ||
                   fault == ADDRESS_NO_SUCH_KEY
               ? KZ_RANGE
               : KZ_PARSE;
}

static enum kz_err fail_at(struct address_problem *problem, enum address_fault fault,
                           size_t position)
{
    *problem = (struct address_problem){fault, position};
    return KZ_PARSE;
}

static void add_script(struct address *a, const void *p, size_t len)
{
    assert(a->script_len + len <= sizeof(a->script));
    memcpy(a->script + a->script_len, p, len);
    a->script_len += len;
}

static enum kz_err parse_base58(struct address *a, struct address_problem *problem,
                                const struct network *network, const char *text,
                                size_t len)
{
    uint8_t bytes[BASE58_BYTES_MAX];
    size_t count = 0, bad_at = 0;
    switch (base58_decode_check(bytes, &count, &bad_at, sizeof(bytes), text, len)) {
    case KZ_OK:
        break;
    case KZ_PARSE:
        return fail_at(problem, ADDRESS_BAD_CHARACTER, bad_at);
    case KZ_RANGE:
        return fail(problem, ADDRESS_BAD_LENGTH);
    case KZ_EMPTY:
    case KZ_BUSY:
    case KZ_IO:
        return fail(problem, ADDRESS_BAD_CHECKSUM);
    }
    if (count != 1 + KEY_HASH_BYTES)
        return fail(problem, ADDRESS_BAD_LENGTH);

    struct address r = {0};
    if (bytes[0] == network->p2pkh_version) {
        r.type = ADDRESS_P2PKH;
        add_script(&r, "\x76\xa9\x14", 3);
        add_script(&r, bytes + 1, KEY_HASH_BYTES);
        add_script(&r, "\x88\xac", 2);
    } else if (bytes[0] == network->p2sh_version) {
        r.type = ADDRESS_P2SH;
        add_script(&r, "\xa9\x14", 2);
        add_script(&r, bytes + 1, KEY_HASH_BYTES);
        add_script(&r, "\x87", 1);
    } else {
        return fail(problem, ADDRESS_OTHER_NETWORK);
    }
    *a = r;
    return KZ_OK;
}

/* 5-bit groups to bytes. What is left over must be under 5 bits, and zero. */
static bool groups_to_bytes(uint8_t *out, size_t *len, const uint8_t *groups,
                            size_t count)
{
    unsigned value = 0, bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        value = (value << 5 | groups[i]) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (uint8_t)(value >> bits);
        }
    }
    *len = n;
    return bits < 5 && (value & ((1U << bits) - 1)) == 0;
}

static enum address_type witness_type(unsigned version, size_t len)
{
    if (version == 0)
        return len == KEY_HASH_BYTES ? ADDRESS_P2WPKH : ADDRESS_P2WSH;
    return version == 1 && len == 32 ? ADDRESS_P2TR : ADDRESS_WITNESS_OTHER;
}

static enum kz_err parse_program(struct address *a, struct address_problem *problem,
                                 const struct bech32 *b)
{
    uint8_t program[BECH32_TEXT_MAX];
    size_t len = 0;
    if (b->group_count == 0)
        return fail(problem, ADDRESS_BAD_PROGRAM);
    unsigned version = b->groups[0];
    if (version > WITNESS_VERSION_MAX)
        return fail(problem, ADDRESS_BAD_VERSION);
    if (b->kind != (version == 0 ? BECH32_PLAIN : BECH32_M))
        return fail(problem, ADDRESS_WRONG_CHECKSUM_KIND);
    if (!groups_to_bytes(program, &len, b->groups + 1, b->group_count - 1) ||
        len < PROGRAM_MIN || len > PROGRAM_MAX ||
        (version == 0 && len != KEY_HASH_BYTES && len != 32))
        return fail(problem, ADDRESS_BAD_PROGRAM);

    struct address r = {.type = witness_type(version, len)};
    const uint8_t start[2] = {(uint8_t)(version == 0 ? 0 : 0x50 + version),
                              (uint8_t)len};
    add_script(&r, start, sizeof(start));
    add_script(&r, program, len);
    *a = r;
    return KZ_OK;
}

/* `b` is of a text of `len` characters whose checksum is wrong. A correction that gives
 * no address is none; and where one of each kind does, neither is sure. */
static enum kz_err fail_checksum(struct address_problem *problem,
                                 const struct bech32 *b, size_t len)
{
    size_t found = 0, position = 0;
    for (int kind = BECH32_PLAIN; kind <= BECH32_M; kind++) {
        struct bech32 fixed = *b;
        struct address unused;
        size_t group = 0;
        if (!bech32_correct(&fixed, &group, (enum bech32_kind)kind) ||
            parse_program(&unused, problem, &fixed) != KZ_OK)
            continue;
        position = len - BECH32_CHECKSUM_GROUPS - b->group_count + group;
        found++;
    }
    if (found == 1)
        return fail_at(problem, ADDRESS_MISTYPED, position);
    return fail(problem, ADDRESS_BAD_CHECKSUM);
}

static bool is_known_hrp(const char *hrp)
{
    return strcmp(hrp, "bc") == 0 || strcmp(hrp, "tb") == 0 || strcmp(hrp, "bcrt") == 0;
}

static enum kz_err parse_bech32(struct address *a, struct address_problem *problem,
                                const struct network *network, const char *text,
                                size_t len)
{
    struct bech32 b;
    size_t bad_at = 0;
    switch (bech32_decode(&b, &bad_at, text, len)) {
    case BECH32_OK:
        break;
    case BECH32_LENGTH:
    case BECH32_SEPARATOR:
        return fail(problem, ADDRESS_BAD_LENGTH);
    case BECH32_CHARACTER:
        return fail_at(problem, ADDRESS_BAD_CHARACTER, bad_at);
    case BECH32_CASE:
        return fail(problem, ADDRESS_MIXED_CASE);
    case BECH32_CHECKSUM:
        return fail_checksum(problem, &b, len);
    }
    if (strcmp(b.hrp, network->bech32_hrp) != 0)
        return fail(problem, ADDRESS_OTHER_NETWORK);
    return parse_program(a, problem, &b);
}

/* Which of the two kinds somebody meant, so that the fault named is that kind's. */
static bool looks_like_bech32(const char *text, size_t len)
{
    char hrp[5] = "";
    for (size_t i = 0; i < len && i < sizeof(hrp); i++) {
        if (text[i] == '1')
            return is_known_hrp(hrp);
        if (i + 1 < sizeof(hrp))
            hrp[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a')
                                                      : text[i];
    }
    return false;
}

enum kz_err address_parse(struct address *a, struct address_problem *problem,
                          const struct network *network, const char *text, size_t len)
{
    if (len == 0)
        return fail(problem, ADDRESS_IS_EMPTY);
    if (len >= ADDRESS_TEXT_SIZE)
        return fail(problem, ADDRESS_BAD_LENGTH);
    if (looks_like_bech32(text, len))
        return parse_bech32(a, problem, network, text, len);
    return parse_base58(a, problem, network, text, len);
}

enum kz_err address_check_payable(const struct address *a,
                                  struct address_problem *problem)
{
    secp256k1_xonly_pubkey key;
    if (a->type == ADDRESS_WITNESS_OTHER)
        return fail(problem, ADDRESS_NOT_PAYABLE);
    /* Parsing a key needs no tables and no secrets: the static context serves. */
    if (a->type == ADDRESS_P2TR &&
        secp256k1_xonly_pubkey_parse(secp256k1_context_static, &key, a->script + 2) !=
            1)
        return fail(problem, ADDRESS_NO_SUCH_KEY);
    return KZ_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

enum kz_err address_normalise(char out[ADDRESS_TEXT_SIZE], const char *text, size_t len)
{
    for (; len > 0 && is_blank(text[0]); len--)
        text++;
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    if (len == 0 || len >= ADDRESS_TEXT_SIZE)
        return KZ_PARSE;
    bool lower = false;
    for (size_t i = 0; i < len; i++) {
        if (!is_lower(text[i]) && !is_upper(text[i]) &&
            (text[i] < '0' || text[i] > '9'))
            return KZ_PARSE;
        lower = lower || is_lower(text[i]);
    }
    bool fold = !lower && looks_like_bech32(text, len);
    for (size_t i = 0; i < len; i++)
        out[i] = fold && is_upper(text[i]) ? (char)(text[i] - 'A' + 'a') : text[i];
    out[len] = '\0';
    return KZ_OK;
}

static void format_base58(char out[ADDRESS_TEXT_SIZE], uint8_t version,
                          const uint8_t *hash)
{
    uint8_t bytes[1 + KEY_HASH_BYTES] = {version};
    char text[BASE58_TEXT_SIZE];
    memcpy(bytes + 1, hash, KEY_HASH_BYTES);
    base58_encode_check(text, bytes, sizeof(bytes));
    size_t len = strlen(text);
    assert(len < ADDRESS_TEXT_SIZE);
    memcpy(out, text, len + 1);
}

/* Bytes to 5-bit groups, the last filled up with zeros. */
static size_t bytes_to_groups(uint8_t *out, const uint8_t *p, size_t len)
{
    unsigned value = 0, bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        value = (value << 8 | p[i]) & 0xfff;
        for (bits += 8; bits >= 5;) {
            bits -= 5;
            out[n++] = (uint8_t)(value >> bits & 31);
        }
    }
    if (bits > 0)
        out[n++] = (uint8_t)(value << (5 - bits) & 31);
    return n;
}

static enum kz_err format_program(char out[ADDRESS_TEXT_SIZE],
                                  const struct network *network, struct bytes script)
{
    uint8_t groups[BECH32_TEXT_MAX];
    size_t len = script.len - 2;
    unsigned version = script.p[0] == 0 ? 0 : script.p[0] - 0x50U;
    if (version > WITNESS_VERSION_MAX || (script.p[0] != 0 && version == 0) ||
        script.p[1] != len || (version == 0 && len != KEY_HASH_BYTES && len != 32))
        return KZ_EMPTY;
    groups[0] = (uint8_t)version;
    size_t count = 1 + bytes_to_groups(groups + 1, script.p + 2, len);
    bech32_encode(out, version == 0 ? BECH32_PLAIN : BECH32_M, network->bech32_hrp,
                  groups, count);
    return KZ_OK;
}

enum kz_err address_format(char out[ADDRESS_TEXT_SIZE], const struct network *network,
                           struct bytes script)
{
    const uint8_t *p = script.p;
    if (script.len == 25 && memcmp(p, "\x76\xa9\x14", 3) == 0 &&
        memcmp(p + 23, "\x88\xac", 2) == 0)
        format_base58(out, network->p2pkh_version, p + 3);
    else if (script.len == 23 && memcmp(p, "\xa9\x14", 2) == 0 && p[22] == 0x87)
        format_base58(out, network->p2sh_version, p + 2);
    else if (script.len >= 2 + PROGRAM_MIN && script.len <= 2 + PROGRAM_MAX)
        return format_program(out, network, script);
    else
        return KZ_EMPTY;
    return KZ_OK;
}
