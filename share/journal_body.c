#include "share/journal_body.h"

#include "share/pack.h"

#include <assert.h>
#include <string.h>

#define BLOCK_BIT 0x80
#define JOB_FIXED (3 * PACK_VARINT_MAX + 4 * 4 + 32 + 1 + 2 * PACK_VARINT_MAX)

/* --- writing ------------------------------------------------------------------------ */

size_t journal_share_write(uint8_t out[JOURNAL_SHARE_MAX], const struct share_record *r,
                           uint32_t login_slot)
{
    uint64_t bits;
    uint8_t *to = out;
    assert(r->extranonce1_len <= sizeof(r->extranonce1));
    assert(r->extranonce2_len <= sizeof(r->extranonce2));
    *to++ = (uint8_t)(r->verdict | (r->is_block ? BLOCK_BIT : 0));
    *to++ = (uint8_t)(r->extranonce1_len | r->extranonce2_len << 4);
    to = pack_varint(to, login_slot);
    to = pack_varint(to, r->session);
    to = pack_varint(to, r->job.serial);
    to = pack_varint(to, r->height);
    to = pack_varint(to, r->work);
    to = pack_u32(to, r->ntime);
    to = pack_u32(to, r->nonce);
    to = pack_u32(to, r->version);
    memcpy(&bits, &r->difficulty, sizeof(bits));
    write_le64(to, bits);
    to = pack_bytes(to + 8, r->extranonce1, r->extranonce1_len);
    to = pack_bytes(to, r->extranonce2, r->extranonce2_len);
    return (size_t)(to - out);
}

size_t journal_login_write(uint8_t out[JOURNAL_LOGIN_MAX],
                           const struct journal_login *l)
{
    size_t miner_len = strlen(l->miner.text), worker_len = strlen(l->worker.text);
    uint8_t *to = pack_varint(out, l->slot);
    to = pack_varint(to, l->miner_number);
    *to++ = (uint8_t)miner_len;
    *to++ = (uint8_t)worker_len;
    to = pack_bytes(to, l->miner.text, miner_len);
    to = pack_bytes(to, l->worker.text, worker_len);
    return (size_t)(to - out);
}

size_t journal_job_room(const struct job *job)
{
    return JOB_FIXED + 32 * job->branch_count + job->coinb1.len + job->coinb2.len;
}

size_t journal_job_write(uint8_t *out, const struct job *job)
{
    uint8_t *to = pack_varint(out, job->id.serial);
    to = pack_varint(to, job->height);
    to = pack_varint(to, job->snapshot_id);
    to = pack_u32(to, job->version);
    to = pack_u32(to, job->nbits);
    to = pack_u32(to, job->ntime);
    to = pack_u32(to, job->mintime);
    to = pack_bytes(to, job->prev_hash.b, 32);
    *to++ = (uint8_t)job->branch_count;
    for (size_t i = 0; i < job->branch_count; i++)
        to = pack_bytes(to, job->branch[i].b, 32);
    to = pack_varint(to, job->coinb1.len);
    to = pack_bytes(to, job->coinb1.p, job->coinb1.len);
    to = pack_varint(to, job->coinb2.len);
    to = pack_bytes(to, job->coinb2.p, job->coinb2.len);
    return (size_t)(to - out);
}

/* --- reading ------------------------------------------------------------------------ */

enum kz_err journal_share_read(struct share_record *r, uint32_t *login_slot,
                               const struct journal_record *from)
{
    struct unpack c = {.rest = from->body};
    struct share_record s = {.time_ms = from->time_ms};
    uint8_t verdict = *unpack_bytes(&c, 1), lens = *unpack_bytes(&c, 1);
    if ((verdict & ~BLOCK_BIT) >= SHARE_VERDICTS || (lens & 0xf) > 9 || lens >> 4 > 8)
        return KZ_PARSE;
    s.verdict = (enum share_verdict)(verdict & ~BLOCK_BIT);
    s.is_block = (verdict & BLOCK_BIT) != 0;
    s.extranonce1_len = lens & 0xf;
    s.extranonce2_len = lens >> 4;
    uint32_t slot = unpack_varint32(&c);
    s.session = unpack_varint(&c);
    s.job.serial = unpack_varint(&c);
    s.height = unpack_varint32(&c);
    s.work = unpack_varint(&c);
    s.ntime = unpack_u32(&c);
    s.nonce = unpack_u32(&c);
    s.version = unpack_u32(&c);
    uint64_t bits = read_le64(unpack_bytes(&c, 8));
    memcpy(&s.difficulty, &bits, sizeof(bits));
    memcpy(s.extranonce1, unpack_bytes(&c, s.extranonce1_len), s.extranonce1_len);
    memcpy(s.extranonce2, unpack_bytes(&c, s.extranonce2_len), s.extranonce2_len);
    if (!unpack_is_done(&c))
        return KZ_PARSE;
    *r = s;
    *login_slot = slot;
    return KZ_OK;
}

enum kz_err journal_login_read(struct journal_login *l, struct bytes body)
{
    struct unpack c = {.rest = body};
    struct journal_login login = {0};
    login.slot = unpack_varint32(&c);
    login.miner_number = unpack_varint32(&c);
    size_t miner_len = *unpack_bytes(&c, 1), worker_len = *unpack_bytes(&c, 1);
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
    struct unpack c = {.rest = body};
    struct journal_job job = {0};
    job.id.serial = unpack_varint(&c);
    job.height = unpack_varint32(&c);
    job.snapshot_id = unpack_varint(&c);
    job.version = unpack_u32(&c);
    job.nbits = unpack_u32(&c);
    job.ntime = unpack_u32(&c);
    job.mintime = unpack_u32(&c);
    unpack_hash(&job.prev_hash, &c);
    job.branch_count = *unpack_bytes(&c, 1);
    if (job.branch_count > TEMPLATE_BRANCH_MAX)
        return KZ_PARSE;
    for (size_t i = 0; i < job.branch_count; i++)
        unpack_hash(&job.branch[i], &c);
    job.coinb1 = unpack_part(&c);
    job.coinb2 = unpack_part(&c);
    if (!unpack_is_done(&c))
        return KZ_PARSE;
    *j = job;
    return KZ_OK;
}
