#include "pool/tracker.h"

#include "conf/clock.h"
#include "conf/mem.h"

#include <string.h>

#define POLL_MS   2000
#define SETTLE_MS 1500 /* behind a new tip, until our own blocks below it are known */
#define ASKED_MAX 64   /* questions under way; the rest waits for their answers */

struct watched {
    struct hash256 hash;
    uint32_t height;
    bool is_settled; /* known to be off the chain: no snapshot has it */
    bool is_due;     /* to be asked about */
};

struct tracker {
    struct nodes *nodes;
    struct accounts *accounts;
    struct event *timer;
    struct watched *blocks;
    size_t count;
    struct monotime listed_at; /* the accounts said which there are; 0: not yet */
    struct monotime tip_at;
    uint32_t tip;
    uint64_t asked, answered;
    /* Questions under way. Ours, since nodes that stop answer no more. */
    struct asking {
        struct tracker *tracker;
        struct hash256 hash;
        bool is_busy;
    } asking[ASKED_MAX];
};

static void ask_due(struct tracker *t);

static void on_answer(void *ctx, enum kz_err err, int64_t confirmations)
{
    struct asking *q = ctx;
    struct tracker *t = q->tracker;
    struct sighting s = {.hash = q->hash, .tip = t->tip};
    q->is_busy = false;
    if (err == KZ_OK || err == KZ_EMPTY) {
        s.confirmations = err == KZ_OK ? confirmations : 0;
        t->answered++;
        accounts_block_seen(t->accounts, &s);
        ask_due(t); /* else those behind the first ASKED_MAX would never be asked */
    }
}

static struct asking *free_asking(struct tracker *t)
{
    for (size_t i = 0; i < ASKED_MAX; i++)
        if (!t->asking[i].is_busy)
            return &t->asking[i];
    return NULL;
}

static void ask_due(struct tracker *t)
{
    struct asking *q;
    for (size_t i = 0; i < t->count && (q = free_asking(t)) != NULL; i++) {
        struct watched *w = &t->blocks[i];
        if (!w->is_due)
            continue;
        w->is_due = false;
        *q = (struct asking){.tracker = t, .hash = w->hash, .is_busy = true};
        t->asked++;
        nodes_confirmations(t->nodes, &w->hash, on_answer, q);
    }
}

static void mark_all(struct tracker *t)
{
    for (size_t i = 0; i < t->count; i++)
        t->blocks[i].is_due = true;
    ask_due(t);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    mark_all(arg);
}

enum kz_err tracker_start(struct tracker **out, struct event_base *base,
                          struct nodes *nodes, struct accounts *accounts)
{
    struct timeval every = {.tv_sec = POLL_MS / 1000};
    struct tracker *t = mem_new(sizeof(*t));
    t->nodes = nodes;
    t->accounts = accounts;
    t->timer = event_new(base, -1, EV_PERSIST, on_timer, t);
    if (t->timer == NULL || event_add(t->timer, &every) != 0) {
        tracker_stop(t);
        return KZ_IO;
    }
    *out = t;
    return KZ_OK;
}

void tracker_stop(struct tracker *t)
{
    if (t == NULL)
        return;
    if (t->timer != NULL)
        event_free(t->timer);
    mem_free(t->blocks);
    mem_free(t);
}

/* One that nobody watched so far, or whose turn has not come. */
static bool is_to_ask(const struct tracker *t, const struct hash256 *hash)
{
    for (size_t i = 0; i < t->count; i++)
        if (hash256_equal(&t->blocks[i].hash, hash))
            return t->blocks[i].is_due;
    return true;
}

static bool read_block(struct watched *w, const json_t *block)
{
    const char *hash = json_string_value(json_object_get(block, "hash"));
    const char *state = json_string_value(json_object_get(block, "state"));
    if (hash == NULL || hash256_parse_display(&w->hash, hash, strlen(hash)) != KZ_OK)
        return false;
    w->height = (uint32_t)json_integer_value(json_object_get(block, "height"));
    w->is_settled = state != NULL &&
                    (strcmp(state, "orphaned") == 0 || strcmp(state, "rejected") == 0);
    return true;
}

void tracker_watch(struct tracker *t, json_t *blocks)
{
    struct watched *list = mem_array(json_array_size(blocks), sizeof(*list));
    size_t i, count = 0;
    json_t *block;
    json_array_foreach(blocks, i, block)
    {
        if (!read_block(&list[count], block))
            continue;
        list[count].is_due = is_to_ask(t, &list[count].hash);
        count++;
    }
    mem_free(t->blocks);
    t->blocks = list;
    t->count = count;
    t->listed_at = clock_now();
    json_decref(blocks);
    ask_due(t);
}

void tracker_on_tip(struct tracker *t, uint32_t height)
{
    t->tip = height;
    t->tip_at = clock_now();
    mark_all(t);
}

bool tracker_has_accounted(const struct tracker *t, const struct snapshot *s)
{
    /* Another instance's block is known when its record came through Redis. */
    if (t->listed_at.ns == 0 ||
        monotime_ms_between(t->tip_at, t->listed_at) < SETTLE_MS)
        return false;
    for (size_t i = 0; i < t->count; i++)
        if (!t->blocks[i].is_settled && !snapshot_has_accounted(s, &t->blocks[i].hash))
            return false;
    return true;
}

json_t *tracker_status(const struct tracker *t)
{
    return json_pack("{s:I, s:I, s:I}", "watched", (json_int_t)t->count, "asked",
                     (json_int_t)t->asked, "answered", (json_int_t)t->answered);
}
