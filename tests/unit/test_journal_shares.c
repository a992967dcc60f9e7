/* Shares through a journal and back, and computed again from what is in it. */
#include "share/journal_check.h"
#include "share/journal_reader.h"
#include "share/journal_verify.h"
#include "share/journal_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/journal_bed.h"

#define NOW     1700000000
#define REGTEST 1 /* work unit */

/* A rig without a socket: submits until one is accepted. */
struct rig {
    struct job *job;
    struct seen *seen;
    struct share_terms terms;
    struct submit submit;
    uint8_t extranonce1[5];
};

static struct job *make_job(uint64_t serial)
{
    static const char *const branch[2] = {
        "0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098",
        "982051fd1e4ba744bbbe680e1fee14677ba1a3c3540bf7b1cdb606e857233e0e"};
    const struct job_fields f = {
        .prevhash = "4ff763ae46a2a6c172b3f1b60a8ce26f000000000019d6689c085ae165831e93",
        .coinb1 =
            "0200000001000000000000000000000000000000000000000000000000000000000000"
            "0000ffffffff0f5151",
        .coinb2 = "feffffff0100f2052a01000000015100000000",
        .version = "20000000",
        .nbits = "1d00ffff",
        .ntime = "6553f100",
        .branch = branch,
        .branch_count = 2,
        .mintime = NOW - 600,
        .id = {serial},
    };
    struct job *job;
    assert_int_equal(job_from_fields(&job, &f), KZ_OK);
    return job;
}

static void rig_set(struct rig *g, uint64_t serial)
{
    memset(g, 0, sizeof(*g));
    g->job = make_job(serial);
    g->seen = seen_new(100000);
    memcpy(g->extranonce1, "\1abcd", 5);
    g->terms = (struct share_terms){.extranonce1 = g->extranonce1,
                                    .extranonce1_len = 5,
                                    .version_mask = 0x1fffe000,
                                    .now = NOW,
                                    .is_authorized = true,
                                    .is_current = true};
    /* One hash in four. */
    target_from_difficulty(&g->terms.target, (struct difficulty){1, 1000000000});
    assert_true(target_work(&g->terms.work, &g->terms.target, REGTEST));
    g->submit = (struct submit){.extranonce2_len = 8, .has_version_bits = true};
    g->submit.version_bits = 0x00c02000;
    g->submit.ntime = NOW;
}

static void rig_clear(struct rig *g)
{
    job_unref(g->job);
    seen_free(g->seen);
}

/* As the session does it. */
static struct share_record rig_share(struct rig *g, unsigned worker)
{
    struct share_result r;
    do {
        g->submit.nonce++;
        share_check(&r, g->job, &g->terms, &g->submit, g->seen);
    } while (r.verdict != SHARE_ACCEPTED);
    struct share_record rec = {.time_ms = NOW * INT64_C(1000) + 7,
                               .session = 9000 + worker,
                               .job = g->job->id,
                               .height = g->job->height,
                               .verdict = r.verdict,
                               .is_block = r.is_block,
                               .work = r.work,
                               .difficulty = hash256_difficulty(&r.hash),
                               .hash = r.hash,
                               .extranonce1_len = 5,
                               .extranonce2_len = 8,
                               .ntime = NOW,
                               .nonce = g->submit.nonce,
                               .version = read_le32(r.header),
                               .miner_number = worker / 10};
    memcpy(rec.extranonce1, g->extranonce1, 5);
    memcpy(rec.extranonce2, g->submit.extranonce2, 8);
    snprintf(rec.miner.text, sizeof(rec.miner.text), "miner-%u", worker / 10);
    snprintf(rec.worker.text, sizeof(rec.worker.text), "rig %u", worker);
    return rec;
}

static void assert_same(const struct share_record *a, const struct share_record *b)
{
    assert_int_equal(a->time_ms, b->time_ms);
    assert_int_equal(a->session, b->session);
    assert_int_equal(a->job.serial, b->job.serial);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->is_block, b->is_block);
    assert_int_equal(a->work, b->work);
    assert_memory_equal(&a->difficulty, &b->difficulty, sizeof(a->difficulty));
    assert_int_equal(a->extranonce1_len, b->extranonce1_len);
    assert_int_equal(a->extranonce2_len, b->extranonce2_len);
    assert_memory_equal(a->extranonce1, b->extranonce1, a->extranonce1_len);
    assert_memory_equal(a->extranonce2, b->extranonce2, a->extranonce2_len);
    assert_int_equal(a->ntime, b->ntime);
    assert_int_equal(a->nonce, b->nonce);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->miner_number, b->miner_number);
    assert_string_equal(a->miner.text, b->miner.text);
    assert_string_equal(a->worker.text, b->worker.text);
}

#define SHARES 600

static void write_shares(struct bed *b, struct share_record *kept)
{
    struct journal_stream *s = bed_shares(b);
    struct journal_writer *w = journal_writer_new(s);
    struct rig rigs[3];
    uint64_t seq, last = 0;
    for (uint64_t i = 0; i < 3; i++)
        rig_set(&rigs[i], 1000 + 64 * i); /* they take turns in one slot */
    for (unsigned n = 0; n < SHARES; n++) {
        struct rig *g = &rigs[n / 50 % 3];
        kept[n] = rig_share(g, n * n % 40);
        assert_int_equal(journal_writer_put(w, &seq, &kept[n], g->job), KZ_OK);
        assert_true(seq > last);
        last = seq;
        assert_int_equal(journal_stream_prepare(s), KZ_OK);
    }
    for (size_t i = 0; i < 3; i++)
        rig_clear(&rigs[i]);
    journal_writer_free(w);
}

static void shares_come_back_whole_and_earn_their_credit(void **state)
{
    struct bed *b = *state;
    static struct share_record kept[SHARES];
    struct share_record got;
    struct journal_check check;
    uint64_t seq, prev, last = 0;
    assert_int_equal(bed_try_open(b, 1, 4 * BED_SEGMENT), KZ_OK);
    write_shares(b, kept);
    assert_true(bed_has_file(b, 4));
    struct journal_reader *r = journal_reader_new(bed_shares(b));
    for (unsigned n = 0; n < SHARES; n++) {
        assert_int_equal(journal_reader_next(r, &got, &seq, &prev, false), KZ_OK);
        assert_same(&got, &kept[n]);
        assert_int_equal(prev, last);
        last = seq;
        assert_int_equal(journal_check(&check, &got, journal_reader_job(r), REGTEST),
                         JOURNAL_GOOD);
        assert_memory_equal(&check.hash, &kept[n].hash, sizeof(check.hash));
    }
    assert_int_equal(journal_reader_next(r, &got, &seq, &prev, false), KZ_EMPTY);
    journal_reader_free(r);
}

static void reading_from_any_share_on_gives_the_same(void **state)
{
    struct bed *b = *state;
    static struct share_record kept[SHARES];
    static uint64_t seqs[SHARES];
    struct share_record got;
    uint64_t seq, prev;
    assert_int_equal(bed_try_open(b, 1, 4 * BED_SEGMENT), KZ_OK);
    write_shares(b, kept);
    struct journal_stream *s = bed_shares(b);
    struct journal_reader *r = journal_reader_new(s);
    for (unsigned n = 0; n < SHARES; n++)
        assert_int_equal(journal_reader_next(r, &got, &seqs[n], &prev, false), KZ_OK);
    for (unsigned n = 0; n + 1 < SHARES; n += 13) {
        assert_int_equal(journal_stream_seek(s, seqs[n]), KZ_OK);
        assert_int_equal(journal_reader_next(r, &got, &seq, &prev, false), KZ_OK);
        assert_int_equal(prev, seqs[n]);
        assert_same(&got, &kept[n + 1]);
        assert_non_null(journal_reader_job(r));
    }
    journal_reader_free(r);
}

static void a_share_takes_about_a_hundred_bytes(void **state)
{
    (void)state;
    uint8_t body[JOURNAL_SHARE_MAX];
    struct share_record r = {.session = 250000,
                             .job = {40000},
                             .height = 950000,
                             .work = 8388736,
                             .difficulty = 12345.678,
                             .extranonce1_len = 5,
                             .extranonce2_len = 8};
    size_t len = journal_share_write(body, &r, 8000);
    assert_in_range(journal_record_size(len), 80, 100);
    memset(&r, 0xff, sizeof(r)); /* the most there can be */
    r.verdict = SHARE_ACCEPTED;
    r.is_block = true;
    r.extranonce1_len = 9;
    r.extranonce2_len = 8;
    assert_true(journal_share_write(body, &r, UINT32_MAX) <= JOURNAL_SHARE_MAX);
}

static void bodies_cut_or_longer_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    struct journal_job job;
    struct journal_login login = {.slot = 77, .miner_number = 5}, l;
    struct rig g;
    rig_set(&g, 300);
    struct share_record share = rig_share(&g, 3), s;
    uint32_t slot;
    size_t len = journal_share_write(bytes, &share, 300);
    for (size_t n = 0; n <= len + 1; n++) {
        const struct journal_record r = {.body = {bytes, n}};
        assert_int_equal(journal_share_read(&s, &slot, &r),
                         n == len ? KZ_OK : KZ_PARSE);
    }
    len = journal_job_write(bytes, g.job);
    assert_true(len <= journal_job_room(g.job));
    for (size_t n = 0; n <= len + 1; n++)
        assert_int_equal(journal_job_read(&job, (struct bytes){bytes, n}),
                         n == len ? KZ_OK : KZ_PARSE);
    login.miner = share.miner;
    login.worker = share.worker;
    len = journal_login_write(bytes, &login);
    for (size_t n = 0; n <= len + 1; n++)
        assert_int_equal(journal_login_read(&l, (struct bytes){bytes, n}),
                         n == len ? KZ_OK : KZ_PARSE);
    assert_int_equal(l.slot, 77);
    rig_clear(&g);
}

/* --- what does not earn its credit -------------------------------------------------- */

static struct journal_job kept_job(uint8_t *bytes, const struct job *job)
{
    struct journal_job j;
    size_t len = journal_job_write(bytes, job);
    assert_int_equal(journal_job_read(&j, (struct bytes){bytes, len}), KZ_OK);
    return j;
}

static void whatever_is_changed_in_a_share_is_a_fault(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    struct journal_check check;
    struct rig g;
    rig_set(&g, 300);
    const struct share_record good = rig_share(&g, 3);
    const struct journal_job job = kept_job(bytes, g.job);
    struct share_record s = good;
    struct journal_job j = job;
#define FAULT(share, of) journal_check(&check, share, of, REGTEST)
    assert_int_equal(FAULT(&s, &job), JOURNAL_GOOD);
    assert_int_equal(FAULT(&s, NULL), JOURNAL_NO_JOB);
    s.nonce ^= 1;
    assert_int_equal(FAULT(&s, &job), JOURNAL_OTHER_HASH);
    s = good, s.ntime++;
    assert_int_equal(FAULT(&s, &job), JOURNAL_OTHER_HASH);
    s = good, s.version ^= 0x2000;
    assert_int_equal(FAULT(&s, &job), JOURNAL_OTHER_HASH);
    s = good, s.extranonce1[4] ^= 1;
    assert_int_equal(FAULT(&s, &job), JOURNAL_OTHER_HASH);
    s = good, s.extranonce2[0] ^= 1;
    assert_int_equal(FAULT(&s, &job), JOURNAL_OTHER_HASH);
    s = good, s.job.serial++;
    assert_int_equal(FAULT(&s, &job), JOURNAL_OTHER_JOB);
    s = good, s.height++;
    assert_int_equal(FAULT(&s, &job), JOURNAL_OTHER_JOB);
    s = good, s.work = 0;
    assert_int_equal(FAULT(&s, &job), JOURNAL_NO_CREDIT);
    s = good, s.verdict = SHARE_STALE;
    assert_int_equal(FAULT(&s, &job), JOURNAL_CREDIT);
    s.work = 0;
    assert_int_equal(FAULT(&s, &job), JOURNAL_GOOD);
    s = good, s.is_block = true;
    assert_int_equal(FAULT(&s, &job), JOURNAL_BLOCK);
    s = good, s.time_ms -= (JOB_NTIME_MAX_AHEAD + 1) * INT64_C(1000);
    assert_int_equal(FAULT(&s, &job), JOURNAL_TIME);
    j.mintime = NOW + 1;
    assert_int_equal(FAULT(&good, &j), JOURNAL_TIME);
    j = job, j.branch[1].b[0] ^= 1;
    assert_int_equal(FAULT(&good, &j), JOURNAL_OTHER_HASH);
    rig_clear(&g);
}

static void work_is_earned_up_to_what_the_hash_is_worth_and_no_further(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    struct journal_check check;
    struct rig g;
    rig_set(&g, 300);
    const struct journal_job job = kept_job(bytes, g.job);
    for (int i = 0; i < 200; i++) {
        struct share_record s = rig_share(&g, 3);
        assert_int_equal(FAULT(&s, &job), JOURNAL_GOOD);
        assert_true(check.worth >= g.terms.work);
        s.work = check.worth;
        assert_int_equal(FAULT(&s, &job), JOURNAL_GOOD);
        s.work++;
        assert_int_equal(FAULT(&s, &job), JOURNAL_NOT_EARNED);
    }
    rig_clear(&g);
}

/* --- a whole journal ---------------------------------------------------------------- */

struct told {
    uint64_t faults, damages, seq;
    enum journal_fault fault;
    struct journal_damage damage;
};

static void on_fault(void *ctx, uint32_t stream, uint64_t seq, enum journal_fault fault,
                     const struct share_record *share,
                     const struct journal_check *check)
{
    struct told *t = ctx;
    assert_int_equal(stream, JOURNAL_SHARES);
    assert_true(fault == JOURNAL_NO_JOB || check->worth < share->work);
    t->faults++;
    t->seq = seq;
    t->fault = fault;
}

static void on_damage(void *ctx, const struct journal_damage *damage)
{
    struct told *t = ctx;
    t->damages++;
    t->damage = *damage;
}

static struct journal_verify_report verify(struct told *t, const struct bed *b,
                                           int64_t from_ms)
{
    struct journal_verify_report report;
    const struct journal_verify_options o = {.dir = b->journal,
                                             .unit = REGTEST,
                                             .from_ms = from_ms,
                                             .until_ms = INT64_MAX,
                                             .on_fault = on_fault,
                                             .on_damage = on_damage,
                                             .ctx = t};
    memset(t, 0, sizeof(*t));
    assert_int_equal(journal_verify(&report, &o), KZ_OK);
    return report;
}

static void every_share_of_a_journal_is_computed_again_while_it_is_open(void **state)
{
    struct bed *b = *state;
    static struct share_record kept[SHARES];
    struct told t;
    assert_int_equal(bed_try_open(b, 2, 4 * BED_SEGMENT), KZ_OK);
    write_shares(b, kept);
    struct journal_verify_report r = verify(&t, b, 0);
    assert_string_equal(r.id, journal_id(b->j));
    assert_int_equal(r.streams, 3);
    assert_int_equal(r.shares, SHARES);
    assert_int_equal(r.faults[JOURNAL_GOOD], SHARES);
    assert_int_equal(r.damages + r.torn + t.faults + t.damages, 0);
    r = verify(&t, b, kept[0].time_ms + 1);
    assert_int_equal(r.shares, 0);
    assert_true(r.records > SHARES);
}

static void a_share_with_too_much_credit_is_reported_with_its_number(void **state)
{
    struct bed *b = *state;
    struct told t;
    struct rig g;
    uint64_t seq, wrong;
    rig_set(&g, 5);
    assert_int_equal(bed_try_open(b, 1, 4 * BED_SEGMENT), KZ_OK);
    struct journal_writer *w = journal_writer_new(bed_shares(b));
    struct share_record s = rig_share(&g, 1);
    assert_int_equal(journal_writer_put(w, &seq, &s, g.job), KZ_OK);
    s = rig_share(&g, 1);
    s.work += UINT64_C(1) << 40;
    assert_int_equal(journal_writer_put(w, &wrong, &s, g.job), KZ_OK);
    struct journal_verify_report r = verify(&t, b, 0);
    assert_int_equal(r.faults[JOURNAL_GOOD], 1);
    assert_int_equal(r.faults[JOURNAL_NOT_EARNED], 1);
    assert_int_equal(t.seq, wrong);
    assert_int_equal(t.fault, JOURNAL_NOT_EARNED);
    s = rig_share(&g, 1);
    s.job.serial = 6;
    assert_int_equal(journal_writer_put(w, &seq, &s, NULL), KZ_OK);
    r = verify(&t, b, 0);
    assert_int_equal(r.faults[JOURNAL_NO_JOB], 1);
    journal_writer_free(w);
    rig_clear(&g);
}

static void verifying_finds_damage_anywhere_and_changes_nothing(void **state)
{
    struct bed *b = *state;
    static struct share_record kept[SHARES];
    static uint8_t file[4 * BED_SEGMENT], now[4 * BED_SEGMENT];
    struct told t;
    assert_int_equal(bed_try_open(b, 1, 4 * BED_SEGMENT), KZ_OK);
    write_shares(b, kept);
    bed_close(b);
    bed_load(file, sizeof(file), b, 2);
    size_t used = sizeof(file);
    while (file[used - 1] == 0)
        used--;
    for (size_t i = 0; i < used; i += 61) {
        file[i] ^= 0x40;
        bed_store(file, sizeof(file), b, 2);
        struct journal_verify_report r = verify(&t, b, 0);
        assert_int_equal(r.damages, 1);
        assert_int_equal(t.damage.segment, 2);
        bed_load(now, sizeof(now), b, 2);
        assert_memory_equal(now, file, sizeof(file));
        file[i] ^= 0x40;
    }
    bed_store(file, sizeof(file), b, 2);
    assert_int_equal(verify(&t, b, 0).damages, 0);
}

static void a_tail_that_is_not_whole_is_no_damage_unless_it_was_synced(void **state)
{
    struct bed *b = *state;
    static uint8_t file[BED_SEGMENT];
    struct told t;
    struct rig g;
    uint64_t seq;
    size_t end = sizeof(file);
    rig_set(&g, 5);
    bed_open(b);
    struct journal_writer *w = journal_writer_new(bed_shares(b));
    struct share_record s = rig_share(&g, 1);
    assert_int_equal(journal_writer_put(w, &seq, &s, g.job), KZ_OK);
    journal_writer_free(w);
    bed_load(file, sizeof(file), b, 1);
    while (file[end - 1] == 0)
        end--;
    file[end - 20] ^= 1;
    bed_store(file, sizeof(file), b, 1);
    struct journal_verify_report r = verify(&t, b, 0);
    assert_int_equal(r.torn, 1);
    assert_int_equal(r.damages, 0);
    assert_int_equal(journal_sync(b->j), KZ_OK);
    r = verify(&t, b, 0);
    assert_int_equal(r.torn, 0);
    assert_int_equal(r.damages, 1);
    rig_clear(&g);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(shares_come_back_whole_and_earn_their_credit),
        TEST(reading_from_any_share_on_gives_the_same),
        cmocka_unit_test(a_share_takes_about_a_hundred_bytes),
        cmocka_unit_test(bodies_cut_or_longer_are_refused),
        cmocka_unit_test(whatever_is_changed_in_a_share_is_a_fault),
        TEST(every_share_of_a_journal_is_computed_again_while_it_is_open),
        TEST(a_share_with_too_much_credit_is_reported_with_its_number),
        TEST(verifying_finds_damage_anywhere_and_changes_nothing),
        TEST(a_tail_that_is_not_whole_is_no_damage_unless_it_was_synced),
        cmocka_unit_test(work_is_earned_up_to_what_the_hash_is_worth_and_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
