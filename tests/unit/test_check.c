#include "share/check.h"

#include "share/cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vectors.h"

#define OWN_CASES "tests/vectors/share_cases.jsonl"

static size_t run_file(const char *path)
{
    size_t len, count = 0;
    char id[SHARE_CASES_ID_SIZE], why[SHARE_CASES_WHY_SIZE];
    uint8_t *text = vectors_bytes(path, &len);
    struct share_cases *cases = share_cases_new();
    for (const char *at = (const char *)text; *at != '\0';) {
        size_t line = strcspn(at, "\n");
        if (line > 0) {
            if (share_cases_run(cases, id, why, at, line) != KZ_OK)
                fail_msg("%s: %s", id, why);
            count++;
        }
        at += line + (at[line] == '\n' ? 1 : 0);
    }
    share_cases_free(cases);
    free(text);
    return count;
}

static void the_projects_own_recorded_shares_are_judged_as_expected(void **state)
{
    (void)state;
    assert_true(run_file(OWN_CASES) > 10);
}

static void recorded_shares_of_the_vectors_are_judged_as_expected(void **state)
{
    (void)state;
    char path[4096];
    vectors_path(path, sizeof(path), "share_cases.jsonl");
    assert_int_equal(run_file(path), 2000);
}

static void a_case_that_expects_something_else_fails_and_says_what(void **state)
{
    (void)state;
    size_t len;
    char id[SHARE_CASES_ID_SIZE], why[SHARE_CASES_WHY_SIZE];
    uint8_t *text = vectors_bytes(OWN_CASES, &len);
    struct share_cases *cases = share_cases_new();
    size_t line = strcspn((const char *)text, "\n");
    json_t *one = json_loadb((const char *)text, line, 0, NULL);
    json_object_set_new(json_object_get(one, "expect"), "hash", json_string("00"));
    char *changed = json_dumps(one, 0);
    assert_int_equal(share_cases_run(cases, id, why, changed, strlen(changed)),
                     KZ_RANGE);
    assert_non_null(strstr(why, "hash"));
    assert_int_equal(share_cases_run(cases, id, why, "{}", 2), KZ_PARSE);
    assert_int_equal(share_cases_run(cases, id, why, "[", 1), KZ_PARSE);
    share_cases_free(cases);
    json_decref(one);
    free(changed);
    free(text);
}

/* --- the genesis block as a share ------------------------------------------------- */

static const uint8_t genesis_en2[4] = {0x1d, 0x01, 0x04, 0x45};

struct scene {
    struct job *job;
    struct seen *seen;
    struct share_terms terms;
    struct submit submit;
};

static void scene_set(struct scene *s)
{
    const struct job_fields f = {
        .prevhash = "0000000000000000000000000000000000000000000000000000000000000000",
        .coinb1 = "01000000010000000000000000000000000000000000000000000000000000000000"
                  "000000ffffffff4d04ffff00",
        .coinb2 =
            "5468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e2062"
            "72696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff01"
            "00f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962"
            "e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d"
            "5fac00000000",
        .version = "00000001",
        .nbits = "1d00ffff",
        .ntime = "495fab29",
        .mintime = 1231000000,
        .id = {1},
    };
    memset(s, 0, sizeof(*s));
    assert_int_equal(job_from_fields(&s->job, &f), KZ_OK);
    s->seen = seen_new(100);
    s->terms = (struct share_terms){.extranonce1 = genesis_en2,
                                    .work = 1024,
                                    .now = 1231006505,
                                    .is_authorized = true,
                                    .is_current = true};
    target_from_difficulty(&s->terms.target, (struct difficulty){1, 1});
    s->submit =
        (struct submit){.extranonce2_len = 4, .ntime = 1231006505, .nonce = 2083236893};
    memcpy(s->submit.extranonce2, genesis_en2, 4);
}

static void scene_clear(struct scene *s)
{
    job_unref(s->job);
    seen_free(s->seen);
}

static struct share_result judge(struct scene *s)
{
    struct share_result r;
    share_check(&r, s->job, &s->terms, &s->submit, s->seen);
    return r;
}

static void the_genesis_block_is_a_block_and_earns_its_work(void **state)
{
    (void)state;
    struct scene s;
    char text[HASH256_HEX_SIZE];
    scene_set(&s);
    struct share_result r = judge(&s);
    hash256_format_display(text, &r.hash);
    assert_string_equal(
        text, "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
    assert_int_equal(r.verdict, SHARE_ACCEPTED);
    assert_true(r.is_block);
    assert_int_equal(r.work, 1024);
    scene_clear(&s);
}

static void a_block_is_told_whatever_the_verdict(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    s.terms.is_current = false;
    assert_int_equal(judge(&s).verdict, SHARE_STALE);
    s.terms.now = 1231006505 - 7201;
    assert_int_equal(judge(&s).verdict, SHARE_TIME_TOO_NEW);
    s.job->mintime = 1231006506;
    assert_int_equal(judge(&s).verdict, SHARE_TIME_TOO_OLD);
    s.submit.has_version_bits = true;
    s.submit.version_bits = 0x2000;
    assert_int_equal(judge(&s).verdict, SHARE_VERSION_BITS);
    s.terms.is_authorized = false;
    struct share_result r = judge(&s);
    assert_int_equal(r.verdict, SHARE_UNAUTHORIZED);
    assert_true(r.is_block);
    assert_int_equal(r.work, 0);
    assert_int_equal(seen_count(s.seen), 0);
    scene_clear(&s);
}

static void times_at_both_ends_of_the_window_are_taken(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    s.job->mintime = s.submit.ntime;
    s.terms.now = s.submit.ntime - JOB_NTIME_MAX_AHEAD;
    assert_int_equal(judge(&s).verdict, SHARE_ACCEPTED);
    /* No wrap where the clock is near the end of 32 bits. */
    s.terms.now = UINT32_MAX;
    s.submit.ntime = UINT32_MAX;
    assert_int_equal(judge(&s).verdict, SHARE_LOW_DIFFICULTY);
    scene_clear(&s);
}

static void a_repeat_is_a_duplicate_and_earns_nothing(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    assert_int_equal(judge(&s).verdict, SHARE_ACCEPTED);
    struct share_result r = judge(&s);
    assert_int_equal(r.verdict, SHARE_DUPLICATE);
    assert_true(r.is_block);
    assert_int_equal(r.work, 0);
    scene_clear(&s);
}

static void junk_below_the_target_does_not_fill_the_duplicate_set(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    seen_free(s.seen);
    s.seen = seen_new(1);
    for (uint32_t i = 0; i < 1000; i++) {
        s.submit.nonce = i;
        assert_int_equal(judge(&s).verdict, SHARE_LOW_DIFFICULTY);
    }
    s.submit.nonce = 2083236893;
    assert_int_equal(judge(&s).verdict, SHARE_ACCEPTED);
    scene_clear(&s);
}

static void a_full_duplicate_set_refuses_and_does_not_credit(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    seen_free(s.seen);
    s.seen = seen_new(0);
    struct share_result r = judge(&s);
    assert_int_equal(r.verdict, SHARE_OVERLOADED);
    assert_int_equal(r.work, 0);
    assert_true(r.is_block);
    scene_clear(&s);
}

static void a_share_refused_as_low_is_judged_anew_when_the_target_eases(void **state)
{
    (void)state;
    struct scene s;
    scene_set(&s);
    target_from_difficulty(&s.terms.target, (struct difficulty){1000000, 1});
    assert_int_equal(judge(&s).verdict, SHARE_LOW_DIFFICULTY);
    target_from_difficulty(&s.terms.target, (struct difficulty){1, 1});
    assert_int_equal(judge(&s).verdict, SHARE_ACCEPTED);
    scene_clear(&s);
}

static uint32_t header_version(struct scene *s, uint32_t job, uint32_t mask,
                               uint32_t bits, enum share_verdict *verdict)
{
    s->job->version = job;
    s->terms.version_mask = mask;
    s->submit.has_version_bits = true;
    s->submit.version_bits = bits;
    struct share_result r = judge(s);
    *verdict = r.verdict;
    return read_le32(r.header);
}

static void version_bits_replace_the_jobs_within_the_mask(void **state)
{
    (void)state;
    struct scene s;
    enum share_verdict v;
    scene_set(&s);
    assert_int_equal(header_version(&s, 0x20000000, 0x1fffe000, 0x00c00000, &v),
                     0x20c00000);
    assert_int_equal(v, SHARE_LOW_DIFFICULTY);
    /* The whole version instead of the bits. */
    assert_int_equal(header_version(&s, 0x20000004, 0x1fffe000, 0x20c00004, &v),
                     0x20c00004);
    assert_int_equal(v, SHARE_LOW_DIFFICULTY);
    /* A bit of the template inside the mask is the rig's to clear. */
    assert_int_equal(header_version(&s, 0x20800000, 0x1fffe000, 0, &v), 0x20000000);
    assert_int_equal(v, SHARE_LOW_DIFFICULTY);
    header_version(&s, 0x20000000, 0x1fffe000, 0x80000000, &v);
    assert_int_equal(v, SHARE_VERSION_BITS);
    header_version(&s, 0x20000000, 0, 0x00002000, &v);
    assert_int_equal(v, SHARE_VERSION_BITS);
    s.submit.has_version_bits = false;
    assert_int_equal(read_le32(judge(&s).header), 0x20000000);
    scene_clear(&s);
}

static struct bytes text(const char *t)
{
    return (struct bytes){(const uint8_t *)t, t != NULL ? strlen(t) : 0};
}

static enum kz_err parse(struct submit *s, const char *en2, const char *ntime,
                         const char *nonce, const char *bits)
{
    const struct submit_text t = {text(en2), text(ntime), text(nonce), text(bits)};
    return submit_parse(s, &t, 4);
}

static void a_submit_is_normalised(void **state)
{
    (void)state;
    struct submit s, same;
    assert_int_equal(parse(&s, "1D010445", "495FAB29", "dC0", "0x2000"), KZ_OK);
    assert_int_equal(parse(&same, "1d010445", "495fab29", "00000dc0", "00002000"),
                     KZ_OK);
    assert_memory_equal(&s, &same, sizeof(s));
    assert_true(s.has_version_bits);
    assert_int_equal(s.version_bits, 0x2000);
    assert_int_equal(s.nonce, 0xdc0);
    assert_memory_equal(s.extranonce2, genesis_en2, 4);
    assert_int_equal(parse(&s, "1d010445", "495fab29", "7c2bac1d", NULL), KZ_OK);
    assert_false(s.has_version_bits);
}

static void a_malformed_submit_is_refused_and_leaves_no_trace(void **state)
{
    (void)state;
    struct submit s = {.nonce = 7};
    assert_int_equal(parse(&s, "1d0104", "495fab29", "1", NULL), KZ_RANGE);
    assert_int_equal(parse(&s, "1d01044500", "495fab29", "1", NULL), KZ_RANGE);
    assert_int_equal(parse(&s, "", "495fab29", "1", NULL), KZ_RANGE);
    assert_int_equal(parse(&s, "1d010445001122334455", "495fab29", "1", NULL),
                     KZ_RANGE);
    assert_int_equal(parse(&s, "1d01044", "495fab29", "1", NULL), KZ_PARSE);
    assert_int_equal(parse(&s, "1d01044g", "495fab29", "1", NULL), KZ_PARSE);
    assert_int_equal(parse(&s, "1d010445", "", "1", NULL), KZ_PARSE);
    assert_int_equal(parse(&s, "1d010445", "495fab290", "1", NULL), KZ_PARSE);
    assert_int_equal(parse(&s, "1d010445", "495fab29", "-1", NULL), KZ_PARSE);
    assert_int_equal(parse(&s, "1d010445", "495fab29", "0x1", NULL), KZ_PARSE);
    assert_int_equal(parse(&s, "1d010445", "495fab29", "1", ""), KZ_PARSE);
    assert_int_equal(parse(&s, "1d010445", "495fab29", "1", "zz"), KZ_PARSE);
    assert_int_equal(s.nonce, 7);
}

static void every_verdict_has_its_code_text_and_name(void **state)
{
    (void)state;
    static const int codes[SHARE_VERDICTS] = {0,  20, 21, 24, 20, 31,
                                              32, 21, 22, 23, 20};
    for (int v = 0; v < SHARE_VERDICTS; v++) {
        enum share_verdict verdict = (enum share_verdict)v;
        assert_int_equal(share_verdict_code(verdict), codes[v]);
        assert_non_null(share_verdict_text(verdict));
        assert_true(strlen(share_verdict_name(verdict)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_projects_own_recorded_shares_are_judged_as_expected),
        cmocka_unit_test(recorded_shares_of_the_vectors_are_judged_as_expected),
        cmocka_unit_test(a_case_that_expects_something_else_fails_and_says_what),
        cmocka_unit_test(the_genesis_block_is_a_block_and_earns_its_work),
        cmocka_unit_test(a_block_is_told_whatever_the_verdict),
        cmocka_unit_test(times_at_both_ends_of_the_window_are_taken),
        cmocka_unit_test(a_repeat_is_a_duplicate_and_earns_nothing),
        cmocka_unit_test(junk_below_the_target_does_not_fill_the_duplicate_set),
        cmocka_unit_test(a_full_duplicate_set_refuses_and_does_not_credit),
        cmocka_unit_test(a_share_refused_as_low_is_judged_anew_when_the_target_eases),
        cmocka_unit_test(version_bits_replace_the_jobs_within_the_mask),
        cmocka_unit_test(a_submit_is_normalised),
        cmocka_unit_test(a_malformed_submit_is_refused_and_leaves_no_trace),
        cmocka_unit_test(every_verdict_has_its_code_text_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
