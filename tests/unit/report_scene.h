/* tests/unit/report_scene.h - a pool's registry in a journal of the test's own, and reports
 * of October 2026 made of it. Include after cmocka.h. */
#ifndef TESTS_REPORT_SCENE_H
#define TESTS_REPORT_SCENE_H

#include "conf/clock.h"
#include "pool/report/fill.h"
#include "pool/report/formats.h"
#include "tests/unit/history_fixture.h"
#include "tests/unit/journal_bed.h"
#include "tests/unit/record_fixture.h"

struct scene {
    struct bed *bed;
    struct history_bed h;
    struct profile profile;
    struct conf conf;
    struct report_source source;
    char why[SOURCE_WHY_SIZE];
};

static inline int64_t ms(const char *text)
{
    int64_t at;
    if (clock_utc_parse(&at, text, strlen(text)) != KZ_OK)
        fail_msg("%s", text);
    return at;
}

static inline json_t *record_of(const struct scene *s, const char *id,
                                enum record_column column, const char *state)
{
    json_t *r = fixture_stored(column, &s->profile);
    json_object_set_new(r, "miner_id", json_string(id));
    json_object_set_new(r, "state", json_string(state));
    json_object_set_new(json_object_get(r, "certificate"), "number", json_string(id));
    return r;
}

static inline json_t *changed(const struct scene *s, const char *id, const char *state)
{
    json_t *r = json_deep_copy(json_object_get(s->h.records, id));
    json_object_set_new(r, "state", json_string(state));
    return r;
}

static inline int scene_set_up(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    assert_int_equal(bed_set_up((void **)&s->bed), 0);
    fixture_profile(&s->profile);
    s->profile.refusals_keep_days = 90;
    s->conf.network = CONF_REGTEST;
    history_begin(&s->h, s->bed);
    s->source = (struct report_source){.conf = &s->conf,
                                       .profile = &s->profile,
                                       .header = {.jurisdiction = "TM",
                                                  .operator_name = "Howuz",
                                                  .timezone = "Asia/Ashgabat",
                                                  .generated_ms = NOW_MS,
                                                  .disclosure = DISCLOSURE_FULL}};
    assert_int_equal(period_parse(&s->source.header.period, "2026-10", 300), KZ_OK);
    *state = s;
    return 0;
}

static inline int scene_tear_down(void **state)
{
    struct scene *s = *state;
    history_end(&s->h);
    bed_tear_down((void **)&s->bed);
    free(s);
    return 0;
}

static inline void about(struct scene *s, const char *period)
{
    assert_int_equal(period_parse(&s->source.header.period, period, 300), KZ_OK);
}

static inline enum kz_err read_history(struct scene *s, struct history *h)
{
    const struct history_ask ask = {.dir = s->bed->journal,
                                    .from_ms = s->source.header.period.from_ms,
                                    .until_ms = fill_instant(&s->source),
                                    .written_before_ms = INT64_MAX};
    history_sync(&s->h);
    return history_read(h, s->why, &ask);
}

static inline struct report *made(struct scene *s, report_source_fn *source)
{
    struct report *r = NULL;
    struct history h;
    if (read_history(s, &h) != KZ_OK)
        fail_msg("%s", s->why);
    s->source.history = &h;
    if (source(&r, s->why, &s->source) != KZ_OK)
        fail_msg("%s", s->why);
    s->source.history = NULL;
    history_clear(&h);
    return r;
}

static inline void cell_is(const struct report *r, size_t row, const char *column,
                           const char *expected)
{
    struct report_field fields[FIELDS_MAX];
    char buffer[CELL_FORMAT_SIZE];
    size_t count = report_fields(fields, r);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, column) != 0)
            continue;
        const char *text = report_field_text(buffer, report_row(r, row), &fields[i]);
        if (expected == NULL)
            assert_null(text);
        else if (text == NULL || strcmp(text, expected) != 0)
            fail_msg("row %zu, %s: %s, not %s", row, column, text, expected);
        return;
    }
    fail_msg("no column %s", column);
}

/* As the master has it. */
static inline char *bytes_of(const struct report *r)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    assert_int_equal(report_write_json(to, r), KZ_OK);
    fclose(to);
    return text;
}

static inline bool has_alert(const struct report *r, const char *rule,
                             const char *miner, const char *measure)
{
    for (size_t i = 0; i < report_row_count(r); i++) {
        const struct report_row *row = report_row(r, i);
        const char *its = report_cell(r, row, "miner_id")->text;
        if (strcmp(report_cell(r, row, "rule")->text, rule) == 0 &&
            strcmp(its != NULL ? its : "", miner) == 0 &&
            strstr(report_cell(r, row, "measure")->text, measure) != NULL)
            return true;
    }
    return false;
}

#endif
