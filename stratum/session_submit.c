#include "stratum/session.h"

#include <stdio.h>
#include <string.h>

/* A submit on its way through the steps. */
struct judging {
    const struct session_login *login; /* NULL: not authorised */
    struct live_job *live;             /* NULL: unknown */
    const struct job *job;             /* the form of it that was worked on */
    struct submit submit;
    struct share_terms terms;
    struct share_result result;
    struct difficulty difficulty;
    uint8_t extranonce1[1 + EXTRANONCE1_MAX]; /* behind the generation, as hashed */
};

static size_t extranonce2_size(const struct session *s)
{
    return s->front->conf.listen[s->listener].extranonce2_size;
}

static void refuse(struct session *s, struct bytes id, enum share_verdict verdict,
                   const char *text)
{
    stats_add(&s->front->stats, STAT(shares) + verdict, 1);
    reply_error(&s->front->out, id, "null", share_verdict_code(verdict), text);
}

/* The text is the spec's; a wrong length is told with both sizes, since some firmware
 * ignores the announced one. */
static void refuse_malformed(struct session *s, struct submit_line *line,
                             enum kz_err err)
{
    char text[80] = "Malformed submit";
    if (err == KZ_RANGE)
        snprintf(text, sizeof(text),
                 "Malformed: extranonce2 must have %zu bytes, not %zu",
                 extranonce2_size(s), line->text.extranonce2.len / 2);
    refuse(s, line->id, SHARE_MALFORMED, text);
}

/* The job, and the target this session's offer of it fixed. False: unknown to us. */
static bool find_job(struct session *s, struct judging *j, struct bytes job)
{
    uint64_t serial;
    uint8_t generation;
    struct front *f = s->front;
    if (jobs_parse_id(&serial, &generation, (const char *)job.p, job.len) != KZ_OK)
        return false;
    j->live = jobs_find(f->jobs, &j->job, serial);
    if (j->live == NULL)
        return false;
    /* Not offered to this session: judged as stale, but looked at for a block. */
    bool is_offered =
        job_set_is_form(&j->live->forms, j->job, s->classes) &&
        offers_find(&s->offers, &j->difficulty, j->live->serial, generation) == KZ_OK;
    if (!is_offered)
        j->difficulty = s->difficulty;
    j->terms.is_current =
        is_offered && jobs_is_current(f->jobs, j->live, f->conf.job_seconds, f->now);
    j->extranonce1[0] = generation;
    return true;
}

static void set_terms(struct session *s, struct judging *j)
{
    size_t len = 12 - extranonce2_size(s);
    extranonce1_write(j->extranonce1 + 1, len, s->front->shared->instance,
                      s->extranonce);
    const struct target_terms *t = target_cache_get(s->front->targets, j->difficulty);
    j->terms.extranonce1 = j->extranonce1;
    j->terms.extranonce1_len = 1 + len;
    j->terms.version_mask = session_mask(s);
    j->terms.target = t->target;
    j->terms.work = t->work;
    j->terms.now = (uint32_t)(s->front->utc_ms / 1000);
    j->terms.is_authorized = j->login != NULL;
}

static void report_block(struct session *s, const struct judging *j)
{
    struct found_block b = {.job = j->job, .hash = j->result.hash};
    size_t len1 = j->terms.extranonce1_len;
    memcpy(b.header, j->result.header, sizeof(b.header));
    memcpy(b.extranonce, j->extranonce1, len1);
    memcpy(b.extranonce + len1, j->submit.extranonce2, j->submit.extranonce2_len);
    if (j->login != NULL) {
        b.miner = j->login->miner;
        b.worker = j->login->worker;
    }
    const struct stratum_hooks *hooks = &s->front->shared->hooks;
    hooks->block_found(hooks->ctx, s->front->index, &b);
    stats_add(&s->front->stats, STAT(blocks_found), 1);
}

/* Whatever the verdict: sent again, it is on its way already. Remembers it. */
static bool is_new_block(struct live_job *l, const struct hash256 *hash)
{
    for (uint32_t i = 0; i < l->block_count && i < LIVE_JOB_BLOCKS; i++)
        if (hash256_equal(&l->blocks[i], hash))
            return false;
    l->blocks[l->block_count++ % LIVE_JOB_BLOCKS] = *hash;
    return true;
}

static void check(struct session *s, struct judging *j)
{
    share_check(&j->result, j->job, &j->terms, &j->submit, j->live->seen);
    if (j->result.is_block && is_new_block(j->live, &j->result.hash))
        report_block(s, j); /* before anything else is done with it */
}

/* Where the template has bits of its own inside the mask, some firmware adds or flips
 * its bits instead of replacing ours (Q53). What hashes is what was worked on. */
static void check_other_bits(struct session *s, struct judging *j)
{
    uint32_t sent = j->submit.version_bits, ours = j->job->version;
    if (!j->submit.has_version_bits || (ours & j->terms.version_mask) == 0)
        return;
    const uint32_t other[2] = {sent | ours, sent ^ ours};
    for (int i = 0; i < 2 && j->result.verdict == SHARE_LOW_DIFFICULTY; i++) {
        j->submit.version_bits = other[i] & j->terms.version_mask;
        check(s, j);
    }
}

/* Hands it to whoever keeps the accounts; true when the verdict stands. */
static bool record(struct session *s, const struct judging *j)
{
    const struct share_result *r = &j->result;
    struct share_record rec = {.time_ms = s->front->utc_ms,
                               .session = s->id,
                               .job = j->job->id,
                               .height = j->job->height,
                               .verdict = r->verdict,
                               .is_block = r->is_block,
                               .work = r->work,
                               .difficulty = hash256_difficulty(&r->hash),
                               .hash = r->hash,
                               .extranonce1_len = (uint8_t)j->terms.extranonce1_len,
                               .extranonce2_len = j->submit.extranonce2_len,
                               .ntime = j->submit.ntime,
                               .nonce = j->submit.nonce,
                               .version = read_le32(r->header),
                               .miner_number = j->login->miner_number,
                               .miner = j->login->miner,
                               .worker = j->login->worker};
    memcpy(rec.extranonce1, j->extranonce1, j->terms.extranonce1_len);
    memcpy(rec.extranonce2, j->submit.extranonce2, j->submit.extranonce2_len);
    const struct stratum_hooks *hooks = &s->front->shared->hooks;
    s->has_shares = true;
    return hooks->share_judged(hooks->ctx, s->front->index, &rec, j->job) == KZ_OK;
}

static void accept_share(struct session *s, const struct judging *j, struct bytes id)
{
    struct front *f = s->front;
    struct vardiff_rules rules = session_rules(s);
    stats_add(&f->stats, STAT(shares) + SHARE_ACCEPTED, 1);
    reply_result(&f->out, id, "true");
    s->shares++;
    s->score = 0;
    vardiff_share(&s->vardiff, &rules, difficulty_to_double(j->difficulty), f->now);
    session_adjust(s);
}

static void answer(struct session *s, const struct judging *j, struct bytes id)
{
    enum share_verdict verdict = j->result.verdict;
    const char *text = share_verdict_text(verdict);
    /* A share that was judged but could not be kept is refused, so a reply never lies.
     * Sent again it is a duplicate: it stays unpaid, and it was said so. */
    if (j->login != NULL && !record(s, j))
        verdict = SHARE_OVERLOADED, text = share_verdict_text(verdict);
    if (verdict == SHARE_ACCEPTED)
        accept_share(s, j, id);
    else
        refuse(s, id, verdict, text);
}

static const char *unauthorized_text(struct session *s, struct bytes login)
{
    const struct session_login *l = session_find_login(s, login);
    return l != NULL && !session_is_allowed(s, l) ? "Unauthorized worker: not active"
                                                  : "Unauthorized worker";
}

void session_submit(struct session *s, struct submit_line *line)
{
    struct judging j;
    struct front *f = s->front;
    if (!s->is_subscribed) {
        reply_error(&f->out, line->id, "null", REPLY_CODE_NOT_SUBSCRIBED,
                    "Not subscribed");
        return;
    }
    if (line->text.version_bits.len == 0) /* "" is sent for "none" */
        line->text.version_bits.p = NULL;
    enum kz_err err = submit_parse(&j.submit, &line->text, extranonce2_size(s));
    if (err != KZ_OK) {
        refuse_malformed(s, line, err);
        return;
    }
    if (!find_job(s, &j, line->job)) {
        refuse(s, line->id, SHARE_UNKNOWN_JOB, share_verdict_text(SHARE_UNKNOWN_JOB));
        return;
    }
    const struct session_login *login = session_find_login(s, line->login);
    j.login = login != NULL && session_is_allowed(s, login) ? login : NULL;
    set_terms(s, &j);
    check(s, &j);
    if (j.result.verdict == SHARE_LOW_DIFFICULTY)
        check_other_bits(s, &j);
    if (j.result.verdict == SHARE_UNAUTHORIZED)
        refuse(s, line->id, SHARE_UNAUTHORIZED, unauthorized_text(s, line->login));
    else
        answer(s, &j, line->id);
}
