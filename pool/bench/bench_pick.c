#include "pool/bench/bench_pick.h"

#include "conf/mem.h"

#include <string.h>

/* One that can be found is, within sixteen times the hashes that the hardest one takes.
 */
#define TRIES_MAX 16777216
/* Nonces under one extranonce2. */
#define NONCES_MAX 65536

void pick_clear(struct picker *p)
{
    work_clear(&p->work);
    *p = (struct picker){.has_job = false};
}

void pick_cache_clear(struct pick_cache *cache)
{
    mem_free(cache->params);
    work_clear(&cache->work);
    *cache = (struct pick_cache){.len = 0};
}

static enum kz_err cached_work(struct work *w, struct pick_cache *cache,
                               struct bytes params)
{
    if (cache->work.job == NULL || cache->len != params.len ||
        memcmp(cache->params, params.p, params.len) != 0) {
        struct work fresh;
        enum kz_err err = work_from_notify(&fresh, params);
        if (err != KZ_OK)
            return err;
        pick_cache_clear(cache);
        cache->work = fresh;
        cache->params = mem_copy(params.p, params.len);
        cache->len = params.len;
    }
    *w = work_ref(&cache->work);
    return KZ_OK;
}

/* Below 2^236: one random hash in a million meets it. Looking for one would stall the
 * loop for a tenth of a second and more: harder shares are a rig's job. */
static bool is_hard(const struct target *t)
{
    return t->limb[3] < (uint64_t)1 << 44;
}

static enum kz_err parse_numbers(struct picker *p, struct target *network,
                                 const struct scan_notify *n)
{
    uint32_t nbits;
    enum kz_err err = hex_u32(&nbits, (const char *)n->nbits.p, n->nbits.len, false);
    if (err == KZ_OK)
        err = target_from_nbits(network, nbits);
    if (err == KZ_OK)
        err = hex_u32(&p->ntime, (const char *)n->ntime.p, n->ntime.len, false);
    return err;
}

enum kz_err pick_job(struct picker *p, struct pick_cache *cache,
                     const struct pick_rules *rules, const struct client *c,
                     const struct scan_notify *n, struct bytes params)
{
    struct target network;
    struct picker fresh = {.extranonce2 = p->extranonce2 + 1,
                           .has_job = true,
                           .easiest = c->target,
                           .hardest = c->target};
    enum kz_err err = parse_numbers(&fresh, &network, n);
    if (err != KZ_OK || n->job_id.len > WORK_JOB_ID_MAX)
        return err != KZ_OK ? err : KZ_RANGE;
    fresh.must_hash = rules->valid || !is_hard(&network) || !is_hard(&c->target);
    if (fresh.must_hash)
        err = cached_work(&fresh.work, cache, params);
    if (err != KZ_OK)
        return err;
    if (!fresh.must_hash) {
        memcpy(fresh.work.job_id, n->job_id.p, n->job_id.len);
        fresh.work.job_id[n->job_id.len] = '\0';
    }
    pick_clear(p);
    *p = fresh;
    return KZ_OK;
}

void pick_terms(struct picker *p, const struct client *c)
{
    if (target_compare(&c->target, &p->easiest) > 0)
        p->easiest = c->target;
    if (target_compare(&c->target, &p->hardest) < 0)
        p->hardest = c->target;
    /* The job was not taken apart, and now it would have to be: the next one is. */
    if (!p->must_hash && !is_hard(&p->easiest))
        p->has_job = false;
}

static void make_header(struct picker *p, const struct client *c)
{
    uint8_t extranonce[WORK_EXTRANONCE_MAX];
    memcpy(extranonce, c->extranonce1, c->extranonce1_len);
    work_extranonce2(extranonce + c->extranonce1_len, c->extranonce2_size,
                     p->extranonce2);
    work_header_make(&p->header, p->work.job, extranonce,
                     (size_t)c->extranonce1_len + c->extranonce2_size,
                     p->work.job->version);
    p->has_header = true;
}

static bool is_of_kind(const struct picker *p, const struct pick_rules *rules,
                       const struct hash256 *h)
{
    bool is_block = target_is_met(&p->work.job->network_target, h);
    if (rules->valid)
        return target_is_met(&p->hardest, h) && (rules->blocks_ok || !is_block);
    return !target_is_met(&p->easiest, h) && !is_block;
}

/* Targets between which nothing lies are seen at once, not after a million hashes. */
static bool can_exist(const struct picker *p, const struct pick_rules *rules)
{
    const struct target *network = &p->work.job->network_target;
    if (rules->valid)
        return !is_hard(&p->hardest) &&
               (rules->blocks_ok || target_compare(&p->hardest, network) > 0);
    return p->easiest.limb[3] < UINT64_MAX - ((uint64_t)1 << 48);
}

static enum kz_err find_nonce(struct picker *p, const struct pick_rules *rules,
                              const struct client *c)
{
    if (!can_exist(p, rules))
        return KZ_RANGE;
    for (uint32_t tries = 0; tries < TRIES_MAX; tries++) {
        if (p->nonce == NONCES_MAX) {
            p->nonce = 0;
            p->extranonce2++;
            p->has_header = false;
        }
        if (!p->has_header)
            make_header(p, c);
        struct hash256 h;
        work_header_hash(&h, &p->header, p->nonce++);
        if (is_of_kind(p, rules, &h))
            return KZ_OK;
    }
    return KZ_RANGE;
}

enum kz_err pick_share(struct client_share *s,
                       uint8_t extranonce2[WORK_EXTRANONCE2_MAX], struct picker *p,
                       const struct pick_rules *rules, const struct client *c)
{
    if (!p->has_job)
        return KZ_EMPTY;
    if (p->must_hash) {
        enum kz_err err = find_nonce(p, rules, c);
        if (err != KZ_OK)
            return err;
    } else {
        p->nonce++;
    }
    work_extranonce2(extranonce2, c->extranonce2_size, p->extranonce2);
    /* Where the job's own version has bits within the mask, a pool may read the sixth
     * parameter in several ways and take the share by any, so one that we know to be no
     * share or block by the first could still be by another. Without it there is one.
     */
    bool is_plain = !p->must_hash || (p->work.job->version & c->version_mask) == 0;
    *s = (struct client_share){
        .job_id = {(const uint8_t *)p->work.job_id, strlen(p->work.job_id)},
        .extranonce2 = {extranonce2, c->extranonce2_size},
        .ntime = p->must_hash ? p->work.job->ntime : p->ntime,
        .nonce = p->must_hash ? p->nonce - 1 : p->nonce,
        .has_version_bits = c->version_mask != 0 && is_plain};
    return KZ_OK;
}
