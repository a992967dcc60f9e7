/* pool/registry/taxid.h - check digits of tax numbers, chosen by name in a profile.
 *
 *   kz_iin_bin  Kazakhstan, IIN and BIN: 12 digits, the last is the sum of the first 11
 *               by weights 1..11 modulo 11; where that is 10, by weights 3..11, 1, 2, and
 *               a number for which it is 10 again was never given out
 *   ru_inn      Russia, INN: 10 digits of an entity, the last a check digit, or 12 of a
 *               person, the last two
 *
 * Of other countries we know the length at most: their profiles have a pattern alone.
 *
 * Thread: any. Pure. */
#ifndef POOL_REGISTRY_TAXID_H
#define POOL_REGISTRY_TAXID_H

#include <stdbool.h>

enum taxid_checksum {
    TAXID_NONE,
    TAXID_KZ_IIN_BIN,
    TAXID_RU_INN,
    TAXID_CHECKSUMS,
};

/* As in profiles: "none", "kz_iin_bin", "ru_inn". */
extern const char *const taxid_checksum_names[TAXID_CHECKSUMS];

/* Digits alone, as many as the kind has, not all of them 0, and the right check digits.
 * TAXID_NONE: always. */
bool taxid_fits(enum taxid_checksum checksum, const char *text);

#endif
