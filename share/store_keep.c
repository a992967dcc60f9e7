/* Keeping the journal: syncing it, having space ready, and letting go of what Redis has
 * for good.
 *
 * A segment may go when a save point of Redis (an RDB, or the base of a rewritten
 * append-only file) that began after its last record was applied is complete under the
 * same run id, it is older than `journal.keep_hours`, and no open slice begins in it
 * (accounting section 8). The event stream is the ledger's only full record and is kept.
 *
 * A save point costs Redis a fork and a write of all of its data, so one is asked for only
 * when a segment waits for nothing else. */
#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/bytes.h"

#include <inttypes.h>
#include <string.h>

#define PREPARE_MS 200
#define SAVE_MS    600000 /* from one save point asked for to the next */
#define POLL_MS    1000

/* --- what can be released --------------------------------------------------------- */

static uint64_t limit_of(const struct store *s, size_t i, const uint64_t *applied)
{
    const struct feed *f = &s->feeds[i];
    return applied[i] < f->sliced_border ? applied[i] : f->sliced_border;
}

static int64_t keep_before(const struct store *s)
{
    return clock_utc_ms() - (int64_t)s->conf.journal_keep_hours * 3600000;
}

static bool has_releasable(const struct store *s)
{
    bool has = false;
    for (size_t i = 0; i < s->feed_count; i++) {
        const struct feed *f = &s->feeds[i];
        uint64_t limit = f->applied < f->sliced_border ? f->applied : f->sliced_border;
        has |= journal_stream_can_release(f->stream, limit, keep_before(s));
    }
    return has;
}

static void release(struct store *s, const uint64_t *applied)
{
    size_t gone = 0;
    if (atomic_load(&s->holds_journal))
        return; /* the next save point will do */
    for (size_t i = 0; i < s->feed_count; i++)
        gone += journal_stream_release(s->feeds[i].stream, limit_of(s, i, applied),
                                       keep_before(s));
    s->segments_released += gone;
    if (gone > 0)
        log_info("journal_segments_released", kv_u64("segments", gone));
}

/* --- save points ------------------------------------------------------------------ */

static int64_t info_number(const char *info, const char *field)
{
    const char *p = strstr(info, field);
    return p != NULL ? (int64_t)decimal_of(p + strlen(field)) : -1;
}

/* What grows when a save point is complete: rewrites that ended, or the last save's time. */
static int64_t saves_of(const struct store *s, const char *info)
{
    return s->aof_on ? info_number(info, "aof_rewrites:")
                     : info_number(info, "rdb_last_save_time:");
}

static bool is_saving(const char *info)
{
    return info_number(info, "aof_rewrite_in_progress:") == 1 ||
           info_number(info, "aof_rewrite_scheduled:") == 1 ||
           info_number(info, "rdb_bgsave_in_progress:") == 1;
}

static bool is_saved_well(const struct store *s, const char *info)
{
    return strstr(info, s->aof_on ? "aof_last_bgrewrite_status:ok"
                                  : "rdb_last_bgsave_status:ok") != NULL;
}

static void forget_save(struct store *s)
{
    mem_free(s->save.applied);
    s->save.applied = NULL;
    s->save.is_asked = s->save.has_begun = false;
}

static void on_save_asked(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    if (r != NULL && r->type == REDIS_REPLY_ERROR)
        forget_save(s); /* one is under way; it may have begun too early: later */
}

static void begin_save(struct store *s, const char *info)
{
    const char *const argv[] = {s->aof_on ? "BGREWRITEAOF" : "BGSAVE", NULL};
    s->save.before = saves_of(s, info);
    s->save.applied = mem_array(s->feed_count, sizeof(*s->save.applied));
    for (size_t i = 0; i < s->feed_count; i++)
        s->save.applied[i] = s->feeds[i].applied;
    s->save.has_begun = true;
    s->save.asked_at = clock_now();
    if (redis_link_ask(s->link, on_save_asked, s, argv) != KZ_OK)
        forget_save(s);
}

static void on_save_info(void *ctx, const redisReply *r)
{
    struct store *s = ctx;
    s->save.is_asked = false;
    if (r == NULL || r->type != REDIS_REPLY_STRING)
        return;
    if (is_saving(r->str))
        return;
    if (!s->save.has_begun) {
        begin_save(s, r->str);
        return;
    }
    bool is_well = is_saved_well(s, r->str);
    bool is_new = saves_of(s, r->str) != s->save.before;
    if (is_well && is_new)
        release(s, s->save.applied);
    if (!is_well || is_new) /* one that failed leaves no other sign: ask again */
        forget_save(s);
}

void keep_disconnected(struct store *s)
{
    forget_save(s);
}

static void watch_saves(struct store *s)
{
    struct monotime now = clock_now();
    const char *const argv[] = {"INFO", "persistence", NULL};
    if (s->phase != SHIP_READY || s->save.is_asked ||
        monotime_ms_between(s->save.looked_at, now) < POLL_MS)
        return;
    s->save.looked_at = now;
    bool is_rested = s->save.asked_at.ns == 0 ||
                     monotime_ms_between(s->save.asked_at, now) >= SAVE_MS;
    if (!s->save.has_begun && (!is_rested || !has_releasable(s)))
        return;
    s->save.is_asked = redis_link_ask(s->link, on_save_info, s, argv) == KZ_OK;
}

/* --- the tick --------------------------------------------------------------------- */

static void watch_space(struct store *s, bool has_space)
{
    struct journal_stream_stats stats;
    journal_stats(&stats, s->journal);
    const char *alarm = stats.sync_failed
                            ? "the journal's disk failed: what is accepted "
                              "now may not survive a power cut"
                        : !has_space || stats.no_space
                            ? "no space for the journal's next segment: shares are "
                              "refused when the present one is full"
                            : "";
    bool is_damage = strstr(s->journal_alarm, "damaged") != NULL;
    if (is_damage || strcmp(s->journal_alarm, alarm) == 0)
        return;
    if (alarm[0] != '\0')
        log_error("journal_alarm", kv_str("alarm", alarm));
    else
        log_info("journal_alarm_over");
    store_set_text(s->journal_alarm, alarm);
}

void keep_tick(struct store *s)
{
    struct monotime now = clock_now();
    if (monotime_ms_between(s->synced_at, now) >= (int64_t)s->conf.journal_sync_ms ||
        s->stopping) {
        enum kz_err logged = journal_sync(s->journal);
        (void)logged; /* in the statistics too */
        s->synced_at = now;
    }
    if (monotime_ms_between(s->prepared_at, now) >= PREPARE_MS) {
        watch_space(s, journal_prepare(s->journal) == KZ_OK);
        s->prepared_at = now;
    }
    watch_saves(s);
}
