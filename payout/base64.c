#include "payout/base64.h"

#include "conf/mem.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

/* OpenSSL counts in int. */
#define BYTES_MAX ((size_t)INT_MAX / 2)

char *base64_encode(const void *p, size_t len)
{
    assert(len <= BYTES_MAX);
    char *text = mem_new((len + 2) / 3 * 4 + 1);
    if (len > 0)
        EVP_EncodeBlock((unsigned char *)text, p, (int)len);
    return text;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '+' || c == '/';
}

/* How many bytes the text stands for. False: another form. OpenSSL alone would skip
 * blanks around it and take padding for the letter A. */
static bool measure(size_t *bytes, const char *text, size_t len)
{
    size_t padding = 0;
    if (len % 4 != 0)
        return false;
    while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < len - padding; i++)
        if (!is_letter(text[i]))
            return false;
    *bytes = len / 4 * 3 - padding;
    return true;
}

/* The last group, encoded again, is the same text only if its spare bits are zero. */
static bool is_last_exact(const uint8_t *bytes, size_t count, const char *text,
                          size_t len)
{
    unsigned char again[5];
    size_t tail = (count - 1) % 3 + 1;
    EVP_EncodeBlock(again, bytes + count - tail, (int)tail);
    return memcmp(again, text + len - 4, 4) == 0;
}

enum kz_err base64_decode(uint8_t **out, size_t *len, const char *text, size_t text_len,
                          size_t max)
{
    size_t count = 0;
    assert(max <= BYTES_MAX);
    if (text_len / 4 > max / 3 + 1)
        return KZ_RANGE;
    if (!measure(&count, text, text_len))
        return KZ_PARSE;
    if (count > max)
        return KZ_RANGE;
    uint8_t *bytes = mem_new(text_len / 4 * 3 + 1);
    if (count > 0 &&
        (EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)text_len) < 0 ||
         !is_last_exact(bytes, count, text, text_len))) {
        mem_free(bytes);
        return KZ_PARSE;
    }
    bytes[count] = 0;
    *out = bytes;
    *len = count;
    return KZ_OK;
}
