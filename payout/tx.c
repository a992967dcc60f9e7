#include "payout/tx.h"

#include "conf/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The least bytes that one of them takes on the wire: what a count may promise. */
#define INPUT_LEAST  41
#define OUTPUT_LEAST 9
#define ITEM_LEAST   1

#define WITNESS_SCALE 4 /* BIP141: a byte outside witnesses weighs 4, inside 1 */

struct bytes tx_view(const struct tx_bytes *b)
{
    return (struct bytes){b->p, b->len};
}

static struct tx_bytes owned(struct bytes in)
{
    if (in.len == 0)
        return (struct tx_bytes){NULL, 0};
    return (struct tx_bytes){mem_copy(in.p, in.len), in.len};
}

static void witness_clear(struct tx_input *in)
{
    for (size_t i = 0; i < in->witness_count; i++)
        mem_free(in->witness[i].p);
    mem_free(in->witness);
    in->witness = NULL;
    in->witness_count = 0;
}

void tx_init(struct tx *t, uint32_t version, uint32_t locktime)
{
    *t = (struct tx){.version = version, .locktime = locktime};
}

void tx_clear(struct tx *t)
{
    for (size_t i = 0; i < t->input_count; i++) {
        mem_free(t->inputs[i].script.p);
        witness_clear(&t->inputs[i]);
    }
    for (size_t i = 0; i < t->output_count; i++)
        mem_free(t->outputs[i].script.p);
    mem_free(t->inputs);
    mem_free(t->outputs);
    *t = (struct tx){0};
}

static struct tx_bytes *witness_copy(const struct tx_input *in)
{
    if (in->witness_count == 0)
        return NULL;
    struct tx_bytes *items = mem_array(in->witness_count, sizeof(*items));
    for (size_t i = 0; i < in->witness_count; i++)
        items[i] = owned(tx_view(&in->witness[i]));
    return items;
}

void tx_copy(struct tx *to, const struct tx *from)
{
    tx_init(to, from->version, from->locktime);
    for (size_t i = 0; i < from->input_count; i++) {
        const struct tx_input *in = &from->inputs[i];
        tx_add_input(to, &in->from, in->sequence);
        tx_set_script(to, i, tx_view(&in->script));
        to->inputs[i].witness = witness_copy(in);
        to->inputs[i].witness_count = in->witness_count;
    }
    for (size_t i = 0; i < from->output_count; i++)
        tx_add_output(to, from->outputs[i].value, tx_view(&from->outputs[i].script));
}

static void *grown(void *array, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return array;
    *room = count < 4 ? 4 : 2 * count;
    return mem_resize(array, *room * size);
}

void tx_add_input(struct tx *t, const struct tx_outpoint *from, uint32_t sequence)
{
    struct tx_input in = {.from = *from, .sequence = sequence};
    t->inputs = grown(t->inputs, &t->input_room, t->input_count, sizeof(in));
    t->inputs[t->input_count++] = in;
}

void tx_add_output(struct tx *t, struct amount value, struct bytes script)
{
    assert(!amount_is_negative(value));
    struct tx_output out = {value, owned(script)};
    t->outputs = grown(t->outputs, &t->output_room, t->output_count, sizeof(out));
    t->outputs[t->output_count++] = out;
}

void tx_set_script(struct tx *t, size_t input, struct bytes script)
{
    assert(input < t->input_count);
    struct tx_bytes copy = owned(script);
    mem_free(t->inputs[input].script.p);
    t->inputs[input].script = copy;
}

void tx_set_witness(struct tx *t, size_t input, const struct bytes *items, size_t count)
{
    assert(input < t->input_count);
    struct tx_bytes *copy = count > 0 ? mem_array(count, sizeof(*copy)) : NULL;
    for (size_t i = 0; i < count; i++)
        copy[i] = owned(items[i]);
    witness_clear(&t->inputs[input]);
    t->inputs[input].witness = copy;
    t->inputs[input].witness_count = count;
}

/* What is still unread. After the first fault everything reads as nothing, so that the
 * steps below need not ask; a value outside the range of money is told apart, since it
 * counts only where the form is good to the end. */
struct reader {
    struct bytes left;
    bool bad, out_of_range;
};

static struct bytes take(struct reader *r, uint64_t len)
{
    if (r->bad || len > r->left.len) {
        r->bad = true;
        return (struct bytes){NULL, 0};
    }
    struct bytes taken = {r->left.p, (size_t)len};
    r->left.p += len;
    r->left.len -= (size_t)len;
    return taken;
}

static uint32_t take_le32(struct reader *r)
{
    struct bytes b = take(r, 4);
    return r->bad ? 0 : read_le32(b.p);
}

static uint64_t take_size(struct reader *r)
{
    uint64_t v = 0;
    size_t used = 0;
    if (r->bad || compact_size_read(&v, &used, r->left) != KZ_OK) {
        r->bad = true;
        return 0;
    }
    take(r, used);
    return v;
}

/* A count of things that take `least` bytes each: what cannot all be there is refused
 * before anything is allocated for it. */
static size_t take_count(struct reader *r, size_t least)
{
    uint64_t count = take_size(r);
    if (count > r->left.len / least) {
        r->bad = true;
        return 0;
    }
    return (size_t)count;
}

static struct bytes take_string(struct reader *r)
{
    uint64_t len = take_size(r);
    return take(r, len);
}

static void take_inputs(struct reader *r, struct tx *t)
{
    size_t count = take_count(r, INPUT_LEAST);
    for (size_t i = 0; i < count && !r->bad; i++) {
        struct tx_outpoint from = {0};
        struct bytes txid = take(r, sizeof(from.txid.b));
        if (!r->bad)
            memcpy(from.txid.b, txid.p, sizeof(from.txid.b));
        from.vout = take_le32(r);
        struct bytes script = take_string(r);
        tx_add_input(t, &from, take_le32(r));
        tx_set_script(t, i, script);
    }
}

static struct amount take_value(struct reader *r)
{
    struct amount value = amount_zero();
    struct bytes b = take(r, 8);
    uint64_t sat = r->bad ? 0 : read_le64(b.p);
    if (sat > AMOUNT_MAX_SAT || !amount_from_sat(&value, (int64_t)sat))
        r->out_of_range = true;
    return value;
}

static void take_outputs(struct reader *r, struct tx *t)
{
    size_t count = take_count(r, OUTPUT_LEAST);
    for (size_t i = 0; i < count && !r->bad; i++) {
        struct amount value = take_value(r);
        tx_add_output(t, value, take_string(r));
    }
}

static void take_witness(struct reader *r, struct tx_input *in)
{
    size_t count = take_count(r, ITEM_LEAST);
    if (count == 0)
        return;
    in->witness = mem_array(count, sizeof(*in->witness));
    in->witness_count = count;
    for (size_t i = 0; i < count && !r->bad; i++)
        in->witness[i] = owned(take_string(r));
}

/* BIP144: a marker 00 where the count of inputs would be, then the flag 01. */
static bool take_marker(struct reader *r)
{
    if (r->bad || r->left.len < 2 || r->left.p[0] != 0)
        return false;
    if (r->left.p[1] != 1)
        r->bad = true;
    take(r, 2);
    return true;
}

/* `used` NULL: all of `in` must be the transaction. */
static enum kz_err parse(struct tx *t, size_t *used, struct bytes in, bool bare)
{
    struct tx read;
    struct reader r = {.left = in};
    if (in.len > TX_BYTES_MAX)
        return KZ_RANGE;
    tx_init(&read, take_le32(&r), 0);
    bool marked = !bare && take_marker(&r);
    take_inputs(&r, &read);
    take_outputs(&r, &read);
    for (size_t i = 0; marked && i < read.input_count && !r.bad; i++)
        take_witness(&r, &read.inputs[i]);
    read.locktime = take_le32(&r);
    if ((used == NULL && r.left.len > 0) || marked != tx_has_witness(&read))
        r.bad = true;
    if (r.bad || r.out_of_range) {
        tx_clear(&read);
        return r.bad ? KZ_PARSE : KZ_RANGE;
    }
    *t = read;
    if (used != NULL)
        *used = in.len - r.left.len;
    return KZ_OK;
}

enum kz_err tx_parse(struct tx *t, struct bytes in)
{
    return parse(t, NULL, in, false);
}

enum kz_err tx_parse_bare(struct tx *t, struct bytes in)
{
    return parse(t, NULL, in, true);
}

enum kz_err tx_parse_front(struct tx *t, size_t *used, struct bytes in)
{
    return parse(t, used, in, false);
}

bool tx_has_witness(const struct tx *t)
{
    for (size_t i = 0; i < t->input_count; i++)
        if (t->inputs[i].witness_count > 0)
            return true;
    return false;
}

/* Where bytes go; with `p` NULL they are only counted. */
struct writer {
    uint8_t *p;
    size_t len;
};

static void put(struct writer *w, const void *p, size_t len)
{
    if (w->p != NULL && len > 0)
        memcpy(w->p + w->len, p, len);
    w->len += len;
}

static void put_le32(struct writer *w, uint32_t v)
{
    uint8_t b[4];
    write_le32(b, v);
    put(w, b, sizeof(b));
}

static void put_size(struct writer *w, size_t v)
{
    uint8_t b[9];
    put(w, b, compact_size_write(b, v));
}

static void put_string(struct writer *w, const struct tx_bytes *s)
{
    put_size(w, s->len);
    put(w, s->p, s->len);
}

static void put_input(struct writer *w, const struct tx_input *in)
{
    put(w, in->from.txid.b, sizeof(in->from.txid.b));
    put_le32(w, in->from.vout);
    put_string(w, &in->script);
    put_le32(w, in->sequence);
}

static void put_output(struct writer *w, const struct tx_output *out)
{
    uint8_t value[8];
    write_le64(value, (uint64_t)amount_to_sat(out->value));
    put(w, value, sizeof(value));
    put_string(w, &out->script);
}

static void put_witness(struct writer *w, const struct tx_input *in)
{
    put_size(w, in->witness_count);
    for (size_t i = 0; i < in->witness_count; i++)
        put_string(w, &in->witness[i]);
}

static void put_tx(struct writer *w, const struct tx *t, bool with_witness)
{
    put_le32(w, t->version);
    if (with_witness)
        put(w, "\x00\x01", 2);
    put_size(w, t->input_count);
    for (size_t i = 0; i < t->input_count; i++)
        put_input(w, &t->inputs[i]);
    put_size(w, t->output_count);
    for (size_t i = 0; i < t->output_count; i++)
        put_output(w, &t->outputs[i]);
    for (size_t i = 0; with_witness && i < t->input_count; i++)
        put_witness(w, &t->inputs[i]);
    put_le32(w, t->locktime);
}

static size_t size_of(const struct tx *t, bool with_witness)
{
    struct writer counter = {NULL, 0};
    put_tx(&counter, t, with_witness);
    return counter.len;
}

uint8_t *tx_format(size_t *len, const struct tx *t, bool bare)
{
    bool with_witness = !bare && tx_has_witness(t);
    size_t size = size_of(t, with_witness);
    struct writer w = {mem_new(size), 0};
    put_tx(&w, t, with_witness);
    assert(w.len == size);
    *len = w.len;
    return w.p;
}

static void hash_of(struct hash256 *out, const struct tx *t, bool bare)
{
    size_t len = 0;
    uint8_t *p = tx_format(&len, t, bare);
    hash256_double(out, p, len);
    mem_free(p);
}

void tx_id(struct hash256 *out, const struct tx *t)
{
    hash_of(out, t, true);
}

void tx_witness_id(struct hash256 *out, const struct tx *t)
{
    hash_of(out, t, false);
}

size_t tx_weight(const struct tx *t)
{
    return (WITNESS_SCALE - 1) * size_of(t, false) + size_of(t, tx_has_witness(t));
}

size_t tx_vsize(const struct tx *t)
{
    return (tx_weight(t) + WITNESS_SCALE - 1) / WITNESS_SCALE;
}

bool tx_output_sum(struct amount *sum, const struct tx *t)
{
    struct amount total = amount_zero();
    for (size_t i = 0; i < t->output_count; i++)
        if (!amount_add(&total, total, t->outputs[i].value))
            return false;
    *sum = total;
    return true;
}

bool tx_outpoint_equal(const struct tx_outpoint *a, const struct tx_outpoint *b)
{
    return a->vout == b->vout && hash256_equal(&a->txid, &b->txid);
}

bool tx_spends(const struct tx *t, const struct tx_outpoint *from)
{
    for (size_t i = 0; i < t->input_count; i++)
        if (tx_outpoint_equal(&t->inputs[i].from, from))
            return true;
    return false;
}

int tx_outpoint_compare(const struct tx_outpoint *a, const struct tx_outpoint *b)
{
    for (size_t i = sizeof(a->txid.b); i-- > 0;)
        if (a->txid.b[i] != b->txid.b[i])
            return a->txid.b[i] < b->txid.b[i] ? -1 : 1;
    return a->vout < b->vout ? -1 : a->vout > b->vout ? 1 : 0;
}

void tx_outpoint_format(char out[TX_OUTPOINT_TEXT_SIZE], const struct tx_outpoint *o)
{
    char txid[HASH256_HEX_SIZE];
    hash256_format_display(txid, &o->txid);
    snprintf(out, TX_OUTPOINT_TEXT_SIZE, "%s:%" PRIu32, txid, o->vout);
}

enum kz_err tx_outpoint_parse(struct tx_outpoint *o, const char *text, size_t len)
{
    struct tx_outpoint read;
    char number[TX_OUTPOINT_TEXT_SIZE - HASH256_HEX_SIZE] = "";
    uint64_t vout = 0;
    size_t digits_at = HASH256_HEX_SIZE; /* 64 digits and the colon */
    if (len <= digits_at || len - digits_at >= sizeof(number) ||
        text[digits_at - 1] != ':')
        return KZ_PARSE;
    memcpy(number, text + digits_at, len - digits_at);
    /* One spelling each: these are keys of records. */
    if (number[0] == '0' && number[1] != '\0')
        return KZ_PARSE;
    if (strlen(number) != len - digits_at || !decimal_read(&vout, number, UINT32_MAX) ||
        hash256_parse_display(&read.txid, text, digits_at - 1) != KZ_OK)
        return KZ_PARSE;
    read.vout = (uint32_t)vout;
    *o = read;
    return KZ_OK;
}
