#include "pool/reporter.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "pool/report/languages.h"
#include "pool/report/make.h"
#include "pool/report/package_look.h"
#include "pool/report/report_key.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LOOK_S   60
#define AGAIN_MS (15 * 60000) /* behind one that failed */
#define KINDS    4

#define DUE_NAME_SIZE 64
#define ALARM_SIZE    (PACKAGE_WHY_SIZE + DUE_NAME_SIZE)

static const enum period_kind kinds[KINDS] = {PERIOD_DAY, PERIOD_MONTH, PERIOD_QUARTER,
                                              PERIOD_YEAR};

/* The last period of a kind, and its package. */
struct due {
    struct period period;
    enum report_id ids[REPORT_IDS];
    size_t count; /* 0: none is asked for */
    int64_t late_ms;
    char name[DUE_NAME_SIZE], path[PATH_MAX];
};

struct reporter {
    struct reporter_parts parts;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping; /* as below: under the lock */
    bool has_looked;
    char failed[ALARM_SIZE];         /* the last that went wrong; "": nothing */
    char made[KINDS][DUE_NAME_SIZE]; /* the last package of a kind that is there */
    int64_t again_ms;                /* the thread's own */
};

/* --- waiting -------------------------------------------------------------------------- */

/* False: stopping. */
static bool pause_s(struct reporter *r, time_t seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping &&
           pthread_cond_timedwait(&r->changed, &r->lock, &until) != ETIMEDOUT)
        ;
    bool goes_on = !r->stopping;
    pthread_mutex_unlock(&r->lock);
    return goes_on;
}

/* --- what is due ---------------------------------------------------------------------- */

/* False: nothing is asked for of that kind. */
static bool find_due(struct due *d, const struct reporter *r, enum period_kind kind,
                     int64_t now_ms)
{
    struct period current;
    char period[PERIOD_TEXT_SIZE];
    const struct profile *profile = r->parts.profile;
    *d = (struct due){.late_ms = 0};
    d->count = make_due(d->ids, profile, kind, DISCLOSURE_REGULATOR);
    if (d->count == 0 ||
        period_of(&current, kind, now_ms, profile->utc_offset_minutes) != KZ_OK ||
        period_previous(&d->period, &current) != KZ_OK)
        return false;
    if (profile->due_day > 0 &&
        period_due(&d->late_ms, &d->period, profile->due_day) != KZ_OK)
        d->late_ms = 0;
    period_format(period, &d->period);
    snprintf(d->name, sizeof(d->name), "%.8s-%s", profile->code, period);
    snprintf(d->path, sizeof(d->path), "%s/%s", r->parts.conf->report_dir, d->name);
    return true;
}

/* --- one package: on the thread ------------------------------------------------------------ */

static enum kz_err open_key(struct locked **secret, char why[PACKAGE_WHY_SIZE],
                            const struct conf *conf)
{
    struct key_problem problem = {""};
    struct report_key_public about;
    struct locked *passphrase = NULL;
    const struct passphrase_source source = {.fd = -1,
                                             .credential = REPORTER_CREDENTIAL};
    enum kz_err err = passphrase_read(&passphrase, &problem, &source);
    if (err == KZ_OK)
        err = report_key_open(
            secret, &about, &problem, conf->report_key_file,
            (struct bytes){locked_bytes(passphrase), locked_size(passphrase)});
    locked_free(passphrase);
    if (err != KZ_OK)
        snprintf(why, PACKAGE_WHY_SIZE, "report.key_file: %.255s", problem.text);
    return err;
}

/* What making one needs beside the parts. */
struct tools {
    struct languages words;
    struct sign_context *context;
    struct locked *secret;
};

static enum kz_err open_tools(struct tools *t, char why[PACKAGE_WHY_SIZE],
                              const struct reporter *r)
{
    char inner[CATALOGUE_WHY_SIZE];
    *t = (struct tools){.context = sign_context_new()};
    enum kz_err err = languages_load(&t->words, inner, NULL, r->parts.profile);
    if (err != KZ_OK)
        snprintf(why, PACKAGE_WHY_SIZE, "%s", inner);
    return err == KZ_OK ? open_key(&t->secret, why, r->parts.conf) : err;
}

static void close_tools(struct tools *t)
{
    locked_free(t->secret);
    sign_context_free(t->context);
    languages_clear(&t->words);
}

static bool goes_on(void *ctx, const char *doing)
{
    (void)doing;
    return pause_s(ctx, 0);
}

static enum kz_err write_package(struct hash256 *hash, char why[PACKAGE_WHY_SIZE],
                                 struct reporter *r, const struct due *d,
                                 const struct tools *t)
{
    char journal[PATH_MAX];
    struct hash256 previous;
    const struct conf *conf = r->parts.conf;
    bool has_previous = package_look_newest(&previous, conf->report_dir, t->context);
    snprintf(journal, sizeof(journal), "%s/journal", conf->data_dir);
    const struct make_plan plan = {
        .store = r->parts.store,
        .conf = conf,
        .profile = r->parts.profile,
        .commit = r->parts.commit,
        .journal_dir = journal,
        .period = d->period,
        .disclosure = DISCLOSURE_REGULATOR,
        .ids = d->ids,
        .count = d->count,
        .catalogues = (const struct catalogue *const *)t->words.catalogues,
        .catalogue_count = t->words.count,
        .previous = has_previous ? &previous : NULL,
        .context = t->context,
        .key = locked_bytes(t->secret),
        .dir = d->path,
        .made_ms = clock_utc_ms(),
        .goes_on = goes_on,
        .ctx = r};
    return make_package(hash, why, &plan);
}

/* --- telling the chain: on control ----------------------------------------------------------- */

struct note {
    struct reporter *reporter;
    char manifest[HASH256_HEX_SIZE], period[PERIOD_TEXT_SIZE];
};

static void on_noted(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    (void)ctx;
    if (err != KZ_OK)
        log_error("report_not_in_chain", kv_str("why", text));
    json_decref(value);
}

static void run_note(void *owner, void *arg)
{
    (void)owner;
    struct note *n = arg;
    json_t *basis = json_pack("{s:s}", "code", "report");
    json_t *detail =
        json_pack("{s:s, s:s, s:s, s:s}", "manifest", n->manifest, "period", n->period,
                  "level", disclosure_name(DISCLOSURE_REGULATOR), "status",
                  manifest_status_name(MANIFEST_NEW));
    const struct registry_order order = {
        .by = "system", .role = AUDIT_SYSTEM, .reason = "check_made", .basis = basis};
    registry_note(n->reporter->parts.registry, AUDIT_REPORT_MADE, NULL, &order, detail,
                  NULL, on_noted, NULL);
    json_decref(basis);
    json_decref(detail);
    mem_free(n);
}

static void tell_chain(struct reporter *r, const struct due *d,
                       const struct hash256 *hash)
{
    struct note *n = mem_new(sizeof(*n));
    struct mailbox_call call = {run_note, mem_free, n};
    n->reporter = r;
    hex_encode(n->manifest, hash->b, sizeof(hash->b));
    period_format(n->period, &d->period);
    log_info("report_made", kv_str("package", d->path),
             kv_str("manifest", n->manifest));
    if (mailbox_post(r->parts.mailbox, call) != KZ_OK) {
        log_error("report_not_in_chain", kv_str("why", "control does not answer"));
        mem_free(n);
    }
}

/* --- the thread -------------------------------------------------------------------------- */

static void note_failure(struct reporter *r, const struct due *d, const char *why)
{
    log_error("report_failed", kv_str("package", d->path), kv_str("why", why));
    pthread_mutex_lock(&r->lock);
    snprintf(r->failed, sizeof(r->failed), "%s: %s", d->name, why);
    pthread_mutex_unlock(&r->lock);
    r->again_ms = clock_utc_ms() + AGAIN_MS;
}

static bool make_one(struct reporter *r, const struct due *d)
{
    struct tools t;
    struct hash256 hash;
    char why[PACKAGE_WHY_SIZE] = "";
    uint64_t generation;
    enum kz_err err = store_has_all_events(r->parts.store, &generation) ? KZ_OK : KZ_IO;
    if (err != KZ_OK) {
        note_failure(r, d, "Redis does not have every event yet");
        return false;
    }
    if (store_applied_until(r->parts.store) < d->period.to_ms) {
        note_failure(r, d, "Redis does not have every share of the period yet");
        return false;
    }
    err = open_tools(&t, why, r);
    if (err == KZ_OK)
        err = write_package(&hash, why, r, d, &t);
    close_tools(&t);
    if (err == KZ_OK)
        tell_chain(r, d, &hash);
    else if (pause_s(r, 0))
        note_failure(r, d, why);
    return err == KZ_OK;
}

/* What is there by now is remembered for status, which must not ask a disk. */
static bool is_there(struct reporter *r, size_t kind, const struct due *d)
{
    struct stat st;
    bool is = stat(d->path, &st) == 0;
    pthread_mutex_lock(&r->lock);
    snprintf(r->made[kind], DUE_NAME_SIZE, "%s", is ? d->name : "");
    pthread_mutex_unlock(&r->lock);
    return is;
}

static bool look_at(struct reporter *r, size_t kind, int64_t now_ms)
{
    struct due d;
    if (!find_due(&d, r, kinds[kind], now_ms) || is_there(r, kind, &d) ||
        now_ms < d.period.to_ms + MAKE_GRACE_MS)
        return true;
    bool is_good = make_one(r, &d);
    return is_good && is_there(r, kind, &d);
}

static void look(struct reporter *r)
{
    int64_t now = clock_utc_ms();
    bool is_good = true;
    if (now < r->again_ms)
        return;
    if (mkdir(r->parts.conf->report_dir, 0750) != 0 && errno != EEXIST)
        log_error("report_dir_failed", kv_errno(errno));
    for (size_t i = 0; i < KINDS && pause_s(r, 0); i++)
        is_good &= look_at(r, i, now);
    pthread_mutex_lock(&r->lock);
    r->has_looked = true;
    if (is_good)
        r->failed[0] = '\0';
    pthread_mutex_unlock(&r->lock);
}

static void *run(void *arg)
{
    struct reporter *r = arg;
    time_t first_s = 5; /* Redis is asked when it has been told of us */
    while (pause_s(r, first_s)) {
        look(r);
        first_s = LOOK_S;
    }
    return NULL;
}

/* --- start, stop, status: on control ---------------------------------------------------------- */

static struct reporter *reporter_new(const struct reporter_parts *parts)
{
    struct reporter *r = mem_new(sizeof(*r));
    pthread_condattr_t monotonic;
    r->parts = *parts;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return r;
}

enum kz_err reporter_start(struct reporter **out, const struct reporter_parts *parts)
{
    struct reporter *r = reporter_new(parts);
    if (parts->conf->report_dir[0] != '\0') {
        int failed = pthread_create(&r->thread, NULL, run, r);
        if (failed != 0) {
            log_error("thread_failed", kv_str("thread", "reporter"), kv_errno(failed));
            reporter_free(r);
            return KZ_IO;
        }
        r->has_thread = true;
    }
    *out = r;
    return KZ_OK;
}

void reporter_stop(struct reporter *r)
{
    if (r == NULL || !r->has_thread)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    r->has_thread = false;
}

void reporter_free(struct reporter *r)
{
    if (r == NULL)
        return;
    reporter_stop(r);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

static json_t *due_status(const struct due *d, bool is_made)
{
    char period[PERIOD_TEXT_SIZE], due[CLOCK_TEXT_SIZE] = "";
    json_t *names = json_array();
    for (size_t i = 0; i < d->count; i++)
        json_array_append_new(names, json_string(report_kind_of(d->ids[i])->name));
    period_format(period, &d->period);
    if (d->late_ms > 0)
        clock_utc_format(due, d->late_ms);
    return json_pack("{s:s, s:o, s:s, s:b, s:s}", "period", period, "reports", names,
                     "due_at", due, "made", is_made, "package", d->name);
}

/* Under the lock. */
static json_t *periods_status(const struct reporter *r, char alarm[ALARM_SIZE])
{
    struct due d;
    int64_t now = clock_utc_ms();
    json_t *periods = json_array();
    for (size_t i = 0; i < KINDS; i++) {
        if (!find_due(&d, r, kinds[i], now))
            continue;
        bool is_made = strcmp(r->made[i], d.name) == 0;
        json_array_append_new(periods, due_status(&d, is_made));
        if (r->has_looked && !is_made && d.late_ms > 0 && now > d.late_ms &&
            alarm[0] == '\0')
            snprintf(alarm, ALARM_SIZE, "%s is overdue", d.name);
    }
    return periods;
}

json_t *reporter_status(struct reporter *r)
{
    char alarm[ALARM_SIZE];
    pthread_mutex_lock(&r->lock);
    snprintf(alarm, sizeof(alarm), "%s", r->failed);
    json_t *periods = periods_status(r, alarm);
    pthread_mutex_unlock(&r->lock);
    return json_pack("{s:s, s:s, s:o}", "dir", r->parts.conf->report_dir, "alarm",
                     alarm, "periods", periods);
}
