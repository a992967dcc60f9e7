#include "pool/bench/bench_work.h"

#include "conf/mem.h"

#include <string.h>

/* The strings of a scanned copy of the parameters, ended in place where their closing
 * quotes stood. */
static const char *ended(uint8_t *copy, struct bytes inside)
{
    uint8_t *p = copy + (inside.p - copy);
    p[inside.len] = '\0';
    return (const char *)p;
}

static enum kz_err branch_fields(const char *branch[TEMPLATE_BRANCH_MAX], size_t *count,
                                 uint8_t *copy, struct bytes array)
{
    struct bytes found[TEMPLATE_BRANCH_MAX];
    struct scan_array a = scan_array(array);
    struct bytes value;
    size_t n = 0;
    enum kz_err err;
    while ((err = scan_next(&value, &a)) == KZ_OK) {
        if (n == TEMPLATE_BRANCH_MAX)
            return KZ_RANGE;
        if (scan_string(&found[n++], value) != KZ_OK)
            return KZ_PARSE;
    }
    if (err != KZ_EMPTY)
        return KZ_PARSE;
    for (size_t i = 0; i < n; i++) /* after the walk, which needs the quotes */
        branch[i] = ended(copy, found[i]);
    *count = n;
    return KZ_OK;
}

static enum kz_err job_from_copy(struct work *w, uint8_t *copy, size_t len)
{
    struct scan_notify n;
    if (scan_notify(&n, (struct bytes){copy, len}) != KZ_OK)
        return KZ_PARSE;
    if (n.job_id.len > WORK_JOB_ID_MAX)
        return KZ_RANGE;
    const char *branch[TEMPLATE_BRANCH_MAX];
    struct job_fields f = {.branch = branch};
    enum kz_err err = branch_fields(branch, &f.branch_count, copy, n.branch);
    if (err != KZ_OK)
        return err;
    f.prevhash = ended(copy, n.prevhash);
    f.coinb1 = ended(copy, n.coinb1);
    f.coinb2 = ended(copy, n.coinb2);
    f.version = ended(copy, n.version);
    f.nbits = ended(copy, n.nbits);
    f.ntime = ended(copy, n.ntime);
    struct job *job;
    err = job_from_fields(&job, &f);
    if (err != KZ_OK)
        return err;
    w->job = job;
    memcpy(w->job_id, n.job_id.p, n.job_id.len);
    w->job_id[n.job_id.len] = '\0';
    return KZ_OK;
}

enum kz_err work_from_notify(struct work *w, struct bytes params)
{
    if (params.p == NULL)
        return KZ_PARSE;
    uint8_t *copy = mem_copy(params.p, params.len);
    struct work made = {.job = NULL};
    enum kz_err err = job_from_copy(&made, copy, params.len);
    mem_free(copy);
    if (err == KZ_OK)
        *w = made;
    return err;
}

struct work work_ref(const struct work *w)
{
    struct work copy = *w;
    if (w->job != NULL)
        copy.job = job_ref(w->job);
    return copy;
}

void work_clear(struct work *w)
{
    job_unref(w->job);
    *w = (struct work){.job = NULL};
}

void work_header_make(struct work_header *h, const struct job *job,
                      const uint8_t *extranonce, size_t extranonce_len,
                      uint32_t version)
{
    struct sha256_state coinbase = job->coinb1_state;
    struct hash256 root;
    sha256_add(&coinbase, extranonce, extranonce_len);
    sha256_add(&coinbase, job->coinb2.p, job->coinb2.len);
    sha256_end_double(&root, &coinbase);
    for (size_t i = 0; i < job->branch_count; i++) {
        struct hash256 left = root;
        hash256_pair(&root, &left, &job->branch[i]);
    }

    uint8_t first[64];
    write_le32(first, version);
    memcpy(first + 4, job->prev_hash.b, 32);
    memcpy(first + 36, root.b, 28);
    sha256_begin(&h->first_block);
    sha256_add(&h->first_block, first, sizeof(first));
    memcpy(h->tail, root.b + 28, 4);
    write_le32(h->tail + 4, job->ntime);
    write_le32(h->tail + 8, job->nbits);
    write_le32(h->tail + 12, 0);
}

void work_header_hash(struct hash256 *out, const struct work_header *h, uint32_t nonce)
{
    struct sha256_state s = h->first_block;
    uint8_t tail[16];
    memcpy(tail, h->tail, 12);
    write_le32(tail + 12, nonce);
    sha256_add(&s, tail, sizeof(tail));
    sha256_end_double(out, &s);
}

uint32_t work_version_bits(uint32_t mask, uint32_t index)
{
    uint32_t bits = 0;
    for (unsigned at = 0; at < 32 && index != 0; at++) {
        uint32_t bit = (uint32_t)1 << at;
        if ((mask & bit) == 0)
            continue;
        if ((index & 1) != 0)
            bits |= bit;
        index >>= 1;
    }
    return bits;
}

uint32_t work_version(uint32_t version, uint32_t mask, uint32_t bits)
{
    return (version & ~mask) | (bits & mask);
}

void work_extranonce2(uint8_t *out, size_t size, uint64_t value)
{
    for (size_t i = size; i > 0; i--) {
        out[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}
