#include "payout/bech32.h"

#include <stdbool.h>
#include <string.h>

#define CHECKSUM_GROUPS 6

static int group_of(char c)
{
    static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
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
    if (count < CHECKSUM_GROUPS)
        return BECH32_LENGTH;
    uint32_t sum = checksum(b->hrp, b->groups, count);
    b->group_count = count - CHECKSUM_GROUPS;
    b->kind = sum == 1 ? BECH32_PLAIN : BECH32_M;
    return sum == 1 || sum == 0x2bc830a3 ? BECH32_OK : BECH32_CHECKSUM;
}
