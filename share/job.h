/* share/job.h - what we announce from a template; immutable once made.
 *
 * The coinbase is cut around a hole of JOB_EXTRANONCE_SIZE bytes that generation,
 * extranonce1 and extranonce2 fill: coinb1 + generation + extranonce1 + extranonce2 +
 * coinb2, without witness, as rigs hash it. A session whose extranonce2 is shorter has
 * a longer extranonce1, so one coinbase serves all listeners. The generation (1 byte,
 * sent as the end of coinb1) makes the same job fresh work when it is sent again to a
 * session; stratum/offers.h says why. To share_check() it is extranonce1's first byte.
 * The mining.notify line is rendered once, here, and a session sends it by reference;
 * only the generation and the last fields (ntime, clean_jobs) differ.
 *
 * Whom the outputs pay, and why, is no matter of this folder: whoever makes a job may
 * leave with it what a block of it will have to be booked by.
 *
 * Ownership  immutable and counted: job_ref/job_unref (NULL accepted). A job holds a
 *            reference to its template, so a found block can be assembled from it.
 * Thread     any. Pure: no I/O, lock or clock. */
#ifndef SHARE_JOB_H
#define SHARE_JOB_H

#include "share/template.h"

#define JOB_EXTRANONCE_SIZE 13 /* 1 + 12: generation, extranonce1 and 2 */
#define JOB_ID_SIZE         17
#define JOB_TAG_MAX         64 /* operator's tag; the script keeps to 100 bytes */
#define JOB_NTIME_MAX_AHEAD 7200

/* Job ids are the serial in lower-case hex: unique for the life of the process. */
struct job_id {
    uint64_t serial;
};

struct job {
    struct job_id id;
    char id_text[JOB_ID_SIZE];
    struct template *template; /* owned reference; NULL in recorded cases */
    uint32_t version;
    uint32_t nbits;
    uint32_t ntime; /* as first announced */
    uint32_t mintime;
    uint32_t height;
    struct hash256 prev_hash;
    struct target network_target;
    struct bytes coinb1;              /* owned */
    struct bytes coinb2;              /* owned */
    struct sha256_state coinb1_state; /* SHA-256 behind coinb1 */
    size_t branch_count;
    struct hash256 branch[TEMPLATE_BRANCH_MAX];
    /* `{"id":null,...,"nbits","`: up to where ntime, clean_jobs and the end follow. */
    struct bytes notify;  /* owned */
    uint64_t snapshot_id; /* 0: made without one, the coinbase pays the pool alone */
    const void *payout;   /* owned, unseen here: payout/coinbase.h. NULL: without */
    void (*payout_free)(void *payout); /* on whichever thread lets go last */
};

struct job_output {
    int64_t value_sat;
    struct bytes script; /* borrowed for the call */
};

struct job_spec {
    struct template *template; /* borrowed; the job takes its own reference */
    struct job_id id;
    uint32_t ntime;
    const char *tag; /* operator's, put in the coinbase script; UTF-8, <= JOB_TAG_MAX */
    const struct job_output *outputs; /* must sum to template->coinbase_value_sat */
    size_t output_count;
    /* Taken over by the job on KZ_OK, and only then. */
    uint64_t snapshot_id;
    const void *payout;
    void (*payout_free)(void *payout);
};

#define JOB_WHY_SIZE 200

/* KZ_RANGE with `why`: outputs do not sum to the value, the coinbase script is longer
 * than 100 bytes, the block would pass the weight or sigop limit. */
KZ_MUST_USE enum kz_err job_new(struct job **out, char why[JOB_WHY_SIZE],
                                const struct job_spec *spec);

/* From mining.notify's fields as a recorded case or another pool's line has them. No
 * template. KZ_PARSE when a field is malformed. Hex, NUL-terminated; branch of `count`.
 */
struct job_fields {
    const char *prevhash, *coinb1, *coinb2, *version, *nbits, *ntime;
    const char *const *branch;
    size_t branch_count;
    uint32_t mintime;
    struct job_id id;
};
KZ_MUST_USE enum kz_err job_from_fields(struct job **out, const struct job_fields *f);

struct job *job_ref(const struct job *job);
void job_unref(struct job *job);

/* BIP34: how a coinbase script of `height` begins; returns its length. */
#define JOB_HEIGHT_SCRIPT_MAX 6
size_t job_height_script(uint8_t out[JOB_HEIGHT_SCRIPT_MAX], uint32_t height);

/* What follows job->notify on the wire: `<ntime>",<clean>]}\n`; returns its length. */
#define JOB_NOTIFY_TAIL_SIZE 24
size_t job_notify_tail(char out[JOB_NOTIFY_TAIL_SIZE], uint32_t ntime, bool clean_jobs);

/* "1a2b" in either case, or KZ_PARSE. */
KZ_MUST_USE enum kz_err job_id_parse(struct job_id *id, const char *text, size_t len);

/* The whole block for submitblock, lower-case hex with a final NUL; the caller frees it
 * with mem_free(). The coinbase carries its witness when the template asks for one.
 * `header` as hashed; `extranonce` is generation, extranonce1 and extranonce2, together
 * JOB_EXTRANONCE_SIZE bytes. Needs job->template. */
char *job_block_hex(const struct job *job, const uint8_t header[80],
                    const uint8_t *extranonce, size_t *hex_len);

#endif
