/* payout/sighash.h - what a signature signs: the digest of an input.
 *
 * Three rules: the legacy one (P2PKH, P2SH), BIP143 (witness version 0) and BIP341
 * (taproot key path, no annex). All hash types are computed, since proofs of others come
 * with them; the pool itself signs ALL, and DEFAULT for taproot.
 *
 * Units      digests in the order in which they are signed (internal).
 * Errors     KZ_RANGE: a hash type that BIP341 does not know, or SINGLE without its
 *            output there. The legacy rule's digest of that case is the number one.
 * Thread     any. Pure. */
#ifndef PAYOUT_SIGHASH_H
#define PAYOUT_SIGHASH_H

#include "payout/tx.h"

#define SIGHASH_DEFAULT      0x00 /* taproot: ALL, and no byte behind the signature */
#define SIGHASH_ALL          0x01
#define SIGHASH_NONE         0x02
#define SIGHASH_SINGLE       0x03
#define SIGHASH_ANYONECANPAY 0x80

/* `script_code` with OP_CODESEPARATOR taken out here, as the rule says. */
void sighash_legacy(struct hash256 *out, const struct tx *t, size_t input,
                    struct bytes script_code, uint32_t hash_type);

/* `script_code` without its length: 76a914<20>88ac for P2WPKH, else the witness script. */
void sighash_witness_v0(struct hash256 *out, const struct tx *t, size_t input,
                        struct bytes script_code, struct amount value,
                        uint32_t hash_type);

/* `spent[i]` is the output that input i spends. */
KZ_MUST_USE enum kz_err sighash_taproot(struct hash256 *out, const struct tx *t,
                                        size_t input, const struct tx_output *spent,
                                        uint8_t hash_type);

/* BIP340's tagged hash over one or two pieces. */
void hash_tagged(struct hash256 *out, const char *tag, struct bytes a, struct bytes b);

#endif
