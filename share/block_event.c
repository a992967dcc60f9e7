#include "share/block_event.h"

#include "conf/mem.h"
#include "share/journal_check.h"

#include <string.h>

#define SCRIPT_LEN_AT 41 /* version, count of inputs, previous output */

/* What the coinbase pays; NULL: it is none of ours. */
static json_t *outputs_of(const struct journal_job *job, size_t extranonce_len,
                          int64_t *sum)
{
    struct bytes tail = job->coinb2;
    uint64_t script_len, count;
    size_t used;
    *sum = 0;
    if (job->coinb1.len <= SCRIPT_LEN_AT)
        return NULL;
    struct bytes head = {job->coinb1.p + SCRIPT_LEN_AT,
                         job->coinb1.len - SCRIPT_LEN_AT};
    if (compact_size_read(&script_len, &used, head) != KZ_OK)
        return NULL;
    size_t before = head.len - used + extranonce_len;
    if (script_len < before || script_len - before + 4 > tail.len)
        return NULL;
    tail.p += script_len - before + 4;
    tail.len -= (size_t)(script_len - before + 4);
    if (compact_size_read(&count, &used, tail) != KZ_OK)
        return NULL;
    tail.p += used;
    tail.len -= used;
    json_t *list = json_array();
    for (uint64_t i = 0; i < count && tail.len > 8; i++) {
        int64_t value = (int64_t)read_le64(tail.p);
        uint64_t len;
        struct bytes rest = {tail.p + 8, tail.len - 8};
        if (compact_size_read(&len, &used, rest) != KZ_OK || len > rest.len - used)
            break;
        if (__builtin_add_overflow(*sum, value, sum)) { /* of a file that is not ours */
            json_decref(list);
            return NULL;
        }
        char *hex = mem_array(2 * (size_t)len + 1, 1);
        hex_encode(hex, rest.p + used, (size_t)len);
        json_array_append_new(list, json_pack("[I, s]", (json_int_t)value, hex));
        mem_free(hex);
        tail.p = rest.p + used + len;
        tail.len = rest.len - used - (size_t)len;
    }
    return list;
}

json_t *block_event(const struct share_record *share, const struct journal_job *job,
                    const struct hash256 *hash, const char *instance)
{
    char text[HASH256_HEX_SIZE], prev[HASH256_HEX_SIZE], txid[HASH256_HEX_SIZE];
    struct hash256 coinbase;
    int64_t value;
    journal_coinbase_id(&coinbase, share, job);
    hash256_format_display(text, hash);
    hash256_format_display(prev, &job->prev_hash);
    hash256_format_display(txid, &coinbase);
    json_t *outputs =
        outputs_of(job, share->extranonce1_len + share->extranonce2_len, &value);
    json_t *set = json_pack(
        "{s:s, s:I, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:o?}",
        "hash", text, "height", (json_int_t)job->height, "state", "submitted", "miner",
        share->miner.text, "worker", share->worker.text, "value_sat", (json_int_t)value,
        "found_ms", (json_int_t)share->time_ms, "instance", instance, "prev", prev,
        "coinbase", txid, "job", (json_int_t)share->job.serial, "snapshot",
        (json_int_t)job->snapshot_id, "nbits", (json_int_t)job->nbits, "outputs",
        outputs);
    return json_pack("{s:{s:s, s:I, s:b, s:b, s:o}}", "block", "hash", text, "height",
                     (json_int_t)job->height, "fresh", 1, "open", 1, "set", set);
}

/* --- of a whole block ------------------------------------------------------------------ */

#define HEADER_LEN   80
#define BITS_AT      72
#define COINBASE_MAX 65536 /* bytes looked at: with witness, more than any of ours */

/* Cuts `n` bytes off the front; false: there are not so many. */
static bool skip(struct bytes *in, uint64_t n)
{
    if (n > in->len)
        return false;
    in->p += n;
    in->len -= (size_t)n;
    return true;
}

static bool read_count(uint64_t *v, struct bytes *in)
{
    size_t used;
    return compact_size_read(v, &used, *in) == KZ_OK && skip(in, used);
}

/* `in` begins at a coinbase's outputs; afterwards behind them. */
static bool skip_outputs(struct bytes *in)
{
    uint64_t count, len;
    bool ok = read_count(&count, in);
    for (uint64_t i = 0; ok && i < count; i++)
        ok = skip(in, 8) && read_count(&len, in) && skip(in, len);
    return ok;
}

/* Sets the job's coinbase parts to the transaction without witness; `bytes` owns them. */
static bool read_coinbase(struct journal_job *job, uint8_t *bytes, struct bytes tx)
{
    struct bytes in = tx;
    uint64_t inputs, script;
    if (!skip(&in, 4))
        return false;
    bool has_witness = in.len > 2 && in.p[0] == 0 && in.p[1] == 1;
    if (has_witness)
        skip(&in, 2);
    const uint8_t *from = in.p;
    if (!read_count(&inputs, &in) || inputs != 1 || !skip(&in, 36) ||
        !read_count(&script, &in) || script > 100 || !skip(&in, script + 4) ||
        !skip_outputs(&in))
        return false;
    size_t middle = (size_t)(in.p - from);
    if (has_witness &&
        !(in.len >= 34 && in.p[0] == 1 && in.p[1] == 32 && skip(&in, 34)))
        return false;
    if (in.len < 4)
        return false;
    memcpy(bytes, tx.p, 4);
    memcpy(bytes + 4, from, middle);
    memcpy(bytes + 4 + middle, in.p, 4);
    job->coinb1 = (struct bytes){bytes, SCRIPT_LEN_AT + 1};
    job->coinb2 =
        (struct bytes){bytes + SCRIPT_LEN_AT + 1, 4 + middle + 4 - (SCRIPT_LEN_AT + 1)};
    return true;
}

json_t *block_event_of_hex(const char *hex, size_t hex_len, uint32_t height,
                           int64_t found_ms, const char *instance)
{
    size_t len = hex_len / 2 < COINBASE_MAX ? hex_len / 2 : COINBASE_MAX;
    uint8_t *raw = mem_new(COINBASE_MAX), *coinbase = mem_new(COINBASE_MAX);
    struct journal_job job = {.height = height};
    const struct share_record share = {.time_ms = found_ms};
    struct bytes in = {raw, len};
    struct hash256 hash;
    uint64_t count;
    json_t *event = NULL;
    if (hex_decode(raw, len, hex, 2 * len) == KZ_OK && len > HEADER_LEN) {
        hash256_double(&hash, raw, HEADER_LEN);
        memcpy(job.prev_hash.b, raw + 4, sizeof(job.prev_hash.b));
        job.nbits = read_le32(raw + BITS_AT);
        if (skip(&in, HEADER_LEN) && read_count(&count, &in) && count > 0 &&
            read_coinbase(&job, coinbase, in))
            event = block_event(&share, &job, &hash, instance);
    }
    mem_free(raw);
    mem_free(coinbase);
    return event;
}
