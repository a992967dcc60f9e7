#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ADDRESS "\"coinbase\": {\"address\": \"bc1qexample\"}"

static enum kz_err load_text(struct conf **c, struct conf_problem *p, const char *text)
{
    char path[] = "/tmp/kariz-conf-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    enum kz_err err = conf_load(c, p, path);
    unlink(path);
    return err;
}

static struct conf *load_fine(const char *text)
{
    struct conf *c = NULL;
    struct conf_problem p;
    enum kz_err err = load_text(&c, &p, text);
    if (err != KZ_OK)
        conf_problem_print(stderr, &p);
    assert_int_equal(err, KZ_OK);
    return c;
}

static void the_smallest_file_gets_safe_defaults(void **state)
{
    (void)state;
    struct conf *c = load_fine("{" ADDRESS "}");
    assert_string_equal(c->nodes[0].url, "http://127.0.0.1:8332");
    assert_string_equal(c->nodes[0].cookie_file, "/var/lib/bitcoin/.cookie");
    assert_int_equal(c->redis_mode, CONF_REDIS_EMBEDDED);
    assert_int_equal(c->stratum.listen_count, 1);
    assert_string_equal(c->stratum.listen[0].address, "0.0.0.0:3333");
    assert_true(c->stratum.listen[0].difficulty == 8192);
    assert_true(c->stratum.listen[0].minimum == 512);
    assert_int_equal(c->stratum.version_mask, 0x1fffe000);
    assert_int_equal(c->stratum.limits.line_bytes, 16384);
    assert_int_equal(c->log_level, LOG_INFO);
    conf_free(c);
}

static void payout_defaults_are_those_of_the_specification(void **state)
{
    (void)state;
    struct conf *c = load_fine("{" ADDRESS "}");
    const struct conf_payout *p = &c->payout;
    assert_int_equal(p->scheme, CONF_PPLNS);
    assert_int_equal(p->window_milli, 0); /* the scheme's own */
    assert_int_equal(p->fee_ppm, 10000);
    assert_true(p->minimum_sat == 100000 && p->pps_reserve_sat == 0);
    assert_int_equal(p->maturity, 100);
    assert_int_equal(p->fpps_trim_ppm, 0);
    assert_false(p->direct);
    assert_true(p->direct_minimum_sat == 1048576);
    assert_int_equal(p->direct_outputs, 0);
    assert_int_equal(c->stratum.listen[0].form, CONF_FORM_AUTO);
    conf_free(c);
}

static void tally_retention_is_set_by_four_options(void **state)
{
    (void)state;
    struct conf *c = load_fine("{" ADDRESS "}");
    assert_int_equal(c->tally.minutes_hours, 3);
    assert_int_equal(c->tally.hours_days, 62);
    assert_int_equal(c->tally.days_months, 13);
    assert_int_equal(c->tally.workers_days, 30);
    conf_free(c);
    c = load_fine("{" ADDRESS
                  ", \"tally\": {\"minutes_hours\": 48, \"workers_days\": 7}}");
    assert_int_equal(c->tally.minutes_hours, 48);
    assert_int_equal(c->tally.hours_days, 62);
    assert_int_equal(c->tally.workers_days, 7);
    conf_free(c);
}

static uint32_t fee_ppm_of(const char *percent)
{
    char text[128];
    snprintf(text, sizeof(text), "{" ADDRESS ", \"payout\": {\"fee_percent\": %s}}",
             percent);
    struct conf *c = load_fine(text);
    uint32_t ppm = c->payout.fee_ppm;
    conf_free(c);
    return ppm;
}

static void decimals_are_kept_to_the_last_one(void **state)
{
    (void)state;
    assert_int_equal(fee_ppm_of("0"), 0);
    assert_int_equal(fee_ppm_of("2"), 20000);
    assert_int_equal(fee_ppm_of("0.0001"), 1);
    assert_int_equal(fee_ppm_of("2.5e-1"), 2500);
    assert_int_equal(fee_ppm_of("100"), 1000000);
    for (uint32_t ppm = 0; ppm <= 1000000; ppm += 317) {
        char text[16];
        snprintf(text, sizeof(text), "%u.%04u", ppm / 10000, ppm % 10000);
        assert_int_equal(fee_ppm_of(text), ppm);
    }
    struct conf *c = load_fine("{" ADDRESS ", \"payout\": {\"window\": 2.005, "
                               "\"scheme\": \"pps_plus\", "
                               "\"minimum\": 2100000000000000}}");
    assert_int_equal(c->payout.window_milli, 2005);
    assert_int_equal(c->payout.scheme, CONF_PPS_PLUS);
    assert_true(c->payout.minimum_sat == 2100000000000000);
    conf_free(c);
}

static void the_example_file_loads_and_names_every_option(void **state)
{
    (void)state;
    struct conf *c;
    struct conf_problem p;
    assert_int_equal(conf_load(&c, &p, "conf/kariz.example.json"), KZ_OK);
    assert_int_equal(c->stratum.listen_count, 6);
    assert_int_equal(c->stratum.listen[5].proxy_peer_count, 2);
    assert_string_equal(c->stratum.listen[5].proxy_peers[1], "10.0.0.0/8");
    assert_true(c->stratum.listen[4].minimum == 0.001);
    conf_free(c);
}

static void the_readme_has_the_table_as_printed(void **state)
{
    (void)state;
    char *printed = NULL, *readme = calloc(1, 1 << 20);
    size_t size;
    FILE *memory = open_memstream(&printed, &size);
    conf_print_markdown(memory);
    fclose(memory);
    FILE *f = fopen("conf/README.md", "r");
    assert_non_null(f);
    assert_true(fread(readme, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    assert_non_null(strstr(readme, printed));
    free(printed);
    free(readme);
}

struct broken {
    const char *text;
    enum kz_err err;
    int line;
    const char *key;
    const char *expected; /* a part of it */
};

static const struct broken broken[] = {
    {"{", KZ_PARSE, 1, "", "not JSON"},
    {"{\n\"coinbase\": {\"address\": \"x\"},\n\"stratm\": {}}", KZ_PARSE, 3, "stratm",
     "unknown key"},
    {"{}", KZ_RANGE, 1, "coinbase.address", "must be given"},
    {"{\n\"coinbase\": {\"descriptor\": \"\"}}", KZ_RANGE, 2, "coinbase.address",
     "or coinbase.descriptor"},
    {"{\n\"coinbase\": {\"address\": \"x\",\n\"descriptor\": \"y\"}}", KZ_RANGE, 3,
     "coinbase.descriptor", "not both"},
    {"{" ADDRESS ",\n\n\"stratum\": {\"vardiff\":\n {\"minimum\": \"5\"}}}", KZ_PARSE,
     4, "stratum.vardiff.minimum", "expected a number"},
    {"{" ADDRESS ",\n\"report\": {\"dir\": \"reports\",\n\"key_file\": \"/k\"}}",
     KZ_RANGE, 2, "report.dir", "absolute path"},
    {"{" ADDRESS ",\n\"report\": {\"dir\": \"/r\",\n\"key_file\": \"k\"}}", KZ_RANGE, 3,
     "report.key_file", "absolute path"},
    {"{" ADDRESS ",\n\"report\": {\"dir\": \"\",\n\"key_file\": \"/k\"}}", KZ_RANGE, 2,
     "report.dir", "both, or neither"},
    {"{" ADDRESS ",\n\"report\": {\"dir\": \"/r\",\n\"key_file\": \"/k\"},\n"
     "\"registry\": {\"operator\": \"\"}}",
     KZ_RANGE, 4, "registry.operator", "whose they are"},
    {"{" ADDRESS ",\n\"instance_number\": 256}", KZ_RANGE, 2, "instance_number",
     "0 to 255"},
    {"{" ADDRESS ",\n\"instance_number\": 1.5}", KZ_PARSE, 2, "instance_number",
     "whole number"},
    {"{" ADDRESS ",\n\"network\": \"mainnet\"}", KZ_RANGE, 2, "network",
     "\"testnet4\""},
    {"{" ADDRESS ",\n\"redis\": \"redis://nowhere\"}", KZ_RANGE, 2, "redis",
     "redis://host:port"},
    {"{" ADDRESS ",\n\"redis\": {\"sentinel\": []}}", KZ_PARSE, 2, "redis.sentinel",
     "unknown key"},
    {"{" ADDRESS ",\n\"redis\": {\"sentinels\": []}}", KZ_RANGE, 2, "redis.sentinels",
     "1 to 16"},
    {"{" ADDRESS ",\n\"redis\": {\n\"sentinels\": \"a:1\"}}", KZ_PARSE, 3,
     "redis.sentinels", "array"},
    {"{" ADDRESS ",\n\"redis\": {\"sentinels\": [\n\"a:26379\",\n\"b\"]}}", KZ_RANGE, 4,
     "redis.sentinels[1]", "host:port"},
    {"{" ADDRESS ",\n\"redis\": {\"sentinels\": [\"a:0\"]}}", KZ_RANGE, 2,
     "redis.sentinels[0]", "host:port"},
    {"{" ADDRESS ",\n\"redis\": {\"sentinels\": [7]}}", KZ_PARSE, 2,
     "redis.sentinels[0]", "string"},
    {"{" ADDRESS ",\n\"redis\": {\"sentinels\": [\"a:1\"],\n\"url\": "
     "\"redis://h:1\"}}",
     KZ_RANGE, 3, "redis.url", "either url or sentinels"},
    {"{" ADDRESS ",\n\"redis\": {\"sentinels\": [\"a:1\"],\n\"master\": \"my set\"}}",
     KZ_RANGE, 3, "redis.master", "name"},
    {"{" ADDRESS ",\n\"redis\": {\"url\": \"redis://h:1\",\n\"master\": \"m\"}}",
     KZ_RANGE, 3, "redis.master", "together with sentinels"},
    {"{" ADDRESS ",\n\"redis\": {\"sentinel_password_file\": \"/p\"}}", KZ_RANGE, 2,
     "redis.sentinel_password_file", "together with sentinels"},
    {"{" ADDRESS ",\n\"stratum\": {\"listen\": [{\"address\": \"a:1\"},\n{\"address\": "
     "\"a:2\", \"tls\": 1}]}}",
     KZ_PARSE, 3, "stratum.listen[1].tls", "true or false"},
    {"{" ADDRESS ",\n\"stratum\": {\"listen\": [\n{\"address\": \"a:1\", \"tls\": "
     "true}]}}",
     KZ_RANGE, 3, "stratum.listen[0]", "stratum.tls.certificate"},
    {"{" ADDRESS ",\n\"stratum\": {\"listen\": [{\"address\": \"a\"}]}}", KZ_RANGE, 2,
     "stratum.listen[0]", "host:port"},
    {"{" ADDRESS
     ",\n\"stratum\": {\"listen\": [{\"address\": \"a:1\", \"minimum\": 0.0001"
     "}]}}",
     KZ_RANGE, 2, "stratum.listen[0]", "one unit of work"},
    {"{" ADDRESS
     ",\n\"nodes\": [{\"url\": \"http://u:p@h:1\", \"cookie_file\": \"/c\"}]}",
     KZ_RANGE, 2, "nodes[0].url", "no user or password"},
    {"{" ADDRESS ",\n\"nodes\": [{\"url\": \"http://h:1\", \"user\": \"u\"}]}",
     KZ_RANGE, 2, "nodes[0]", "cookie_file, or user"},
    {"{" ADDRESS ",\n\"nodes\": [{\"cookie_file\": \"/c\"}]}", KZ_RANGE, 2,
     "nodes[0].url", "must be given"},
    {"{" ADDRESS ",\n\"backup\": {\"at\": \"24:00\"}}", KZ_RANGE, 2, "backup.at",
     "HH:MM"},
    {"{" ADDRESS ",\n\"backup\": {\"at\": \"\"}}", KZ_RANGE, 2, "backup.at", "HH:MM"},
    {"{" ADDRESS ",\n\"backup\": {\"keep\": 0}}", KZ_RANGE, 2, "backup.keep",
     "1 to 10000"},
    {"{" ADDRESS ",\n\"backup\": {\"dir\": \"here\"}}", KZ_RANGE, 2, "backup.dir",
     "absolute path"},
    {"{" ADDRESS ",\n\"data_dir\": \"/d/\",\n\"backup\": {\"dir\": \"/d/b\"}}",
     KZ_RANGE, 3, "backup.dir", "outside data_dir"},
    {"{" ADDRESS ",\n\"nodes\": []}", KZ_RANGE, 2, "nodes", "1 to 8"},
    {"{" ADDRESS ",\n\"http\": {\"listen\": \"8080\"}}", KZ_RANGE, 2, "http.listen",
     "127.0.0.1:8080"},
    {"{" ADDRESS ",\n\"http\": {\"listen\": \"127.0.0.1:65536\"}}", KZ_RANGE, 2,
     "http.listen", "a port"},
    {"{" ADDRESS ",\n\"http\": {\"url\": \"pool.example\"}}", KZ_RANGE, 2, "http.url",
     "https://host"},
    {"{" ADDRESS ",\n\"http\": {\"url\": \"https://pool.example/\"}}", KZ_RANGE, 2,
     "http.url", "without a slash"},
    {"{" ADDRESS ",\n\"stratum\": {\"version_mask\": \"ffffffff\"}}", KZ_RANGE, 2,
     "stratum.version_mask", "1fffffe0"},
    {"{" ADDRESS ",\n\"instance\": \"a\",\n\"instance\": \"b\"}", KZ_PARSE, 3, "",
     "duplicate"},
    {"{" ADDRESS ",\n\"tally\": {\"hours_days\": 1}}", KZ_RANGE, 2, "tally.hours_days",
     "2 to 400"},
    {"{" ADDRESS ",\n\"payout\": {\"fee_percent\": 1.00001}}", KZ_RANGE, 2,
     "payout.fee_percent", "multiple of 0.0001"},
    {"{" ADDRESS ",\n\"payout\": {\"fee_percent\": 100.0001}}", KZ_RANGE, 2,
     "payout.fee_percent", "0 to 100"},
    {"{" ADDRESS ",\n\"payout\": {\"window\": 0}}", KZ_RANGE, 2, "payout.window",
     "0.001 to 1000"},
    {"{" ADDRESS ",\n\"payout\": {\"window\": null}}", KZ_PARSE, 2, "payout.window",
     "expected a number"},
    {"{" ADDRESS ",\n\"payout\": {\"minimum\": 1.0}}", KZ_PARSE, 2, "payout.minimum",
     "whole number"},
    {"{" ADDRESS ",\n\"payout\": {\"minimum\": 2100000000000001}}", KZ_RANGE, 2,
     "payout.minimum", "0 to 2100000000000000 satoshi"},
    {"{" ADDRESS ",\n\"payout\": {\"maturity\": 99}}", KZ_RANGE, 2, "payout.maturity",
     "100 to"},
    {"{" ADDRESS ",\n\"payout\": {\"scheme\": \"score\"}}", KZ_RANGE, 2,
     "payout.scheme", "\"pps_plus\""},
    {"{" ADDRESS ",\n\"stratum\": {\"listen\": [{\"address\": \"a:1\", "
     "\"coinbase\": \"huge\"}]}}",
     KZ_RANGE, 2, "stratum.listen[0].coinbase", "\"antminer\""},
    {"{" ADDRESS ",\n\"instance\": \"Front 1\"}", KZ_RANGE, 2, "instance",
     "lower-case"},
    {"[]", KZ_PARSE, 1, "", "object"},
};

static void a_wrong_setting_is_named_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        const struct broken *b = &broken[i];
        struct conf *c = NULL;
        struct conf_problem p;
        assert_int_equal(load_text(&c, &p, b->text), b->err);
        assert_null(c);
        assert_string_equal(p.key, b->key);
        if (strstr(p.expected, b->expected) == NULL)
            fail_msg("case %zu: \"%s\" lacks \"%s\"", i, p.expected, b->expected);
        if (p.line != b->line)
            fail_msg("case %zu: line %d, not %d", i, p.line, b->line);
    }
}

static void redis_urls_are_taken_apart(void **state)
{
    (void)state;
    struct conf *c = load_fine("{" ADDRESS ", \"redis\": \"redis://[::1]:6380/3\"}");
    assert_int_equal(c->redis_mode, CONF_REDIS_TCP);
    assert_string_equal(c->redis_host, "::1");
    assert_int_equal(c->redis_port, 6380);
    assert_int_equal(c->redis_db, 3);
    conf_free(c);
    c = load_fine("{" ADDRESS ", \"redis\": {\"url\": \"unix:///run/r.sock\", "
                  "\"password_file\": \"/p\"}}");
    assert_int_equal(c->redis_mode, CONF_REDIS_UNIX);
    assert_string_equal(c->redis_path, "/run/r.sock");
    assert_string_equal(c->redis_password_file, "/p");
    conf_free(c);
}

static void sentinels_are_taken_apart(void **state)
{
    (void)state;
    struct conf *c = load_fine("{" ADDRESS ", \"redis\": {\"sentinels\": "
                               "[\"10.0.0.1:26379\", \"[::1]:26380\"]}}");
    assert_int_equal(c->redis_mode, CONF_REDIS_SENTINEL);
    assert_int_equal(c->redis_sentinel_count, 2);
    assert_string_equal(c->redis_sentinels[0].host, "10.0.0.1");
    assert_int_equal(c->redis_sentinels[0].port, 26379);
    assert_string_equal(c->redis_sentinels[1].host, "::1");
    assert_int_equal(c->redis_sentinels[1].port, 26380);
    assert_string_equal(c->redis_master, "kariz");
    struct conf *d = load_fine("{" ADDRESS ", \"redis\": {\"sentinels\": "
                               "[\"10.0.0.1:26379\", \"[::1]:26381\"], \"master\": "
                               "\"pool-1\", \"password_file\": \"/p\", "
                               "\"sentinel_password_file\": \"/s\"}}");
    assert_string_equal(d->redis_master, "pool-1");
    assert_string_equal(d->redis_password_file, "/p");
    assert_string_equal(d->redis_sentinel_password_file, "/s");
    snprintf(d->redis_master, sizeof(d->redis_master), "kariz");
    memset(d->redis_password_file, 0, sizeof(d->redis_password_file));
    memset(d->redis_sentinel_password_file, 0, sizeof(d->redis_sentinel_password_file));
    char changed[200];
    conf_needs_restart(changed, sizeof(changed), c, d);
    assert_string_equal(changed, "redis"); /* for one port of one sentinel */
    d->redis_sentinels[1].port = 26380;
    conf_needs_restart(changed, sizeof(changed), c, d);
    assert_string_equal(changed, "");
    conf_free(c);
    conf_free(d);
}

static void a_reload_tells_what_needs_a_restart(void **state)
{
    (void)state;
    char changed[200];
    struct conf *a = load_fine("{" ADDRESS "}");
    struct conf *b = load_fine("{" ADDRESS ", \"log\": {\"level\": \"debug\"}, "
                               "\"stratum\": {\"vardiff\": {\"minimum\": 1024}}}");
    struct conf *c = load_fine("{" ADDRESS ", \"flush_ms\": 100, \"redis\": "
                               "\"redis://h:1/0\", \"stratum\": {\"listen\": "
                               "[{\"address\": \"0.0.0.0:3334\"}]}}");
    conf_needs_restart(changed, sizeof(changed), a, b);
    assert_string_equal(changed, "");
    conf_needs_restart(changed, sizeof(changed), a, c);
    assert_string_equal(changed, "flush_ms, stratum.listen[0].address, redis");
    conf_free(a);
    conf_free(b);
    conf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_file_gets_safe_defaults),
        cmocka_unit_test(tally_retention_is_set_by_four_options),
        cmocka_unit_test(payout_defaults_are_those_of_the_specification),
        cmocka_unit_test(decimals_are_kept_to_the_last_one),
        cmocka_unit_test(the_example_file_loads_and_names_every_option),
        cmocka_unit_test(the_readme_has_the_table_as_printed),
        cmocka_unit_test(a_wrong_setting_is_named_with_its_line),
        cmocka_unit_test(redis_urls_are_taken_apart),
        cmocka_unit_test(sentinels_are_taken_apart),
        cmocka_unit_test(a_reload_tells_what_needs_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
