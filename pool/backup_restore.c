#include "pool/backup_restore.h"

#include "conf/clock.h"
#include "conf/fault.h"
#include "conf/mem.h"
#include "conf/private_file.h"
#include "conf/write_all.h"
#include "pool/audit/vault.h"
#include "pool/backup_folder.h"
#include "pool/canon.h"
#include "share/refusal_keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE          ((size_t)256 << 10)
#define MASTER_KEY_MAX 256

/* What goes back below data_dir, and how it lies there. Folders above those below. */
static const struct place {
    const char *folder;
    mode_t folder_mode, file_mode;
} places[] = {
    {"journal", 0750, 0640},    {REFUSAL_KEYS_FOLDER, 0700, 0600},
    {"payout", 0700, 0600},     {"blocks", 0750, 0640},
    {"vault", 0700, 0600},      {"vault/data", 0700, 0600},
    {"vault/keys", 0700, 0600}, {"vault/erased", 0700, 0600},
    {"redis", 0700, 0600},      {"redis/appendonlydir", 0700, 0600},
};

#define PLACES (sizeof(places) / sizeof(places[0]))

struct restoring {
    const struct backup_restore *order;
    struct backup_report backup;
    int from, to, lock;
    struct stat owner; /* of data_dir */
    char *why;
};

static enum kz_err KZ_PRINTF(3, 4)
    fail(struct restoring *r, enum kz_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->why, BACKUP_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

static enum kz_err fail_errno(struct restoring *r, const char *name, const char *what)
{
    return fail(r, KZ_IO, "%.300s %s: %s", name, what, strerror(errno));
}

/* --- where it goes ------------------------------------------------------------------ */

static bool is_nothing(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
           strcmp(name, "lock") == 0 || strcmp(name, "lost+found") == 0;
}

static enum kz_err refuse_contents(struct restoring *r)
{
    char found[256] = "";
    int fd = openat(r->to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL)
        return fail_errno(r, r->order->to, "cannot be listed");
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        if (!is_nothing(e->d_name) && strcmp(found, RESTORE_BEGUN) != 0)
            snprintf(found, sizeof(found), "%s", e->d_name);
    closedir(d);
    if (strcmp(found, RESTORE_BEGUN) == 0)
        return fail(
            r, KZ_RANGE,
            "%.300s: a restore was interrupted there: empty it, and begin again",
            r->order->to);
    return found[0] == '\0' ? KZ_OK
                            : fail(r, KZ_RANGE, "%.200s is not empty: it has %.200s",
                                   r->order->to, found);
}

static enum kz_err open_target(struct restoring *r)
{
    const char *to = r->order->to;
    if (mkdir(to, 0750) != 0 && errno != EEXIST)
        return fail_errno(r, to, "cannot be made");
    r->to = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->to < 0 || fstat(r->to, &r->owner) != 0)
        return fail_errno(r, to, "cannot be opened");
    enum kz_err err = refuse_contents(r);
    if (err != KZ_OK)
        return err;
    r->lock = openat(r->to, "lock", O_CREAT | O_RDWR | O_CLOEXEC, 0640);
    if (r->lock < 0)
        return fail_errno(r, to, "cannot be locked");
    if (flock(r->lock, LOCK_EX | LOCK_NB) != 0)
        return fail(r, KZ_BUSY, "%.300s is in use", to);
    return refuse_contents(r); /* who had the lock may have put something there */
}

/* --- the mark ----------------------------------------------------------------------- */

static enum kz_err write_mark(struct restoring *r)
{
    char time[CLOCK_TEXT_SIZE], hash[HASH256_HEX_SIZE], head[HASH256_HEX_SIZE],
        why[PRIVATE_FILE_WHY_SIZE], *text = NULL;
    const struct backup_manifest *m = &r->backup.manifest;
    const struct private_file f = {r->to, RESTORE_BEGUN};
    size_t len = 0;
    clock_utc_format(time, clock_utc_ms());
    hex_encode(hash, r->backup.manifest_hash.b, 32);
    hex_encode(head, m->audit_hash.b, 32);
    json_t *mark = json_pack("{s:s, s:s, s:s, s:{s:I, s:s}}", "schema",
                             "kariz-restored/1", "time", time, "manifest", hash, "head",
                             "seq", (json_int_t)m->audit_seq, "hash", head);
    enum kz_err err = canon_format(&text, &len, mark);
    json_decref(mark);
    if (err == KZ_OK)
        err = private_file_create(&f, why, text, len);
    mem_free(text);
    return err == KZ_OK ? KZ_OK : fail(r, KZ_IO, RESTORE_BEGUN " cannot be written");
}

/* --- files -------------------------------------------------------------------------- */

static const struct place *place_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    size_t len = slash != NULL ? (size_t)(slash - name) : 0;
    for (size_t i = 0; i < PLACES; i++)
        if (strlen(places[i].folder) == len &&
            strncmp(places[i].folder, name, len) == 0)
            return &places[i];
    return NULL;
}

/* Redis of the operator's own is not below data_dir. */
static bool is_wanted(const struct restoring *r, const char *folder)
{
    return strncmp(folder, "redis", 5) != 0 ||
           strcmp(r->backup.manifest.redis_mode, "embedded") == 0;
}

static enum kz_err make_folders(struct restoring *r)
{
    for (size_t i = 0; i < PLACES; i++)
        if (is_wanted(r, places[i].folder) &&
            mkdirat(r->to, places[i].folder, places[i].folder_mode) != 0)
            return fail_errno(r, places[i].folder, "cannot be made");
    return KZ_OK;
}

/* All bytes are written, zeros too: a journal's segments take their space beforehand. */
static enum kz_err copy_open(struct restoring *r, const struct backup_file *f, int from,
                             int to)
{
    struct hash256 hash;
    unsigned len = 0;
    ssize_t n = 0;
    bool is_written = true;
    uint8_t *piece = mem_new(PIECE);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    while (ok && is_written && (n = read(from, piece, PIECE)) > 0) {
        ok = EVP_DigestUpdate(md, piece, (size_t)n) == 1;
        is_written = write_all(to, piece, (size_t)n);
    }
    OPENSSL_cleanse(piece, PIECE); /* it may have been the vault's key */
    mem_free(piece);
    ok = ok && is_written && n == 0 && EVP_DigestFinal_ex(md, hash.b, &len) == 1;
    EVP_MD_CTX_free(md);
    if (!is_written || (ok && fsync(to) != 0))
        return fail_errno(r, f->name, "cannot be written");
    if (!ok)
        return fail(r, KZ_IO, "%s cannot be read", f->name);
    return hash256_equal(&hash, &f->sha256)
               ? KZ_OK
               : fail(r, KZ_IO, "%s was read otherwise than before", f->name);
}

static enum kz_err copy_file(struct restoring *r, const struct backup_file *f)
{
    const struct place *p = place_of(f->name);
    if (p == NULL || !is_wanted(r, f->name))
        return KZ_OK;
    int from = openat(r->from, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0)
        return fail_errno(r, f->name, "cannot be opened");
    int to =
        openat(r->to, f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, p->file_mode);
    enum kz_err err =
        to >= 0 ? copy_open(r, f, from, to) : fail_errno(r, f->name, "cannot be made");
    close(from);
    if (to >= 0)
        close(to);
    FAULT_POINT("restore_file_copied");
    return err;
}

static enum kz_err copy_files(struct restoring *r)
{
    enum kz_err err = make_folders(r);
    for (size_t i = 0; err == KZ_OK && i < r->backup.manifest.file_count; i++)
        err = copy_file(r, &r->backup.manifest.files[i]);
    return err;
}

/* --- the vault ---------------------------------------------------------------------- */

static enum kz_err put_master_key(struct restoring *r)
{
    char key[MASTER_KEY_MAX], why[PRIVATE_FILE_WHY_SIZE];
    size_t len = 0;
    const struct private_file given = {AT_FDCWD, r->order->master_key},
                              kept = {r->to, "vault/master.key"};
    if (r->order->master_key == NULL)
        return KZ_OK;
    enum kz_err err = private_file_read(key, &len, why, &given, sizeof(key));
    if (err != KZ_OK)
        return fail(r, err, "the master key's file %s", why);
    err = private_file_create(&kept, why, key, len);
    OPENSSL_cleanse(key, sizeof(key));
    return err == KZ_OK ? KZ_OK : fail(r, err, "vault/master.key %s", why);
}

/* A key that opens nothing is the wrong one. A file that was damaged before is named, and
 * no reason to have no pool. */
static enum kz_err open_all(struct restoring *r, json_t **problems)
{
    char path[PATH_MAX], why[VAULT_WHY_SIZE] = "";
    struct vault *v = NULL;
    json_t *ids = NULL;
    snprintf(path, sizeof(path), "%s/vault", r->order->to);
    const struct vault_place place = {.folder = path};
    enum kz_err err = vault_open(&v, why, &place);
    if (err == KZ_OK)
        err = vault_list(&ids, why, v);
    if (err == KZ_OK)
        err = vault_check(problems, why, v);
    if (err != KZ_OK)
        err = fail(r, KZ_RANGE, "the vault does not open: %s", why);
    else if (json_array_size(ids) > 0 &&
             json_array_size(*problems) >= json_array_size(ids))
        err = fail(r, KZ_RANGE, "the vault does not open: is it another's key?");
    json_decref(ids);
    vault_close(v);
    return err;
}

static bool has_vault_key(const struct restoring *r)
{
    return r->order->master_key != NULL || r->backup.manifest.has_master_key;
}

static enum kz_err restore_vault(struct restoring *r, json_t **problems)
{
    enum kz_err err = put_master_key(r);
    return err == KZ_OK && has_vault_key(r) ? open_all(r, problems) : err;
}

/* --- all of it ---------------------------------------------------------------------- */

static enum kz_err finish(struct restoring *r)
{
    if (geteuid() == 0 && folder_give(r->to, r->owner.st_uid, r->owner.st_gid) != KZ_OK)
        return fail_errno(r, r->order->to, "cannot be given to its owner");
    if (folder_sync(r->to) != KZ_OK)
        return fail_errno(r, r->order->to, "cannot be synced");
    FAULT_POINT("restore_before_end");
    if (renameat(r->to, RESTORE_BEGUN, r->to, RESTORE_DONE) != 0 || fsync(r->to) != 0)
        return fail_errno(r, RESTORE_DONE, "cannot be written");
    return KZ_OK;
}

static enum kz_err write_all_of_it(struct restoring *r, json_t **problems)
{
    enum kz_err err = open_target(r);
    if (err == KZ_OK)
        err = write_mark(r);
    if (err == KZ_OK)
        err = copy_files(r);
    if (err == KZ_OK)
        err = restore_vault(r, problems);
    return err == KZ_OK ? finish(r) : err;
}

static enum kz_err check_key(struct restoring *r)
{
    bool has_own = r->backup.manifest.has_master_key;
    if (has_own && r->order->master_key != NULL)
        return fail(r, KZ_RANGE, "the backup has the vault's master key itself");
    if (!has_own && r->order->master_key == NULL && !r->order->without_master_key)
        return fail(r, KZ_RANGE,
                    "the vault's master key is not in the backup: it is needed to open "
                    "personal data (--master-key FILE, or --without-master-key)");
    return KZ_OK;
}

static enum kz_err check_backup(struct restoring *r, json_t **problems)
{
    const struct backup_check check = {.path = r->order->from,
                                       .expect = r->order->expect};
    enum kz_err err = backup_check_run(&r->backup, r->why, &check);
    if (err != KZ_OK)
        return err;
    if (r->backup.problem_count > 0) {
        *problems = json_incref(r->backup.problems);
        return fail(r, KZ_RANGE, "the backup is damaged: nothing was written");
    }
    r->from = open(r->order->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return r->from >= 0 ? check_key(r)
                        : fail_errno(r, r->order->from, "cannot be opened");
}

static void note_restored(struct backup_restored *out, const struct restoring *r)
{
    const struct backup_manifest *m = &r->backup.manifest;
    *out = (struct backup_restored){.manifest = r->backup.manifest_hash,
                                    .files = m->file_count,
                                    .audit_seq = m->audit_seq,
                                    .audit_hash = m->audit_hash,
                                    .has_vault_key = has_vault_key(r)};
    memcpy(out->redis_mode, m->redis_mode, sizeof(out->redis_mode));
}

enum kz_err backup_restore_run(struct backup_restored *out, json_t **problems,
                               char why[BACKUP_WHY_SIZE],
                               const struct backup_restore *order)
{
    struct restoring r = {.order = order, .from = -1, .to = -1, .lock = -1, .why = why};
    *problems = NULL;
    enum kz_err err = check_backup(&r, problems);
    if (err == KZ_OK)
        err = write_all_of_it(&r, problems);
    if (err == KZ_OK)
        note_restored(out, &r);
    const int fds[] = {r.lock, r.to, r.from};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    backup_report_clear(&r.backup);
    return err;
}
