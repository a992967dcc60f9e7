/* payout/proof.h - proofs that somebody holds the keys of an address.
 *
 * Two forms. BIP322: a virtual transaction to_spend pays the address 0 and carries the
 * message's hash; to_sign spends it, signed as the address asks. What is handed in is
 * base64 behind three letters: `smp` only the witness of to_sign, `ful` all of it, `pof`
 * a PSBT that spends further coins. The older form, "Bitcoin Signed Message", is 65
 * bytes: a header, R and S, from which the key comes back and is compared.
 * Without letters both are tried: the witness, then the older form.
 *
 * A proof is as good as its message is bound to its use: proof_message() has the network,
 * who, which address, a nonce and until when. Whether the nonce is fresh is the caller's
 * to know.
 *
 * Verdicts   PROOF_INCONCLUSIVE where evaluating it takes more than is here (scripts that
 *            payout/unlock.h does not know, further coins, versions to come): a person
 *            decides. The lock times that `ful` may set are not looked at: who set them
 *            has the keys.
 * Sources    BIP322; BIP137 (headers), and wallets that sign for segwit addresses with
 *            headers 31 to 34 are taken as well; accounting section 12.
 * Thread     any. Pure. */
#ifndef PAYOUT_PROOF_H
#define PAYOUT_PROOF_H

#include "payout/address.h"
#include "payout/sign.h"
#include "payout/tx.h"
#include "share/ids.h"

/* Of what the base64 stands for. The largest that can be VALID, 16 signatures and their
 * script, has not a tenth of it. */
#define PROOF_BYTES_MAX 20000

enum proof_verdict { PROOF_VALID, PROOF_INVALID, PROOF_INCONCLUSIVE };

struct proof_answer {
    enum proof_verdict verdict;
    const char *reason; /* lower case, static; never NULL */
};

struct proof_claim {
    struct bytes script;  /* of the address */
    struct bytes message; /* as it was signed, byte for byte */
    const char *text;     /* the proof; no blanks around it */
    size_t text_len;
};

struct proof_answer proof_check(const struct sign_context *c,
                                const struct proof_claim *claim);

/* BIP322's to_sign, as yet unsigned: its input 0 spends to_spend. The caller's to
 * tx_clear(). */
void proof_to_sign(struct tx *to_sign, struct bytes script, struct bytes message);

/* What an older form signs: SHA-256d behind its magic. */
void proof_legacy_hash(struct hash256 *out, struct bytes message);

#define PROOF_NONCE_MAX    64
#define PROOF_MESSAGE_SIZE 320

struct proof_binding {
    const struct network *network;
    struct miner_id miner;
    const char *address; /* shorter than ADDRESS_TEXT_SIZE */
    const char *nonce;   /* up to PROOF_NONCE_MAX characters */
    int64_t expires_s;   /* UTC, before the year 10000 */
};

/* "kariz <network> <miner_id> <address> <nonce> 2025-01-01T00:00:00Z" */
void proof_message(char out[PROOF_MESSAGE_SIZE], const struct proof_binding *b);

#endif
