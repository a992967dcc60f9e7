#include "pool/bench/bench_hash.h"

#include "conf/clock.h"
#include "share/check.h"

#include <stdio.h>
#include <string.h>

#define COINB1_BYTES 59
#define COINB2_BYTES 118
#define BRANCH_STEPS 12
#define BATCH        2000 /* between two looks at the clock */

/* Blocks of the coinbase that follow the midstate, its second hash, three a merkle
 * step, and three for the header. */
#define COINBASE_BYTES  (COINB1_BYTES + JOB_EXTRANONCE_SIZE + COINB2_BYTES)
#define COINBASE_BLOCKS ((COINBASE_BYTES + 9 + 63) / 64 - COINB1_BYTES / 64 + 1)
#define COMPRESSIONS    (COINBASE_BLOCKS + 3 * BRANCH_STEPS + 3)

struct setting {
    struct job *job;
    struct share_terms terms;
    struct submit submit;
    uint8_t extranonce1[5]; /* the generation in front, as sessions have it */
    struct seen *seen;
    unsigned char state[64]; /* of the bare compressions */
};

static struct job *make_job(void)
{
    char coinb1[2 * COINB1_BYTES + 1], coinb2[2 * COINB2_BYTES + 1];
    char node[BRANCH_STEPS][HASH256_HEX_SIZE];
    const char *branch[BRANCH_STEPS];
    struct job *job = NULL;
    memset(coinb1, 'a', sizeof(coinb1) - 1);
    memset(coinb2, 'b', sizeof(coinb2) - 1);
    coinb1[sizeof(coinb1) - 1] = coinb2[sizeof(coinb2) - 1] = '\0';
    for (size_t i = 0; i < BRANCH_STEPS; i++) {
        memset(node[i], "0123456789abcdef"[i], HASH256_HEX_SIZE - 1);
        node[i][HASH256_HEX_SIZE - 1] = '\0';
        branch[i] = node[i];
    }
    const struct job_fields f = {
        .prevhash = node[1],
        .coinb1 = coinb1,
        .coinb2 = coinb2,
        .version = "20000000",
        .nbits = "17030ecd",
        .ntime = "60000000",
        .branch = branch,
        .branch_count = BRANCH_STEPS,
        .mintime = 0x5fffff00,
        .id = {1},
    };
    return job_from_fields(&job, &f) == KZ_OK ? job : NULL;
}

static void prepare(struct setting *s)
{
    memset(s, 0, sizeof(*s));
    s->job = make_job();
    s->seen = seen_new(1 << 20);
    s->terms = (struct share_terms){.extranonce1 = s->extranonce1,
                                    .extranonce1_len = sizeof(s->extranonce1),
                                    .version_mask = 0x1fffe000,
                                    .work = 1,
                                    .now = 0x60000000,
                                    .is_authorized = true,
                                    .is_current = true};
    target_from_difficulty(&s->terms.target, (struct difficulty){1, 1});
    s->submit = (struct submit){
        .extranonce2_len = 8, .has_version_bits = true, .ntime = 0x60000000};
}

static void check_batch(struct setting *s)
{
    struct share_result r;
    for (size_t i = 0; i < BATCH; i++) {
        s->submit.nonce++;
        share_check(&r, s->job, &s->terms, &s->submit, s->seen);
    }
}

static void compress_batch(struct setting *s)
{
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    for (size_t i = 0; i < (size_t)BATCH * COMPRESSIONS; i++)
        SHA256_Transform(&ctx, s->state);
    /* Used, so that no compiler leaves the work out. */
    s->state[0] ^= (unsigned char)ctx.h[0];
}

/* Nanoseconds a round of `batch`, over at least `ms`. */
static double time_of(void (*batch)(struct setting *), struct setting *s, int64_t ms)
{
    struct monotime start = clock_now(), now = start;
    size_t rounds = 0;
    while (rounds == 0 || monotime_ms_between(start, now) < ms) {
        batch(s);
        rounds += BATCH;
        now = clock_now();
    }
    return (double)(now.ns - start.ns) / (double)rounds;
}

int bench_hash(int argc, char **argv)
{
    struct difficulty seconds = {2, 1};
    bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
    if (help || argc > 2 ||
        (argc == 2 && difficulty_parse(&seconds, argv[1], strlen(argv[1])) != KZ_OK)) {
        fputs("usage: kariz-bench hash [SECONDS]\n", help ? stdout : stderr);
        return help ? 0 : 2;
    }
    struct setting s;
    prepare(&s);
    if (s.job == NULL)
        return 2;
    double want = difficulty_to_double(seconds);
    int64_t ms = (int64_t)((want < 3600 ? want : 3600) * 1000 / 2);
    double bare = time_of(compress_batch, &s, ms);
    double check = time_of(check_batch, &s, ms);
    printf("share_check              %8.0f ns a share (%d branch steps)\n", check,
           BRANCH_STEPS);
    printf("bare compressions (%d)   %8.0f ns\n", COMPRESSIONS, bare);
    printf("quotient                 %8.2f\n", check / bare);
    seen_free(s.seen);
    job_unref(s.job);
    return 0;
}
