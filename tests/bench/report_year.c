/* Every report of every month of a year, made from a pool's life and packed, signed and
 * verified: how long each takes, and whether they agree.
 *
 *     build/release/bench/report_year [-m miners] [-r rigs] [-n months] [-s seed] [-d days]
 *                                        2000        300       12          1         1
 *                                     DIR
 *
 * Of so many days one is tallied by the minute and the others by the hour (year_work.h).
 * A month's package is made on the fifth of the next, as in life: DIR/TM-2039-01 and so on,
 * by the test key whose public part is printed. Ends with 1 where a package is refused, by
 * the cross-checks or for another reason, or does not verify. */
#include "conf/log.h"
#include "pool/report/languages.h"
#include "pool/report/make.h"
#include "pool/report/package_verify.h"
#include "pool/report/report_key.h"
#include "year_money.h"

#include <limits.h>

#define MADE_AFTER 5 /* days behind the month */
#define MONTHS_MAX 12

/* Of a package: its reports, then what else make_package() does. */
enum { STEP_LEDGER = REPORT_IDS, STEP_PACKAGE, STEPS };

static const uint8_t key[PRIVATE_KEY_SIZE] = {[0] = 0x11, [31] = 0x42};

struct times {
    int64_t wall_ms, busy_ms; /* of this process's processors */
};

struct figures {
    struct times slowest[STEPS], slowest_package, slowest_check;
    size_t rows[REPORT_IDS], packages, failures;
    /* Of the package at hand: what make_package() is at. */
    struct monotime since;
    int64_t busy_since_ms;
    size_t step; /* STEPS: none yet */
};

struct making {
    struct year *y;
    const char *dir; /* of all packages */
    struct languages words;
    struct sign_context *context;
    struct figures f;
    struct hash256 previous;
};

/* --- clocks ----------------------------------------------------------------------- */

static int64_t busy_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void clock_begin(struct figures *f)
{
    f->since = clock_now();
    f->busy_since_ms = busy_ms();
}

static void keep_slowest(struct times *slowest, const struct figures *f)
{
    int64_t wall = monotime_ms_between(f->since, clock_now());
    int64_t busy = busy_ms() - f->busy_since_ms;
    slowest->wall_ms = wall > slowest->wall_ms ? wall : slowest->wall_ms;
    slowest->busy_ms = busy > slowest->busy_ms ? busy : slowest->busy_ms;
}

static const char *step_name(size_t step)
{
    return step < REPORT_IDS     ? report_kind_of((enum report_id)step)->name
           : step == STEP_LEDGER ? MAKE_LEDGER
                                 : MAKE_PACKAGE;
}

/* Asked before each step and while the ledger is read: another begins where it changes. */
static bool on_step(void *ctx, const char *doing)
{
    struct figures *f = ctx;
    size_t step = 0;
    while (strcmp(step_name(step), doing) != 0)
        step++;
    if (step == f->step)
        return true;
    if (f->step < STEPS)
        keep_slowest(&f->slowest[f->step], f);
    f->step = step;
    clock_begin(f);
    return true;
}

/* --- packages --------------------------------------------------------------------- */

static void note_rows(struct figures *f, const struct manifest *m)
{
    for (size_t i = 0; i < m->report_count; i++)
        if (m->reports[i].rows > f->rows[m->reports[i].id])
            f->rows[m->reports[i].id] = m->reports[i].rows;
}

static bool check_package(struct making *k, const char *dir)
{
    char why[PACKAGE_WHY_SIZE] = "";
    uint8_t point[PUBKEY_SIZE];
    struct manifest *m = NULL;
    must(sign_public_key(point, k->context, key), "a public key");
    clock_begin(&k->f);
    if (package_verify(&m, why, dir, k->context, point + 1) != KZ_OK) {
        fprintf(stderr, "%s: %s\n", dir, why);
        return false;
    }
    keep_slowest(&k->f.slowest_check, &k->f);
    note_rows(&k->f, m);
    manifest_free(m);
    return true;
}

static bool pack(struct making *k, const struct period *p, const char *dir)
{
    char why[PACKAGE_WHY_SIZE] = "";
    enum report_id ids[REPORT_IDS];
    size_t count = make_due(ids, k->y->profile, PERIOD_ON_DEMAND, DISCLOSURE_REGULATOR);
    assert(count == REPORT_IDS);
    const struct make_plan plan = {
        .store = k->y->store,
        .conf = &k->y->conf,
        .profile = k->y->profile,
        .journal_dir = k->y->journal_dir,
        .period = *p,
        .disclosure = DISCLOSURE_REGULATOR,
        .ids = ids,
        .count = count,
        .catalogues = (const struct catalogue *const *)k->words.catalogues,
        .catalogue_count = k->words.count,
        .previous = k->f.packages > 0 ? &k->previous : NULL,
        .context = k->context,
        .key = key,
        .dir = dir,
        .made_ms = p->to_ms + MADE_AFTER * DAY_MS,
        .goes_on = on_step,
        .ctx = &k->f};
    k->f.step = STEPS;
    enum kz_err err = make_package(&k->previous, why, &plan);
    if (err != KZ_OK)
        fprintf(stderr, "%s: %s\n", dir, why);
    return err == KZ_OK;
}

static void make_month(struct making *k, const struct period *p)
{
    char name[PERIOD_TEXT_SIZE], dir[PATH_MAX];
    struct figures began = {.step = STEPS};
    period_format(name, p);
    snprintf(dir, sizeof(dir), "%s/TM-%s", k->dir, name);
    wait_for_writes(k->y, 0);
    while (!store_is_drained(k->y->store))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* allowed: a bench */
    clock_begin(&began);
    bool is_good = pack(k, p, dir);
    keep_slowest(&k->f.slowest_package, &began);
    is_good = is_good && check_package(k, dir);
    k->f.packages++;
    k->f.failures += !is_good;
}

/* --- the year --------------------------------------------------------------------- */

static void live(struct making *k, int months)
{
    struct year *y = k->y;
    struct monotime began = clock_now();
    struct period p;
    must(period_parse(&p, FIRST_MONTH, OFFSET), "the first month");
    for (int day = 0; months > 0; day++) {
        year_day(y, day);
        if (ms_of(y, day + 1) < p.to_ms + MADE_AFTER * DAY_MS)
            continue;
        fprintf(stderr, "day %d: lived %" PRId64 " s, %" PRIu64 " tallies\n", day + 1,
                monotime_ms_between(began, clock_now()) / 1000, y->tallied);
        make_month(k, &p);
        must(period_next(&p, &p), "the next month");
        months--;
    }
}

static void print(const struct figures *f)
{
    printf("%-12s %10s %12s %12s\n", "step", "rows", "slowest ms", "busiest ms");
    for (size_t step = 0; step < STEP_PACKAGE; step++)
        printf("%-12s %10zu %12" PRId64 " %12" PRId64 "\n", step_name(step),
               step < REPORT_IDS ? f->rows[step] : f->packages,
               f->slowest[step].wall_ms, f->slowest[step].busy_ms);
    printf("%-12s %10zu %12" PRId64 " %12" PRId64 "\n", "package", f->packages,
           f->slowest_package.wall_ms, f->slowest_package.busy_ms);
    printf("%-12s %10s %12" PRId64 " %12" PRId64 "\n", "verified", "",
           f->slowest_check.wall_ms, f->slowest_check.busy_ms);
    printf("packages that were refused: %zu\n", f->failures);
}

static void say_size(struct year *y)
{
    redisReply *r = redisCommand(y->redis.c, "INFO memory");
    const char *at = strstr(r->str, "used_memory_human:");
    printf("Redis %.*s", (int)strcspn(at + 18, "\r\n"), at + 18);
    freeReplyObject(r);
    r = redisCommand(y->redis.c, "GET ledseq:{ledger}");
    printf(", %s entries of the ledger, %" PRIu64 " tallies\n", r->str, y->tallied);
    fflush(stdout);
    freeReplyObject(r);
}

static void say_key(const struct making *k)
{
    uint8_t point[PUBKEY_SIZE];
    char fingerprint[REPORT_KEY_FINGERPRINT_SIZE];
    must(sign_public_key(point, k->context, key), "a public key");
    report_key_fingerprint(fingerprint, point + 1);
    printf("key %s\n", fingerprint);
}

static bool read_options(struct year *y, int *months, int argc, char **argv)
{
    int option;
    uint64_t seed = 1;
    while ((option = getopt(argc, argv, "m:r:n:s:d:")) != -1) {
        uint64_t v = 0;
        if (option == '?' || !decimal_read(&v, optarg, 1000000) || v == 0)
            return false;
        if (option == 'm')
            y->count = v;
        else if (option == 'r')
            y->rigs = v;
        else if (option == 'n')
            *months = (int)v;
        else if (option == 'd')
            y->minute_days = (int)v;
        else
            seed = v;
    }
    y->random = 2 * seed + 1;
    y->days = 28 * *months;
    return argc == optind + 1 && *months <= MONTHS_MAX && y->count >= 40;
}

int main(int argc, char **argv)
{
    struct year *y = mem_new(sizeof(*y));
    struct making k = {.y = y, .context = sign_context_new()};
    char why[CATALOGUE_WHY_SIZE] = "";
    int months = MONTHS_MAX;
    log_setup(LOG_ERROR, false);
    y->count = 2000;
    y->rigs = 300;
    y->minute_days = 1;
    if (!read_options(y, &months, argc, argv)) {
        fprintf(stderr, "report_year [-m miners, at least 40] [-r rigs] "
                        "[-n months, at most 12] [-s seed] [-d days] DIR\n");
        return 2;
    }
    k.dir = argv[optind];
    open_all(y);
    must(languages_load(&k.words, why, "conf/catalogues", y->profile), why);
    register_miners(y);
    bring_capital(y);
    live(&k, months);
    say_size(y);
    print(&k.f);
    say_key(&k);
    languages_clear(&k.words);
    sign_context_free(k.context);
    close_all(y);
    mem_free(y);
    return k.f.failures == 0 ? 0 : 1;
}
