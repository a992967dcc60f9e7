#include "pool/refresh.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "payout/address.h"
#include "payout/coinbase.h"
#include "share/check.h"
#include "share/network.h"

#include <stdio.h>
#include <string.h>

struct refresh {
    struct stratum_server *stratum;
    struct nodes *nodes;
    char tag[sizeof(((struct conf *)0)->coinbase_tag)];
    struct address pool_address;
    uint32_t job_seconds;
    struct job *job; /* in force; NULL before the first */
    struct monotime job_made;
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

static bool is_due(const struct refresh *r, const struct template *t)
{
    if (r->job == NULL || !is_same_work(r->job->template, t))
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
    struct share_terms terms = {
        .extranonce1 = zeros, .extranonce1_len = JOB_EXTRANONCE_SIZE, .now = job->ntime};
    struct seen *seen = seen_new(1);
    share_check(&result, job, &terms, &s, seen);
    memcpy(header, result.header, sizeof(result.header));
    seen_free(seen);
}

static void on_propose(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    static const uint8_t zeros[JOB_EXTRANONCE_SIZE];
    struct refresh *r = arg;
    uint8_t header[80];
    size_t len;
    make_header(header, r->job);
    char *hex = job_block_hex(r->job, header, zeros, &len);
    nodes_propose(r->nodes, hex, len);
    mem_free(hex);
}

static enum kz_err make_job(struct job **job, char why[JOB_WHY_SIZE], struct refresh *r,
                            struct template *t)
{
    struct job_output outputs[COINBASE_OUTPUTS_MAX];
    size_t count;
    struct coinbase_snapshot snapshot = {.pool = r->pool_address};
    if (!amount_from_sat(&snapshot.value, t->coinbase_value_sat) ||
        coinbase_outputs(outputs, COINBASE_OUTPUTS_MAX, &count, &snapshot) != KZ_OK) {
        snprintf(why, JOB_WHY_SIZE, "coinbase value out of range");
        return KZ_RANGE;
    }
    struct job_spec spec = {
        .template = t,
        .id = {r->serial + 1},
        .ntime = t->curtime,
        .tag = r->tag,
        .outputs = outputs,
        .output_count = count,
    };
    return job_new(job, why, &spec);
}

void refresh_on_template(struct refresh *r, struct template *t, bool new_tip)
{
    char why[JOB_WHY_SIZE];
    struct job *job;
    if (r->stratum == NULL || !is_due(r, t))
        return;
    if (make_job(&job, why, r, t) != KZ_OK) {
        r->refused++;
        log_error("job_refused", kv_u64("height", t->height), kv_str("why", why));
        return;
    }
    /* The node client may call a template's tip known that no job was ever made of. */
    bool clean_jobs =
        new_tip || r->job == NULL || !hash256_equal(&r->job->prev_hash, &job->prev_hash);
    stratum_publish_job(r->stratum, job, clean_jobs);
    job_unref(r->job);
    r->job = job;
    r->job_made = clock_now();
    r->serial++;
    r->jobs++;
    char prev[HASH256_HEX_SIZE];
    hash256_format_display(prev, &job->prev_hash);
    log_info("job_published", kv_str("job", job->id_text), kv_u64("height", job->height),
             kv_str("prev", prev), kv_u64("transactions", t->tx_count),
             kv_i64("value_sat", t->coinbase_value_sat), kv_bool("clean", clean_jobs));
    struct timeval now = {0};
    if (clean_jobs && t->has_proposal)
        event_add(r->propose, &now); /* after the rigs have their job */
}

void refresh_on_proposal(struct refresh *r, size_t node, const char *answer)
{
    snprintf(r->proposal, sizeof(r->proposal), "%s", answer);
    if (answer[0] != '\0')
        log_error("proposal_rejected", kv_u64("node", node), kv_str("answer", answer));
}

enum kz_err refresh_new(struct refresh **out, struct event_base *base,
                        const struct conf *conf)
{
    struct address address;
    struct address_problem problem;
    if (address_parse(&address, &problem, network_of(conf->network),
                      conf->coinbase_address, strlen(conf->coinbase_address)) != KZ_OK)
        return KZ_RANGE;
    struct refresh *r = mem_new(sizeof(*r));
    r->pool_address = address;
    r->job_seconds = conf->stratum.job_seconds;
    snprintf(r->tag, sizeof(r->tag), "%s", conf->coinbase_tag);
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
    job_unref(r->job);
    mem_free(r);
}

void refresh_set_parts(struct refresh *r, struct stratum_server *stratum,
                       struct nodes *nodes)
{
    r->stratum = stratum;
    r->nodes = nodes;
}

void refresh_set_job_seconds(struct refresh *r, uint32_t job_seconds)
{
    r->job_seconds = job_seconds;
}

json_t *refresh_status(const struct refresh *r)
{
    bool has = r->job != NULL;
    int64_t age = has ? monotime_ms_between(r->job_made, clock_now()) : 0;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:s}", "job_id",
                     has ? r->job->id_text : "", "height",
                     (json_int_t)(has ? r->job->height : 0), "jobs", (json_int_t)r->jobs,
                     "refused", (json_int_t)r->refused, "job_age_ms", (json_int_t)age,
                     "proposal", r->proposal);
}
