/* payout/psbt_roles.h - what is done with a PSBT, from making it to its transaction.
 *
 * Out: psbt_init() with the reserved transaction, then each input and our own outputs
 * are described, so that a signing device can see what it spends and which output comes
 * back. In: psbt_check_against() what was reserved, psbt_combine() into the PSBT that
 * went out (whose records win), psbt_finalise(), psbt_extract().
 *
 * Every signature is verified against its digest and key before anything is made of it
 * (payout/spend.h says which are taken: they cover the whole transaction). Inputs of
 * witness version 0 go out with the whole previous transaction and the output that is
 * spent: who trusts a bare amount can be led, by two requests with two false amounts, to
 * sign one transaction that burns the difference. Taproot signatures cover all amounts.
 *
 * Ownership  all is borrowed or copied, results are the caller's to clear.
 * Errors     KZ_RANGE: does not fit or does not hold. KZ_EMPTY: signatures are missing.
 *            `problem` says what and where; the PSBT is untouched.
 * Thread     any. Pure.
 * Sources    BIP174 (roles), BIP371 (taproot). */
#ifndef PAYOUT_PSBT_ROLES_H
#define PAYOUT_PSBT_ROLES_H

#include "payout/psbt.h"
#include "payout/spend.h"

/* Where a key comes from (BIP32). */
struct psbt_origin {
    uint8_t fingerprint[4]; /* of the master key, as its bytes come */
    const uint32_t *path;
    size_t path_len;
    struct bytes pubkey; /* compressed, or x-only for taproot */
};

/* What a script is made of; what does not apply is empty. */
struct psbt_scripts {
    struct bytes redeem, witness_script;
    struct bytes internal_key; /* of taproot, without a script tree */
    const struct psbt_origin *origins;
    size_t origin_count;
};

struct psbt_coin {
    struct tx_output spent;
    struct bytes previous_tx; /* whole; not needed for taproot */
    struct psbt_scripts scripts;
};

/* KZ_RANGE: the previous transaction is another one or missing, or the scripts are not
 * the output's. */
KZ_MUST_USE enum kz_err psbt_describe_input(struct psbt *p,
                                            struct psbt_problem *problem, size_t input,
                                            const struct psbt_coin *coin);
/* An output of ours: change, that is. */
void psbt_describe_output(struct psbt *p, size_t output,
                          const struct psbt_scripts *scripts);

/* It is about `reserved`: the unsigned transactions are the same, byte for byte; and
 * where it names the outputs that are spent, these are `spent` (NULL: not looked at). */
KZ_MUST_USE enum kz_err psbt_check_against(const struct psbt *p,
                                           struct psbt_problem *problem,
                                           const struct tx *reserved,
                                           const struct tx_output *spent);

/* All records of `other` that `p` has not; where both have one, that of `p` stays.
 * KZ_RANGE: they are about different transactions. */
KZ_MUST_USE enum kz_err psbt_combine(struct psbt *p, struct psbt_problem *problem,
                                     const struct psbt *other);

/* Every input is one of ours by its scripts, and all signatures that are there hold. */
KZ_MUST_USE enum kz_err psbt_check_signatures(const struct psbt *p,
                                              struct psbt_problem *problem,
                                              const struct sign_context *c);

/* Adds the signatures that `key` can make, after psbt_check_signatures(); `*count` of
 * them, maybe none. `aux` has 32 bytes, which taproot
 * needs, fresh ones outside tests. */
KZ_MUST_USE enum kz_err psbt_sign(struct psbt *p, size_t *count,
                                  struct psbt_problem *problem,
                                  const struct sign_context *c,
                                  const uint8_t key[PRIVATE_KEY_SIZE],
                                  const uint8_t *aux);

/* After psbt_check_signatures(): scripts and witnesses of all inputs. What only served
 * to make them is dropped, as BIP174 wants. */
KZ_MUST_USE enum kz_err psbt_finalise(struct psbt *p, struct psbt_problem *problem,
                                      const struct sign_context *c);

/* The signed transaction of a PSBT whose inputs are all finalised and hold. */
KZ_MUST_USE enum kz_err psbt_extract(struct tx *t, struct psbt_problem *problem,
                                     const struct psbt *p,
                                     const struct sign_context *c);

#endif
