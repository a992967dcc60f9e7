#include "share/cases.h"

#include "conf/mem.h"
#include "share/check.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct share_cases {
    json_t *by_id; /* owned */
};

/* A case made ready to be judged. */
struct prepared {
    struct job *job; /* owned */
    uint8_t extranonce1[8];
    struct share_terms terms;
    size_t extranonce2_size;
    struct submit_text text;
};

struct share_cases *share_cases_new(void)
{
    struct share_cases *c = mem_new(sizeof(*c));
    c->by_id = json_object();
    return c;
}

void share_cases_free(struct share_cases *c)
{
    if (c == NULL)
        return;
    json_decref(c->by_id);
    mem_free(c);
}

KZ_PRINTF(3, 4)
static enum kz_err say(char *why, enum kz_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, SHARE_CASES_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

static const char *text_of(const json_t *of, const char *name)
{
    const char *text = json_string_value(json_object_get(of, name));
    return text != NULL ? text : "";
}

static struct bytes bytes_of(const json_t *of, const char *name)
{
    const json_t *field = json_object_get(of, name);
    return (struct bytes){(const uint8_t *)json_string_value(field),
                          json_string_length(field)};
}

static enum kz_err prepare_job(struct prepared *p, const json_t *from)
{
    const json_t *job = json_object_get(from, "job");
    const json_t *list = json_object_get(job, "merkle_branch");
    const char *branch[TEMPLATE_BRANCH_MAX];
    struct job_fields f = {
        .prevhash = text_of(job, "prevhash"),
        .coinb1 = text_of(job, "coinb1"),
        .coinb2 = text_of(job, "coinb2"),
        .version = text_of(job, "version"),
        .nbits = text_of(job, "nbits"),
        .ntime = text_of(job, "ntime"),
        .branch = branch,
        .branch_count = json_array_size(list),
        .mintime = (uint32_t)json_integer_value(json_object_get(from, "mintime")),
        .id = {1},
    };
    if (f.branch_count > TEMPLATE_BRANCH_MAX)
        return KZ_PARSE;
    for (size_t i = 0; i < f.branch_count; i++) {
        branch[i] = json_string_value(json_array_get(list, i));
        if (branch[i] == NULL)
            return KZ_PARSE;
    }
    return job_from_fields(&p->job, &f);
}

static enum kz_err prepare_terms(struct prepared *p, const json_t *from)
{
    const char *extranonce1 = text_of(from, "extranonce1");
    const char *mask = text_of(from, "version_mask");
    const char *target = text_of(from, "share_target");
    struct share_terms *t = &p->terms;
    *t = (struct share_terms){
        .extranonce1 = p->extranonce1,
        .now = (uint32_t)json_integer_value(json_object_get(from, "now")),
        .is_authorized = true,
        .is_current = strcmp(text_of(from, "job_state"), "current") == 0,
    };
    if (hex_decode_some(p->extranonce1, &t->extranonce1_len, sizeof(p->extranonce1),
                        extranonce1, strlen(extranonce1)) != KZ_OK ||
        hex_u32(&t->version_mask, mask, strlen(mask), false) != KZ_OK ||
        target_parse_hex(&t->target, target, strlen(target)) != KZ_OK)
        return KZ_PARSE;
    if (!target_work(&t->work, &t->target, 1))
        t->work = 0; /* more than 63 bits: judged all the same */
    return KZ_OK;
}

static enum kz_err prepare(struct prepared *p, const json_t *from)
{
    const json_t *submit = json_object_get(from, "submit");
    json_int_t size = json_integer_value(json_object_get(from, "extranonce2_size"));
    *p = (struct prepared){.extranonce2_size = size < 0 ? 0 : (size_t)size};
    p->text = (struct submit_text){
        .extranonce2 = bytes_of(submit, "extranonce2"),
        .ntime = bytes_of(submit, "ntime"),
        .nonce = bytes_of(submit, "nonce"),
        .version_bits = bytes_of(submit, "version_bits"),
    };
    if (!json_is_object(submit) || prepare_job(p, from) != KZ_OK)
        return KZ_PARSE;
    if (prepare_terms(p, from) == KZ_OK)
        return KZ_OK;
    job_unref(p->job);
    return KZ_PARSE;
}

static enum kz_err judge(struct share_result *r, const json_t *from, struct seen *seen)
{
    struct prepared p;
    struct submit s;
    if (prepare(&p, from) != KZ_OK)
        return KZ_PARSE;
    *r = (struct share_result){.verdict = SHARE_MALFORMED};
    if (submit_parse(&s, &p.text, p.extranonce2_size) == KZ_OK)
        share_check(r, p.job, &p.terms, &s, seen);
    job_unref(p.job);
    return KZ_OK;
}

static enum kz_err compare_text(char *why, const char *what, const json_t *expect,
                                const char *found)
{
    const char *want = text_of(expect, what);
    if (strcmp(want, found) == 0)
        return KZ_OK;
    return say(why, KZ_RANGE, "%s: expected %.170s, found %.170s", what, want, found);
}

static enum kz_err compare_bool(char *why, const char *what, const json_t *expect,
                                bool found)
{
    if (json_is_true(json_object_get(expect, what)) == found)
        return KZ_OK;
    return say(why, KZ_RANGE, "%s: expected %s", what, found ? "false" : "true");
}

static enum kz_err compare_verdict(char *why, const json_t *expect,
                                   const struct share_result *r)
{
    json_int_t code = json_integer_value(json_object_get(expect, "code"));
    if (code != share_verdict_code(r->verdict))
        return say(why, KZ_RANGE, "code: expected %d, found %d (%s)", (int)code,
                   share_verdict_code(r->verdict), share_verdict_name(r->verdict));
    return compare_text(why, "verdict", expect, share_verdict_name(r->verdict));
}

static enum kz_err compare_hashes(char *why, const json_t *from, const json_t *expect,
                                  const struct share_result *r)
{
    char header[161], hash[HASH256_HEX_SIZE], root[HASH256_HEX_SIZE];
    struct target target;
    const char *hex = text_of(from, "share_target");
    if (target_parse_hex(&target, hex, strlen(hex)) != KZ_OK)
        return say(why, KZ_PARSE, "share_target: expected 64 hex digits");
    hex_encode(header, r->header, sizeof(r->header));
    hash256_format_display(hash, &r->hash);
    hex_encode(root, r->header + 36, 32);
    enum kz_err err;
    if ((err = compare_text(why, "header", expect, header)) != KZ_OK ||
        (err = compare_text(why, "hash", expect, hash)) != KZ_OK ||
        (err = compare_text(why, "merkle_root", expect, root)) != KZ_OK ||
        (err = compare_bool(why, "is_block", expect, r->is_block)) != KZ_OK)
        return err;
    err = compare_bool(why, "meets_share_target", expect,
                       target_is_met(&target, &r->hash));
    double want = json_number_value(json_object_get(expect, "difficulty_double"));
    double found = hash256_difficulty(&r->hash);
    if (err == KZ_OK && fabs(found - want) > 1e-12 * want)
        return say(why, KZ_RANGE, "difficulty_double: expected %.17g, found %.17g",
                   want, found);
    return err;
}

/* "expected_hashes" may pass 63 bits, where a unit of 1 cannot be counted. */
static enum kz_err compare_work(char *why, const json_t *from, const json_t *expect)
{
    static const uint64_t units[] = {1, UINT64_C(1) << 22};
    const char *digits = text_of(expect, "expected_hashes");
    const char *hex = text_of(from, "share_target");
    struct target target;
    unsigned __int128 hashes = 0;
    if (target_parse_hex(&target, hex, strlen(hex)) != KZ_OK || strlen(digits) > 38)
        return say(why, KZ_PARSE, "share_target or expected_hashes: not a number");
    for (; *digits >= '0' && *digits <= '9'; digits++)
        hashes = hashes * 10 + (unsigned)(*digits - '0');
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        unsigned __int128 want = hashes / units[i];
        bool fits = want <= INT64_MAX;
        uint64_t work = 0;
        if (target_work(&work, &target, units[i]) != fits || (fits && work != want))
            return say(why, KZ_RANGE,
                       "work in units of %" PRIu64 ": expected %" PRIu64
                       ", found %" PRIu64,
                       units[i], (uint64_t)want, work);
    }
    return KZ_OK;
}

static enum kz_err compare(char *why, const json_t *from, const struct share_result *r)
{
    const json_t *expect = json_object_get(from, "expect");
    enum kz_err err = compare_verdict(why, expect, r);
    if (err != KZ_OK || r->verdict == SHARE_MALFORMED)
        return err;
    if ((err = compare_hashes(why, from, expect, r)) != KZ_OK)
        return err;
    return r->verdict == SHARE_ACCEPTED ? compare_work(why, from, expect) : KZ_OK;
}

static enum kz_err run_case(struct share_cases *c, char *why, const json_t *from)
{
    struct share_result r;
    struct seen *seen = seen_new(16);
    const char *repeat_of = text_of(from, "repeat_of");
    enum kz_err err = KZ_OK;
    if (repeat_of[0] != '\0')
        err = judge(&r, json_object_get(c->by_id, repeat_of), seen);
    if (err == KZ_OK)
        err = judge(&r, from, seen);
    seen_free(seen);
    if (err != KZ_OK)
        return say(why, KZ_PARSE,
                   "a field is missing or has not the form it must have");
    return compare(why, from, &r);
}

enum kz_err share_cases_run(struct share_cases *c, char id[SHARE_CASES_ID_SIZE],
                            char why[SHARE_CASES_WHY_SIZE], const char *line,
                            size_t len)
{
    json_error_t problem;
    id[0] = '\0';
    json_t *from = json_loadb(line, len, JSON_REJECT_DUPLICATES, &problem);
    if (from == NULL)
        return say(why, KZ_PARSE, "not JSON: %s", problem.text);
    snprintf(id, SHARE_CASES_ID_SIZE, "%s", text_of(from, "id"));
    enum kz_err err = run_case(c, why, from);
    json_object_set_new(c->by_id, id, from);
    return err;
}
