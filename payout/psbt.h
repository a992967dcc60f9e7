/* payout/psbt.h - partially signed transactions: what leaves to be signed elsewhere.
 *
 * A PSBT is an unsigned transaction and maps of records: one global, one for each input
 * and output. A record is a key (its type, then maybe key data) and a value. Versions 0
 * (BIP174) and 2 (BIP370) are read, with the taproot fields of BIP371 and the MuSig2
 * fields of BIP373; version 0 is written. What version 2 says of the transaction becomes
 * `tx` while reading, its lock time by BIP370's rule; what is only about building it
 * further (modifiable flags) is dropped, since ours are never built further.
 *
 * Reading is strict: every field that is known has the form its BIP gives it, keys are
 * points of the curve, a previous transaction has the id that the input spends, no key
 * comes twice, nothing follows. Unknown and proprietary fields are kept.
 *
 * Order: by type; within one type as they came, new ones last. It is written like that.
 *
 * Ownership  a psbt owns all it holds: psbt_init(), psbt_copy() or psbt_parse(), then
 *            psbt_clear(), which accepts a zeroed one. What is given is copied; bytes
 *            that are returned are borrowed until the map changes.
 * Errors     KZ_PARSE: not a PSBT; KZ_RANGE: larger than PSBT_BYTES_MAX, or a
 *            transaction outside limits or without a possible lock time. `problem` then
 *            says what and where; other outputs are untouched.
 * Thread     any. Pure. */
#ifndef PAYOUT_PSBT_H
#define PAYOUT_PSBT_H

#include "payout/tx.h"

/* Ours stay far below both: previous transactions are small, and records few. */
#define PSBT_BYTES_MAX   8000000
#define PSBT_RECORDS_MAX 1000 /* of one map; searching takes time by the square */

/* Types of fields; a type has meaning only inside its kind of map. */
enum {
    PSBT_GLOBAL_UNSIGNED_TX = 0x00,
    PSBT_GLOBAL_XPUB = 0x01,
    PSBT_GLOBAL_TX_VERSION = 0x02,
    PSBT_GLOBAL_FALLBACK_LOCKTIME = 0x03,
    PSBT_GLOBAL_INPUT_COUNT = 0x04,
    PSBT_GLOBAL_OUTPUT_COUNT = 0x05,
    PSBT_GLOBAL_TX_MODIFIABLE = 0x06,
    PSBT_GLOBAL_VERSION = 0xfb,

    PSBT_IN_NON_WITNESS_UTXO = 0x00,
    PSBT_IN_WITNESS_UTXO = 0x01,
    PSBT_IN_PARTIAL_SIG = 0x02,
    PSBT_IN_SIGHASH_TYPE = 0x03,
    PSBT_IN_REDEEM_SCRIPT = 0x04,
    PSBT_IN_WITNESS_SCRIPT = 0x05,
    PSBT_IN_BIP32_DERIVATION = 0x06,
    PSBT_IN_FINAL_SCRIPTSIG = 0x07,
    PSBT_IN_FINAL_SCRIPTWITNESS = 0x08,
    PSBT_IN_POR_COMMITMENT = 0x09,
    PSBT_IN_RIPEMD160 = 0x0a,
    PSBT_IN_SHA256 = 0x0b,
    PSBT_IN_HASH160 = 0x0c,
    PSBT_IN_HASH256 = 0x0d,
    PSBT_IN_PREVIOUS_TXID = 0x0e,
    PSBT_IN_OUTPUT_INDEX = 0x0f,
    PSBT_IN_SEQUENCE = 0x10,
    PSBT_IN_REQUIRED_TIME_LOCKTIME = 0x11,
    PSBT_IN_REQUIRED_HEIGHT_LOCKTIME = 0x12,
    PSBT_IN_TAP_KEY_SIG = 0x13,
    PSBT_IN_TAP_SCRIPT_SIG = 0x14,
    PSBT_IN_TAP_LEAF_SCRIPT = 0x15,
    PSBT_IN_TAP_BIP32_DERIVATION = 0x16,
    PSBT_IN_TAP_INTERNAL_KEY = 0x17,
    PSBT_IN_TAP_MERKLE_ROOT = 0x18,
    PSBT_IN_MUSIG2_PARTICIPANT_PUBKEYS = 0x1a,
    PSBT_IN_MUSIG2_PUB_NONCE = 0x1b,
    PSBT_IN_MUSIG2_PARTIAL_SIG = 0x1c,

    PSBT_OUT_REDEEM_SCRIPT = 0x00,
    PSBT_OUT_WITNESS_SCRIPT = 0x01,
    PSBT_OUT_BIP32_DERIVATION = 0x02,
    PSBT_OUT_AMOUNT = 0x03,
    PSBT_OUT_SCRIPT = 0x04,
    PSBT_OUT_TAP_INTERNAL_KEY = 0x05,
    PSBT_OUT_TAP_TREE = 0x06,
    PSBT_OUT_TAP_BIP32_DERIVATION = 0x07,
    PSBT_OUT_MUSIG2_PARTICIPANT_PUBKEYS = 0x08,

    PSBT_PROPRIETARY = 0xfc, /* in every map */
};

/* One allocation: the key, then the value. */
struct psbt_record {
    uint64_t type; /* as the key begins */
    uint8_t *p;
    size_t type_len, key_len, value_len; /* the key's length includes the type's */
};

struct psbt_map {
    struct psbt_record *records; /* sorted by type, no key twice */
    size_t count, room;
};

struct psbt {
    struct tx tx;            /* without scripts and witnesses */
    struct psbt_map global;  /* without PSBT_GLOBAL_UNSIGNED_TX */
    struct psbt_map *inputs; /* as many as tx has inputs, and so outputs */
    struct psbt_map *outputs;
};

enum psbt_place { PSBT_WHOLE, PSBT_GLOBAL, PSBT_INPUT, PSBT_OUTPUT };

struct psbt_problem {
    enum psbt_place place;
    size_t index;      /* which input or output, from 0 */
    const char *field; /* its name in the BIP in lower case, or NULL */
    const char *what;  /* a static sentence's worth of lower-case text */
};

/* "input 2, partial_sig: key of a wrong length"; cut to fit. */
void psbt_problem_format(char *out, size_t size, const struct psbt_problem *problem);

/* The creator: `tx` has neither scripts nor witnesses. */
void psbt_init(struct psbt *p, const struct tx *tx);
void psbt_clear(struct psbt *p);
void psbt_copy(struct psbt *to, const struct psbt *from); /* `to` is cleared later */

KZ_MUST_USE enum kz_err psbt_parse(struct psbt *p, struct psbt_problem *problem,
                                   struct bytes in);
KZ_MUST_USE enum kz_err psbt_parse_base64(struct psbt *p, struct psbt_problem *problem,
                                          const char *text, size_t len);
/* Both are the caller's to mem_free(). */
uint8_t *psbt_format(size_t *len, const struct psbt *p);
char *psbt_format_base64(const struct psbt *p);

/* The value of the record with this type and key data (`p` NULL where there is none). */
bool psbt_get(struct bytes *value, const struct psbt_map *map, uint64_t type,
              struct bytes key_data);
bool psbt_has(const struct psbt_map *map, uint64_t type); /* with whatever key data */
/* Sets or replaces. The form is the caller's to have right. */
void psbt_put(struct psbt_map *map, uint64_t type, struct bytes key_data,
              struct bytes value);

struct bytes psbt_key_data(const struct psbt_record *record);
struct bytes psbt_value(const struct psbt_record *record);

#endif
