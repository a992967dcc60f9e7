/* tests/unit/journal_bed.h - a journal in a temporary directory, and its files' bytes.
 *
 * Records made here say which they are: the body of record n begins with n and goes on
 * with bytes that follow from it. Include after cmocka.h. */
#ifndef TESTS_UNIT_JOURNAL_BED_H
#define TESTS_UNIT_JOURNAL_BED_H

#include "share/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BED_SEGMENT 4096

struct bed {
    char dir[64];
    char journal[80];
    struct journal *j;
    struct journal_damage damage;
    int kept_stderr;
};

static inline enum kz_err bed_try_open(struct bed *b, size_t shares, size_t bytes)
{
    const struct journal_options o = {
        .dir = b->journal, .shares = shares, .segment_bytes = bytes};
    b->j = NULL;
    return journal_open(&b->j, &b->damage, &o);
}

static inline void bed_open(struct bed *b)
{
    assert_int_equal(bed_try_open(b, 1, BED_SEGMENT), KZ_OK);
}

static inline void bed_close(struct bed *b)
{
    journal_close(b->j);
    b->j = NULL;
}

static inline struct journal_stream *bed_shares(struct bed *b)
{
    return journal_stream(b->j, JOURNAL_SHARES);
}

static inline int bed_set_up(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return -1;
    snprintf(b->dir, sizeof(b->dir), "/tmp/kariz-test-journal-XXXXXX");
    if (mkdtemp(b->dir) == NULL)
        return -1;
    snprintf(b->journal, sizeof(b->journal), "%s/journal", b->dir);
    b->kept_stderr = -1;
    *state = b;
    return 0;
}

static inline void bed_empty(const char *path)
{
    DIR *d = opendir(path);
    const struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL)
        unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        closedir(d);
    rmdir(path);
}

static inline int bed_tear_down(void **state)
{
    struct bed *b = *state;
    journal_close(b->j);
    char keys[96];
    snprintf(keys, sizeof(keys), "%s/refusal-keys", b->dir);
    bed_empty(b->journal);
    bed_empty(keys);
    bed_empty(b->dir);
    free(b);
    return 0;
}

/* Thousands of expected log lines help nobody: they go to a file from here on. */
static inline void bed_hush(struct bed *b)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/log", b->dir);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
    assert_true(fd >= 0);
    fflush(stderr);
    b->kept_stderr = dup(2);
    dup2(fd, 2);
    close(fd);
}

static inline void bed_speak(struct bed *b)
{
    dup2(b->kept_stderr, 2);
    close(b->kept_stderr);
}

/* Whether `event` was logged since bed_hush(), in the first lines. */
static inline bool bed_has_logged(const struct bed *b, const char *event)
{
    char path[96], text[4096];
    snprintf(path, sizeof(path), "%s/log", b->dir);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, event) != NULL;
}

/* --- records ------------------------------------------------------------------------ */

#define BED_BODY_MAX 300

static inline size_t bed_body(uint8_t body[BED_BODY_MAX], uint64_t n)
{
    size_t len = 8 + (size_t)(n * 37 % 90);
    write_le64(body, n);
    for (size_t i = 8; i < len; i++)
        body[i] = (uint8_t)(n * 7 + i);
    return len;
}

static inline enum kz_err bed_append(struct journal_stream *s, uint64_t n)
{
    uint8_t body[BED_BODY_MAX];
    struct journal_record r = {.time_ms = 1700000000000 + (int64_t)n,
                               .target = JOURNAL_TALLY,
                               .kind = JOURNAL_EVENT};
    r.body = (struct bytes){body, bed_body(body, n)};
    return journal_stream_append(s, &r);
}

/* Whether `r` is record `n` to the last byte. */
static inline bool bed_is(const struct journal_record *r, uint64_t n)
{
    uint8_t body[BED_BODY_MAX];
    size_t len = bed_body(body, n);
    return r->kind == JOURNAL_EVENT && r->body.len == len &&
           memcmp(r->body.p, body, len) == 0 &&
           r->time_ms == 1700000000000 + (int64_t)n;
}

/* The next record that is not a start record. */
static inline enum kz_err bed_next(struct journal_stream *s, struct journal_record *r)
{
    enum kz_err err;
    do
        err = journal_stream_read(s, r, false);
    while (err == KZ_OK && r->kind == JOURNAL_START);
    return err;
}

/* Reads to the end; how many records there were, from `first` on, each the right one,
 * or UINT64_MAX. `*end` is how reading ended. */
static inline uint64_t bed_count(struct journal_stream *s, uint64_t first,
                                 enum kz_err *end)
{
    struct journal_record r;
    uint64_t n = 0;
    while ((*end = bed_next(s, &r)) == KZ_OK) {
        if (!bed_is(&r, first + n))
            return UINT64_MAX;
        n++;
    }
    return n;
}

/* --- files -------------------------------------------------------------------------- */

static inline void bed_path(char out[160], const struct bed *b, unsigned number)
{
    snprintf(out, 160, "%s/%04u-%010u.kzj", b->journal, (unsigned)JOURNAL_SHARES,
             number);
}

static inline bool bed_has_file(const struct bed *b, unsigned number)
{
    char path[160];
    struct stat st;
    bed_path(path, b, number);
    return stat(path, &st) == 0;
}

static inline void bed_load(uint8_t *p, size_t size, const struct bed *b,
                            unsigned number)
{
    char path[160];
    bed_path(path, b, number);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, p, size), size);
    close(fd);
}

static inline void bed_store(const uint8_t *p, size_t size, const struct bed *b,
                             unsigned number)
{
    char path[160];
    bed_path(path, b, number);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, size), size);
    close(fd);
}

#endif
