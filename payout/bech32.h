/* payout/bech32.h - bech32 and bech32m (BIP173, BIP350): addresses of segwit.
 *
 * A human-readable part, '1', then 5-bit groups, the last 6 of which are a checksum of
 * everything before. The two kinds differ by a constant in it. Pure; any thread. */
#ifndef PAYOUT_BECH32_H
#define PAYOUT_BECH32_H

#include <stddef.h>
#include <stdint.h>

#define BECH32_TEXT_MAX 90

enum bech32_kind { BECH32_PLAIN, BECH32_M };

enum bech32_fault {
    BECH32_OK,
    BECH32_LENGTH,    /* above 90 characters, or too short for a checksum  */
    BECH32_CHARACTER, /* outside the alphabet, or not printable            */
    BECH32_CASE,      /* upper and lower case mixed                        */
    BECH32_SEPARATOR, /* no '1', or nothing in front of it                 */
    BECH32_CHECKSUM,  /* of neither kind                                   */
};

struct bech32 {
    enum bech32_kind kind;
    char hrp[BECH32_TEXT_MAX + 1];   /* lower case */
    uint8_t groups[BECH32_TEXT_MAX]; /* 0 to 31 each, without the checksum */
    size_t group_count;
};

/* `b` holds what could be read (hrp for one) even with a bad checksum, so that a caller
 * can say more. *bad_at: the place of a bad character; untouched otherwise. */
enum bech32_fault bech32_decode(struct bech32 *b, size_t *bad_at, const char *text,
                                size_t len);

#endif
