#include "pool/pool.h"

#include "conf/clock.h"
#include "conf/mailbox.h"
#include "conf/mem.h"
#include "payout/coinbase.h"
#include "pool/audit/chain.h"
#include "pool/backup_restore.h"
#include "pool/blocks.h"
#include "pool/commands.h"
#include "pool/pool_parts.h"
#include "pool/report/denials.h"
#include "pool/screen_shelf.h"
#include "pool/settings.h"
#include "share/network.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define VAULT_CREDENTIAL "kariz-vault"
#define MAILBOX_CALLS    65536 /* found blocks and store replies under way */
#define STOP_BLOCKS_MS   2000  /* for answers to blocks sent just before the stop */
#define STOP_FLUSH_MS    5000  /* for shares still queued */

/* --- hooks: what the folders below ask of the assembly ------------------------------ */

static void on_block_found(void *ctx, unsigned front, const struct found_block *found)
{
    struct pool *p = ctx;
    (void)front;
    blocks_found(p->blocks, found);
}

static enum kz_err on_share_judged(void *ctx, unsigned front,
                                   const struct share_record *record,
                                   const struct job *job)
{
    struct pool *p = ctx;
    uint64_t seq;
    log_debug("share_judged", kv_u64("session", record->session),
              kv_str("miner", record->miner.text),
              kv_str("worker", record->worker.text),
              kv_str("verdict", share_verdict_name(record->verdict)),
              kv_u64("work", record->work), kv_real("difficulty", record->difficulty));
    return journal_writer_put(p->writers[front], &seq, record, job);
}

static enum kz_err on_shares_sync(void *ctx, unsigned front)
{
    struct pool *p = ctx;
    return journal_stream_wait(journal_stream(p->journal, JOURNAL_SHARES + front));
}

static void on_login_refused(void *ctx, unsigned front, const struct login_refusal *r)
{
    struct pool *p = ctx;
    struct denied_key key;
    (void)front;
    if (log_is_on(LOG_DEBUG)) {
        char address[NETADDR_TEXT_SIZE];
        netaddr_format(address, r->peer, false);
        log_debug("login_refused", kv_str("reason", refusal_name(r->why)),
                  kv_text("login", r->login, r->login_len), kv_str("address", address),
                  kv_str("agent", r->agent), kv_str("listener", r->listener));
    }
    /* Counted or dropped and counted: a flood of refusals must not slow a front. */
    enum kz_err dropped =
        store_count_refusal(p->store, refusal_name(r->why), r->time_ms);
    (void)dropped;
    mask_refusal(&key, p->mask, r);
    store_note_refusal(p->store, &key, mask_source(p->mask, r->peer), r->time_ms);
}

static void on_login_accepted(void *ctx, unsigned front, const struct login_accepted *a)
{
    struct pool *p = ctx;
    (void)front;
    store_note_rig(p->store, a->miner, a->agent, a->time_ms);
}

/* What the next slices are marked with; the store closes the open one where it differs. */
static void set_slices(struct pool *p, const struct template *t)
{
    struct slice_terms terms = accounts_terms_in_force(p->accounts);
    struct amount subsidy = coinbase_subsidy(t->height, network_of(p->conf->network));
    terms.subsidy_sat = (uint64_t)amount_to_sat(subsidy);
    accounts_set_nbits(p->accounts, t->nbits);
    store_set_slices(p->store, &terms, accounts_span(p->conf, t->nbits), t->nbits);
}

static void on_template(void *ctx, struct template *t, bool new_tip, size_t node)
{
    struct pool *p = ctx;
    (void)node;
    set_slices(p, t);
    if (new_tip && p->tracker != NULL)
        tracker_on_tip(p->tracker, t->height > 0 ? t->height - 1 : 0);
    if (new_tip && p->dayfees != NULL)
        dayfees_on_tip(p->dayfees, t->height > 0 ? t->height - 1 : 0);
    refresh_on_template(p->refresh, t, new_tip);
}

static void on_block_answer(void *ctx, const struct hash256 *hash, size_t node,
                            bool accepted, const char *answer)
{
    struct pool *p = ctx;
    (void)node;
    blocks_on_answer(p->blocks, hash, accepted, answer);
}

static void on_block_final(void *ctx, const struct hash256 *hash, bool accepted)
{
    struct pool *p = ctx;
    blocks_on_final(p->blocks, hash, accepted);
}

static void on_proposal(void *ctx, size_t node, const char *answer)
{
    struct pool *p = ctx;
    refresh_on_proposal(p->refresh, node, answer);
}

static void on_roster(void *ctx, const struct roster *roster)
{
    struct pool *p = ctx;
    if (p->stratum != NULL)
        stratum_publish_roster(p->stratum, roster);
    if (p->accounts != NULL)
        accounts_set_miners(p->accounts, registry_digests(p->registry));
    declared_look(p->declared);
}

/* On the store thread; the accounts are there from before its first record until after
 * its last. */
static void on_progress(void *ctx)
{
    struct pool *p = ctx;
    struct accounts *a = atomic_load(&p->woken);
    if (a != NULL)
        accounts_wake(a);
}

static void run_watch(void *owner, void *arg)
{
    struct pool *p = owner;
    if (p->tracker != NULL)
        tracker_watch(p->tracker, arg);
    else
        json_decref(arg);
}

static void drop_json(void *arg)
{
    json_decref(arg);
}

/* On the accountant's thread, as the next one. */
static void on_watch(void *ctx, json_t *blocks)
{
    struct pool *p = ctx;
    if (mailbox_post(p->mailbox, (struct mailbox_call){run_watch, drop_json, blocks}) !=
        KZ_OK)
        json_decref(blocks); /* told again in half a second */
}

struct new_snapshot {
    const struct snapshot *snapshot; /* owned reference */
    bool now;
};

static void drop_snapshot(void *arg)
{
    struct new_snapshot *n = arg;
    snapshot_unref(n->snapshot);
    mem_free(n);
}

static void run_snapshot(void *owner, void *arg)
{
    struct pool *p = owner;
    struct new_snapshot *n = arg;
    refresh_set_snapshot(p->refresh, n->snapshot, n->now);
    drop_snapshot(n);
}

static void on_snapshot(void *ctx, const struct snapshot *s, bool now)
{
    struct pool *p = ctx;
    struct new_snapshot *n = mem_new(sizeof(*n));
    *n = (struct new_snapshot){s, now};
    if (mailbox_post(p->mailbox,
                     (struct mailbox_call){run_snapshot, drop_snapshot, n}) != KZ_OK)
        drop_snapshot(n);
}

struct wanted_day {
    uint32_t day;
};

static void run_want_day(void *owner, void *arg)
{
    struct pool *p = owner;
    struct wanted_day *w = arg;
    if (p->dayfees != NULL)
        dayfees_want(p->dayfees, w->day);
    mem_free(w);
}

static void on_want_day(void *ctx, uint32_t day)
{
    struct pool *p = ctx;
    struct wanted_day *w = mem_new(sizeof(*w));
    w->day = day;
    if (mailbox_post(p->mailbox, (struct mailbox_call){run_want_day, mem_free, w}) !=
        KZ_OK)
        mem_free(w); /* told again in half a second */
}

/* May a job on `prev` pay carry under `s`? */
static struct refresh_standing on_standing(void *ctx, const struct snapshot *s,
                                           const struct hash256 *prev)
{
    struct pool *p = ctx;
    bool is_own = blocks_has_found(p->blocks, prev);
    return (struct refresh_standing){.accounted =
                                         tracker_has_accounted(p->tracker, s) &&
                                         (!is_own || snapshot_has_accounted(s, prev))};
}

/* --- start --------------------------------------------------------------------------- */

static enum kz_err open_data_dir(struct pool *p)
{
    char path[CONF_TEXT_MAX + 16];
    const char *dir = p->conf->data_dir;
    if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
        log_error("data_dir_failed", kv_str("path", dir), kv_errno(errno));
        return KZ_IO;
    }
    snprintf(path, sizeof(path), "%s/" RESTORE_BEGUN, dir);
    if (access(path, F_OK) == 0) {
        log_error("data_dir_half_restored", kv_str("path", dir));
        return KZ_RANGE;
    }
    snprintf(path, sizeof(path), "%s/lock", dir);
    p->lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0640);
    if (p->lock_fd < 0) {
        log_error("data_dir_failed", kv_str("path", path), kv_errno(errno));
        return KZ_IO;
    }
    if (flock(p->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        log_error("data_dir_in_use", kv_str("path", dir));
        return KZ_BUSY;
    }
    return KZ_OK;
}

static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    struct pool *p = arg;
    log_info("stop_asked", kv_str("by", strsignal((int)number)));
    event_base_loopbreak(p->base);
}

static void on_reload_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    char note[POOL_NOTE_SIZE];
    pool_reload(arg, note);
}

static void start_signals(struct pool *p)
{
    static const int stops[] = {SIGTERM, SIGINT};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < 2; i++) {
        p->signals[i] = evsignal_new(p->base, stops[i], on_stop_signal, p);
        event_add(p->signals[i], NULL);
    }
    p->signals[2] = evsignal_new(p->base, SIGHUP, on_reload_signal, p);
    event_add(p->signals[2], NULL);
}

/* Events carry whole slices and splits: their files are never small. */
#define EVENTS_SEGMENT_LEAST ((size_t)4 << 20)

static enum kz_err start_journal(struct pool *p)
{
    char dir[CONF_TEXT_MAX + 16];
    struct journal_damage damage;
    size_t bytes = (size_t)p->conf->journal_segment_mb << 20;
    p->front_count = stratum_fronts_for(p->conf->stratum.threads);
    snprintf(dir, sizeof(dir), "%s/journal", p->conf->data_dir);
    const struct journal_options options = {
        .dir = dir,
        .shares = p->front_count,
        .segment_bytes = bytes,
        .events_bytes = bytes > EVENTS_SEGMENT_LEAST ? bytes : EVENTS_SEGMENT_LEAST};
    enum kz_err err = journal_open(&p->journal, &damage, &options);
    if (err != KZ_OK)
        return err;
    p->writers = mem_array(p->front_count, sizeof(p->writers[0]));
    for (size_t i = 0; i < p->front_count; i++) {
        struct journal_stream *stream = journal_stream(p->journal, JOURNAL_SHARES + i);
        p->writers[i] = journal_writer_new(stream);
        if (p->conf->journal_sync_ms == 0)
            journal_stream_set_waits(stream);
    }
    return KZ_OK;
}

static void stop_journal(struct pool *p)
{
    for (size_t i = 0; p->writers != NULL && i < p->front_count; i++)
        journal_writer_free(p->writers[i]);
    mem_free(p->writers);
    journal_close(p->journal);
}

/* A store_hooks.link. */
static json_t *link_event(const json_t *newest, const json_t *event, char *why)
{
    char text[AUDIT_WHY_SIZE];
    json_t *link = chain_link(newest, event, text);
    if (link == NULL)
        snprintf(why, STORE_WHY_SIZE, "audit: %s", text);
    return link;
}

/* On the store thread; the profile is there until after its last record. */
static bool is_refusal_over(void *ctx, int64_t day, int64_t now_ms)
{
    const struct pool *p = ctx;
    return denials_day_is_over(p->profile, day, now_ms);
}

static enum kz_err start_store(struct pool *p)
{
    const struct slice_terms terms = accounts_terms(p->conf);
    const struct store_hooks hooks = {.ctx = p,
                                      .on_progress = on_progress,
                                      .link = link_event,
                                      .is_refusal_over = is_refusal_over};
    return store_start(&p->store, p->conf, p->journal, &terms, &hooks);
}

/* Where systemd hands one over, the vault's master key is no file beside it. */
static const char *vault_credential(void)
{
    char path[PATH_MAX];
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    bool is_there = folder != NULL &&
                    snprintf(path, sizeof(path), "%s/" VAULT_CREDENTIAL, folder) <
                        (int)sizeof(path) &&
                    access(path, F_OK) == 0;
    return is_there ? VAULT_CREDENTIAL : NULL;
}

/* Made at the first start, with a master key of its own. */
static enum kz_err open_vault(struct pool *p)
{
    char why[VAULT_WHY_SIZE];
    const struct vault_place place = {.folder = p->conf->vault,
                                      .credential = vault_credential()};
    enum kz_err err = vault_open(&p->vault, why, &place);
    if (err == KZ_EMPTY) {
        err = vault_create(why, &place);
        if (err == KZ_OK)
            err = vault_open(&p->vault, why, &place);
        if (err == KZ_OK)
            log_info("vault_made", kv_str("folder", place.folder));
    }
    if (err != KZ_OK)
        log_error("vault_refused", kv_str("folder", place.folder), kv_str("why", why));
    return err;
}

static enum kz_err start_registry(struct pool *p)
{
    const struct registry_hooks hooks = {.ctx = p, .on_roster = on_roster};
    const struct registry_place place = {.base = p->base,
                                         .mailbox = p->mailbox,
                                         .conf = p->conf,
                                         .profile = p->profile,
                                         .store = p->store,
                                         .vault = p->vault};
    enum kz_err err = registry_start(&p->registry, &place, &hooks);
    if (err == KZ_OK)
        p->declared = declared_new(p->base, p->registry, p->conf, p->profile);
    return err;
}

static enum kz_err start_accounts(struct pool *p)
{
    const struct accounts_hooks hooks = {.ctx = p,
                                         .on_watch = on_watch,
                                         .on_snapshot = on_snapshot,
                                         .on_want_day = on_want_day};
    enum kz_err err =
        accounts_start(&p->accounts, p->conf, p->profile, p->store, &hooks);
    atomic_store(&p->woken, p->accounts);
    return err;
}

static enum kz_err start_nodes(struct pool *p)
{
    struct node_hooks hooks = {
        .ctx = p,
        .on_template = on_template,
        .on_block_answer = on_block_answer,
        .on_block_final = on_block_final,
        .on_proposal = on_proposal,
    };
    return nodes_start(&p->nodes, p->base, p->conf, &hooks);
}

static enum kz_err start_stratum(struct pool *p)
{
    struct stratum_hooks hooks = {
        .ctx = p,
        .block_found = on_block_found,
        .share_judged = on_share_judged,
        .shares_sync = p->conf->journal_sync_ms == 0 ? on_shares_sync : NULL,
        .login_refused = on_login_refused,
        .login_accepted = on_login_accepted,
    };
    enum kz_err err = stratum_start(&p->stratum, p->conf, &hooks);
    if (err == KZ_OK)
        assert(stratum_front_count(p->stratum) == p->front_count);
    return err;
}

static enum kz_err start_reporter(struct pool *p)
{
    return reporter_start(&p->reporter,
                          &(struct reporter_parts){.mailbox = p->mailbox,
                                                   .store = p->store,
                                                   .registry = p->registry,
                                                   .conf = p->conf,
                                                   .profile = p->profile,
                                                   .commit = p->commit});
}

static enum kz_err start_parts(struct pool *p)
{
    enum kz_err err = settings_profile(&p->profile, p->conf);
    if (err == KZ_OK)
        err = open_data_dir(p);
    if (err == KZ_OK)
        err = open_vault(p);
    if (err == KZ_OK)
        err = mask_open(&p->mask, p->conf->data_dir, network_of(p->conf->network));
    p->screens = screen_shelf_new(p->conf);
    if (err == KZ_OK)
        err = spool_start(&p->spool, p->conf->data_dir);
    if (err == KZ_OK)
        err = start_journal(p);
    if (err == KZ_OK)
        err = start_store(p);
    if (err == KZ_OK)
        err = start_accounts(p);
    if (err == KZ_OK)
        err = start_registry(p);
    if (err == KZ_OK)
        err = refresh_new(&p->refresh, p->base, p->conf);
    if (err == KZ_OK)
        err = start_nodes(p);
    if (err != KZ_OK)
        return err;
    p->blocks = blocks_new(&(struct blocks_parts){.base = p->base,
                                                  .mailbox = p->mailbox,
                                                  .nodes = p->nodes,
                                                  .spool = p->spool,
                                                  .store = p->store,
                                                  .instance = p->conf->instance});
    blocks_resume(p->blocks);
    err = tracker_start(&p->tracker, p->base, p->nodes, p->accounts);
    if (err == KZ_OK)
        err = dayfees_start(&p->dayfees, p->base, p->nodes, p->accounts,
                            network_of(p->conf->network));
    if (err == KZ_OK)
        err = start_stratum(p);
    if (err != KZ_OK)
        return err;
    refresh_set_hooks(p->refresh,
                      &(struct refresh_hooks){.ctx = p, .on_standing = on_standing});
    refresh_set_parts(p->refresh, p->stratum, p->nodes);
    err = inquiry_start(&p->inquiry, &(struct inquiry_parts){.mailbox = p->mailbox,
                                                             .store = p->store,
                                                             .nodes = p->nodes,
                                                             .conf = p->conf});
    if (err == KZ_OK)
        err = start_reporter(p);
    if (err == KZ_OK)
        err = backup_start(&p->backup, &(struct backup_parts){.mailbox = p->mailbox,
                                                              .store = p->store,
                                                              .registry = p->registry,
                                                              .conf = p->conf});
    if (err != KZ_OK)
        return err;
    err = control_start(&p->control, p->base, p->conf, commands_table, p);
    if (err != KZ_OK)
        return err;
    p->watch = watch_new(p);
    return http_start(&p->http, p->base, p->conf, watch_request, p->watch);
}

static void log_ready(const struct pool *p)
{
    char listen[512] = "";
    for (size_t i = 0; i < p->conf->stratum.listen_count; i++) {
        size_t used = strlen(listen);
        snprintf(listen + used, sizeof(listen) - used, "%s%s", used > 0 ? " " : "",
                 stratum_listener_address(p->stratum, i));
    }
    log_info("pool_ready", kv_str("listen", listen),
             kv_str("network", conf_network_name(p->conf->network)),
             kv_str("instance", p->conf->instance),
             kv_u64("front_threads", p->front_count), kv_str("version", KARIZ_VERSION));
}

enum kz_err pool_start(struct pool **out, struct conf *conf, const char *commit)
{
    struct pool *p = mem_new(sizeof(*p));
    *out = p;
    log_setup(conf->log_level, conf->log_format == CONF_LOG_JSON);
    p->conf = conf;
    p->commit = commit;
    p->lock_fd = -1;
    p->started = clock_now();
    p->base = event_base_new();
    if (p->base == NULL)
        return KZ_IO;
    p->mailbox = mailbox_new(p->base, MAILBOX_CALLS, p);
    if (p->mailbox == NULL)
        return KZ_IO;
    start_signals(p);
    enum kz_err err = start_parts(p);
    if (err == KZ_OK)
        log_ready(p);
    return err;
}

enum kz_err pool_run(struct pool *p)
{
    return event_base_dispatch(p->base) < 0 ? KZ_IO : KZ_OK;
}

void pool_ask_stop(struct pool *p)
{
    struct timeval soon = {.tv_usec =
                               50000}; /* the answer to who asked goes out first */
    event_base_loopexit(p->base, &soon);
}

/* --- reload -------------------------------------------------------------------------- */

bool pool_reload(struct pool *p, char note[POOL_NOTE_SIZE])
{
    struct conf *conf;
    struct conf_problem problem;
    if (settings_load(&conf, &problem, p->conf->path) != KZ_OK) {
        snprintf(note, POOL_NOTE_SIZE, "line %d: %.100s: %.500s", problem.line,
                 problem.key, problem.expected);
        log_error("reload_refused", kv_str("why", note));
        return false;
    }
    char restart[POOL_NOTE_SIZE / 2];
    conf_needs_restart(restart, sizeof(restart), p->conf, conf);
    log_setup(conf->log_level, conf->log_format == CONF_LOG_JSON);
    refresh_set_options(p->refresh, conf);
    accounts_look_again(p->accounts);
    /* Only the desk asks who they are, and it is on this thread. */
    memcpy(p->conf->operators, conf->operators, sizeof(p->conf->operators));
    p->conf->operator_count = conf->operator_count;
    declared_look(p->declared);
    bool has_certificate = stratum_reload(p->stratum, conf) == KZ_OK;
    conf_free(conf); /* who needs a part of it has copied that */
    snprintf(note, POOL_NOTE_SIZE, "reloaded%s%s%s",
             *restart ? "; needs a restart: " : "", restart,
             has_certificate ? "" : "; the TLS certificate was NOT read");
    log_info("settings_reloaded", kv_str("needs_restart", restart),
             kv_bool("certificate", has_certificate));
    return true;
}

/* --- stop ---------------------------------------------------------------------------- */

static void wait_for_blocks(struct pool *p)
{
    struct monotime end = monotime_add_ms(clock_now(), STOP_BLOCKS_MS);
    if (p->blocks != NULL) /* a front's last word may lie in the mailbox */
        event_base_loop(p->base, EVLOOP_NONBLOCK);
    while (p->blocks != NULL && blocks_pending(p->blocks) > 0 &&
           clock_now().ns < end.ns) {
        struct timeval step = {.tv_usec = 50000};
        event_base_loopexit(p->base, &step);
        event_base_dispatch(p->base);
    }
}

/* Who waits for a long answer is told, and hears it: one turn of the loop for the
 * mailbox, one for the sockets. */
static void stop_long_answers(struct pool *p)
{
    bool has_any = p->inquiry != NULL || p->backup != NULL;
    inquiry_stop(p->inquiry);
    backup_stop(p->backup);
    for (int i = 0; has_any && i < 2; i++)
        event_base_loop(p->base, EVLOOP_NONBLOCK);
}

void pool_stop(struct pool *p)
{
    if (p == NULL)
        return;
    reporter_stop(p->reporter);
    watch_stop(p->watch);
    http_stop(p->http);
    stop_long_answers(p);
    control_stop(p->control);
    if (p->refresh != NULL)
        refresh_set_parts(p->refresh, NULL, NULL);
    stratum_stop(p->stratum);
    p->stratum = NULL;
    wait_for_blocks(p);
    nodes_stop(p->nodes);
    tracker_stop(p->tracker);
    p->tracker = NULL;
    dayfees_stop(p->dayfees);
    p->dayfees = NULL;
    accounts_stop(p->accounts);
    store_stop(p->store, STOP_FLUSH_MS);
    accounts_free(p->accounts); /* the store woke it until now */
    p->accounts = NULL;
    spool_stop(p->spool);
    /* What the store and the fronts posted last is dropped with the mailbox, while those
     * it would have gone to are still there. */
    mailbox_free(p->mailbox);
    reporter_free(p->reporter);
    inquiry_free(p->inquiry); /* what it asked a node ended with the two above */
    watch_free(p->watch);
    registry_stop(p->registry);
    declared_free(p->declared);
    backup_free(p->backup);
    vault_close(p->vault);
    screen_shelf_free(p->screens);
    mask_close(p->mask);
    blocks_free(p->blocks);
    refresh_free(p->refresh);
    stop_journal(p);
    for (size_t i = 0; i < 3; i++) {
        if (p->signals[i] != NULL)
            event_free(p->signals[i]);
    }
    if (p->base != NULL)
        event_base_free(p->base);
    if (p->lock_fd >= 0)
        close(p->lock_fd);
    log_info("pool_stopped");
    profile_free(p->profile);
    conf_free(p->conf);
    mem_free(p);
}
