/* payout/tx.h - a Bitcoin transaction: its parts, its bytes, its ids, its weight.
 *
 * Built part by part, or read from bytes; both with or without witnesses (BIP144). What
 * a transaction is allowed to do is the node's to say; here is only its form, strictly:
 * minimal compact sizes, nothing behind the lock time, values inside the range of money,
 * no superfluous witness marker.
 *
 * Units      weight in weight units, vsize in virtual bytes (weight / 4, rounded up:
 *            BIP141); ids in internal order.
 * Ownership  a tx owns all its arrays and bytes: tx_init() or tx_parse(), then
 *            tx_clear(), which accepts a zeroed one. What is given is copied. Pointers
 *            into it hold until its next change.
 * Errors     KZ_PARSE: not the bytes of a transaction. KZ_RANGE: form good, but a value
 *            outside the range of money, or larger than TX_BYTES_MAX. The output is
 *            untouched.
 * Thread     any. Pure. */
#ifndef PAYOUT_TX_H
#define PAYOUT_TX_H

#include "payout/amount.h"
#include "share/hash256.h"

/* No block has room for more. */
#define TX_BYTES_MAX 4000000

/* Replaceable (BIP125), no relative lock (BIP68). */
#define TX_SEQUENCE_RBF   UINT32_C(0xfffffffd)
#define TX_SEQUENCE_FINAL UINT32_C(0xffffffff)

struct tx_outpoint {
    struct hash256 txid;
    uint32_t vout;
};

/* Bytes that somebody owns; `len` 0 goes with `p` NULL. */
struct tx_bytes {
    uint8_t *p;
    size_t len;
};
struct bytes tx_view(const struct tx_bytes *b); /* borrowed, as long as `b` lives */

struct tx_input {
    struct tx_outpoint from;
    struct tx_bytes script; /* scriptSig */
    uint32_t sequence;
    struct tx_bytes *witness; /* bottom of the stack first */
    size_t witness_count;
};

struct tx_output {
    struct amount value; /* 0 to the most money there can be */
    struct tx_bytes script;
};

struct tx {
    uint32_t version; /* as on the wire; BIP68 calls it signed */
    uint32_t locktime;
    struct tx_input *inputs;
    size_t input_count, input_room;
    struct tx_output *outputs;
    size_t output_count, output_room;
};

void tx_init(struct tx *t, uint32_t version, uint32_t locktime);
void tx_clear(struct tx *t);
void tx_copy(struct tx *to, const struct tx *from); /* `to` is cleared later */

void tx_add_input(struct tx *t, const struct tx_outpoint *from, uint32_t sequence);
/* `value` >= 0. */
void tx_add_output(struct tx *t, struct amount value, struct bytes script);
void tx_set_script(struct tx *t, size_t input, struct bytes script);
void tx_set_witness(struct tx *t, size_t input, const struct bytes *items,
                    size_t count);

/* All of `in` is one transaction, of one input at least: a count of 0 there is the
 * marker of the witness form (BIP144). It may have no outputs. */
KZ_MUST_USE enum kz_err tx_parse(struct tx *t, struct bytes in);
/* The same for bytes that are known to carry no witness: a leading 00 is a count of
 * inputs, never a marker (BIP174, PSBT_GLOBAL_UNSIGNED_TX), and there may be none. */
KZ_MUST_USE enum kz_err tx_parse_bare(struct tx *t, struct bytes in);
/* The transaction that `in` begins with, as in a block; `*used` is its length. */
KZ_MUST_USE enum kz_err tx_parse_front(struct tx *t, size_t *used, struct bytes in);

/* The caller's to mem_free(). With witnesses when any input has one and `bare` is
 * false. */
uint8_t *tx_format(size_t *len, const struct tx *t, bool bare);
bool tx_has_witness(const struct tx *t);

void tx_id(struct hash256 *out, const struct tx *t);         /* without witnesses */
void tx_witness_id(struct hash256 *out, const struct tx *t); /* with them */
size_t tx_weight(const struct tx *t);
size_t tx_vsize(const struct tx *t);

/* False: outside the range of money. */
KZ_MUST_USE bool tx_output_sum(struct amount *sum, const struct tx *t);

bool tx_outpoint_equal(const struct tx_outpoint *a, const struct tx_outpoint *b);
int tx_outpoint_compare(const struct tx_outpoint *a,
                        const struct tx_outpoint *b); /* txid as displayed, vout */
/* Is it among the inputs? */
bool tx_spends(const struct tx *t, const struct tx_outpoint *from);

/* "<txid, display order>:<vout>" */
#define TX_OUTPOINT_TEXT_SIZE (HASH256_HEX_SIZE + 11)
void tx_outpoint_format(char out[TX_OUTPOINT_TEXT_SIZE], const struct tx_outpoint *o);
KZ_MUST_USE enum kz_err tx_outpoint_parse(struct tx_outpoint *o, const char *text,
                                          size_t len);

#endif
