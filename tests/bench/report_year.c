/* Every report of every month of a year, made from a pool's life: how long each takes, and
 * whether they agree with each other.
 *
 *     build/release/bench/report_year [miners [seed]]     2000 1
 *
 * Hours are kept for the whole year here, so that all months can be made at its end. Takes
 * some minutes and 1 GB. */
#include "conf/log.h"
#include "pool/registry/profile.h"
#include "pool/report/crosscheck.h"
#include "pool/report/make.h"
#include "pool/report/spans.h"
#include "year_life.h"

/* --- reports ---------------------------------------------------------------------- */

struct figures {
    int64_t slowest_ms[REPORT_IDS];
    int64_t busiest_ms[REPORT_IDS]; /* of this process's processor time */
    size_t rows[REPORT_IDS];
    size_t failures;
};

static void on_failure(void *ctx, const struct crosscheck_failure *failure)
{
    struct figures *f = ctx;
    f->failures++;
    fprintf(stderr, "%s\n", failure->text);
}

static int64_t busy_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void keep_most(int64_t *most, int64_t ms)
{
    if (ms > *most)
        *most = ms;
}

static void make_one(struct report **out, struct figures *f, struct report_source *s,
                     enum report_id id)
{
    char why[SOURCE_WHY_SIZE] = "";
    struct monotime began = clock_now();
    int64_t busy = busy_ms();
    enum kz_err err = make_source_of(id)(out, why, s);
    must(err, why);
    keep_most(&f->slowest_ms[id], monotime_ms_between(began, clock_now()));
    keep_most(&f->busiest_ms[id], busy_ms() - busy);
    if (report_row_count(*out) > f->rows[id])
        f->rows[id] = report_row_count(*out);
}

static void make_month(struct figures *f, const struct year *y, struct report_source *s)
{
    struct report *made[REPORT_IDS] = {NULL};
    char why[HISTORY_WHY_SIZE] = "";
    struct spans spans;
    struct history history;
    const struct history_ask ask = {.dir = y->journal_dir,
                                    .from_ms = s->header.period.from_ms,
                                    .until_ms = s->header.period.to_ms,
                                    .written_before_ms = INT64_MAX,
                                    .on_event = spans_take,
                                    .ctx = &spans};
    spans_init(&spans, OFFSET);
    must(history_read(&history, why, &ask), why);
    s->history = &history;
    s->production = s->distributions = NULL;
    make_one(&made[REPORT_R4], f, s, REPORT_R4);
    make_one(&made[REPORT_R5], f, s, REPORT_R5);
    s->production = made[REPORT_R4];
    s->distributions = made[REPORT_R5];
    for (int id = 0; id < REPORT_IDS; id++)
        if (made[id] == NULL)
            make_one(&made[id], f, s, (enum report_id)id);
    const struct crosscheck_spans allowed = spans_for_check(&spans);
    crosscheck((const struct report *const *)made, REPORT_IDS, &allowed, on_failure, f);
    spans_clear(&spans);
    history_clear(&history);
    for (int id = 0; id < REPORT_IDS; id++)
        report_free(made[id]);
}

static void make_all(struct figures *f, const struct year *y,
                     const struct profile *profile)
{
    struct report_source s = {.store = y->store,
                              .conf = &y->conf,
                              .profile = profile,
                              .header = {.jurisdiction = "TM",
                                         .operator_name = "A year",
                                         .timezone = "Asia/Ashgabat",
                                         .disclosure = DISCLOSURE_REGULATOR}};
    struct period p;
    must(period_of(&p, PERIOD_MONTH, y->start_ms, OFFSET), "a period");
    for (int month = 0; month < MONTHS; month++) {
        s.header.period = p;
        s.header.generated_ms = p.to_ms + 5 * DAY_MS;
        make_month(f, y, &s);
        fprintf(stderr, "month %d of %d\n", month + 1, MONTHS);
        must(period_next(&p, &p), "a period");
    }
}

static void print(const struct figures *f)
{
    printf("%-12s %10s %12s %12s\n", "report", "rows", "slowest ms", "busiest ms");
    for (int id = 0; id < REPORT_IDS; id++)
        printf("%-12s %10zu %12" PRId64 " %12" PRId64 "\n",
               report_kind_of((enum report_id)id)->name, f->rows[id], f->slowest_ms[id],
               f->busiest_ms[id]);
    printf("cross-checks that failed: %zu\n", f->failures);
}

static void say_size(struct year *y)
{
    redisReply *r = redisCommand(y->redis.c, "INFO memory");
    const char *at = strstr(r->str, "used_memory_human:");
    printf("Redis %.*s", (int)strcspn(at + 18, "\r\n"), at + 18);
    freeReplyObject(r);
    r = redisCommand(y->redis.c, "GET ledseq:{ledger}");
    printf(", %s entries\n", r->str);
    fflush(stdout);
    freeReplyObject(r);
}

int main(int argc, char **argv)
{
    struct year *y = mem_new(sizeof(*y));
    struct figures f = {.failures = 0};
    struct profile *profile = NULL;
    struct period p;
    char why[PROFILE_WHY_SIZE] = "";
    log_setup(LOG_ERROR, false);
    y->count = argc > 1 ? (size_t)decimal_of(argv[1]) : 2000;
    y->random = argc > 2 ? 2 * decimal_of(argv[2]) + 1 : 3;
    must(profile_load(&profile, why, "conf/jurisdictions/tm.json"), why);
    must(period_of(&p, PERIOD_MONTH, clock_utc_ms(), OFFSET), "a period");
    int64_t end_ms = p.from_ms;
    for (int month = 0; month < MONTHS; month++)
        must(period_previous(&p, &p), "a period");
    y->start_ms = p.from_ms;
    y->days = (int)((end_ms - y->start_ms) / DAY_MS);
    open_all(y);
    register_miners(y);
    live(y);
    say_size(y);
    make_all(&f, y, profile);
    print(&f);
    profile_free(profile);
    close_all(y);
    mem_free(y);
    return f.failures == 0 ? 0 : 1;
}
