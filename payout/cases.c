#include "payout/cases.h"

#include "conf/mem.h"
#include "payout/book.h"
#include "payout/cases_parts.h"
#include "payout/wide.h"
#include "payout/window.h"

#include <stdio.h>
#include <string.h>

#define UNIT (UINT64_C(1) << 22) /* hashes a unit on main networks */

/* --- largest remainder, work of targets ------------------------------------------- */

void case_split(struct case_run *r, const json_t *one)
{
    const json_t *result = json_object_get(one, "result");
    size_t count;
    struct split_weight *rows = case_rows(r, &count, json_object_get(one, "weights"));
    struct amount *parts = mem_array(count + 1, sizeof(*parts));
    struct amount total = case_amount(r, one, "total_sat");
    if (case_is_well(r) &&
        case_done(r, "split", split_amount(parts, total, rows, count))) {
        size_t named = 0;
        for (size_t i = 0; i < count; i++) {
            /* Who has no weight may be left out of the result, and gets nothing. */
            const json_t *want = json_object_get(result, rows[i].miner.text);
            named += want != NULL ? 1 : 0;
            case_same(r, rows[i].miner.text, json_integer_value(want),
                      amount_to_sat(parts[i]));
        }
        case_same(r, "miners in the result", (int64_t)json_object_size(result),
                  (int64_t)named);
    }
    mem_free(parts);
    mem_free(rows);
}

/* Decimal text of a wide number, from its last digit. */
static const char *wide_digits(char *out, size_t size, struct wide w)
{
    char *at = out + size - 1;
    *at = '\0';
    do {
        struct wide tenth = wide_divide(w, 10);
        *--at = (char)('0' + (w.limb[0] - wide_multiply(tenth, 10).limb[0]));
        w = tenth;
    } while (memcmp(&w, &(struct wide){{0}}, sizeof(w)) != 0);
    return at;
}

void case_work_unit(struct case_run *r, const json_t *one)
{
    struct target t = {{0}}, from_nbits;
    const char *hex = case_text(r, one, "target");
    int64_t want = case_number(r, one, "work_u4194304");
    uint64_t work = 0, span = 0;
    char text[200];
    if (!case_done(r, "target", target_parse_hex(&t, hex, strlen(hex))))
        return;
    if (json_object_get(one, "nbits") != NULL &&
        case_done(r, "nbits",
                  target_from_nbits(&from_nbits, case_hex(r, one, "nbits"))))
        case_same(r, "target of nbits against target", 0,
                  target_compare(&t, &from_nbits));
    if (!target_work(&work, &t, UNIT))
        case_fail(r, "work: does not fit 63 bits");
    case_same(r, "work", want, (int64_t)work);
    /* A window of one block is the block's work; none where that is below a unit. */
    enum kz_err err = window_span(&span, &t, 1000, UNIT);
    case_same_text(r, "window of one block", kz_err_text(want > 0 ? KZ_OK : KZ_EMPTY),
                   kz_err_text(err));
    case_same(r, "window of one block", want, (int64_t)span);
    struct wide block = wide_from_target(&t);
    struct wide hashes = wide_divide_wide(wide_times_2_256(wide_from_u64(1)), &block);
    case_same_text(r, "hashes", case_text(r, one, "expected_hashes"),
                   wide_digits(text, sizeof(text), hashes));
}

/* --- files ------------------------------------------------------------------------ */

typedef void case_fn(struct case_run *r, const json_t *one);

/* A member that each case of the kind has, and no case of another. */
static const struct {
    const char *member;
    case_fn *run;
} kinds[] = {{"weights", case_split},
             {"work_u4194304", case_work_unit},
             {"scheme", case_scheme},
             {"coinbase_value_sat", case_direct}};

static case_fn *kind_of(const json_t *cases)
{
    const json_t *first = json_array_get(cases, 0);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (json_object_get(first, kinds[i].member) != NULL)
            return kinds[i].run;
    return NULL;
}

static void count(struct payout_cases *c, const struct case_run *r, const char *name)
{
    if (case_is_well(r)) {
        c->passed++;
        return;
    }
    c->failed++;
    c->on_failed(c->ctx, name, r->why);
}

/* Cases of work units are known by their targets. */
static void run_case(struct payout_cases *c, case_fn *run, const json_t *one)
{
    struct case_run r = {.why = ""};
    const char *name = json_string_value(json_object_get(one, "name"));
    if (name == NULL)
        name = json_string_value(json_object_get(one, "target"));
    run(&r, one);
    count(c, &r, name != NULL ? name : "(without a name)");
}

static void run_trace(struct payout_cases *c, const json_t *steps)
{
    struct book *book = book_new();
    bool is_broken = false;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        const char *key = json_string_value(json_object_get(step, "idempotency_key"));
        char name[200];
        struct case_run r = {.why = ""};
        snprintf(name, sizeof(name), "step %zu %s", i + 1, key != NULL ? key : "");
        if (is_broken)
            case_fail(&r, "not run: a step before it failed");
        else
            case_ledger_step(&r, book, step);
        is_broken = is_broken || !case_is_well(&r);
        count(c, &r, name);
    }
    book_free(book);
}

enum kz_err payout_cases_run(struct payout_cases *c, const json_t *file)
{
    const json_t *cases = json_object_get(file, "cases");
    const json_t *steps = json_object_get(file, "steps");
    case_fn *run = kind_of(cases);
    if (json_array_size(steps) > 0 &&
        json_object_get(json_array_get(steps, 0), "postings") != NULL) {
        run_trace(c, steps);
        return KZ_OK;
    }
    if (run == NULL)
        return KZ_PARSE;
    for (size_t i = 0; i < json_array_size(cases); i++)
        run_case(c, run, json_array_get(cases, i));
    return KZ_OK;
}
