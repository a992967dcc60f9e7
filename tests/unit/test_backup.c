#include "conf/mem.h"
#include "pool/backup_check.h"
#include "pool/backup_folder.h"
#include "pool/backup_write.h"

#include "conf/clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(clock_utc_parse(&ms, text, strlen(text)), KZ_OK);
    return ms;
}

/* --- names ------------------------------------------------------------------------- */

static void a_name_has_the_instance_and_the_time(void **state)
{
    (void)state;
    char name[BACKUP_NAME_SIZE];
    int64_t back;
    backup_name_format(name, "front-1", ms_of("2026-11-26T19:25:30.999"));
    assert_string_equal(name, "kariz-backup-front-1-20261126T192530Z");
    assert_int_equal(backup_name_parse(&back, "front-1", name), KZ_OK);
    assert_int_equal(back, ms_of("2026-11-26T19:25:30"));
}

static void names_of_others_and_no_names_are_not_taken(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "kariz-backup-front-20261126T192530Z",
        "kariz-backup-front-1-20261126T192530",
        "kariz-backup-front-1-20261126T192530Z2",
        "kariz-backup-front-1-20261326T192530Z",
        "kariz-backup-front-1-20261126 192530Z",
        "kariz-backup-front-1-x0261126T192530Z",
        ".unfinished-kariz-backup-front-1-20261126T192530Z",
        "kariz-backup-front-1-",
        "",
    };
    int64_t ms = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(backup_name_parse(&ms, "front-1", bad[i]), KZ_PARSE);
    assert_int_equal(ms, 7);
    /* "front" is the start of "front-1", whose backups are not its own. */
    assert_int_equal(
        backup_name_parse(&ms, "front", "kariz-backup-front-1-20261126T192530Z"),
        KZ_PARSE);
}

static void leftovers_are_ours_alone(void **state)
{
    (void)state;
    const char *name = ".unfinished-kariz-backup-front-1-20261126T192530Z";
    assert_true(backup_name_is_leftover("front-1", name));
    assert_false(backup_name_is_leftover("front-2", name));
    assert_false(backup_name_is_leftover("front-1", name + 12));
}

static void what_is_due_is_the_latest_time_of_day_that_has_passed(void **state)
{
    (void)state;
    static const struct {
        const char *now, *at, *due;
    } rows[] = {
        {"2026-11-26T19:25", "02:00", "2026-11-26T02:00"},
        {"2026-11-26T01:59:59.999", "02:00", "2026-11-25T02:00"},
        {"2026-11-26T02:00", "02:00", "2026-11-26T02:00"},
        {"2027-01-01T00:00", "23:59", "2026-12-31T23:59"},
        {"2027-01-01T00:00", "00:00", "2027-01-01T00:00"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(backup_due_ms(ms_of(rows[i].now), rows[i].at),
                         ms_of(rows[i].due));
}

/* --- the manifest ------------------------------------------------------------------ */

static void file_names_stay_inside_the_backup(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "manifest.json", "vault/keys/alice-1",
                                       "redis/appendonlydir/x.1.base.rdb", "a/b/c/d"};
    static const char *const bad[] = {"",          "/a",       "a/",   "a//b", "..",
                                      "a/../b",    ".a",       "a/.b", "a b",  "a\\b",
                                      "a/b/c/d/e", "\xc3\xa4", "a\nb", "a/."};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(backup_file_name_is_good(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(backup_file_name_is_good(bad[i]));
}

static struct backup_manifest sample(void)
{
    struct backup_manifest m = {.instance = "front-1",
                                .network = "regtest",
                                .version = "0.1.0",
                                .time_ms = ms_of("2026-11-26T19:25:30.123"),
                                .audit_seq = 12,
                                .journal = {"00112233445566778899aabbccddeeff", 99},
                                .redis_mode = "embedded",
                                .redis_version = "7.0.15"};
    struct hash256 hash;
    memset(m.audit_hash.b, 0xab, sizeof(m.audit_hash.b));
    memset(hash.b, 0x11, sizeof(hash.b));
    backup_manifest_add(&m, "journal/id", 33, &hash);
    backup_manifest_add(&m, "blocks/b", 0, &hash);
    backup_manifest_sort(&m);
    return m;
}

static void a_manifest_read_again_is_the_same(void **state)
{
    (void)state;
    char *text, *again, why[BACKUP_WHY_SIZE];
    size_t len, again_len;
    struct backup_manifest m = sample(), back;
    assert_int_equal(backup_manifest_format(&text, &len, why, &m), KZ_OK);
    assert_non_null(strstr(text, "\"schema\":\"kariz-backup/1\""));
    assert_non_null(strstr(text, "\"payout\":null"));
    assert_int_equal(
        backup_manifest_parse(&back, why, (struct bytes){(const uint8_t *)text, len}),
        KZ_OK);
    assert_int_equal(backup_manifest_format(&again, &again_len, why, &back), KZ_OK);
    assert_string_equal(text, again);
    assert_int_equal(backup_manifest_bytes(&back), 33);
    assert_int_equal(backup_manifest_find(&back, "journal/id")->size, 33);
    assert_null(backup_manifest_find(&back, "journal"));
    backup_manifest_clear(&m);
    backup_manifest_clear(&back);
    mem_free(text);
    mem_free(again);
}

/* The sample's text with one piece replaced by another. */
static char *changed(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    size_t size = strlen(text) + strlen(to) + 1;
    char *out = mem_new(size);
    snprintf(out, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

static void a_manifest_that_is_none_is_refused_with_the_member(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } rows[] = {
        {"kariz-backup/1", "kariz-backup/2", "schema: "},
        {"\"seq\":12", "\"seq\":-1", "audit: "},
        {"\"seq\":12", "\"seq\":\"12\"", "audit: "},
        {"abab", "abax", "audit: "},
        {"00112233445566778899aabbccddeeff", "0011", "journal, payout: "},
        {"\"payout\":null", "\"payout\":{}", "journal, payout: "},
        {"\"front-1\"", "\"\"", "instance, "},
        {"\"front-1\"", "\"a\\nb\"", "instance, "},
        {"2026-11-26T", "2026-13-26T", "instance, "},
        {"\"embedded\"", "7", "redis: "},
        {"{\"master_key\":false}", "{}", "vault: "},
        {"\"blocks/b\"", "\"blocks/../b\"", "files[0].name: no name"},
        {"\"blocks/b\"", "\"journal/id\"", "files[1].name: not in order"},
        {"\"size\":33", "\"size\":-33", "files[1]: "},
        {"\"network\"", "\"network2\"", "instance, "},
        {"{\"audit\"", "{\"a\":1,\"audit\"", "members that"},
        {"{\"audit\"", "{ \"audit\"", "canonical"},
        {"\"size\":33", "\"size\":33.0", "canonical"},
    };
    char *text, why[BACKUP_WHY_SIZE];
    size_t len;
    struct backup_manifest m = sample(), back = {.time_ms = 5};
    assert_int_equal(backup_manifest_format(&text, &len, why, &m), KZ_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *bad = changed(text, rows[i].from, rows[i].to);
        struct bytes in = {(const uint8_t *)bad, strlen(bad)};
        assert_int_equal(backup_manifest_parse(&back, why, in), KZ_RANGE);
        if (strstr(why, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].to, why);
        mem_free(bad);
    }
    assert_int_equal(back.time_ms, 5);
    backup_manifest_clear(&m);
    mem_free(text);
}

/* --- writing ----------------------------------------------------------------------- */

struct bed {
    char path[64];
    int dir;
    struct backup_manifest manifest;
    struct backup_writer w;
};

static int make_bed(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    snprintf(b->path, sizeof(b->path), "/tmp/kariz-backup-XXXXXX");
    if (mkdtemp(b->path) == NULL)
        return -1;
    b->dir = open(b->path, O_RDONLY | O_DIRECTORY);
    if (mkdirat(b->dir, "to", 0700) != 0 || mkdirat(b->dir, "from", 0700) != 0)
        return -1;
    b->w = (struct backup_writer){.dir = openat(b->dir, "to", O_RDONLY | O_DIRECTORY),
                                  .manifest = &b->manifest};
    *state = b;
    return 0;
}

static int free_bed(void **state)
{
    struct bed *b = *state;
    enum kz_err err = folder_remove(AT_FDCWD, b->path);
    close(b->w.dir);
    close(b->dir);
    backup_manifest_clear(&b->manifest);
    free(b);
    return err == KZ_OK ? 0 : -1;
}

static void put(const struct bed *b, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", b->path, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static const char *from_path(const struct bed *b)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/from", b->path);
    return path;
}

static void a_folder_is_copied_but_what_is_half_made(void **state)
{
    struct bed *b = *state;
    struct stat st;
    put(b, "from/one", "abc");
    put(b, "from/two.new", "x");
    put(b, "from/.hidden", "x");
    assert_int_equal(mkdirat(b->dir, "from/sub", 0700), 0);
    assert_int_equal(backup_copy_folder(&b->w, "in/here", from_path(b), ".new"), KZ_OK);
    assert_int_equal(b->manifest.file_count, 1);
    const struct backup_file *f = backup_manifest_find(&b->manifest, "in/here/one");
    assert_non_null(f);
    assert_int_equal(f->size, 3);
    char hex[HASH256_HEX_SIZE];
    hex_encode(hex, f->sha256.b, 32);
    assert_string_equal(
        hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(fstatat(b->w.dir, "in/here/one", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_is_no_regular_file_is_refused(void **state)
{
    struct bed *b = *state;
    assert_int_equal(symlinkat("/etc/passwd", b->dir, "from/link"), 0);
    assert_int_equal(backup_copy_folder(&b->w, "in", from_path(b), NULL), KZ_IO);
    assert_non_null(strstr(b->w.why, "link"));
    assert_int_equal(unlinkat(b->dir, "from/link", 0), 0);
    assert_int_equal(mkfifoat(b->dir, "from/pipe", 0600), 0);
    assert_int_equal(backup_copy_folder(&b->w, "in", from_path(b), NULL), KZ_RANGE);
    assert_int_equal(b->manifest.file_count, 0);
}

static void what_is_not_there_is_told_apart(void **state)
{
    struct bed *b = *state;
    assert_int_equal(backup_copy_folder(&b->w, "in", "/nowhere", NULL), KZ_EMPTY);
    assert_int_equal(backup_copy_file(&b->w, "in/x", AT_FDCWD, "/nowhere"), KZ_EMPTY);
    assert_int_equal(backup_copy_journal(&b->w, "in", "/nowhere", false), KZ_EMPTY);
    /* A folder without an id is no journal. */
    assert_int_equal(backup_copy_journal(&b->w, "in", from_path(b), false), KZ_EMPTY);
}

static void a_file_is_never_written_twice_nor_outside(void **state)
{
    struct bed *b = *state;
    struct bytes text = {(const uint8_t *)"x", 1};
    assert_int_equal(backup_write_text(&b->w, "once", text), KZ_OK);
    assert_int_equal(backup_write_text(&b->w, "once", text), KZ_IO);
    assert_int_equal(backup_write_text(&b->w, "../once", text), KZ_RANGE);
    assert_int_equal(b->manifest.file_count, 1);
    /* What went wrong took nothing away that was there. */
    assert_int_equal(faccessat(b->w.dir, "once", F_OK, 0), 0);
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void a_stop_is_heard_before_each_file(void **state)
{
    struct bed *b = *state;
    put(b, "from/one", "abc");
    b->w.is_stopping = always;
    assert_int_equal(backup_copy_folder(&b->w, "in", from_path(b), NULL), KZ_BUSY);
    assert_int_equal(b->manifest.file_count, 0);
}

static void zeros_are_hashed_and_take_no_space(void **state)
{
    struct bed *b = *state;
    struct stat st;
    struct backup_sink *s;
    char hex[HASH256_HEX_SIZE];
    assert_int_equal(backup_sink_open(&s, &b->w, "zeros"), KZ_OK);
    assert_int_equal(backup_sink_skip(s, 1 << 20), KZ_OK);
    assert_int_equal(backup_sink_close(s, KZ_OK), KZ_OK);
    hex_encode(hex, b->manifest.files[0].sha256.b, 32);
    assert_string_equal(
        hex, "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58");
    assert_int_equal(fstatat(b->w.dir, "zeros", &st, 0), 0);
    assert_int_equal(st.st_size, 1 << 20);
    assert_true(st.st_blocks < 64);
}

/* --- checking ---------------------------------------------------------------------- */

static void what_is_no_backup_is_told_apart(void **state)
{
    struct bed *b = *state;
    char why[BACKUP_WHY_SIZE];
    struct backup_report r;
    const struct backup_check here = {.path = from_path(b)};
    assert_int_equal(backup_check_run(&r, why, &here), KZ_EMPTY);
    put(b, "from/manifest.json", "{}");
    assert_int_equal(backup_check_run(&r, why, &here), KZ_EMPTY);
    put(b, "from/manifest.sha256", "nonsense");
    assert_int_equal(backup_check_run(&r, why, &here), KZ_RANGE);
    assert_non_null(strstr(why, "is not the one that"));
    put(b, "from/manifest.sha256",
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  "
        "manifest.json\n");
    assert_int_equal(backup_check_run(&r, why, &here), KZ_RANGE);
    assert_non_null(strstr(why, "schema: "));
}

#define ON_BED(name) cmocka_unit_test_setup_teardown(name, make_bed, free_bed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_the_instance_and_the_time),
        cmocka_unit_test(names_of_others_and_no_names_are_not_taken),
        cmocka_unit_test(leftovers_are_ours_alone),
        cmocka_unit_test(what_is_due_is_the_latest_time_of_day_that_has_passed),
        cmocka_unit_test(file_names_stay_inside_the_backup),
        cmocka_unit_test(a_manifest_read_again_is_the_same),
        cmocka_unit_test(a_manifest_that_is_none_is_refused_with_the_member),
        ON_BED(a_folder_is_copied_but_what_is_half_made),
        ON_BED(what_is_no_regular_file_is_refused),
        ON_BED(what_is_not_there_is_told_apart),
        ON_BED(a_file_is_never_written_twice_nor_outside),
        ON_BED(a_stop_is_heard_before_each_file),
        ON_BED(zeros_are_hashed_and_take_no_space),
        ON_BED(what_is_no_backup_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
