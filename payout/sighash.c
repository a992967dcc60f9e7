#include "payout/sighash.h"

#include <assert.h>
#include <string.h>

#define BASE_TYPE_LEGACY 0x1f /* the bits of a hash type that choose the outputs */

#define OP_PUSHDATA1     0x4c
#define OP_PUSHDATA4     0x4e
#define OP_CODESEPARATOR 0xab

/* SHA-256 once: `s` is used up. */
static void end_single(struct hash256 *out, struct sha256_state *s)
{
    SHA256_Final(out->b, &s->ctx);
}

static void add_le32(struct sha256_state *s, uint32_t v)
{
    uint8_t b[4];
    write_le32(b, v);
    sha256_add(s, b, sizeof(b));
}

static void add_size(struct sha256_state *s, size_t v)
{
    uint8_t b[9];
    sha256_add(s, b, compact_size_write(b, v));
}

static void add_string(struct sha256_state *s, struct bytes in)
{
    add_size(s, in.len);
    sha256_add(s, in.p, in.len);
}

static void add_value(struct sha256_state *s, struct amount value)
{
    uint8_t b[8];
    write_le64(b, (uint64_t)amount_to_sat(value));
    sha256_add(s, b, sizeof(b));
}

static void add_outpoint(struct sha256_state *s, const struct tx_outpoint *o)
{
    sha256_add(s, o->txid.b, sizeof(o->txid.b));
    add_le32(s, o->vout);
}

static void add_output(struct sha256_state *s, const struct tx_output *out)
{
    add_value(s, out->value);
    add_string(s, tx_view(&out->script));
}

static void add_hash(struct sha256_state *s, const struct hash256 *h)
{
    sha256_add(s, h->b, sizeof(h->b));
}

/* What the rules hash of all inputs or outputs; each is begun by its caller, who ends it
 * once (BIP341) or twice (BIP143). */
static void add_outpoints(struct sha256_state *s, const struct tx *t)
{
    for (size_t i = 0; i < t->input_count; i++)
        add_outpoint(s, &t->inputs[i].from);
}

static void add_sequences(struct sha256_state *s, const struct tx *t)
{
    for (size_t i = 0; i < t->input_count; i++)
        add_le32(s, t->inputs[i].sequence);
}

static void add_outputs(struct sha256_state *s, const struct tx *t)
{
    for (size_t i = 0; i < t->output_count; i++)
        add_output(s, &t->outputs[i]);
}

/* Length of the operation at the start of `rest`, what it pushes included; all of `rest`
 * where that is cut short. */
static size_t operation_len(struct bytes rest)
{
    uint8_t op = rest.p[0];
    uint64_t len = 1;
    if (op < OP_PUSHDATA1) {
        len += op;
    } else if (op <= OP_PUSHDATA4) {
        size_t width = (size_t)1 << (op - OP_PUSHDATA1);
        if (rest.len < 1 + width)
            return rest.len;
        len += width + (width == 1   ? rest.p[1]
                        : width == 2 ? read_le16(rest.p + 1)
                                     : read_le32(rest.p + 1));
    }
    return len < rest.len ? (size_t)len : rest.len;
}

/* The script without OP_CODESEPARATOR: with `s` NULL only its length is told. */
static size_t add_without_separators(struct sha256_state *s, struct bytes script)
{
    size_t total = 0;
    for (size_t at = 0; at < script.len;) {
        struct bytes rest = {script.p + at, script.len - at};
        size_t len = operation_len(rest);
        at += len;
        if (rest.p[0] == OP_CODESEPARATOR)
            continue;
        if (s != NULL)
            sha256_add(s, rest.p, len);
        total += len;
    }
    return total;
}

static void add_legacy_input(struct sha256_state *s, const struct tx *t, size_t i,
                             size_t signed_input, struct bytes script_code,
                             uint32_t base)
{
    bool own = i == signed_input;
    add_outpoint(s, &t->inputs[i].from);
    if (own) {
        add_size(s, add_without_separators(NULL, script_code));
        add_without_separators(s, script_code);
    } else {
        add_size(s, 0);
    }
    /* Who does not sign all outputs lets the others change their sequences, too. */
    bool blank = !own && (base == SIGHASH_NONE || base == SIGHASH_SINGLE);
    add_le32(s, blank ? 0 : t->inputs[i].sequence);
}

static void add_legacy_outputs(struct sha256_state *s, const struct tx *t, size_t input,
                               uint32_t base)
{
    if (base == SIGHASH_NONE) {
        add_size(s, 0);
    } else if (base == SIGHASH_SINGLE) {
        add_size(s, input + 1);
        for (size_t i = 0; i < input; i++) {
            /* A blanked output has value -1 and an empty script. */
            sha256_add(s, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
            add_size(s, 0);
        }
        add_output(s, &t->outputs[input]);
    } else {
        add_size(s, t->output_count);
        add_outputs(s, t);
    }
}

void sighash_legacy(struct hash256 *out, const struct tx *t, size_t input,
                    struct bytes script_code, uint32_t hash_type)
{
    assert(input < t->input_count);
    uint32_t base = hash_type & BASE_TYPE_LEGACY;
    bool alone = (hash_type & SIGHASH_ANYONECANPAY) != 0;
    if (base == SIGHASH_SINGLE && input >= t->output_count) {
        *out = (struct hash256){{1}};
        return;
    }
    struct sha256_state s;
    sha256_begin(&s);
    add_le32(&s, t->version);
    add_size(&s, alone ? 1 : t->input_count);
    for (size_t i = 0; i < t->input_count; i++)
        if (!alone || i == input)
            add_legacy_input(&s, t, i, input, script_code, base);
    add_legacy_outputs(&s, t, input, base);
    add_le32(&s, t->locktime);
    add_le32(&s, hash_type);
    sha256_end_double(out, &s);
}

typedef void add_all(struct sha256_state *s, const struct tx *t);

static void add_double_of(struct sha256_state *s, const struct tx *t, add_all *add,
                          bool wanted)
{
    struct hash256 h = {{0}};
    if (wanted) {
        struct sha256_state part;
        sha256_begin(&part);
        add(&part, t);
        sha256_end_double(&h, &part);
    }
    add_hash(s, &h);
}

static void add_v0_outputs(struct sha256_state *s, const struct tx *t, size_t input,
                           uint32_t base)
{
    if (base != SIGHASH_SINGLE) {
        add_double_of(s, t, add_outputs, base != SIGHASH_NONE);
        return;
    }
    struct hash256 h = {{0}};
    if (input < t->output_count) {
        struct sha256_state part;
        sha256_begin(&part);
        add_output(&part, &t->outputs[input]);
        sha256_end_double(&h, &part);
    }
    add_hash(s, &h);
}

void sighash_witness_v0(struct hash256 *out, const struct tx *t, size_t input,
                        struct bytes script_code, struct amount value,
                        uint32_t hash_type)
{
    assert(input < t->input_count);
    uint32_t base = hash_type & BASE_TYPE_LEGACY;
    bool alone = (hash_type & SIGHASH_ANYONECANPAY) != 0;
    bool all = base != SIGHASH_NONE && base != SIGHASH_SINGLE;
    struct sha256_state s;
    sha256_begin(&s);
    add_le32(&s, t->version);
    add_double_of(&s, t, add_outpoints, !alone);
    add_double_of(&s, t, add_sequences, !alone && all);
    add_outpoint(&s, &t->inputs[input].from);
    add_string(&s, script_code);
    add_value(&s, value);
    add_le32(&s, t->inputs[input].sequence);
    add_v0_outputs(&s, t, input, base);
    add_le32(&s, t->locktime);
    add_le32(&s, hash_type);
    sha256_end_double(out, &s);
}

static void begin_tagged(struct sha256_state *s, const char *tag)
{
    struct hash256 h;
    hash256_single(&h, tag, strlen(tag));
    sha256_begin(s);
    add_hash(s, &h);
    add_hash(s, &h);
}

void hash_tagged(struct hash256 *out, const char *tag, struct bytes a, struct bytes b)
{
    struct sha256_state s;
    begin_tagged(&s, tag);
    sha256_add(&s, a.p, a.len);
    sha256_add(&s, b.p, b.len);
    end_single(out, &s);
}

static void add_single_of(struct sha256_state *s, const struct tx *t, add_all *add)
{
    struct sha256_state part;
    struct hash256 h;
    sha256_begin(&part);
    add(&part, t);
    end_single(&h, &part);
    add_hash(s, &h);
}

/* BIP341 commits to what all inputs spend, so that nobody can be told false values. */
static void add_spent(struct sha256_state *s, const struct tx *t,
                      const struct tx_output *spent)
{
    struct sha256_state values, scripts;
    struct hash256 h;
    sha256_begin(&values);
    sha256_begin(&scripts);
    for (size_t i = 0; i < t->input_count; i++) {
        add_value(&values, spent[i].value);
        add_string(&scripts, tx_view(&spent[i].script));
    }
    end_single(&h, &values);
    add_hash(s, &h);
    end_single(&h, &scripts);
    add_hash(s, &h);
}

static void add_taproot_single(struct sha256_state *s, const struct tx_output *output)
{
    struct sha256_state part;
    struct hash256 h;
    sha256_begin(&part);
    add_output(&part, output);
    end_single(&h, &part);
    add_hash(s, &h);
}

static bool is_taproot_type(uint8_t hash_type)
{
    return hash_type <= SIGHASH_SINGLE ||
           (hash_type > SIGHASH_ANYONECANPAY &&
            hash_type <= (SIGHASH_ANYONECANPAY | SIGHASH_SINGLE));
}

static void add_taproot_input(struct sha256_state *s, const struct tx *t, size_t input,
                              const struct tx_output *spent, bool alone)
{
    const uint8_t spend_type = 0; /* key path, no annex */
    sha256_add(s, &spend_type, 1);
    if (alone) {
        add_outpoint(s, &t->inputs[input].from);
        add_output(s, &spent[input]);
        add_le32(s, t->inputs[input].sequence);
    } else {
        add_le32(s, (uint32_t)input);
    }
}

enum kz_err sighash_taproot(struct hash256 *out, const struct tx *t, size_t input,
                            const struct tx_output *spent, uint8_t hash_type)
{
    assert(input < t->input_count);
    bool alone = (hash_type & SIGHASH_ANYONECANPAY) != 0;
    uint8_t base = hash_type & 3;
    if (!is_taproot_type(hash_type) ||
        (base == SIGHASH_SINGLE && input >= t->output_count))
        return KZ_RANGE;
    struct sha256_state s;
    begin_tagged(&s, "TapSighash");
    const uint8_t start[2] = {0, hash_type}; /* the epoch, BIP341 */
    sha256_add(&s, start, sizeof(start));
    add_le32(&s, t->version);
    add_le32(&s, t->locktime);
    if (!alone) {
        add_single_of(&s, t, add_outpoints);
        add_spent(&s, t, spent);
        add_single_of(&s, t, add_sequences);
    }
    if (base == SIGHASH_DEFAULT || base == SIGHASH_ALL)
        add_single_of(&s, t, add_outputs);
    add_taproot_input(&s, t, input, spent, alone);
    if (base == SIGHASH_SINGLE)
        add_taproot_single(&s, &t->outputs[input]);
    end_single(out, &s);
    return KZ_OK;
}
