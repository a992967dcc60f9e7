#include "share/check.h"

#include "share/merkle.h"

#include <string.h>

struct verdict_row {
    int code;
    const char *text;
    const char *name;
};

static const struct verdict_row verdict_rows[SHARE_VERDICTS] = {
    [SHARE_ACCEPTED] = {0, "", "accepted"},
    [SHARE_MALFORMED] = {20, "Malformed submit", "malformed"},
    [SHARE_UNKNOWN_JOB] = {21, "Job not found (=stale)", "unknown_job"},
    [SHARE_UNAUTHORIZED] = {24, "Unauthorized worker", "unauthorized"},
    [SHARE_VERSION_BITS] = {20, "Unsupported version bits", "version_bits"},
    [SHARE_TIME_TOO_OLD] = {31, "Time too old", "time_too_old"},
    [SHARE_TIME_TOO_NEW] = {32, "Time too new", "time_too_new"},
    [SHARE_STALE] = {21, "Job not found (=stale)", "stale"},
    [SHARE_DUPLICATE] = {22, "Duplicate share", "duplicate"},
    [SHARE_LOW_DIFFICULTY] = {23, "Low difficulty share", "low_difficulty"},
    [SHARE_OVERLOADED] = {20, "Other: pool is busy, share not counted", "overloaded"},
};

int share_verdict_code(enum share_verdict v)
{
    return verdict_rows[v].code;
}

const char *share_verdict_text(enum share_verdict v)
{
    return verdict_rows[v].text;
}

const char *share_verdict_name(enum share_verdict v)
{
    return verdict_rows[v].name;
}

static enum kz_err parse_u32(uint32_t *v, struct bytes text, bool prefix_ok)
{
    return hex_u32(v, (const char *)text.p, text.len, prefix_ok);
}

enum kz_err submit_parse(struct submit *s, const struct submit_text *text,
                         size_t extranonce2_size)
{
    struct submit r = {.has_version_bits = text->version_bits.p != NULL};
    size_t len = 0;
    enum kz_err err =
        hex_decode_some(r.extranonce2, &len, sizeof(r.extranonce2),
                        (const char *)text->extranonce2.p, text->extranonce2.len);
    if (err != KZ_OK)
        return err;
    if (parse_u32(&r.ntime, text->ntime, false) != KZ_OK ||
        parse_u32(&r.nonce, text->nonce, false) != KZ_OK)
        return KZ_PARSE;
    /* Firmware writes its mask and bits with 0x in front; no other field is seen so. */
    if (r.has_version_bits &&
        parse_u32(&r.version_bits, text->version_bits, true) != KZ_OK)
        return KZ_PARSE;
    /* A byte string of fixed length, not a number: a proxy that shortens it would have
     * another coinbase hashed than its rigs did. */
    if (len != extranonce2_size)
        return KZ_RANGE;
    r.extranonce2_len = (uint8_t)len;
    *s = r;
    return KZ_OK;
}

/* Bits may be given alone or as the whole version (BIP310 says the first, some rigs do
 * the second). */
static bool are_bits_allowed(const struct job *job, const struct submit *s,
                             uint32_t mask)
{
    uint32_t outside = s->version_bits & ~mask;
    return outside == 0 || outside == (job->version & ~mask);
}

static uint32_t version_of(const struct job *job, const struct submit *s, uint32_t mask)
{
    if (!s->has_version_bits)
        return job->version;
    return (job->version & ~mask) | (s->version_bits & mask);
}

static void build_header(uint8_t header[80], const struct job *job,
                         const struct share_terms *terms, const struct submit *s)
{
    struct sha256_state state = job->coinb1_state;
    struct hash256 root;
    sha256_add(&state, terms->extranonce1, terms->extranonce1_len);
    sha256_add(&state, s->extranonce2, s->extranonce2_len);
    sha256_add(&state, job->coinb2.p, job->coinb2.len);
    sha256_end_double(&root, &state);
    merkle_fold(&root, &root, job->branch, job->branch_count);

    write_le32(header, version_of(job, s, terms->version_mask));
    memcpy(header + 4, job->prev_hash.b, 32);
    memcpy(header + 36, root.b, 32);
    write_le32(header + 68, s->ntime);
    write_le32(header + 72, job->nbits);
    write_le32(header + 76, s->nonce);
}

static enum share_verdict judge_rules(const struct job *job,
                                      const struct share_terms *terms,
                                      const struct submit *s)
{
    if (!terms->is_authorized)
        return SHARE_UNAUTHORIZED;
    if (s->has_version_bits && !are_bits_allowed(job, s, terms->version_mask))
        return SHARE_VERSION_BITS;
    if (s->ntime < job->mintime)
        return SHARE_TIME_TOO_OLD;
    if (s->ntime > (uint64_t)terms->now + JOB_NTIME_MAX_AHEAD)
        return SHARE_TIME_TOO_NEW;
    return terms->is_current ? SHARE_ACCEPTED : SHARE_STALE;
}

/* Only a hash that meets its target is remembered, so filling the set costs work: junk
 * sent at no cost cannot make it refuse others' shares. For all that were accepted it
 * is the order of the spec, duplicate before target, since a target only ever eases. */
static enum share_verdict judge_work(const struct share_terms *terms,
                                     const struct hash256 *hash, struct seen *seen)
{
    if (!target_is_met(&terms->target, hash))
        return SHARE_LOW_DIFFICULTY;
    switch (seen_add(seen, hash)) {
    case KZ_OK:
        return SHARE_ACCEPTED;
    case KZ_RANGE:
        return SHARE_DUPLICATE;
    case KZ_BUSY:
    case KZ_PARSE:
    case KZ_EMPTY:
    case KZ_IO:
        break;
    }
    return SHARE_OVERLOADED;
}

void share_check(struct share_result *r, const struct job *job,
                 const struct share_terms *terms, const struct submit *s,
                 struct seen *seen)
{
    build_header(r->header, job, terms, s);
    hash256_double(&r->hash, r->header, sizeof(r->header));
    /* Look for a block before anything may refuse the share: submitting one twice costs
     * nothing, and one that is late for us can still be first for the network. */
    r->is_block = target_is_met(&job->network_target, &r->hash);
    r->verdict = judge_rules(job, terms, s);
    if (r->verdict == SHARE_ACCEPTED)
        r->verdict = judge_work(terms, &r->hash, seen);
    r->work = r->verdict == SHARE_ACCEPTED ? terms->work : 0;
}
