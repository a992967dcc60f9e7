#include "payout/base58.h"

#include "share/hash256.h"

#include <assert.h>
#include <string.h>

#define CHECKSUM_BYTES 4

static int digit_of(char c)
{
    /* No 0, O, I and l: they look like others. */
    static const char alphabet[] =
        "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
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

enum kz_err base58_decode(uint8_t *out, size_t *len, size_t *bad_at, size_t max,
                          const char *text, size_t text_len)
{
    uint8_t number[BASE58_BYTES_MAX];
    size_t used = 0, zeros = 0;
    assert(max <= BASE58_BYTES_MAX);
    while (zeros < text_len && text[zeros] == '1')
        zeros++;
    for (size_t i = zeros; i < text_len; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0) {
            *bad_at = i;
            return KZ_PARSE;
        }
        if (!add_digit(number, &used, max, digit))
            return KZ_RANGE;
    }
    if (zeros + used > max)
        return KZ_RANGE;
    memset(out, 0, zeros);
    for (size_t i = 0; i < used; i++)
        out[zeros + i] = number[used - 1 - i];
    *len = zeros + used;
    return KZ_OK;
}

enum kz_err base58_decode_check(uint8_t *out, size_t *len, size_t *bad_at, size_t max,
                                const char *text, size_t text_len)
{
    uint8_t bytes[BASE58_BYTES_MAX];
    struct hash256 sum;
    size_t all = 0;
    enum kz_err err = base58_decode(bytes, &all, bad_at, sizeof(bytes), text, text_len);
    if (err != KZ_OK)
        return err;
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
