/* tests/bench/year_registry.h - the registered miners of a year, and what happens to them.
 *
 * Both kinds that the profile allows, residents and not. Each applies, is checked and is
 * let in by two officers; of those who come in the year a tenth is rejected. Every day one
 * is suspended for five days, one has another address and one another certificate, one has
 * a machine replaced; now and then one is restricted, frozen, screened again, has one more
 * site, closes, is revoked. A review that is due is done on its day, or by one of twenty too
 * late. For two days a stop order stops everybody.
 *
 * All by pool/registry/record_*.h, which refuse what the registry would refuse. */
#ifndef TESTS_BENCH_YEAR_REGISTRY_H
#define TESTS_BENCH_YEAR_REGISTRY_H

#include "payout/address.h"
#include "pool/registry/record_change.h"
#include "pool/registry/record_may.h"
#include "pool/registry/record_proposal.h"
#include "pool/registry/record_split.h"
#include "pool/registry/registry_address.h"
#include "year.h"

#define STOP_DAY 40 /* the stop order is in force from 6:00 of it for two days */

/* --- a change --------------------------------------------------------------------- */

static inline struct record_act act_of(const struct year *y, const char *by,
                                       enum audit_role role, const char *reason,
                                       int64_t at_ms)
{
    return (struct record_act){.by = by,
                               .role = role,
                               .reason = reason,
                               .basis = y->basis,
                               .profile = y->profile,
                               .conf = &y->conf,
                               .now_ms = at_ms};
}

static inline struct record_act officer(const struct year *y, const char *reason,
                                        int64_t at_ms)
{
    return act_of(y, "maral", AUDIT_OFFICER, reason, at_ms);
}

/* Takes the event's parts, not the event. A thread of its own writes it. */
static inline json_t *event_of(const struct record_happened *h, const json_t *before,
                               const json_t *after, int64_t at_ms)
{
    char why[AUDIT_WHY_SIZE] = "";
    struct hash256 hashes[2];
    json_t *event = NULL;
    struct audit_event e = {.time_ms = at_ms,
                            .instance = BOOKS,
                            .word = h->word,
                            .miner = record_text(after, "miner_id"),
                            .actor = h->actor,
                            .role = h->role,
                            .second = h->second,
                            .reason = h->reason,
                            .basis = h->basis,
                            .detail = h->detail,
                            .after = &hashes[1]};
    if (before != NULL) {
        must(audit_record_hash(&hashes[0], before), "a record's hash");
        e.before = &hashes[0];
    }
    must(audit_record_hash(&hashes[1], after), "a record's hash");
    must(audit_event_build(&event, why, &e, 1), why);
    json_t *copy = json_deep_copy(event);
    json_decref(event);
    return copy;
}

/* Takes `after` and what `h` owns. */
static inline void keep(struct year *y, struct miner *m, json_t *after,
                        struct record_happened *h, int64_t at_ms)
{
    json_t *event = event_of(h, m->record, after, at_ms);
    begin_write(y);
    store_registry_put(y->store, json_deep_copy(after), (uint64_t)m->revision++, event,
                       on_written, y);
    json_decref(h->detail);
    json_decref(m->record);
    m->record = after;
}

static inline void change(struct year *y, struct miner *m, record_change_fn *how,
                          json_t *given, const struct record_act *act)
{
    char why[RECORD_WHY_SIZE] = "";
    json_t *after = NULL;
    struct record_happened h = {.actor = NULL};
    must(how(&after, &h, why, m->record, given, act), why);
    keep(y, m, after, &h, act->now_ms);
    json_decref(given);
}

static inline void move_alone(struct year *y, struct miner *m, enum miner_state to,
                              const struct record_act *act)
{
    char why[RECORD_WHY_SIZE] = "";
    json_t *after = NULL;
    struct record_happened h = {.actor = NULL};
    must(record_apply(&after, &h, why, m->record, to, act), why);
    keep(y, m, after, &h, act->now_ms);
}

/* What takes two: proposed, and confirmed by another officer ten minutes later. */
static inline void do_in_twos(struct year *y, struct miner *m,
                              const struct record_proposal *p,
                              const struct record_act *act)
{
    char why[RECORD_WHY_SIZE] = "";
    json_t *after = NULL;
    struct record_happened h = {.actor = NULL};
    struct record_act second = *act;
    second.by = "oraz";
    second.role = AUDIT_OFFICER;
    second.now_ms += 10 * MINUTE_MS;
    must(record_propose(&after, &h, why, m->record, p, act), why);
    keep(y, m, after, &h, act->now_ms);
    h = (struct record_happened){.actor = NULL};
    must(record_confirm(&after, &h, why, m->record, &second), why);
    keep(y, m, after, &h, second.now_ms);
}

static inline void move_in_twos(struct year *y, struct miner *m, enum miner_state to,
                                const struct record_act *act)
{
    const struct record_proposal p = {.what = RECORD_PROPOSE_STATE, .to = to};
    do_in_twos(y, m, &p, act);
}

/* --- what a record is made of ----------------------------------------------------- */

static inline void address_text(char out[ADDRESS_TEXT_SIZE], struct script *script,
                                size_t n, unsigned which)
{
    memset(script, 0, sizeof(*script));
    script->len = 22;
    script->b[1] = 20;
    write_le64(script->b + 2, n + 1);
    write_le32(script->b + 10, which + 1);
    must(address_format(out, network_of(CONF_MAIN),
                        (struct bytes){script->b, script->len}),
         "an address");
}

static inline const char *date_of(char out[PERIOD_DATE_SIZE], int64_t at_ms)
{
    period_date(out, at_ms, OFFSET);
    return out;
}

static inline size_t number_of(const struct year *y, const struct miner *m)
{
    return (size_t)(m - y->miners);
}

static inline bool is_resident(size_t n)
{
    return n % 5 != 0;
}

/* TH/s of a miner's machine. */
static inline json_int_t nominal_ths(size_t n)
{
    return 150 + (json_int_t)(n % 11) * 10;
}

static inline json_t *new_machine(const struct year *y, struct miner *m,
                                  const char *from)
{
    static const char *const models[] = {"S21", "M66S", "A1566"};
    size_t n = number_of(y, m);
    char id[16], serial[48];
    snprintf(id, sizeof(id), "e%u", ++m->machines);
    snprintf(serial, sizeof(serial), "SN-%zu-%u", n, m->machines);
    json_t *machine =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "id", id, "maker",
                  n % 2 == 0 ? "Bitmain" : "MicroBT", "model", models[n % 3], "serial",
                  serial, "algorithm", "SHA256d", "nominal_ghs", nominal_ths(n) * 1000,
                  "power_w", nominal_ths(n) * 17, "ownership",
                  n % 7 == 0 ? "leased" : "owned", "from", from);
    if (is_resident(n))
        json_object_set_new(machine, "site", json_string("s1"));
    return machine;
}

static inline json_t *new_site(struct miner *m, size_t n, const char *from)
{
    static const char *const regions[] = {"TM-A", "TM-B", "TM-D",
                                          "TM-L", "TM-M", "TM-S"};
    char id[16];
    snprintf(id, sizeof(id), "s%u", ++m->sites);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "id", id, "region",
                     regions[n % 6], "address", "Şäher, 3-nji jaý", "supplier",
                     "Türkmenenergo", "declared_kw", 100, "fire_safety_ref", "F-1",
                     "from", from);
}

static inline json_t *new_certificate(const struct year *y, struct miner *m,
                                      int64_t at_ms)
{
    char number[48], issued[PERIOD_DATE_SIZE], until[PERIOD_DATE_SIZE];
    snprintf(number, sizeof(number), "TM-%06zu-%u", number_of(y, m), ++m->certificates);
    json_t *c = json_pack("{s:s, s:s, s:s, s:n}", "number", number, "authority",
                          "Türkmenistanyň Merkezi banky", "issued_on",
                          date_of(issued, at_ms), "valid_until");
    if (number_of(y, m) % 40 == 3) /* the first of some of them ends within the year */
        json_object_set_new(c, "valid_until",
                            json_string(date_of(until, at_ms + 200 * DAY_MS)));
    return c;
}

static inline json_t *new_declarations(const struct year *y, int64_t at_ms)
{
    char hex[HASH256_HEX_SIZE];
    json_t *list = json_array();
    snprintf(hex, sizeof(hex), "%064d", 7);
    for (size_t i = 0; i < y->profile->declarations.count; i++) {
        json_t *one =
            json_pack("{s:s, s:s, s:s, s:s}", "code", y->profile->declarations.items[i],
                      "text_sha256", hex, "lang", "tk", "by", "applicant");
        record_set_time(one, "at", at_ms);
        json_array_append_new(list, one);
    }
    return list;
}

/* Names that a careless writer of CSV, XML or HTML would break. */
static inline json_t *new_name(size_t n)
{
    static const char *const names[] = {"Ak Ýol", "\"Şöhle & Ýyldyz\" <HJ>",
                                        "=Иванов; Щукин", "+Nur, Däne"};
    char text[80];
    snprintf(text, sizeof(text), "%s %zu", names[n % 4], n);
    return json_string(text);
}

static inline void set_papers(json_t *r, size_t n)
{
    char tax[24], registration[24];
    const char *country = is_resident(n) ? "TM" : n % 2 == 0 ? "KZ" : "UZ";
    snprintf(tax, sizeof(tax), "%09zu", 100000000 + n);
    snprintf(registration, sizeof(registration), "R-%06zu", n);
    json_object_set_new(r, "residence_country", json_string(country));
    if (is_resident(n))
        json_object_set_new(r, "tax_id",
                            json_pack("{s:s, s:s, s:s}", "type", "TXID", "country",
                                      country, "value", tax));
    json_object_set_new(r, "registration_id",
                        json_pack("{s:s, s:s, s:s, s:s}", "type", "RAID", "country",
                                  country, "authority", "Register", "value",
                                  registration));
    json_object_set_new(r, "legal_address",
                        json_pack("{s:s, s:s, s:s}", "country", country, "city", "Anau",
                                  "street", "Bitarap 1"));
}

static inline json_t *application(const struct year *y, struct miner *m, int64_t at_ms)
{
    size_t n = number_of(y, m);
    char address[ADDRESS_TEXT_SIZE], date[PERIOD_DATE_SIZE];
    struct script script;
    bool is_entity = n % 3 != 0;
    address_text(address, &script, n, m->addresses++);
    date_of(date, at_ms);
    json_t *r = json_pack(
        "{s:s, s:s, s:s, s:o, s:{s:s, s:s, s:s, s:s, s:s}, s:o, s:[o], s:[{s:s}],"
        " s:o}",
        "miner_id", m->id.text, "kind",
        is_entity ? "legal_entity" : "individual_entrepreneur", "residency",
        is_resident(n) ? "resident" : "non_resident", "official_name", new_name(n),
        "representative", "name", "Maral Orazowa", "role", "director", "phone",
        "+99312345678", "email", "maral@example.tm", "language", "tk", "certificate",
        new_certificate(y, m, at_ms), "equipment", new_machine(y, m, date),
        "payout_addresses", "address", address, "declarations",
        new_declarations(y, at_ms));
    set_papers(r, n);
    if (is_resident(n))
        json_object_set_new(r, "sites", json_pack("[o]", new_site(m, n, date)));
    if (is_entity)
        json_object_set_new(r, "beneficial_owners",
                            json_pack("[{s:s, s:s, s:s, s:s, s:s, s:s}]", "name",
                                      "Maral Orazowa", "country", "TM", "birth_date",
                                      "1980-02-29", "share_percent", "100", "control",
                                      "shares", "verified_on", date));
    return r;
}

/* --- a registration --------------------------------------------------------------- */

/* The vault's part is left out: no value is asked for at the regulator's level. */
static inline json_t *without_personal(const json_t *full, size_t n)
{
    char why[RECORD_WHY_SIZE] = "", hex[HASH256_HEX_SIZE];
    const char *name;
    json_t *value, *stored = NULL, *personal = NULL, *out = NULL;
    json_t *commitments = json_object();
    record_split(&stored, &personal, full);
    snprintf(hex, sizeof(hex), "%064zx", n + 1);
    json_object_foreach(personal, name, value)
    {
        json_object_set_new(commitments, name, json_string(hex));
    }
    must(record_commit(&out, why, stored, personal, commitments), why);
    json_decref(stored);
    json_decref(personal);
    json_decref(commitments);
    return out;
}

static inline void apply(struct year *y, struct miner *m, int64_t at_ms)
{
    char why[RECORD_WHY_SIZE] = "";
    json_t *draft = NULL, *given = application(y, m, at_ms);
    struct record_happened h = {.actor = NULL};
    const struct record_act applicant =
        act_of(y, "applicant", AUDIT_APPLICANT, "applied", at_ms);
    must(record_draft(&draft, &h, why, given, &applicant), why);
    keep(y, m, without_personal(draft, number_of(y, m)), &h, at_ms);
    json_decref(draft);
    json_decref(given);
    const struct record_act taken = act_of(
        y, "ogul", AUDIT_OPERATOR, "application_complete", at_ms + 10 * MINUTE_MS);
    move_alone(y, m, MINER_SUBMITTED, &taken);
}

/* The next review falls on any day of the year that follows. */
static inline void admit(struct year *y, struct miner *m, int64_t at_ms)
{
    char date[PERIOD_DATE_SIZE];
    struct record_act act = officer(y, "check_made", at_ms);
    int64_t next_ms = at_ms + (int64_t)(60 + number_of(y, m) % 300) * DAY_MS;
    change(y, m, record_screen,
           json_pack("{s:[s], s:s}", "lists", "un", "result", "clear"), &act);
    act.now_ms += 10 * MINUTE_MS;
    change(y, m, record_review,
           json_pack("{s:s, s:s}", "level", "normal", "next_review",
                     date_of(date, next_ms)),
           &act);
    act.now_ms += 10 * MINUTE_MS;
    change(y, m, record_verify_certificate,
           json_pack("{s:s}", "method", "seen_document"), &act);
    act.now_ms += 10 * MINUTE_MS;
    act.reason = "checks_passed";
    move_in_twos(y, m, MINER_ACTIVE, &act);
}

/* A twentieth comes in the course of the year. */
static inline void register_miners(struct year *y)
{
    for (size_t n = 0; n < y->count; n++) {
        struct miner *m = &y->miners[n];
        char id[24];
        snprintf(id, sizeof(id), "m%06zu", n);
        must(miner_id_parse(&m->id, id, strlen(id)), "an id");
        m->comes_on = n % 20 == 19 ? (int)(next_random(y) % (unsigned)y->days) : -30;
        if (m->comes_on >= 0)
            continue;
        apply(y, m, at_time(y, -30, 8, 0));
        admit(y, m, at_time(y, -30, 9, 0));
    }
    wait_for_writes(y, 0);
}

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
