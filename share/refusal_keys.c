#include "share/refusal_keys.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "conf/private_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS    INT64_C(86400000)
#define NAME_LEN  10 /* 2026-11-26 */
#define FILE_SIZE (GCM_KEY_SIZE + DENIED_SEAL_ID_SIZE)
#define UNMADE    "unmade.new" /* until it is whole; no backup takes it */

struct refusal_keys {
    char folder[PATH_MAX];
    bool has_key;
    struct denied_seal_key key; /* the newest that was asked for */
};

static enum kz_err KZ_PRINTF(3, 4)
    fail(char why[REFUSAL_KEYS_WHY_SIZE], enum kz_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, REFUSAL_KEYS_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

void refusal_keys_name(char out[REFUSAL_KEYS_NAME_SIZE], int64_t day)
{
    char text[CLOCK_TEXT_SIZE];
    clock_utc_format(text, day * DAY_MS);
    snprintf(out, REFUSAL_KEYS_NAME_SIZE, "%.*s", NAME_LEN, text);
}

static bool parse_name(int64_t *day, const char *name)
{
    int64_t ms;
    if (strlen(name) != NAME_LEN || clock_utc_parse(&ms, name, NAME_LEN) != KZ_OK)
        return false;
    *day = ms / DAY_MS;
    return true;
}

/* By its path and not by "..": where the journal is a link to another disk, the keys are
 * beside the link. */
struct refusal_keys *refusal_keys_new(const char *journal_dir)
{
    struct refusal_keys *r = mem_new(sizeof(*r));
    size_t len = strlen(journal_dir);
    while (len > 1 && journal_dir[len - 1] == '/')
        len--;
    while (len > 0 && journal_dir[len - 1] != '/')
        len--;
    snprintf(r->folder, sizeof(r->folder), "%.*s" REFUSAL_KEYS_FOLDER, (int)len,
             journal_dir);
    return r;
}

static void forget_key(struct refusal_keys *r)
{
    OPENSSL_cleanse(&r->key, sizeof(r->key));
    r->has_key = false;
}

void refusal_keys_free(struct refusal_keys *r)
{
    if (r == NULL)
        return;
    forget_key(r);
    mem_free(r);
}

/* --- reading ---------------------------------------------------------------------- */

static enum kz_err open_folder(int *fd, const struct refusal_keys *r,
                               char why[REFUSAL_KEYS_WHY_SIZE])
{
    char text[PRIVATE_FILE_WHY_SIZE];
    int dir = open(r->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 && errno == ENOENT)
        return fail(why, KZ_EMPTY, "%.200s is not there", r->folder);
    if (dir < 0)
        return fail(why, KZ_IO, "%.200s cannot be opened: %s", r->folder,
                    strerror(errno));
    enum kz_err err = private_folder_check(dir, text);
    if (err != KZ_OK) {
        close(dir);
        return fail(why, err, "%.200s %s", r->folder, text);
    }
    *fd = dir;
    return KZ_OK;
}

static bool is_wiped(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return len > 0;
}

/* False: it is damaged. */
static bool take_bytes(struct denied_seal_key *k, const uint8_t *bytes, size_t len)
{
    if (len != FILE_SIZE)
        return false;
    memcpy(k->key, bytes, sizeof(k->key));
    denied_seal_set_id(k);
    return memcmp(k->id, bytes + GCM_KEY_SIZE, sizeof(k->id)) == 0;
}

static enum kz_err read_key(struct denied_seal_key *k, const struct refusal_keys *r,
                            char why[REFUSAL_KEYS_WHY_SIZE], int dir, int64_t day)
{
    char name[REFUSAL_KEYS_NAME_SIZE], text[PRIVATE_FILE_WHY_SIZE] = "";
    uint8_t bytes[FILE_SIZE + 1];
    size_t len = 0;
    refusal_keys_name(name, day);
    const struct private_file f = {dir, name};
    k->day = day;
    enum kz_err err = private_file_read(bytes, &len, text, &f, sizeof(bytes));
    if (err == KZ_OK && is_wiped(bytes, len))
        err = KZ_EMPTY;
    else if (err == KZ_OK && !take_bytes(k, bytes, len)) {
        err = KZ_RANGE;
        snprintf(text, sizeof(text), "is damaged: %d bytes, a key and its id, expected",
                 FILE_SIZE);
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return err == KZ_OK ? KZ_OK : fail(why, err, "%.200s/%s %s", r->folder, name, text);
}

static enum kz_err keep_key(const struct denied_seal_key **out, struct refusal_keys *r,
                            enum kz_err err)
{
    r->has_key = err == KZ_OK;
    if (err != KZ_OK)
        forget_key(r);
    else
        *out = &r->key;
    return err;
}

enum kz_err refusal_keys_find(const struct denied_seal_key **out,
                              struct refusal_keys *r, char why[REFUSAL_KEYS_WHY_SIZE],
                              int64_t day)
{
    int dir = -1;
    if (r->has_key && r->key.day == day)
        return keep_key(out, r, KZ_OK);
    enum kz_err err = open_folder(&dir, r, why);
    if (err == KZ_OK) {
        err = read_key(&r->key, r, why, dir, day);
        close(dir);
    }
    return keep_key(out, r, err);
}

/* --- making ----------------------------------------------------------------------- */

static enum kz_err make_folder(const struct refusal_keys *r,
                               char why[REFUSAL_KEYS_WHY_SIZE])
{
    char text[PRIVATE_FILE_WHY_SIZE];
    const struct private_file f = {AT_FDCWD, r->folder};
    if (mkdir(r->folder, 0700) != 0)
        return errno == EEXIST ? KZ_OK
                               : fail(why, KZ_IO, "%.200s cannot be made: %s",
                                      r->folder, strerror(errno));
    enum kz_err err = private_file_sync_folder(&f, text);
    return err == KZ_OK ? KZ_OK : fail(why, err, "%.200s %s", r->folder, text);
}

static enum kz_err name_it(const char *name, int dir, char text[PRIVATE_FILE_WHY_SIZE])
{
    const struct private_file f = {dir, name};
    if (renameat(dir, UNMADE, dir, name) == 0)
        return private_file_sync_folder(&f, text);
    snprintf(text, PRIVATE_FILE_WHY_SIZE, "cannot be named: %s", strerror(errno));
    return KZ_IO;
}

/* Whole or not there: a power cut leaves no half of it under its name. */
static enum kz_err make_key(struct denied_seal_key *k, const struct refusal_keys *r,
                            char why[REFUSAL_KEYS_WHY_SIZE], int dir, int64_t day)
{
    char name[REFUSAL_KEYS_NAME_SIZE], text[PRIVATE_FILE_WHY_SIZE];
    const struct private_file unmade = {dir, UNMADE};
    uint8_t bytes[FILE_SIZE];
    refusal_keys_name(name, day);
    k->day = day;
    if (RAND_bytes(k->key, sizeof(k->key)) != 1)
        return fail(why, KZ_IO, "%.200s/%s: no random bytes", r->folder, name);
    denied_seal_set_id(k);
    memcpy(bytes, k->key, GCM_KEY_SIZE);
    memcpy(bytes + GCM_KEY_SIZE, k->id, sizeof(k->id));
    enum kz_err err = private_file_destroy(&unmade, text);
    if (err == KZ_OK)
        err = private_file_create(&unmade, text, bytes, sizeof(bytes));
    if (err == KZ_OK)
        err = name_it(name, dir, text);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return err == KZ_OK ? KZ_OK : fail(why, err, "%.200s/%s %s", r->folder, name, text);
}

enum kz_err refusal_keys_need(const struct denied_seal_key **out,
                              struct refusal_keys *r, char why[REFUSAL_KEYS_WHY_SIZE],
                              int64_t day)
{
    int dir = -1;
    enum kz_err err = refusal_keys_find(out, r, why, day);
    if (err != KZ_EMPTY)
        return err;
    err = make_folder(r, why);
    if (err == KZ_OK)
        err = open_folder(&dir, r, why);
    if (err == KZ_OK)
        err = make_key(&r->key, r, why, dir, day);
    if (dir >= 0)
        close(dir);
    return keep_key(out, r, err);
}

/* --- destroying ------------------------------------------------------------------- */

static enum kz_err destroy(struct refusal_keys *r, char why[REFUSAL_KEYS_WHY_SIZE],
                           int dir, int64_t day)
{
    char name[REFUSAL_KEYS_NAME_SIZE], text[PRIVATE_FILE_WHY_SIZE];
    refusal_keys_name(name, day);
    const struct private_file f = {dir, name};
    if (r->has_key && r->key.day == day)
        forget_key(r);
    enum kz_err err = private_file_destroy(&f, text);
    return err == KZ_OK ? KZ_OK : fail(why, err, "%.200s/%s %s", r->folder, name, text);
}

/* Takes `d`. */
static enum kz_err destroy_first(struct refusal_keys *r, int64_t *day,
                                 char why[REFUSAL_KEYS_WHY_SIZE], DIR *d,
                                 refusal_keys_over_fn *is_over, void *ctx)
{
    int64_t found;
    enum kz_err err = KZ_EMPTY;
    for (const struct dirent *e; err != KZ_OK && (e = readdir(d)) != NULL;)
        if (parse_name(&found, e->d_name) && is_over(ctx, found))
            err = destroy(r, why, dirfd(d), found);
    closedir(d);
    if (err == KZ_OK)
        *day = found;
    return err;
}

enum kz_err refusal_keys_destroy_one(struct refusal_keys *r, int64_t *day,
                                     char why[REFUSAL_KEYS_WHY_SIZE],
                                     refusal_keys_over_fn *is_over, void *ctx)
{
    int dir = -1;
    enum kz_err err = open_folder(&dir, r, why);
    if (err != KZ_OK)
        return err;
    DIR *d = fdopendir(dir);
    if (d != NULL)
        return destroy_first(r, day, why, d, is_over, ctx);
    close(dir);
    return fail(why, KZ_IO, "%.200s cannot be listed: %s", r->folder, strerror(errno));
}
