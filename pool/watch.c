#include "pool/watch.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/pool_parts.h"
#include "pool/watch_page.h"
#include "pool/watch_view.h"
#include "pool/watcher.h"
#include "pool/watcher_desk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_MAX 2000 /* of each front thread */
#define DAY_MS       INT64_C(86400000)

#define TYPE_HTML "text/html; charset=utf-8"
#define TYPE_JSON "application/json"

/* How somebody wants it. */
struct form {
    bool is_json;
    enum watch_language language;
};

struct waiter {
    struct waiter *next;
    struct http_call *call;
    struct form form;
};

/* What one watcher sees; waited for while it is gathered. */
struct shown {
    struct shown *next;
    struct watcher watcher;
    json_t *view; /* NULL: none yet */
    struct monotime made_at;
    bool is_gathering, is_late;
    struct waiter *waiters;
};

struct watch {
    struct pool *pool;
    struct shown *shown; /* newest first */
    size_t shown_count, gathering;
    bool is_stopping;
    char style_hash[WATCH_STYLE_HASH_SIZE];
};

/* What is known so far for a view. Answers come on other threads and are posted to
 * control. */
struct gather {
    struct watch *watch;
    struct shown *of;
    struct event *patience;
    void (*take)(
        struct gather *g); /* the next step, on control, with `err` and `value` */
    enum kz_err err;
    json_t *value; /* owned, as those below */
    json_t *sessions, *workers, *figures;
};

/* --- answers ---------------------------------------------------------------------------- */

static void reply(const struct watch *w, struct http_call *call,
                  const struct form *form, unsigned status, const char *body)
{
    const struct http_answer a = {
        .status = status,
        .type = form->is_json ? TYPE_JSON : TYPE_HTML,
        .language = form->is_json ? NULL : watch_language_code(form->language),
        .style_hash = form->is_json ? NULL : w->style_hash,
        .body = {(const uint8_t *)body, strlen(body)}};
    http_reply(call, &a);
}

static void reply_plain(const struct watch *w, struct http_call *call,
                        const struct form *form, unsigned status)
{
    bool is_404 = status == 404;
    if (form->is_json) {
        reply(w, call, form, status,
              is_404 ? "{\"error\": \"not found\"}\n" : "{\"error\": \"try again\"}\n");
        return;
    }
    char *page = watch_page_plain(form->language, is_404 ? WATCH_NOT_FOUND : WATCH_BUSY,
                                  is_404 ? WATCH_NOT_FOUND_WHY : WATCH_BUSY_WHY);
    reply(w, call, form, status, page);
    mem_free(page);
}

static void reply_view(const struct watch *w, struct http_call *call,
                       const struct form *form, const json_t *view)
{
    if (form->is_json) {
        char *text = json_dumps(view, JSON_INDENT(2));
        reply(w, call, form, 200, text != NULL ? text : "{}");
        free(text); /* allowed: jansson allocated it */
        return;
    }
    char *page = watch_page(view, form->language);
    reply(w, call, form, 200, page);
    mem_free(page);
}

/* --- views that are kept ---------------------------------------------------------------- */

static void shown_free(struct watch *w, struct shown **at)
{
    struct shown *s = *at;
    *at = s->next;
    json_decref(s->view);
    mem_free(s);
    w->shown_count--;
}

/* The oldest that nobody waits for, so that there is room for one more. */
static void make_room(struct watch *w)
{
    struct shown **oldest = NULL;
    if (w->shown_count < WATCH_SHOWN_MAX)
        return;
    for (struct shown **at = &w->shown; *at != NULL; at = &(*at)->next)
        if (!(*at)->is_gathering)
            oldest = at;
    if (oldest != NULL)
        shown_free(w, oldest);
}

static struct shown *shown_of(struct watch *w, const struct watcher *watcher)
{
    for (struct shown *s = w->shown; s != NULL; s = s->next)
        if (strcmp(s->watcher.id, watcher->id) == 0 &&
            memcmp(s->watcher.sha256, watcher->sha256, sizeof(watcher->sha256)) == 0)
            return s;
    make_room(w);
    struct shown *s = mem_new(sizeof(*s));
    s->watcher = *watcher;
    s->next = w->shown;
    w->shown = s;
    w->shown_count++;
    return s;
}

static bool is_fresh(const struct shown *s)
{
    return s->view != NULL &&
           monotime_ms_between(s->made_at, clock_now()) < WATCH_FRESH_S * 1000;
}

/* It may have been revoked while its view was gathered. */
static bool is_still_there(const struct watch *w, const struct watcher *watcher)
{
    char name[WATCHER_FACT_SIZE];
    watcher_fact_name(name, watcher->id);
    return registry_fact(w->pool->registry, name) != NULL &&
           watcher_is_live(watcher, clock_utc_ms());
}

/* --- gathering --------------------------------------------------------------------------- */

/* `view` NULL: it cannot be had now. */
static void tell_waiters(struct watch *w, struct shown *s, const json_t *view)
{
    bool is_gone = !w->is_stopping && !is_still_there(w, &s->watcher);
    while (s->waiters != NULL) {
        struct waiter *first = s->waiters;
        s->waiters = first->next;
        if (is_gone || view == NULL)
            reply_plain(w, first->call, &first->form, is_gone ? 404 : 503);
        else
            reply_view(w, first->call, &first->form, view);
        mem_free(first);
    }
}

/* Redis is silent, or long questions are asked: nobody waits for that with us. */
static void on_patience_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct gather *g = arg;
    g->of->is_late = true;
    tell_waiters(g->watch, g->of, NULL);
}

/* `view` NULL: as above. Takes it. */
static void gather_end(struct gather *g, json_t *view)
{
    struct watch *w = g->watch;
    struct shown *s = g->of;
    json_decref(s->view);
    s->view = view;
    s->made_at = clock_now();
    s->is_gathering = s->is_late = false;
    w->gathering--;
    tell_waiters(w, s, view);
    event_free(g->patience);
    json_decref(g->value);
    json_decref(g->sessions);
    json_decref(g->workers);
    json_decref(g->figures);
    mem_free(g);
}

static void run_take(void *owner, void *arg)
{
    (void)owner;
    struct gather *g = arg;
    if (g->watch->is_stopping || g->err != KZ_OK)
        gather_end(g, NULL);
    else
        g->take(g);
}

/* Never ran: the daemon stops. */
static void drop_take(void *arg)
{
    gather_end(arg, NULL);
}

static void post_on(struct gather *g)
{
    struct mailbox_call call = {run_take, drop_take, g};
    /* The mailbox holds tens of thousands: full means that control has hung. */
    if (mailbox_post(g->watch->pool->mailbox, call) != KZ_OK)
        log_error("watch_answer_lost");
}

/* A store_reply_fn: on the store thread. */
static void on_store_reply(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct gather *g = ctx;
    (void)text;
    g->err = err;
    g->value = value;
    post_on(g);
}

/* On a front thread. */
static void on_sessions(void *ctx, json_t *sessions)
{
    struct gather *g = ctx;
    g->value = sessions;
    post_on(g);
}

static json_t *take_value(struct gather *g)
{
    json_t *value = g->value;
    g->value = NULL;
    return value;
}

/* NULL: the record is gone, which no record ever is. */
static json_t *view_of(const struct gather *g, const json_t *statement)
{
    const struct pool *p = g->watch->pool;
    const struct watcher *watcher = &g->of->watcher;
    json_t *record = registry_show(p->registry, watcher->miner.text);
    const struct watch_sources s = {
        .pool = p->conf->operator_name,
        .network = conf_network_name(p->conf->network),
        .record = record,
        .view = registry_view(p->registry),
        .until_ms = watcher->until_ms,
        .figures =
            json_object_get(json_object_get(g->figures, "miners"), watcher->miner.text),
        .workers = g->workers,
        .sessions = g->sessions,
        .statement = statement};
    json_t *view = record != NULL ? watch_view(&s) : NULL;
    json_decref(record);
    return view;
}

/* An inquiry_done_fn. */
static void on_statement(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct gather *g = ctx;
    if (err != KZ_OK)
        log_debug("watch_not_gathered", kv_str("watcher", g->of->watcher.id),
                  kv_str("why", text));
    bool is_good = err == KZ_OK && !g->watch->is_stopping;
    json_t *view = is_good ? view_of(g, value) : NULL;
    json_decref(value);
    gather_end(g, view);
}

static void take_figures(struct gather *g)
{
    char from[CLOCK_TEXT_SIZE];
    struct inquiry *inquiry = g->watch->pool->inquiry;
    g->figures = take_value(g);
    if (inquiry == NULL) {
        gather_end(g, NULL);
        return;
    }
    clock_utc_format(from, clock_utc_ms() - WATCH_DAYS * DAY_MS);
    json_t *arguments =
        json_pack("{s:s, s:b, s:s, s:i}", "miner", g->of->watcher.miner.text,
                  "registered", 1, "from", from, "newest", WATCH_LINES_MAX);
    inquiry_ask(inquiry, INQUIRY_STATEMENT, arguments, on_statement, g);
    json_decref(arguments);
}

static void take_workers(struct gather *g)
{
    g->workers = take_value(g);
    g->take = take_figures;
    store_tally_of(g->watch->pool->store, json_pack("[s]", g->of->watcher.miner.text),
                   on_store_reply, g);
}

static void take_sessions(struct gather *g)
{
    g->sessions = take_value(g);
    g->take = take_workers;
    store_workers(g->watch->pool->store, g->of->watcher.miner.text, on_store_reply, g);
}

static void gather_start(struct watch *w, struct shown *s)
{
    struct timeval patience = {.tv_sec = WATCH_PATIENCE_S};
    struct gather *g = mem_new(sizeof(*g));
    g->patience = evtimer_new(w->pool->base, on_patience_over, g);
    assert(g->patience != NULL); /* out of memory, as conf/mem.h */
    event_add(g->patience, &patience);
    g->watch = w;
    g->of = s;
    g->take = take_sessions;
    s->is_gathering = true;
    w->gathering++;
    log_debug("watch_gathered", kv_str("watcher", s->watcher.id),
              kv_str("miner", s->watcher.miner.text));
    stratum_list_sessions(w->pool->stratum, s->watcher.miner.text, SESSIONS_MAX,
                          on_sessions, g);
}

/* --- requests --------------------------------------------------------------------------- */

static struct form form_of(const struct watch *w, const struct http_request *r,
                           bool is_json)
{
    char asked[8] = "";
    const struct profile_list *ours = &w->pool->profile->languages;
    struct form f = {.is_json = is_json, .language = WATCH_EN};
    if (ours->count > 0)
        watch_language_parse(&f.language, ours->items[0]);
    f.language = watch_language_prefer(r->languages, f.language);
    if (http_query_get(asked, sizeof(asked), r->query, "lang"))
        watch_language_parse(&f.language, asked);
    return f;
}

static void answer(struct watch *w, struct http_call *call,
                   const struct watcher *watcher, const struct form *form)
{
    struct shown *s = shown_of(w, watcher);
    if (is_fresh(s)) {
        reply_view(w, call, form, s->view);
        return;
    }
    if (s->is_late || (!s->is_gathering && w->gathering >= WATCH_GATHERS_MAX)) {
        reply_plain(w, call, form, 503);
        return;
    }
    struct waiter *waiter = mem_new(sizeof(*waiter));
    *waiter = (struct waiter){.next = s->waiters, .call = call, .form = *form};
    s->waiters = waiter;
    if (!s->is_gathering)
        gather_start(w, s);
}

void watch_request(void *ctx, struct http_call *call, const struct http_request *r)
{
    struct watch *w = ctx;
    struct watcher watcher;
    const char *token = r->path;
    size_t prefix = strlen(WATCHER_PATH), len = strlen(r->path);
    bool is_json = len > 5 && strcmp(r->path + len - 5, ".json") == 0;
    const struct form form = form_of(w, r, is_json);
    bool is_ours = strncmp(r->path, WATCHER_PATH, prefix) == 0;
    if (is_ours) {
        token += prefix;
        len -= prefix + (is_json ? 5 : 0);
    }
    if (!is_ours || watcher_find(&watcher, registry_facts(w->pool->registry), token,
                                 len, clock_utc_ms()) != KZ_OK) {
        http_guessed(call);
        reply_plain(w, call, &form, 404);
        return;
    }
    answer(w, call, &watcher, &form);
}

/* --- start, stop ------------------------------------------------------------------------ */

struct watch *watch_new(struct pool *p)
{
    struct watch *w = mem_new(sizeof(*w));
    w->pool = p;
    watch_page_style_hash(w->style_hash);
    return w;
}

void watch_stop(struct watch *w)
{
    if (w != NULL)
        w->is_stopping = true;
}

void watch_free(struct watch *w)
{
    if (w == NULL)
        return;
    while (w->shown != NULL)
        shown_free(w, &w->shown);
    mem_free(w);
}
