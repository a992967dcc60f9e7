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

static inline void works_add_one(struct works *w, struct miner_id id, uint64_t work)
{
    struct split_weight row = {id, work};
    assert_int_equal(works_add(w, &row, 1), KZ_OK);
}

#endif
