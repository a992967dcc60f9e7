#include "pool/accounts_parts.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/registry/registry_record.h"
#include "share/bytes.h"
#include "share/keys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TURN_MS  500   /* between two looks when nobody wakes it */
#define HOLDS_MS 60000 /* a hold is looked for at least so often */

/* --- small things ----------------------------------------------------------------- */

void accounts_raise(struct accounts *a, const char *event, const char *text)
{
    pthread_mutex_lock(&a->lock);
    bool is_new = strcmp(a->alarm, text) != 0;
    snprintf(a->alarm, sizeof(a->alarm), "%s", text);
    pthread_mutex_unlock(&a->lock);
    if (is_new)
        log_error(event, kv_str("alarm", text));
}

static void set_error(struct accounts *a, const char *text)
{
    pthread_mutex_lock(&a->lock);
    bool is_new = strcmp(a->error, text) != 0;
    snprintf(a->error, sizeof(a->error), "%s", text);
    pthread_mutex_unlock(&a->lock);
    if (is_new && text[0] != '\0')
        log_warn("accounts_wait", kv_str("why", text));
}

bool accounts_write(struct accounts *a, json_t *event)
{
    char text[256];
    size_t entries = json_array_size(json_object_get(event, "entries"));
    /* Redis was away: it may have come back with less, and what was read since is not to
     * be believed. */
    a->is_journaled = false;
    if (!store_is_generation(a->store, a->generation)) {
        json_decref(event);
        return false;
    }
    enum kz_err err = store_ledger_write(text, a->store, EVENT_LEDGER, event);
    a->is_journaled = store_has_journaled(err, text);
    set_error(a, err == KZ_OK ? "" : text);
    if (err != KZ_OK)
        return false;
    pthread_mutex_lock(&a->lock);
    a->entries += entries;
    pthread_mutex_unlock(&a->lock);
    return true;
}

json_t *accounts_entry(struct entry *e)
{
    char *text = entry_format(e);
    json_t *value = json_loads(text, 0, NULL);
    assert(value != NULL);
    mem_free(text);
    entry_clear(e);
    return value;
}

int64_t accounts_number(const json_t *hash, const char *field)
{
    const char *text = json_string_value(json_object_get(hash, field));
    if (text == NULL)
        return 0;
    bool is_negative = *text == '-';
    text += is_negative;
    int64_t v = (int64_t)decimal_take(&text);
    return is_negative ? -v : v;
}

struct record_may accounts_may(const struct accounts *a, const json_t *record)
{
    const struct record_view view = {.profile = a->profile, .now_ms = clock_utc_ms()};
    return record_may(record, &view);
}

/* Whose credits wait for a person (accounting section 4). */
bool accounts_is_held(const void *ctx, const struct miner_id *miner)
{
    const struct accounts *a = ctx;
    const json_t *record = json_object_get(a->miners, miner->text);
    return accounts_may(a, record).hold_reason != NULL;
}

static int by_miner(const void *a, const void *b)
{
    const struct scheme_fee *x = a, *y = b;
    return split_miner_compare(&x->miner, &y->miner);
}

struct scheme_fees accounts_fees(const struct accounts *a, uint32_t pool_ppm,
                                 struct scheme_fee **rows)
{
    const char *id;
    json_t *record;
    struct scheme_fees fees = {.pool_ppm = pool_ppm};
    *rows = mem_array(json_object_size(a->miners), sizeof(**rows));
    json_object_foreach(a->miners, id, record)
    {
        const json_t *ppm = json_object_get(record, "fee_ppm");
        struct scheme_fee *row = &(*rows)[fees.own_count];
        if (!json_is_integer(ppm) || json_integer_value(ppm) < 0 ||
            json_integer_value(ppm) > SCHEME_PPM ||
            miner_id_parse(&row->miner, id, strlen(id)) != KZ_OK)
            continue;
        row->fee_ppm = (uint32_t)json_integer_value(ppm);
        fees.own_count++;
    }
    if (fees.own_count > 0)
        qsort(*rows, fees.own_count, sizeof(**rows), by_miner);
    fees.own = *rows;
    return fees;
}

struct slice_terms accounts_terms(const struct conf *conf)
{
    enum scheme scheme = (enum scheme)conf->payout.scheme;
    uint32_t milli = conf->payout.window_milli;
    return (struct slice_terms){.regime = scheme_regime(scheme),
                                .scheme = (uint8_t)scheme,
                                .window_milli =
                                    milli > 0 ? milli : scheme_window_milli(scheme),
                                .fee_ppm = conf->payout.fee_ppm};
}

uint64_t accounts_span(const struct conf *conf, uint32_t nbits)
{
    return accounts_window(network_of(conf->network), nbits,
                           accounts_terms(conf).window_milli);
}

uint64_t accounts_window(const struct network *network, uint32_t nbits,
                         uint32_t window_milli)
{
    struct target t;
    uint64_t span = 0;
    if (target_from_nbits(&t, nbits) != KZ_OK)
        return 0;
    enum kz_err err = window_span(&span, &t, window_milli, network->work_unit);
    return err == KZ_RANGE ? WINDOW_SPAN_MAX : span;
}

/* --- what came from outside ------------------------------------------------------- */

void accounts_wake(struct accounts *a)
{
    pthread_mutex_lock(&a->lock);
    a->wake = true;
    pthread_cond_signal(&a->is_awake);
    pthread_mutex_unlock(&a->lock);
}

/* The newest word on a block counts. */
void accounts_block_seen(struct accounts *a, const struct sighting *s)
{
    size_t i = 0;
    pthread_mutex_lock(&a->lock);
    while (i < a->sighting_count && !hash256_equal(&a->sightings[i].hash, &s->hash))
        i++;
    if (i < ACCOUNTS_SIGHTINGS) { /* full: it is asked and told again */
        a->sightings[i] = *s;
        a->sighting_count += i == a->sighting_count;
    }
    a->wake = true;
    pthread_cond_signal(&a->is_awake);
    pthread_mutex_unlock(&a->lock);
}

void accounts_set_miners(struct accounts *a, json_t *records)
{
    pthread_mutex_lock(&a->lock);
    json_decref(a->new_miners);
    a->new_miners = records;
    a->wake = true;
    pthread_cond_signal(&a->is_awake);
    pthread_mutex_unlock(&a->lock);
}

void accounts_set_nbits(struct accounts *a, uint32_t nbits)
{
    atomic_store(&a->nbits, nbits);
}

static void take_miners(struct accounts *a)
{
    size_t i;
    json_t *record;
    pthread_mutex_lock(&a->lock);
    json_t *records = a->new_miners;
    a->new_miners = NULL;
    pthread_mutex_unlock(&a->lock);
    if (records == NULL)
        return;
    json_decref(a->miners);
    a->miners = json_object();
    json_array_foreach(records, i, record)
    {
        const char *id = json_string_value(json_object_get(record, "miner_id"));
        if (id != NULL)
            json_object_set(a->miners, id, record);
    }
    json_decref(records);
    a->miners_changed = a->accounts_changed = true;
}

/* --- blocks that are watched ------------------------------------------------------ */

static void publish_watched(struct accounts *a, json_t *list)
{
    pthread_mutex_lock(&a->lock);
    a->open_blocks = json_array_size(list);
    pthread_mutex_unlock(&a->lock);
    if (a->hooks.on_watch != NULL)
        a->hooks.on_watch(a->hooks.ctx, list);
    else
        json_decref(list);
}

static int by_height(const void *a, const void *b)
{
    json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "height"));
    json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "height"));
    return (x > y) - (x < y);
}

/* Asked for in the order of the chain, they are mostly seen so. Takes the list. */
static json_t *in_order(json_t *list)
{
    size_t count = json_array_size(list);
    json_t **all = mem_array(count + 1, sizeof(*all));
    json_t *sorted = json_array();
    for (size_t i = 0; i < count; i++)
        all[i] = json_array_get(list, i);
    qsort(all, count, sizeof(json_t *), by_height);
    for (size_t i = 0; i < count; i++)
        json_array_append(sorted, all[i]);
    mem_free(all);
    json_decref(list);
    return sorted;
}

/* False: not now. */
static bool read_watched(struct accounts *a)
{
    json_t *hashes, *hash, *list = json_array();
    size_t i;
    enum kz_err err = store_read_block_hashes(&hashes, a->store, true);
    if (err != KZ_OK) {
        json_decref(list);
        return false;
    }
    json_array_foreach(hashes, i, hash)
    {
        json_t *block;
        if (store_read_block_state(&block, a->store, json_string_value(hash)) != KZ_OK)
            continue;
        json_array_append_new(list,
                              json_pack("{s:O, s:O?, s:O?}", "hash", hash, "height",
                                        json_object_get(block, "height"), "state",
                                        json_object_get(block, "state")));
        json_decref(block);
    }
    json_decref(hashes);
    publish_watched(a, in_order(list));
    return true;
}

/* --- the thread ------------------------------------------------------------------- */

/* Blocks in the order of the chain: a round of PROP begins behind the block before. */
static int deepest_first(const void *a, const void *b)
{
    const struct sighting *x = a, *y = b;
    return (x->confirmations < y->confirmations) -
           (x->confirmations > y->confirmations);
}

/* What is not done the tracker asks again. */
static void step_sightings(struct accounts *a)
{
    struct sighting *now = mem_array(ACCOUNTS_SIGHTINGS, sizeof(*now));
    pthread_mutex_lock(&a->lock);
    size_t count = a->sighting_count;
    memcpy(now, a->sightings, count * sizeof(*now));
    a->sighting_count = 0;
    pthread_mutex_unlock(&a->lock);
    qsort(now, count, sizeof(*now), deepest_first);
    for (size_t i = 0; i < count && !atomic_load(&a->stop); i++)
        if (!block_step(a, &now[i]))
            break;
    mem_free(now);
}

static void step_holds(struct accounts *a)
{
    struct monotime now = clock_now();
    if (a->miners == NULL || (!a->miners_changed && !a->balances_changed &&
                              monotime_ms_between(a->looked_at_holds, now) < HOLDS_MS))
        return;
    a->looked_at_holds = now;
    a->miners_changed = a->balances_changed = false;
    holds_step(a);
}

static void step(struct accounts *a)
{
    uint64_t generation;
    bool is_ready = store_has_all_events(a->store, &generation);
    pthread_mutex_lock(&a->lock);
    a->is_waiting = !is_ready;
    pthread_mutex_unlock(&a->lock);
    take_miners(a);
    if (generation != a->generation)
        fpps_forget(a);
    a->generation = generation;
    bool may_book =
        is_ready && a->miners != NULL; /* without the registry: who is held? */
    capital_step(a, may_book);
    if (!may_book)
        return;
    step_sightings(a);
    pps_step(a);
    fpps_step(a);
    step_holds(a);
    snapshot_step(a);
    trim_step(a);
    read_watched(a);
}

static void wait_for_work(struct accounts *a)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TURN_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&a->lock);
    while (!a->wake && !atomic_load(&a->stop) &&
           pthread_cond_timedwait(&a->is_awake, &a->lock, &until) == 0)
        continue;
    a->wake = false;
    pthread_mutex_unlock(&a->lock);
}

static void *run_thread(void *arg)
{
    struct accounts *a = arg;
    while (!atomic_load(&a->stop)) {
        step(a);
        wait_for_work(a);
    }
    capital_step(a, false);
    return NULL;
}

enum kz_err accounts_start(struct accounts **out, const struct conf *conf,
                           const struct profile *profile, struct store *store,
                           const struct accounts_hooks *hooks)
{
    struct pool_output *pool_output;
    char why[POOL_OUTPUT_WHY_SIZE];
    if (pool_output_new(&pool_output, why, network_of(conf->network),
                        conf->coinbase_address, conf->coinbase_descriptor) != KZ_OK)
        return KZ_RANGE;
    struct accounts *a = mem_new(sizeof(*a));
    a->pool_output = pool_output;
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_t attr; /* a clock that is set back makes nobody wait */
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->is_awake, &attr);
    pthread_condattr_destroy(&attr);
    a->conf = *conf;
    a->profile = profile;
    a->network = network_of(conf->network);
    a->store = store;
    a->hooks = *hooks;
    a->is_waiting = true;
    if (pthread_create(&a->thread, NULL, run_thread, a) != 0) {
        log_error("accounts_not_started");
        accounts_free(a);
        return KZ_IO;
    }
    a->has_thread = true;
    *out = a;
    return KZ_OK;
}

void accounts_stop(struct accounts *a)
{
    if (a == NULL)
        return;
    atomic_store(&a->stop, true);
    accounts_wake(a);
    if (a->has_thread)
        pthread_join(a->thread, NULL);
    a->has_thread = false;
}

void accounts_free(struct accounts *a)
{
    if (a == NULL)
        return;
    json_decref(a->new_miners);
    json_decref(a->miners);
    json_decref(a->days);
    mem_free(a->day_fees);
    pool_output_free(a->pool_output);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->is_awake);
    mem_free(a);
}

json_t *accounts_status(struct accounts *a)
{
    pthread_mutex_lock(&a->lock);
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:o, s:I, s:I, s:I}", "state",
        a->is_waiting ? "waiting" : "ready", "alarm", a->alarm, "warning", a->warning,
        "error", a->error, "suspended", atomic_load(&a->is_suspended), "solvency",
        a->knows_solvency ? json_integer(a->solvency) : json_null(), "entries",
        (json_int_t)a->entries, "open_blocks", (json_int_t)a->open_blocks, "snapshot",
        (json_int_t)a->snapshot_id);
    pthread_mutex_unlock(&a->lock);
    return o;
}
