/* pool/pay/wallet.h - which outputs are the pool's, and signing for them.
 *
 * Two descriptors: one whose addresses coinbases pay (receive), one for change. They come
 * from the public part of the key file, or from the settings: then the wallet only
 * watches, and signing is done elsewhere through PSBTs. A coinbase's script is found at
 * the block's height (karizd pays a fresh address a height where it is given the
 * descriptor), or else among the first WALLET_LOOK indices (one that the settings name).
 *
 * Private keys are there only between wallet_unlock() and wallet_lock(), in locked memory
 * (conf/locked.h). A passphrase that came through a descriptor stays, in such memory too,
 * until wallet_close(): it can be read only once.
 *
 * Ownership  wallet_open(), then wallet_close(), which locks; NULL accepted.
 * Errors     `why` is one line for the operator.
 * Thread     one at a time. Reads files. */
#ifndef POOL_PAY_WALLET_H
#define POOL_PAY_WALLET_H

#include "conf/conf.h"
#include "payout/address.h"
#include "payout/descriptor.h"
#include "payout/txsign.h"
#include "payout/txsize.h"
#include "pool/passphrase.h"

#define WALLET_LOOK     1000
#define WALLET_WHY_SIZE 240

enum wallet_branch { WALLET_RECEIVE, WALLET_CHANGE };
const char *wallet_branch_name(enum wallet_branch b); /* "receive" */
bool wallet_branch_parse(enum wallet_branch *b, const char *name);

struct wallet_place {
    enum wallet_branch branch;
    uint32_t index;
};

struct wallet;

/* KZ_RANGE: the settings or the file are not as they must be. KZ_EMPTY: neither is set. */
KZ_MUST_USE enum kz_err wallet_open(struct wallet **out, char why[WALLET_WHY_SIZE],
                                    const struct conf *conf);
void wallet_close(struct wallet *w);
bool wallet_can_sign(const struct wallet *w); /* there is a key file */

/* Where `script` is ours. KZ_EMPTY: it is not. */
KZ_MUST_USE enum kz_err wallet_find(struct wallet_place *out, const struct wallet *w,
                                    struct bytes script, uint32_t height);
/* Is `script` the one of that place? */
bool wallet_is_at(const struct wallet *w, const struct wallet_place *place,
                  struct bytes script);
/* All that spending it takes but the keys. KZ_RANGE: no such index. */
KZ_MUST_USE enum kz_err wallet_output(struct descriptor_output *out,
                                      const struct wallet *w,
                                      const struct wallet_place *place);
struct input_form wallet_form(const struct wallet *w, enum wallet_branch branch);

/* KZ_RANGE: wrong passphrase, or a file that may not be used; KZ_IO: no passphrase. */
KZ_MUST_USE enum kz_err wallet_unlock(struct wallet *w, char why[WALLET_WHY_SIZE],
                                      const struct passphrase_source *source);
void wallet_lock(struct wallet *w);

/* Signs every input; `places` and `spent` have one for each. KZ_RANGE: not possible, also
 * while it is locked; `t` is untouched. */
KZ_MUST_USE enum kz_err wallet_sign(struct tx *t, char why[WALLET_WHY_SIZE],
                                    const struct wallet *w,
                                    const struct wallet_place *places,
                                    const struct tx_output *spent);
const struct sign_context *wallet_context(const struct wallet *w);

#endif
