#include "share/job.h"

#include "conf/mem.h"
#include "share/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/raw_block.h"
#include "tests/unit/vectors.h"

#define ONES  "1111111111111111111111111111111111111111111111111111111111111111"
#define TAG   "/Kariz/"
#define VALUE 1250000000

static const uint8_t pool_script[22] = {0x00, 0x14, 1, 2, 3};
/* Generation, extranonce1, extranonce2. */
static const uint8_t extranonce[JOB_EXTRANONCE_SIZE] = {1, 2, 3,  4,  5,  6, 7,
                                                        8, 9, 10, 11, 12, 13};

static struct template *template_of(const json_t *json)
{
    const struct template_rules rules = {.signet = false};
    struct template *t = NULL;
    char why[TEMPLATE_WHY_SIZE] = "";
    if (template_parse(&t, why, json, &rules) != KZ_OK)
        fail_msg("%s", why);
    return t;
}

static struct template *empty_template(int64_t height, bool segwit)
{
    json_t *json = json_pack("{s:I, s:s, s:s, s:i, s:i, s:i, s:i, s:[], s:[s]}",
                             "height", (json_int_t)height, "previousblockhash", ONES,
                             "bits", "207fffff", "curtime", 1700000000, "mintime",
                             1699990000, "version", 0x20000000, "coinbasevalue", VALUE,
                             "transactions", "rules", segwit ? "!segwit" : "csv");
    struct template *t = template_of(json);
    json_decref(json);
    return t;
}

static enum kz_err make(struct job **job, char *why, struct template *t,
                        const char *tag, int64_t value)
{
    const struct job_output output = {value, {pool_script, sizeof(pool_script)}};
    const struct job_spec spec = {.template = t,
                                  .id = {0x1a2b},
                                  .ntime = 1700000005,
                                  .tag = tag,
                                  .outputs = &output,
                                  .output_count = 1};
    return job_new(job, why, &spec);
}

static struct job *make_fine(struct template *t, const char *tag)
{
    struct job *job = NULL;
    char why[JOB_WHY_SIZE] = "";
    if (make(&job, why, t, tag, VALUE) != KZ_OK)
        fail_msg("%s", why);
    return job;
}

/* The coinbase as rigs hash it. */
static size_t coinbase_of(uint8_t *out, size_t room, const struct job *job)
{
    size_t len = job->coinb1.len + JOB_EXTRANONCE_SIZE + job->coinb2.len;
    assert_true(len <= room);
    memcpy(out, job->coinb1.p, job->coinb1.len);
    memcpy(out + job->coinb1.len, extranonce, JOB_EXTRANONCE_SIZE);
    memcpy(out + job->coinb1.len + JOB_EXTRANONCE_SIZE, job->coinb2.p, job->coinb2.len);
    return len;
}

static void heights_are_pushed_as_bip34_says(void **state)
{
    (void)state;
    const struct {
        uint32_t height;
        const char *script;
    } cases[] = {{1, "51"},           {16, "60"},
                 {17, "0111"},        {127, "017f"},
                 {128, "028000"},     {255, "02ff00"},
                 {256, "020001"},     {32767, "02ff7f"},
                 {32768, "03008000"}, {8388608, "0400008000"},
                 {840000, "0340d10c"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t script[JOB_HEIGHT_SCRIPT_MAX];
        char hex[2 * JOB_HEIGHT_SCRIPT_MAX + 1];
        hex_encode(hex, script, job_height_script(script, cases[i].height));
        assert_string_equal(hex, cases[i].script);
    }
}

static void heights_of_the_vectors_are_pushed_right(void **state)
{
    (void)state;
    json_t *file = vectors_json("consensus/bip34.json");
    const json_t *list = json_object_get(file, "encodings");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        uint8_t script[JOB_HEIGHT_SCRIPT_MAX];
        char hex[2 * JOB_HEIGHT_SCRIPT_MAX + 1];
        size_t len = job_height_script(script, (uint32_t)number_at(one, "height"));
        hex_encode(hex, script, len);
        assert_string_equal(hex, text_at(one, "script_prefix"));
    }
    list = json_object_get(file, "real_coinbases");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        uint8_t script[JOB_HEIGHT_SCRIPT_MAX];
        char hex[2 * JOB_HEIGHT_SCRIPT_MAX + 1];
        size_t len = job_height_script(script, (uint32_t)number_at(one, "height"));
        hex_encode(hex, script, len);
        assert_int_equal(strncmp(hex, text_at(one, "script_sig"), 2 * len) == 0,
                         json_is_true(json_object_get(one, "matches")));
    }
    json_decref(file);
}

static void the_coinbase_is_byte_for_byte_what_it_should_be(void **state)
{
    (void)state;
    struct template *t = empty_template(840000, true);
    struct job *job = make_fine(t, TAG);
    uint8_t coinbase[500];
    char hex[1001], want[1001], commitment[65];
    size_t len = coinbase_of(coinbase, sizeof(coinbase), job);
    hex_encode(hex, coinbase, len);
    hex_encode(commitment, t->witness_commitment.b, 32);
    snprintf(
        want, sizeof(want),
        "02000000010000000000000000000000000000000000000000000000000000000000000000"
        "ffffffff1a0340d10c0d0102030405060708090a0b0c0d07%sfeffffff02"
        "807c814a00000000160014%s0000000000000000266a24aa21a9ed%s3fd10c00",
        "2f4b6172697a2f", "0102030000000000000000000000000000000000", commitment);
    assert_string_equal(hex, want);
    job_unref(job);
    template_unref(t);
}

static void the_parts_stay_small_enough_for_rigs(void **state)
{
    (void)state;
    char tag[JOB_TAG_MAX + 1];
    memset(tag, 't', JOB_TAG_MAX);
    tag[JOB_TAG_MAX] = '\0';
    struct template *t = empty_template(INT32_MAX, true);
    struct job *job = make_fine(t, tag);
    assert_true(job->coinb1.len < 384);
    assert_true(job->coinb2.len < 384);
    assert_true(job->coinb1.len + job->coinb2.len + JOB_EXTRANONCE_SIZE < 500);
    assert_true(job->coinb1.p[41] <= 100); /* the script's length */
    job_unref(job);
    template_unref(t);
}

static void the_script_is_valid_pushes_at_every_height_and_tag(void **state)
{
    (void)state;
    const uint32_t heights[] = {1, 16, 17, 128, 840000, 8388608, INT32_MAX};
    const char *const tags[] = {"", "x", TAG, "\xc3\xa4"};
    for (size_t h = 0; h < sizeof(heights) / sizeof(heights[0]); h++) {
        for (size_t k = 0; k < sizeof(tags) / sizeof(tags[0]); k++) {
            struct template *t = empty_template(heights[h], true);
            struct job *job = make_fine(t, tags[k]);
            uint8_t coinbase[500];
            coinbase_of(coinbase, sizeof(coinbase), job);
            size_t script_len = coinbase[41], at = 42;
            while (at < 42 + script_len) {
                unsigned op = coinbase[at++];
                assert_true((op >= 1 && op <= 75) || (op >= 0x51 && op <= 0x60));
                at += op <= 75 ? op : 0;
            }
            assert_int_equal(at, 42 + script_len);
            assert_memory_equal(coinbase + at, "\xfe\xff\xff\xff", 4);
            job_unref(job);
            template_unref(t);
        }
    }
}

static void the_notify_line_is_the_jobs_fields(void **state)
{
    (void)state;
    struct template *t = empty_template(840000, true);
    struct job *job = make_fine(t, TAG);
    char tail[JOB_NOTIFY_TAIL_SIZE], line[2048], coinb2[1001];
    size_t tail_len = job_notify_tail(tail, job->ntime, true);
    assert_string_equal(tail, "6553f105\",true]}\n");
    memcpy(line, job->notify.p, job->notify.len);
    memcpy(line + job->notify.len, tail, tail_len + 1);

    json_error_t problem;
    json_t *json = json_loads(line, 0, &problem);
    assert_non_null(json);
    assert_true(json_is_null(json_object_get(json, "id")));
    assert_string_equal(text_at(json, "method"), "mining.notify");
    const json_t *p = json_object_get(json, "params");
    assert_int_equal(json_array_size(p), 9);
    assert_string_equal(json_string_value(json_array_get(p, 0)), "1a2b");
    assert_string_equal(json_string_value(json_array_get(p, 1)), ONES);
    hex_encode(coinb2, job->coinb2.p, job->coinb2.len);
    assert_string_equal(json_string_value(json_array_get(p, 3)), coinb2);
    assert_int_equal(json_array_size(json_array_get(p, 4)), 0);
    assert_string_equal(json_string_value(json_array_get(p, 5)), "20000000");
    assert_string_equal(json_string_value(json_array_get(p, 6)), "207fffff");
    assert_string_equal(json_string_value(json_array_get(p, 7)), "6553f105");
    assert_true(json_is_true(json_array_get(p, 8)));
    json_decref(json);

    assert_int_equal(job_notify_tail(tail, 1, false), strlen("00000001\",false]}\n"));
    assert_string_equal(tail, "00000001\",false]}\n");
    job_unref(job);
    template_unref(t);
}

static void assert_refused(struct template *t, const char *tag, int64_t value,
                           const char *names)
{
    struct job *job = NULL;
    char why[JOB_WHY_SIZE] = "";
    assert_int_equal(make(&job, why, t, tag, value), KZ_RANGE);
    assert_non_null(strstr(why, names));
    assert_null(job);
}

static void outputs_must_sum_to_the_templates_value(void **state)
{
    (void)state;
    struct template *t = empty_template(100, true);
    assert_refused(t, TAG, VALUE - 1, "outputs");
    assert_refused(t, TAG, VALUE + 1, "outputs");
    assert_refused(t, TAG, -1, "outputs");
    template_unref(t);
}

static void a_tag_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char tag[JOB_TAG_MAX + 2];
    memset(tag, 't', sizeof(tag) - 1);
    tag[sizeof(tag) - 1] = '\0';
    struct template *t = empty_template(100, true);
    assert_refused(t, tag, VALUE, "tag");
    template_unref(t);
}

static void a_block_over_the_weight_or_sigop_limit_is_refused(void **state)
{
    (void)state;
    struct template *t = empty_template(100, true);
    struct job *job = make_fine(t, TAG);
    size_t bytes = job->coinb1.len + JOB_EXTRANONCE_SIZE + job->coinb2.len;
    uint64_t own = 4 * bytes + 36 + 4 * 81;
    job_unref(job);
    t->weight = t->weight_limit - own;
    job_unref(make_fine(t, TAG));
    t->weight++;
    assert_refused(t, TAG, VALUE, "weight");
    t->weight = 0;
    t->sigops = t->sigop_limit;
    job_unref(make_fine(t, TAG)); /* P2WPKH adds none */
    t->sigops++;
    assert_refused(t, TAG, VALUE, "sigops");
    template_unref(t);
}

static void a_p2pkh_output_counts_four_sigops_with_segwit_and_one_without(void **state)
{
    (void)state;
    const uint8_t p2pkh[25] = {0x76, 0xa9, 0x14, [23] = 0x88, [24] = 0xac};
    const struct job_output output = {VALUE, {p2pkh, sizeof(p2pkh)}};
    for (int segwit = 0; segwit <= 1; segwit++) {
        struct template *t = empty_template(100, segwit == 1);
        struct job *job = NULL;
        char why[JOB_WHY_SIZE];
        struct job_spec spec = {
            .template = t, .id = {1}, .tag = "", .outputs = &output, .output_count = 1};
        t->sigops = t->sigop_limit - (segwit == 1 ? 4 : 1);
        assert_int_equal(job_new(&job, why, &spec), KZ_OK);
        job_unref(job);
        t->sigops++;
        assert_int_equal(job_new(&job, why, &spec), KZ_RANGE);
        template_unref(t);
    }
}

static void job_ids_are_read_in_either_case(void **state)
{
    (void)state;
    struct job_id id = {7};
    assert_int_equal(job_id_parse(&id, "1A2b", 4), KZ_OK);
    assert_true(id.serial == 0x1a2b);
    assert_int_equal(job_id_parse(&id, "123456789abcdef0", 16), KZ_OK);
    assert_true(id.serial == UINT64_C(0x123456789abcdef0));
    const char *const bad[] = {"", "x", "0x1", "-1", " 1", "123456789abcdef01"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(job_id_parse(&id, bad[i], strlen(bad[i])), KZ_PARSE);
    assert_true(id.serial == UINT64_C(0x123456789abcdef0));
}

static void recorded_fields_that_are_malformed_are_refused(void **state)
{
    (void)state;
    const char *branch[] = {ONES};
    const struct job_fields fine = {.prevhash = ONES,
                                    .coinb1 = "01",
                                    .coinb2 = "02",
                                    .version = "20000000",
                                    .nbits = "1d00ffff",
                                    .ntime = "4966bc61",
                                    .branch = branch,
                                    .branch_count = 1,
                                    .id = {1}};
    struct job *job = NULL;
    assert_int_equal(job_from_fields(&job, &fine), KZ_OK);
    struct job *again = job_ref(job);
    job_unref(job);
    job_unref(again);
    job = NULL;
    struct job_fields f[8];
    for (size_t i = 0; i < 8; i++)
        f[i] = fine;
    f[0].prevhash = "11";
    f[1].coinb1 = "0";
    f[2].coinb2 = "zz";
    f[3].version = "2000000";
    f[4].nbits = "00000000";
    f[5].ntime = "0x4966bc";
    f[6].branch_count = TEMPLATE_BRANCH_MAX + 1;
    branch[0] = ONES;
    const char *short_branch[] = {"11"};
    f[7].branch = short_branch;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(job_from_fields(&job, &f[i]), KZ_PARSE);
    assert_null(job);
    job_unref(NULL);
    assert_null(job_ref(NULL));
}

static void check_block(const struct job *job, bool witness, const struct raw_tx *txs,
                        size_t count)
{
    uint8_t header[80] = {0}, coinbase[500];
    struct hash256 txid, root, *hashes = calloc(count, sizeof(*hashes));
    size_t coinbase_len = coinbase_of(coinbase, sizeof(coinbase), job);
    hash256_double(&txid, coinbase, coinbase_len);
    merkle_fold(&root, &txid, job->branch, job->branch_count);
    memcpy(header + 36, root.b, 32);

    size_t hex_len = 0, got = 0;
    char *hex = job_block_hex(job, header, extranonce, &hex_len);
    assert_int_equal(strlen(hex), hex_len);
    uint8_t *block = malloc(hex_len / 2);
    assert_int_equal(hex_decode(block, hex_len / 2, hex, hex_len), KZ_OK);
    struct raw_tx *read = raw_block_read(&got, block, hex_len / 2);
    assert_int_equal(got, count);
    assert_int_equal(read[0].has_witness, witness);
    assert_true(hash256_equal(&read[0].txid, &txid));
    if (witness) /* one item of 32 zeros, then the lock time */
        assert_memory_equal(read[0].p + read[0].len - 38, "\x01\x20\0\0", 4);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = read[i].txid;
        if (i > 0)
            assert_true(hash256_equal(&read[i].wtxid, &txs[i].wtxid));
    }
    struct hash256 branch[TEMPLATE_BRANCH_MAX], again;
    size_t steps = merkle_branch(branch, TEMPLATE_BRANCH_MAX, hashes, count);
    merkle_fold(&again, &hashes[0], branch, steps);
    assert_true(hash256_equal(&again, &root));
    mem_free(hex);
    free(block);
    free(read);
    free(hashes);
}

static void an_empty_block_is_assembled_with_and_without_witness(void **state)
{
    (void)state;
    for (int segwit = 0; segwit <= 1; segwit++) {
        struct template *t = empty_template(5, segwit == 1);
        struct job *job = make_fine(t, TAG);
        template_unref(t); /* the job holds its own reference */
        check_block(job, segwit == 1, NULL, 1);
        job_unref(job);
    }
}

static void a_real_blocks_transactions_are_assembled_behind_our_coinbase(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int64_t height;
        bool segwit;
    } cases[] = {{"blocks/mainnet-0277647.raw", 277647, false},
                 {"blocks/mainnet-0482683.raw", 482683, true},
                 {"blocks/mainnet-0702861.raw", 702861, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[4096];
        size_t len, count;
        vectors_path(path, sizeof(path), cases[i].file);
        uint8_t *raw = vectors_bytes(path, &len);
        struct raw_tx *txs = raw_block_read(&count, raw, len);
        json_t *json =
            raw_block_template(raw, txs, count, cases[i].height, cases[i].segwit);
        struct template *t = template_of(json);
        json_decref(json);
        struct job *job = make_fine(t, TAG);
        check_block(job, cases[i].segwit, txs, count);
        job_unref(job);
        template_unref(t);
        free(txs);
        free(raw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heights_are_pushed_as_bip34_says),
        cmocka_unit_test(heights_of_the_vectors_are_pushed_right),
        cmocka_unit_test(the_coinbase_is_byte_for_byte_what_it_should_be),
        cmocka_unit_test(the_parts_stay_small_enough_for_rigs),
        cmocka_unit_test(the_script_is_valid_pushes_at_every_height_and_tag),
        cmocka_unit_test(the_notify_line_is_the_jobs_fields),
        cmocka_unit_test(outputs_must_sum_to_the_templates_value),
        cmocka_unit_test(a_tag_that_is_too_long_is_refused),
        cmocka_unit_test(a_block_over_the_weight_or_sigop_limit_is_refused),
        cmocka_unit_test(a_p2pkh_output_counts_four_sigops_with_segwit_and_one_without),
        cmocka_unit_test(job_ids_are_read_in_either_case),
        cmocka_unit_test(recorded_fields_that_are_malformed_are_refused),
        cmocka_unit_test(an_empty_block_is_assembled_with_and_without_witness),
        cmocka_unit_test(a_real_blocks_transactions_are_assembled_behind_our_coinbase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
