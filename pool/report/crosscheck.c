#include "pool/report/crosscheck.h"

#include "conf/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Per miner, and "" for all. Sums of what is in range over the rows of one report stay
 * far below 2^63. */
struct sums {
    const char *miner; /* borrowed from the report */
    int64_t credited, paid, fee, shares, entry_credits, entry_payments;
};

/* A copy by miner: each day of each miner looks into it. */
struct span_list {
    struct crosscheck_span *spans;
    size_t count;
};

struct check {
    const struct report *r4, *r5, *r6, *r9;
    bool has_spans;
    struct span_list mining, certified;
    crosscheck_fn *on_failure;
    void *ctx;
    size_t failures;
    struct sums *sums; /* by miner */
    size_t count, room;
    struct sums all;
};

static void fail(struct check *c, const char *rule, const char *miner,
                 int64_t difference, const char *what)
{
    struct crosscheck_failure f = {.rule = rule, .difference_sat = difference};
    snprintf(f.miner, sizeof(f.miner), "%s", miner);
    snprintf(f.text, sizeof(f.text), "%s: %s%s%s; difference %" PRId64 " satoshi", rule,
             miner, miner[0] != '\0' ? ": " : "", what, difference);
    c->failures++;
    c->on_failure(c->ctx, &f);
}

/* Without a number that is off: a day, or shares. */
static void fail_plain(struct check *c, const char *rule, const char *miner,
                       const char *what, const char *detail)
{
    struct crosscheck_failure f = {.rule = rule};
    snprintf(f.miner, sizeof(f.miner), "%s", miner);
    snprintf(f.text, sizeof(f.text), "%s: %s%s%s%s", rule, miner,
             miner[0] != '\0' ? ": " : "", what, detail);
    c->failures++;
    c->on_failure(c->ctx, &f);
}

static int64_t number(const struct report *r, const struct report_row *row,
                      const char *name)
{
    return report_cell(r, row, name)->number;
}

static const char *text(const struct report *r, const struct report_row *row,
                        const char *name)
{
    const char *t = report_cell(r, row, name)->text;
    return t != NULL ? t : "";
}

/* --- sums of each miner --------------------------------------------------------------- */

/* Where the miner stands, or would. */
static size_t place_of(const struct check *c, const char *miner)
{
    size_t low = 0, high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(c->sums[middle].miner, miner) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct sums *sums_of(struct check *c, const char *miner)
{
    size_t at = place_of(c, miner);
    if (at < c->count && strcmp(c->sums[at].miner, miner) == 0)
        return &c->sums[at];
    if (c->count == c->room) {
        c->room = c->room > 0 ? 2 * c->room : 64;
        c->sums = mem_resize(c->sums, c->room * sizeof(*c->sums));
    }
    memmove(&c->sums[at + 1], &c->sums[at], (c->count - at) * sizeof(*c->sums));
    c->count++;
    c->sums[at] = (struct sums){.miner = miner};
    return &c->sums[at];
}

static void add_production(struct check *c, const struct report_row *row)
{
    struct sums *s = sums_of(c, text(c->r4, row, "miner_id"));
    struct sums *both[] = {s, &c->all};
    for (size_t i = 0; i < 2; i++) {
        both[i]->credited += number(c->r4, row, "credited");
        both[i]->paid += number(c->r4, row, "paid");
        both[i]->fee += number(c->r4, row, "fee");
        both[i]->shares += number(c->r4, row, "accepted_shares");
    }
}

static void add_distribution(struct check *c, const struct report_row *row)
{
    struct sums *s = sums_of(c, text(c->r5, row, "miner_id"));
    const char *kind = text(c->r5, row, "entry_kind");
    int64_t amount = number(c->r5, row, "amount");
    if (strcmp(kind, "credit") == 0)
        s->entry_credits += amount;
    else if (strcmp(kind, "payment") == 0 || strcmp(kind, "network_fee") == 0)
        s->entry_payments += amount;
}

static void check_distributions(struct check *c)
{
    for (size_t i = 0; i < report_row_count(c->r5); i++)
        add_distribution(c, report_row(c->r5, i));
    for (size_t i = 0; i < c->count; i++) {
        const struct sums *s = &c->sums[i];
        if (s->credited != s->entry_credits)
            fail(c, "credits", s->miner, s->credited - s->entry_credits,
                 "credited in R4 is not the sum of its credits in R5");
        if (s->paid != s->entry_payments)
            fail(c, "payments", s->miner, s->paid - s->entry_payments,
                 "paid in R4 is not the sum of its payments in R5");
    }
}

/* --- R4 for itself -------------------------------------------------------------------- */

static void check_balance(struct check *c, const struct report_row *row)
{
    int64_t expected = number(c->r4, row, "balance_start") +
                       number(c->r4, row, "credited") - number(c->r4, row, "paid") -
                       number(c->r4, row, "reversed") + number(c->r4, row, "adjusted");
    int64_t end = number(c->r4, row, "balance_end");
    char what[96];
    if (end == expected)
        return;
    snprintf(what, sizeof(what), "the balance at the end of %s is not what moved",
             text(c->r4, row, "day"));
    fail(c, "balance", text(c->r4, row, "miner_id"), end - expected, what);
}

static void check_continuity(struct check *c, const struct report_row *before,
                             const struct report_row *row)
{
    const char *miner = text(c->r4, row, "miner_id");
    char what[96];
    if (before == NULL || strcmp(text(c->r4, before, "miner_id"), miner) != 0)
        return;
    int64_t difference =
        number(c->r4, row, "balance_start") - number(c->r4, before, "balance_end");
    if (difference == 0)
        return;
    snprintf(what, sizeof(what),
             "%s does not start with what the day before ended with",
             text(c->r4, row, "day"));
    fail(c, "continuity", miner, difference, what);
}

static bool has_span(const struct span_list *l, const char *miner,
                     const struct period *day, int64_t late_ms)
{
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(l->spans[middle].miner, miner) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < l->count && strcmp(l->spans[low].miner, miner) == 0; low++)
        if (l->spans[low].from_ms < day->to_ms &&
            l->spans[low].to_ms > day->from_ms - late_ms)
            return true;
    return false;
}

/* Who is suspended is told within a second of when that is written down, which may take
 * longer where Redis is slow: shares of then may be of the next day. */
#define TOLD_WITHIN_MS 60000

static void check_permission(struct check *c, const struct report_row *row)
{
    const char *miner = text(c->r4, row, "miner_id"), *date = text(c->r4, row, "day");
    struct period day;
    bool has_work = number(c->r4, row, "accepted_shares") > 0;
    if (!has_work)
        return;
    if (period_parse(&day, date, report_header(c->r4)->period.offset_minutes) !=
        KZ_OK) {
        fail_plain(c, "work", miner, "shares without a day", "");
        return;
    }
    if (!has_span(&c->mining, miner, &day, TOLD_WITHIN_MS))
        fail_plain(c, "work", miner, "shares while neither active nor restricted, on ",
                   date);
    if (!has_span(&c->certified, miner, &day, 0))
        fail_plain(c, "certificate", miner, "no certificate that is valid on ", date);
}

/* What all are owed at the end, of a miner by the last of its rows. */
static void check_liabilities(struct check *c)
{
    int64_t owed = 0, liabilities;
    size_t count = report_row_count(c->r4);
    for (size_t i = 0; i < count; i++) {
        const struct report_row *row = report_row(c->r4, i);
        bool is_last = i + 1 == count ||
                       strcmp(text(c->r4, row, "miner_id"),
                              text(c->r4, report_row(c->r4, i + 1), "miner_id")) != 0;
        owed += is_last ? number(c->r4, row, "balance_end") : 0;
    }
    if (report_row_count(c->r9) != 1)
        return;
    liabilities = number(c->r9, report_row(c->r9, 0), "liabilities");
    if (liabilities != owed)
        fail(c, "liabilities", "", liabilities - owed,
             "R9: what is owed is not the sum of the balances that R4 ends with");
}

static void check_production(struct check *c)
{
    const struct report_row *before = NULL;
    for (size_t i = 0; i < report_row_count(c->r4); i++) {
        const struct report_row *row = report_row(c->r4, i);
        add_production(c, row);
        check_balance(c, row);
        check_continuity(c, before, row);
        if (c->has_spans)
            check_permission(c, row);
        before = row;
    }
}

/* --- R6 ------------------------------------------------------------------------------- */

static void compare_group(struct check *c, const char *group, const struct sums *s)
{
    const struct {
        const char *name;
        int64_t of_group, of_all;
    } rows[] = {
        {"credited", s->credited, c->all.credited},
        {"paid", s->paid, c->all.paid},
        {"fee", s->fee, c->all.fee},
    };
    char what[96];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].of_group == rows[i].of_all)
            continue;
        snprintf(what, sizeof(what), "R6 by %s: %s is not the sum of R4", group,
                 rows[i].name);
        fail(c, "summary", "", rows[i].of_group - rows[i].of_all, what);
    }
    if (s->shares != c->all.shares)
        fail_plain(c, "shares", "", "R6: accepted shares are not R4's, by ", group);
}

/* What the rows of one grouping say together; false: there are none. */
static bool sum_group(struct sums *out, const struct report *r6, const char *group)
{
    bool is_there = false;
    for (size_t i = 0; i < report_row_count(r6); i++) {
        const struct report_row *row = report_row(r6, i);
        if (strcmp(text(r6, row, "group_by"), group) != 0)
            continue;
        is_there = true;
        out->credited += number(r6, row, "credited");
        out->paid += number(r6, row, "paid");
        out->fee += number(r6, row, "fee");
        out->shares += number(r6, row, "accepted_shares");
    }
    return is_there;
}

static void check_summary(struct check *c)
{
    static const char *const groups[] = {"all", "residency", "kind", "country",
                                         "region"};
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        struct sums s = {0};
        if (sum_group(&s, c->r6, groups[i]))
            compare_group(c, groups[i], &s);
        else if (i == 0)
            fail_plain(c, "summary", "", "R6 has no row for all", "");
    }
}

static int by_miner(const void *a, const void *b)
{
    const struct crosscheck_span *x = a, *y = b;
    return strcmp(x->miner, y->miner);
}

static struct span_list sorted(const struct crosscheck_span *spans, size_t count)
{
    struct span_list l = {mem_array(count, sizeof(*l.spans)), count};
    if (count > 0) {
        memcpy(l.spans, spans, count * sizeof(*spans));
        qsort(l.spans, count, sizeof(*l.spans), by_miner);
    }
    return l;
}

size_t crosscheck(const struct report *const *reports, size_t count,
                  const struct crosscheck_spans *spans, crosscheck_fn *on_failure,
                  void *ctx)
{
    struct check c = {.has_spans = spans != NULL, .on_failure = on_failure, .ctx = ctx};
    if (spans != NULL) {
        c.mining = sorted(spans->mining, spans->mining_count);
        c.certified = sorted(spans->certified, spans->certified_count);
    }
    for (size_t i = 0; i < count; i++) {
        enum report_id id = report_id(reports[i]);
        if (id == REPORT_R4)
            c.r4 = reports[i];
        else if (id == REPORT_R5)
            c.r5 = reports[i];
        else if (id == REPORT_R6)
            c.r6 = reports[i];
        else if (id == REPORT_R9)
            c.r9 = reports[i];
    }
    if (c.r4 != NULL) {
        check_production(&c);
        if (c.r5 != NULL)
            check_distributions(&c);
        if (c.r6 != NULL)
            check_summary(&c);
        if (c.r9 != NULL)
            check_liabilities(&c);
    }
    mem_free(c.sums);
    mem_free(c.mining.spans);
    mem_free(c.certified.spans);
    return c.failures;
}
