/* What a journal is for: kills, power cuts, damaged bytes and full disks. */
#include "share/journal.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/journal_bed.h"

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    return *x ^= *x << 5;
}

/* --- kill -9 ------------------------------------------------------------------------ */

#define KILLS 60

/* Never returns: appends, says so, syncs and prepares now and then. */
static void write_until_killed(struct bed *b, _Atomic uint64_t *acknowledged)
{
    if (bed_try_open(b, 1, BED_SEGMENT) != KZ_OK)
        _exit(1);
    struct journal_stream *s = bed_shares(b);
    for (uint64_t n = *acknowledged + 1;; n++) {
        while (bed_append(s, n) != KZ_OK)
            if (journal_stream_prepare(s) != KZ_OK)
                _exit(1);
        atomic_store(acknowledged, n);
        if (n % 19 == 0 && journal_stream_prepare(s) != KZ_OK)
            _exit(1);
        if (n % 97 == 0 && journal_stream_sync(s) != KZ_OK)
            _exit(1);
    }
}

/* After `until` is acknowledged or `looks` looks, whichever is first: so that some are
 * killed while they still open what the one before left. */
static void kill_one_writer(struct bed *b, _Atomic uint64_t *acknowledged,
                            uint64_t until, uint64_t looks)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        write_until_killed(b, acknowledged);
    while (looks-- > 0 && atomic_load(acknowledged) < until) {
        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        sched_yield();
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void a_killed_writer_loses_nothing_it_acknowledged(void **state)
{
    struct bed *b = *state;
    uint32_t random = 20260131;
    _Atomic uint64_t *acknowledged =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(acknowledged != MAP_FAILED);
    for (int i = 0; i < KILLS; i++) {
        enum kz_err end;
        uint64_t until = *acknowledged + 1 + next_random(&random) % 400;
        uint64_t looks = i % 4 == 3 ? next_random(&random) % 4000 : UINT64_MAX;
        kill_one_writer(b, acknowledged, until, looks);
        bed_open(b);
        uint64_t found = bed_count(bed_shares(b), 1, &end);
        assert_int_equal(end, KZ_EMPTY);
        assert_true(found != UINT64_MAX);
        /* One more may be whole whose writer did not live to say so. */
        assert_in_range(found, *acknowledged, *acknowledged + 1);
        *acknowledged = found;
        bed_close(b);
    }
    assert_true(*acknowledged > KILLS);
    munmap(acknowledged, 4096);
}

/* --- power cuts --------------------------------------------------------------------- */

struct written {
    uint8_t file[BED_SEGMENT];
    size_t synced, end; /* offsets */
    size_t at[64];      /* where record n + 1 begins; [count]: the end */
    uint64_t count;
};

static size_t end_of(struct bed *b)
{
    struct journal_stream_stats stats;
    journal_stream_stats(&stats, bed_shares(b));
    return JOURNAL_HEAD_SIZE + stats.unread_bytes;
}

/* Some synced records and some that are not, in one segment. */
static void write_some(struct written *w, struct bed *b, uint64_t synced,
                       uint64_t unsynced)
{
    bed_open(b);
    struct journal_stream *s = bed_shares(b);
    memset(w, 0, sizeof(*w));
    for (uint64_t n = 0; n < synced + unsynced; n++) {
        w->at[n] = n > 0 ? end_of(b) : JOURNAL_HEAD_SIZE + JOURNAL_START_SIZE;
        assert_int_equal(bed_append(s, n + 1), KZ_OK);
        if (n + 1 == synced) {
            assert_int_equal(journal_sync(b->j), KZ_OK);
            w->synced = end_of(b);
        }
    }
    w->end = end_of(b);
    w->count = synced + unsynced;
    w->at[w->count] = w->end;
    bed_load(w->file, sizeof(w->file), b, 1);
    bed_close(b);
}

/* What a life after `file` finds; UINT64_MAX when it is not what was written. And that
 * what is appended then is found by the life after that. */
static uint64_t recovered(struct bed *b, const uint8_t *file)
{
    enum kz_err end;
    bed_store(file, BED_SEGMENT, b, 1);
    if (bed_try_open(b, 1, BED_SEGMENT) != KZ_OK)
        return UINT64_MAX;
    uint64_t n = bed_count(bed_shares(b), 1, &end);
    if (end != KZ_EMPTY || bed_append(bed_shares(b), n + 1) != KZ_OK)
        n = UINT64_MAX;
    bed_close(b);
    if (n == UINT64_MAX || bed_try_open(b, 1, BED_SEGMENT) != KZ_OK)
        return UINT64_MAX;
    bool again = bed_count(bed_shares(b), 1, &end) == n + 1 && end == KZ_EMPTY;
    bed_close(b);
    return again ? n : UINT64_MAX;
}

/* How many records are as they were written. A tail cut off may have been zeros: the
 * padding, or the last byte of a checksum. */
static uint64_t whole_in(const struct written *w, const uint8_t *torn)
{
    uint64_t n = 0;
    while (n < w->count && memcmp(torn, w->file, w->at[n + 1]) == 0)
        n++;
    return n;
}

static void a_tail_torn_at_any_byte_is_cut_at_the_last_whole_record(void **state)
{
    struct bed *b = *state;
    struct written w;
    uint8_t torn[BED_SEGMENT];
    size_t wrong = 0;
    write_some(&w, b, 5, 9);
    bed_hush(b);
    for (size_t from = w.synced; from <= w.end; from++) {
        memcpy(torn, w.file, sizeof(torn));
        memset(torn + from, 0, sizeof(torn) - from);
        wrong += recovered(b, torn) != whole_in(&w, torn);
    }
    bed_speak(b);
    assert_true(bed_has_logged(b, "warn journal_tail_cut"));
    assert_int_equal(wrong, 0);
}

/* Pages reach the disk in any order: a later one may be there and an earlier not. */
static void a_whole_record_behind_a_hole_never_comes_to_life(void **state)
{
    struct bed *b = *state;
    struct written w;
    uint8_t torn[BED_SEGMENT];
    size_t wrong = 0;
    write_some(&w, b, 5, 9);
    bed_hush(b);
    for (uint64_t lost = 5; lost + 1 < w.count; lost++) {
        memcpy(torn, w.file, sizeof(torn));
        memset(torn + w.at[lost], 0, w.at[lost + 1] - w.at[lost]);
        wrong += recovered(b, torn) != lost;
        memcpy(torn, w.file, sizeof(torn)); /* half of it */
        size_t half = (w.at[lost + 1] - w.at[lost]) / 2;
        memset(torn + w.at[lost] + half, 0, 8);
        wrong += recovered(b, torn) != lost;
    }
    bed_speak(b);
    assert_int_equal(wrong, 0);
}

static void segments_behind_a_torn_tail_are_emptied(void **state)
{
    struct bed *b = *state;
    uint8_t file[BED_SEGMENT];
    enum kz_err end;
    bed_open(b);
    struct journal_stream *s = bed_shares(b);
    for (uint64_t n = 1; n <= 100; n++) { /* three segments, nothing synced */
        assert_int_equal(bed_append(s, n), KZ_OK);
        assert_int_equal(journal_stream_prepare(s), KZ_OK);
    }
    assert_true(bed_has_file(b, 4));
    bed_hush(b);
    bed_load(file, sizeof(file), b, 1);
    memset(file + 2048, 0, sizeof(file) - 2048);
    bed_store(file, sizeof(file), b, 1);
    struct journal *old = b->j;
    enum kz_err opened = bed_try_open(b, 1, BED_SEGMENT);
    bed_speak(b);
    assert_int_equal(opened, KZ_OK);
    assert_true(bed_has_logged(b, "warn journal_tail_cut"));
    uint64_t found = bed_count(bed_shares(b), 1, &end);
    assert_int_equal(end, KZ_EMPTY);
    assert_true(found > 5 && found < 40);
    for (uint64_t n = found + 1; n <= found + 100; n++) {
        assert_int_equal(bed_append(bed_shares(b), n), KZ_OK);
        assert_int_equal(journal_stream_prepare(bed_shares(b)), KZ_OK);
    }
    assert_int_equal(bed_count(bed_shares(b), found + 1, &end), 100);
    bed_close(b);
    b->j = old;
}

/* `in_first` records in the first segment, with room left there, one in the second. */
static void write_two_segments(struct bed *b, uint64_t in_first)
{
    static const uint8_t big[3000];
    struct journal_record r = {
        .target = JOURNAL_TALLY, .kind = JOURNAL_EVENT, .body = {big, sizeof(big)}};
    bed_open(b);
    for (uint64_t n = 1; n <= in_first; n++)
        assert_int_equal(bed_append(bed_shares(b), n), KZ_OK);
    assert_int_equal(journal_stream_append(bed_shares(b), &r), KZ_OK);
    bed_close(b);
}

/* Sealed reached the disk, the start of the next segment did not. */
static void a_sealed_segment_is_not_written_to_again(void **state)
{
    struct bed *b = *state;
    static _Alignas(8) uint8_t file[BED_SEGMENT];
    uint8_t first[BED_SEGMENT], now[BED_SEGMENT];
    enum kz_err end;
    write_two_segments(b, 15);
    bed_load(first, sizeof(first), b, 1);
    bed_load(file, sizeof(file), b, 2);
    memset(file + JOURNAL_HEAD_SIZE, 0, sizeof(file) - JOURNAL_HEAD_SIZE);
    journal_head_set_synced(file, JOURNAL_HEAD_SIZE, false);
    bed_store(file, sizeof(file), b, 2);
    bed_open(b);
    assert_int_equal(bed_count(bed_shares(b), 1, &end), 15);
    assert_int_equal(end, KZ_EMPTY);
    assert_int_equal(bed_append(bed_shares(b), 16), KZ_OK);
    bed_close(b);
    bed_load(now, sizeof(now), b, 1);
    assert_memory_equal(now, first, sizeof(first));
    bed_open(b);
    assert_int_equal(bed_count(bed_shares(b), 1, &end), 16);
}

/* The first segment's head is older on the disk than the second's: nothing of it is
 * known to be synced but by what stands in the second. */
static void damage_before_a_synced_segment_is_never_cut_as_a_torn_tail(void **state)
{
    struct bed *b = *state;
    static _Alignas(8) uint8_t file[BED_SEGMENT];
    uint8_t second[BED_SEGMENT], now[BED_SEGMENT];
    write_two_segments(b, 15);
    bed_load(second, sizeof(second), b, 2);
    bed_load(file, sizeof(file), b, 1);
    journal_head_set_synced(file, JOURNAL_HEAD_SIZE, false);
    bed_store(file, sizeof(file), b, 1);
    bed_open(b); /* as it is, it is whole */
    bed_close(b);
    file[JOURNAL_HEAD_SIZE + JOURNAL_START_SIZE + 300] ^= 1;
    bed_store(file, sizeof(file), b, 1);
    bed_hush(b);
    enum kz_err opened = bed_try_open(b, 1, BED_SEGMENT);
    bed_speak(b);
    assert_int_equal(opened, KZ_PARSE);
    assert_int_equal(b->damage.segment, 1);
    bed_load(now, sizeof(now), b, 2);
    assert_memory_equal(now, second, sizeof(second));
}

/* --- damage ------------------------------------------------------------------------- */

/* Whether damage is told before anything wrong is given out. */
static bool is_found(struct bed *b, uint64_t count)
{
    enum kz_err end = KZ_PARSE;
    uint64_t n = 0;
    if (bed_try_open(b, 1, BED_SEGMENT) == KZ_OK) {
        n = bed_count(bed_shares(b), 1, &end);
        bed_close(b);
    }
    return end == KZ_PARSE && n != UINT64_MAX && n <= count;
}

static void every_flipped_byte_of_a_synced_journal_is_found(void **state)
{
    struct bed *b = *state;
    struct written w;
    size_t missed = 0;
    write_some(&w, b, 12, 0);
    bed_hush(b);
    for (size_t i = 0; i < w.end; i++) {
        uint8_t was = w.file[i];
        for (unsigned bit = 0; bit < 8; bit += 1 + (unsigned)i % 3) {
            w.file[i] = (uint8_t)(was ^ (1u << bit));
            bed_store(w.file, sizeof(w.file), b, 1);
            missed += !is_found(b, w.count);
        }
        w.file[i] = was;
    }
    bed_speak(b);
    assert_int_equal(missed, 0);
    bed_store(w.file, sizeof(w.file), b, 1);
    bed_open(b);
    enum kz_err end;
    assert_int_equal(bed_count(bed_shares(b), 1, &end), 12);
}

static void
every_flipped_byte_of_a_sealed_segment_is_found_when_it_is_read(void **state)
{
    struct bed *b = *state;
    uint8_t file[BED_SEGMENT];
    struct journal_stream *s;
    size_t missed = 0, used = BED_SEGMENT;
    bed_open(b);
    s = bed_shares(b);
    for (uint64_t n = 1; n <= 200; n++) {
        assert_int_equal(bed_append(s, n), KZ_OK);
        assert_int_equal(journal_stream_prepare(s), KZ_OK);
    }
    bed_close(b);
    bed_load(file, sizeof(file), b, 2);
    while (file[used - 1] == 0)
        used--;
    bed_hush(b);
    for (size_t i = 0; i < used; i++) {
        file[i] ^= 0x10;
        bed_store(file, sizeof(file), b, 2);
        missed += !is_found(b, 200);
        file[i] ^= 0x10;
    }
    bed_speak(b);
    assert_int_equal(missed, 0);
}

static void a_hole_before_the_synced_offset_is_damage_and_no_torn_tail(void **state)
{
    struct bed *b = *state;
    struct written w;
    uint8_t torn[BED_SEGMENT];
    size_t missed = 0;
    write_some(&w, b, 12, 0);
    bed_hush(b);
    for (uint64_t n = 0; n < w.count; n++) {
        memcpy(torn, w.file, sizeof(torn));
        memset(torn + w.at[n], 0, w.at[n + 1] - w.at[n]); /* one record */
        bed_store(torn, sizeof(torn), b, 1);
        missed += !is_found(b, n);
        memset(torn + w.at[n], 0, w.end - w.at[n]); /* all from there on */
        bed_store(torn, sizeof(torn), b, 1);
        missed += !is_found(b, n);
    }
    bed_speak(b);
    assert_int_equal(missed, 0);
}

static void damage_stops_reading_where_it_is_and_says_where(void **state)
{
    struct bed *b = *state;
    struct written w;
    enum kz_err end;
    write_some(&w, b, 12, 0);
    bed_open(b);
    /* Found while it runs: the page is shared with who damages it. */
    w.file[w.at[6] + 40] ^= 1;
    bed_load(w.file, JOURNAL_HEAD_SIZE, b, 1);
    bed_store(w.file, sizeof(w.file), b, 1);
    bed_hush(b);
    uint64_t n = bed_count(bed_shares(b), 1, &end);
    bed_speak(b);
    assert_int_equal(n, 6);
    assert_int_equal(end, KZ_PARSE);
    const struct journal_damage *d = journal_stream_damage(bed_shares(b));
    assert_non_null(d);
    assert_int_equal(d->stream, JOURNAL_SHARES);
    assert_int_equal(d->segment, 1);
    assert_int_equal(d->offset, w.at[6]);
    assert_int_equal(d->last_seq, 7); /* the start record is number 1 */
    bed_close(b);
    bed_hush(b);
    enum kz_err opened = bed_try_open(b, 1, BED_SEGMENT);
    bed_speak(b);
    assert_int_equal(opened, KZ_PARSE);
    assert_int_equal(b->damage.offset, w.at[6]);
}

/* --- full disk ---------------------------------------------------------------------- */

static void fill_file(const char *path)
{
    static uint8_t block[4096] = {1};
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    while (write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
        continue;
    close(fd);
}

static void a_full_disk_refuses_before_it_lies_and_resumes_by_itself(void **state)
{
    struct bed *b = *state;
    char filler[160];
    enum kz_err end;
    uint64_t n = 0;
    struct journal_stream_stats stats;
    if (geteuid() != 0 || mkdir(b->journal, 0700) != 0 ||
        mount("tmpfs", b->journal, "tmpfs", 0, "size=256k") != 0) {
        printf("a_full_disk_refuses_before_it_lies_and_resumes_by_itself: needs to "
               "mount a tmpfs, skipped\n");
        skip();
    }
    bed_hush(b);
    bed_open(b);
    struct journal_stream *s = bed_shares(b);
    snprintf(filler, sizeof(filler), "%s/filler", b->journal);
    fill_file(filler);
    while (bed_append(s, n + 1) == KZ_OK) {
        n++;
        /* The alarm comes while there still is room: a whole segment of it. */
        enum kz_err err = journal_stream_prepare(s);
        journal_stream_stats(&stats, s);
        assert_int_equal(stats.no_space, err == KZ_IO);
    }
    assert_true(n > 40 && n < 100); /* two segments */
    assert_true(stats.no_space);
    assert_true(bed_has_logged(b, "error journal_has_no_space"));
    assert_int_equal(journal_sync(b->j), KZ_OK); /* needs no space */
    assert_int_equal(bed_count(s, 1, &end), n);
    assert_int_equal(unlink(filler), 0);
    assert_int_equal(journal_stream_prepare(s), KZ_OK);
    assert_int_equal(bed_append(s, n + 1), KZ_OK);
    assert_int_equal(bed_count(s, n + 1, &end), 1);
    fill_file(filler); /* full again, and killed: nothing is lost */
    journal_close(b->j);
    bed_open(b);
    assert_int_equal(bed_count(bed_shares(b), 1, &end), n + 1);
    bed_close(b);
    bed_speak(b);
    assert_true(bed_has_logged(b, "info journal_has_space_again"));
    assert_int_equal(umount(b->journal), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_killed_writer_loses_nothing_it_acknowledged),
        TEST(a_tail_torn_at_any_byte_is_cut_at_the_last_whole_record),
        TEST(a_whole_record_behind_a_hole_never_comes_to_life),
        TEST(segments_behind_a_torn_tail_are_emptied),
        TEST(a_sealed_segment_is_not_written_to_again),
        TEST(damage_before_a_synced_segment_is_never_cut_as_a_torn_tail),
        TEST(every_flipped_byte_of_a_synced_journal_is_found),
        TEST(a_hole_before_the_synced_offset_is_damage_and_no_torn_tail),
        TEST(every_flipped_byte_of_a_sealed_segment_is_found_when_it_is_read),
        TEST(damage_stops_reading_where_it_is_and_says_where),
        TEST(a_full_disk_refuses_before_it_lies_and_resumes_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
