#include "pool/bench/bench_grind.h"

#include "conf/clock.h"
#include "conf/mem.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define VERSIONS_MAX 16
#define BATCH_MAX    4096

struct grinder {
    struct grind *grind;
    pthread_t thread;
    bool started;
    unsigned index;
    uint64_t place; /* in the order of the header's comment; never goes back */
    atomic_ullong hashes;
    struct monotime due; /* when the next batch may begin, under a limit */
};

struct grind {
    struct grind_settings settings;
    struct mailbox *mailbox;
    pthread_mutex_t lock; /* task, has_task */
    pthread_cond_t changed;
    struct grind_task task;
    bool has_task;
    atomic_ullong serial; /* of the task; a thread looks at it between batches */
    atomic_bool stopping;
    atomic_uint untold;
    struct grinder grinders[GRIND_THREADS_MAX];
};

/* --- waiting ---------------------------------------------------------------------- */

static void task_clear(struct grind_task *t)
{
    work_clear(&t->work);
}

/* Until `until`, a new task or the end. The lock is held. */
static void wait_locked(struct grind *g, struct monotime until)
{
    struct timespec ts = {.tv_sec = until.ns / 1000000000,
                          .tv_nsec = until.ns % 1000000000};
    pthread_cond_timedwait(&g->changed, &g->lock, &ts);
}

static bool is_over(const struct grind *g, uint64_t serial)
{
    return atomic_load(&g->stopping) || atomic_load(&g->serial) != serial;
}

/* False when the task changed meanwhile. */
static bool wait_until(struct grind *g, uint64_t serial, struct monotime until)
{
    pthread_mutex_lock(&g->lock);
    while (!is_over(g, serial) && clock_now().ns < until.ns)
        wait_locked(g, until);
    pthread_mutex_unlock(&g->lock);
    return !is_over(g, serial);
}

/* The task in force, copied, or false at the end. */
static bool next_task(struct grind *g, struct grind_task *t, uint64_t *serial)
{
    pthread_mutex_lock(&g->lock);
    while (!atomic_load(&g->stopping) && !g->has_task)
        pthread_cond_wait(&g->changed, &g->lock);
    bool going = !atomic_load(&g->stopping);
    if (going) {
        *t = g->task;
        t->work = work_ref(&g->task.work);
        *serial = atomic_load(&g->serial);
    }
    pthread_mutex_unlock(&g->lock);
    return going;
}

/* --- telling ---------------------------------------------------------------------- */

static void on_told(void *owner, void *arg)
{
    struct grind *g = owner;
    struct grind_found *f = arg;
    g->settings.on_found(g->settings.owner, f);
    work_clear(&f->work);
    mem_free(f);
    atomic_fetch_sub(&g->untold, 1);
}

static void on_dropped(void *arg)
{
    struct grind_found *f = arg;
    work_clear(&f->work);
    mem_free(f);
}

/* On an easy network every other hash is a share. A thread that outran the loop waits
 * for it rather than grow a queue. */
static void tell(struct grind *g, uint64_t serial, const struct grind_found *f)
{
    while (atomic_load(&g->untold) >= GRIND_UNTOLD)
        if (!wait_until(g, serial, monotime_add_ms(clock_now(), 5)))
            return;
    struct grind_found *copy = mem_copy(f, sizeof(*f));
    copy->work = work_ref(&f->work);
    atomic_fetch_add(&g->untold, 1);
    struct mailbox_call call = {.run = on_told, .drop = on_dropped, .arg = copy};
    if (mailbox_post(g->mailbox, call) == KZ_OK)
        return;
    atomic_fetch_sub(&g->untold, 1);
    on_dropped(copy);
}

/* --- hashing ---------------------------------------------------------------------- */

struct piece {
    struct work_header header;
    struct grind_found found; /* all but nonce and hash; borrows the task's job */
    uint32_t first_nonce;
};

static uint64_t extranonce2_count(size_t size)
{
    return size >= 5 ? (uint64_t)1 << 40 : (uint64_t)1 << (8 * size);
}

static void piece_make(struct piece *p, const struct grinder *t,
                       const struct grind_task *task)
{
    uint64_t bits = (uint64_t)__builtin_popcount(task->version_mask);
    uint64_t versions = bits >= 4 ? VERSIONS_MAX : (uint64_t)1 << bits;
    uint64_t extranonces = extranonce2_count(task->extranonce2_size);
    uint64_t range = ((uint64_t)1 << 32) / t->grind->settings.threads;
    uint64_t pieces = range / GRIND_PIECE;
    uint64_t place = t->place;

    uint32_t rolled =
        work_version_bits(task->version_mask, (uint32_t)(place % versions));
    place /= versions;
    uint64_t extranonce2 = place % extranonces;
    place /= extranonces;
    p->first_nonce = (uint32_t)(t->index * range + place % pieces * GRIND_PIECE);

    p->found = (struct grind_found){.work = task->work,
                                    .extranonce2_size = task->extranonce2_size,
                                    .has_version_bits = task->version_mask != 0,
                                    .ntime = task->work.job->ntime,
                                    .version_bits = rolled,
                                    .session = task->session};
    work_extranonce2(p->found.extranonce2, task->extranonce2_size, extranonce2);
    uint8_t extranonce[WORK_EXTRANONCE_MAX];
    memcpy(extranonce, task->extranonce1, task->extranonce1_len);
    memcpy(extranonce + task->extranonce1_len, p->found.extranonce2,
           task->extranonce2_size);
    work_header_make(&p->header, task->work.job, extranonce,
                     (size_t)task->extranonce1_len + task->extranonce2_size,
                     work_version(task->work.job->version, task->version_mask, rolled));
}

static void grind_batch(struct grinder *t, struct piece *p, uint64_t serial,
                        const struct target *target, uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t nonce = p->first_nonce + from + i;
        work_header_hash(&p->found.hash, &p->header, nonce);
        if (!target_is_met(target, &p->found.hash))
            continue;
        p->found.nonce = nonce;
        tell(t->grind, serial, &p->found);
        if (is_over(t->grind, serial))
            count = i + 1;
    }
    atomic_fetch_add(&t->hashes, count);
}

/* Under a limit a batch takes about a twentieth of a second, so that a slow rig shows
 * an even rate and still hears of a new job at once. */
static bool grind_pace(struct grinder *t, uint64_t serial, uint32_t *batch)
{
    const struct grind_settings *s = &t->grind->settings;
    *batch = BATCH_MAX;
    if (s->hashes_per_second == 0)
        return !is_over(t->grind, serial);
    uint64_t rate = s->hashes_per_second / s->threads;
    if (rate == 0)
        rate = 1;
    if (rate / 20 < BATCH_MAX)
        *batch = rate >= 20 ? (uint32_t)(rate / 20) : 1;
    struct monotime now = clock_now();
    if (t->due.ns <
        now.ns - 1000000000) /* it slept or has just begun: no catching up */
        t->due = now;
    bool going = wait_until(t->grind, serial, t->due);
    if (going)
        t->due.ns += (int64_t)(*batch * 1000000000ull / rate);
    return going;
}

static void grind_piece(struct grinder *t, const struct grind_task *task,
                        uint64_t serial)
{
    struct piece p;
    piece_make(&p, t, task);
    t->place++;
    uint32_t done = 0, batch;
    while (done < GRIND_PIECE && grind_pace(t, serial, &batch)) {
        if (batch > GRIND_PIECE - done)
            batch = GRIND_PIECE - done;
        grind_batch(t, &p, serial, &task->target, done, batch);
        done += batch;
    }
}

static void *grinder_run(void *arg)
{
    struct grinder *t = arg;
    struct grind_task task;
    uint64_t serial;
    while (next_task(t->grind, &task, &serial)) {
        while (!is_over(t->grind, serial))
            grind_piece(t, &task, serial);
        task_clear(&task);
    }
    return NULL;
}

/* --- start and stop --------------------------------------------------------------- */

static struct grind *grind_new(const struct grind_settings *s)
{
    struct grind *g = mem_new(sizeof(*g));
    g->settings = *s;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&g->lock, NULL);
    for (unsigned i = 0; i < s->threads; i++) {
        g->grinders[i].grind = g;
        g->grinders[i].index = i;
    }
    return g;
}

enum kz_err grind_start(struct grind **out, const struct grind_settings *s)
{
    assert(s->threads > 0 && s->threads <= GRIND_THREADS_MAX);
    struct grind *g = grind_new(s);
    /* More room than shares may be untold: a post does not fail. */
    g->mailbox = mailbox_new(s->base, GRIND_UNTOLD + GRIND_THREADS_MAX, g);
    for (unsigned i = 0; g->mailbox != NULL && i < s->threads; i++) {
        struct grinder *t = &g->grinders[i];
        t->started = pthread_create(&t->thread, NULL, grinder_run, t) == 0;
        if (!t->started)
            break;
    }
    if (g->mailbox == NULL || !g->grinders[s->threads - 1].started) {
        grind_stop(g);
        return KZ_IO;
    }
    *out = g;
    return KZ_OK;
}

void grind_set_task(struct grind *g, const struct grind_task *t)
{
    struct grind_task fresh = {.session = 0};
    if (t != NULL) {
        fresh = *t;
        fresh.work = work_ref(&t->work);
    }
    pthread_mutex_lock(&g->lock);
    struct grind_task old = g->task;
    g->task = fresh;
    g->has_task = t != NULL;
    atomic_fetch_add(&g->serial, 1);
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
    task_clear(&old);
}

uint64_t grind_hashes(const struct grind *g)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < g->settings.threads; i++)
        sum += atomic_load(&g->grinders[i].hashes);
    return sum;
}

void grind_stop(struct grind *g)
{
    if (g == NULL)
        return;
    pthread_mutex_lock(&g->lock);
    atomic_store(&g->stopping, true);
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
    for (unsigned i = 0; i < g->settings.threads; i++)
        if (g->grinders[i].started)
            pthread_join(g->grinders[i].thread, NULL);
    if (g->mailbox != NULL)
        mailbox_free(g->mailbox);
    task_clear(&g->task);
    pthread_cond_destroy(&g->changed);
    pthread_mutex_destroy(&g->lock);
    mem_free(g);
}
