#include "share/journal_body.h"

#include <assert.h>
#include <string.h>

#define VARINT_MAX 10
#define BLOCK_BIT  0x80
#define JOB_FIXED  (2 * VARINT_MAX + 4 * 4 + 32 + 1 + 2 * VARINT_MAX)

/* --- writing ------------------------------------------------------------------------ */

static uint8_t *put_varint(uint8_t *to, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *to++ = (uint8_t)(v | 0x80);
    *to++ = (uint8_t)v;
    return to;
}

static uint8_t *put_u32(uint8_t *to, uint32_t v)
{
    write_le32(to, v);
    return to + 4;
}

static uint8_t *put(uint8_t *to, const void *p, size_t len)
{
    if (len > 0)
        memcpy(to, p, len);
    return to + len;
}

size_t journal_share_write(uint8_t out[JOURNAL_SHARE_MAX], const struct share_record *r,
                           uint32_t login_slot)
{
    uint64_t bits;
    uint8_t *to = out;
    assert(r->extranonce1_len <= sizeof(r->extranonce1));
    assert(r->extranonce2_len <= sizeof(r->extranonce2));
    *to++ = (uint8_t)(r->verdict | (r->is_block ? BLOCK_BIT : 0));
    *to++ = (uint8_t)(r->extranonce1_len | r->extranonce2_len << 4);
    to = put_varint(to, login_slot);
    to = put_varint(to, r->session);
    to = put_varint(to, r->job.serial);
    to = put_varint(to, r->height);
    to = put_varint(to, r->work);
    to = put_u32(to, r->ntime);
    to = put_u32(to, r->nonce);
    to = put_u32(to, r->version);
    memcpy(&bits, &r->difficulty, sizeof(bits));
    write_le64(to, bits);
    to = put(to + 8, r->extranonce1, r->extranonce1_len);
    to = put(to, r->extranonce2, r->extranonce2_len);
    return (size_t)(to - out);
}

size_t journal_login_write(uint8_t out[JOURNAL_LOGIN_MAX],
                           const struct journal_login *l)
{
    size_t miner_len = strlen(l->miner.text), worker_len = strlen(l->worker.text);
    uint8_t *to = put_varint(out, l->slot);
    to = put_varint(to, l->miner_number);
    *to++ = (uint8_t)miner_len;
    *to++ = (uint8_t)worker_len;
    to = put(to, l->miner.text, miner_len);
    to = put(to, l->worker.text, worker_len);
    return (size_t)(to - out);
}

size_t journal_job_room(const struct job *job)
{
    return JOB_FIXED + 32 * job->branch_count + job->coinb1.len + job->coinb2.len;
}

size_t journal_job_write(uint8_t *out, const struct job *job)
{
    uint8_t *to = put_varint(out, job->id.serial);
    to = put_varint(to, job->height);
    to = put_u32(to, job->version);
    to = put_u32(to, job->nbits);
    to = put_u32(to, job->ntime);
    to = put_u32(to, job->mintime);
    to = put(to, job->prev_hash.b, 32);
    *to++ = (uint8_t)job->branch_count;
    for (size_t i = 0; i < job->branch_count; i++)
        to = put(to, job->branch[i].b, 32);
    to = put_varint(to, job->coinb1.len);
    to = put(to, job->coinb1.p, job->coinb1.len);
    to = put_varint(to, job->coinb2.len);
    to = put(to, job->coinb2.p, job->coinb2.len);
    return (size_t)(to - out);
}

/* --- reading ------------------------------------------------------------------------ */

/* What was asked for beyond the end is zeros, and `is_bad` says so in the end. */
struct cursor {
    struct bytes rest;
    bool is_bad;
};

static const uint8_t *take(struct cursor *c, size_t len)
{
    static const uint8_t zeros[32] = {0};
    if (c->is_bad || len > c->rest.len) {
        c->is_bad = true;
        return len <= sizeof(zeros) ? zeros : NULL;
    }
    const uint8_t *p = c->rest.p;
    c->rest.p += len;
    c->rest.len -= len;
    return p;
}

static uint64_t take_varint(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = *take(c, 1);
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    c->is_bad = true;
    return 0;
}

static uint32_t take_varint32(struct cursor *c)
{
    uint64_t v = take_varint(c);
    if (v > UINT32_MAX)
        c->is_bad = true;
    return (uint32_t)v;
}

static uint32_t take_u32(struct cursor *c)
{
    return read_le32(take(c, 4));
}

static void take_hash(struct hash256 *h, struct cursor *c)
{
    memcpy(h->b, take(c, 32), 32);
}

static struct bytes take_part(struct cursor *c)
{
    uint64_t len = take_varint(c);
    if (len > c->rest.len)
        c->is_bad = true;
    return c->is_bad ? (struct bytes){0}
                     : (struct bytes){take(c, (size_t)len), (size_t)len};
}

static bool is_done(const struct cursor *c)
{
    return !c->is_bad && c->rest.len == 0;
}

enum kz_err journal_share_read(struct share_record *r, uint32_t *login_slot,
                               const struct journal_record *from)
{
    struct cursor c = {.rest = from->body};
    struct share_record s = {.time_ms = from->time_ms};
    uint8_t verdict = *take(&c, 1), lens = *take(&c, 1);
    if ((verdict & ~BLOCK_BIT) >= SHARE_VERDICTS || (lens & 0xf) > 9 || lens >> 4 > 8)
        return KZ_PARSE;
    s.verdict = (enum share_verdict)(verdict & ~BLOCK_BIT);
    s.is_block = (verdict & BLOCK_BIT) != 0;
    s.extranonce1_len = lens & 0xf;
    s.extranonce2_len = lens >> 4;
    uint32_t slot = take_varint32(&c);
    s.session = take_varint(&c);
    s.job.serial = take_varint(&c);
    s.height = take_varint32(&c);
    s.work = take_varint(&c);
    s.ntime = take_u32(&c);
    s.nonce = take_u32(&c);
    s.version = take_u32(&c);
    uint64_t bits = read_le64(take(&c, 8));
    memcpy(&s.difficulty, &bits, sizeof(bits));
    memcpy(s.extranonce1, take(&c, s.extranonce1_len), s.extranonce1_len);
    memcpy(s.extranonce2, take(&c, s.extranonce2_len), s.extranonce2_len);
    if (!is_done(&c))
        return KZ_PARSE;
    *r = s;
    *login_slot = slot;
    return KZ_OK;
}

enum kz_err journal_login_read(struct journal_login *l, struct bytes body)
{
    struct cursor c = {.rest = body};
    struct journal_login login = {0};
    login.slot = take_varint32(&c);
    login.miner_number = take_varint32(&c);
    size_t miner_len = *take(&c, 1), worker_len = *take(&c, 1);
    if (miner_len > MINER_ID_MAX || worker_len > WORKER_NAME_MAX ||
        c.rest.len != miner_len + worker_len || c.is_bad)
        return KZ_PARSE;
    if (miner_id_parse(&login.miner, (const char *)c.rest.p, miner_len) != KZ_OK)
        return KZ_PARSE;
    memcpy(login.worker.text, c.rest.p + miner_len, worker_len);
    if (strlen(login.worker.text) != worker_len)
        return KZ_PARSE;
    *l = login;
    return KZ_OK;
}

enum kz_err journal_job_read(struct journal_job *j, struct bytes body)
{
    struct cursor c = {.rest = body};
    struct journal_job job = {0};
    job.id.serial = take_varint(&c);
    job.height = take_varint32(&c);
    job.version = take_u32(&c);
    job.nbits = take_u32(&c);
    job.ntime = take_u32(&c);
    job.mintime = take_u32(&c);
    take_hash(&job.prev_hash, &c);
    job.branch_count = *take(&c, 1);
    if (job.branch_count > TEMPLATE_BRANCH_MAX)
        return KZ_PARSE;
    for (size_t i = 0; i < job.branch_count; i++)
        take_hash(&job.branch[i], &c);
    job.coinb1 = take_part(&c);
    job.coinb2 = take_part(&c);
    if (!is_done(&c))
        return KZ_PARSE;
    *j = job;
    return KZ_OK;
}
