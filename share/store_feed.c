/* Share streams: behind their writers, into slices and batches.
 *
 * A stream is read once for two purposes that go on at their own pace. The open slice
 * takes every share as soon as it is on the disk, also while Redis is away; batches need
 * Redis. When Redis comes (back) the stream is read again from its cursor on, and what the
 * slice has had is not counted into it again. */
#include "share/store_internal.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/block_event.h"
#include "share/journal_check.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* --- slices ----------------------------------------------------------------------- */

static uint64_t new_slice_id(struct store *s, uint64_t *closed_ms)
{
    uint64_t now = (uint64_t)clock_utc_ms();
    uint64_t last = s->last_slice_id / 256;
    *closed_ms = now > last ? now : last + 1; /* a clock that was set back */
    return *closed_ms * 256 + s->conf.instance_number;
}

/* The border of the open slice, into the journal. False: no space, nothing is changed. */
static bool write_border(struct store *s, enum slice_reason why,
                         const struct hash256 *block, const struct slice_terms *next)
{
    struct slice_record r = {.reason = why, .terms = s->terms, .next = *next};
    size_t len;
    r.id = new_slice_id(s, &r.closed_ms);
    if (block != NULL)
        r.block = *block;
    r.positions = mem_array(s->feed_count, sizeof(*r.positions));
    for (size_t i = 0; i < s->feed_count; i++)
        r.positions[r.position_count++] =
            (struct slice_position){s->feeds[i].index, s->feeds[i].sliced};
    slice_open_describe(s->slice, &r);
    uint8_t *body = slice_record_write(&len, &r);
    enum kz_err err =
        event_append(s, EVENT_SLICE, (struct bytes){body, len}, NULL, NULL);
    mem_free(body);
    if (err == KZ_OK) {
        s->last_slice_id = r.id;
        s->terms = *next;
        s->slices++;
        slice_open_reset(s->slice);
        for (size_t i = 0; i < s->feed_count; i++)
            s->feeds[i].sliced_border = s->feeds[i].sliced;
        log_debug("slice_closed", kv_u64("id", r.id), kv_u64("work", r.total),
                  kv_u64("miners", r.count),
                  kv_str("reason", slice_reason_name(r.reason)));
    }
    slice_record_clear(&r);
    return err == KZ_OK;
}

void slices_tick(struct store *s)
{
    enum slice_reason why;
    if (slice_open_is_due(&why, s->slice, s->span, s->nbits, (uint64_t)clock_utc_ms()))
        write_border(s, why, NULL, &s->terms);
}

static bool set_terms(struct store *s, struct slice_terms terms)
{
    if (terms.subsidy_sat == 0)
        terms.subsidy_sat = s->terms.subsidy_sat;
    return slice_terms_equal(&terms, &s->terms) ||
           write_border(s, SLICE_TERMS, NULL, &terms);
}

struct new_terms {
    struct slice_terms terms;
    uint64_t span;
    uint32_t nbits;
};

static void run_set_slices(void *owner, void *arg)
{
    struct store *s = owner;
    struct new_terms *n = arg;
    s->span = n->span;
    s->nbits = n->nbits;
    if (!set_terms(s, n->terms))
        log_error("slice_terms_not_changed", kv_str("why", "no space in the journal"));
    mem_free(n);
}

void store_set_slices(struct store *s, const struct slice_terms *terms, uint64_t span,
                      uint32_t nbits)
{
    struct new_terms *n = mem_new(sizeof(*n));
    *n = (struct new_terms){*terms, span, nbits};
    if (mailbox_post(s->mailbox, (struct mailbox_call){run_set_slices, mem_free, n}) ==
        KZ_OK)
        return;
    mem_free(n); /* it is said again with the next template */
}

/* --- blocks ----------------------------------------------------------------------- */

/* A block that was found: its record, once more made from what is on our disk. Whoever
 * died behind the share's reply has not taken the block's accounts along. */
static bool write_block(struct store *s, const struct share_record *share,
                        const struct journal_job *job, const struct hash256 *hash)
{
    json_t *event = block_event(share, job, hash, s->conf.instance);
    char *body = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(event);
    enum kz_err err =
        event_append(s, EVENT_LEDGER,
                     (struct bytes){(const uint8_t *)body, strlen(body)}, NULL, NULL);
    free(body); /* allowed: jansson's */
    return err == KZ_OK;
}

/* The waiting share met the network's target: it ends the slice, and its block is recorded;
 * first the block, so that a kill in between repeats both. False: no space, ask again. */
static bool end_by_block(struct feed *f)
{
    struct store *s = f->store;
    struct journal_check check;
    const struct share_record *share = &f->waiting;
    const struct journal_job *job = journal_reader_job(f->reader);
    enum journal_fault fault = journal_check(&check, share, job, s->unit);
    if (fault == JOURNAL_NO_JOB || fault == JOURNAL_OTHER_JOB) {
        log_error("block_without_job", kv_u64("stream", f->index));
        return true;
    }
    return write_block(s, share, job, &check.hash) &&
           write_border(s, SLICE_BLOCK, &check.hash, &s->terms);
}

/* --- one share -------------------------------------------------------------------- */

/* False: the slice is as full as can be and there is no space to close it. */
static bool count_in_slice(struct feed *f, const struct share_record *share,
                           uint64_t seq)
{
    struct store *s = f->store;
    const struct journal_job *job = journal_reader_job(f->reader);
    struct slice_share one = {.miner = share->miner,
                              .work =
                                  share->verdict == SHARE_ACCEPTED ? share->work : 0,
                              .time_ms = (uint64_t)share->time_ms,
                              .nbits = job != NULL ? job->nbits : s->nbits};
    while (slice_open_add(s->slice, &one) != KZ_OK)
        if (!write_border(s, SLICE_FULL, NULL, &s->terms))
            return false;
    f->sliced = seq;
    f->sliced_ms = share->time_ms;
    return true;
}

/* --- batches ---------------------------------------------------------------------- */

static void on_applied(void *ctx, const redisReply *r)
{
    struct batch *b = ctx;
    struct feed *f = b->feed;
    struct store *s = f->store;
    s->in_flight--;
    if (r == NULL || s->phase != SHIP_READY) { /* it is made again from the journal */
        batch_free(b);
        return;
    }
    if (ship_is_word(r, "OK")) {
        f->applied = b->last;
        f->applied_ms = b->to_minute > 0 ? b->to_minute * 60000 : f->applied_ms;
        memcpy(f->have, b->cursor, sizeof(f->have));
        s->batches_applied++;
        s->shares_applied += b->shares;
        s->last_applied_ms = clock_utc_ms();
    } else if (ship_is_word(r, "BAD") || ship_is_word(r, "BIG")) {
        char text[STORE_TEXT];
        snprintf(text, sizeof(text),
                 "a batch up to %" PRIu64 " was refused: %s %.64s %.64s", b->last,
                 reply_text(r->element[0]),
                 r->elements > 1 ? reply_text(r->element[1]) : "",
                 r->elements > 2 ? reply_text(r->element[2]) : "");
        ship_stop_writing(s, b->expected, text);
    } else {
        /* NO: the cursor is elsewhere. Errors: NOSCRIPT, OOM, READONLY, MISCONF, ... */
        char why[STORE_TEXT];
        snprintf(why, sizeof(why), "batch not applied: %.180s",
                 r->type == REDIS_REPLY_ERROR ? r->str : "the cursor is another");
        if (r->type == REDIS_REPLY_ERROR && strncmp(r->str, "NOSCRIPT", 8) != 0)
            s->retry_ms = 1000;
        ship_retry(s, why);
    }
    batch_free(b);
}

static void send_batch(struct store *s, struct batch *b)
{
    struct script_args a = {0};
    char count[24];
    snprintf(count, sizeof(count), "%zu", b->key_count);
    script_add(&a, "EVALSHA");
    script_add(&a, s->sha);
    script_add(&a, count);
    for (size_t i = 0; i < b->key_count; i++)
        script_add(&a, b->texts[i]);
    script_add(&a, b->expected);
    script_add(&a, b->cursor);
    for (size_t i = b->key_count; i < b->text_count; i++)
        script_add(&a, b->texts[i]);
    s->in_flight++;
    enum kz_err err = redis_link_send(s->link, on_applied, b, a.argc, a.argv, a.lens);
    script_args_clear(&a);
    if (err != KZ_OK) {
        s->in_flight--;
        batch_free(b);
        ship_retry(s, "a batch could not be sent");
    }
}

static void clear_tally(struct feed *f)
{
    tally_clear(f->tally);
    f->tally_records = f->tally_work = 0;
}

struct key_retention store_retention(const struct conf *conf)
{
    const struct conf_tally *t = &conf->tally;
    return (struct key_retention){t->minutes_hours, t->hours_days, t->days_months,
                                  t->workers_days};
}

static void cut_batch(struct feed *f)
{
    struct store *s = f->store;
    size_t used, refusals_used;
    struct batch_source from = {.instance = s->conf.instance,
                                .keep = store_retention(&s->conf),
                                .stream = f->index};
    from.entries = tally_entries(f->tally, &from.entry_count);
    from.refusals = tally_refusals(f->tally, &from.refusal_count);
    struct batch *b = batch_build(&from, &used, &refusals_used);
    assert(used == from.entry_count && refusals_used == from.refusal_count);
    b->feed = f;
    b->last = f->read;
    b->records = f->tally_records;
    memcpy(b->expected, f->tail, sizeof(b->expected));
    cursor_format(b->cursor, journal_id(s->journal), b->last);
    memcpy(f->tail, b->cursor, sizeof(f->tail));
    clear_tally(f);
    send_batch(s, b);
}

static bool is_full(const struct feed *f, uint64_t work)
{
    size_t entries, refusals;
    tally_entries(f->tally, &entries);
    tally_refusals(f->tally, &refusals);
    return entries >= BATCH_ENTRIES_MAX || refusals >= TALLY_REFUSALS_MAX - 1 ||
           work > TALLY_WORK_MAX - f->tally_work;
}

static void add_to_batch(struct feed *f, const struct share_record *share, uint64_t seq)
{
    if (is_full(f, share->work) && f->tally_records > 0)
        cut_batch(f);
    if (f->store->phase != SHIP_READY)
        return;
    if (tally_add(f->tally, share) != KZ_OK) {
        f->is_damaged = true; /* more work in one share than any network has */
        log_error("share_not_countable", kv_u64("stream", f->index), kv_u64("seq", seq),
                  kv_u64("work", share->work));
        return;
    }
    if (f->tally_records++ == 0)
        f->tally_since = clock_now();
    f->tally_work += share->work;
    f->read = seq;
}

static void cut_if_due(struct feed *f)
{
    struct store *s = f->store;
    if (s->phase != SHIP_READY || f->tally_records == 0 || s->in_flight >= STORE_WINDOW)
        return;
    if (s->stopping ||
        monotime_ms_between(f->tally_since, clock_now()) >= (int64_t)s->conf.flush_ms)
        cut_batch(f);
}

/* --- reading ---------------------------------------------------------------------- */

/* Into the slice and the batch, each unless it has it. False: not now; it waits. */
static bool take_share(struct feed *f, const struct share_record *share, uint64_t seq)
{
    struct store *s = f->store;
    if (seq > f->sliced) {
        if (!count_in_slice(f, share, seq))
            return false;
        /* Sent again, it is the same block, whose slice is closed already. */
        f->has_block = share->is_block && share->verdict != SHARE_DUPLICATE;
    }
    if (s->phase == SHIP_READY && seq > f->read)
        add_to_batch(f, share, seq);
    return !f->has_block;
}

/* False: no more now. A share that found a block is the last one until its slice is
 * closed; see close_blocks(). */
static bool read_one(struct feed *f)
{
    struct store *s = f->store;
    struct share_record share;
    uint64_t seq, prev;
    enum ship_phase phase = s->phase;
    if (f->is_waiting)
        return false;
    enum kz_err err = journal_reader_next(f->reader, &share, &seq, &prev, true);
    if (err == KZ_PARSE)
        f->is_damaged = true;
    f->is_caught_up = err == KZ_EMPTY;
    if (err != KZ_OK)
        return false;
    if (!take_share(f, &share, seq)) {
        f->is_waiting = true;
        f->waiting = share;
        f->waiting_seq = seq;
        return false;
    }
    return s->phase == phase;
}

/* What could not be counted for want of space. */
static void retry_waiting(struct feed *f)
{
    if (f->is_waiting && !f->has_block)
        f->is_waiting = !take_share(f, &f->waiting, f->waiting_seq);
}

static void read_feed(struct feed *f)
{
    struct store *s = f->store;
    retry_waiting(f);
    for (size_t n = 0; n < STORE_TURN_RECORDS && !f->is_damaged; n++) {
        if (s->phase == SHIP_READY && s->in_flight >= STORE_WINDOW) {
            f->is_caught_up = false; /* not known: Redis is slower than we */
            break;
        }
        if (!read_one(f))
            break;
    }
    cut_if_due(f);
}

/* Before a slice ends with a block, what the other fronts had accepted by then is counted
 * too: a miner's share shall not miss the window because another thread was read first. */
static void close_blocks(struct store *s)
{
    size_t blocks = 0;
    for (size_t i = 0; i < s->feed_count; i++)
        blocks += s->feeds[i].has_block;
    if (blocks == 0)
        return;
    enum kz_err logged = journal_sync(s->journal);
    (void)logged;
    for (size_t i = 0; i < s->feed_count; i++)
        read_feed(&s->feeds[i]);
    for (size_t i = 0; i < s->feed_count; i++) {
        struct feed *f = &s->feeds[i];
        if (f->has_block && end_by_block(f))
            f->has_block = f->is_waiting = false;
    }
}

static void raise_damage(struct store *s)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        char text[STORE_TEXT];
        const struct feed *f = &s->feeds[i];
        if (!f->is_damaged)
            continue;
        const struct journal_damage *d = journal_stream_damage(f->stream);
        snprintf(text, sizeof(text),
                 "stream %" PRIu32 " is damaged behind record %" PRIu64
                 ": %.80s; nothing behind it is applied",
                 f->index, d != NULL ? d->last_seq : f->read, d != NULL ? d->why : "");
        if (strcmp(s->journal_alarm, text) != 0)
            log_error("journal_alarm", kv_str("alarm", text));
        store_set_text(s->journal_alarm, text);
        return;
    }
}

/* A stream that is damaged is left out: nothing more comes of it, and an alarm says so. */
static int64_t least(const struct store *s,
                     int64_t (*until)(const struct feed *, int64_t))
{
    /* What was accepted since may not be on the disk yet, where it is read. */
    int64_t now_ms = clock_utc_ms() - 2 * (int64_t)s->conf.journal_sync_ms - 2000;
    int64_t all = INT64_MAX;
    for (size_t i = 0; i < s->feed_count; i++) {
        int64_t one = s->feeds[i].is_damaged ? INT64_MAX : until(&s->feeds[i], now_ms);
        all = one < all ? one : all;
    }
    return all;
}

static int64_t sliced_until(const struct feed *f, int64_t now_ms)
{
    return f->is_caught_up && !f->is_waiting ? now_ms : f->sliced_ms;
}

static int64_t applied_until(const struct feed *f, int64_t now_ms)
{
    bool has_all = f->is_caught_up && !f->is_waiting && f->tally_records == 0 &&
                   f->applied >= f->read && f->applied >= f->sliced;
    return has_all ? now_ms : f->applied_ms;
}

int64_t feeds_sliced_until(const struct store *s)
{
    return least(s, sliced_until);
}

int64_t feeds_applied_until(const struct store *s)
{
    return least(s, applied_until);
}

void feeds_read(struct store *s)
{
    for (size_t i = 0; i < s->feed_count; i++)
        read_feed(&s->feeds[i]);
    close_blocks(s);
    raise_damage(s);
}

enum kz_err feed_resume(struct feed *f, const char *have, uint64_t seq)
{
    uint64_t first = journal_stream_first(f->stream);
    clear_tally(f);
    snprintf(f->tail, sizeof(f->tail), "%s", have);
    memcpy(f->have, f->tail, sizeof(f->have));
    f->read = f->applied = seq;
    f->is_caught_up = false;
    if (!f->has_block) /* else its slice must be closed first */
        f->is_waiting = false;
    return journal_stream_seek(f->stream, seq > first ? seq : first);
}

/* --- opening ---------------------------------------------------------------------- */

/* Reads the event stream from behind `from` on; keeps the last border in it. */
static enum kz_err read_borders(struct slice_record *border, struct store *s,
                                uint64_t from)
{
    struct journal_record r;
    enum kz_err err = journal_stream_seek(s->events.stream, from);
    while (err == KZ_OK) {
        err = journal_stream_read(s->events.stream, &r, false);
        if (err != KZ_OK || r.kind != EVENT_SLICE)
            continue;
        struct slice_record next;
        if (slice_record_read(&next, r.body) != KZ_OK)
            return KZ_PARSE;
        slice_record_clear(border);
        *border = next;
    }
    return err;
}

/* The last border; KZ_EMPTY: there is none yet. Refused logins are records of the same
 * target, so the newest may be none: then the whole stream is read. */
static enum kz_err read_border(struct slice_record *border, struct store *s)
{
    uint64_t last = journal_stream_last(s->events.stream, JOURNAL_TALLY);
    uint64_t first = journal_stream_first(s->events.stream);
    uint64_t back = last > 1000 + first ? last - 1000 : first;
    enum kz_err err = read_borders(border, s, back);
    if (err == KZ_EMPTY && border->id == 0 && back > first)
        err = read_borders(border, s, first);
    return err == KZ_EMPTY && border->id != 0 ? KZ_OK : err;
}

static uint64_t position_in(const struct slice_record *border, uint32_t stream)
{
    for (size_t i = 0; i < border->position_count; i++)
        if (border->positions[i].stream == stream)
            return border->positions[i].seq;
    return 0;
}

static enum kz_err open_feed(struct feed *f, struct store *s, size_t i,
                             const struct slice_record *border)
{
    uint64_t seed = 0;
    f->store = s;
    f->index = (uint32_t)(JOURNAL_SHARES + i);
    f->stream = journal_stream(s->journal, JOURNAL_SHARES + i);
    f->reader = journal_reader_new(f->stream);
    bool has_random = getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed);
    assert(has_random); /* so few bytes never fail once the system is up */
    f->tally = tally_new(BATCH_ENTRIES_MAX, seed);
    f->sliced = f->sliced_border = f->read = position_in(border, f->index);
    uint64_t first = journal_stream_first(f->stream);
    if (f->sliced < first) {
        log_error("shares_missing_for_slices", kv_u64("stream", f->index),
                  kv_u64("from", f->sliced + 1), kv_u64("to", first));
        f->sliced = first;
    }
    enum kz_err err = journal_stream_seek(f->stream, f->sliced);
    if (err ==
        KZ_EMPTY) { /* the border is on the disk, the shares before it are not? */
        log_error("journal_behind_its_border", kv_u64("stream", f->index));
        return KZ_PARSE;
    }
    return err;
}

enum kz_err feeds_open(struct store *s)
{
    struct slice_record border = {0};
    s->slice = slice_open_new();
    s->events.stream = journal_stream(s->journal, JOURNAL_EVENTS);
    s->events.last = journal_stream_last(s->events.stream, JOURNAL_NONE);
    s->events.end = &s->events.first;
    enum kz_err err = journal_sync(s->journal);
    if (err == KZ_OK)
        err = read_border(&border, s);
    if (err == KZ_OK) {
        s->last_slice_id = border.id;
        s->terms = border.next;
    }
    if (err == KZ_OK || err == KZ_EMPTY)
        err = audit_open(s);
    s->feed_count = journal_stream_count(s->journal) - JOURNAL_SHARES;
    s->feeds = mem_array(s->feed_count, sizeof(*s->feeds));
    for (size_t i = 0; i < s->feed_count && err == KZ_OK; i++)
        err = open_feed(&s->feeds[i], s, i, &border);
    slice_record_clear(&border);
    return err;
}

/* What is behind the last border is in the open slice before anybody may change terms. */
enum kz_err feeds_catch_up(struct store *s, const struct slice_terms *terms)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        struct feed *f = &s->feeds[i];
        do {
            while (!f->is_damaged && read_one(f))
                continue;
            close_blocks(s);
        } while (!f->is_damaged && !f->is_waiting && read_one(f));
        if (f->is_damaged)
            return KZ_PARSE;
    }
    if (!set_terms(s, *terms))
        log_error("slice_terms_not_changed", kv_str("why", "no space in the journal"));
    return KZ_OK;
}

void feeds_close(struct store *s)
{
    for (size_t i = 0; i < s->feed_count && s->feeds != NULL; i++) {
        journal_reader_free(s->feeds[i].reader);
        tally_free(s->feeds[i].tally);
    }
    mem_free(s->feeds);
    slice_open_free(s->slice);
    json_decref(s->newest_link);
}
