/* payout/wif.h - single private keys as text (WIF).
 *
 * Base58 with a checksum: a version byte (128 on main, 239 on the other networks), the
 * key, and a byte 1 where the public key is to be used compressed.
 *
 * Ownership  keys in the caller's storage, who keeps them locked and wipes them.
 * Errors     KZ_PARSE: no such text. KZ_RANGE: of another network, or no private key
 *            (zero, or not below the order). `why` is then a line for people.
 * Thread     any. Pure. */
#ifndef PAYOUT_WIF_H
#define PAYOUT_WIF_H

#include "payout/sign.h"
#include "share/network.h"

#define WIF_TEXT_SIZE 53

KZ_MUST_USE enum kz_err wif_parse(uint8_t key[PRIVATE_KEY_SIZE], bool *compressed,
                                  const char **why, const struct network *network,
                                  const char *text, size_t len);
void wif_format(char out[WIF_TEXT_SIZE], const struct network *network,
                const uint8_t key[PRIVATE_KEY_SIZE], bool compressed);

#endif
