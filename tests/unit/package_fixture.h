/* tests/unit/package_fixture.h - what a package of the reports of report_fixture.h needs. */
#ifndef TESTS_PACKAGE_FIXTURE_H
#define TESTS_PACKAGE_FIXTURE_H

#include "pool/report/package.h"

#include "report_fixture.h"

#define FIXTURE_REPORTS 4

static const uint8_t fixture_key[PRIVATE_KEY_SIZE] = {[0] = 0x11, [31] = 0x42};

struct package_bed {
    struct sign_context *context;
    struct catalogue *words[3];
    struct report *reports[FIXTURE_REPORTS];
    struct manifest_journal journal[2];
    struct manifest_audit audit[1];
    struct manifest_facts facts;
    struct package_plan plan;
};

static inline struct manifest_facts fixture_facts(void)
{
    struct manifest_facts f = {
        .operator_name = "Käriz Howuz",
        .jurisdiction = "TM",
        .timezone = "Asia/Ashgabat",
        .profile = {.name = "TM", .version = "2026-11", .sha256 = {{0xab, 0xcd}}},
        .disclosure = DISCLOSURE_FULL,
        .request = "01-17/204",
        .version = "0.1.0",
        .made_ms = FIXTURE_MADE_MS,
    };
    enum kz_err err = period_parse(&f.period, "2026-10", 300);
    assert_int_equal(err, KZ_OK);
    return f;
}

static inline void package_bed_open(struct package_bed *b)
{
    static const char *const languages[] = {"tk", "ru", "en"};
    char path[64], why[CATALOGUE_WHY_SIZE] = "";
    *b = (struct package_bed){.context = sign_context_new()};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "conf/catalogues/%s.json", languages[i]);
        if (catalogue_load(&b->words[i], why, path) != KZ_OK)
            fail_msg("%s", why);
    }
    b->reports[0] = fixture_r4(DISCLOSURE_FULL, 31);
    b->reports[1] = fixture_r5(DISCLOSURE_FULL, 31);
    b->reports[2] = fixture_r6(DISCLOSURE_FULL, 31);
    b->reports[3] = fixture_report(REPORT_R8, DISCLOSURE_FULL);
    b->journal[0] = (struct manifest_journal){"front-1", 1, 123456};
    b->journal[1] = (struct manifest_journal){"front-2", 7, 8};
    b->audit[0] = (struct manifest_audit){"front-1", 42, {{1, 2, 3}}};
    b->facts = fixture_facts();
    b->facts.journal = b->journal;
    b->facts.journal_count = 2;
    b->facts.audit = b->audit;
    b->facts.audit_count = 1;
    b->plan = (struct package_plan){
        .facts = &b->facts,
        .reports = (const struct report *const *)b->reports,
        .report_count = FIXTURE_REPORTS,
        .catalogues = (const struct catalogue *const *)b->words,
        .catalogue_count = 3,
        .csv = {';', true},
        .context = b->context,
        .key = fixture_key,
    };
}

static inline void package_bed_close(struct package_bed *b)
{
    for (size_t i = 0; i < FIXTURE_REPORTS; i++)
        report_free(b->reports[i]);
    for (size_t i = 0; i < 3; i++)
        catalogue_free(b->words[i]);
    sign_context_free(b->context);
}

#endif
