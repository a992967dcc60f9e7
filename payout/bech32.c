#include "payout/bech32.h"

#include <assert.h>
#include <string.h>

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* What the checksum of a whole string comes to. */
static const uint32_t constants[] = {[BECH32_PLAIN] = 1, [BECH32_M] = 0x2bc830a3};

static int group_of(char c)
{
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
    return at != NULL ? (int)(at - alphabet) : -1;
}

static uint32_t checksum_step(uint32_t sum, unsigned value)
{
    static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
                                          0x3d4233dd, 0x2a1462b3};
    uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (size_t i = 0; i < 5; i++)
        if ((top >> i & 1) != 0)
            sum ^= generator[i];
    return sum;
}

static uint32_t checksum(const char *hrp, const uint8_t *groups, size_t count)
{
    uint32_t sum = 1;
    for (const char *c = hrp; *c != '\0'; c++)
        sum = checksum_step(sum, (unsigned)*c >> 5);
    sum = checksum_step(sum, 0);
    for (const char *c = hrp; *c != '\0'; c++)
        sum = checksum_step(sum, (unsigned)*c & 31);
    for (size_t i = 0; i < count; i++)
        sum = checksum_step(sum, groups[i]);
    return sum;
}

/* Lower case, once it is sure that it is all of one case and printable. */
static enum bech32_fault fold_case(char *out, size_t *bad_at, const char *text,
                                   size_t len)
{
    bool lower = false, upper = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c < '!' || c > '~') {
            *bad_at = i;
            return BECH32_CHARACTER;
        }
        bool is_upper = c >= 'A' && c <= 'Z';
        lower = lower || (c >= 'a' && c <= 'z');
        upper = upper || is_upper;
        out[i] = is_upper ? (char)(c - 'A' + 'a') : c;
    }
    out[len] = '\0';
    return lower && upper ? BECH32_CASE : BECH32_OK;
}

enum bech32_fault bech32_decode(struct bech32 *b, size_t *bad_at, const char *text,
                                size_t len)
{
    char folded[BECH32_TEXT_MAX + 1];
    memset(b, 0, sizeof(*b));
    if (len > BECH32_TEXT_MAX)
        return BECH32_LENGTH;
    enum bech32_fault fault = fold_case(folded, bad_at, text, len);
    if (fault != BECH32_OK)
        return fault;
    const char *separator = strrchr(folded, '1');
    if (separator == NULL || separator == folded)
        return BECH32_SEPARATOR;
    size_t hrp_len = (size_t)(separator - folded);
    memcpy(b->hrp, folded, hrp_len);

    size_t count = 0;
    for (size_t i = hrp_len + 1; i < len; i++) {
        int group = group_of(folded[i]);
        if (group < 0) {
            *bad_at = i;
            return BECH32_CHARACTER;
        }
        b->groups[count++] = (uint8_t)group;
    }
    if (count < BECH32_CHECKSUM_GROUPS)
        return BECH32_LENGTH;
    uint32_t sum = checksum(b->hrp, b->groups, count);
    b->group_count = count - BECH32_CHECKSUM_GROUPS;
    b->kind = sum == constants[BECH32_PLAIN] ? BECH32_PLAIN : BECH32_M;
    return sum == constants[b->kind] ? BECH32_OK : BECH32_CHECKSUM;
}

void bech32_encode(char out[BECH32_TEXT_MAX + 1], enum bech32_kind kind,
                   const char *hrp, const uint8_t *groups, size_t count)
{
    uint8_t all[BECH32_TEXT_MAX] = {0};
    size_t hrp_len = strlen(hrp), n = count + BECH32_CHECKSUM_GROUPS;
    assert(hrp_len > 0 && hrp_len + 1 + n <= BECH32_TEXT_MAX);
    if (count > 0)
        memcpy(all, groups, count);
    /* The checksum of six zeros in its place says what they must be. */
    uint32_t sum = checksum(hrp, all, n) ^ constants[kind];
    for (size_t i = 0; i < BECH32_CHECKSUM_GROUPS; i++)
        all[n - 1 - i] = (uint8_t)(sum >> 5 * i & 31);
    memcpy(out, hrp, hrp_len);
    out[hrp_len] = '1';
    for (size_t i = 0; i < n; i++)
        out[hrp_len + 1 + i] = alphabet[all[i]];
    out[hrp_len + 1 + n] = '\0';
}

bool bech32_correct(struct bech32 *b, size_t *group, enum bech32_kind kind)
{
    size_t n = b->group_count + BECH32_CHECKSUM_GROUPS;
    uint32_t wrong = checksum(b->hrp, b->groups, n) ^ constants[kind];
    /* The checksum is linear: what is wrong with it depends on the difference of the
     * mistyped group and on how many groups are behind it, and on nothing else. */
    for (unsigned difference = 1; difference < 32; difference++) {
        uint32_t effect = difference;
        for (size_t i = n; i-- > 0; effect = checksum_step(effect, 0)) {
            if (effect != wrong)
                continue;
            b->groups[i] ^= (uint8_t)difference;
            b->kind = kind;
            *group = i;
            return true;
        }
    }
    return false;
}
