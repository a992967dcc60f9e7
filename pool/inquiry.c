#include "pool/inquiry_parts.h"

#include "conf/log.h"
#include "conf/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static inquiry_fn *const functions[INQUIRY_KINDS] = {
    [INQUIRY_BALANCE] = inquiry_balance, [INQUIRY_STATEMENT] = inquiry_statement,
    [INQUIRY_VERIFY] = inquiry_verify,   [INQUIRY_BLOCK] = inquiry_block,
    [INQUIRY_PAYOUTS] = inquiry_payouts, [INQUIRY_PAYOUT] = inquiry_payout,
};

/* Waits in the queue, is worked on, and travels back with its answer. */
struct question {
    struct question *next;
    enum inquiry_kind kind;
    json_t *arguments; /* owned */
    inquiry_done_fn *on_done;
    void *ctx;
    enum kz_err err;
    json_t *value;
    char text[INQUIRY_TEXT_SIZE];
};

enum kz_err inquiry_say(char text[INQUIRY_TEXT_SIZE], enum kz_err err,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(text, INQUIRY_TEXT_SIZE, format, args);
    va_end(args);
    return err;
}

/* --- answers: on control --------------------------------------------------------- */

static void question_end(struct question *q)
{
    q->on_done(q->ctx, q->err, q->value, q->text);
    json_decref(q->arguments);
    mem_free(q);
}

static void question_refuse(struct question *q, enum kz_err err, const char *why)
{
    json_decref(q->value);
    q->value = NULL;
    q->err = inquiry_say(q->text, err, "%s", why);
    question_end(q);
}

static void run_answer(void *owner, void *arg)
{
    (void)owner;
    question_end(arg);
}

static void drop_answer(void *arg)
{
    question_refuse(arg, KZ_BUSY, "stopping");
}

/* --- the thread ------------------------------------------------------------------ */

bool inquiry_is_stopping(struct inquiry *i)
{
    pthread_mutex_lock(&i->lock);
    bool is = i->stopping;
    pthread_mutex_unlock(&i->lock);
    return is;
}

bool inquiry_pause(struct inquiry *i, uint32_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&i->lock);
    while (!i->stopping &&
           pthread_cond_timedwait(&i->changed, &i->lock, &until) != ETIMEDOUT)
        ;
    bool goes_on = !i->stopping;
    pthread_mutex_unlock(&i->lock);
    return goes_on;
}

/* NULL: stopping. */
static struct question *take_next(struct inquiry *i)
{
    pthread_mutex_lock(&i->lock);
    while (!i->stopping && i->first == NULL)
        pthread_cond_wait(&i->changed, &i->lock);
    struct question *q = i->stopping ? NULL : i->first;
    if (q != NULL) {
        i->first = q->next;
        i->waiting--;
        if (i->first == NULL)
            i->end = &i->first;
    }
    pthread_mutex_unlock(&i->lock);
    return q;
}

static void work_on(struct inquiry *i, struct question *q)
{
    struct mailbox_call back = {run_answer, drop_answer, q};
    q->err = functions[q->kind](&q->value, q->text, i, q->arguments);
    if (q->err != KZ_OK && inquiry_is_stopping(i))
        snprintf(q->text, sizeof(q->text), "stopping");
    /* The mailbox holds tens of thousands: full means that control has hung. */
    if (mailbox_post(i->parts.mailbox, back) != KZ_OK)
        log_error("inquiry_answer_lost");
}

static void *run(void *arg)
{
    struct inquiry *i = arg;
    struct question *q;
    while ((q = take_next(i)) != NULL)
        work_on(i, q);
    return NULL;
}

/* --- asking the nodes: through control, which owns them -------------------------- */

static void ask_is_done(struct inquiry *i, enum kz_err err)
{
    i->ask.err = err;
    i->ask.done = true;
    pthread_cond_broadcast(&i->changed);
}

static void on_txout(void *ctx, enum kz_err err, const struct node_txout *out)
{
    struct inquiry *i = ctx;
    pthread_mutex_lock(&i->lock);
    if (err == KZ_OK) {
        bool says = out->is_unspent && out->script_hex[0] != '\0';
        i->ask.coin = (struct inquiry_coin){
            .is_unspent = out->is_unspent,
            .value_sat = out->value_sat,
            .script_fits = !says || i->ask.script_hex[0] == '\0' ||
                           strcmp(out->script_hex, i->ask.script_hex) == 0};
    }
    ask_is_done(i, err);
    pthread_mutex_unlock(&i->lock);
}

static void on_confirmations(void *ctx, enum kz_err err, int64_t confirmations)
{
    struct inquiry *i = ctx;
    pthread_mutex_lock(&i->lock);
    i->ask.confirmations = confirmations;
    ask_is_done(i, err);
    pthread_mutex_unlock(&i->lock);
}

/* On control. What is asked does not change until it is answered. */
static void run_ask(void *owner, void *arg)
{
    (void)owner;
    struct inquiry *i = arg;
    if (i->ask.is_coin)
        nodes_txout(i->parts.nodes, &i->ask.hash, i->ask.vout, on_txout, i);
    else
        nodes_confirmations(i->parts.nodes, &i->ask.hash, on_confirmations, i);
}

static enum kz_err ask_node(struct inquiry *i, const struct node_ask *what)
{
    struct mailbox_call call = {run_ask, NULL, i};
    pthread_mutex_lock(&i->lock);
    bool stopping = i->stopping;
    if (!stopping) /* else the last one may still be under way */
        i->ask = *what;
    pthread_mutex_unlock(&i->lock);
    if (stopping || mailbox_post(i->parts.mailbox, call) != KZ_OK)
        return KZ_IO;
    pthread_mutex_lock(&i->lock);
    while (!i->ask.done && !i->stopping)
        pthread_cond_wait(&i->changed, &i->lock);
    enum kz_err err = i->ask.done ? i->ask.err : KZ_IO;
    pthread_mutex_unlock(&i->lock);
    return err;
}

enum kz_err inquiry_ask_coin(struct inquiry_coin *out, struct inquiry *i,
                             const struct hash256 *txid, uint32_t vout,
                             const char *script_hex)
{
    const struct inquiry_node *node = i->parts.node;
    if (node != NULL)
        return node->coin(node->ctx, out, txid, vout, script_hex);
    struct node_ask ask = {.is_coin = true, .hash = *txid, .vout = vout};
    if (strlen(script_hex) < sizeof(ask.script_hex))
        snprintf(ask.script_hex, sizeof(ask.script_hex), "%s", script_hex);
    enum kz_err err = ask_node(i, &ask);
    if (err == KZ_OK)
        *out = i->ask.coin;
    return err;
}

enum kz_err inquiry_ask_confirmations(int64_t *out, struct inquiry *i,
                                      const struct hash256 *block)
{
    const struct inquiry_node *node = i->parts.node;
    if (node != NULL)
        return node->confirmations(node->ctx, out, block);
    struct node_ask ask = {.hash = *block};
    enum kz_err err = ask_node(i, &ask);
    if (err == KZ_OK)
        *out = i->ask.confirmations;
    return err;
}

/* --- start, stop, ask: on control ------------------------------------------------ */

static struct inquiry *inquiry_new(const struct inquiry_parts *parts)
{
    struct inquiry *i = mem_new(sizeof(*i));
    pthread_condattr_t monotonic;
    i->parts = *parts;
    i->end = &i->first;
    pthread_mutex_init(&i->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&i->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return i;
}

enum kz_err inquiry_prove(json_t **value, char text[INQUIRY_TEXT_SIZE],
                          const struct inquiry_parts *parts)
{
    struct inquiry *i = inquiry_new(parts);
    enum kz_err err = inquiry_verify(value, text, i, NULL);
    inquiry_free(i);
    return err;
}

enum kz_err inquiry_start(struct inquiry **out, const struct inquiry_parts *parts)
{
    struct inquiry *i = inquiry_new(parts);
    int failed = pthread_create(&i->thread, NULL, run, i);
    if (failed != 0) {
        log_error("thread_failed", kv_str("thread", "inquiry"), kv_errno(failed));
        inquiry_free(i);
        return KZ_IO;
    }
    i->has_thread = true;
    *out = i;
    return KZ_OK;
}

void inquiry_stop(struct inquiry *i)
{
    if (i == NULL || !i->has_thread)
        return;
    pthread_mutex_lock(&i->lock);
    i->stopping = true;
    pthread_cond_broadcast(&i->changed);
    pthread_mutex_unlock(&i->lock);
    pthread_join(i->thread, NULL);
    i->has_thread = false;
    while (i->first != NULL) {
        struct question *q = i->first;
        i->first = q->next;
        question_refuse(q, KZ_BUSY, "stopping");
    }
}

void inquiry_free(struct inquiry *i)
{
    if (i == NULL)
        return;
    inquiry_stop(i);
    pthread_cond_destroy(&i->changed);
    pthread_mutex_destroy(&i->lock);
    mem_free(i);
}

void inquiry_ask(struct inquiry *i, enum inquiry_kind kind, const json_t *arguments,
                 inquiry_done_fn *on_done, void *ctx)
{
    struct question *q = mem_new(sizeof(*q));
    q->kind = kind;
    /* Its own copy: counts of references are not shared with another thread. */
    q->arguments = arguments != NULL ? json_deep_copy(arguments) : json_object();
    q->on_done = on_done;
    q->ctx = ctx;
    pthread_mutex_lock(&i->lock);
    const char *no = i->stopping ? "stopping"
                     : i->waiting == INQUIRY_WAITING_MAX
                         ? "too many questions wait already; ask again later"
                         : NULL;
    if (no == NULL) {
        *i->end = q;
        i->end = &q->next;
        i->waiting++;
        pthread_cond_broadcast(&i->changed);
    }
    pthread_mutex_unlock(&i->lock);
    if (no != NULL)
        question_refuse(q, KZ_BUSY, no);
}
