#include "stratum/stats.h"

#include <string.h>

void stats_add(struct front_stats *s, size_t stat, int64_t change)
{
    uint64_t v = atomic_load_explicit(&s->at[stat], memory_order_relaxed);
    atomic_store_explicit(&s->at[stat], v + (uint64_t)change, memory_order_relaxed);
}

void stats_count_close(struct front_stats *s, enum close_reason why)
{
    static const size_t stat[CLOSE_REASONS] = {
        [CLOSE_BY_PEER] = STAT(closed_by_peer),
        [CLOSE_SLOW_READER] = STAT(closed_slow_reader),
        [CLOSE_LINE_TOO_LONG] = STAT(closed_line_too_long),
        [CLOSE_NO_REQUEST] = STAT(closed_no_request),
        [CLOSE_IDLE] = STAT(closed_idle),
        [CLOSE_BANNED] = STAT(closed_banned),
        [CLOSE_NOT_ACTIVE] = STAT(closed_not_active),
        [CLOSE_LIMIT] = STAT(closed_limit),
        [CLOSE_HTTP] = STAT(closed_http),
        [CLOSE_TLS_ON_PLAIN] = STAT(closed_tls_on_plain),
        [CLOSE_PROXY_HEADER] = STAT(closed_proxy_header),
        [CLOSE_TLS_FAILED] = STAT(closed_tls_failed),
        [CLOSE_NOT_KEPT] = STAT(closed_not_kept),
    };
    if (why != CLOSE_NONE && why != CLOSE_STOPPED)
        stats_add(s, stat[why], 1);
}

void stats_sum(struct stratum_stats *sum, const struct front_stats *s)
{
    uint64_t total[STATS_COUNT];
    memcpy(total, sum, sizeof(total));
    for (size_t i = 0; i < STATS_COUNT; i++)
        total[i] += atomic_load_explicit(&s->at[i], memory_order_relaxed);
    memcpy(sum, total, sizeof(total));
}
