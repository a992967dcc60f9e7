/* tests/fuzz/fuzz_journal.c - a segment's bytes: whatever they are, a scan ends, stays
 * within them, and gives numbers without a gap; bodies are read and shares computed
 * again. An input whose first byte is odd has its checksums put right first, so that
 * what lies behind them is reached as well. */
#include "share/crc32c.h"
#include "share/journal_check.h"
#include "share/journal_scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *p, size_t size)
{
    for (size_t at = JOURNAL_HEAD_SIZE; at + JOURNAL_RECORD_LEAST <= size;) {
        size_t len = read_le32(p + at);
        if (len < JOURNAL_RECORD_LEAST || len > size - at)
            return;
        write_le32(p + at + len - 4, crc32c_of(p + at, len - 4));
        at += journal_record_size(len - JOURNAL_RECORD_LEAST);
    }
}

static void read_body(const struct journal_record *r)
{
    struct journal_login login;
    struct journal_job job;
    struct journal_check check;
    struct share_record share;
    uint32_t slot;
    if (journal_login_read(&login, r->body) == KZ_OK) {
        uint8_t again[JOURNAL_LOGIN_MAX];
        assert(journal_login_write(again, &login) <= r->body.len);
    }
    if (journal_share_read(&share, &slot, r) == KZ_OK) {
        uint8_t again[JOURNAL_SHARE_MAX];
        assert(journal_share_write(again, &share, slot) <= r->body.len);
        (void)journal_check(&check, &share, NULL, 1);
    }
    if (journal_job_read(&job, r->body) == KZ_OK) {
        assert(job.coinb1.len + job.coinb2.len <= r->body.len);
        share = (struct share_record){.job = job.id, .height = job.height};
        (void)journal_check(&check, &share, &job, 1);
    }
}

static void scan(const uint8_t *data, size_t size)
{
    struct journal_head head;
    struct journal_scan s = {0};
    struct journal_record r;
    const char *why = NULL;
    enum kz_err err;
    if (journal_head_read(&head, (struct bytes){data, size}) == KZ_OK)
        assert(head.synced >= JOURNAL_HEAD_SIZE && head.synced <= head.size);
    journal_scan_enter(&s, (struct bytes){data, size});
    uint64_t last = 0;
    while ((err = journal_scan_next(&s, &r, &why)) == KZ_OK) {
        assert(last == 0 || r.seq == last + 1);
        assert(r.body.p >= data && r.body.p + r.body.len <= data + size);
        assert(s.at <= size);
        last = r.seq;
        read_body(&r);
    }
    assert(err == KZ_EMPTY || (err == KZ_PARSE && why != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 20)
        return 0;
    uint8_t *copy = malloc(size);
    assert(copy != NULL);
    memcpy(copy, data, size);
    if (data[0] % 2 == 1)
        mend(copy, size);
    scan(copy, size);
    free(copy);
    return 0;
}
