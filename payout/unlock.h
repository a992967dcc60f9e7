/* payout/unlock.h - does an input unlock the output that it spends?
 *
 * For the forms that wallets of one owner have: a key (P2PKH, P2WPKH, taproot's key
 * path) and multisig (P2SH, P2WSH), nested ones too. All other scripts are UNKNOWN:
 * there is no interpreter here. Stricter than a block must be, as relaying nodes are and
 * BIP322 asks: strict DER, low S, hash type ALL (DEFAULT for taproot), pushes in their
 * least form, nothing on the stack that is not used. Time locks are not looked at.
 *
 * Sources  BIPs 16, 66, 141, 143, 146, 147, 341, 342 (annex).
 * Errors   none: every form is an answer.
 * Thread   any. Pure. */
#ifndef PAYOUT_UNLOCK_H
#define PAYOUT_UNLOCK_H

#include "payout/sign.h"
#include "payout/tx.h"

enum unlock_verdict {
    UNLOCK_GOOD,
    UNLOCK_BAD,
    UNLOCK_UNKNOWN, /* a script or a form that is not evaluated here */
};

struct unlock_answer {
    enum unlock_verdict verdict;
    const char *reason; /* lower case, static; never NULL */
};

/* `spent[i]` is the output that input i spends; taproot signs them all. */
struct unlock_answer unlock_check(const struct sign_context *c, const struct tx *t,
                                  size_t input, const struct tx_output *spent);

#endif
