/* payout/address.h - an address a person gives, to the script that pays it.
 *
 * Strict: case, checksum and its kind by witness version (BIP350), lengths, padding,
 * network. The test networks share their prefixes, so the network is the settings'.
 * Whether an address may be PAID is asked separately: some decode well and still must
 * not get money (accounting section 11).
 *
 * Errors  KZ_PARSE: no address. KZ_RANGE: an address, but of another network, or not to
 *         be paid. Each fills `problem`; its text names what to look at and can be
 *         shown to whoever typed it.
 * Thread  any. Pure. */
#ifndef PAYOUT_ADDRESS_H
#define PAYOUT_ADDRESS_H

#include "share/bytes.h"
#include "share/network.h"

#define ADDRESS_SCRIPT_MAX 42 /* version, length, 40 bytes of program */
#define ADDRESS_TEXT_SIZE  128

enum address_type {
    ADDRESS_P2PKH,
    ADDRESS_P2SH,
    ADDRESS_P2WPKH,
    ADDRESS_P2WSH,
    ADDRESS_P2TR,
    ADDRESS_WITNESS_OTHER, /* no rule gives it a meaning yet; P2A is among them */
};

struct address {
    enum address_type type;
    uint8_t script[ADDRESS_SCRIPT_MAX];
    size_t script_len;
};

enum address_fault {
    ADDRESS_FINE,
    ADDRESS_IS_EMPTY,
    ADDRESS_BAD_CHARACTER,
    ADDRESS_BAD_LENGTH,
    ADDRESS_MIXED_CASE,
    ADDRESS_BAD_CHECKSUM,
    ADDRESS_MISTYPED, /* bech32: changing one character makes all of it right */
    ADDRESS_WRONG_CHECKSUM_KIND, /* bech32 where bech32m belongs, or the reverse */
    ADDRESS_BAD_VERSION,         /* witness version above 16 */
    ADDRESS_BAD_PROGRAM,         /* length or padding of a witness program */
    ADDRESS_OTHER_NETWORK,
    ADDRESS_NOT_PAYABLE, /* nobody, or anybody, could spend it */
    ADDRESS_NO_SUCH_KEY, /* taproot, but not a point of the curve */
    ADDRESS_FAULTS
};

#define ADDRESS_NO_POSITION ((size_t)-1)

struct address_problem {
    enum address_fault fault;
    size_t position; /* from 0, of the character that is wrong, or NO_POSITION */
};

/* Of a bech32 address with one mistyped character behind its '1' the position is always
 * found; it is right too where up to three are mistyped and one is found. What should be
 * there is not told: a person must look it up, not pick an address that fits. */

/* A sentence's worth of lower-case text, never NULL. */
const char *address_fault_text(enum address_fault fault);
const char *address_type_name(enum address_type type); /* "p2wpkh" */

/* No blanks around it, no worker behind it: those are the caller's to take off. */
KZ_MUST_USE enum kz_err address_parse(struct address *a,
                                      struct address_problem *problem,
                                      const struct network *network, const char *text,
                                      size_t len);

/* May a pool pay it? KZ_RANGE: witness version 2 and above, version 1 with a program
 * that is not 32 bytes, a taproot key that is not on the curve. */
KZ_MUST_USE enum kz_err address_check_payable(const struct address *a,
                                              struct address_problem *problem);

/* How an address is compared and kept: blanks around it off, bech32 in lower case.
 * KZ_PARSE: empty, too long, or a character no address has. Not checked further; what
 * mixes upper and lower case stays as it is, since it is no bech32 address. */
KZ_MUST_USE enum kz_err address_normalise(char out[ADDRESS_TEXT_SIZE], const char *text,
                                          size_t len);

/* The address of an output script. KZ_EMPTY: it has none. */
KZ_MUST_USE enum kz_err address_format(char out[ADDRESS_TEXT_SIZE],
                                       const struct network *network,
                                       struct bytes script);

#endif
