#include "pool/watch_view.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "payout/amount.h"
#include "pool/registry/profile.h"

#include <stdlib.h>
#include <string.h>

static json_t *time_json(int64_t utc_ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_utc_format(text, utc_ms);
    return json_string(text);
}

/* 0: never. */
static json_t *moment_json(const json_t *object, const char *key)
{
    json_int_t ms = json_integer_value(json_object_get(object, key));
    return ms > 0 ? time_json(ms) : json_null();
}

/* What is no amount of money is not shown as one. */
static json_t *amount_json(int64_t sat)
{
    char text[AMOUNT_TEXT_SIZE];
    struct amount a;
    if (!amount_from_sat(&a, sat))
        return json_null();
    amount_format(text, a);
    return json_pack("{s:I, s:s}", "sat", (json_int_t)sat, "btc", text);
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void put_number(json_t *to, const json_t *from, const char *key)
{
    json_object_set_new(to, key, json_integer(number_of(from, key)));
}

/* --- the miner -------------------------------------------------------------------------- */

/* An order, a suspicion or a list is nobody's business who looks: one word for all. */
static const char *state_word(const struct record_may *may)
{
    switch (may->state) {
    case MINER_DRAFT:
    case MINER_SUBMITTED:
        return "registering";
    case MINER_ACTIVE:
    case MINER_RESTRICTED:
        return !may->may_mine ? "paused" : may->is_warned ? "attention" : "active";
    case MINER_SUSPENDED:
    case MINER_STATES: /* damaged: nobody mines on it */
        return "paused";
    case MINER_REJECTED:
    case MINER_REVOKED:
    case MINER_CLOSED:
        break;
    }
    return "ended";
}

static json_t *certificate_of(const json_t *record)
{
    const char *number = record_text(json_object_get(record, "certificate"), "number");
    return number != NULL ? json_string(number) : json_null();
}

static json_t *head_of(const struct watch_sources *s)
{
    const struct profile *profile = s->view.profile;
    const struct record_may may = record_may(s->record, &s->view);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:i}}", "schema",
                          WATCH_SCHEMA, "pool", s->pool, "network", s->network, "miner",
                          record_text(s->record, "miner_id"), "state", state_word(&may),
                          "zone", "name", profile->timezone, "utc_offset_minutes",
                          profile->utc_offset_minutes);
    json_object_set_new(o, "certificate", certificate_of(s->record));
    json_object_set_new(o, "made_at", time_json(s->view.now_ms));
    json_object_set_new(o, "until", time_json(s->until_ms));
    return o;
}

/* --- work ------------------------------------------------------------------------------- */

static json_t *rates_of(const json_t *figures)
{
    static const char *const spans[] = {"1m", "10m", "1h", "24h"};
    const json_t *from = json_object_get(figures, "hashrate");
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
        json_object_set_new(
            o, spans[i], json_real(json_number_value(json_object_get(from, spans[i]))));
    return o;
}

static void put_shares(json_t *to, const json_t *figures)
{
    const char *work = record_text(figures, "work");
    put_number(to, figures, "accepted");
    put_number(to, figures, "refused");
    json_object_set_new(to, "work", json_string(work != NULL ? work : "0"));
    json_object_set_new(to, "last", moment_json(figures, "last_share_ms"));
}

/* Rows of this miner by worker, so that a farm is not compared pair by pair. */
static json_t *by_worker(const json_t *rows, const char *miner)
{
    size_t i;
    json_t *row, *found = json_object();
    json_array_foreach((json_t *)rows, i, row)
    {
        const char *whose = record_text(row, "miner"),
                   *name = record_text(row, "worker");
        if (whose != NULL && name != NULL && strcmp(whose, miner) == 0)
            json_object_set(found, name, row);
    }
    return found;
}

/* {worker: {software, live}}: of several sessions the last one's software. */
static json_t *live_by_worker(const json_t *sessions, const char *miner)
{
    size_t i;
    json_t *session, *found = json_object();
    json_array_foreach((json_t *)sessions, i, session)
    {
        const char *whose = record_text(session, "miner");
        const char *name = record_text(session, "worker");
        const char *agent = record_text(session, "agent");
        if (whose == NULL || name == NULL || strcmp(whose, miner) != 0)
            continue;
        int64_t live = number_of(json_object_get(found, name), "live") + 1;
        json_object_set_new(found, name,
                            json_pack("{s:s, s:I}", "software",
                                      agent != NULL ? agent : "", "live",
                                      (json_int_t)live));
    }
    return found;
}

static json_t *worker_json(const char *name, const json_t *figures, const json_t *live)
{
    const char *software = record_text(live, "software");
    json_t *o = json_pack("{s:s, s:s, s:I}", "name", name, "software",
                          software != NULL ? software : "", "live",
                          (json_int_t)number_of(live, "live"));
    put_shares(o, figures);
    json_object_set_new(o, "hashrate", rates_of(figures));
    return o;
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static void put_workers(json_t *to, const struct watch_sources *s)
{
    const char *miner = record_text(s->record, "miner_id"), *name;
    size_t count = 0;
    json_t *any, *list = json_array(), *all = by_worker(s->workers, miner);
    json_t *live = live_by_worker(s->sessions, miner), *known = json_copy(all);
    json_object_update_missing(all, live); /* one without a share yet is a row too */
    const char **names = mem_array(json_object_size(all) + 1, sizeof(*names));
    json_object_foreach(all, name, any) names[count++] = name;
    qsort(names, count, sizeof(*names), by_name);
    for (size_t i = 0; i < count && i < WATCH_WORKERS_MAX; i++)
        json_array_append_new(list,
                              worker_json(names[i], json_object_get(known, names[i]),
                                          json_object_get(live, names[i])));
    json_object_set_new(to, "worker_count", json_integer((json_int_t)count));
    json_object_set_new(to, "workers", list);
    mem_free(names);
    json_decref(all);
    json_decref(known);
    json_decref(live);
}

/* --- money ------------------------------------------------------------------------------ */

static json_t *balance_of(const json_t *statement)
{
    static const char *const parts[] = {"immature", "mature", "held", "reserved",
                                        "receivable"};
    const json_t *at_end = json_object_get(statement, "at_end");
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        json_object_set_new(o, parts[i], amount_json(number_of(at_end, parts[i])));
    json_object_set_new(o, "total", amount_json(number_of(statement, "end")));
    return o;
}

static json_t *period_of(const json_t *statement)
{
    static const char *const terms[] = {"credited", "paid", "reversed", "adjusted"};
    json_t *o = json_object();
    json_object_set_new(o, "from", time_json(number_of(statement, "from_ms")));
    for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++)
        json_object_set_new(o, terms[i], amount_json(number_of(statement, terms[i])));
    return o;
}

/* NULL: it is no credit. */
static const char *credit_kind(const char *term)
{
    static const char *const kinds[][2] = {
        {"credited", "credit"}, {"reversed", "reversal"}, {"adjusted", "adjustment"}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(term, kinds[i][0]) == 0)
            return kinds[i][1];
    return NULL;
}

static json_t *credit_json(const json_t *line, const char *kind)
{
    json_t *o = json_pack("{s:s}", "kind", kind);
    json_object_set_new(o, "time", moment_json(line, "time_ms"));
    json_object_set_new(o, "amount", amount_json(number_of(line, "change")));
    json_object_set(o, "block", json_object_get(line, "reference"));
    return o;
}

static json_t *payment_json(const json_t *line)
{
    json_t *o = json_object(), *vout = json_object_get(line, "vout");
    json_object_set_new(o, "time", moment_json(line, "time_ms"));
    json_object_set_new(o, "amount", amount_json(-number_of(line, "change")));
    json_object_set(o, "reference", json_object_get(line, "reference"));
    json_object_set_new(o, "vout", vout != NULL ? json_incref(vout) : json_null());
    return o;
}

static void put_lines(json_t *to, const json_t *statement)
{
    json_t *credits = json_array(), *payments = json_array();
    const json_t *lines = json_object_get(statement, "lines");
    for (size_t i = json_array_size(lines); i-- > 0;) {
        const json_t *line = json_array_get(lines, i);
        const char *term = record_text(line, "term");
        const char *kind = term != NULL ? credit_kind(term) : NULL;
        if (number_of(line, "change") == 0)
            continue;
        if (kind != NULL && json_array_size(credits) < WATCH_LINES_MAX)
            json_array_append_new(credits, credit_json(line, kind));
        if (term != NULL && strcmp(term, "paid") == 0 &&
            json_array_size(payments) < WATCH_LINES_MAX)
            json_array_append_new(payments, payment_json(line));
    }
    json_object_set_new(to, "credits", credits);
    json_object_set_new(to, "payments", payments);
}

json_t *watch_view(const struct watch_sources *s)
{
    json_t *o = head_of(s), *shares = json_object();
    put_shares(shares, s->figures);
    json_object_set_new(o, "hashrate", rates_of(s->figures));
    json_object_set_new(o, "shares", shares);
    put_workers(o, s);
    json_object_set_new(o, "balance", balance_of(s->statement));
    json_object_set_new(o, "period", period_of(s->statement));
    put_lines(o, s->statement);
    return o;
}
