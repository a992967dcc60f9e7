#include "share/journal.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/journal_bed.h"

/* Keeps up after each append, so that there always is a next segment. */
static void append_all(struct bed *b, uint64_t first, uint64_t count)
{
    struct journal_stream *s = bed_shares(b);
    for (uint64_t n = first; n < first + count; n++) {
        assert_int_equal(bed_append(s, n), KZ_OK);
        assert_int_equal(journal_stream_prepare(s), KZ_OK);
    }
}

static uint64_t count_all(struct bed *b, uint64_t first)
{
    enum kz_err end;
    uint64_t n = bed_count(bed_shares(b), first, &end);
    assert_int_equal(end, KZ_EMPTY);
    return n;
}

/* --- ordinary life ------------------------------------------------------------------ */

static void records_come_back_in_order_over_many_segments(void **state)
{
    struct bed *b = *state;
    struct journal_stream_stats stats;
    bed_open(b);
    append_all(b, 1, 1000);
    assert_int_equal(count_all(b, 1), 1000);
    append_all(b, 1001, 10);
    assert_int_equal(count_all(b, 1001), 10);
    journal_stats(&stats, b->j);
    assert_true(stats.segments > 20);
    assert_int_equal(stats.unread_bytes, 0);
    assert_true(stats.unsynced_bytes > 0);
    assert_int_equal(journal_sync(b->j), KZ_OK);
    journal_stats(&stats, b->j);
    assert_int_equal(stats.unsynced_bytes, 0);
    assert_int_equal(stats.refused, 0);
}

static void a_closed_journal_goes_on_where_it_was(void **state)
{
    struct bed *b = *state;
    char id[JOURNAL_ID_TEXT];
    for (uint64_t life = 0; life < 30; life++) {
        bed_open(b);
        if (life == 0)
            snprintf(id, sizeof(id), "%s", journal_id(b->j));
        assert_string_equal(journal_id(b->j), id);
        assert_int_equal(count_all(b, 1), life * 17);
        append_all(b, life * 17 + 1, 17);
        assert_int_equal(count_all(b, life * 17 + 1), 17);
        bed_close(b);
    }
}

static void only_synced_records_are_read_when_asked_so(void **state)
{
    struct bed *b = *state;
    struct journal_record r;
    bed_open(b);
    struct journal_stream *s = bed_shares(b);
    append_all(b, 1, 3);
    assert_int_equal(journal_stream_read(s, &r, true), KZ_EMPTY);
    assert_int_equal(journal_sync(b->j), KZ_OK);
    append_all(b, 4, 1);
    for (int i = 0; i < 4; i++) /* start and three */
        assert_int_equal(journal_stream_read(s, &r, true), KZ_OK);
    assert_int_equal(journal_stream_read(s, &r, true), KZ_EMPTY);
    assert_int_equal(journal_stream_read(s, &r, false), KZ_OK);
    assert_true(bed_is(&r, 4));
}

static void without_a_next_segment_a_full_one_refuses_and_then_goes_on(void **state)
{
    struct bed *b = *state;
    struct journal_stream_stats stats;
    uint64_t n = 0;
    bed_open(b);
    struct journal_stream *s = bed_shares(b);
    while (bed_append(s, n + 1) == KZ_OK)
        n++;
    assert_int_equal(bed_append(s, n + 1), KZ_BUSY); /* and nothing is half written */
    journal_stream_stats(&stats, s);
    assert_int_equal(stats.refused, 2);
    assert_int_equal(stats.segments, 2);
    assert_int_equal(journal_stream_prepare(s), KZ_OK);
    assert_int_equal(bed_append(s, n + 1), KZ_OK);
    assert_int_equal(count_all(b, 1), n + 1);
}

static void a_record_larger_than_a_segment_is_refused(void **state)
{
    struct bed *b = *state;
    static uint8_t big[JOURNAL_BODY_MAX + 1];
    struct journal_record r = {.kind = JOURNAL_EVENT, .target = JOURNAL_LEDGER};
    bed_open(b);
    struct journal_stream *s = journal_stream(b->j, JOURNAL_EVENTS);
    size_t most =
        BED_SEGMENT - JOURNAL_HEAD_SIZE - JOURNAL_START_SIZE - JOURNAL_RECORD_LEAST;
    for (size_t len = most + 1; len <= sizeof(big); len += sizeof(big) - most - 1) {
        r.body = (struct bytes){big, len};
        assert_int_equal(journal_stream_append(s, &r), KZ_RANGE);
    }
    r.body.len = most / 8 * 8 - 4;
    assert_int_equal(journal_stream_append(s, &r), KZ_OK);
    assert_int_equal(journal_stream_append(s, &r), KZ_OK); /* one segment each */
    assert_int_equal(journal_stream_append(s, &r), KZ_BUSY);
}

static void each_target_has_a_chain_of_its_own(void **state)
{
    struct bed *b = *state;
    struct journal_record r;
    uint64_t last[JOURNAL_TARGETS] = {0};
    bed_open(b);
    struct journal_stream *s = journal_stream(b->j, JOURNAL_EVENTS);
    for (int i = 0; i < 400; i++) {
        r = (struct journal_record){.kind = JOURNAL_EVENT};
        r.target = (enum journal_target)(i * i % 7 % JOURNAL_TARGETS);
        assert_int_equal(journal_stream_append(s, &r), KZ_OK);
        assert_int_equal(journal_stream_prepare(s), KZ_OK);
        if (i == 200) { /* chains go on in another life */
            bed_close(b);
            bed_open(b);
            s = journal_stream(b->j, JOURNAL_EVENTS);
        }
    }
    for (int i = 0; journal_stream_read(s, &r, false) == KZ_OK; i++) {
        assert_int_equal(r.prev, last[r.target]);
        if (r.target != JOURNAL_NONE)
            last[r.target] = r.seq;
    }
    assert_true(last[JOURNAL_TALLY] > 300 && last[JOURNAL_LEDGER] > 300);
}

/* --- seeking and retention ---------------------------------------------------------- */

static void reading_begins_anew_behind_any_number(void **state)
{
    struct bed *b = *state;
    struct journal_record r;
    uint64_t seqs[500], count = 0;
    bed_open(b);
    struct journal_stream *s = bed_shares(b);
    append_all(b, 1, 300);
    while (bed_next(s, &r) == KZ_OK)
        seqs[count++] = r.seq;
    assert_int_equal(count, 300);
    for (uint64_t i = 0; i < count; i += 7) {
        assert_int_equal(journal_stream_seek(s, seqs[i] - 1), KZ_OK);
        assert_int_equal(bed_next(s, &r), KZ_OK);
        assert_int_equal(r.seq, seqs[i]);
        assert_true(bed_is(&r, i + 1));
    }
    assert_int_equal(journal_stream_seek(s, seqs[299]), KZ_OK);
    assert_int_equal(bed_next(s, &r), KZ_EMPTY);
    assert_int_equal(journal_stream_seek(s, seqs[299] + 1), KZ_EMPTY);
    assert_int_equal(journal_stream_seek(s, 0), KZ_OK);
    assert_int_equal(count_all(b, 1), 300);
}

static void what_is_held_elsewhere_and_old_enough_is_deleted(void **state)
{
    struct bed *b = *state;
    const int64_t t0 = 1700000000000;
    struct journal_record r;
    bed_open(b);
    struct journal_stream *s = bed_shares(b);
    append_all(b, 1, 300);
    assert_int_equal(journal_stream_release(s, UINT64_MAX, INT64_MAX), 0); /* unread */
    count_all(b, 1);
    assert_int_equal(journal_stream_release(s, UINT64_MAX, INT64_MAX),
                     0); /* unsynced */
    assert_int_equal(journal_sync(b->j), KZ_OK);
    assert_int_equal(journal_stream_release(s, 0, INT64_MAX), 0);   /* not held */
    assert_int_equal(journal_stream_release(s, UINT64_MAX, t0), 0); /* too young */
    assert_int_equal(journal_stream_seek(s, 0), KZ_OK);
    count_all(b, 1);
    size_t gone = journal_stream_release(s, 150, INT64_MAX);
    assert_true(gone > 0);
    assert_false(bed_has_file(b, (unsigned)gone));
    assert_true(bed_has_file(b, (unsigned)gone + 1));
    uint64_t first = journal_stream_first(s);
    assert_true(first <= 150);
    assert_int_equal(journal_stream_seek(s, first - 1), KZ_RANGE);
    bed_close(b);
    bed_open(b);
    s = bed_shares(b);
    assert_int_equal(journal_stream_first(s), first);
    assert_int_equal(journal_stream_seek(s, 150), KZ_OK);
    assert_int_equal(bed_next(s, &r), KZ_OK);
    assert_int_equal(r.seq, 151);
    count_all(b, read_le64(r.body.p) + 1);
    assert_true(journal_stream_release(s, UINT64_MAX, INT64_MAX) > 0);
    append_all(b, 301, 1);
    assert_int_equal(count_all(b, 301), 1);
}

/* --- two threads -------------------------------------------------------------------- */

#define PASSED_ON 60000

static void *write_all(void *arg)
{
    struct journal_stream *s = arg;
    for (uint64_t n = 1; n <= PASSED_ON; n++)
        while (bed_append(s, n) == KZ_BUSY)
            sched_yield();
    return NULL;
}

static void a_reader_behind_the_writer_sees_every_record_whole(void **state)
{
    struct bed *b = *state;
    pthread_t writer;
    struct journal_record r;
    uint64_t next = 1, turn = 0;
    assert_int_equal(bed_try_open(b, 1, 16 * BED_SEGMENT), KZ_OK);
    struct journal_stream *s = bed_shares(b);
    assert_int_equal(pthread_create(&writer, NULL, write_all, s), 0);
    while (next <= PASSED_ON) {
        enum kz_err err;
        assert_int_equal(journal_stream_prepare(s), KZ_OK);
        if (++turn % 16 == 0)
            assert_int_equal(journal_stream_sync(s), KZ_OK);
        while ((err = bed_next(s, &r)) == KZ_OK)
            assert_true(bed_is(&r, next++));
        assert_int_equal(err, KZ_EMPTY);
        journal_stream_release(s, r.seq, INT64_MAX);
        sched_yield();
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(journal_sync(b->j), KZ_OK);
    bed_close(b);
    assert_int_equal(bed_try_open(b, 1, 16 * BED_SEGMENT), KZ_OK);
    append_all(b, PASSED_ON + 1, 1);
}

/* --- the directory ------------------------------------------------------------------ */

static void streams_of_more_threads_than_now_are_taken_up(void **state)
{
    struct bed *b = *state;
    enum kz_err end;
    assert_int_equal(bed_try_open(b, 3, BED_SEGMENT), KZ_OK);
    assert_int_equal(journal_stream_count(b->j), 4);
    assert_int_equal(bed_append(journal_stream(b->j, 3), 1), KZ_OK);
    bed_close(b);
    assert_int_equal(bed_try_open(b, 1, BED_SEGMENT), KZ_OK);
    assert_int_equal(journal_stream_count(b->j), 4);
    assert_int_equal(bed_count(journal_stream(b->j, 3), 1, &end), 1);
}

static void another_journals_segment_is_refused(void **state)
{
    struct bed *b = *state;
    uint8_t file[BED_SEGMENT];
    char path[160];
    bed_open(b);
    append_all(b, 1, 3);
    bed_close(b);
    bed_load(file, sizeof(file), b, 1);
    bed_empty(b->journal);
    bed_open(b);
    bed_close(b);
    bed_store(file, sizeof(file), b, 1);
    assert_int_equal(bed_try_open(b, 1, BED_SEGMENT), KZ_PARSE);
    assert_int_equal(b->damage.stream, JOURNAL_SHARES);
    assert_int_equal(b->damage.segment, 1);
    snprintf(path, sizeof(path), "%s/id", b->journal);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(bed_try_open(b, 1, BED_SEGMENT), KZ_PARSE);
    assert_non_null(strstr(b->damage.why, "id"));
}

static void a_missing_segment_is_found(void **state)
{
    struct bed *b = *state;
    char path[160];
    bed_open(b);
    append_all(b, 1, 200);
    bed_close(b);
    bed_path(path, b, 3);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(bed_try_open(b, 1, BED_SEGMENT), KZ_PARSE);
    assert_int_equal(b->damage.segment, 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_come_back_in_order_over_many_segments),
        TEST(a_closed_journal_goes_on_where_it_was),
        TEST(only_synced_records_are_read_when_asked_so),
        TEST(without_a_next_segment_a_full_one_refuses_and_then_goes_on),
        TEST(a_record_larger_than_a_segment_is_refused),
        TEST(each_target_has_a_chain_of_its_own),
        TEST(reading_begins_anew_behind_any_number),
        TEST(what_is_held_elsewhere_and_old_enough_is_deleted),
        TEST(a_reader_behind_the_writer_sees_every_record_whole),
        TEST(streams_of_more_threads_than_now_are_taken_up),
        TEST(another_journals_segment_is_refused),
        TEST(a_missing_segment_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
