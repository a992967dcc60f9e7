/* payout/descriptor.h - which scripts are a wallet's: output descriptors (BIP380 ff.).
 *
 * Kinds: pkh(KEY), wpkh(KEY), sh(wpkh(KEY)), tr(KEY) without scripts,
 * sh(sortedmulti(m,KEY,...)) and wsh(sortedmulti(m,KEY,...)).
 *
 * KEY is an optional origin, [fingerprint/path], and then an extended key with steps
 * behind it, the last of which may be "*" (or "*h"): a range; or one public key in hex; or
 * one private key in WIF. Hardened steps are marked h or '. Keys are compressed. A
 * descriptor may have its checksum behind, #xxxxxxxx; if so it must be right.
 *
 * Ownership  values in the caller's storage, borrowing nothing. One that holds private
 *            keys belongs in locked memory (conf/locked.h); descriptor_wipe() it.
 * Errors     KZ_PARSE: no descriptor. KZ_RANGE: one that is not for here: another kind or
 *            network, uncompressed keys, hardened steps below a public key. Both fill
 *            `problem`, whose text can be shown to whoever wrote the descriptor.
 * Thread     any. Pure. */
#ifndef PAYOUT_DESCRIPTOR_H
#define PAYOUT_DESCRIPTOR_H

#include "payout/bip32.h"
#include "payout/script.h"
#include "share/network.h"

#define DESCRIPTOR_KEYS_MAX  16
#define DESCRIPTOR_STEPS_MAX 16 /* of an origin, and behind a key */
#define DESCRIPTOR_TEXT_MAX  4096
#define KEY_ORIGIN_MAX       (2 * DESCRIPTOR_STEPS_MAX + 1)

enum descriptor_type {
    DESCRIPTOR_PKH,
    DESCRIPTOR_WPKH,
    DESCRIPTOR_SH_WPKH,
    DESCRIPTOR_TR,
    DESCRIPTOR_SH_MULTI,
    DESCRIPTOR_WSH_MULTI,
};

/* Where a key comes from: the master key's fingerprint, and the whole path below it. */
struct key_origin {
    uint8_t fingerprint[BIP32_FINGERPRINT_SIZE];
    uint32_t path[KEY_ORIGIN_MAX];
    size_t count;
};

struct descriptor_key {
    bool has_origin;
    struct key_origin origin; /* as written in front */
    bool is_extended;
    struct bip32_key key; /* not extended: no more than .is_private and .key */
    uint32_t path[DESCRIPTOR_STEPS_MAX];
    size_t path_count;
    bool is_ranged;
    bool is_range_hardened;
};

struct descriptor {
    enum descriptor_type type;
    size_t required; /* signatures: 1, or sortedmulti's m */
    struct descriptor_key keys[DESCRIPTOR_KEYS_MAX];
    size_t key_count;
};

struct descriptor_problem {
    const char *why;
    size_t position; /* from 0 */
};

KZ_MUST_USE enum kz_err descriptor_parse(struct descriptor *d,
                                         struct descriptor_problem *problem,
                                         const struct network *network,
                                         const char *text, size_t len);
/* The checksum alone, of a descriptor of any kind: *body is how long it is without.
 * KZ_PARSE: one is there and is wrong. */
KZ_MUST_USE enum kz_err descriptor_check(size_t *body,
                                         struct descriptor_problem *problem,
                                         const char *text, size_t len);
void descriptor_wipe(struct descriptor *d);

const char *descriptor_type_name(enum descriptor_type type); /* "wpkh" */
bool descriptor_is_ranged(const struct descriptor *d);
bool descriptor_has_private(const struct descriptor *d); /* each key's */

/* One output of the wallet, and all that spending it takes but the private keys. */
struct descriptor_output {
    enum descriptor_type type;
    struct script script;
    struct script redeem;  /* of sh(...), else empty */
    struct script witness; /* of wsh(...), else empty */
    size_t required, key_count;
    struct {
        uint8_t pubkey[PUBKEY_SIZE]; /* of tr() the internal key, with 02 or 03 */
        struct key_origin origin;
    } keys[DESCRIPTOR_KEYS_MAX]; /* in the descriptor's order, not the script's */
};

/* Without a range `index` says nothing. A key without an origin counts as the master.
 * KZ_RANGE: `index` of BIP32_HARDENED and above, deeper than 255, or (one in 2^127) no
 * such key. */
KZ_MUST_USE enum kz_err descriptor_expand(struct descriptor_output *out,
                                          const struct descriptor *d,
                                          const struct sign_context *c, uint32_t index);

/* The private key number `which` at `index`; of tr() the internal one, without the
 * tweak. KZ_EMPTY: the descriptor has none. KZ_RANGE: as above. */
KZ_MUST_USE enum kz_err descriptor_private_key(uint8_t out[PRIVATE_KEY_SIZE],
                                               const struct descriptor *d,
                                               const struct sign_context *c,
                                               size_t which, uint32_t index);

/* The public descriptor, ranged and with its checksum, of an account below a private
 * `master`: BIP44's path for pkh, BIP49's, BIP84's and BIP86's for sh(wpkh), wpkh and
 * tr; `branch` is 0 to receive and 1 for change. KZ_RANGE: (one in 2^127) no such key. */
KZ_MUST_USE enum kz_err descriptor_of_account(char out[DESCRIPTOR_TEXT_MAX + 1],
                                              const struct sign_context *c,
                                              const struct bip32_key *master,
                                              enum descriptor_type type,
                                              uint32_t account, uint32_t branch);

#endif
