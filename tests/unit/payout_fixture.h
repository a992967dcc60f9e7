/* tests/unit/payout_fixture.h - short words for tests of payout/, and random numbers
 * that are the same in every run. Include after cmocka.h. */
#ifndef TESTS_UNIT_PAYOUT_FIXTURE_H
#define TESTS_UNIT_PAYOUT_FIXTURE_H

#include "payout/window.h"
#include "tests/unit/vectors.h"

static inline struct amount sat(int64_t n)
{
    struct amount a;
    assert_true(amount_from_sat(&a, n));
    return a;
}

static inline struct miner_id miner(const char *text)
{
    struct miner_id id;
    assert_int_equal(miner_id_parse(&id, text, strlen(text)), KZ_OK);
    return id;
}

/* "m000007" for 7. */
static inline struct miner_id miner_number(unsigned n)
{
    char text[16];
    snprintf(text, sizeof(text), "m%06u", n % 1000000);
    return miner(text);
}

static inline uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* 0 to below - 1, of any magnitude: small numbers come as often as large ones. */
static inline uint64_t random_below(uint64_t *seed, uint64_t below)
{
    uint64_t shift = random_next(seed) >> 32;
    return (random_next(seed) >> shift % 63) % below;
}

static inline void random_shuffle(uint64_t *seed, struct split_weight *rows,
                                  size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t k = random_next(seed) % i;
        struct split_weight row = rows[i - 1];
        rows[i - 1] = rows[k];
        rows[k] = row;
    }
}

/* `count` miners, each once, in order of id; about one in eight has no weight. */
static inline void random_weights(uint64_t *seed, struct split_weight *rows,
                                  size_t count, uint64_t below)
{
    for (size_t i = 0; i < count; i++) {
        bool none = random_next(seed) % 8 == 0;
        rows[i].miner = miner_number((unsigned)(2 * i));
        rows[i].weight = none ? 0 : random_below(seed, below);
    }
}

/* A row of {"m000001": 5, ...}, in the file's order; the caller's to free(). */
static inline struct split_weight *rows_of(const json_t *object, size_t *count)
{
    struct split_weight *rows = calloc(json_object_size(object) + 1, sizeof(*rows));
    assert_non_null(rows);
    const char *name;
    json_t *value;
    *count = 0;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        assert_true(json_is_integer(value));
        rows[*count].miner = miner(name);
        rows[(*count)++].weight = (uint64_t)json_integer_value(value);
    }
    return rows;
}

static inline void works_add_object(struct works *w, const json_t *object)
{
    size_t count;
    struct split_weight *rows = rows_of(object, &count);
    assert_int_equal(works_add(w, rows, count), KZ_OK);
    free(rows);
}

static inline void works_add_one(struct works *w, struct miner_id id, uint64_t work)
{
    struct split_weight row = {id, work};
    assert_int_equal(works_add(w, &row, 1), KZ_OK);
}

/* Decimal digits as numbers above 53 bits are written in the vectors. */
static inline uint64_t u64_at(const json_t *of, const char *name)
{
    char *end;
    const char *text = text_at(of, name);
    uint64_t v = strtoull(text, &end, 10);
    assert_true(*text != '\0' && *end == '\0');
    return v;
}

static inline uint32_t hex_at(const json_t *of, const char *name)
{
    uint32_t v;
    const char *text = text_at(of, name);
    assert_int_equal(hex_u32(&v, text, strlen(text), false), KZ_OK);
    return v;
}

/* The span of a case: computed from its nbits where it has them, and as it says. */
static inline uint64_t span_of_case(const json_t *one)
{
    uint64_t span = u64_at(one, "window_units");
    if (json_object_get(one, "nbits") == NULL)
        return span;
    struct target t;
    uint64_t unit = (uint64_t)number_at(one, "hashes_per_unit"), work, computed = 0;
    assert_int_equal(target_from_nbits(&t, hex_at(one, "nbits")), KZ_OK);
    assert_true(target_work(&work, &t, unit));
    assert_true(work == u64_at(one, "block_work_units"));
    assert_int_equal(
        window_span(&computed, &t, (uint32_t)number_at(one, "window_milli"), unit),
        KZ_OK);
    assert_true(computed == span);
    return span;
}

/* Slice `i` of a case: one of its slices, or one that holds one of its shares. */
static inline void slice_of_case(struct slice *s, const json_t *one, size_t i)
{
    const json_t *shares = json_object_get(one, "shares_oldest_first");
    const json_t *slices = json_object_get(one, "slices_oldest_first");
    *s = (struct slice){.id = i + 1};
    if (slices != NULL) {
        works_add_object(&s->works, json_array_get(slices, i));
        return;
    }
    const json_t *pair = json_array_get(shares, i);
    works_add_one(&s->works, miner(json_string_value(json_array_get(pair, 0))),
                  (uint64_t)json_integer_value(json_array_get(pair, 1)));
}

/* The window of a case with shares or slices; the caller's to window_clear(). */
static inline void window_of_case(struct window *w, const json_t *one)
{
    size_t count = json_array_size(json_object_get(one, "shares_oldest_first")) +
                   json_array_size(json_object_get(one, "slices_oldest_first"));
    assert_true(count > 0);
    window_init(w, span_of_case(one), WINDOW_BLOCK);
    for (size_t i = count; i-- > 0;) {
        struct slice s;
        slice_of_case(&s, one, i);
        assert_int_equal(window_take(w, &s), KZ_OK);
        slice_clear(&s);
    }
}

#endif
