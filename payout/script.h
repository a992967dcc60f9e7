/* payout/script.h - output scripts: which kind one is, and making the standard ones.
 *
 * Only the forms that the pool spends from or pays to; anything else is SCRIPT_OTHER.
 * Sources: BIP16 (P2SH), BIP141 (witness programs), BIP341 (taproot), BIP67 (order of
 * keys in multisig).
 *
 * Units      sizes in bytes; keys compressed (33) or x-only (32).
 * Errors     none: asserts on lengths that the caller decides.
 * Thread     any. Pure. */
#ifndef PAYOUT_SCRIPT_H
#define PAYOUT_SCRIPT_H

#include "share/bytes.h"

enum script_type {
    SCRIPT_P2PKH,
    SCRIPT_P2SH,
    SCRIPT_P2WPKH,
    SCRIPT_P2WSH,
    SCRIPT_P2TR,
    SCRIPT_P2A,      /* pay to anchor: 51 02 4e73 */
    SCRIPT_MULTISIG, /* bare m-of-n, as in witness and redeem scripts */
    SCRIPT_OTHER,
};

#define SCRIPT_STANDARD_MAX 34 /* of the first five */
#define SCRIPT_MULTISIG_MAX (3 + 34 * 16)
#define PUBKEY_SIZE         33
#define XONLY_SIZE          32

struct script {
    uint8_t b[SCRIPT_MULTISIG_MAX];
    size_t len;
};
struct bytes script_bytes(const struct script *s);

enum script_type script_type_of(struct bytes script);
const char *script_type_name(enum script_type type); /* "p2wpkh" */

/* RIPEMD-160 of SHA-256. */
void hash160(uint8_t out[20], struct bytes in);

void script_p2pkh(struct script *out, const uint8_t hash[20]);
void script_p2sh(struct script *out, struct bytes redeem);
void script_p2wpkh(struct script *out, const uint8_t hash[20]);
void script_p2wsh(struct script *out, struct bytes witness_script);
void script_p2tr(struct script *out, const uint8_t output_key[XONLY_SIZE]);

/* `m` of `n` (1 <= m <= n <= 16) in the order given; script_sort_keys() is BIP67's. */
void script_multisig(struct script *out, size_t m, const uint8_t keys[][PUBKEY_SIZE],
                     size_t n);
void script_sort_keys(uint8_t keys[][PUBKEY_SIZE], size_t n);
/* Of such a script: `m`, and the keys (`n` of them, borrowed from `script`). False: it is
 * none, or a key is not a compressed one. */
bool script_read_multisig(size_t *m, size_t *n, struct bytes keys[16],
                          struct bytes script);

/* One push of data (`in` up to 520 bytes) behind `*len`, in its least form; `out` has room
 * for 3 bytes more than `in`. */
void script_push(uint8_t *out, size_t *len, struct bytes in);

#endif
