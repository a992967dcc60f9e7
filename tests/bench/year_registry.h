/* tests/bench/year_registry.h - what happens to the registered miners of a year.
 *
 * Some come in the course of the year, a tenth of these is rejected. Every day one is
 * suspended for five days, one has another address and one another certificate, one has a
 * machine replaced; now and then one is restricted, frozen, screened again, has one more
 * site, closes, is revoked. A review that is due is done on its day, or by one of twenty too
 * late. For two days a stop order stops everybody. */
#ifndef TESTS_BENCH_YEAR_REGISTRY_H
#define TESTS_BENCH_YEAR_REGISTRY_H

#include "year_records.h"

#define STOP_DAY 40 /* the stop order is in force from 6:00 of it for two days */

/* --- who may -------------------------------------------------------------------------- */

static inline struct record_may may_at(const struct year *y, const struct miner *m,
                                       int64_t at_ms)
{
    const struct record_view view = {y->profile, y->stop_orders, at_ms};
    return record_may(m->record, &view);
}

static inline bool is_active(const struct miner *m)
{
    return m->record != NULL && record_state(m->record) == MINER_ACTIVE;
}

/* An active one without a measure, at random. */
static inline struct miner *any_active(struct year *y)
{
    for (int tries = 0; tries < 1000; tries++) {
        struct miner *m = &y->miners[next_random(y) % y->count];
        if (is_active(m) && m->back_on == 0 && !record_is_frozen(m->record))
            return m;
    }
    must(KZ_EMPTY, "an active miner");
    return NULL;
}

/* --- measures ------------------------------------------------------------------------- */

static inline void suspend_one(struct year *y, int day)
{
    char why[RECORD_WHY_SIZE] = "";
    json_t *after = NULL;
    struct record_happened h = {.actor = NULL};
    struct miner *m = any_active(y);
    const struct record_act act = officer(y, "suspicion", at_time(y, day, 10, 37));
    must(record_suspend_urgently(&after, &h, why, m->record, &act), why);
    keep(y, m, after, &h, act.now_ms);
    m->to_ms = m->to_ms < act.now_ms ? m->to_ms : act.now_ms;
    m->back_on = day + 5;
}

/* Of three one is forgotten: nobody confirms it. */
static inline void confirm_suspensions(struct year *y, int day)
{
    const struct record_act act =
        act_of(y, "oraz", AUDIT_OFFICER, "suspicion", at_time(y, day, 9, 10));
    for (size_t n = 0; n < y->count; n++) {
        struct miner *m = &y->miners[n];
        char why[RECORD_WHY_SIZE] = "";
        json_t *after = NULL;
        struct record_happened h = {.actor = NULL};
        if (json_object_get(m->record, "urgent") == NULL || m->back_on != day + 4 ||
            n % 3 == 0)
            continue;
        must(record_confirm_suspension(&after, &h, why, m->record, &act), why);
        keep(y, m, after, &h, act.now_ms);
    }
}

static inline void restrict_one(struct year *y, int day)
{
    struct miner *m = any_active(y);
    const struct record_act act = officer(y, "recheck_due", at_time(y, day, 11, 0));
    move_alone(y, m, MINER_RESTRICTED, &act);
    m->back_on = day + 4;
}

static inline void freeze_one(struct year *y, int day)
{
    char why[RECORD_WHY_SIZE] = "";
    json_t *after = NULL;
    struct record_happened h = {.actor = NULL};
    struct miner *m = any_active(y);
    const struct record_act act = officer(y, "court_order", at_time(y, day, 11, 20));
    must(record_freeze(&after, &h, why, m->record, &act), why);
    keep(y, m, after, &h, act.now_ms);
    m->back_on = day + 10;
}

static inline void screen(struct year *y, struct miner *m, const char *result,
                          int64_t at_ms)
{
    const struct record_act act = officer(y, "check_made", at_ms);
    change(y, m, record_screen,
           json_pack("{s:[s], s:s}", "lists", "un", "result", result), &act);
}

static inline void renew_review(struct year *y, struct miner *m, int64_t at_ms)
{
    const struct record_act act = officer(y, "check_made", at_ms);
    change(y, m, record_review, json_pack("{s:s}", "level", "normal"), &act);
    m->reviews++;
}

static inline void renew_certificate(struct year *y, struct miner *m, int64_t at_ms)
{
    const struct record_act act = officer(y, "information_changed", at_ms);
    json_t *given = new_certificate(y, m, at_ms);
    json_object_set_new(given, "valid_until", json_null());
    json_object_set_new(given, "verified",
                        json_pack("{s:s}", "method", "authority_register"));
    change(y, m, record_set_certificate, given, &act);
}

/* The measure against it ends: what was owed is done first. */
static inline void bring_back(struct year *y, struct miner *m, int day)
{
    int64_t at_ms = at_time(y, day, 8, 0);
    struct record_act act = officer(y, "matter_settled", at_ms + 40 * MINUTE_MS);
    enum miner_state state = record_state(m->record);
    const struct record_proposal thaw = {.what = RECORD_PROPOSE_UNFREEZE};
    const struct record_proposal release = {.what = RECORD_PROPOSE_RELEASE};
    m->back_on = 0;
    if (record_is_frozen(m->record)) {
        do_in_twos(y, m, &thaw, &act);
        m->back_on = state == MINER_ACTIVE ? 0 : day + 1;
        return;
    }
    if (state == MINER_REVOKED) {
        act.reason = "release_to_owner";
        do_in_twos(y, m, &release, &act);
        return;
    }
    screen(y, m, "clear", at_ms);
    renew_review(y, m, at_ms + 5 * MINUTE_MS);
    renew_certificate(y, m, at_ms + 10 * MINUTE_MS);
    move_in_twos(y, m, MINER_ACTIVE, &act);
    if (state == MINER_SUSPENDED) {
        m->from_ms = act.now_ms + 10 * MINUTE_MS;
        m->to_ms = ms_of(y, day + 1);
    }
}

/* What time alone changes, by the system: an overdue review, a certificate that is over. */
static inline void look_at_clock(struct year *y, struct miner *m, int day)
{
    int64_t at_ms = at_time(y, day, 6, 0);
    char date[PERIOD_DATE_SIZE];
    json_t *after = NULL;
    struct record_happened h = {.actor = NULL};
    const struct record_view view = {y->profile, y->stop_orders, at_ms};
    const char *next = record_text(json_object_get(m->record, "risk"), "next_review");
    bool is_late = number_of(y, m) % 20 == 7 && m->reviews == 0;
    if (is_active(m) && next != NULL && !is_late &&
        strcmp(next, date_of(date, at_ms)) == 0)
        renew_review(y, m, at_ms - HOUR_MS);
    enum record_due due = record_due(&after, &h, m->record, &view);
    if (due != RECORD_DUE_SUSPENSION && due != RECORD_DUE_RESTRICTION)
        return;
    keep(y, m, after, &h, at_ms);
    m->back_on = day + 6;
    if (due == RECORD_DUE_SUSPENSION)
        m->to_ms = m->to_ms < at_ms ? m->to_ms : at_ms;
}

static inline void close_one(struct year *y, int day)
{
    struct miner *m = any_active(y);
    const struct record_act act = officer(y, "miner_request", at_time(y, day, 13, 0));
    move_alone(y, m, MINER_CLOSED, &act);
    m->to_ms = act.now_ms;
}

static inline void revoke_one(struct year *y, int day)
{
    struct miner *m = any_active(y);
    const struct record_act act =
        officer(y, "authority_order", at_time(y, day, 13, 20));
    move_in_twos(y, m, MINER_REVOKED, &act);
    m->to_ms = act.now_ms + 10 * MINUTE_MS;
    m->back_on = day + 30; /* what was held is released to its owner */
}

/* --- changes of what a record holds --------------------------------------------------- */

/* The old address ends half an hour later, so that no day has two. */
static inline void change_address(struct year *y, int day)
{
    struct miner *m = any_active(y);
    struct script script;
    char text[2][ADDRESS_TEXT_SIZE];
    struct record_act act = officer(y, "miner_request", at_time(y, day, 12, 0));
    const struct record_proposal add = {.what = RECORD_PROPOSE_ADDRESS_ADD,
                                        .address = text[1]};
    const struct record_proposal end = {.what = RECORD_PROPOSE_ADDRESS_END,
                                        .address = text[0]};
    if (m->addresses >= 60) /* the record would be full */
        return;
    address_text(text[0], &script, number_of(y, m), m->addresses - 1);
    address_text(text[1], &script, number_of(y, m), m->addresses++);
    do_in_twos(y, m, &add, &act);
    act.now_ms += 30 * MINUTE_MS;
    do_in_twos(y, m, &end, &act);
}

static inline void replace_machine(struct year *y, int day)
{
    struct miner *m = any_active(y);
    char date[PERIOD_DATE_SIZE], id[16];
    struct record_act act = officer(y, "information_changed", at_time(y, day, 12, 50));
    snprintf(id, sizeof(id), "e%u", m->machines);
    date_of(date, act.now_ms);
    change(y, m, record_add_equipment, new_machine(y, m, date), &act);
    act.now_ms += MINUTE_MS;
    change(y, m, record_end_equipment, json_pack("{s:s}", "id", id), &act);
}

static inline void add_site(struct year *y, int day)
{
    struct miner *m = any_active(y);
    char date[PERIOD_DATE_SIZE];
    const struct record_act act =
        officer(y, "information_changed", at_time(y, day, 12, 55));
    size_t n = number_of(y, m);
    if (is_resident(n))
        change(y, m, record_add_site, new_site(m, n + 1, date_of(date, act.now_ms)),
               &act);
}

/* --- events about no record ----------------------------------------------------------- */

/* Takes `detail` and `facts` (or NULL). The store orders these among themselves only. */
static inline void note(struct year *y, enum audit_word word, const char *miner,
                        json_t *detail, json_t *facts, int64_t at_ms)
{
    char why[AUDIT_WHY_SIZE] = "";
    json_t *event = NULL;
    const struct audit_event e = {.time_ms = at_ms,
                                  .instance = BOOKS,
                                  .word = word,
                                  .miner = miner,
                                  .actor = "maral",
                                  .role = AUDIT_OFFICER,
                                  .basis = y->basis,
                                  .detail = detail};
    must(audit_event_build(&event, why, &e, 1), why);
    wait_for_writes(y, 0);
    begin_write(y);
    store_audit_put(y->store, json_deep_copy(event), facts, on_written, y);
    wait_for_writes(y, 0);
    json_decref(event);
    json_decref(detail);
}

static inline void order_stop(struct year *y, int day)
{
    json_t *order = json_object();
    record_set_time(order, "from", at_time(y, day, 6, 0));
    record_set_time(order, "to", at_time(y, day + 2, 6, 0));
    json_object_set_new(order, "basis", json_deep_copy(y->basis));
    json_array_append_new(y->stop_orders, order);
    note(y, AUDIT_STOP_ORDER_SET, NULL, json_deep_copy(order),
         json_pack("{s:o}", "stop_orders", json_deep_copy(y->stop_orders)),
         at_time(y, day - 1, 12, 0));
}

static inline void decide_alert(struct year *y, int day)
{
    static const char *const rules[] = {"over_declared", "review_overdue",
                                        "certificate_expiring"};
    const struct miner *m = any_active(y);
    note(y, AUDIT_ALERT_DECIDED, m->id.text,
         json_pack("{s:s, s:s}", "rule", rules[day % 3], "decision", "asked the miner"),
         NULL, at_time(y, day, 14, 0));
}

/* --- a day ------------------------------------------------------------------------------ */

/* Who may mine as it begins does so for all of it, as far as nothing below ends it; a stop
 * order begins and ends at 6:00. */
static inline void begin_day(struct year *y, int day)
{
    int64_t six_ms = at_time(y, day, 6, 0);
    bool is_stopped = record_stop_is_on(y->stop_orders, ms_of(y, day));
    bool will_stop = record_stop_is_on(y->stop_orders, six_ms);
    for (size_t n = 0; n < y->count; n++) {
        struct miner *m = &y->miners[n];
        const struct record_view view = {y->profile, NULL, ms_of(y, day)};
        bool may_mine = m->record != NULL && record_may(m->record, &view).may_mine;
        m->from_ms = is_stopped ? six_ms : ms_of(y, day);
        m->to_ms = !may_mine ? m->from_ms : will_stop ? six_ms : ms_of(y, day + 1);
    }
}

static inline void come(struct year *y, int day)
{
    const struct record_act refused = officer(y, "incomplete", at_time(y, day, 9, 0));
    for (size_t n = 0; n < y->count; n++) {
        struct miner *m = &y->miners[n];
        if (m->comes_on != day)
            continue;
        apply(y, m, at_time(y, day, 8, 0));
        if (n % 200 == 19)
            move_alone(y, m, MINER_REJECTED, &refused);
        else
            admit(y, m, at_time(y, day, 9, 0));
        m->from_ms = at_time(y, day, 10, 0);
        m->to_ms = is_active(m) ? ms_of(y, day + 1) : m->from_ms;
    }
}

static inline void registry_day(struct year *y, int day)
{
    if (day == STOP_DAY - 1)
        order_stop(y, STOP_DAY);
    begin_day(y, day);
    for (size_t n = 0; n < y->count; n++)
        if (y->miners[n].record != NULL)
            look_at_clock(y, &y->miners[n], day);
    for (size_t n = 0; n < y->count; n++)
        if (y->miners[n].back_on == day && day > 0)
            bring_back(y, &y->miners[n], day);
    confirm_suspensions(y, day);
    come(y, day);
    suspend_one(y, day);
    if (day % 3 == 0)
        restrict_one(y, day);
    if (day % 10 == 3)
        freeze_one(y, day);
    change_address(y, day);
    renew_certificate(y, any_active(y), at_time(y, day, 12, 45));
    replace_machine(y, day);
    if (day % 5 == 1)
        add_site(y, day);
    if (day % 30 == 12)
        screen(y, any_active(y), "flag", at_time(y, day, 12, 58));
    if (day % 15 == 8)
        close_one(y, day);
    if (day % 40 == 20)
        revoke_one(y, day);
    if (day % 7 == 2)
        decide_alert(y, day);
}

#endif
