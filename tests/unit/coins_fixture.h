/* tests/unit/coins_fixture.h - coins of the pool, made up, and the terms they are chosen
 * under. Include after cmocka.h. */
#ifndef TESTS_UNIT_COINS_FIXTURE_H
#define TESTS_UNIT_COINS_FIXTURE_H

#include "payout/coins.h"
#include "tests/unit/payout_fixture.h"
#include "tests/unit/payout_forms.h"

static inline struct coins_terms plain_terms(int64_t sat_per_kvb)
{
    return (struct coins_terms){.rate = {sat_per_kvb},
                                .dust_rate = {FEERATE_DUST},
                                .maturity = 100,
                                .change = {INPUT_P2TR, 0, 0},
                                .vsize_max = 90000};
}

/* A mature taproot coinbase with an outpoint of its own. */
static inline struct coin coin_number(unsigned n, int64_t value)
{
    struct coin c = {.value = sat(value),
                     .form = {INPUT_P2TR, 0, 0},
                     .confirmations = 1000,
                     .is_coinbase = true};
    hash256_single(&c.from.txid, &n, sizeof(n));
    c.from.vout = n % 3;
    return c;
}

static inline struct input_form random_form(uint64_t *seed)
{
    static const char *const names[] = {"p2pkh", "p2sh_p2wpkh", "p2wpkh",
                                        "p2tr",  "p2wsh_2of3",  "p2sh_2of3"};
    return form_named(names[random_next(seed) % 6]);
}

static inline struct coins_terms random_terms(uint64_t *seed)
{
    struct coins_terms t = plain_terms((int64_t)random_below(seed, 500000));
    t.change = random_form(seed);
    t.any_r = random_next(seed) % 2 == 0;
    return t;
}

/* Up to `room` coins of all kinds, some of them of equal value, some not deep enough. */
static inline size_t random_coins(uint64_t *seed, struct coin *coins, size_t room)
{
    size_t count = random_next(seed) % (room + 1);
    for (size_t i = 0; i < count; i++) {
        coins[i] = coin_number((unsigned)random_next(seed), 312500000);
        if (random_next(seed) % 3 > 0)
            coins[i].value = sat(1 + (int64_t)random_below(seed, 5000000000));
        coins[i].form = random_form(seed);
        coins[i].is_coinbase = random_next(seed) % 2 == 0;
        coins[i].confirmations = (uint32_t)random_below(seed, 2000);
    }
    return count;
}

#endif
