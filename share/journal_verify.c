#include "share/journal_verify.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "share/journal_dir.h"
#include "share/journal_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    uint8_t *map;
    size_t size;
    struct journal_head head;
};

struct verifier {
    const struct journal_verify_options *options;
    struct journal_verify_report *report;
    int dir_fd;
    uint8_t id[JOURNAL_ID_SIZE];
    uint32_t stream;
    struct journal_reader *reader;
    struct journal_scan scan;
};

/* --- files -------------------------------------------------------------------------- */

static void unmap(struct file *f)
{
    if (f->map != NULL)
        munmap(f->map, f->size);
    f->map = NULL;
}

/* KZ_EMPTY: deleted meanwhile. KZ_PARSE: no segment of this journal. */
static enum kz_err map_file(struct file *f, const struct verifier *v, uint32_t number)
{
    char name[JOURNAL_NAME_SIZE];
    struct stat st = {0};
    memset(f, 0, sizeof(*f));
    journal_segment_name(name, v->stream, number);
    int fd = openat(v->dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return KZ_EMPTY;
    void *p = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size >= JOURNAL_SEGMENT_LEAST)
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        log_error("journal_failed", kv_str("step", "map"), kv_str("segment", name),
                  kv_errno(errno));
    if (fd >= 0)
        close(fd);
    if (p == MAP_FAILED)
        return st.st_size > 0 && st.st_size < JOURNAL_SEGMENT_LEAST ? KZ_PARSE : KZ_IO;
    f->map = p;
    f->size = (size_t)st.st_size;
    if (journal_head_read(&f->head, (struct bytes){f->map, f->size}) != KZ_OK ||
        f->head.size != f->size || f->head.stream != v->stream ||
        f->head.number != number || memcmp(f->head.id, v->id, sizeof(v->id)) != 0) {
        unmap(f);
        return KZ_PARSE;
    }
    return KZ_OK;
}

/* --- records ------------------------------------------------------------------------ */

static void check_share(struct verifier *v, const struct journal_record *r,
                        const struct share_record *share)
{
    const struct journal_verify_options *o = v->options;
    struct journal_check check = {0};
    if (share->time_ms < o->from_ms || share->time_ms >= o->until_ms)
        return;
    enum journal_fault fault =
        journal_check(&check, share, journal_reader_job(v->reader), o->unit);
    v->report->shares++;
    v->report->faults[fault]++;
    if (fault != JOURNAL_GOOD && o->on_fault != NULL)
        o->on_fault(o->ctx, v->stream, r->seq, fault, share, &check);
}

static void tell_record(struct verifier *v, const struct journal_record *r,
                        const struct share_record *share)
{
    if (v->options->on_record != NULL)
        v->options->on_record(v->options->ctx, v->stream, r, share);
}

/* What is wrong; NULL: the segment's records end in zeros. */
static const char *read_records(struct verifier *v, const struct file *f)
{
    struct journal_record r;
    struct share_record share;
    const char *why = NULL;
    journal_scan_enter(&v->scan, (struct bytes){f->map, f->size});
    while (journal_scan_next(&v->scan, &r, &why) == KZ_OK) {
        v->report->records++;
        if (v->stream < JOURNAL_SHARES) {
            tell_record(v, &r, NULL);
            continue;
        }
        enum kz_err err = journal_reader_take(v->reader, &share, &r);
        if (err == KZ_PARSE)
            return "a record that is not understood";
        tell_record(v, &r, err == KZ_OK ? &share : NULL);
        if (err == KZ_OK)
            check_share(v, &r, &share);
    }
    return why;
}

static void report_damage(struct verifier *v, uint32_t number, const char *why)
{
    struct journal_damage d = {.stream = v->stream,
                               .segment = number,
                               .offset = v->scan.at,
                               .last_seq = v->scan.last_seq};
    snprintf(d.why, sizeof(d.why), "%s", why);
    v->report->damages++;
    if (v->options->on_damage != NULL)
        v->options->on_damage(v->options->ctx, &d);
}

/* --- streams ------------------------------------------------------------------------ */

/* The newest segment of which anything is known to be on the disk; 0: none. */
static uint32_t last_synced(const struct verifier *v, const uint32_t *numbers,
                            size_t count)
{
    struct file f;
    while (count-- > 0) {
        if (map_file(&f, v, numbers[count]) != KZ_OK)
            continue;
        uint32_t synced = f.head.synced;
        unmap(&f);
        if (synced > JOURNAL_HEAD_SIZE)
            return numbers[count];
    }
    return 0;
}

/* False: nothing behind this one is read. */
static bool verify_segment(struct verifier *v, uint32_t number, uint32_t synced)
{
    struct file f;
    v->scan.at = 0;
    enum kz_err err = map_file(&f, v, number);
    if (err == KZ_EMPTY) { /* its owner deleted it since it was listed */
        memset(&v->scan, 0, sizeof(v->scan));
        return true;
    }
    if (err != KZ_OK) {
        report_damage(v, number, "not a segment of this journal");
        return false;
    }
    const char *why = read_records(v, &f);
    bool must = number < synced || v->scan.at < f.head.synced;
    bool ends_early = v->scan.at < f.head.synced ||
                      (number < synced && v->scan.at == JOURNAL_HEAD_SIZE);
    unmap(&f);
    v->report->segments++;
    if (why == NULL && ends_early)
        why = "a hole before the synced offset";
    if (why == NULL)
        return true;
    if (must)
        report_damage(v, number, why);
    else
        v->report->torn++;
    return false;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void verify_stream(struct verifier *v, uint32_t *numbers, size_t count)
{
    if (count == 0)
        return;
    qsort(numbers, count, sizeof(*numbers), by_number);
    uint32_t synced = last_synced(v, numbers, count);
    memset(&v->scan, 0, sizeof(v->scan));
    v->report->streams++;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && numbers[i] != numbers[i - 1] + 1) {
            report_damage(v, numbers[i], "the segment before is missing");
            return;
        }
        if (!verify_segment(v, numbers[i], synced))
            return;
    }
}

static enum kz_err read_id(struct verifier *v)
{
    struct journal_damage d = {0};
    enum kz_err err = journal_dir_id(v->id, d.why, v->dir_fd);
    if (err == KZ_PARSE) {
        v->report->damages++;
        if (v->options->on_damage != NULL)
            v->options->on_damage(v->options->ctx, &d);
    }
    hex_encode(v->report->id, v->id, sizeof(v->id));
    return err;
}

static enum kz_err verify_all(struct verifier *v)
{
    struct journal_dir *d = NULL;
    enum kz_err err = read_id(v);
    if (err != KZ_OK)
        return err == KZ_PARSE ? KZ_OK : err;
    err = journal_dir_list(&d, v->dir_fd, false);
    bool events_only = v->options->unit == 0;
    for (size_t i = 0; err == KZ_OK && i < d->streams; i++) {
        if (events_only && i >= JOURNAL_SHARES)
            break;
        v->stream = (uint32_t)i;
        v->reader = journal_reader_new(NULL);
        verify_stream(v, d->numbers[i], d->count[i]);
        journal_reader_free(v->reader);
    }
    journal_dir_free(d);
    return err;
}

enum kz_err journal_verify(struct journal_verify_report *out,
                           const struct journal_verify_options *options)
{
    struct verifier v = {.options = options, .report = out};
    memset(out, 0, sizeof(*out));
    v.dir_fd = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (v.dir_fd < 0 && errno == ENOENT)
        return KZ_EMPTY;
    if (v.dir_fd < 0) {
        log_error("journal_failed", kv_str("step", "open"),
                  kv_str("path", options->dir), kv_errno(errno));
        return KZ_IO;
    }
    enum kz_err err = verify_all(&v);
    close(v.dir_fd);
    return err;
}
