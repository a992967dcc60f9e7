/* stratum/stats.h - what one front thread counted; read by others while it counts.
 *
 * The same fields as struct stratum_stats, by position: STAT(connects) names one. One
 * writer, so an addition is a relaxed load and store without a locked instruction.
 * Thread: add: the front's; sum: any. */
#ifndef STRATUM_STATS_H
#define STRATUM_STATS_H

#include "stratum/conn.h"
#include "stratum/server.h"

#include <stdatomic.h>
#include <stddef.h>

#define STATS_COUNT (sizeof(struct stratum_stats) / sizeof(uint64_t))
#define STAT(field) (offsetof(struct stratum_stats, field) / sizeof(uint64_t))

struct front_stats {
    _Atomic uint64_t at[STATS_COUNT];
};

void stats_add(struct front_stats *s, size_t stat, int64_t change);
void stats_count_close(struct front_stats *s, enum close_reason why);
/* Adds the front's counts to *sum. */
void stats_sum(struct stratum_stats *sum, const struct front_stats *s);

#endif
