#include "pool/bench/bench_journal.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "share/journal.h"
#include "share/journal_reader.h"
#include "share/journal_writer.h"
#include "share/target.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WORKERS 1000
#define BATCH   64 /* appended, and then timed, at once */
#define SYNC_MS 200
#define TURN_US 20000
#define PACE_NS 320000 /* a batch each so often: 200,000 shares a second */

struct run {
    struct journal *journal;
    struct journal_stream *stream;
    struct share_record shares[WORKERS];
    atomic_bool stop;
    uint64_t read, syncs;
    int64_t sync_ns, slowest_sync_ns;
    bool failed;
};

static void make_shares(struct run *r)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        struct share_record *s = &r->shares[i];
        *s = (struct share_record){.time_ms = 1700000000000,
                                   .session = 100000 + i,
                                   .job = {1234},
                                   .height = 900000,
                                   .work = 8388736,
                                   .difficulty = 9000.5 + i,
                                   .extranonce1_len = 5,
                                   .extranonce2_len = 8,
                                   .ntime = 1700000000,
                                   .version = 0x20002000,
                                   .miner_number = i / 10};
        snprintf(s->miner.text, sizeof(s->miner.text), "miner-%u", i / 10);
        snprintf(s->worker.text, sizeof(s->worker.text), "rack%u.rig%u", i / 100, i);
    }
}

static void sync_now(struct run *r)
{
    struct monotime start = clock_now();
    r->failed |= journal_sync(r->journal) != KZ_OK;
    int64_t took = clock_now().ns - start.ns;
    r->syncs++;
    r->sync_ns += took;
    if (took > r->slowest_sync_ns)
        r->slowest_sync_ns = took;
}

/* As the store thread does. */
static void *keep(void *arg)
{
    struct run *r = arg;
    struct journal_reader *reader = journal_reader_new(r->stream);
    struct share_record share;
    uint64_t seq = 0, prev;
    struct monotime synced = clock_now();
    while (!atomic_load(&r->stop) && !r->failed) {
        enum kz_err err;
        r->failed = journal_prepare(r->journal) != KZ_OK;
        if (monotime_ms_between(synced, clock_now()) >= SYNC_MS) {
            sync_now(r);
            synced = clock_now();
        }
        while ((err = journal_reader_next(reader, &share, &seq, &prev, false)) == KZ_OK)
            r->read++;
        r->failed |= err != KZ_EMPTY;
        journal_stream_release(r->stream, seq, INT64_MAX);
        struct timespec turn = {.tv_nsec = TURN_US * 1000};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &turn, NULL);
    }
    journal_reader_free(reader);
    return NULL;
}

struct figures {
    uint64_t appended, busy;
    int64_t ns, slowest_ns;
    uint64_t above_us, above_ms; /* batches */
    uint64_t batches;
};

static void append_batch(struct run *r, struct journal_writer *w, struct figures *f)
{
    uint64_t seq;
    uint32_t busy = 0;
    struct monotime start = clock_now();
    for (unsigned i = 0; i < BATCH; i++) {
        struct share_record *s = &r->shares[(f->appended + i) % WORKERS];
        s->nonce++;
        busy += journal_writer_put(w, &seq, s, NULL) != KZ_OK;
    }
    int64_t took = clock_now().ns - start.ns;
    f->appended += BATCH - busy;
    f->busy += busy;
    f->batches++;
    f->ns += took;
    f->above_us += took > BATCH * INT64_C(1000);
    f->above_ms += took > 1000000;
    if (took > f->slowest_ns)
        f->slowest_ns = took;
}

static void append_for(struct run *r, struct figures *f, int64_t ms)
{
    struct journal_writer *w = journal_writer_new(r->stream);
    struct monotime start = clock_now(), now = start;
    int64_t due = start.ns;
    while (monotime_ms_between(start, now) < ms && f->busy == 0) {
        append_batch(r, w, f);
        due += PACE_NS;
        while ((now = clock_now()).ns < due)
            continue;
    }
    journal_writer_free(w);
}

static void print(const struct run *r, const struct figures *f, uint64_t bytes)
{
    double n = f->appended > 0 ? (double)f->appended : 1;
    printf("append                   %8.0f ns a share, at %d shares a second\n",
           (double)f->ns / n, (int)(BATCH * INT64_C(1000000000) / PACE_NS));
    printf("slowest %d of them       %8.1f us; %" PRIu64 " of %" PRIu64
           " above 1 us a share, %" PRIu64 " above 1 ms\n",
           BATCH, (double)f->slowest_ns / 1e3, f->above_us, f->batches, f->above_ms);
    printf("bytes a share            %8.1f\n", (double)bytes / n);
    printf("sync                     %8.1f ms, slowest %.1f\n",
           r->syncs > 0 ? (double)r->sync_ns / (double)r->syncs / 1e6 : 0,
           (double)r->slowest_sync_ns / 1e6);
    if (f->busy > 0)
        printf("NO NEXT SEGMENT          the disk is slower than this\n");
}

static int run(struct run *r, const char *dir, int64_t ms)
{
    pthread_t keeper;
    struct figures f = {0};
    struct journal_damage damage;
    struct journal_stream_stats stats;
    const struct journal_options o = {.dir = dir, .shares = 1};
    if (journal_open(&r->journal, &damage, &o) != KZ_OK)
        return 1;
    r->stream = journal_stream(r->journal, JOURNAL_SHARES);
    make_shares(r);
    if (pthread_create(&keeper, NULL, keep, r) != 0)
        return 1;
    append_for(r, &f, ms);
    atomic_store(&r->stop, true);
    pthread_join(keeper, NULL);
    journal_stats(&stats, r->journal);
    print(r, &f, stats.synced_bytes + stats.unsynced_bytes);
    return r->failed ? 1 : 0;
}

int bench_journal(int argc, char **argv)
{
    struct difficulty seconds = {5, 1};
    bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
    if (help || argc < 2 || argc > 3 ||
        (argc == 3 && difficulty_parse(&seconds, argv[2], strlen(argv[2])) != KZ_OK)) {
        fputs("usage: kariz-bench journal DIRECTORY [SECONDS]\n",
              help ? stdout : stderr);
        return help ? 0 : 2;
    }
    double want = difficulty_to_double(seconds);
    struct run *r = mem_new(sizeof(*r));
    int status = run(r, argv[1], (int64_t)((want < 3600 ? want : 3600) * 1000));
    journal_close(r->journal);
    mem_free(r);
    return status;
}
