#include "stratum/target_cache.h"

#include "conf/mem.h"

#define SLOTS 512 /* a power of two */

struct target_cache {
    uint64_t work_unit;
    struct target_terms slot[SLOTS]; /* difficulty.num 0: empty */
};

struct target_cache *target_cache_new(uint64_t work_unit)
{
    struct target_cache *c = mem_new(sizeof(*c));
    c->work_unit = work_unit;
    return c;
}

void target_cache_free(struct target_cache *c)
{
    mem_free(c);
}

const struct target_terms *target_cache_get(struct target_cache *c, struct difficulty d)
{
    uint64_t h = (d.num * 0x9e3779b97f4a7c15u) ^ (d.den * 0xc2b2ae3d27d4eb4fu);
    struct target_terms *t = &c->slot[(h >> 40) % SLOTS];
    if (t->difficulty.num == d.num && t->difficulty.den == d.den)
        return t;
    t->difficulty = d;
    target_from_difficulty(&t->target, d);
    /* Work beyond 63 bits: no difficulty that the settings allow. Nothing is credited
     * rather than too much. */
    if (!target_work(&t->work, &t->target, c->work_unit))
        t->work = 0;
    return t;
}
