/* Opening and closing; the lease; one step written. */
#include "pool/pay/payer.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "pool/accounts.h"
#include "pool/reader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REDIS_WAIT_MS 30000
#define POLL_MS       10
#define STOP_MS       10000
#define SEGMENT_BYTES                                                                  \
    ((size_t)4 << 20) /* an event may be as large as a record can be */
#define EVENTS_BYTES  ((size_t)16 << 20)
#define INSTANCE_TAIL ".payout" /* no karizd's instance has a dot */

enum kz_err pay_fail(struct payer *p, enum kz_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->why, sizeof(p->why), format, args);
    va_end(args);
    return err;
}

struct feerate pay_rate(int64_t sat_per_kvb)
{
    struct feerate r;
    bool fits = feerate_from(&r, sat_per_kvb);
    assert(fits);
    (void)fits;
    return r;
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL); /* allowed: this program may wait */
}

/* --- settings of our own ---------------------------------------------------------- */

static void name_ourselves(struct payer *p)
{
    char host[65] = "?";
    size_t room = sizeof(p->own.instance) - sizeof(INSTANCE_TAIL);
    if (gethostname(host, sizeof(host)) != 0)
        snprintf(host, sizeof(host), "?");
    host[sizeof(host) - 1] = '\0';
    snprintf(p->name, sizeof(p->name), "%.60s, process %ld", host, (long)getpid());
    snprintf(p->own.instance, sizeof(p->own.instance), "%.*s%s", (int)room,
             p->conf->instance, INSTANCE_TAIL);
}

/* --- journal ---------------------------------------------------------------------- */

static enum kz_err lock_dir(struct payer *p, const char *dir)
{
    char path[CONF_TEXT_MAX + 32];
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return pay_fail(p, KZ_IO, "%s: %s", dir, strerror(errno));
    snprintf(path, sizeof(path), "%s/lock", dir);
    p->lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (p->lock_fd < 0)
        return pay_fail(p, KZ_IO, "%s: %s", path, strerror(errno));
    if (flock(p->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return pay_fail(p, KZ_BUSY, "another kariz-payout works in %s", dir);
    return KZ_OK;
}

static enum kz_err open_journal(struct payer *p)
{
    char dir[CONF_TEXT_MAX + 16];
    struct journal_damage damage;
    snprintf(dir, sizeof(dir), "%s/payout", p->conf->data_dir);
    const struct journal_options options = {
        .dir = dir, .segment_bytes = SEGMENT_BYTES, .events_bytes = EVENTS_BYTES};
    enum kz_err err = lock_dir(p, dir);
    if (err == KZ_OK && journal_open(&p->journal, &damage, &options) != KZ_OK)
        err = pay_fail(p, KZ_IO, "the journal in %s cannot be used: see the log", dir);
    return err;
}

/* --- Redis ------------------------------------------------------------------------ */

/* True: it is an alarm, which no waiting ends. */
static bool say_store(struct payer *p, const char *what)
{
    json_t *s = store_status(p->store);
    const char *alarm = json_string_value(json_object_get(s, "alarm"));
    const char *error = json_string_value(json_object_get(s, "error"));
    bool has_alarm = alarm != NULL && alarm[0] != '\0';
    pay_fail(p, KZ_IO, "%s: %s", what,
             has_alarm                           ? alarm
             : error != NULL && error[0] != '\0' ? error
                                                 : "no answer");
    json_decref(s);
    return has_alarm;
}

enum kz_err pay_look_again(struct payer *p)
{
    struct monotime began = clock_now();
    while (!store_has_all_events(p->store, &p->generation)) {
        if (say_store(p, "Redis") ||
            monotime_ms_between(began, clock_now()) > REDIS_WAIT_MS)
            return KZ_IO;
        pause_ms(POLL_MS);
    }
    return KZ_OK;
}

bool pay_is_current(struct payer *p)
{
    return store_is_generation(p->store, p->generation);
}

static enum kz_err open_store(struct payer *p)
{
    const struct slice_terms terms = accounts_terms(p->conf);
    enum kz_err err = p->journal != NULL
                          ? store_start(&p->store, &p->own, p->journal, &terms, NULL)
                          : store_start_reader(&p->store, &p->own);
    if (err != KZ_OK)
        return pay_fail(p, err, "the store did not start: see the log");
    return pay_look_again(p);
}

/* --- open, close ------------------------------------------------------------------ */

struct record_may pay_may(const struct payer *p, const json_t *record)
{
    const struct record_view view = {.profile = p->profile, .now_ms = clock_utc_ms()};
    return record_may(record, &view);
}

enum kz_err pay_open(struct payer *p, const struct conf *conf, bool is_reader)
{
    char why[READER_WHY_SIZE];
    p->conf = conf;
    p->own = *conf;
    p->network = network_of(conf->network);
    p->lock_fd = p->redis_dir_fd = -1;
    name_ourselves(p);
    enum kz_err err = settings_profile(&p->profile, conf);
    if (err != KZ_OK)
        return pay_fail(p, err,
                        "the jurisdiction's profile cannot be used: see the log");
    err = reader_aim(&p->own, &p->redis_dir_fd, why);
    if (err != KZ_OK)
        return pay_fail(p, err, "%s", why);
    if (!is_reader)
        err = open_journal(p);
    if (err == KZ_OK)
        err = open_store(p);
    if (err == KZ_OK && chain_open(&p->chain, conf) != KZ_OK)
        err = pay_fail(p, KZ_RANGE, "the settings' nodes cannot be used: see the log");
    return err;
}

void pay_close(struct payer *p)
{
    if (p->has_lease && p->store != NULL)
        store_lease_give_back(p->store, &p->lease);
    store_stop(p->store, STOP_MS);
    journal_close(p->journal);
    chain_close(p->chain);
    wallet_close(p->wallet);
    profile_free(p->profile);
    if (p->lock_fd >= 0)
        close(p->lock_fd);
    if (p->redis_dir_fd >= 0)
        close(p->redis_dir_fd);
    *p = (struct payer){.lock_fd = -1, .redis_dir_fd = -1};
}

/* --- the lease -------------------------------------------------------------------- */

static enum kz_err take_lease(struct payer *p)
{
    struct lease_holder who = {.free_in_ms = 0};
    p->lease_terms =
        (struct lease_terms){.journal = journal_id(p->journal),
                             .name = p->name,
                             .lasts_ms = p->conf->pay.lease_seconds * 1000,
                             .takeover_ms = p->conf->pay.takeover_seconds * 1000};
    struct monotime asked = clock_now(); /* it lasts from when it was given, not told */
    enum kz_err err = store_lease_take(&p->lease, &who, p->store, &p->lease_terms);
    if (err == KZ_BUSY)
        return pay_fail(p, err,
                        "another kariz-payout pays (%s); it can be followed in %lld s "
                        "if it is silent until then",
                        who.name, (long long)(who.free_in_ms + 999) / 1000);
    if (err != KZ_OK)
        return pay_fail(p, err, "Redis is away");
    p->has_lease = true;
    p->lease_renewed = asked;
    log_info("lease_taken", kv_str("token", p->lease.token));
    return KZ_OK;
}

enum kz_err pay_hold_lease(struct payer *p)
{
    if (!p->has_lease)
        return take_lease(p);
    int64_t age = monotime_ms_between(p->lease_renewed, clock_now());
    if (age < (int64_t)p->lease_terms.lasts_ms / 3)
        return KZ_OK;
    struct monotime asked = clock_now();
    enum kz_err err = store_lease_renew(p->store, &p->lease, &p->lease_terms);
    if (err == KZ_OK)
        p->lease_renewed = asked;
    if (err == KZ_BUSY)
        p->has_lease = false;
    return err == KZ_OK     ? KZ_OK
           : err == KZ_BUSY ? pay_fail(p, err, "the lease was lost: another pays now")
                            : pay_fail(p, err, "Redis is away");
}

/* --- one step --------------------------------------------------------------------- */

json_t *pay_entry(struct entry *e)
{
    char *text = entry_format(e);
    json_t *json = json_loads(text, 0, NULL);
    mem_free(text);
    entry_clear(e);
    return json;
}

/* Any other event behind a reserve would say that the reserve never was, while its money
 * is taken and may be paid: only its own end may follow it. */
static enum kz_err may_write(struct payer *p, enum event_kind kind, const json_t *event)
{
    char id[STORE_PAYOUT_SIZE];
    enum kz_err err = store_undecided(id, p->store);
    if (err != KZ_OK)
        return pay_fail(p, err, "Redis is away");
    bool is_end = kind == EVENT_DECIDED ||
                  (kind != EVENT_RESERVE && json_object_get(event, "payout") != NULL);
    return id[0] == '\0' || is_end
               ? KZ_OK
               : pay_fail(p, KZ_IO, "the reserve of payout %s is not decided yet", id);
}

enum kz_err pay_write(struct payer *p, enum event_kind kind, json_t *event)
{
    char text[256];
    enum kz_err err = may_write(p, kind, event);
    if (err != KZ_OK) {
        json_decref(event);
        return err;
    }
    err = store_ledger_write(text, p->store, kind, event);
    if (err != KZ_OK)
        pay_fail(p, err, "%s", text[0] != '\0' ? text : "Redis is away");
    return err;
}

/* --- payouts ---------------------------------------------------------------------- */

bool pay_is_ours(const struct payout *o, const struct payer *p)
{
    return strcmp(o->journal, journal_id(p->journal)) == 0;
}

void payout_list_clear(struct payout_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        payout_clear(&l->rows[i]);
    mem_free(l->rows);
    *l = (struct payout_list){.count = 0};
}

static enum kz_err read_one(struct payout *o, struct payer *p, const char *id)
{
    char key[KEY_SIZE], name[PAYOUT_ID_MAX + 8], why[PAYOUT_NOTE_SIZE];
    json_t *hash = NULL;
    snprintf(name, sizeof(name), "po:%.32s", id);
    key_mark(key, name);
    enum kz_err err = store_read_hash(&hash, p->store, key);
    if (err != KZ_OK)
        return pay_fail(p, err, "Redis is away");
    err = json_object_size(hash) == 0 ? KZ_EMPTY : payout_read(o, why, id, hash);
    json_decref(hash);
    if (err == KZ_EMPTY)
        return pay_fail(p, err, "there is no payout %.64s", id);
    return err == KZ_OK ? KZ_OK : pay_fail(p, err, "%s", why);
}

static int by_time(const void *a, const void *b)
{
    const struct payout *x = a, *y = b;
    if (x->created_ms != y->created_ms)
        return x->created_ms < y->created_ms ? -1 : 1;
    return strcmp(x->id.text, y->id.text);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_wanted(const char *id, const char *state, enum pay_which which)
{
    enum payout_state s;
    char today[PAYOUT_DAY_SIZE];
    switch (which) {
    case PAY_OPEN:
        return payout_state_parse(&s, state) != KZ_OK || !payout_state_is_end(s);
    case PAY_TODAY:
        payout_day(today, clock_utc_ms());
        return strncmp(id, today, strlen(today)) == 0;
    case PAY_NEWEST:
    case PAY_ALL:
        break;
    }
    return true;
}

/* Names of the wanted, which begin with their time: the first are the oldest. Borrowed
 * from `index`. */
static const char **wanted_names(size_t *count, json_t *index, enum pay_which which)
{
    const char **names = mem_array(json_object_size(index) + 1, sizeof(*names));
    const char *id;
    json_t *state;
    *count = 0;
    json_object_foreach(index, id, state)
    {
        if (is_wanted(id, json_string_value(state), which))
            names[(*count)++] = id;
    }
    qsort(names, *count, sizeof(*names), by_name);
    return names;
}

enum kz_err pay_list(struct payout_list *l, struct payer *p, enum pay_which which)
{
    json_t *index = NULL;
    size_t count;
    struct payout_list made = {.count = 0};
    enum kz_err err = store_read_hash(&index, p->store, KEY_PAYOUTS);
    if (err != KZ_OK)
        return pay_fail(p, err, "Redis is away");
    const char **names = wanted_names(&count, index, which);
    size_t first =
        which == PAY_NEWEST && count > PAY_NEWEST_MAX ? count - PAY_NEWEST_MAX : 0;
    made.rows = mem_array(count + 1, sizeof(*made.rows));
    for (size_t i = first; i < count && err == KZ_OK; i++) {
        err = read_one(&made.rows[made.count], p, names[i]);
        made.count += err == KZ_OK;
    }
    mem_free(names);
    json_decref(index);
    if (err != KZ_OK) {
        payout_list_clear(&made);
        return err;
    }
    qsort(made.rows, made.count, sizeof(*made.rows), by_time);
    *l = made;
    return KZ_OK;
}

enum kz_err pay_find(struct payout *o, struct payer *p, const char *name)
{
    struct hash256 txid;
    json_t *id = NULL;
    if (hash256_parse_display(&txid, name, strlen(name)) != KZ_OK)
        return read_one(o, p, name);
    enum kz_err err = store_read_field(&id, p->store, KEY_PAYOUT_TXIDS, name);
    if (err == KZ_OK)
        err = read_one(o, p, json_string_value(id));
    else if (err == KZ_EMPTY)
        pay_fail(p, err, "no payout has transaction %s", name);
    else
        pay_fail(p, err, "Redis is away");
    json_decref(id);
    return err;
}
