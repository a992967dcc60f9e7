/* share/check.h - bytes of a submit to a verdict. The judging order of stratum-v1 part
 * 2:
 *
 *   parse -> job known -> header and hash -> network target -> authorised -> mask
 *   -> ntime window -> job current -> duplicate -> target
 *
 * Whether a job is known and a login authorised is the session's to say; everything
 * else is here. `is_block` is told whatever the verdict: a share that is late for us
 * can still be first for the network.
 *
 * Ownership  everything is borrowed for the call but the seen set, which gains a key
 *            when (and only when) the share is accepted: see judge_work() in check.c.
 * Thread     the seen set's owner. Pure: no I/O, lock, clock or allocation (the seen
 * set may grow; see share/seen.h). */
#ifndef SHARE_CHECK_H
#define SHARE_CHECK_H

#include "share/job.h"
#include "share/seen.h"

enum share_verdict {
    SHARE_ACCEPTED,
    SHARE_MALFORMED,      /* 20 */
    SHARE_UNKNOWN_JOB,    /* 21 */
    SHARE_UNAUTHORIZED,   /* 24 */
    SHARE_VERSION_BITS,   /* 20 */
    SHARE_TIME_TOO_OLD,   /* 31 */
    SHARE_TIME_TOO_NEW,   /* 32 */
    SHARE_STALE,          /* 21 */
    SHARE_DUPLICATE,      /* 22 */
    SHARE_LOW_DIFFICULTY, /* 23 */
    SHARE_OVERLOADED,     /* 20: a bound of ours; not credited, said and counted */
    SHARE_VERDICTS        /* how many there are */
};

/* The Stratum error code, 0 when accepted; the text rigs see; and a short lower-case
 * word for logs and the tally ("low_difficulty"). */
int share_verdict_code(enum share_verdict v);
const char *share_verdict_text(enum share_verdict v);
const char *share_verdict_name(enum share_verdict v);

/* mining.submit's values, normalised. Without version bits the job's version is used.
 */
struct submit {
    uint8_t extranonce2[8];
    uint8_t extranonce2_len;
    bool has_version_bits;
    uint32_t ntime;
    uint32_t nonce;
    uint32_t version_bits;
};

/* Text as the rig sent it; NULL version_bits: absent. */
struct submit_text {
    struct bytes extranonce2, ntime, nonce, version_bits;
};

/* KZ_PARSE: bad hex or number. KZ_RANGE: extranonce2 is not of `extranonce2_size`.
 * `s` is untouched unless KZ_OK. */
KZ_MUST_USE enum kz_err submit_parse(struct submit *s, const struct submit_text *text,
                                     size_t extranonce2_size);

struct share_terms {
    const uint8_t *extranonce1;
    size_t extranonce1_len;
    uint32_t version_mask; /* in force; 0: rolling is off */
    struct target target;  /* fixed by session and job, the easiest since it was sent */
    uint64_t work;         /* that target's */
    uint32_t now;          /* our clock, Unix seconds */
    bool is_authorized;
    bool is_current; /* the job's previous block is the tip */
};

struct share_result {
    enum share_verdict verdict; /* the first that applies, in the order above */
    uint64_t work;              /* earned: the judged target's, 0 unless accepted */
    bool is_block;              /* meets the network target, whatever the verdict */
    struct hash256 hash;
    uint8_t header[80];
};

/* `seen` belongs to this job (all sessions of one thread may share it: extranonce1 is
 * part of what is hashed). */
void share_check(struct share_result *r, const struct job *job,
                 const struct share_terms *terms, const struct submit *s,
                 struct seen *seen);

#endif
