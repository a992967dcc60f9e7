#include "payout/base58.h"

#include "share/hash256.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

#define CHECKSUM_BYTES 4

/* No 0, O, I and l: they look like others. */
static const char alphabet[] =
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

static int digit_of(char c)
{
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
    return at != NULL ? (int)(at - alphabet) : -1;
}

/* number = number * 58 + digit, least significant byte first; false when it is full. */
static bool add_digit(uint8_t *number, size_t *len, size_t max, int digit)
{
    unsigned carry = (unsigned)digit;
    for (size_t i = 0; i < *len; i++) {
        carry += 58U * number[i];
        number[i] = (uint8_t)carry;
        carry >>= 8;
    }
    if (carry == 0)
        return true;
    if (*len == max)
        return false;
    number[(*len)++] = (uint8_t)carry;
    return true;
}

/* The digits of `text` behind its zeros; what base58_decode() says. */
static enum kz_err read_digits(uint8_t *number, size_t *used, size_t *bad_at,
                               size_t max, const char *text, size_t text_len,
                               size_t zeros)
{
    for (size_t i = zeros; i < text_len; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0) {
            *bad_at = i;
            return KZ_PARSE;
        }
        if (!add_digit(number, used, max, digit))
            return KZ_RANGE;
    }
    return zeros + *used > max ? KZ_RANGE : KZ_OK;
}

enum kz_err base58_decode(uint8_t *out, size_t *len, size_t *bad_at, size_t max,
                          const char *text, size_t text_len)
{
    uint8_t number[BASE58_BYTES_MAX];
    size_t used = 0, zeros = 0;
    assert(max <= BASE58_BYTES_MAX);
    while (zeros < text_len && text[zeros] == '1')
        zeros++;
    enum kz_err err = read_digits(number, &used, bad_at, max, text, text_len, zeros);
    if (err == KZ_OK) {
        memset(out, 0, zeros);
        for (size_t i = 0; i < used; i++)
            out[zeros + i] = number[used - 1 - i];
        *len = zeros + used;
    }
    OPENSSL_cleanse(number, sizeof(number));
    return err;
}

/* Of bytes with a checksum behind them. */
static enum kz_err take_checked(uint8_t *out, size_t *len, size_t max,
                                const uint8_t *bytes, size_t all)
{
    struct hash256 sum;
    if (all < CHECKSUM_BYTES)
        return KZ_EMPTY;
    hash256_double(&sum, bytes, all - CHECKSUM_BYTES);
    if (memcmp(sum.b, bytes + all - CHECKSUM_BYTES, CHECKSUM_BYTES) != 0)
        return KZ_EMPTY;
    if (all - CHECKSUM_BYTES > max)
        return KZ_RANGE;
    *len = all - CHECKSUM_BYTES;
    memcpy(out, bytes, *len);
    return KZ_OK;
}

enum kz_err base58_decode_check(uint8_t *out, size_t *len, size_t *bad_at, size_t max,
                                const char *text, size_t text_len)
{
    uint8_t bytes[BASE58_BYTES_MAX];
    size_t all = 0;
    enum kz_err err = base58_decode(bytes, &all, bad_at, sizeof(bytes), text, text_len);
    if (err == KZ_OK)
        err = take_checked(out, len, max, bytes, all);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return err;
}

/* Digits in base 58, least significant first, of a number whose first byte is the most
 * significant one. */
static size_t to_digits(uint8_t *digits, const uint8_t *p, size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned carry = p[i];
        for (size_t d = 0; d < used; d++) {
            carry += 256U * digits[d];
            digits[d] = (uint8_t)(carry % 58);
            carry /= 58;
        }
        for (; carry > 0; carry /= 58)
            digits[used++] = (uint8_t)(carry % 58);
    }
    return used;
}

static void encode(char out[BASE58_TEXT_SIZE], const uint8_t *p, size_t len)
{
    uint8_t digits[BASE58_TEXT_SIZE];
    size_t zeros = 0;
    while (zeros < len && p[zeros] == 0)
        zeros++;
    size_t used = to_digits(digits, p + zeros, len - zeros);
    assert(zeros + used < BASE58_TEXT_SIZE);
    memset(out, alphabet[0], zeros);
    for (size_t i = 0; i < used; i++)
        out[zeros + i] = alphabet[digits[used - 1 - i]];
    out[zeros + used] = '\0';
    OPENSSL_cleanse(digits, sizeof(digits));
}

void base58_encode_check(char out[BASE58_TEXT_SIZE], const uint8_t *p, size_t len)
{
    uint8_t bytes[BASE58_BYTES_MAX];
    struct hash256 sum;
    assert(len + CHECKSUM_BYTES <= sizeof(bytes));
    if (len > 0)
        memcpy(bytes, p, len);
    hash256_double(&sum, bytes, len);
    memcpy(bytes + len, sum.b, CHECKSUM_BYTES);
    encode(out, bytes, len + CHECKSUM_BYTES);
    OPENSSL_cleanse(bytes, sizeof(bytes));
}
