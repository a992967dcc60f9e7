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
        char *hex = mem_array(2 * (size_t)len + 1, 1);
        hex_encode(hex, rest.p + used, (size_t)len);
        json_array_append_new(list, json_pack("[I, s]", (json_int_t)value, hex));
        mem_free(hex);
        *sum += value;
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
