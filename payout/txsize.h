/* payout/txsize.h - how large a transaction will be, before it is signed.
 *
 * Parts are added one by one; the sums are plain numbers, so trying one more part is a
 * copy of the struct. Counted as BIP141 does, with what it costs to have witnesses at
 * all: two units a transaction, one for each input that has none.
 *
 *   weight  4 * (8 + cs(inputs) + cs(outputs)) + sum of inputs + 4 * bytes of outputs,
 *           + 2 + inputs without a witness, when any input has one
 *   vsize   weight / 4, rounded up
 *
 * An ECDSA signature is taken as 71 bytes, its hash type included: our own signer
 * repeats until R is short (low R). What signs elsewhere may need one byte more for
 * each: `any_r`. Either may also be a byte less, so this is a bound, not a forecast.
 *
 * Units   weight units; virtual bytes. Sources: accounting section 10, BIP141.
 * Errors  none: asserts on forms that are not described here.
 * Thread  any. Pure. */
#ifndef PAYOUT_TXSIZE_H
#define PAYOUT_TXSIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a coin of the pool is spent; its descriptor says. */
enum input_kind {
    INPUT_P2PKH,
    INPUT_P2SH_P2WPKH,
    INPUT_P2WPKH,
    INPUT_P2TR, /* by the key */
    INPUT_P2WSH_MULTISIG,
    INPUT_P2SH_MULTISIG,
};

struct input_form {
    enum input_kind kind;
    /* Of multisig, else 0: 1 <= m <= n <= 16, and n <= 15 in P2SH (520 bytes, BIP16). */
    uint8_t m, n;
};

/* A zeroed one is a transaction of nothing. */
struct txsize {
    uint64_t input_weight, output_bytes;
    size_t inputs, witness_inputs, outputs;
};

/* Of one input, its witness included. */
size_t txsize_input_weight(struct input_form form, bool any_r);
bool txsize_has_witness(struct input_form form);
/* The output script that is spent in this form: its length, and whether it is a witness
 * program (nested ones are not). */
size_t txsize_script_len(struct input_form form);
bool txsize_is_program(struct input_form form);
/* An output with a script of `script_len` bytes. */
size_t txsize_output_bytes(size_t script_len);

void txsize_add_input(struct txsize *s, struct input_form form, bool any_r);
void txsize_add_output(struct txsize *s, size_t script_len);
/* One that was added. */
void txsize_drop_output(struct txsize *s, size_t script_len);

size_t txsize_weight(const struct txsize *s);
size_t txsize_vsize(const struct txsize *s);
size_t txsize_vsize_of(size_t weight); /* a quarter, rounded up */

#endif
