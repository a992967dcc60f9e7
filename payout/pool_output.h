/* payout/pool_output.h - the script of a coinbase's output to the pool itself.
 *
 * Either one address for ever, or a descriptor of public keys: then the coinbase of a
 * block at height H pays the descriptor's script number H. Nothing is kept for that: the
 * height, which every job and block has, tells the number, also to who looks for the
 * coins later (pool/pay/wallet.h). Two blocks of one height share a script.
 *
 * Ownership  pool_output_new(), then pool_output_free(), which accepts NULL.
 * Thread     one at a time: the last script is remembered. Pure. */
#ifndef PAYOUT_POOL_OUTPUT_H
#define PAYOUT_POOL_OUTPUT_H

#include "payout/address.h"

#define POOL_OUTPUT_WHY_SIZE 256

struct pool_output;

/* One of the two texts is "". On an error `why` says what was expected: KZ_PARSE and
 * KZ_RANGE as address_parse(), address_check_payable() and descriptor_parse(); KZ_RANGE
 * too for a descriptor with a private key. */
KZ_MUST_USE enum kz_err pool_output_new(struct pool_output **out,
                                        char why[POOL_OUTPUT_WHY_SIZE],
                                        const struct network *network,
                                        const char *address, const char *descriptor);
void pool_output_free(struct pool_output *p);

/* KZ_RANGE: (one in 2^127) the descriptor has no key for this height. */
KZ_MUST_USE enum kz_err pool_output_at(struct address *out, struct pool_output *p,
                                       uint32_t height);

#endif
