/* payout/txsign.h - the pool signs a transaction with its own keys.
 *
 * For every input: the output it spends, its scripts and private keys. Digests,
 * signatures, scripts and witnesses are made here, and each signature is verified before
 * it is stored; in the end every input is checked once more as it stands. ECDSA gives
 * the same bytes each time; for taproot the caller brings fresh random bytes, and zeros
 * in tests, and only the wtxid depends on them.
 *
 * Ownership  all is borrowed. Private keys are in the caller's locked memory, who wipes
 *            them; a tweaked one lives here while it signs, and is wiped.
 * Errors     KZ_RANGE: keys or scripts that are not the output's, a kind that is not
 *            spent here. KZ_EMPTY: fewer keys than a multisig needs. `problem` says
 *            which input and why; the transaction is untouched.
 * Thread     any. Pure. */
#ifndef PAYOUT_TXSIGN_H
#define PAYOUT_TXSIGN_H

#include "payout/spend.h"

struct txsign_coin {
    struct tx_output spent;
    struct bytes redeem;         /* of P2SH, else nothing */
    struct bytes witness_script; /* of P2WSH, else nothing */
    const uint8_t (*keys)[PRIVATE_KEY_SIZE];
    size_t key_count; /* as many as signatures are needed, in any order */
    uint8_t aux[32];  /* of taproot */
};

struct txsign_problem {
    size_t input;
    const char *what; /* a static text */
};

/* `coins` has one for each input. */
KZ_MUST_USE enum kz_err txsign_all(struct tx *t, struct txsign_problem *problem,
                                   const struct sign_context *c,
                                   const struct txsign_coin *coins);

/* Every input is signed, with signatures that hold; `spent` has one for each. */
KZ_MUST_USE enum kz_err txsign_check(struct txsign_problem *problem,
                                     const struct sign_context *c, const struct tx *t,
                                     const struct tx_output *spent);

#endif
