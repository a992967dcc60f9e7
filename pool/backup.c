#include "pool/backup.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "pool/backup_make.h"
#include "pool/backup_restore.h"
#include "share/store_read.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TURN_MS  1000
#define BEGIN_MS 60000 /* so long a first one waits for Redis to have what it lacks */
#define MARK_MAX 4096
#define ITSELF   "system" /* as the registry's own acts are signed */

/* One backup, from the wish to the answer. */
struct task {
    struct backup *backup;
    struct backup_wish wish;
    bool is_daily;
    backup_done_fn *on_done; /* NULL: nobody waits */
    void *ctx;
    enum kz_err err;
    struct backup_made made;
    char text[BACKUP_TEXT_SIZE];
};

struct backup {
    struct backup_parts parts;
    struct monotime started;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* of all below but the mark */
    pthread_cond_t changed;
    bool stopping;
    struct task *asked; /* waits for the thread */
    bool is_running, is_held;
    bool has_last;
    struct backup_made last; /* in backup.dir; `files` 0: of a former daemon */
    char error[BACKUP_TEXT_SIZE];
    int64_t retry_ms; /* not before this */

    json_t *mark; /* of a restore, not told yet; control's */
    bool mark_is_told;
    atomic_bool has_mark;
};

static bool is_stopping(void *ctx)
{
    struct backup *b = ctx;
    pthread_mutex_lock(&b->lock);
    bool is = b->stopping;
    pthread_mutex_unlock(&b->lock);
    return is;
}

/* --- the answer: on control --------------------------------------------------------- */

static json_t *answer_of(const struct task *t, const char *note)
{
    char manifest[HASH256_HEX_SIZE], head[HASH256_HEX_SIZE], path[PATH_MAX];
    hex_encode(manifest, t->made.manifest.b, sizeof(t->made.manifest.b));
    hex_encode(head, t->made.audit_hash.b, sizeof(t->made.audit_hash.b));
    snprintf(path, sizeof(path), "%s/%s", t->wish.dir, t->made.name);
    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:{s:I, s:s}, s:s}", "name",
                     t->made.name, "path", path, "files", (json_int_t)t->made.files,
                     "bytes", (json_int_t)t->made.bytes, "manifest", manifest, "audit",
                     "seq", (json_int_t)t->made.audit_seq, "hash", head, "note", note);
}

static void task_end(struct task *t, const char *note)
{
    if (t->on_done != NULL && t->err == KZ_OK)
        t->on_done(t->ctx, KZ_OK, answer_of(t, note), "");
    else if (t->on_done != NULL)
        t->on_done(t->ctx, t->err, NULL, t->text);
    mem_free(t);
}

/* A registry_done_fn. */
static void on_noted(void *ctx, enum kz_err err, json_t *record, const char *text)
{
    char note[RECORD_WHY_SIZE + 64] = "";
    json_decref(record);
    if (err != KZ_OK) {
        log_warn("backup_not_in_audit_chain", kv_str("why", text));
        snprintf(note, sizeof(note), "the audit chain was not told: %s", text);
    }
    task_end(ctx, note);
}

static void tell_chain(struct task *t)
{
    const struct registry_order order = {
        .by = t->wish.by, .role = t->is_daily ? AUDIT_SYSTEM : AUDIT_OPERATOR};
    json_t *detail = answer_of(t, "");
    json_object_del(detail, "path"); /* a machine's own */
    json_object_del(detail, "note");
    json_object_set_new(detail, "with_master_key",
                        json_boolean(t->wish.with_master_key));
    registry_note(t->backup->parts.registry, AUDIT_BACKUP_MADE, NULL, &order, detail,
                  NULL, on_noted, t);
    json_decref(detail);
}

static void run_made(void *owner, void *arg)
{
    (void)owner;
    struct task *t = arg;
    if (t->err == KZ_OK)
        tell_chain(t);
    else
        task_end(t, "");
}

static void drop_made(void *arg)
{
    struct task *t = arg;
    if (t->err != KZ_OK)
        snprintf(t->text, sizeof(t->text), "stopping");
    task_end(t, "the audit chain was not told: the daemon stops");
}

/* --- what must not go meanwhile ------------------------------------------------------ */

static void set_held(struct backup *b, bool is_on)
{
    registry_hold_vault(b->parts.registry, is_on);
    pthread_mutex_lock(&b->lock);
    b->is_held = is_on;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void run_hold(void *owner, void *arg)
{
    (void)owner;
    set_held(arg, true);
}

static void run_release(void *owner, void *arg)
{
    (void)owner;
    set_held(arg, false);
}

/* The vault is control's. */
static bool hold(void *ctx, bool is_on)
{
    struct backup *b = ctx;
    struct mailbox_call call = {is_on ? run_hold : run_release, NULL, b};
    store_hold_journal(b->parts.store, is_on);
    if (mailbox_post(b->parts.mailbox, call) != KZ_OK)
        return false;
    pthread_mutex_lock(&b->lock);
    while (b->is_held != is_on && !b->stopping)
        pthread_cond_wait(&b->changed, &b->lock);
    bool ok = b->is_held == is_on;
    pthread_mutex_unlock(&b->lock);
    return ok;
}

/* --- the thread ---------------------------------------------------------------------- */

static bool is_due(const struct backup *b)
{
    const struct conf *c = b->parts.conf;
    int64_t now = clock_utc_ms();
    uint64_t generation;
    if (c->backup_dir[0] == '\0' || now < b->retry_ms ||
        (b->has_last && b->last.time_ms >= backup_due_ms(now, c->backup_at)))
        return false;
    return store_has_all_events(b->parts.store, &generation) ||
           monotime_ms_between(b->started, clock_now()) > BEGIN_MS;
}

/* Of the lock's holder. NULL: none is due. */
static struct task *daily_task(struct backup *b)
{
    const struct conf *c = b->parts.conf;
    if (!is_due(b))
        return NULL;
    struct task *t = mem_new(sizeof(*t));
    *t = (struct task){.backup = b, .is_daily = true};
    snprintf(t->wish.dir, sizeof(t->wish.dir), "%s", c->backup_dir);
    snprintf(t->wish.by, sizeof(t->wish.by), ITSELF);
    return t;
}

static void wait_turn(struct backup *b)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TURN_MS / 1000;
    pthread_cond_timedwait(&b->changed, &b->lock, &until);
}

static void run_mark(void *owner, void *arg);

/* The registry may not be loaded yet: told again until it is. */
static void post_mark(struct backup *b)
{
    struct mailbox_call call = {run_mark, NULL, b};
    if (atomic_load(&b->has_mark) && mailbox_post(b->parts.mailbox, call) != KZ_OK)
        log_warn("backup_mark_waits");
}

/* NULL: stopping. */
static struct task *take_next(struct backup *b)
{
    struct task *t = NULL;
    pthread_mutex_lock(&b->lock);
    while (!b->stopping && t == NULL) {
        t = b->asked != NULL ? b->asked : daily_task(b);
        if (t == NULL) {
            wait_turn(b);
            post_mark(b);
        }
    }
    if (t == b->asked)
        b->asked = NULL;
    b->is_running = t != NULL;
    pthread_mutex_unlock(&b->lock);
    return t;
}

static void let_old_go(struct backup *b)
{
    char why[BACKUP_WHY_SIZE];
    size_t gone = 0;
    const struct conf *c = b->parts.conf;
    if (backup_let_go(&gone, why, c->backup_dir, c->instance, c->backup_keep) != KZ_OK)
        log_warn("backups_not_let_go", kv_str("why", why));
    if (gone > 0)
        log_info("backups_let_go", kv_u64("count", gone));
}

static void note_end(struct backup *b, const struct task *t)
{
    bool is_in_dir = strcmp(t->wish.dir, b->parts.conf->backup_dir) == 0;
    pthread_mutex_lock(&b->lock);
    b->is_running = false;
    if (t->err != KZ_OK && (is_in_dir || b->parts.conf->backup_dir[0] == '\0'))
        snprintf(b->error, sizeof(b->error), "%s", t->text);
    if (t->err != KZ_OK && t->is_daily)
        b->retry_ms = clock_utc_ms() + BACKUP_RETRY_MS;
    if (t->err == KZ_OK && (is_in_dir || b->parts.conf->backup_dir[0] == '\0')) {
        b->has_last = true;
        b->last = t->made;
        b->error[0] = '\0';
    }
    pthread_mutex_unlock(&b->lock);
    if (t->err == KZ_OK && is_in_dir)
        let_old_go(b);
}

static void work_on(struct backup *b, struct task *t)
{
    char why[BACKUP_WHY_SIZE] = "";
    const struct backup_order order = {.conf = b->parts.conf,
                                       .dir = t->wish.dir,
                                       .with_master_key = t->wish.with_master_key,
                                       .hold = hold,
                                       .is_stopping = is_stopping,
                                       .ctx = b};
    struct mailbox_call back = {run_made, drop_made, t};
    struct monotime began = clock_now();
    t->err = backup_make(&t->made, why, &order);
    snprintf(t->text, sizeof(t->text), "%s", why);
    if (t->err == KZ_OK)
        log_info("backup_made", kv_str("dir", t->wish.dir),
                 kv_str("name", t->made.name), kv_u64("files", t->made.files),
                 kv_u64("bytes", t->made.bytes),
                 kv_i64("ms", monotime_ms_between(began, clock_now())));
    else if (!is_stopping(b))
        log_error("backup_failed", kv_str("dir", t->wish.dir), kv_str("why", why));
    note_end(b, t);
    /* The mailbox holds tens of thousands: full means that control has hung. */
    if (mailbox_post(b->parts.mailbox, back) != KZ_OK)
        log_error("backup_answer_lost");
}

static void *run(void *arg)
{
    struct backup *b = arg;
    struct task *t;
    post_mark(b);
    while ((t = take_next(b)) != NULL)
        work_on(b, t);
    return NULL;
}

/* --- the first start after a restore: on control -------------------------------------- */

static void mark_path(char out[PATH_MAX], const struct backup *b)
{
    snprintf(out, PATH_MAX, "%s/" RESTORE_DONE, b->parts.conf->data_dir);
}

static void remove_mark(struct backup *b)
{
    char path[PATH_MAX];
    mark_path(path, b);
    if (unlink(path) != 0 && errno != ENOENT)
        log_warn("restored_mark_stays", kv_str("path", path), kv_errno(errno));
    atomic_store(&b->has_mark, false);
}

/* A registry_done_fn. */
static void on_mark_told(void *ctx, enum kz_err err, json_t *record, const char *text)
{
    struct backup *b = ctx;
    json_decref(record);
    bool is_told = store_has_journaled(err, text);
    b->mark_is_told = is_told;
    if (!is_told)
        return;
    log_info("restored_from_backup");
    remove_mark(b);
}

/* The fact beside the event says that it was told, should the mark have stayed. */
static void run_mark(void *owner, void *arg)
{
    (void)owner;
    struct backup *b = arg;
    const json_t *known = registry_fact(b->parts.registry, RESTORE_DONE);
    const struct registry_order order = {.by = ITSELF, .role = AUDIT_SYSTEM};
    if (!atomic_load(&b->has_mark) || b->mark_is_told)
        return;
    if (known != NULL && json_equal(known, b->mark)) {
        remove_mark(b);
        return;
    }
    json_t *facts = json_pack("{s:O}", RESTORE_DONE, b->mark);
    b->mark_is_told = true; /* until the answer says otherwise */
    registry_note(b->parts.registry, AUDIT_RESTORED, NULL, &order, b->mark, facts,
                  on_mark_told, b);
    json_decref(facts);
}

static void read_mark(struct backup *b)
{
    char path[PATH_MAX];
    json_error_t error;
    mark_path(path, b);
    if (access(path, F_OK) != 0)
        return;
    b->mark = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(b->mark))
        atomic_store(&b->has_mark, true);
    else
        log_warn("restored_mark_refused", kv_str("path", path),
                 kv_str("why", error.text));
}

/* --- start, stop, ask ------------------------------------------------------------------ */

static void find_last(struct backup *b)
{
    const struct conf *c = b->parts.conf;
    b->has_last = c->backup_dir[0] != '\0' &&
                  backup_find_newest(b->last.name, &b->last.time_ms, c->backup_dir,
                                     c->instance) == KZ_OK;
}

/* Signals are the control thread's. */
static int start_thread(struct backup *b)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&b->thread, NULL, run, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    b->has_thread = failed == 0;
    return failed;
}

enum kz_err backup_start(struct backup **out, const struct backup_parts *parts)
{
    struct backup *b = mem_new(sizeof(*b));
    pthread_condattr_t monotonic;
    b->parts = *parts;
    b->started = clock_now();
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&b->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    find_last(b);
    read_mark(b);
    int failed = start_thread(b);
    if (failed != 0) {
        log_error("thread_failed", kv_str("thread", "backup"), kv_errno(failed));
        backup_free(b);
        return KZ_IO;
    }
    *out = b;
    return KZ_OK;
}

static void refuse(struct task *t, const char *why)
{
    t->err = KZ_BUSY;
    snprintf(t->text, sizeof(t->text), "%s", why);
    task_end(t, "");
}

void backup_stop(struct backup *b)
{
    if (b == NULL || !b->has_thread)
        return;
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    b->has_thread = false;
    if (b->asked != NULL)
        refuse(b->asked, "stopping");
    b->asked = NULL;
}

void backup_free(struct backup *b)
{
    if (b == NULL)
        return;
    backup_stop(b);
    json_decref(b->mark);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    mem_free(b);
}

void backup_ask(struct backup *b, const struct backup_wish *wish,
                backup_done_fn *on_done, void *ctx)
{
    struct task *t = mem_new(sizeof(*t));
    *t = (struct task){.backup = b, .wish = *wish, .on_done = on_done, .ctx = ctx};
    if (t->wish.dir[0] == '\0')
        snprintf(t->wish.dir, sizeof(t->wish.dir), "%s", b->parts.conf->backup_dir);
    pthread_mutex_lock(&b->lock);
    const char *no = b->stopping             ? "stopping"
                     : t->wish.dir[0] != '/' ? "needs a folder: backup.dir is not set"
                     : b->asked != NULL || b->is_running ? "one is being made already"
                                                         : NULL;
    if (no == NULL) {
        b->asked = t;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    if (no != NULL)
        refuse(t, no);
}

/* --- status ---------------------------------------------------------------------------- */

static void describe_alarm(char alarm[BACKUP_TEXT_SIZE + 64], const struct backup *b,
                           int64_t age_ms)
{
    const char *why = b->error[0] != '\0' ? b->error : "see the log";
    alarm[0] = '\0';
    if (b->parts.conf->backup_dir[0] == '\0')
        return;
    if (!b->has_last && b->error[0] != '\0')
        snprintf(alarm, BACKUP_TEXT_SIZE + 64, "there is no backup: %s", why);
    else if (b->has_last && age_ms > BACKUP_OVERDUE_MS)
        snprintf(alarm, BACKUP_TEXT_SIZE + 64, "no backup for %lld hours: %s",
                 (long long)(age_ms / 3600000), why);
}

json_t *backup_status(struct backup *b)
{
    char alarm[BACKUP_TEXT_SIZE + 64];
    const struct conf *c = b->parts.conf;
    pthread_mutex_lock(&b->lock);
    int64_t age_ms = b->has_last ? clock_utc_ms() - b->last.time_ms : 0;
    describe_alarm(alarm, b, age_ms);
    json_t *last = json_null();
    if (b->has_last)
        last = json_pack("{s:s, s:I, s:I, s:I}", "name", b->last.name, "time_ms",
                         (json_int_t)b->last.time_ms, "files",
                         (json_int_t)b->last.files, "bytes", (json_int_t)b->last.bytes);
    json_t *o =
        json_pack("{s:s, s:s, s:b, s:o, s:I, s:s, s:s}", "dir", c->backup_dir, "at",
                  c->backup_at, "running", b->is_running, "last", last, "age_s",
                  (json_int_t)(age_ms / 1000), "error", b->error, "alarm", alarm);
    pthread_mutex_unlock(&b->lock);
    return o;
}
