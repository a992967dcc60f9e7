#include "share/journal_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t text[] = "what a share is";

static struct journal_record sample(size_t len)
{
    return (struct journal_record){.seq = 7,
                                   .prev = 5,
                                   .time_ms = 1700000000123,
                                   .target = JOURNAL_TALLY,
                                   .kind = JOURNAL_SHARE,
                                   .body = {text, len}};
}

static size_t put(uint8_t *to, const struct journal_record *r)
{
    journal_record_commit(to, journal_record_write(to, r));
    return journal_record_size(r->body.len);
}

static void a_record_comes_back_as_it_was_written(void **state)
{
    (void)state;
    _Alignas(8) uint8_t bytes[128];
    for (size_t len = 0; len < sizeof(text); len++) {
        struct journal_record r = sample(len), got;
        memset(bytes, 0xee, sizeof(bytes)); /* what was there before does not matter */
        size_t size = put(bytes, &r);
        assert_int_equal(size % 8, 0);
        assert_int_equal(journal_record_read(&got, (struct bytes){bytes, size}), KZ_OK);
        assert_int_equal(got.seq, 7);
        assert_int_equal(got.prev, 5);
        assert_int_equal(got.time_ms, 1700000000123);
        assert_int_equal(got.target, JOURNAL_TALLY);
        assert_int_equal(got.kind, JOURNAL_SHARE);
        assert_int_equal(got.body.len, len);
        assert_memory_equal(got.body.p, text, len);
    }
}

static void a_record_without_its_length_word_is_not_there(void **state)
{
    (void)state;
    _Alignas(8) uint8_t bytes[128] = {0};
    struct journal_record r = sample(8), got;
    uint32_t length = journal_record_write(bytes, &r);
    struct bytes in = {bytes, sizeof(bytes)};
    assert_int_equal(journal_record_read(&got, in), KZ_EMPTY);
    journal_record_commit(bytes, length);
    assert_int_equal(journal_record_read(&got, in), KZ_OK);
}

static void a_record_cut_anywhere_is_refused(void **state)
{
    (void)state;
    _Alignas(8) uint8_t bytes[128];
    struct journal_record r = sample(9), got;
    size_t size = put(bytes, &r);
    for (size_t len = 1; len < size; len++)
        assert_int_equal(journal_record_read(&got, (struct bytes){bytes, len}),
                         KZ_PARSE);
    assert_int_equal(journal_record_read(&got, (struct bytes){bytes, 0}), KZ_EMPTY);
}

static void every_flipped_bit_of_a_record_is_found(void **state)
{
    (void)state;
    _Alignas(8) uint8_t bytes[128];
    struct journal_record r = sample(9), got;
    size_t size = put(bytes, &r);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(journal_record_read(&got, (struct bytes){bytes, size}),
                         KZ_PARSE);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(journal_record_read(&got, (struct bytes){bytes, size}), KZ_OK);
}

static void every_flipped_bit_of_a_head_is_found(void **state)
{
    (void)state;
    _Alignas(8) uint8_t bytes[JOURNAL_HEAD_SIZE];
    const struct journal_head h = {
        .id = {1, 2, 3}, .stream = 4, .number = 9, .size = 65536, .synced = 4096};
    struct journal_head got;
    struct bytes in = {bytes, sizeof(bytes)};
    journal_head_write(bytes, &h);
    journal_head_set_synced(bytes, 8192, true);
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(journal_head_read(&got, in), KZ_PARSE);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(journal_head_read(&got, in), KZ_OK);
    assert_int_equal(got.stream, 4);
    assert_int_equal(got.number, 9);
    assert_int_equal(got.size, 65536);
    assert_int_equal(got.synced, 8192);
    assert_true(got.is_sealed);
    assert_memory_equal(got.id, h.id, sizeof(h.id));
}

/* --- places ------------------------------------------------------------------------- */

struct segment {
    _Alignas(8) uint8_t bytes[1024];
    size_t len;
};

static void add(struct segment *s, uint64_t seq, uint64_t prev, uint8_t kind,
                struct bytes body)
{
    struct journal_record r = {.seq = seq, .prev = prev, .kind = kind, .body = body};
    r.target = kind == JOURNAL_START ? JOURNAL_NONE : JOURNAL_TALLY;
    s->len += put(s->bytes + s->len, &r);
}

static void begin(struct segment *s, uint64_t seq, uint64_t last_of_tally)
{
    uint8_t body[JOURNAL_START_BODY];
    uint64_t last_of[JOURNAL_TARGETS] = {[JOURNAL_TALLY] = last_of_tally};
    journal_start_write(body, last_of);
    memset(s, 0, sizeof(*s));
    s->len = JOURNAL_HEAD_SIZE;
    add(s, seq, 0, JOURNAL_START, (struct bytes){body, sizeof(body)});
    assert_int_equal(s->len, JOURNAL_HEAD_SIZE + JOURNAL_START_SIZE);
}

/* How many records a scan gives before it ends with `end`. */
static size_t scanned(struct journal_scan *scan, const struct segment *s,
                      enum kz_err end)
{
    struct journal_record r;
    const char *why;
    enum kz_err err;
    size_t n = 0;
    journal_scan_enter(scan, (struct bytes){s->bytes, sizeof(s->bytes)});
    while ((err = journal_scan_next(scan, &r, &why)) == KZ_OK)
        n++;
    assert_int_equal(err, end);
    if (err == KZ_PARSE)
        assert_non_null(why);
    return n;
}

static void a_scan_goes_from_segment_to_segment(void **state)
{
    (void)state;
    struct journal_scan scan = {0};
    struct segment s;
    begin(&s, 41, 39);
    add(&s, 42, 39, JOURNAL_SHARE, (struct bytes){text, 3});
    add(&s, 43, 42, JOURNAL_SHARE, (struct bytes){text, 4});
    assert_int_equal(scanned(&scan, &s, KZ_EMPTY), 3);
    assert_int_equal(scan.at, s.len);
    assert_int_equal(scan.last_seq, 43);
    begin(&s, 44, 43);
    add(&s, 45, 43, JOURNAL_SHARE, (struct bytes){text, 3});
    assert_int_equal(scanned(&scan, &s, KZ_EMPTY), 2);
}

static void a_whole_record_at_a_wrong_place_is_found(void **state)
{
    (void)state;
    struct segment s;
    const struct bytes body = {text, 3};
    begin(&s, 1, 0);
    add(&s, 3, 0, JOURNAL_SHARE, body); /* a number left out */
    assert_int_equal(scanned(&(struct journal_scan){0}, &s, KZ_PARSE), 1);
    begin(&s, 1, 0);
    add(&s, 1, 0, JOURNAL_SHARE, body); /* one twice */
    assert_int_equal(scanned(&(struct journal_scan){0}, &s, KZ_PARSE), 1);
    begin(&s, 1, 0);
    add(&s, 2, 1, JOURNAL_SHARE, body); /* another predecessor */
    assert_int_equal(scanned(&(struct journal_scan){0}, &s, KZ_PARSE), 1);
    memset(&s, 0, sizeof(s));
    s.len = JOURNAL_HEAD_SIZE;
    add(&s, 1, 0, JOURNAL_SHARE, body); /* no start */
    assert_int_equal(scanned(&(struct journal_scan){0}, &s, KZ_PARSE), 0);
}

static void a_segment_that_does_not_follow_is_found(void **state)
{
    (void)state;
    struct journal_scan scan = {0};
    struct segment s;
    begin(&s, 1, 0);
    add(&s, 2, 0, JOURNAL_SHARE, (struct bytes){text, 3});
    assert_int_equal(scanned(&scan, &s, KZ_EMPTY), 2);
    begin(&s, 4, 2); /* the tail of the one before is missing */
    assert_int_equal(scanned(&scan, &s, KZ_PARSE), 0);
    begin(&s, 3, 1);
    assert_int_equal(scanned(&scan, &s, KZ_PARSE), 0);
    begin(&s, 3, 2);
    assert_int_equal(scanned(&scan, &s, KZ_EMPTY), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back_as_it_was_written),
        cmocka_unit_test(a_record_without_its_length_word_is_not_there),
        cmocka_unit_test(a_record_cut_anywhere_is_refused),
        cmocka_unit_test(every_flipped_bit_of_a_record_is_found),
        cmocka_unit_test(every_flipped_bit_of_a_head_is_found),
        cmocka_unit_test(a_scan_goes_from_segment_to_segment),
        cmocka_unit_test(a_whole_record_at_a_wrong_place_is_found),
        cmocka_unit_test(a_segment_that_does_not_follow_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
