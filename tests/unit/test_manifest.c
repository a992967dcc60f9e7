/* The manifest: one text for one content, signed, and read back as it was. */
#include "pool/report/manifest.h"

#include "conf/mem.h"
#include "pool/canon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "package_fixture.h"

struct bed {
    struct sign_context *context;
    struct manifest_report reports[1];
    struct manifest_file files[2];
    struct manifest_journal journal[1];
    struct manifest_audit audit[1];
    struct manifest m;
    struct hash256 other;
    char *text;
    size_t len;
};

static const char *const languages[] = {"tk", "ru"};

static struct bytes text_of(const struct bed *b)
{
    return (struct bytes){(const uint8_t *)b->text, b->len};
}

static int make_bed(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    uint8_t point[PUBKEY_SIZE];
    b->context = sign_context_new();
    b->reports[0] = (struct manifest_report){REPORT_R4, 31, 2};
    b->files[0] = (struct manifest_file){"R4.json", "R4", 12345, {{1}}};
    b->files[1] = (struct manifest_file){"report.xsd", NULL, 99, {{2}}};
    b->journal[0] = (struct manifest_journal){"front-1", 1, 9007199254740991};
    b->audit[0] = (struct manifest_audit){"front-1", 42, {{3}}};
    b->m.facts = fixture_facts();
    b->m.facts.languages = languages;
    b->m.facts.language_count = 2;
    b->m.facts.journal = b->journal;
    b->m.facts.journal_count = 1;
    b->m.facts.audit = b->audit;
    b->m.facts.audit_count = 1;
    b->m.reports = b->reports;
    b->m.report_count = 1;
    b->m.files = b->files;
    b->m.file_count = 2;
    b->other.b[0] = 0x77;
    *state = b;
    if (sign_public_key(point, b->context, fixture_key) != KZ_OK)
        return -1;
    memcpy(b->m.key, point + 1, XONLY_SIZE);
    return manifest_format(&b->text, &b->len, &b->m) == KZ_OK ? 0 : -1;
}

static int free_bed(void **state)
{
    struct bed *b = *state;
    sign_context_free(b->context);
    mem_free(b->text);
    free(b);
    return 0;
}

static void what_is_read_is_what_was_written(void **state)
{
    struct bed *b = *state;
    struct manifest *m = NULL;
    char why[MANIFEST_WHY_SIZE] = "", *again = NULL;
    size_t len = 0;
    if (manifest_parse(&m, why, text_of(b)) != KZ_OK)
        fail_msg("%s", why);
    assert_string_equal(m->facts.operator_name, "Käriz Howuz");
    assert_string_equal(m->facts.request, "01-17/204");
    assert_null(m->facts.commit);
    assert_null(m->facts.previous);
    assert_int_equal(m->facts.period.from_ms, b->m.facts.period.from_ms);
    assert_int_equal(m->facts.made_ms, FIXTURE_MADE_MS);
    assert_int_equal(m->facts.journal[0].last, 9007199254740991);
    assert_string_equal(m->files[0].report, "R4");
    assert_null(m->files[1].report);
    assert_memory_equal(m->key, b->m.key, XONLY_SIZE);
    assert_int_equal(manifest_format(&again, &len, m), KZ_OK);
    assert_string_equal(again, b->text);
    mem_free(again);
    manifest_free(m);
    manifest_free(NULL);
}

static void it_says_from_which_commit_the_software_was_built(void **state)
{
    struct bed *b = *state;
    struct manifest *m = NULL;
    char why[MANIFEST_WHY_SIZE] = "", *text = NULL;
    size_t len = 0;
    b->m.facts.commit = "09300945592cd2afdf957ad2cbdc2bea15025624-dirty";
    assert_int_equal(manifest_format(&text, &len, &b->m), KZ_OK);
    assert_int_equal(
        manifest_parse(&m, why, (struct bytes){(const uint8_t *)text, len}), KZ_OK);
    assert_string_equal(m->facts.commit, b->m.facts.commit);
    manifest_free(m);
    mem_free(text);
}

static void a_correction_names_what_it_corrects(void **state)
{
    struct bed *b = *state;
    for (int status = MANIFEST_CORRECTION; status <= MANIFEST_CANCELLATION; status++) {
        struct manifest changed = b->m, *m = NULL;
        char why[MANIFEST_WHY_SIZE] = "", *text = NULL;
        size_t len = 0;
        changed.facts.status = (enum manifest_status)status;
        changed.facts.corrects = &b->other;
        changed.facts.previous = &b->other;
        assert_int_equal(manifest_format(&text, &len, &changed), KZ_OK);
        struct bytes bytes = {(const uint8_t *)text, len};
        if (manifest_parse(&m, why, bytes) != KZ_OK)
            fail_msg("%s", why);
        assert_int_equal(m->facts.status, status);
        assert_memory_equal(m->facts.corrects, &b->other, 32);
        assert_memory_equal(m->facts.previous, &b->other, 32);
        manifest_free(m);
        mem_free(text);
    }
}

static void what_cannot_be_json_is_not_written(void **state)
{
    struct bed *b = *state;
    struct manifest changed = b->m;
    char *text = NULL;
    size_t len = 0;
    changed.facts.operator_name = "\377";
    assert_int_equal(manifest_format(&text, &len, &changed), KZ_RANGE);
    changed = b->m;
    b->journal[0].last = UINT64_C(9007199254740992);
    assert_int_equal(manifest_format(&text, &len, &changed), KZ_RANGE);
    b->journal[0].last = UINT64_MAX;
    assert_int_equal(manifest_format(&text, &len, &changed), KZ_RANGE);
    assert_null(text);
}

static void files_have_plain_names_in_order_each_once(void **state)
{
    struct bed *b = *state;
    static const struct {
        const char *first, *second;
        bool is_fine;
    } rows[] = {
        {"R4.json", "report.xsd", true}, {"report.xsd", "R4.json", false},
        {"R4.json", "R4.json", false},   {"../passwd", "report.xsd", false},
        {"a/b", "report.xsd", false},    {".hidden", "report.xsd", false},
        {"", "report.xsd", false},       {"R4.json", "manifest.json", false},
        {"a b", "report.xsd", false},    {"R4.json", "manifest.sig", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = NULL;
        size_t len = 0;
        b->files[0].name = rows[i].first;
        b->files[1].name = rows[i].second;
        enum kz_err err = manifest_format(&text, &len, &b->m);
        if (err != (rows[i].is_fine ? KZ_OK : KZ_RANGE))
            fail_msg("row %zu", i);
        mem_free(text);
    }
}

/* --- damaged texts -------------------------------------------------------------------- */

/* The manifest with one member changed (NULL: taken away), written anew. */
static enum kz_err parse_changed(const struct bed *b, char why[MANIFEST_WHY_SIZE],
                                 const char *member, json_t *value)
{
    json_t *root = NULL;
    struct manifest *m = NULL;
    char *text = NULL;
    size_t len = 0;
    assert_int_equal(canon_read(&root, text_of(b)), KZ_OK);
    if (value == NULL)
        json_object_del(root, member);
    else
        json_object_set_new(root, member, value);
    assert_int_equal(canon_format(&text, &len, root), KZ_OK);
    enum kz_err err =
        manifest_parse(&m, why, (struct bytes){(const uint8_t *)text, len});
    manifest_free(m);
    mem_free(text);
    json_decref(root);
    return err;
}

static void every_member_is_needed_and_no_other_is_taken(void **state)
{
    struct bed *b = *state;
    char why[MANIFEST_WHY_SIZE];
    const char *name;
    json_t *root = NULL, *value;
    assert_int_equal(canon_read(&root, text_of(b)), KZ_OK);
    json_object_foreach(root, name, value)
    {
        assert_int_equal(parse_changed(b, why, name, NULL), KZ_PARSE);
        if (strstr(why, name) == NULL)
            fail_msg("%s: %s", name, why);
        assert_int_equal(parse_changed(b, why, name, json_true()), KZ_PARSE);
    }
    assert_int_equal(parse_changed(b, why, "extra", json_null()), KZ_PARSE);
    json_decref(root);
}

static void members_have_their_forms(void **state)
{
    struct bed *b = *state;
    const struct {
        const char *member, *json;
    } rows[] = {
        {"schema", "\"kariz-report/2\""},
        {"status", "\"old\""},
        {"status", "\"correction\""}, /* of nothing */
        {"corrects", "\"00\""},
        {"corrects",
         "\"0000000000000000000000000000000000000000000000000000000000000000\""},
        {"previous", "7"},
        {"period",
         "{\"from\":\"2026-10-01\",\"name\":\"2026-10\",\"to\":\"2026-11-01\","
         "\"utc_offset_minutes\":300}"}, /* midnights of another zone */
        {"period", "{\"from\":\"x\",\"name\":\"2026-10\",\"to\":\"y\","
                   "\"utc_offset_minutes\":0}"},
        {"languages", "[1]"},
        {"disclosure", "\"top secret\""},
        {"disclosure", "\"subject\""}, /* of nobody */
        {"subject", "\"alice\""},      /* at another level */
        {"subject", "1"},
        {"request", "1"},
        {"made_at", "\"today\""},
        {"journal", "[{\"instance\":\"a\",\"first\":-1,\"last\":2}]"},
        {"journal", "[{\"instance\":\"a\",\"first\":1}]"},
        {"audit", "[{\"instance\":\"a\",\"seq\":1,\"hash\":\"00\"}]"},
        {"reports", "[{\"id\":\"R11\",\"rows\":1,\"totals\":0}]"},
        {"reports", "{}"},
        {"files",
         "[{\"name\":\"../x\",\"report\":null,\"bytes\":1,\"sha256\":"
         "\"0000000000000000000000000000000000000000000000000000000000000000\"}"
         "]"},
        {"key", "\"02\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char why[MANIFEST_WHY_SIZE];
        json_t *value = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        if (parse_changed(b, why, rows[i].member, value) != KZ_PARSE)
            fail_msg("row %zu", i);
    }
}

static void only_the_canonical_form_is_read(void **state)
{
    struct bed *b = *state;
    struct manifest *m = NULL;
    char why[MANIFEST_WHY_SIZE], text[4096];
    assert_true(b->len + 2 < sizeof(text));
    snprintf(text, sizeof(text), "%s\n", b->text);
    struct bytes bytes = {(const uint8_t *)text, b->len + 1};
    assert_int_equal(manifest_parse(&m, why, bytes), KZ_PARSE);
    snprintf(text, sizeof(text), "{ %s", b->text + 1);
    assert_int_equal(manifest_parse(&m, why, bytes), KZ_PARSE);
    assert_null(m);
}

/* --- the signature -------------------------------------------------------------------- */

static void a_signature_is_of_every_byte_and_of_one_key(void **state)
{
    struct bed *b = *state;
    char signature[MANIFEST_SIGNATURE + 1];
    uint8_t aux[32] = {0}, key[XONLY_SIZE];
    assert_int_equal(manifest_sign(signature, b->context, text_of(b), fixture_key, aux),
                     KZ_OK);
    struct bytes sig = {(const uint8_t *)signature, MANIFEST_SIGNATURE};
    assert_true(manifest_is_signed(b->context, text_of(b), sig, b->m.key));
    for (size_t i = 0; i < b->len; i++) {
        b->text[i] ^= 1;
        assert_false(manifest_is_signed(b->context, text_of(b), sig, b->m.key));
        b->text[i] ^= 1;
    }
    for (size_t i = 0; i < MANIFEST_SIGNATURE; i++) {
        signature[i] ^= 1;
        assert_false(manifest_is_signed(b->context, text_of(b), sig, b->m.key));
        signature[i] ^= 1;
    }
    memcpy(key, b->m.key, sizeof(key));
    key[31] ^= 1;
    assert_false(manifest_is_signed(b->context, text_of(b), sig, key));
    assert_true(manifest_is_signed(b->context, text_of(b), sig, b->m.key));
}

static void a_signature_has_one_spelling(void **state)
{
    struct bed *b = *state;
    char signature[MANIFEST_SIGNATURE + 2];
    uint8_t aux[32] = {9};
    assert_int_equal(manifest_sign(signature, b->context, text_of(b), fixture_key, aux),
                     KZ_OK);
    struct bytes sig = {(const uint8_t *)signature, MANIFEST_SIGNATURE};
    sig.len--;
    assert_false(manifest_is_signed(b->context, text_of(b), sig, b->m.key));
    sig.len += 2;
    assert_false(manifest_is_signed(b->context, text_of(b), sig, b->m.key));
    sig.len--;
    size_t letter = strcspn(signature, "abcdef");
    signature[letter] = (char)(signature[letter] - 'a' + 'A');
    assert_false(manifest_is_signed(b->context, text_of(b), sig, b->m.key));
}

/* So that other programs can be told how: SHA256(SHA256(tag) || SHA256(tag) || bytes). */
static void the_hash_is_bip340s_tagged_hash_of_the_bytes(void **state)
{
    struct bed *b = *state;
    struct hash256 tag, expected, got;
    uint8_t *all = malloc(64 + b->len);
    assert_non_null(all);
    hash256_single(&tag, "Kariz/report/1", 14);
    memcpy(all, tag.b, 32);
    memcpy(all + 32, tag.b, 32);
    memcpy(all + 64, b->text, b->len);
    hash256_single(&expected, all, 64 + b->len);
    assert_int_equal(manifest_hash(&got, text_of(b)), KZ_OK);
    assert_true(hash256_equal(&got, &expected));
    free(all);
}

int main(void)
{
#define WITH_BED(test) cmocka_unit_test_setup_teardown(test, make_bed, free_bed)
    const struct CMUnitTest tests[] = {
        WITH_BED(what_is_read_is_what_was_written),
        WITH_BED(it_says_from_which_commit_the_software_was_built),
        WITH_BED(a_correction_names_what_it_corrects),
        WITH_BED(what_cannot_be_json_is_not_written),
        WITH_BED(files_have_plain_names_in_order_each_once),
        WITH_BED(every_member_is_needed_and_no_other_is_taken),
        WITH_BED(members_have_their_forms),
        WITH_BED(only_the_canonical_form_is_read),
        WITH_BED(a_signature_is_of_every_byte_and_of_one_key),
        WITH_BED(a_signature_has_one_spelling),
        WITH_BED(the_hash_is_bip340s_tagged_hash_of_the_bytes),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
