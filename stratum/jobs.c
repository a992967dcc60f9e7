#include "stratum/jobs.h"

#include "conf/mem.h"

#include <assert.h>
#include <string.h>

#define STALE_KEPT_MS 120000 /* for blocks found late */

/* A rendered notify and where its generation stands, twice. */
struct notify_line {
    struct out text;
    size_t id_at, coinb1_at;
    uint64_t serial;
    uint32_t ntime;
    bool is_there;
};

struct jobs {
    struct live_job *at; /* oldest first */
    size_t count, capacity;
    size_t shares_per_job;
    uint32_t tip;
    /* By class, the first of those that share a form, and by clean_jobs. */
    struct notify_line line[DIRECT_CLASSES][2];
};

struct jobs *jobs_new(size_t capacity, size_t shares_per_job)
{
    struct jobs *j = mem_new(sizeof(*j));
    j->capacity = capacity < 2 ? 2 : capacity;
    j->at = mem_array(j->capacity, sizeof(*j->at));
    j->shares_per_job = shares_per_job;
    return j;
}

static void jobs_drop(struct jobs *j, size_t i)
{
    job_set_unref(&j->at[i].forms);
    seen_free(j->at[i].seen);
    j->count--;
    memmove(&j->at[i], &j->at[i + 1], (j->count - i) * sizeof(j->at[0]));
}

void jobs_free(struct jobs *j)
{
    if (j == NULL)
        return;
    while (j->count > 0)
        jobs_drop(j, j->count - 1);
    for (size_t c = 0; c < DIRECT_CLASSES; c++) {
        out_clear(&j->line[c][0].text);
        out_clear(&j->line[c][1].text);
    }
    mem_free(j->at);
    mem_free(j);
}

struct live_job *jobs_newest(struct jobs *j)
{
    return j->count > 0 ? &j->at[j->count - 1] : NULL;
}

void jobs_add(struct jobs *j, const struct job_set *forms, bool clean_jobs,
              struct monotime now)
{
    const struct live_job *newest = jobs_newest(j);
    uint64_t serial = job_set_serial(forms);
    /* Serials grow: sessions keep ranges of them (offers.h), and jobs_find() looks in
     * one set only. */
    assert(newest == NULL || serial > job_set_last_serial(&newest->forms));
    /* Its own previous block decides too: an announcement that a full mailbox lost must
     * not leave an old block's jobs in force. */
    if (newest == NULL || clean_jobs ||
        !hash256_equal(&job_set_any(&newest->forms)->prev_hash,
                       &job_set_any(forms)->prev_hash))
        j->tip++;
    if (j->count > 0)
        j->at[j->count - 1].replaced = now;
    if (j->count == j->capacity)
        jobs_drop(j, 0);
    j->at[j->count++] = (struct live_job){.forms = job_set_ref(forms),
                                          .serial = serial,
                                          .seen = seen_new(j->shares_per_job),
                                          .tip = j->tip,
                                          .added = now};
}

struct live_job *jobs_find(struct jobs *j, const struct job **form, uint64_t serial)
{
    size_t i = j->count;
    while (i > 0 && j->at[i - 1].serial > serial)
        i--;
    *form = i > 0 ? job_set_find(&j->at[i - 1].forms, serial) : NULL;
    return *form != NULL ? &j->at[i - 1] : NULL;
}

bool jobs_is_current(const struct jobs *j, const struct live_job *l,
                     uint32_t job_seconds, struct monotime now)
{
    /* Counted from when a newer job came: rigs cannot turn to what they were not sent.
     */
    return l->tip == j->tip &&
           (l->replaced.ns == 0 ||
            monotime_ms_between(l->replaced, now) < (int64_t)job_seconds * 1000);
}

uint64_t jobs_oldest_serial(const struct jobs *j)
{
    return j->count > 0 ? j->at[0].serial : 0;
}

void jobs_expire(struct jobs *j, uint32_t job_seconds, struct monotime now)
{
    while (j->count > 1) {
        const struct live_job *l = &j->at[0];
        int64_t kept = l->tip == j->tip ? (int64_t)job_seconds * 1000 : STALE_KEPT_MS;
        if (monotime_ms_between(l->replaced, now) < kept)
            return;
        jobs_drop(j, 0);
    }
}

/* Behind the first occurrence of `what` at or after `from`. */
static size_t behind(struct bytes line, size_t from, const char *what)
{
    const uint8_t *hit = memmem(line.p + from, line.len - from, what, strlen(what));
    assert(hit != NULL);
    return (size_t)(hit - line.p) + strlen(what);
}

static void notify_render(struct notify_line *n, const struct job *job, uint32_t ntime,
                          bool clean_jobs)
{
    static const char digits[2] = {'0', '0'};
    struct bytes line = job->notify;
    size_t id_end = behind(line, behind(line, 0, "\"params\":[\""), job->id_text);
    size_t coinb1 = behind(line, behind(line, id_end, "\",\""), "\",\"");
    size_t coinb1_end = coinb1 + 2 * job->coinb1.len;
    assert(coinb1_end < line.len);
    char tail[JOB_NOTIFY_TAIL_SIZE];
    size_t tail_len = job_notify_tail(tail, ntime, clean_jobs);

    n->text.len = 0;
    out_add(&n->text, line.p, id_end);
    n->id_at = n->text.len;
    out_add(&n->text, digits, sizeof(digits));
    out_add(&n->text, line.p + id_end, coinb1_end - id_end);
    n->coinb1_at = n->text.len;
    out_add(&n->text, digits, sizeof(digits));
    out_add(&n->text, line.p + coinb1_end, line.len - coinb1_end);
    out_add(&n->text, tail, tail_len);
    n->serial = job->id.serial;
    n->ntime = ntime;
    n->is_there = true;
}

struct bytes jobs_notify(struct jobs *j, enum direct_class class, uint8_t generation,
                         bool clean_jobs, struct monotime now)
{
    const struct live_job *l = jobs_newest(j);
    const struct job *job = l->forms.of[class];
    struct notify_line *n =
        &j->line[job_set_first_class(&l->forms, class)][clean_jobs ? 1 : 0];
    /* The node's time, moved on by our steady clock: ours may be wrong, and the node's
     * is what mintime was made from. */
    uint32_t ntime = job->ntime + (uint32_t)(monotime_ms_between(l->added, now) / 1000);
    if (!n->is_there || n->serial != job->id.serial || n->ntime != ntime)
        notify_render(n, job, ntime, clean_jobs);
    char hex[3];
    hex_encode(hex, &generation, 1);
    memcpy(n->text.p + n->id_at, hex, 2);
    memcpy(n->text.p + n->coinb1_at, hex, 2);
    return (struct bytes){(const uint8_t *)n->text.p, n->text.len};
}

enum kz_err jobs_parse_id(uint64_t *serial, uint8_t *generation, const char *text,
                          size_t len)
{
    struct job_id id;
    uint32_t last;
    if (len < 3 || len > JOB_ID_SIZE - 1 + 2 ||
        job_id_parse(&id, text, len - 2) != KZ_OK ||
        hex_u32(&last, text + len - 2, 2, false) != KZ_OK)
        return KZ_PARSE;
    *serial = id.serial;
    *generation = (uint8_t)last;
    return KZ_OK;
}
