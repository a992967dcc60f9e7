#include "payout/snapshot.h"

#include "conf/mem.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct held {
    struct snapshot snapshot;
    atomic_size_t refs;
};

static struct held *held_of(const struct snapshot *s)
{
    return (struct held *)((uintptr_t)s - offsetof(struct held, snapshot));
}

static enum kz_err check(const struct snapshot_fields *f)
{
    if (f->id == 0 || scheme_fees_check(f->fees) != KZ_OK)
        return KZ_RANGE;
    for (size_t i = 0; i < f->payee_count; i++) {
        const struct snapshot_payee *p = &f->payees[i];
        if (amount_is_negative(p->carry) || amount_is_negative(p->minimum))
            return KZ_RANGE;
        if (i > 0 && split_miner_compare(&p[-1].miner, &p->miner) >= 0)
            return KZ_RANGE;
    }
    return KZ_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct hash256));
}

static void *copy_of(const void *list, size_t count, size_t size)
{
    return count > 0 ? mem_copy(list, count * size) : NULL;
}

enum kz_err snapshot_new(const struct snapshot **out, const struct snapshot_fields *f)
{
    enum kz_err err = check(f);
    if (err != KZ_OK)
        return err;
    struct held *held = mem_new(sizeof(*held));
    struct snapshot *s = &held->snapshot;
    atomic_init(&held->refs, 1);
    s->id = f->id;
    s->scheme = f->scheme;
    err = works_add(&s->counted, f->counted->rows, f->counted->count);
    assert(err == KZ_OK); /* a table, so its total is in range */
    s->fees = *f->fees;
    s->fees.own = copy_of(f->fees->own, f->fees->own_count, sizeof(*f->fees->own));
    s->payees = copy_of(f->payees, f->payee_count, sizeof(*f->payees));
    s->payee_count = f->payee_count;
    s->accounted = copy_of(f->accounted, f->accounted_count, sizeof(*f->accounted));
    s->accounted_count = f->accounted_count;
    if (s->accounted_count > 0)
        qsort(s->accounted, s->accounted_count, sizeof(*s->accounted), by_bytes);
    *out = s;
    return KZ_OK;
}

const struct snapshot *snapshot_ref(const struct snapshot *s)
{
    if (s != NULL)
        atomic_fetch_add_explicit(&held_of(s)->refs, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(const struct snapshot *s)
{
    if (s == NULL)
        return;
    struct held *held = held_of(s);
    if (atomic_fetch_sub_explicit(&held->refs, 1, memory_order_acq_rel) != 1)
        return;
    works_clear(&held->snapshot.counted);
    mem_free((void *)(uintptr_t)held->snapshot.fees.own);
    mem_free(held->snapshot.payees);
    mem_free(held->snapshot.accounted);
    mem_free(held);
}

bool snapshot_has_accounted(const struct snapshot *s, const struct hash256 *block)
{
    return s->accounted_count > 0 && bsearch(block, s->accounted, s->accounted_count,
                                             sizeof(*block), by_bytes) != NULL;
}
