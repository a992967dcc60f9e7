/* stratum/target_cache.h - difficulty to target and work, remembered.
 *
 * Both take 256-bit divisions; a front thread meets few difficulties at a time.
 * Ownership  results are borrowed until the next call. Thread: its owner's. Pure. */
#ifndef STRATUM_TARGET_CACHE_H
#define STRATUM_TARGET_CACHE_H

#include "share/target.h"

struct target_terms {
    struct difficulty difficulty;
    struct target target;
    uint64_t work;
};

struct target_cache;

/* `work_unit` of the network. */
struct target_cache *target_cache_new(uint64_t work_unit);
void target_cache_free(struct target_cache *c);
const struct target_terms *target_cache_get(struct target_cache *c,
                                            struct difficulty d);

#endif
