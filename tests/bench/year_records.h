/* tests/bench/year_records.h - miners' records of a year: how one is changed, what a new one
 * is made of, and how its miner is registered.
 *
 * Both kinds that the profile allows, residents and not. Each applies, is checked and is let
 * in by two officers. All by pool/registry/record_*.h, which refuse what the registry would
 * refuse. */
#ifndef TESTS_BENCH_YEAR_RECORDS_H
#define TESTS_BENCH_YEAR_RECORDS_H

#include "payout/address.h"
#include "pool/registry/record_change.h"
#include "pool/registry/record_may.h"
#include "pool/registry/record_proposal.h"
#include "pool/registry/record_split.h"
#include "pool/registry/registry_address.h"
#include "year.h"

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

#endif
