/* payout/spend.h - how an output is spent: what its signatures sign, and where they go.
 *
 * The kinds that the pool's coins have: one key (P2PKH, P2WPKH, P2WPKH in P2SH, taproot
 * by its key) and m of n keys (in P2SH, P2WSH, P2WSH in P2SH). A signature has to cover
 * the whole transaction: hash type ALL, or DEFAULT in taproot; others are refused here,
 * since with them somebody could change where the money goes.
 *
 * Made by txsign (own keys) and psbt (others' keys) alike, and each signature is
 * verified before it is used: spend_check_final() asks nothing but the transaction and
 * the outputs it spends.
 *
 * Ownership  a spend borrows the scripts it was read from; signatures are borrowed.
 * Errors     KZ_RANGE: not spent here, a script or key that does not belong, a signature
 *            that does not hold; `*why` is a static text. KZ_EMPTY: signatures missing.
 * Thread     any. Pure. */
#ifndef PAYOUT_SPEND_H
#define PAYOUT_SPEND_H

#include "payout/sighash.h"
#include "payout/sign.h"

enum spend_kind {
    SPEND_P2PKH,
    SPEND_P2WPKH,
    SPEND_P2SH_P2WPKH,
    SPEND_P2TR,
    SPEND_P2SH_MULTISIG,
    SPEND_P2WSH_MULTISIG,
    SPEND_P2SH_P2WSH_MULTISIG,
};

#define SPEND_KEYS_MAX      16
#define SPEND_SIGNATURE_MAX (ECDSA_DER_MAX + 1)

struct spend {
    enum spend_kind kind;
    struct amount value;
    struct bytes script; /* of the output that is spent */
    struct bytes redeem, witness_script;
    size_t needed; /* signatures */
    size_t key_count;
    struct bytes keys[SPEND_KEYS_MAX]; /* of multisig, in the script's order */
};

/* An input, and what all inputs of its transaction spend. */
struct spend_place {
    const struct tx *tx;
    size_t input;
    const struct tx_output *spent; /* one for each input */
};

struct spend_signature {
    struct bytes pubkey;    /* nothing for taproot */
    struct bytes signature; /* with the byte of its hash type, where it has one */
};

/* A signature made here, with the key that made it. */
struct spend_signed {
    uint8_t pubkey[PUBKEY_SIZE];
    uint8_t signature[SPEND_SIGNATURE_MAX];
    size_t len;
};

/* Scripts that do not apply are empty; each that is there must be the one that the
 * output, or the script around it, commits to. */
KZ_MUST_USE enum kz_err spend_read(struct spend *s, const char **why,
                                   const struct tx_output *spent, struct bytes redeem,
                                   struct bytes witness_script);

/* Its digest does not cover the value that is spent, so that has to come with the whole
 * previous transaction. */
bool spend_is_legacy(const struct spend *s);
bool spend_is_taproot(const struct spend *s);
bool spend_has_key(const struct spend *s, struct bytes pubkey); /* not for taproot */

KZ_MUST_USE enum kz_err spend_check_signature(const char **why,
                                              const struct sign_context *c,
                                              const struct spend *s,
                                              const struct spend_place *at,
                                              const struct spend_signature *signature);

/* For taproot `key` is the internal one, without a script tree (BIP86), and `aux` has 32
 * bytes; else `aux` is not looked at. What was made has been verified. */
KZ_MUST_USE enum kz_err spend_sign(struct spend_signed *out, const char **why,
                                   const struct sign_context *c, const struct spend *s,
                                   const struct spend_place *at,
                                   const uint8_t key[PRIVATE_KEY_SIZE],
                                   const uint8_t *aux);

/* Puts as many signatures as needed into the input, in the order of the script's keys.
 * They have been checked. */
KZ_MUST_USE enum kz_err spend_finish(struct tx *t, size_t input, const struct spend *s,
                                     const struct spend_signature *signatures,
                                     size_t count);

/* The input of `at->tx` is finished: its script and witness are exactly what
 * spend_finish() makes of signatures which hold. */
KZ_MUST_USE enum kz_err spend_check_final(const char **why,
                                          const struct sign_context *c,
                                          const struct spend_place *at);

#endif
