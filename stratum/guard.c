#include "stratum/guard.h"

#include "conf/mem.h"

#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SLOTS 65536
#define ROWS  2

struct guard {
    uint64_t seed[ROWS];
    atomic_uint sessions;
    atomic_uint address[ROWS][SLOTS];
    atomic_uint miner[SLOTS];
    _Atomic uint64_t second[ROWS][SLOTS]; /* time << 32 | connections in it */
};

struct guard *guard_new(void)
{
    struct guard *g = mem_new(sizeof(*g));
    if (RAND_bytes((unsigned char *)g->seed, sizeof(g->seed)) != 1)
        abort(); /* no random bytes: nothing on this machine can be trusted */
    return g;
}

void guard_free(struct guard *g)
{
    mem_free(g);
}

static size_t slot(const struct guard *g, const struct netaddr *a, size_t row)
{
    return (size_t)(netaddr_hash(a, g->seed[row]) % SLOTS);
}

/* One more in this second; the smaller of the rows' counts. */
static uint32_t count_second(struct guard *g, const struct netaddr *a, uint32_t now)
{
    uint32_t least = UINT32_MAX;
    for (size_t row = 0; row < ROWS; row++) {
        _Atomic uint64_t *cell = &g->second[row][slot(g, a, row)];
        uint64_t old = atomic_load_explicit(cell, memory_order_relaxed), new_value;
        do {
            new_value = (old >> 32 == now ? old : (uint64_t)now << 32) + 1;
        } while (!atomic_compare_exchange_weak_explicit(
            cell, &old, new_value, memory_order_relaxed, memory_order_relaxed));
        uint32_t count = (uint32_t)new_value;
        least = count < least ? count : least;
    }
    return least;
}

static void add_address(struct guard *g, const struct netaddr *a, unsigned change)
{
    for (size_t row = 0; row < ROWS; row++)
        atomic_fetch_add_explicit(&g->address[row][slot(g, a, row)], change,
                                  memory_order_relaxed);
}

static unsigned count_address(const struct guard *g, const struct netaddr *a)
{
    unsigned least = UINT32_MAX;
    for (size_t row = 0; row < ROWS; row++) {
        unsigned n = atomic_load_explicit(&g->address[row][slot(g, a, row)],
                                          memory_order_relaxed);
        least = n < least ? n : least;
    }
    return least;
}

static enum kz_err enter_address(struct guard *g, const struct conf_limits *limits,
                                 const struct netaddr *a, uint32_t now)
{
    if (limits->connects_per_second > 0 &&
        count_second(g, a, now) > limits->connects_per_second)
        return KZ_BUSY;
    add_address(g, a, 1);
    if (limits->sessions_per_address > 0 &&
        count_address(g, a) > limits->sessions_per_address) {
        add_address(g, a, -1U);
        return KZ_BUSY;
    }
    return KZ_OK;
}

enum kz_err guard_enter(struct guard *g, const struct conf_limits *limits,
                        const struct netaddr *a, uint32_t now_seconds)
{
    unsigned before = atomic_fetch_add_explicit(&g->sessions, 1, memory_order_relaxed);
    if (before < limits->sessions && enter_address(g, limits, a, now_seconds) == KZ_OK)
        return KZ_OK;
    atomic_fetch_sub_explicit(&g->sessions, 1, memory_order_relaxed);
    return KZ_BUSY;
}

void guard_leave(struct guard *g, const struct netaddr *a)
{
    atomic_fetch_sub_explicit(&g->sessions, 1, memory_order_relaxed);
    add_address(g, a, -1U);
}

enum kz_err guard_rename(struct guard *g, const struct conf_limits *limits,
                         const struct netaddr *from, const struct netaddr *to,
                         uint32_t now_seconds)
{
    enum kz_err err = enter_address(g, limits, to, now_seconds);
    if (err == KZ_OK)
        add_address(g, from, -1U);
    return err;
}

enum kz_err guard_enter_miner(struct guard *g, const struct conf_limits *limits,
                              uint32_t miner_number)
{
    atomic_uint *n = &g->miner[miner_number % SLOTS];
    unsigned before = atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
    if (limits->sessions_per_miner == 0 || before < limits->sessions_per_miner)
        return KZ_OK;
    atomic_fetch_sub_explicit(n, 1, memory_order_relaxed);
    return KZ_BUSY;
}

void guard_leave_miner(struct guard *g, uint32_t miner_number)
{
    atomic_fetch_sub_explicit(&g->miner[miner_number % SLOTS], 1, memory_order_relaxed);
}
