#include "pool/refresh.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "payout/pool_output.h"
#include "pool/forms.h"
#include "share/check.h"
#include "share/network.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct refresh {
    struct stratum_server *stratum;
    struct nodes *nodes;
    struct refresh_hooks hooks;
    char tag[sizeof(((struct conf *)0)->coinbase_tag)];
    struct pool_output *pool_output;
    struct coinbase_terms terms; /* .pool: of the last job's height */
    bool is_direct;              /* the setting */
    bool has_new_options;        /* the job in force was made by others */
    uint32_t classes;            /* of firmware, a bit each */
    uint32_t job_seconds;
    const struct snapshot *snapshot; /* for the jobs to come; NULL: none */
    struct template *latest;         /* NULL before the first */
    struct monotime latest_came;
    struct job_set job; /* in force; NULL all before the first */
    struct monotime job_made;
    enum direct_mode job_mode;
    uint64_t job_snapshot;      /* its id; 0: none */
    struct hash256 refused_tip; /* on it the node refused our paying coinbase */
    bool has_refused_tip;
    uint64_t serial; /* of the last job */
    uint64_t jobs, refused;
    char proposal[200]; /* the node's last objection, "" when it had none */
    struct event *propose;
};

/* Whether rigs would gain anything by `t`: only its times differ from the job's. */
static bool is_same_work(const struct template *a, const struct template *b)
{
    return hash256_equal(&a->prev_hash, &b->prev_hash) && a->version == b->version &&
           a->nbits == b->nbits && a->coinbase_value_sat == b->coinbase_value_sat &&
           a->branch_count == b->branch_count &&
           memcmp(a->branch, b->branch, a->branch_count * sizeof(a->branch[0])) == 0 &&
           hash256_equal(&a->witness_commitment, &b->witness_commitment);
}

static const struct job *job_in_force(const struct refresh *r)
{
    return job_set_any(&r->job);
}

/* What a job on `prev` may pay by the snapshot at hand. */
static enum direct_mode mode_on(const struct refresh *r, const struct hash256 *prev)
{
    if (!r->is_direct || r->snapshot == NULL || r->hooks.on_standing == NULL ||
        (r->has_refused_tip && hash256_equal(&r->refused_tip, prev)))
        return DIRECT_NOTHING;
    struct refresh_standing known =
        r->hooks.on_standing(r->hooks.ctx, r->snapshot, prev);
    return coinbase_mode(r->snapshot, known.accounted, known.doubt);
}

static uint64_t snapshot_id_for(const struct refresh *r, enum direct_mode mode)
{
    return mode != DIRECT_NOTHING ? r->snapshot->id : 0;
}

static bool is_due(const struct refresh *r, const struct template *t,
                   enum direct_mode mode)
{
    const struct job *job = job_in_force(r);
    if (job == NULL || r->has_new_options || !is_same_work(job->template, t) ||
        mode != r->job_mode || snapshot_id_for(r, mode) != r->job_snapshot)
        return true;
    return monotime_ms_between(r->job_made, clock_now()) >=
           (int64_t)r->job_seconds * 1000 / 2;
}

/* Nothing solved: a node checks all of a proposal but its proof of work. */
static void make_header(uint8_t header[80], const struct job *job)
{
    static const uint8_t zeros[JOB_EXTRANONCE_SIZE];
    struct share_result result;
    struct submit s = {.extranonce2_len = 0, .ntime = job->ntime};
    struct share_terms terms = {.extranonce1 = zeros,
                                .extranonce1_len = JOB_EXTRANONCE_SIZE,
                                .now = job->ntime};
    struct seen *seen = seen_new(1);
    share_check(&result, job, &terms, &s, seen);
    memcpy(header, result.header, sizeof(result.header));
    seen_free(seen);
}

/* The form with the most outputs: whatever a node may have against the others, it has
 * against this one too. */
static const struct job *fullest_form(const struct refresh *r)
{
    const struct job *fullest = job_in_force(r);
    for (size_t c = 0; c < DIRECT_CLASSES; c++) {
        if (r->job.of[c]->coinb2.len > fullest->coinb2.len)
            fullest = r->job.of[c];
    }
    return fullest;
}

static void on_propose(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    static const uint8_t zeros[JOB_EXTRANONCE_SIZE];
    struct refresh *r = arg;
    const struct job *job = fullest_form(r);
    uint8_t header[80];
    size_t len;
    make_header(header, job);
    char *hex = job_block_hex(job, header, zeros, &len);
    nodes_propose(r->nodes, hex, len);
    mem_free(hex);
}

/* The node's time, moved on by our steady clock since it gave the template. */
static uint32_t ntime_now(const struct refresh *r)
{
    return r->latest->curtime +
           (uint32_t)(monotime_ms_between(r->latest_came, clock_now()) / 1000);
}

static enum kz_err refuse_job(struct refresh *r, const char *why)
{
    r->refused++;
    log_error("job_refused", kv_u64("height", r->latest->height), kv_str("why", why));
    return KZ_RANGE;
}

static enum kz_err make_job(struct job_set *job, struct refresh *r,
                            enum direct_mode mode)
{
    char why[JOB_WHY_SIZE];
    struct template *t = r->latest;
    if (pool_output_at(&r->terms.pool, r->pool_output, t->height) != KZ_OK)
        return refuse_job(r, "coinbase.descriptor has no key for this height");
    const struct forms_spec spec = {.template = t,
                                    .serial = r->serial + 1,
                                    .ntime = ntime_now(r),
                                    .tag = r->tag,
                                    .classes = r->classes,
                                    .terms = r->terms,
                                    .snapshot = r->snapshot,
                                    .mode = mode};
    enum kz_err err = forms_make(job, why, &spec);
    if (err != KZ_OK)
        return refuse_job(r, why);
    if (why[0] != '\0')
        log_warn("coinbase_form_failed", kv_u64("height", t->height),
                 kv_u64("snapshot", r->snapshot->id), kv_str("why", why));
    return KZ_OK;
}

static size_t payees_of(const struct job *job)
{
    const struct coinbase *c = coinbase_of_job(job);
    return c != NULL ? coinbase_payees(c) : 0;
}

static void log_published(const struct refresh *r, bool clean_jobs)
{
    const struct job *job = job_in_force(r);
    char prev[HASH256_HEX_SIZE];
    hash256_format_display(prev, &job->prev_hash);
    log_info("job_published", kv_str("job", job->id_text),
             kv_u64("height", job->height), kv_str("prev", prev),
             kv_u64("transactions", job->template->tx_count),
             kv_i64("value_sat", job->template->coinbase_value_sat),
             kv_bool("clean", clean_jobs), kv_u64("forms", job_set_count(&r->job)),
             kv_u64("snapshot", job->snapshot_id),
             kv_u64("payees", payees_of(fullest_form(r))));
}

/* A job from the latest template, to every rig. */
static void publish(struct refresh *r, enum direct_mode mode, bool new_tip)
{
    struct job_set job;
    if (make_job(&job, r, mode) != KZ_OK)
        return;
    /* The node client may call a template's tip known that no job was ever made of. */
    bool clean_jobs =
        new_tip || job_in_force(r) == NULL ||
        !hash256_equal(&job_in_force(r)->prev_hash, &job_set_any(&job)->prev_hash);
    stratum_publish_job(r->stratum, &job, clean_jobs);
    job_set_unref(&r->job);
    r->job = job;
    r->job_made = clock_now();
    r->has_new_options = false;
    r->job_mode = mode;
    r->job_snapshot = snapshot_id_for(r, mode);
    r->serial = job_set_last_serial(&job);
    r->jobs++;
    log_published(r, clean_jobs);
    struct timeval now = {0};
    if (clean_jobs && r->latest->has_proposal)
        event_add(r->propose, &now); /* after the rigs have their job */
}

void refresh_on_template(struct refresh *r, struct template *t, bool new_tip)
{
    if (r->stratum == NULL)
        return;
    template_unref(r->latest);
    r->latest = template_ref(t);
    r->latest_came = clock_now();
    enum direct_mode mode = mode_on(r, &t->prev_hash);
    if (is_due(r, t, mode))
        publish(r, mode, new_tip);
}

/* The same template once more, with what is known now of who is to be paid. */
static void publish_again(struct refresh *r)
{
    if (r->stratum != NULL && r->latest != NULL)
        publish(r, mode_on(r, &r->latest->prev_hash), false);
}

void refresh_set_snapshot(struct refresh *r, const struct snapshot *s, bool now)
{
    snapshot_ref(s);
    snapshot_unref(r->snapshot);
    r->snapshot = s;
    if (now && r->is_direct)
        publish_again(r);
}

void refresh_set_hooks(struct refresh *r, const struct refresh_hooks *hooks)
{
    r->hooks = *hooks;
}

void refresh_on_proposal(struct refresh *r, size_t node, const char *answer)
{
    snprintf(r->proposal, sizeof(r->proposal), "%s", answer);
    if (answer[0] == '\0')
        return;
    log_error("proposal_rejected", kv_u64("node", node), kv_str("answer", answer));
    /* It may have nothing to do with who is paid, but a block that pays all to the pool
     * is worth more than one that nobody takes. */
    if (job_in_force(r) == NULL || job_in_force(r)->payout == NULL)
        return;
    r->refused_tip = job_in_force(r)->prev_hash;
    r->has_refused_tip = true;
    publish_again(r);
}

enum kz_err refresh_new(struct refresh **out, struct event_base *base,
                        const struct conf *conf)
{
    struct pool_output *pool_output;
    char why[POOL_OUTPUT_WHY_SIZE];
    if (pool_output_new(&pool_output, why, network_of(conf->network),
                        conf->coinbase_address, conf->coinbase_descriptor) != KZ_OK)
        return KZ_RANGE;
    struct refresh *r = mem_new(sizeof(*r));
    snprintf(r->tag, sizeof(r->tag), "%s", conf->coinbase_tag);
    r->pool_output = pool_output;
    r->terms = (struct coinbase_terms){.tag_len = strlen(r->tag)};
    refresh_set_options(r, conf);
    /* Ids go on where an earlier run cannot have been: a rig that reconnects with an old
     * job's id must not hit a new job. A second is longer than 256 jobs take. */
    r->serial = ((uint64_t)(clock_utc_ms() / 1000) & 0xffffffff) << 8;
    r->propose = evtimer_new(base, on_propose, r);
    *out = r;
    return KZ_OK;
}

void refresh_free(struct refresh *r)
{
    if (r == NULL)
        return;
    event_free(r->propose);
    job_set_unref(&r->job);
    template_unref(r->latest);
    snapshot_unref(r->snapshot);
    pool_output_free(r->pool_output);
    mem_free(r);
}

void refresh_set_parts(struct refresh *r, struct stratum_server *stratum,
                       struct nodes *nodes)
{
    r->stratum = stratum;
    r->nodes = nodes;
    if (nodes == NULL) /* stopping: nobody is asked any more */
        event_del(r->propose);
}

void refresh_set_options(struct refresh *r, const struct conf *conf)
{
    bool fits = amount_from_sat(&r->terms.minimum, conf->payout.direct_minimum_sat);
    assert(fits); /* the settings are bounded so */
    (void)fits;
    r->has_new_options = r->is_direct || conf->payout.direct;
    r->job_seconds = conf->stratum.job_seconds;
    r->is_direct = conf->payout.direct;
    r->terms.outputs = conf->payout.direct_outputs;
    r->classes = forms_classes(&conf->stratum);
}

json_t *refresh_status(const struct refresh *r)
{
    const struct job *job = job_in_force(r);
    bool has = job != NULL;
    int64_t age = has ? monotime_ms_between(r->job_made, clock_now()) : 0;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I}", "job_id",
                     has ? job->id_text : "", "height",
                     (json_int_t)(has ? job->height : 0), "jobs", (json_int_t)r->jobs,
                     "refused", (json_int_t)r->refused, "job_age_ms", (json_int_t)age,
                     "proposal", r->proposal, "forms",
                     (json_int_t)(has ? job_set_count(&r->job) : 0), "snapshot",
                     (json_int_t)(has ? job->snapshot_id : 0), "payees",
                     (json_int_t)(has ? payees_of(fullest_form(r)) : 0));
}
