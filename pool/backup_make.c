#include "pool/backup_make.h"

#include "conf/clock.h"
#include "conf/fault.h"
#include "conf/mem.h"
#include "pool/audit/chain_stream.h"
#include "pool/backup_check.h"
#include "pool/backup_folder.h"
#include "pool/backup_write.h"
#include "share/redis_copy.h"
#include "share/refusal_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define AOF_FOLDER   "redis/appendonlydir/"
#define AOF_BASE     "appendonly.aof.1.base.rdb"
#define AOF_MANIFEST "appendonly.aof.manifest"

struct making {
    const struct backup_order *order;
    const struct conf *conf;
    struct backup_writer w;
    struct backup_manifest manifest;
    int parent;                  /* the folder of backups */
    char name[BACKUP_NAME_SIZE]; /* its own, when it is finished */
    char unfinished[BACKUP_NAME_SIZE + 16];
};

static enum kz_err fail(struct making *m, const char *what)
{
    return backup_fail(&m->w, KZ_IO, "%s/%s: %s: %s", m->order->dir, m->name, what,
                       strerror(errno));
}

/* A path below data_dir. */
static void locate(char out[PATH_MAX], const struct making *m, const char *name)
{
    snprintf(out, PATH_MAX, "%s/%s", m->conf->data_dir, name);
}

/* --- Redis ------------------------------------------------------------------------- */

static enum kz_err sink_redis(void *ctx, const void *p, size_t len)
{
    return backup_sink_write(ctx, p, len);
}

/* A snapshot is a whole append-only folder once a manifest names it as the base. */
static enum kz_err copy_live_redis(struct making *m)
{
    static const char list[] = "file " AOF_BASE " seq 1 type b\n";
    char why[REDIS_COPY_WHY] = "";
    struct backup_sink *s = NULL;
    enum kz_err err = backup_sink_open(&s, &m->w, AOF_FOLDER AOF_BASE);
    if (err != KZ_OK)
        return err;
    const struct redis_copy_sink to = {s, sink_redis};
    err = redis_copy(m->manifest.redis_version, why, m->conf, &to);
    if (err != KZ_OK && why[0] != '\0')
        backup_fail(&m->w, err, "%s", why);
    err = backup_sink_close(s, err);
    if (err != KZ_OK)
        return err;
    return backup_write_text(&m->w, AOF_FOLDER AOF_MANIFEST,
                             (struct bytes){(const uint8_t *)list, sizeof(list) - 1});
}

/* A server of a daemon that was killed may still write. */
static enum kz_err lock_server(int *fd, struct making *m)
{
    char path[PATH_MAX];
    locate(path, m, "redis/server.lock");
    *fd = open(path, O_RDWR | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOENT ? KZ_OK : fail(m, path);
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return KZ_OK;
    return backup_fail(&m->w, KZ_BUSY, "a redis-server of a former karizd still runs");
}

static enum kz_err copy_dead_redis(struct making *m)
{
    char path[PATH_MAX];
    int lock = -1;
    enum kz_err err = lock_server(&lock, m);
    locate(path, m, "redis/appendonlydir");
    if (err == KZ_OK)
        err = backup_copy_folder(&m->w, "redis/appendonlydir", path, NULL);
    if (lock >= 0)
        close(lock);
    snprintf(m->manifest.redis_version, sizeof(m->manifest.redis_version), "unknown");
    return err == KZ_EMPTY ? KZ_OK : err; /* it never ran: the journal has it all */
}

static const char *mode_name(enum conf_redis_mode mode)
{
    switch (mode) {
    case CONF_REDIS_EMBEDDED:
        return "embedded";
    case CONF_REDIS_UNIX:
        return "unix";
    case CONF_REDIS_TCP:
        return "tcp";
    case CONF_REDIS_SENTINEL:
        return "sentinel";
    }
    return "?";
}

static enum kz_err copy_redis(struct making *m)
{
    enum conf_redis_mode mode = m->conf->redis_mode;
    snprintf(m->manifest.redis_mode, sizeof(m->manifest.redis_mode), "%s",
             mode_name(mode));
    bool is_dead = m->order->is_offline && mode == CONF_REDIS_EMBEDDED;
    return is_dead ? copy_dead_redis(m) : copy_live_redis(m);
}

/* --- journals ---------------------------------------------------------------------- */

static enum kz_err copy_payout(struct making *m)
{
    char path[PATH_MAX];
    locate(path, m, "payout");
    /* kariz-payout may run where no karizd does: what it has not synced may go. */
    enum kz_err err = backup_copy_journal(&m->w, "payout", path, false);
    return err == KZ_EMPTY ? KZ_OK : err; /* it never paid */
}

static enum kz_err copy_journal(struct making *m)
{
    char path[PATH_MAX];
    locate(path, m, "journal");
    enum kz_err err = backup_copy_journal(&m->w, "journal", path, m->order->is_offline);
    return err == KZ_EMPTY ? KZ_IO : err;
}

/* What the copies say of themselves, read from the copies. */
static enum kz_err look_into(struct making *m, struct chain_stream *found,
                             struct backup_journal *out, const char *folder)
{
    char path[PATH_MAX], why[AUDIT_WHY_SIZE];
    snprintf(path, sizeof(path), "%s/%s/%s", m->order->dir, m->unfinished, folder);
    enum kz_err err = chain_stream_read(found, why, path, NULL);
    if (err == KZ_EMPTY)
        return KZ_EMPTY;
    if (err != KZ_OK)
        return backup_fail(&m->w, err, "%s: %.450s", folder, why);
    snprintf(out->id, sizeof(out->id), "%s", found->id);
    out->last = found->last;
    return KZ_OK;
}

static enum kz_err look_into_journals(struct making *m)
{
    struct chain_stream found = {.last = 0};
    enum kz_err err = look_into(m, &found, &m->manifest.payout, "payout");
    if (err == KZ_OK || err == KZ_EMPTY)
        err = look_into(m, &found, &m->manifest.journal, "journal");
    m->manifest.audit_seq = found.head.seq;
    m->manifest.audit_hash = found.head.hash;
    return err;
}

/* Behind the journal: a key is on the disk before the first event that it seals. */
static enum kz_err copy_refusal_keys(struct making *m)
{
    char path[PATH_MAX];
    locate(path, m, REFUSAL_KEYS_FOLDER);
    enum kz_err err = backup_copy_folder(&m->w, REFUSAL_KEYS_FOLDER, path, ".new");
    return err == KZ_EMPTY ? KZ_OK : err; /* nobody was ever refused */
}

/* --- the vault, blocks, settings ---------------------------------------------------- */

static enum kz_err copy_master_key(struct making *m, int dir)
{
    enum kz_err err = backup_copy_file(&m->w, "vault/master.key", dir, "master.key");
    if (err == KZ_EMPTY)
        return backup_fail(&m->w, KZ_RANGE,
                           "the vault's master key is no file but a credential: keep a "
                           "copy of that");
    m->manifest.has_master_key = err == KZ_OK;
    if (err == KZ_OK) /* while another takes its place */
        err = backup_copy_file(&m->w, "vault/master.next", dir, "master.next");
    return err == KZ_EMPTY ? KZ_OK : err;
}

#define DATA "vault/data/"

/* Of those whose values were copied, and of nobody else: a miner that comes meanwhile is not
 * half there. */
static enum kz_err copy_keys(struct making *m, int dir)
{
    char name[BACKUP_FILE_NAME_MAX + 32];
    enum kz_err err = KZ_OK;
    size_t count = m->manifest.file_count;
    for (size_t i = 0; err == KZ_OK && i < count; i++) {
        const char *data = m->manifest.files[i].name;
        if (strncmp(data, DATA, strlen(DATA)) != 0)
            continue;
        snprintf(name, sizeof(name), "vault/keys/%s", data + strlen(DATA));
        err = backup_copy_file(&m->w, name, dir, name + strlen("vault/"));
        if (err == KZ_EMPTY) /* forgotten meanwhile; the mark of that follows */
            err = KZ_OK;
    }
    return err;
}

static enum kz_err copy_vault_folder(struct making *m, const char *folder)
{
    char path[PATH_MAX], prefix[32];
    snprintf(path, sizeof(path), "%s/%s", m->conf->vault, folder);
    snprintf(prefix, sizeof(prefix), "vault/%s", folder);
    enum kz_err err = backup_copy_folder(&m->w, prefix, path, ".new");
    return err == KZ_EMPTY ? KZ_OK : err;
}

static enum kz_err copy_vault(struct making *m)
{
    int dir = open(m->conf->vault, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return errno == ENOENT ? KZ_OK : fail(m, m->conf->vault);
    enum kz_err err = copy_vault_folder(m, "data");
    if (err == KZ_OK)
        err = copy_keys(m, dir);
    if (err == KZ_OK)
        err = copy_vault_folder(m, "erased");
    if (err == KZ_OK && m->order->with_master_key)
        err = copy_master_key(m, dir);
    close(dir);
    return err;
}

/* One that is renamed just now has been answered by a node: its event says the same. */
static enum kz_err copy_blocks(struct making *m)
{
    char path[PATH_MAX];
    locate(path, m, "blocks");
    enum kz_err err = backup_copy_folder(&m->w, "blocks", path, ".tmp");
    return err == KZ_EMPTY ? KZ_OK : err;
}

static enum kz_err copy_settings(struct making *m)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s.json", m->conf->profiles,
             m->conf->jurisdiction);
    enum kz_err err = backup_copy_file(&m->w, "settings.json", AT_FDCWD, m->conf->path);
    if (err == KZ_OK)
        err = backup_copy_file(&m->w, "profile.json", AT_FDCWD, path);
    return err;
}

static enum kz_err copy_all(struct making *m)
{
    static enum kz_err (*const parts[])(struct making *) = {
        copy_redis, copy_payout, copy_journal, copy_refusal_keys,
        copy_vault, copy_blocks, copy_settings};
    enum kz_err err = KZ_OK;
    for (size_t i = 0; err == KZ_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
        err = parts[i](m);
    return err == KZ_EMPTY ? KZ_IO : err;
}

static enum kz_err copy_held(struct making *m)
{
    const struct backup_order *o = m->order;
    bool is_held = o->hold == NULL || o->hold(o->ctx, true);
    enum kz_err err = is_held ? copy_all(m) : backup_fail(&m->w, KZ_BUSY, "stopping");
    if (o->hold != NULL && !o->hold(o->ctx, false) && err == KZ_OK)
        err = backup_fail(&m->w, KZ_BUSY, "stopping");
    return err;
}

/* --- finishing ---------------------------------------------------------------------- */

static enum kz_err write_manifest(struct making *m, struct hash256 *hash)
{
    char line[128], hex[HASH256_HEX_SIZE], *text = NULL;
    size_t len = 0;
    struct backup_manifest all = m->manifest;
    backup_manifest_sort(&all);
    enum kz_err err = backup_manifest_format(&text, &len, m->w.why, &all);
    if (err != KZ_OK)
        return err;
    hash256_single(hash, text, len);
    err = backup_write_text(&m->w, BACKUP_MANIFEST,
                            (struct bytes){(const uint8_t *)text, len});
    mem_free(text);
    hex_encode(hex, hash->b, sizeof(hash->b));
    int n = snprintf(line, sizeof(line), "%s  " BACKUP_MANIFEST "\n", hex);
    if (err == KZ_OK)
        err = backup_write_text(&m->w, BACKUP_MANIFEST_HASH,
                                (struct bytes){(const uint8_t *)line, (size_t)n});
    FAULT_POINT("backup_manifest_written");
    if (err == KZ_OK && folder_sync(m->w.dir) != KZ_OK)
        err = fail(m, "cannot be synced");
    return err;
}

/* Read from the disk, not from what was just written to the cache. */
static enum kz_err forget_cached(void *ctx, int dir, const char *name, bool is_folder)
{
    (void)ctx;
    int fd = is_folder ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
        if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
            errno = 0; /* advice */
        close(fd);
    }
    return KZ_OK;
}

static enum kz_err prove(struct making *m, const struct hash256 *hash)
{
    char path[PATH_MAX];
    const struct folder_walk forget = {.on_entry = forget_cached};
    struct backup_report report = {.problem_count = 0};
    snprintf(path, sizeof(path), "%s/%s", m->order->dir, m->unfinished);
    const struct backup_check check = {.path = path,
                                       .expect = hash,
                                       .is_stopping = m->order->is_stopping,
                                       .ctx = m->order->ctx};
    enum kz_err err = folder_walk(m->w.dir, &forget);
    if (err == KZ_OK)
        err = backup_check_run(&report, m->w.why, &check);
    if (err == KZ_OK && report.problem_count > 0)
        err = backup_fail(&m->w, KZ_IO, "what was written is not what is read: %.400s",
                          json_string_value(json_array_get(report.problems, 0)));
    backup_report_clear(&report);
    return err;
}

static enum kz_err give_name(struct making *m)
{
    FAULT_POINT("backup_before_rename");
    if (renameat(m->parent, m->unfinished, m->parent, m->name) != 0)
        return fail(m, "cannot be given its name");
    FAULT_POINT("backup_renamed");
    return fsync(m->parent) == 0 ? KZ_OK : fail(m, "cannot be synced");
}

static enum kz_err fill(struct making *m, struct hash256 *hash)
{
    enum kz_err err = copy_held(m);
    if (err == KZ_OK)
        err = look_into_journals(m);
    if (err == KZ_OK)
        err = write_manifest(m, hash);
    if (err == KZ_OK)
        err = prove(m, hash);
    return err == KZ_OK ? give_name(m) : err;
}

/* --- beginning ---------------------------------------------------------------------- */

static int open_parent(const char *dir)
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return -1;
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static enum kz_err clear_leftovers(struct making *m)
{
    struct backup_list l = {.count = 0};
    enum kz_err err = backup_list_read(&l, m->parent, m->conf->instance, true);
    for (size_t i = 0; err == KZ_OK && i < l.count; i++)
        err = folder_remove(m->parent, l.name[i]);
    backup_list_clear(&l);
    return err == KZ_OK ? KZ_OK : fail(m, "what an earlier one left cannot be removed");
}

static enum kz_err begin(struct making *m, int64_t now_ms)
{
    m->manifest.time_ms = now_ms;
    snprintf(m->manifest.instance, sizeof(m->manifest.instance), "%s",
             m->conf->instance);
    snprintf(m->manifest.network, sizeof(m->manifest.network), "%s",
             conf_network_name(m->conf->network));
    snprintf(m->manifest.version, sizeof(m->manifest.version), "%s", KARIZ_VERSION);
    backup_name_format(m->name, m->conf->instance, now_ms);
    snprintf(m->unfinished, sizeof(m->unfinished), BACKUP_UNFINISHED "%s", m->name);
    m->parent = open_parent(m->order->dir);
    if (m->parent < 0)
        return fail(m, "the folder of backups cannot be used");
    enum kz_err err = clear_leftovers(m);
    if (err != KZ_OK)
        return err;
    if (faccessat(m->parent, m->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return backup_fail(&m->w, KZ_BUSY, "%s/%s is there already", m->order->dir,
                           m->name);
    FAULT_POINT("backup_begins");
    if (mkdirat(m->parent, m->unfinished, 0700) == 0)
        m->w.dir = openat(m->parent, m->unfinished, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return m->w.dir >= 0 ? KZ_OK : fail(m, "cannot be made");
}

/* Failed: its space may be what is missing. What cannot be removed the next one tries. */
static void clear(struct making *m, enum kz_err err)
{
    if (m->w.dir >= 0)
        close(m->w.dir);
    if (err != KZ_OK && m->parent >= 0 &&
        folder_remove(m->parent, m->unfinished) != KZ_OK)
        errno = 0;
    if (m->parent >= 0)
        close(m->parent);
    backup_manifest_clear(&m->manifest);
}

static void note_made(struct backup_made *out, const struct making *m, uint64_t files,
                      const struct hash256 *hash)
{
    *out = (struct backup_made){.time_ms = m->manifest.time_ms,
                                .manifest = *hash,
                                .files = files,
                                .bytes = backup_manifest_bytes(&m->manifest),
                                .audit_seq = m->manifest.audit_seq,
                                .audit_hash = m->manifest.audit_hash};
    memcpy(out->name, m->name, sizeof(out->name));
}

enum kz_err backup_make(struct backup_made *out, char why[BACKUP_WHY_SIZE],
                        const struct backup_order *order)
{
    struct hash256 hash;
    struct making m = {.order = order, .conf = order->conf, .parent = -1};
    m.w = (struct backup_writer){.dir = -1,
                                 .manifest = &m.manifest,
                                 .is_stopping = order->is_stopping,
                                 .ctx = order->ctx};
    enum kz_err err = begin(&m, clock_utc_ms());
    if (err == KZ_OK)
        err = fill(&m, &hash);
    if (err == KZ_OK)
        note_made(out, &m, m.manifest.file_count - 2, &hash);
    else
        snprintf(why, BACKUP_WHY_SIZE, "%s", m.w.why);
    clear(&m, err);
    return err;
}

/* --- those there are ---------------------------------------------------------------- */

enum kz_err backup_find_newest(char name[BACKUP_NAME_SIZE], int64_t *time_ms,
                               const char *dir, const char *instance)
{
    struct backup_list l = {.count = 0};
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum kz_err err = fd >= 0 ? backup_list_read(&l, fd, instance, false) : KZ_EMPTY;
    if (err == KZ_OK && l.count == 0)
        err = KZ_EMPTY;
    if (err == KZ_OK)
        err = backup_name_parse(time_ms, instance, l.name[l.count - 1]);
    if (err == KZ_OK)
        memcpy(name, l.name[l.count - 1], BACKUP_NAME_SIZE);
    backup_list_clear(&l);
    if (fd >= 0)
        close(fd);
    return err;
}

/* By its unfinished name first, so that half of one never looks like a whole. */
static enum kz_err let_go_one(int dir, const char *name)
{
    char unfinished[BACKUP_NAME_SIZE + 16];
    snprintf(unfinished, sizeof(unfinished), BACKUP_UNFINISHED "%s", name);
    if (renameat(dir, name, dir, unfinished) != 0 || fsync(dir) != 0)
        return KZ_IO;
    FAULT_POINT("backup_being_removed");
    return folder_remove(dir, unfinished);
}

enum kz_err backup_let_go(size_t *gone, char why[BACKUP_WHY_SIZE], const char *dir,
                          const char *instance, size_t keep)
{
    struct backup_list l = {.count = 0};
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum kz_err err = fd >= 0 ? backup_list_read(&l, fd, instance, false) : KZ_IO;
    *gone = 0;
    for (size_t i = 0; err == KZ_OK && i + keep < l.count; i++) {
        err = let_go_one(fd, l.name[i]);
        *gone += err == KZ_OK;
    }
    if (err != KZ_OK)
        snprintf(why, BACKUP_WHY_SIZE, "%.300s: an old backup cannot be removed: %s",
                 dir, strerror(errno));
    backup_list_clear(&l);
    if (fd >= 0)
        close(fd);
    return err;
}
