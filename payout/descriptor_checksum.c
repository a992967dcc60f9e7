#include "payout/descriptor_checksum.h"

#include <stdint.h>
#include <string.h>

#define SYMBOLS (DESCRIPTOR_CHECKSUM_SIZE - 1)

static uint64_t checksum_step(uint64_t sum, unsigned value)
{
    static const uint64_t generator[5] = {0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d,
                                          0x3706b1677a, 0x644d626ffd};
    uint64_t top = sum >> 35;
    sum = (sum & 0x7ffffffff) << 5 ^ value;
    for (size_t i = 0; i < 5; i++)
        if ((top >> i & 1) != 0)
            sum ^= generator[i];
    return sum;
}

/* Its place in the rule's order of characters, or -1. */
static int place_of(char c)
{
    static const char order[] = "0123456789()[],'/*abcdefgh@:$%{}"
                                "IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~"
                                "ijklmnopqrstuvwxyzABCDEFGH`#\"\\ ";
    const char *at = c != '\0' ? strchr(order, c) : NULL;
    return at != NULL ? (int)(at - order) : -1;
}

enum kz_err descriptor_checksum(char out[DESCRIPTOR_CHECKSUM_SIZE], size_t *bad_at,
                                const char *text, size_t len)
{
    static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    uint64_t sum = 1;
    unsigned rows = 0;
    /* The place in a row of 32 goes in at once; the rows of three characters together,
     * so that a mistake of case or of a neighbouring sign counts as one symbol. */
    for (size_t i = 0; i < len; i++) {
        int place = place_of(text[i]);
        if (place < 0) {
            *bad_at = i;
            return KZ_PARSE;
        }
        sum = checksum_step(sum, (unsigned)place & 31);
        rows = rows * 3 + ((unsigned)place >> 5);
        if (i % 3 == 2) {
            sum = checksum_step(sum, rows);
            rows = 0;
        }
    }
    if (len % 3 != 0)
        sum = checksum_step(sum, rows);
    for (size_t i = 0; i < SYMBOLS; i++)
        sum = checksum_step(sum, 0);
    sum ^= 1;
    for (size_t i = 0; i < SYMBOLS; i++)
        out[i] = alphabet[sum >> 5 * (SYMBOLS - 1 - i) & 31];
    out[SYMBOLS] = '\0';
    return KZ_OK;
}
