/* Steps of ledger_trace.json: what the builders post for the event, and the balances
 * that the book has then. */
#include "conf/mem.h"
#include "payout/cases_parts.h"
#include "payout/cases_trace.h"

#include <string.h>

/* The members of one object that another lacks or has differently. */
static void same_object(struct case_run *r, const char *what, const json_t *want,
                        const json_t *got)
{
    const char *name;
    json_t *value;
    if (!json_is_object(want))
        case_fail(r, "no object \"%s\" in the file", what);
    json_object_foreach((json_t *)(uintptr_t)want, name, value)
    {
        const json_t *found = json_object_get(got, name);
        if (!json_is_integer(value))
            case_fail(r, "%s: %s is no whole number in the file", what, name);
        if (found == NULL)
            case_fail(r, "%s: expected %s, got none", what, name);
        case_same(r, name, json_integer_value(value), json_integer_value(found));
    }
    json_object_foreach((json_t *)(uintptr_t)got, name, value)
    {
        if (json_object_get(want, name) == NULL)
            case_fail(r, "%s: got %s, which is not expected", what, name);
    }
}

static void same_event(struct case_run *r, const json_t *step, const struct entry *e)
{
    char *text = entry_format(e);
    json_t *made = json_loads(text, 0, NULL);
    case_same_text(r, "key", case_text(r, step, "idempotency_key"),
                   case_text(r, made, "key"));
    case_same_text(r, "event", case_text(r, step, "event"), case_text(r, made, "kind"));
    same_object(r, "postings", json_object_get(step, "postings"),
                json_object_get(made, "postings"));
    json_decref(made);
    mem_free(text);
}

static void same_balances(struct case_run *r, const json_t *step,
                          const struct book *book)
{
    size_t n;
    struct posting *list = book_balances(book, &n);
    json_t *found = json_object();
    for (size_t i = 0; i < n; i++) {
        char name[ACCOUNT_TEXT_SIZE];
        account_format(name, &list[i].account);
        json_object_set_new(found, name, json_integer(amount_to_sat(list[i].amount)));
    }
    same_object(r, "balances_after", json_object_get(step, "balances_after"), found);
    json_decref(found);
    mem_free(list);
}

static void same_totals(struct case_run *r, const json_t *step, const struct book *book)
{
    struct book_totals t;
    if (!case_done(r, "totals", book_totals(book, &t)))
        return;
    int64_t assets = amount_to_sat(t.coins) + amount_to_sat(t.receivables);
    int64_t liabilities = amount_to_sat(t.liabilities);
    case_same(r, "total_assets", case_number(r, step, "total_assets"), assets);
    case_same(r, "total_liabilities", case_number(r, step, "total_liabilities"),
              liabilities);
    case_same(r, "sum_of_all", case_number(r, step, "sum_of_all"),
              assets + amount_to_sat(t.expenses) - liabilities -
                  amount_to_sat(t.income) - amount_to_sat(t.equity));
}

/* KZ_EMPTY is a key the book has already. */
static void apply(struct case_run *r, struct book *book, const json_t *step,
                  const struct entry *e)
{
    struct book_problem why = {.text = ""};
    bool is_new = json_is_true(json_object_get(step, "applied"));
    enum kz_err err = book_apply(book, &why, e);
    if (err == KZ_RANGE)
        case_fail(r, "refused: %.300s", why.text);
    else if (err != (is_new ? KZ_OK : KZ_EMPTY))
        case_fail(r, "expected %s, got %s", is_new ? "a new event" : "a repeat",
                  is_new ? "a repeat" : "a new event");
}

void case_ledger_step(struct case_run *r, struct book *book, const json_t *step)
{
    struct book_problem why = {.text = ""};
    struct entry e;
    int64_t n = case_number(r, step, "step");
    if (n < 1 || n > TRACE_STEPS)
        case_fail(r, "step: the trace known here has %d", TRACE_STEPS);
    if (!case_is_well(r) || !case_done(r, "event", trace_event(&e, book, (int)n)))
        return;
    same_event(r, step, &e);
    if (case_is_well(r))
        apply(r, book, step, &e);
    same_balances(r, step, book);
    same_totals(r, step, book);
    if (book_check(book, &why) != KZ_OK)
        case_fail(r, "an invariant is broken: %.300s", why.text);
    entry_clear(&e);
}
