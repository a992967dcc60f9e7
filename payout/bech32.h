/* payout/bech32.h - bech32 and bech32m (BIP173, BIP350): addresses of segwit.
 *
 * A human-readable part, '1', then 5-bit groups, the last 6 of which are a checksum of
 * everything before. The two kinds differ by a constant in it. Pure; any thread. */
#ifndef PAYOUT_BECH32_H
#define PAYOUT_BECH32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BECH32_TEXT_MAX        90
#define BECH32_CHECKSUM_GROUPS 6

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
    uint8_t groups[BECH32_TEXT_MAX]; /* 0 to 31 each, then the checksum's 6 */
    size_t group_count;              /* without the checksum */
};

/* `b` holds what could be read (hrp for one) even with a bad checksum, so that a caller
 * can say more. *bad_at: the place of a bad character; untouched otherwise. */
enum bech32_fault bech32_decode(struct bech32 *b, size_t *bad_at, const char *text,
                                size_t len);

/* `hrp` in lower case; all of it must fit into BECH32_TEXT_MAX characters. */
void bech32_encode(char out[BECH32_TEXT_MAX + 1], enum bech32_kind kind,
                   const char *hrp, const uint8_t *groups, size_t count);

/* For a string with one mistyped character: `b`, as bech32_decode() left it with
 * BECH32_CHECKSUM, becomes the string of that kind which differs in one group behind the
 * '1', and *group says which. False: there is none, and nothing is changed. Never more
 * than one: two strings of a kind differ in five places at least. For the same reason
 * the answer is right for up to three mistyped characters, where it is mostly false. */
bool bech32_correct(struct bech32 *b, size_t *group, enum bech32_kind kind);

#endif
