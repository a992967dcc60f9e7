#include "share/journal_record.h"

#include "share/crc32c.h"

#include <assert.h>
#include <endian.h>
#include <stdint.h>
#include <string.h>

#define HEAD_MAGIC   0x4a535a4b /* "KZSJ" */
#define HEAD_VERSION 1
#define RECORD_MAGIC 0x524a /* "JR" */

/* --- records ------------------------------------------------------------------------ */

size_t journal_record_size(size_t body_len)
{
    return (JOURNAL_RECORD_LEAST + body_len + 7) / 8 * 8;
}

uint32_t journal_record_write(uint8_t *to, const struct journal_record *r)
{
    uint8_t head[JOURNAL_RECORD_HEAD];
    size_t len = r->body.len, end = JOURNAL_RECORD_HEAD + len;
    assert(len <= JOURNAL_BODY_MAX);
    write_le32(head, (uint32_t)(end + 4));
    write_le16(head + 4, RECORD_MAGIC);
    head[6] = (uint8_t)r->target;
    head[7] = r->kind;
    write_le64(head + 8, r->seq);
    write_le64(head + 16, r->prev);
    write_le64(head + 24, (uint64_t)r->time_ms);
    uint32_t crc = crc32c_add(crc32c_of(head, sizeof(head)), r->body.p, len);
    memcpy(to + 4, head + 4, sizeof(head) - 4);
    if (len > 0)
        memcpy(to + JOURNAL_RECORD_HEAD, r->body.p, len);
    write_le32(to + end, crc);
    memset(to + end + 4, 0, journal_record_size(len) - end - 4);
    return (uint32_t)(end + 4);
}

void journal_record_commit(uint8_t *to, uint32_t length)
{
    assert((uintptr_t)to % 8 == 0);
    __atomic_store_n((uint32_t *)(void *)to, htole32(length), __ATOMIC_RELEASE);
}

static bool is_zero(const uint8_t *p, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= p[i];
    return any == 0;
}

enum kz_err journal_record_read(struct journal_record *r, struct bytes in)
{
    if (in.len == 0)
        return KZ_EMPTY;
    if (in.len < 4)
        return KZ_PARSE;
    size_t len = read_le32(in.p);
    if (len == 0)
        return KZ_EMPTY;
    if (len < JOURNAL_RECORD_LEAST || len > JOURNAL_RECORD_LEAST + JOURNAL_BODY_MAX)
        return KZ_PARSE;
    size_t size = journal_record_size(len - JOURNAL_RECORD_LEAST);
    if (size > in.len || read_le16(in.p + 4) != RECORD_MAGIC ||
        crc32c_of(in.p, len - 4) != read_le32(in.p + len - 4) ||
        !is_zero(in.p + len, size - len) || in.p[6] >= JOURNAL_TARGETS)
        return KZ_PARSE;
    *r = (struct journal_record){
        .seq = read_le64(in.p + 8),
        .prev = read_le64(in.p + 16),
        .time_ms = (int64_t)read_le64(in.p + 24),
        .target = (enum journal_target)in.p[6],
        .kind = in.p[7],
        .body = {in.p + JOURNAL_RECORD_HEAD, len - JOURNAL_RECORD_LEAST},
    };
    return KZ_OK;
}

/* --- heads -------------------------------------------------------------------------- */

static uint64_t synced_word(uint32_t synced, bool is_sealed)
{
    uint8_t low[4];
    assert(synced % 8 == 0);
    write_le32(low, synced | (is_sealed ? 1u : 0u));
    return (uint64_t)crc32c_of(low, sizeof(low)) << 32 | read_le32(low);
}

void journal_head_write(uint8_t to[JOURNAL_HEAD_SIZE], const struct journal_head *h)
{
    memset(to, 0, JOURNAL_HEAD_SIZE);
    write_le32(to, HEAD_MAGIC);
    write_le32(to + 4, HEAD_VERSION);
    memcpy(to + 8, h->id, JOURNAL_ID_SIZE);
    write_le32(to + 24, h->stream);
    write_le32(to + 28, h->number);
    write_le32(to + 32, h->size);
    write_le32(to + 36, crc32c_of(to, 36));
    write_le64(to + JOURNAL_SYNCED_AT, synced_word(h->synced, h->is_sealed));
}

void journal_head_set_synced(uint8_t *head, uint32_t synced, bool is_sealed)
{
    assert((uintptr_t)head % 8 == 0);
    uint64_t word = htole64(synced_word(synced, is_sealed));
    __atomic_store_n((uint64_t *)(void *)(head + JOURNAL_SYNCED_AT), word,
                     __ATOMIC_RELEASE);
}

enum kz_err journal_head_read(struct journal_head *h, struct bytes in)
{
    if (in.len < JOURNAL_HEAD_SIZE || read_le32(in.p) != HEAD_MAGIC ||
        read_le32(in.p + 4) != HEAD_VERSION ||
        read_le32(in.p + 36) != crc32c_of(in.p, 36) ||
        !is_zero(in.p + 48, JOURNAL_HEAD_SIZE - 48))
        return KZ_PARSE;
    uint64_t word = read_le64(in.p + JOURNAL_SYNCED_AT);
    uint32_t synced = (uint32_t)word & ~1u;
    uint32_t size = read_le32(in.p + 32);
    if (synced % 8 != 0 || synced_word(synced, (word & 1) != 0) != word ||
        synced < JOURNAL_HEAD_SIZE || synced > size)
        return KZ_PARSE;
    *h = (struct journal_head){.stream = read_le32(in.p + 24),
                               .number = read_le32(in.p + 28),
                               .size = size,
                               .synced = synced,
                               .is_sealed = (word & 1) != 0};
    memcpy(h->id, in.p + 8, JOURNAL_ID_SIZE);
    return KZ_OK;
}
