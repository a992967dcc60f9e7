/* tests/unit/report_fixture.h - reports as a pool of two miners has them for October 2026:
 * names with Turkmen and Cyrillic letters, and cells that would break careless writers. */
#ifndef TESTS_REPORT_FIXTURE_H
#define TESTS_REPORT_FIXTURE_H

#include "conf/clock.h"
#include "pool/report/table.h"

#include <stdio.h>
#include <string.h>

#define FIXTURE_MADE_MS INT64_C(1793700000000)
#define FIXTURE_HASH    "00000000000000000001a5e5c8b1b6d4a0c2e5ff4a7ac0c1d2e3f405162738a9"

static const struct {
    const char *id, *certificate, *kind, *residency, *country, *name;
} fixture_miners[] = {
    {"alty-derya", "TM-0001", "legal_entity", "resident", "TM",
     "\"Altyn Däne & Ýyldyz <Şöhle>\" HJ ]]>"},
    {"ivanov-1", "TM-0002", "individual_entrepreneur", "non_resident", "KZ",
     "=Иванов; Щукин,\nсын \"Ёж\""},
};

static inline enum kz_err fixture_new(struct report **out, enum report_id id,
                                      enum disclosure level)
{
    struct report_header h = {.jurisdiction = "TM",
                              .operator_name = "Käriz Howuz",
                              .timezone = "Asia/Ashgabat",
                              .generated_ms = FIXTURE_MADE_MS,
                              .disclosure = level};
    enum kz_err err = period_parse(&h.period, "2026-10", 300);
    return err == KZ_OK ? report_new(out, id, &h) : err;
}

static inline struct report *fixture_report(enum report_id id, enum disclosure level)
{
    struct report *r = NULL;
    enum kz_err err = fixture_new(&r, id, level);
    assert_int_equal(err, KZ_OK);
    return r;
}

static inline void put_text(struct report *r, const char *name, const char *text)
{
    enum kz_err err = report_set_text(r, name, text);
    if (err != KZ_OK)
        fail_msg("%s: \"%s\" is refused", name, text);
}

static inline void put_number(struct report *r, const char *name, int64_t number)
{
    enum kz_err err = report_set_number(r, name, number);
    if (err != KZ_OK)
        fail_msg("%s: %lld is refused", name, (long long)number);
}

static inline void put_sat(struct report *r, const char *name, int64_t sat)
{
    struct amount a;
    assert_true(amount_from_sat(&a, sat));
    report_set_amount(r, name, a);
}

static inline void put_miner(struct report *r, size_t m)
{
    put_text(r, "miner_id", fixture_miners[m].id);
    put_text(r, "certificate_no", fixture_miners[m].certificate);
    put_text(r, "kind", fixture_miners[m].kind);
    put_text(r, "residency", fixture_miners[m].residency);
    put_text(r, "residence_country", fixture_miners[m].country);
}

/* Each miner, each of the first `days` of October: credited a million a day, paid half a
 * million on every tenth. */
static inline struct report *fixture_r4(enum disclosure level, int days)
{
    struct report *r = fixture_report(REPORT_R4, level);
    for (size_t m = 0; m < 2; m++) {
        int64_t balance = 5000;
        for (int d = 1; d <= days; d++) {
            char day[16];
            int64_t paid = d % 10 == 0 ? 500000 : 0;
            snprintf(day, sizeof(day), "2026-10-%02d", d);
            report_row_begin(r);
            put_miner(r, m);
            put_text(r, "day", day);
            put_number(r, "accepted_shares", 1000 * d);
            put_number(r, "rejected_shares", d);
            put_number(r, "rejected_percent", 99900);
            put_text(r, "work", "12345678901234567890123");
            put_number(r, "average_ths", INT64_C(234500000));
            put_number(r, "blocks_found", 0);
            put_sat(r, "credited", 1000000);
            put_sat(r, "fee", 10101);
            put_sat(r, "paid", paid);
            put_sat(r, "reversed", 0);
            put_sat(r, "adjusted", 0);
            put_sat(r, "balance_start", balance);
            balance += 1000000 - paid;
            put_sat(r, "balance_end", balance);
            put_number(r, "kwh_estimate", INT64_C(84120500000));
            put_number(r, "measured_to_declared_percent", INT64_C(98760000));
        }
    }
    assert_int_equal(report_add_totals(r), KZ_OK);
    return r;
}

static inline void put_entry(struct report *r, size_t m, int day, const char *kind,
                             int64_t sat)
{
    report_row_begin(r);
    put_miner(r, m);
    put_text(r, "tax_id", "1234567");
    put_text(r, "official_name", fixture_miners[m].name);
    put_text(r, "certificate_issued_on", "2026-02-01");
    put_text(r, "wallet_address", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq");
    put_number(r, "time", INT64_C(1790794800000) + day * INT64_C(86400000));
    put_text(r, "entry_kind", kind);
    put_sat(r, "amount", sat);
    if (strcmp(kind, "credit") == 0) {
        put_number(r, "block_height", 970000 + day);
        put_text(r, "block_hash", FIXTURE_HASH);
    } else {
        put_text(r, "txid", FIXTURE_HASH);
        put_number(r, "vout", 1);
    }
}

/* What fixture_r4() sums. */
static inline struct report *fixture_r5(enum disclosure level, int days)
{
    struct report *r = fixture_report(REPORT_R5, level);
    for (size_t m = 0; m < 2; m++) {
        for (int d = 1; d <= days; d++) {
            put_entry(r, m, d, "credit", 1000000);
            if (d % 10 == 0)
                put_entry(r, m, d, "payment", 500000);
        }
    }
    return r;
}

static inline void put_summary(struct report *r, const char *by, const char *value,
                               int miners, int days)
{
    report_row_begin(r);
    put_text(r, "group_by", by);
    put_text(r, "group_value", value);
    put_number(r, "miners", miners);
    put_number(r, "miners_active", miners);
    put_number(r, "accepted_shares", miners * INT64_C(1000) * days * (days + 1) / 2);
    put_text(r, "work", "765432091876543209187654");
    put_number(r, "average_ths", miners * INT64_C(234500000));
    put_sat(r, "credited", miners * INT64_C(1000000) * days);
    put_sat(r, "paid", miners * INT64_C(500000) * (days / 10));
    put_sat(r, "fee", miners * INT64_C(10101) * days);
    put_number(r, "share_of_pool_percent", miners * INT64_C(50000000));
}

static inline struct report *fixture_r6(enum disclosure level, int days)
{
    struct report *r = fixture_report(REPORT_R6, level);
    put_summary(r, "all", "all", 2, days);
    put_summary(r, "residency", "resident", 1, days);
    put_summary(r, "residency", "non_resident", 1, days);
    put_summary(r, "country", "TM", 1, days);
    put_summary(r, "country", "KZ", 1, days);
    return r;
}

#endif
