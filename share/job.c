#include "share/job.h"

#include "conf/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COINBASE_SCRIPT_MAX 100 /* consensus */
#define WITNESS_SCALE       4
#define WITNESS_BYTES       36 /* marker and flag, one item of 32 bytes */
#define COMMITMENT_BYTES    38
#define PART_MAX            65536 /* of a recorded case's coinbase */
#define TX_VERSION          2
/* With a lock time of height - 1 a coinbase is never the same as an older one's, and a
 * sequence below the last keeps the lock time in force. */
#define SEQUENCE 0xfffffffe

struct held {
    struct job job;
    atomic_size_t refs;
};

static struct held *held_of(const struct job *job)
{
    return (struct held *)((uintptr_t)job - offsetof(struct held, job));
}

/* Bytes being put together; whoever makes one has counted the room before. */
struct builder {
    uint8_t *p;
    size_t len, room;
};

static void put(struct builder *b, const void *p, size_t len)
{
    assert(len <= b->room - b->len);
    if (len > 0)
        memcpy(b->p + b->len, p, len);
    b->len += len;
}

static void put_byte(struct builder *b, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    put(b, &byte, 1);
}

static void put_le32(struct builder *b, uint32_t value)
{
    uint8_t le[4];
    write_le32(le, value);
    put(b, le, sizeof(le));
}

static void put_size(struct builder *b, uint64_t value)
{
    uint8_t cs[9];
    put(b, cs, compact_size_write(cs, value));
}

size_t job_height_script(uint8_t out[JOB_HEIGHT_SCRIPT_MAX], uint32_t height)
{
    if (height <= 16) {
        out[0] = (uint8_t)(height == 0 ? 0 : 0x50 + height);
        return 1;
    }
    /* BIP34: script numbers keep their sign in the top bit of the last byte, so height
     * 8388608 is 00 00 80 00, not 00 00 80. */
    size_t len = 0;
    uint8_t last = 0;
    for (uint32_t rest = height; rest > 0; rest >>= 8) {
        last = (uint8_t)rest;
        out[1 + len++] = last;
    }
    if ((last & 0x80) != 0)
        out[1 + len++] = 0;
    out[0] = (uint8_t)len;
    return 1 + len;
}

KZ_PRINTF(2, 3)
static enum kz_err refuse(char *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, JOB_WHY_SIZE, format, args);
    va_end(args);
    return KZ_RANGE;
}

static enum kz_err check_outputs(char *why, const struct job_spec *spec)
{
    int64_t left = spec->template->coinbase_value_sat;
    for (size_t i = 0; i < spec->output_count; i++) {
        int64_t value = spec->outputs[i].value_sat;
        if (value < 0 || value > left)
            return refuse(why, "outputs: more than the template's %" PRId64 " sat",
                          spec->template->coinbase_value_sat);
        left -= value;
    }
    if (left != 0)
        return refuse(why, "outputs: %" PRId64 " sat less than the template's", left);
    return KZ_OK;
}

/* coinb1: up to and with the opcode that pushes the extranonces. */
static void build_coinb1(struct builder *b, const struct job_spec *spec,
                         size_t script_len)
{
    static const uint8_t no_outpoint[36] = {[32] = 0xff, 0xff, 0xff, 0xff};
    uint8_t height[JOB_HEIGHT_SCRIPT_MAX];
    put_le32(b, TX_VERSION);
    put_byte(b, 1);
    put(b, no_outpoint, sizeof(no_outpoint));
    put_size(b, script_len);
    put(b, height, job_height_script(height, spec->template->height));
    put_byte(b, JOB_EXTRANONCE_SIZE);
}

static void build_output(struct builder *b, int64_t value_sat, struct bytes script)
{
    uint8_t value[8];
    write_le64(value, (uint64_t)value_sat);
    put(b, value, sizeof(value));
    put_size(b, script.len);
    put(b, script.p, script.len);
}

static void build_coinb2(struct builder *b, const struct job_spec *spec, size_t tag_len)
{
    const struct template *t = spec->template;
    if (tag_len > 0) {
        put_byte(b, (unsigned)tag_len);
        put(b, spec->tag, tag_len);
    }
    put_le32(b, SEQUENCE);
    put_size(b, spec->output_count + (t->has_witness_commitment ? 1 : 0));
    for (size_t i = 0; i < spec->output_count; i++)
        build_output(b, spec->outputs[i].value_sat, spec->outputs[i].script);
    if (t->has_witness_commitment) {
        uint8_t script[COMMITMENT_BYTES] = {0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed};
        memcpy(script + 6, t->witness_commitment.b, 32);
        build_output(b, 0, (struct bytes){script, sizeof(script)});
    }
    put_le32(b, t->height - 1);
}

static size_t outputs_size(const struct job_spec *spec)
{
    size_t size = 9 + 8 + 1 + COMMITMENT_BYTES;
    for (size_t i = 0; i < spec->output_count; i++)
        size += 8 + 9 + spec->outputs[i].script.len;
    return size;
}

static enum kz_err build_coinbase(struct job *job, char *why,
                                  const struct job_spec *spec)
{
    uint8_t height[JOB_HEIGHT_SCRIPT_MAX];
    size_t tag_len = strlen(spec->tag);
    if (tag_len > JOB_TAG_MAX)
        return refuse(why, "tag: %zu bytes, at most %d", tag_len, JOB_TAG_MAX);
    size_t script_len = job_height_script(height, spec->template->height) + 1 +
                        JOB_EXTRANONCE_SIZE + (tag_len > 0 ? 1 + tag_len : 0);
    if (script_len > COINBASE_SCRIPT_MAX)
        return refuse(why, "coinbase script: %zu bytes, at most %d", script_len,
                      COINBASE_SCRIPT_MAX);

    size_t room1 = 4 + 1 + 36 + 9 + script_len;
    size_t room2 = 1 + tag_len + 4 + outputs_size(spec) + 4;
    struct builder one = {mem_new(room1), 0, room1};
    struct builder two = {mem_new(room2), 0, room2};
    build_coinb1(&one, spec, script_len);
    build_coinb2(&two, spec, tag_len);
    job->coinb1 = (struct bytes){one.p, one.len};
    job->coinb2 = (struct bytes){two.p, two.len};
    return KZ_OK;
}

/* What our 4-per-operation count of P2PK and P2PKH outputs adds. */
static uint64_t output_sigops(const struct job_output *o)
{
    const struct bytes s = o->script;
    bool p2pkh = s.len == 25 && s.p[0] == 0x76 && s.p[24] == 0xac;
    bool p2pk = (s.len == 35 || s.len == 67) && s.p[s.len - 1] == 0xac;
    return p2pkh || p2pk ? 1 : 0;
}

static enum kz_err check_limits(const struct job *job, char *why,
                                const struct job_spec *spec)
{
    const struct template *t = spec->template;
    uint64_t stripped = job->coinb1.len + JOB_EXTRANONCE_SIZE + job->coinb2.len;
    uint64_t weight =
        WITNESS_SCALE * stripped + (t->has_witness_commitment ? WITNESS_BYTES : 0) +
        WITNESS_SCALE * (80 + compact_size_len(t->tx_count + 1)) + t->weight;
    if (weight > t->weight_limit)
        return refuse(why, "block weight: %" PRIu64 ", at most %" PRIu64, weight,
                      t->weight_limit);
    /* Before segwit nodes count legacy operations as one, not as four. */
    uint64_t scale = t->has_witness_commitment ? WITNESS_SCALE : 1;
    uint64_t sigops = t->sigops;
    for (size_t i = 0; i < spec->output_count; i++)
        sigops += scale * output_sigops(&spec->outputs[i]);
    if (sigops > t->sigop_limit)
        return refuse(why, "block sigops: %" PRIu64 ", at most %" PRIu64, sigops,
                      t->sigop_limit);
    return KZ_OK;
}

static char *put_hex(char *to, const void *p, size_t len)
{
    hex_encode(to, p, len);
    return to + 2 * len;
}

static char *put_text(char *to, const char *text)
{
    size_t len = strlen(text);
    memcpy(to, text, len);
    return to + len;
}

static char *put_u32(char *to, uint32_t value)
{
    /* Always 8 digits: firmware reads fixed positions. */
    uint8_t be[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
                     (uint8_t)(value >> 8), (uint8_t)value};
    return put_hex(to, be, sizeof(be));
}

static void render_notify(struct job *job)
{
    char prev[HASH256_HEX_SIZE];
    hash256_format_stratum(prev, &job->prev_hash);
    char *text = mem_new(256 + JOB_ID_SIZE + HASH256_HEX_SIZE +
                         2 * (job->coinb1.len + job->coinb2.len) +
                         job->branch_count * (HASH256_HEX_SIZE + 2));
    char *to = text;
    to = put_text(to, "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"");
    to = put_text(to, job->id_text);
    to = put_text(to, "\",\"");
    to = put_text(to, prev);
    to = put_text(to, "\",\"");
    to = put_hex(to, job->coinb1.p, job->coinb1.len);
    to = put_text(to, "\",\"");
    to = put_hex(to, job->coinb2.p, job->coinb2.len);
    to = put_text(to, "\",[");
    for (size_t i = 0; i < job->branch_count; i++) {
        to = put_text(to, i > 0 ? ",\"" : "\"");
        to = put_hex(to, job->branch[i].b, 32);
        to = put_text(to, "\"");
    }
    to = put_text(to, "],\"");
    to = put_u32(to, job->version);
    to = put_text(to, "\",\"");
    to = put_u32(to, job->nbits);
    to = put_text(to, "\",\"");
    job->notify = (struct bytes){(const uint8_t *)text, (size_t)(to - text)};
}

static struct job *job_blank(struct job_id id)
{
    struct held *held = mem_new(sizeof(*held));
    atomic_init(&held->refs, 1);
    held->job.id = id;
    snprintf(held->job.id_text, sizeof(held->job.id_text), "%" PRIx64, id.serial);
    return &held->job;
}

static void keep_coinb1_state(struct job *job)
{
    sha256_begin(&job->coinb1_state);
    sha256_add(&job->coinb1_state, job->coinb1.p, job->coinb1.len);
}

enum kz_err job_new(struct job **out, char why[JOB_WHY_SIZE],
                    const struct job_spec *spec)
{
    enum kz_err err = check_outputs(why, spec);
    if (err != KZ_OK)
        return err;
    struct job *job = job_blank(spec->id);
    if ((err = build_coinbase(job, why, spec)) != KZ_OK ||
        (err = check_limits(job, why, spec)) != KZ_OK) {
        job_unref(job);
        return err;
    }
    const struct template *t = spec->template;
    job->template = template_ref(t);
    job->version = t->version;
    job->nbits = t->nbits;
    job->ntime = spec->ntime;
    job->mintime = t->mintime;
    job->height = t->height;
    job->prev_hash = t->prev_hash;
    job->network_target = t->network_target;
    job->branch_count = t->branch_count;
    memcpy(job->branch, t->branch, t->branch_count * sizeof(t->branch[0]));
    keep_coinb1_state(job);
    render_notify(job);
    job->snapshot_id = spec->snapshot_id;
    job->payout = spec->payout;
    job->payout_free = spec->payout_free;
    *out = job;
    return KZ_OK;
}

static enum kz_err part_from_hex(struct bytes *part, const char *hex)
{
    size_t hex_len = strlen(hex);
    if (hex_len % 2 != 0 || hex_len > 2 * PART_MAX)
        return KZ_PARSE;
    uint8_t *p = mem_new(hex_len / 2 + 1);
    if (hex_decode(p, hex_len / 2, hex, hex_len) != KZ_OK) {
        mem_free(p);
        return KZ_PARSE;
    }
    *part = (struct bytes){p, hex_len / 2};
    return KZ_OK;
}

static enum kz_err u32_from_hex(uint32_t *v, const char *hex)
{
    return strlen(hex) == 8 ? hex_u32(v, hex, 8, false) : KZ_PARSE;
}

static enum kz_err fill_from_fields(struct job *job, const struct job_fields *f)
{
    if (f->branch_count > TEMPLATE_BRANCH_MAX ||
        hash256_parse_stratum(&job->prev_hash, f->prevhash, strlen(f->prevhash)) !=
            KZ_OK ||
        part_from_hex(&job->coinb1, f->coinb1) != KZ_OK ||
        part_from_hex(&job->coinb2, f->coinb2) != KZ_OK ||
        u32_from_hex(&job->version, f->version) != KZ_OK ||
        u32_from_hex(&job->nbits, f->nbits) != KZ_OK ||
        u32_from_hex(&job->ntime, f->ntime) != KZ_OK ||
        target_from_nbits(&job->network_target, job->nbits) != KZ_OK)
        return KZ_PARSE;
    for (size_t i = 0; i < f->branch_count; i++)
        if (hex_decode(job->branch[i].b, 32, f->branch[i], strlen(f->branch[i])) !=
            KZ_OK)
            return KZ_PARSE;
    job->branch_count = f->branch_count;
    job->mintime = f->mintime;
    return KZ_OK;
}

enum kz_err job_from_fields(struct job **out, const struct job_fields *f)
{
    struct job *job = job_blank(f->id);
    enum kz_err err = fill_from_fields(job, f);
    if (err != KZ_OK) {
        job_unref(job);
        return err;
    }
    keep_coinb1_state(job);
    render_notify(job);
    *out = job;
    return KZ_OK;
}

struct job *job_ref(const struct job *job)
{
    if (job == NULL)
        return NULL;
    struct held *held = held_of(job);
    atomic_fetch_add_explicit(&held->refs, 1, memory_order_relaxed);
    return &held->job;
}

void job_unref(struct job *job)
{
    if (job == NULL)
        return;
    struct held *held = held_of(job);
    if (atomic_fetch_sub_explicit(&held->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (job->payout != NULL)
        job->payout_free((void *)(uintptr_t)job->payout);
    template_unref(job->template);
    mem_free((void *)(uintptr_t)job->coinb1.p);
    mem_free((void *)(uintptr_t)job->coinb2.p);
    mem_free((void *)(uintptr_t)job->notify.p);
    mem_free(held);
}

size_t job_notify_tail(char out[JOB_NOTIFY_TAIL_SIZE], uint32_t ntime, bool clean_jobs)
{
    char *to = put_u32(out, ntime);
    to = put_text(to, clean_jobs ? "\",true]}\n" : "\",false]}\n");
    *to = '\0';
    return (size_t)(to - out);
}

enum kz_err job_id_parse(struct job_id *id, const char *text, size_t len)
{
    uint32_t high = 0, low;
    size_t high_len = len > 8 ? len - 8 : 0;
    if (high_len > 0 && hex_u32(&high, text, high_len, false) != KZ_OK)
        return KZ_PARSE;
    if (hex_u32(&low, text + high_len, len - high_len, false) != KZ_OK)
        return KZ_PARSE;
    id->serial = (uint64_t)high << 32 | low;
    return KZ_OK;
}

/* Hex of the coinbase as it stands in the block: with witness where segwit is active.
 */
static char *put_coinbase(char *to, const struct job *job, const uint8_t *extranonce)
{
    bool witness = job->template->has_witness_commitment;
    const uint8_t *p = job->coinb1.p;
    to = put_hex(to, p, 4);
    if (witness)
        to = put_text(to, "0001"); /* BIP144: marker and flag */
    to = put_hex(to, p + 4, job->coinb1.len - 4);
    to = put_hex(to, extranonce, JOB_EXTRANONCE_SIZE);
    to = put_hex(to, job->coinb2.p, job->coinb2.len - 4);
    if (witness) {
        /* BIP141: one item, the reserved value that the commitment was made with. */
        static const uint8_t reserved[34] = {0x01, 0x20};
        to = put_hex(to, reserved, sizeof(reserved));
    }
    return put_hex(to, job->coinb2.p + job->coinb2.len - 4, 4);
}

char *job_block_hex(const struct job *job, const uint8_t header[80],
                    const uint8_t *extranonce, size_t *hex_len)
{
    const struct template *t = job->template;
    size_t bytes = 80 + 9 + job->coinb1.len + JOB_EXTRANONCE_SIZE + job->coinb2.len +
                   WITNESS_BYTES;
    size_t room = 2 * bytes + 1;
    for (size_t i = 0; i < t->tx_count; i++)
        room += t->txs[i].hex_len;

    uint8_t cs[9];
    char *text = mem_new(room);
    char *to = put_hex(text, header, 80);
    to = put_hex(to, cs, compact_size_write(cs, t->tx_count + 1));
    to = put_coinbase(to, job, extranonce);
    for (size_t i = 0; i < t->tx_count; i++) {
        memcpy(to, t->txs[i].hex, t->txs[i].hex_len);
        to += t->txs[i].hex_len;
    }
    *to = '\0';
    *hex_len = (size_t)(to - text);
    assert(*hex_len < room);
    return text;
}
