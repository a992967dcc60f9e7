#include "payout/descriptor.h"

#include "payout/descriptor_checksum.h"
#include "payout/wif.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <secp256k1.h>
#include <string.h>

#define XONLY_HEX        (2 * XONLY_SIZE)
#define COMPRESSED_HEX   (2 * PUBKEY_SIZE)
#define UNCOMPRESSED_HEX (2 * 65)
#define NUMBER_MAX       10 /* digits of 2147483647 */
#define REDEEM_KEYS_MAX  15 /* a redeem script has 520 bytes at most */

/* What is being read; positions are counted from `text`. */
struct reader {
    const struct network *network;
    struct descriptor_problem *problem;
    const char *text;
    bool takes_xonly; /* inside tr() */
};

struct piece {
    const char *p, *end;
};

static enum kz_err fail(struct reader *r, enum kz_err err, const char *at,
                        const char *why)
{
    *r->problem = (struct descriptor_problem){why, (size_t)(at - r->text)};
    return err;
}

/* Up to `mark` or the end, which `in` is moved to. */
static struct piece take_until(struct piece *in, char mark)
{
    size_t len = (size_t)(in->end - in->p);
    const char *at = memchr(in->p, mark, len);
    struct piece taken = {in->p, at != NULL ? at : in->end};
    in->p = taken.end;
    return taken;
}

static size_t piece_len(struct piece s)
{
    return (size_t)(s.end - s.p);
}

static bool read_number(uint32_t *v, struct piece s, uint32_t max)
{
    char digits[NUMBER_MAX + 1] = "";
    uint64_t wide = 0;
    if (piece_len(s) > NUMBER_MAX)
        return false;
    memcpy(digits, s.p, piece_len(s));
    if (!decimal_read(&wide, digits, max))
        return false;
    *v = (uint32_t)wide;
    return true;
}

/* "h" or "'" off its end. */
static bool take_hardened(struct piece *s)
{
    if (s->p == s->end || (s->end[-1] != 'h' && s->end[-1] != '\''))
        return false;
    s->end--;
    return true;
}

static enum kz_err parse_step(uint32_t *step, struct reader *r, struct piece s)
{
    uint32_t number = 0;
    const char *start = s.p;
    bool hardened = take_hardened(&s);
    if (!read_number(&number, s, BIP32_HARDENED - 1))
        return fail(r, KZ_PARSE, start,
                    "a step of a path is a number below 2147483648, "
                    "and h behind it if hardened");
    *step = number + (hardened ? BIP32_HARDENED : 0);
    return KZ_OK;
}

/* "*", "*h" and "*'". */
static bool parse_range(struct descriptor_key *k, struct piece s)
{
    bool hardened = take_hardened(&s);
    if (piece_len(s) != 1 || *s.p != '*')
        return false;
    k->is_ranged = true;
    k->is_range_hardened = hardened;
    return true;
}

/* "/1/2h" and so on. With `ranged` the last may be a range. */
static enum kz_err parse_steps(uint32_t *path, size_t *count,
                               struct descriptor_key *ranged, struct reader *r,
                               struct piece s)
{
    while (s.p < s.end) {
        s.p++; /* the '/' */
        struct piece step = take_until(&s, '/');
        if (ranged != NULL && s.p == s.end && parse_range(ranged, step))
            return KZ_OK;
        if (*count == DESCRIPTOR_STEPS_MAX)
            return fail(r, KZ_RANGE, step.p, "a path of more than 16 steps");
        enum kz_err err = parse_step(&path[*count], r, step);
        if (err != KZ_OK)
            return err;
        (*count)++;
    }
    return KZ_OK;
}

/* In front of `s`, which is moved behind it. */
static enum kz_err parse_origin(struct descriptor_key *k, struct reader *r,
                                struct piece *s)
{
    if (s->p == s->end || *s->p != '[')
        return KZ_OK;
    s->p++;
    struct piece inside = take_until(s, ']');
    if (s->p == s->end)
        return fail(r, KZ_PARSE, inside.p, "the origin is not closed by ]");
    s->p++;
    struct piece print = take_until(&inside, '/');
    if (hex_decode(k->origin.fingerprint, BIP32_FINGERPRINT_SIZE, print.p,
                   piece_len(print)) != KZ_OK)
        return fail(r, KZ_PARSE, print.p, "a fingerprint is 8 hex digits");
    k->has_origin = true;
    return parse_steps(k->origin.path, &k->origin.count, NULL, r, inside);
}

static enum kz_err parse_hex_key(struct descriptor_key *k, struct reader *r,
                                 struct piece s)
{
    secp256k1_pubkey point;
    size_t len = piece_len(s);
    uint8_t *to = k->key.key, *x = to;
    if (len == UNCOMPRESSED_HEX)
        return fail(r, KZ_RANGE, s.p, "uncompressed keys are not used here");
    if (len == XONLY_HEX && !r->takes_xonly)
        return fail(r, KZ_PARSE, s.p, "a key of 32 bytes is for tr() only");
    if (len == XONLY_HEX)
        *x++ = 2;
    if (hex_decode(x, len / 2, s.p, len) != KZ_OK ||
        secp256k1_ec_pubkey_parse(secp256k1_context_static, &point, to, PUBKEY_SIZE) !=
            1)
        return fail(r, KZ_PARSE, s.p, "not a public key in hex");
    return KZ_OK;
}

static enum kz_err parse_extended(struct descriptor_key *k, struct reader *r,
                                  struct piece s)
{
    const char *why = NULL;
    enum kz_err err = bip32_parse(&k->key, &why, s.p, piece_len(s));
    if (err != KZ_OK)
        return fail(r, err, s.p, why);
    if (k->key.is_test != (r->network != network_of(CONF_MAIN)))
        return fail(r, KZ_RANGE, s.p, "an extended key of another network");
    k->is_extended = true;
    return KZ_OK;
}

static enum kz_err parse_wif(struct descriptor_key *k, struct reader *r, struct piece s)
{
    const char *why = NULL;
    bool compressed = false;
    enum kz_err err =
        wif_parse(k->key.key + 1, &compressed, &why, r->network, s.p, piece_len(s));
    if (err != KZ_OK)
        return fail(r, err, s.p, why);
    if (!compressed)
        return fail(r, KZ_RANGE, s.p, "uncompressed keys are not used here");
    k->key.is_private = true;
    return KZ_OK;
}

static enum kz_err parse_key_text(struct descriptor_key *k, struct reader *r,
                                  struct piece s)
{
    size_t len = piece_len(s);
    if (len == 0)
        return fail(r, KZ_PARSE, s.p, "a key is missing");
    if (len == XONLY_HEX || len == COMPRESSED_HEX || len == UNCOMPRESSED_HEX)
        return parse_hex_key(k, r, s);
    if (len < WIF_TEXT_SIZE)
        return parse_wif(k, r, s);
    return parse_extended(k, r, s);
}

static bool has_hardened_step(const struct descriptor_key *k)
{
    bool found = k->is_range_hardened;
    for (size_t i = 0; i < k->path_count; i++)
        found = found || k->path[i] >= BIP32_HARDENED;
    return found;
}

static enum kz_err parse_key(struct descriptor_key *k, struct reader *r, struct piece s)
{
    enum kz_err err = parse_origin(k, r, &s);
    if (err != KZ_OK)
        return err;
    struct piece key = take_until(&s, '/');
    err = parse_steps(k->path, &k->path_count, k, r, s);
    if (err == KZ_OK)
        err = parse_key_text(k, r, key);
    if (err == KZ_OK && !k->is_extended && (k->path_count > 0 || k->is_ranged))
        return fail(r, KZ_PARSE, key.end, "only extended keys have steps behind them");
    if (err == KZ_OK && !k->key.is_private && has_hardened_step(k))
        return fail(r, KZ_RANGE, key.end,
                    "hardened steps need the private key: they belong in the origin");
    return err;
}

static enum kz_err parse_single(struct descriptor *d, struct reader *r, struct piece s)
{
    struct piece rest = s;
    r->takes_xonly = d->type == DESCRIPTOR_TR;
    struct piece key = take_until(&rest, ',');
    if (rest.p < rest.end)
        return d->type == DESCRIPTOR_TR
                   ? fail(r, KZ_RANGE, rest.p, "script trees are not used here")
                   : fail(r, KZ_PARSE, rest.p, "one key was expected");
    d->required = 1;
    d->key_count = 1;
    return parse_key(&d->keys[0], r, key);
}

static enum kz_err parse_multi(struct descriptor *d, struct reader *r, struct piece s)
{
    uint32_t required = 0;
    size_t max = d->type == DESCRIPTOR_SH_MULTI ? REDEEM_KEYS_MAX : DESCRIPTOR_KEYS_MAX;
    struct piece number = take_until(&s, ',');
    if (!read_number(&required, number, DESCRIPTOR_KEYS_MAX) || required == 0)
        return fail(r, KZ_PARSE, number.p, "the number of signatures is 1 to 16");
    while (s.p < s.end) {
        s.p++; /* the ',' */
        struct piece key = take_until(&s, ',');
        if (d->key_count == max)
            return fail(r, KZ_RANGE, key.p, "more keys than such a script can have");
        enum kz_err err = parse_key(&d->keys[d->key_count], r, key);
        if (err != KZ_OK)
            return err;
        d->key_count++;
    }
    d->required = required;
    if (required > d->key_count)
        return fail(r, KZ_PARSE, number.p, "more signatures than keys");
    return KZ_OK;
}

static bool is_between(struct piece *s, const char *before, const char *after)
{
    size_t front = strlen(before), back = strlen(after);
    if (piece_len(*s) < front + back || memcmp(s->p, before, front) != 0 ||
        memcmp(s->end - back, after, back) != 0)
        return false;
    s->p += front;
    s->end -= back;
    return true;
}

static enum kz_err parse_body(struct descriptor *d, struct reader *r, struct piece s)
{
    static const struct {
        const char *before, *after;
        enum descriptor_type type;
    } forms[] = {
        {"pkh(", ")", DESCRIPTOR_PKH},
        {"wpkh(", ")", DESCRIPTOR_WPKH},
        {"sh(wpkh(", "))", DESCRIPTOR_SH_WPKH},
        {"tr(", ")", DESCRIPTOR_TR},
        {"sh(sortedmulti(", "))", DESCRIPTOR_SH_MULTI},
        {"wsh(sortedmulti(", "))", DESCRIPTOR_WSH_MULTI},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (!is_between(&s, forms[i].before, forms[i].after))
            continue;
        d->type = forms[i].type;
        if (d->type == DESCRIPTOR_SH_MULTI || d->type == DESCRIPTOR_WSH_MULTI)
            return parse_multi(d, r, s);
        return parse_single(d, r, s);
    }
    return fail(r, KZ_PARSE, s.p,
                "none of pkh(), wpkh(), sh(wpkh()), tr(), sh(sortedmulti()) and "
                "wsh(sortedmulti())");
}

enum kz_err descriptor_check(size_t *body, struct descriptor_problem *problem,
                             const char *text, size_t len)
{
    char want[DESCRIPTOR_CHECKSUM_SIZE];
    size_t bad_at = 0;
    struct piece all = {text, text + len};
    struct reader r = {.problem = problem, .text = text};
    struct piece before = take_until(&all, '#');
    if (descriptor_checksum(want, &bad_at, text, piece_len(before)) != KZ_OK)
        return fail(&r, KZ_PARSE, text + bad_at, "a character that no descriptor has");
    if (all.p < all.end && piece_len(all) != DESCRIPTOR_CHECKSUM_SIZE)
        return fail(&r, KZ_PARSE, all.p, "a checksum is 8 characters behind #");
    if (all.p < all.end && memcmp(all.p + 1, want, DESCRIPTOR_CHECKSUM_SIZE - 1) != 0)
        return fail(&r, KZ_PARSE, all.p,
                    "the checksum does not match: something is mistyped");
    *body = piece_len(before);
    return KZ_OK;
}

enum kz_err descriptor_parse(struct descriptor *d, struct descriptor_problem *problem,
                             const struct network *network, const char *text,
                             size_t len)
{
    struct descriptor read = {0};
    struct reader r = {.network = network, .problem = problem, .text = text};
    size_t body = 0;
    if (len > DESCRIPTOR_TEXT_MAX)
        return fail(&r, KZ_RANGE, text, "longer than 4096 characters");
    enum kz_err err = descriptor_check(&body, problem, text, len);
    if (err == KZ_OK)
        err = parse_body(&read, &r, (struct piece){text, text + body});
    if (err == KZ_OK)
        *d = read;
    descriptor_wipe(&read);
    return err;
}

void descriptor_wipe(struct descriptor *d)
{
    OPENSSL_cleanse(d, sizeof(*d));
}
