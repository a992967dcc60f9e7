#include "payout/txsize.h"

#include "share/bytes.h"

#include <assert.h>

#define WITNESS_SCALE  4
#define OUTPOINT_BYTES 36
#define SEQUENCE_BYTES 4
#define SIGNATURE      71 /* of low R, its hash type included */
#define SCHNORR        64 /* hash type DEFAULT is not written */
#define KEY            33
#define PROGRAM_PUSH   23 /* the push of 00 14 <20 bytes> */
#define P2SH_KEYS_MAX  15
#define KEYS_MAX       16

/* m, n and OP_CHECKMULTISIG are a byte each, a key is 33 and its length. */
static size_t multisig_script_bytes(struct input_form form)
{
    size_t most = form.kind == INPUT_P2SH_MULTISIG ? P2SH_KEYS_MAX : KEYS_MAX;
    assert(form.m >= 1 && form.m <= form.n && form.n <= most);
    return 3 + 34 * (size_t)form.n;
}

/* OP_PUSHBYTES_n, OP_PUSHDATA1 or OP_PUSHDATA2, then the data. */
static size_t push_bytes(size_t len)
{
    return len + (len <= 75 ? 1 : len <= 255 ? 2 : 3);
}

static size_t script_sig_bytes(struct input_form form, size_t signature)
{
    switch (form.kind) {
    case INPUT_P2PKH:
        return 1 + signature + 1 + KEY;
    case INPUT_P2SH_P2WPKH:
        return PROGRAM_PUSH;
    case INPUT_P2SH_MULTISIG:
        /* One more item than needed is taken off the stack, hence OP_0 (BIP147). */
        return 1 + form.m * (1 + signature) + push_bytes(multisig_script_bytes(form));
    case INPUT_P2WPKH:
    case INPUT_P2TR:
    case INPUT_P2WSH_MULTISIG:
        break;
    }
    return 0;
}

/* The count of items, then each behind its length. */
static size_t witness_bytes(struct input_form form, size_t signature)
{
    size_t script;
    switch (form.kind) {
    case INPUT_P2SH_P2WPKH:
    case INPUT_P2WPKH:
        return 1 + 1 + signature + 1 + KEY;
    case INPUT_P2TR:
        return 1 + 1 + SCHNORR;
    case INPUT_P2WSH_MULTISIG:
        script = multisig_script_bytes(form);
        return 1 + 1 + form.m * (1 + signature) + compact_size_len(script) + script;
    case INPUT_P2PKH:
    case INPUT_P2SH_MULTISIG:
        break;
    }
    return 0;
}

size_t txsize_input_weight(struct input_form form, bool any_r)
{
    size_t signature = SIGNATURE + (any_r ? 1 : 0);
    size_t script = script_sig_bytes(form, signature);
    size_t bare = OUTPOINT_BYTES + compact_size_len(script) + script + SEQUENCE_BYTES;
    return WITNESS_SCALE * bare + witness_bytes(form, signature);
}

bool txsize_has_witness(struct input_form form)
{
    return form.kind != INPUT_P2PKH && form.kind != INPUT_P2SH_MULTISIG;
}

size_t txsize_script_len(struct input_form form)
{
    switch (form.kind) {
    case INPUT_P2PKH:
        return 25;
    case INPUT_P2SH_P2WPKH:
    case INPUT_P2SH_MULTISIG:
        return 23;
    case INPUT_P2WPKH:
        return 22;
    case INPUT_P2TR:
    case INPUT_P2WSH_MULTISIG:
        break;
    }
    return 34;
}

bool txsize_is_program(struct input_form form)
{
    return txsize_has_witness(form) && form.kind != INPUT_P2SH_P2WPKH;
}

size_t txsize_output_bytes(size_t script_len)
{
    return 8 + compact_size_len(script_len) + script_len;
}

void txsize_add_input(struct txsize *s, struct input_form form, bool any_r)
{
    s->input_weight += txsize_input_weight(form, any_r);
    s->inputs++;
    if (txsize_has_witness(form))
        s->witness_inputs++;
}

void txsize_add_output(struct txsize *s, size_t script_len)
{
    s->output_bytes += txsize_output_bytes(script_len);
    s->outputs++;
}

void txsize_drop_output(struct txsize *s, size_t script_len)
{
    size_t bytes = txsize_output_bytes(script_len);
    assert(s->outputs > 0 && s->output_bytes >= bytes);
    s->output_bytes -= bytes;
    s->outputs--;
}

size_t txsize_weight(const struct txsize *s)
{
    size_t bare = 8 + compact_size_len(s->inputs) + compact_size_len(s->outputs) +
                  s->output_bytes;
    size_t weight = WITNESS_SCALE * bare + s->input_weight;
    if (s->witness_inputs > 0)
        weight += 2 + (s->inputs - s->witness_inputs);
    return weight;
}

size_t txsize_vsize(const struct txsize *s)
{
    return txsize_vsize_of(txsize_weight(s));
}

size_t txsize_vsize_of(size_t weight)
{
    return (weight + WITNESS_SCALE - 1) / WITNESS_SCALE;
}
