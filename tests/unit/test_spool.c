#include "pool/spool.h"

#include "conf/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct bed {
    char dir[64];
    char blocks[80];
    struct spool *spool;
};

/* A header and a few bytes; `n` makes it another block. */
#define HEX_LEN 200
static void make_block(char hex[HEX_LEN + 1], struct hash256 *hash, unsigned n)
{
    uint8_t raw[HEX_LEN / 2] = {0};
    write_le32(raw + 76, n);
    hash256_double(hash, raw, 80);
    hex_encode(hex, raw, sizeof(raw));
}

static int set_up(void **state)
{
    struct bed *b = mem_new(sizeof(*b));
    snprintf(b->dir, sizeof(b->dir), "/tmp/kariz-test-spool-XXXXXX");
    if (mkdtemp(b->dir) == NULL)
        return -1;
    snprintf(b->blocks, sizeof(b->blocks), "%s/blocks", b->dir);
    *state = b;
    return spool_start(&b->spool, b->dir) == KZ_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    spool_stop(b->spool);
    chmod(b->blocks, 0700);
    DIR *d = opendir(b->blocks);
    const struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL)
        unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        closedir(d);
    rmdir(b->blocks);
    rmdir(b->dir);
    mem_free(b);
    return 0;
}

/* All that was asked for is on disk afterwards. */
static void restart(struct bed *b)
{
    spool_stop(b->spool);
    b->spool = NULL;
    assert_int_equal(spool_start(&b->spool, b->dir), KZ_OK);
}

static void path_of(char out[256], const struct bed *b, unsigned height,
                    const struct hash256 *hash, const char *suffix)
{
    char text[HASH256_HEX_SIZE];
    hash256_format_display(text, hash);
    snprintf(out, 256, "%s/%010u-%s%s", b->blocks, height, text, suffix);
}

struct got {
    size_t count;
    uint32_t heights[8];
    struct hash256 hash;
    char hex[HEX_LEN + 1];
};

static void on_block(void *ctx, const struct hash256 *hash, uint32_t height,
                     const char *hex, size_t len)
{
    struct got *g = ctx;
    assert_in_range(len, 0, HEX_LEN);
    if (g->count < 8)
        g->heights[g->count] = height;
    g->count++;
    g->hash = *hash;
    memcpy(g->hex, hex, len);
    g->hex[len] = '\0';
}

static size_t count_suffix(const struct bed *b, const char *suffix)
{
    size_t n = 0;
    DIR *d = opendir(b->blocks);
    const struct dirent *e;
    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        const char *dot = strchr(e->d_name, '.');
        n += e->d_name[0] != '.' && dot != NULL && strcmp(dot, suffix) == 0;
    }
    closedir(d);
    return n;
}

static void a_block_comes_back_after_a_restart_byte_for_byte(void **state)
{
    struct bed *b = *state;
    char hex[HEX_LEN + 1];
    struct hash256 hash;
    struct got got = {0};
    make_block(hex, &hash, 1);
    spool_write(b->spool, &hash, 840000, hex, HEX_LEN);
    restart(b);
    assert_int_equal(spool_pending(b->spool, on_block, &got), 1);
    assert_int_equal(got.count, 1);
    assert_int_equal(got.heights[0], 840000);
    assert_true(hash256_equal(&got.hash, &hash));
    assert_string_equal(got.hex, hex);
}

static void its_file_is_for_the_owner_and_the_group_only(void **state)
{
    struct bed *b = *state;
    char hex[HEX_LEN + 1], path[256];
    struct hash256 hash;
    struct stat st;
    mode_t before = umask(0);
    make_block(hex, &hash, 1);
    spool_write(b->spool, &hash, 7, hex, HEX_LEN);
    restart(b);
    umask(before);
    path_of(path, b, 7, &hash, ".hex");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(st.st_size, HEX_LEN + 1);
}

static void a_block_whose_fate_is_known_is_not_sent_again(void **state)
{
    struct bed *b = *state;
    static const char *const suffixes[] = {".accepted", ".rejected", ".stale"};
    struct got got = {0};
    for (unsigned i = 0; i < 4; i++) {
        char hex[HEX_LEN + 1];
        struct hash256 hash;
        make_block(hex, &hash, i);
        spool_write(b->spool, &hash, 10 + i, hex, HEX_LEN);
        if (i < 3)
            spool_mark(b->spool, &hash, (enum spool_fate)i);
    }
    restart(b);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(count_suffix(b, suffixes[i]), 1);
    assert_int_equal(spool_pending(b->spool, on_block, &got), 1);
    assert_int_equal(got.heights[0], 13);
}

static void pending_blocks_come_lowest_first(void **state)
{
    struct bed *b = *state;
    static const uint32_t heights[] = {1000000, 9, 100};
    struct got got = {0};
    for (unsigned i = 0; i < 3; i++) {
        char hex[HEX_LEN + 1];
        struct hash256 hash;
        make_block(hex, &hash, i);
        spool_write(b->spool, &hash, heights[i], hex, HEX_LEN);
    }
    restart(b);
    assert_int_equal(spool_pending(b->spool, on_block, &got), 3);
    assert_int_equal(got.heights[0], 9);
    assert_int_equal(got.heights[1], 100);
    assert_int_equal(got.heights[2], 1000000);
}

static void put_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void damaged_and_foreign_files_are_skipped(void **state)
{
    struct bed *b = *state;
    char hex[HEX_LEN + 1], path[256];
    struct hash256 hash;
    struct got got = {0};
    make_block(hex, &hash, 1);
    path_of(path, b, 5, &hash, ".hex");
    hex[153] = '7'; /* another header than the name says */
    put_file(path, hex);
    make_block(hex, &hash, 2);
    path_of(path, b, 6, &hash, ".hex");
    hex[HEX_LEN - 1] = 'g';
    put_file(path, hex);
    make_block(hex, &hash, 3);
    path_of(path, b, 7, &hash, ".hex");
    put_file(path, "");
    path_of(path, b, 8, &hash, ".tmp"); /* killed in the middle of writing */
    put_file(path, hex);
    snprintf(path, sizeof(path), "%s/README.hex", b->blocks);
    put_file(path, hex);
    assert_int_equal(spool_pending(b->spool, on_block, &got), 0);
}

static void a_torn_file_of_a_killed_run_does_not_stop_the_same_block(void **state)
{
    struct bed *b = *state;
    char hex[HEX_LEN + 1], path[256];
    struct hash256 hash;
    struct got got = {0};
    make_block(hex, &hash, 1);
    path_of(path, b, 5, &hash, ".tmp");
    put_file(path, "00");
    spool_write(b->spool, &hash, 5, hex, HEX_LEN);
    restart(b);
    assert_int_equal(spool_pending(b->spool, on_block, &got), 1);
}

static void old_files_with_a_known_fate_go_and_unsent_ones_stay(void **state)
{
    struct bed *b = *state;
    struct got got = {0};
    for (unsigned i = 0; i < SPOOL_KEEP + 10; i++) {
        char hex[HEX_LEN + 1];
        struct hash256 hash;
        make_block(hex, &hash, i);
        spool_write(b->spool, &hash, i, hex, HEX_LEN);
        if (i > 0)
            spool_mark(b->spool, &hash, SPOOL_ACCEPTED);
    }
    restart(b);
    assert_int_equal(count_suffix(b, ".accepted"), SPOOL_KEEP);
    assert_int_equal(spool_pending(b->spool, on_block, &got), 1);
    assert_int_equal(got.heights[0], 0);
}

/* A full disk, as a process can have one: files may not grow. */
static void a_disk_that_is_full_costs_a_log_line_and_nothing_else(void **state)
{
    struct bed *b = *state;
    char hex[HEX_LEN + 1];
    struct hash256 hash;
    struct got got = {0};
    struct rlimit before, none = {50, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    make_block(hex, &hash, 1);
    spool_write(b->spool, &hash, 5, hex, HEX_LEN);
    spool_stop(b->spool);
    b->spool = NULL;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(spool_start(&b->spool, b->dir), KZ_OK);
    assert_int_equal(count_suffix(b, ".hex"), 0);
    assert_int_equal(count_suffix(b, ".tmp"), 0);
    spool_write(b->spool, &hash, 5, hex, HEX_LEN);
    restart(b);
    assert_int_equal(spool_pending(b->spool, on_block, &got), 1);
}

static void a_directory_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    struct spool *s = NULL;
    assert_int_equal(spool_start(&s, "/dev/null"), KZ_IO);
    assert_null(s);
    spool_stop(NULL);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_block_comes_back_after_a_restart_byte_for_byte),
        CASE(its_file_is_for_the_owner_and_the_group_only),
        CASE(a_block_whose_fate_is_known_is_not_sent_again),
        CASE(pending_blocks_come_lowest_first),
        CASE(damaged_and_foreign_files_are_skipped),
        CASE(a_torn_file_of_a_killed_run_does_not_stop_the_same_block),
        CASE(old_files_with_a_known_fate_go_and_unsent_ones_stay),
        CASE(a_disk_that_is_full_costs_a_log_line_and_nothing_else),
        CASE(a_directory_that_cannot_be_made_is_an_error),
    };
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
