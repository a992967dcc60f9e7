/* pool/registry/registry_address.h - the payout addresses of a miner's record: added, ended,
 * proved to be the miner's.
 *
 * payout_addresses is a list in the order of registration, from which nothing is taken
 * out: [{address, type, from, to, payable_from, challenge, proof}]. An address is live
 * while `to` is null. All live ones may be used to log in; the newest is paid, and where
 * it was added to a registered miner only from `payable_from` on (registry section 3:
 * whoever could slip in an address gains nothing before somebody can notice). Nothing is
 * paid meanwhile, to an older one neither: it may be lost or stolen.
 *
 *   challenge  {nonce, expires}: what a proof must sign (payout/proof.h), for one proof and
 *              24 hours; a newer one replaces it
 *   proof      {method, message, signature, at, actor}; method is "bip322" or "legacy"
 *
 * Functions that change one return a changed copy of `record`, the caller's, and leave
 * `record` alone.
 *
 * Errors  KZ_RANGE with `why`, which begins with the field's name as it was given.
 * Thread  any. No I/O, lock or clock. Source: accounting section 12. */
#ifndef POOL_REGISTRY_ADDRESS_H
#define POOL_REGISTRY_ADDRESS_H

#include "payout/proof.h"
#include "pool/registry/registry_record.h"

#define RECORD_ADDRESSES_KEPT  64 /* of one miner, those that ended included */
#define RECORD_CHALLENGE_HOURS 24
#define RECORD_NONCE_SIZE      33 /* 16 random bytes in hex */

struct record_address_change {
    const char *address;
    const char *actor;     /* record_with_proof() */
    const char *signature; /* record_with_proof() */
    const char *nonce;     /* record_with_challenge(): never used before */
    const struct conf *conf;
    int64_t now_ms;
};

typedef enum kz_err record_address_fn(json_t **out, char why[RECORD_WHY_SIZE],
                                      const json_t *record,
                                      const struct record_address_change *c);

/* One more, paid after the settings' waiting time; older ones stay live. And the end of
 * one. */
KZ_MUST_USE record_address_fn record_with_address, record_without_address;
/* Of a live address. */
KZ_MUST_USE record_address_fn record_with_challenge;
/* Verifies the signature. Where it is none the challenge stays open; where that cannot be
 * said (payout/proof.h) a person decides, and nothing is kept. */
KZ_MUST_USE record_address_fn record_with_proof;

/* Puts it behind `list`; payable `wait_ms` from now on, 0: at once. Of `c` address, conf
 * and now_ms. */
KZ_MUST_USE enum kz_err record_add_address(json_t *list, char why[RECORD_WHY_SIZE],
                                           const struct record_address_change *c,
                                           int64_t wait_ms);

/* The text to sign for the open challenge of a live address. KZ_EMPTY: none is open. */
KZ_MUST_USE enum kz_err record_challenge_message(char out[PROOF_MESSAGE_SIZE],
                                                 const json_t *record,
                                                 const char *address,
                                                 const struct conf *conf);

/* The newest live one, borrowed; NULL: there is none. */
const json_t *record_newest_address(const json_t *record);
bool record_address_waits(const json_t *address, int64_t now_ms);

#endif
