/* R8: what a person should look at (pool/report/alert.h), and what that person decided up
 * to the period's end. Each rule is a function; what it needs and does not have, it does not
 * judge. Measure and threshold are figures and names without a word of any language, as
 * conf/regulators.md explains them: the page is printed in three. */
#include "pool/report/fill.h"

#include "conf/mem.h"
#include "pool/registry/day.h"
#include "pool/registry/record_act.h"
#include "pool/report/alert.h"
#include "stratum/netaddr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS          INT64_C(86400000)
#define MEASURE_SIZE    200
#define NAMES_SIZE      160 /* in a measure */
#define NAMES_MORE_SIZE 24  /* of them, for how many more there are */
#define MODEL_SIZE      416
#define NETWORK_REASON  "network"

struct judging {
    struct fill fill;
    const struct report_source *source;
    const struct history *history;
    char first_day[PERIOD_DATE_SIZE], day[PERIOD_DATE_SIZE]; /* the last */
    int64_t at;
    json_t *holders; /* address -> the first miner that has it live */
    json_t *foreign; /* miner -> {"logins": n, "networks": {network: ...}} */
};

/* The last one of this rule and miner. */
static void fill_decision(struct judging *j, enum alert_rule rule, const char *miner)
{
    const json_t *event = history_decision(j->history, alert_rule_name(rule), miner);
    if (event == NULL)
        return;
    fill_member(&j->fill, "decision", json_object_get(event, "detail"), "decision");
    fill_member(&j->fill, "decided_by", event, "actor");
    fill_number(&j->fill, "decided_at", audit_event_time_ms(event));
}

static void KZ_PRINTF(5, 6)
    add_alert(struct judging *j, enum alert_rule rule, int64_t at, const json_t *record,
              const char *format, ...)
{
    char both[2 * MEASURE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(both, sizeof(both), format, args);
    va_end(args);
    char *threshold = strchr(both, '|');
    if (threshold != NULL)
        *threshold++ = '\0';
    fill_row(&j->fill);
    fill_text(&j->fill, "rule", alert_rule_name(rule));
    fill_number(&j->fill, "time", at);
    fill_miner(&j->fill, record);
    fill_text(&j->fill, "measure", both);
    fill_text(&j->fill, "threshold", threshold);
    fill_decision(j, rule, record_text(record, "miner_id"));
}

static bool is_live(const json_t *record)
{
    enum miner_state state = record_state(record);
    return state == MINER_ACTIVE || state == MINER_RESTRICTED ||
           state == MINER_SUSPENDED;
}

/* --- of a record ------------------------------------------------------------------------ */

static void judge_addresses(struct judging *j, const json_t *record)
{
    size_t i;
    json_t *entry;
    const char *miner = record_text(record, "miner_id");
    json_array_foreach(json_object_get(record, "payout_addresses"), i, entry)
    {
        int64_t to;
        const char *address = record_text(entry, "address");
        if (address == NULL || miner == NULL ||
            (record_get_time(&to, entry, "to") && to <= j->at))
            continue;
        const char *holder = json_string_value(json_object_get(j->holders, address));
        if (holder == NULL)
            json_object_set_new(j->holders, address, json_string(miner));
        else if (strcmp(holder, miner) != 0)
            add_alert(j, ALERT_SHARED_ADDRESS, j->at, record, "%.90s (%.32s)|1",
                      address, holder);
    }
}

static void judge_screening(struct judging *j, const json_t *record)
{
    const json_t *screening = json_object_get(record, "screening");
    const char *result = record_text(screening, "result");
    if (result != NULL && strcmp(result, "clear") != 0)
        add_alert(j, ALERT_SCREENING_HIT, j->at, record, "%.20s (%.10s)|clear", result,
                  record_text(screening, "on") != NULL ? record_text(screening, "on")
                                                       : "?");
}

static void judge_certificate(struct judging *j, const json_t *record)
{
    struct day until, today;
    int warn = j->source->profile->certificate.warn_days;
    const char *text =
        record_text(json_object_get(record, "certificate"), "valid_until");
    if (text == NULL || day_parse(&until, text) != KZ_OK ||
        day_parse(&today, j->day) != KZ_OK)
        return;
    if (until.n - today.n <= warn)
        add_alert(j, ALERT_CERTIFICATE_EXPIRING, j->at, record, "%.10s|%d d", text,
                  warn);
}

static void judge_review(struct judging *j, const json_t *record)
{
    const char *next = record_text(json_object_get(record, "risk"), "next_review");
    if (next != NULL && strcmp(next, j->day) < 0)
        add_alert(j, ALERT_REVIEW_OVERDUE, j->at, record, "%.10s|%s", next, j->day);
}

static void judge_urgent(struct judging *j, const json_t *record)
{
    int64_t by;
    const json_t *urgent = json_object_get(record, "urgent");
    if (record_get_time(&by, urgent, "confirm_by") && by < j->at)
        add_alert(j, ALERT_SUSPENSION_UNCONFIRMED, by, record, "1|2");
}

static void judge_record(struct judging *j, const json_t *record)
{
    if (!is_live(record))
        return;
    judge_addresses(j, record);
    judge_screening(j, record);
    judge_certificate(j, record);
    judge_review(j, record);
    judge_urgent(j, record);
}

/* --- of work and money --------------------------------------------------------------------- */

static int64_t day_begins(const struct judging *j, const char *date)
{
    struct day day;
    int32_t offset = j->source->header.period.offset_minutes;
    return date != NULL && day_parse(&day, date) == KZ_OK ? day_start_ms(day, offset)
                                                          : j->at;
}

static void add_worst(struct judging *j, const struct report *r4,
                      const struct report_row *worst, int64_t limit)
{
    char percent[CELL_FORMAT_SIZE];
    const char *miner = report_cell(r4, worst, "miner_id")->text;
    const struct cell *measured =
        report_cell(r4, worst, "measured_to_declared_percent");
    if (miner == NULL)
        return;
    add_alert(j, ALERT_OVER_DECLARED,
              day_begins(j, report_cell(r4, worst, "day")->text),
              json_object_get(j->history->miners, miner), "%s %%|%" PRId64 " %%",
              cell_format(percent, measured, CELL_DECIMAL), limit / CELL_MILLIONTHS);
}

/* R4's rows of a miner stand together. */
static void judge_production(struct judging *j, const struct report *r4)
{
    const struct report_row *worst = NULL;
    int64_t limit = (100 + j->source->profile->declared_hashrate_tolerance_percent) *
                    CELL_MILLIONTHS;
    for (size_t i = 0; i < report_row_count(r4); i++) {
        const struct report_row *row = report_row(r4, i);
        int64_t measured = report_cell(r4, row, "measured_to_declared_percent")->number;
        bool is_other = worst != NULL && !cell_equal(report_cell(r4, worst, "miner_id"),
                                                     report_cell(r4, row, "miner_id"));
        if (is_other) {
            add_worst(j, r4, worst, limit);
            worst = NULL;
        }
        if (measured > limit &&
            (worst == NULL ||
             measured > report_cell(r4, worst, "measured_to_declared_percent")->number))
            worst = row;
    }
    if (worst != NULL)
        add_worst(j, r4, worst, limit);
}

/* Since when the miner has it; INT64_MAX: it is its first, or it is not known. */
static int64_t newly_since(const json_t *record, const char *address)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(record, "payout_addresses"), i, entry)
    {
        int64_t from;
        const char *its = record_text(entry, "address");
        if (its != NULL && strcmp(its, address) == 0 && i > 0 &&
            record_get_time(&from, entry, "from"))
            return from;
    }
    return INT64_MAX;
}

static void judge_payment(struct judging *j, const struct report *r5,
                          const struct report_row *row)
{
    char sat[CELL_FORMAT_SIZE];
    const char *kind = report_cell(r5, row, "entry_kind")->text;
    const char *miner = report_cell(r5, row, "miner_id")->text;
    const char *address = report_cell(r5, row, "wallet_address")->text;
    int64_t at = report_cell(r5, row, "time")->number;
    if (kind == NULL || strcmp(kind, "payment") != 0 || miner == NULL ||
        address == NULL || report_cell(r5, row, "amount")->number <= 0)
        return; /* less than nothing: one that left the chain again */
    const json_t *record = json_object_get(j->history->miners, miner);
    int64_t since = newly_since(record, address);
    if (since < at && at - since < ALERT_NEW_DAYS * DAY_MS)
        add_alert(j, ALERT_NEW_ADDRESS_PAYOUT, at, record,
                  "%s sat, %.90s, %" PRId64 " d|%d d",
                  cell_format(sat, report_cell(r5, row, "amount"), CELL_SAT), address,
                  (at - since) / DAY_MS, ALERT_NEW_DAYS);
}

/* --- of logins ---------------------------------------------------------------------------- */

/* The object at a name, made where there is none. */
static json_t *member_of(json_t *o, const char *name)
{
    json_t *member = json_object_get(o, name);
    if (member == NULL) {
        member = json_object();
        json_object_set_new(o, name, member);
    }
    return member;
}

/* The first names of a set, and how many more there are. */
static void format_names(char out[NAMES_SIZE], json_t *set)
{
    size_t used = 0, shown = 0, count = json_object_size(set);
    const char *name;
    json_t *value;
    out[0] = '\0';
    json_object_foreach(set, name, value)
    {
        if (used + strlen(name) + NAMES_MORE_SIZE > NAMES_SIZE)
            break;
        used += (size_t)snprintf(out + used, NAMES_SIZE - used, "%s%s",
                                 shown++ > 0 ? ", " : "", name);
    }
    if (shown < count)
        snprintf(out + used, NAMES_SIZE - used, " and %zu more", count - shown);
}

static void add_foreign(struct judging *j, const struct denied_row *r)
{
    char network[NETADDR_TEXT_SIZE];
    const struct denied_key *k = &r->key;
    json_t *of = member_of(j->foreign, k->login_is == DENIED_MINER ? k->login : "");
    json_int_t before = json_integer_value(json_object_get(of, "logins"));
    json_object_set_new(of, "logins", json_integer(before + (json_int_t)r->attempts));
    json_t *networks = member_of(of, "networks");
    netaddr_format_network(network, k->network, k->network_len);
    if (k->network_len > 0)
        member_of(networks, network);
}

/* Whose logins came from networks that are not theirs: "" nobody's who is known (folded, aged,
 * or older than such rows). */
static void gather_foreign(struct judging *j)
{
    size_t count;
    const struct history *h = j->history;
    bool is_aged =
        denials_are_aged(&j->source->header, j->source->profile->refusals_keep_days);
    struct denied_row *rows =
        denials_settle(&count, &h->denials, h->refusals, h->refusal_count, is_aged);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].key.reason, NETWORK_REASON) == 0)
            add_foreign(j, &rows[i]);
    mem_free(rows);
}

static void judge_foreign(struct judging *j, const char *miner, const json_t *record)
{
    char names[NAMES_SIZE];
    const json_t *of = json_object_get(j->foreign, miner);
    if (of == NULL)
        return;
    format_names(names, json_object_get(of, "networks"));
    add_alert(j, ALERT_NETWORK_NOT_ALLOWED, j->at, record,
              "%" JSON_INTEGER_FORMAT "%s%s|0",
              json_integer_value(json_object_get(of, "logins")),
              names[0] != '\0' ? ": " : "", names);
}

/* Makers and models of what was there on any day of the period. */
static size_t declared_models(const struct judging *j, const json_t *record)
{
    size_t i;
    json_t *entry, *models = json_object();
    json_array_foreach(json_object_get(record, "equipment"), i, entry)
    {
        char name[MODEL_SIZE];
        const char *maker = record_text(entry, "maker");
        const char *model = record_text(entry, "model");
        snprintf(name, sizeof(name), "%.200s %.200s", maker != NULL ? maker : "",
                 model != NULL ? model : "");
        if (fill_was_there(entry, j->first_day, j->day))
            member_of(models, name);
    }
    size_t count = json_object_size(models);
    json_decref(models);
    return count;
}

static void judge_rigs(struct judging *j, const char *miner, const json_t *record)
{
    char names[NAMES_SIZE];
    json_t *kinds = json_object_get(j->history->rigs, miner);
    size_t declared = declared_models(j, record);
    if (declared == 0 || json_object_size(kinds) <= declared + ALERT_RIG_KINDS_OVER)
        return;
    format_names(names, kinds);
    add_alert(j, ALERT_RIG_KINDS, j->at, record, "%zu: %s|%zu + %d",
              json_object_size(kinds), names, declared, ALERT_RIG_KINDS_OVER);
}

/* --- all -------------------------------------------------------------------------------- */

static void judge_all(struct judging *j)
{
    size_t count;
    const char **ids = history_ids(&count, j->history);
    const struct report *r5 = j->source->distributions;
    gather_foreign(j);
    for (size_t i = 0; i < count; i++) {
        const json_t *record = json_object_get(j->history->miners, ids[i]);
        judge_record(j, record);
        judge_foreign(j, ids[i], record);
        judge_rigs(j, ids[i], record);
    }
    mem_free(ids);
    judge_foreign(j, "", NULL);
    if (j->source->production != NULL)
        judge_production(j, j->source->production);
    for (size_t i = 0; r5 != NULL && i < report_row_count(r5); i++)
        judge_payment(j, r5, report_row(r5, i));
}

enum kz_err source_alerts(struct report **out, char why[SOURCE_WHY_SIZE],
                          const struct report_source *s)
{
    struct judging j = {.source = s, .history = s->history, .at = fill_instant(s)};
    enum kz_err err = fill_begin(&j.fill, why, REPORT_R8, s);
    if (err != KZ_OK)
        return err;
    fill_days(j.first_day, j.day, s);
    j.holders = json_object();
    j.foreign = json_object();
    judge_all(&j);
    json_decref(j.holders);
    json_decref(j.foreign);
    return fill_end(out, &j.fill);
}
