/* Backups, as karizctl makes, checks and restores them: by the daemon where one runs, else
 * here. */
#include "conf/clock.h"
#include "pool/backup_make.h"
#include "pool/backup_restore.h"
#include "pool/ctl_client.h"
#include "pool/ctl_local.h"
#include "pool/ctl_table.h"
#include "pool/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char *text_of(const json_t *arguments, const char *name)
{
    return json_string_value(json_object_get(arguments, name));
}

static bool has(const json_t *arguments, const char *name)
{
    return json_is_true(json_object_get(arguments, name));
}

static int complain(const char *why)
{
    fprintf(stderr, "karizctl: %s\n", why);
    return 1;
}

static void print_json(json_t *o)
{
    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    puts("");
    json_decref(o);
}

/* The daemon has another working folder. */
static bool make_absolute(char out[PATH_MAX], const char *path)
{
    char here[PATH_MAX];
    if (path[0] == '/')
        return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
    return getcwd(here, sizeof(here)) != NULL &&
           snprintf(out, PATH_MAX, "%s/%s", here, path) < PATH_MAX;
}

/* --- create --------------------------------------------------------------------------- */

static void show_made(const json_t *o)
{
    const json_t *audit = json_object_get(o, "audit");
    printf("%s\n", ctl_text(o, "path"));
    printf("files      %" PRId64 ", %" PRId64 " bytes, read again and compared\n",
           ctl_number(o, "files"), ctl_number(o, "bytes"));
    printf("audit head %" PRId64 ":%s\n", ctl_number(audit, "seq"),
           ctl_text(audit, "hash"));
    printf("manifest   %s\n", ctl_text(o, "manifest"));
    if (ctl_text(o, "note")[0] != '\0')
        printf("note: %s\n", ctl_text(o, "note"));
}

static json_t *made_json(const struct backup_made *made, const char *dir)
{
    char manifest[HASH256_HEX_SIZE], head[HASH256_HEX_SIZE], path[PATH_MAX];
    hex_encode(manifest, made->manifest.b, sizeof(made->manifest.b));
    hex_encode(head, made->audit_hash.b, sizeof(made->audit_hash.b));
    snprintf(path, sizeof(path), "%s/%s", dir, made->name);
    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:{s:I, s:s}, s:s}", "name", made->name,
                     "path", path, "files", (json_int_t)made->files, "bytes",
                     (json_int_t)made->bytes, "manifest", manifest, "audit", "seq",
                     (json_int_t)made->audit_seq, "hash", head, "note",
                     "no daemon runs, so the audit chain was not told");
}

/* Held until the end: no daemon starts meanwhile. -1: said why. */
static int lock_data_dir(const char *data_dir)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/lock", data_dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "karizctl: %s: %s\n", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    fprintf(stderr, "karizctl: a daemon uses %s: leave out --conf, and it makes one\n",
            data_dir);
    close(fd);
    return -1;
}

static int make_here(const struct ctl_place *place, const struct conf *conf,
                     const char *dir, bool with_master_key)
{
    char why[BACKUP_WHY_SIZE];
    struct backup_made made;
    const struct backup_order order = {.conf = conf,
                                       .dir = dir,
                                       .with_master_key = with_master_key,
                                       .is_offline = true};
    if (dir[0] == '\0')
        return complain("needs a folder: the settings have no backup.dir");
    int lock = lock_data_dir(conf->data_dir);
    if (lock < 0)
        return 1;
    enum kz_err err = backup_make(&made, why, &order);
    close(lock);
    if (err != KZ_OK)
        return complain(why);
    json_t *o = made_json(&made, dir);
    if (place->json) {
        print_json(o);
    } else {
        show_made(o);
        json_decref(o);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

static int create_offline(const struct ctl_place *place, const json_t *arguments,
                          const char *dir)
{
    struct conf *conf;
    struct conf_problem problem;
    if (settings_load(&conf, &problem, text_of(arguments, "conf")) != KZ_OK) {
        conf_problem_print(stderr, &problem);
        return 1;
    }
    int status = make_here(place, conf, dir != NULL ? dir : conf->backup_dir,
                           has(arguments, "with-master-key"));
    conf_free(conf);
    return status;
}

static int create_by_daemon(const struct ctl_place *place, const json_t *arguments,
                            const char *dir)
{
    char why[CTL_WHY_SIZE];
    json_t *o = NULL;
    json_t *asked =
        json_pack("{s:b}", "with_master_key", has(arguments, "with-master-key"));
    if (dir != NULL)
        json_object_set_new(asked, "dir", json_string(dir));
    if (ctl_call(&o, why, place->socket, "backup_make", asked, CTL_LONG_PATIENCE_S) !=
        KZ_OK)
        return complain(why);
    if (place->json) {
        print_json(o);
    } else {
        show_made(o);
        json_decref(o);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

int ctl_backup_create(const struct ctl_place *place, const json_t *arguments)
{
    char dir[PATH_MAX];
    const char *given = text_of(arguments, "dir");
    if (given != NULL && !make_absolute(dir, given))
        return complain("the path is too long");
    const char *where = given != NULL ? dir : NULL;
    return text_of(arguments, "conf") != NULL
               ? create_offline(place, arguments, where)
               : create_by_daemon(place, arguments, where);
}

/* --- verify --------------------------------------------------------------------------- */

/* --manifest: its SHA-256 as it was noted. False: no such hash. */
static bool read_expected(struct hash256 *hash, const struct hash256 **out,
                          const json_t *arguments)
{
    const char *hex = text_of(arguments, "manifest");
    *out = hex != NULL ? hash : NULL;
    if (hex == NULL || hex_decode(hash->b, sizeof(hash->b), hex, strlen(hex)) == KZ_OK)
        return true;
    fputs("karizctl: --manifest: 64 hex digits expected\n", stderr);
    return false;
}

static void print_problems(const json_t *problems)
{
    size_t i;
    const json_t *line;
    json_array_foreach(problems, i, line)
        printf("FAULT      %s\n", json_string_value(line));
}

static int show_report(const struct ctl_place *place, const struct backup_report *r)
{
    char hash[HASH256_HEX_SIZE], last[400], time[CLOCK_TEXT_SIZE];
    const struct backup_manifest *m = &r->manifest;
    bool is_ok = r->problem_count == 0;
    clock_utc_format(time, m->time_ms);
    hex_encode(hash, r->manifest_hash.b, sizeof(r->manifest_hash.b));
    if (is_ok)
        snprintf(last, sizeof(last),
                 "backup verify: ok, %zu files of %s, %s, audit head %" PRIu64,
                 m->file_count, m->instance, time, m->audit_seq);
    else
        snprintf(last, sizeof(last), "backup verify: FAILED, %" PRIu64 " faults",
                 r->problem_count);
    if (place->json) {
        print_json(json_pack("{s:b, s:s, s:s, s:I, s:I, s:s, s:O, s:s}", "ok", is_ok,
                             "instance", m->instance, "time", time, "files",
                             (json_int_t)m->file_count, "audit_seq",
                             (json_int_t)m->audit_seq, "manifest", hash, "problems",
                             r->problems, "last", last));
    } else {
        print_problems(r->problems);
        printf("manifest   %s\n%s\n", hash, last);
    }
    return is_ok && fflush(stdout) == 0 ? 0 : 1;
}

int ctl_backup_verify(const struct ctl_place *place, const json_t *arguments)
{
    char why[BACKUP_WHY_SIZE];
    struct hash256 noted;
    struct backup_report report = {.problem_count = 0};
    struct backup_check check = {.path = text_of(arguments, "dir")};
    if (!read_expected(&noted, &check.expect, arguments))
        return 2;
    if (backup_check_run(&report, why, &check) != KZ_OK)
        return complain(why);
    int status = show_report(place, &report);
    backup_report_clear(&report);
    return status;
}

/* --- restore -------------------------------------------------------------------------- */

static void say_next(const struct backup_restored *r, const char *from, const char *to)
{
    printf(
        "What to do next:\n"
        "  - the old machine's karizd and kariz-payout must not run any more: this is "
        "the same\n    journal, and two of it would both write\n"
        "  - settings: %s/settings.json is what was in force; set data_dir to %s,\n"
        "    put back the files that it names (keys, passwords, certificates: no "
        "backup "
        "has them),\n    and see what karizd --check says\n",
        from, to);
    if (!r->has_vault_key)
        printf("  - put the vault's master key at %s/vault/master.key (mode 0600), or "
               "give\n    karizd its credential\n",
               to);
    if (strcmp(r->redis_mode, "embedded") != 0)
        printf("  - Redis is your own (%s): let it start from a copy of\n"
               "    %s/redis/appendonlydir (appendonly yes), with all others of its "
               "karizd stopped\n",
               r->redis_mode, from);
    puts(
        "  - start karizd: it gives Redis what that lacks, and tells the audit chain\n"
        "  - before anything is paid: kariz-payout recover --yes, at a node that is in "
        "step;\n    what was paid after the backup is read from the chain\n"
        "  - miners whose data were erased after the backup have to be erased again");
}

static int show_restored(const struct ctl_place *place, const struct backup_restored *r,
                         const char *from, const char *to)
{
    char hash[HASH256_HEX_SIZE];
    hex_encode(hash, r->audit_hash.b, sizeof(r->audit_hash.b));
    if (place->json) {
        print_json(json_pack("{s:b, s:s, s:I, s:s, s:I, s:s, s:b}", "ok", true, "to",
                             to, "files", (json_int_t)r->files, "redis", r->redis_mode,
                             "audit_seq", (json_int_t)r->audit_seq, "audit_hash", hash,
                             "vault_opens", r->has_vault_key));
    } else {
        printf("restored %s to %s\naudit head %" PRIu64 ":%s\n%s", from, to,
               r->audit_seq, hash,
               r->has_vault_key ? "the vault opens with its key\n" : "");
        say_next(r, from, to);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

int ctl_backup_restore(const struct ctl_place *place, const json_t *arguments)
{
    char why[BACKUP_WHY_SIZE];
    struct hash256 noted;
    struct backup_restored restored;
    json_t *problems = NULL;
    struct backup_restore order = {.from = text_of(arguments, "dir"),
                                   .to = text_of(arguments, "to"),
                                   .master_key = text_of(arguments, "master-key"),
                                   .without_master_key =
                                       has(arguments, "without-master-key")};
    if (order.to == NULL) {
        fputs("karizctl: backup restore needs --to, an empty data_dir\n", stderr);
        return 2;
    }
    if (!read_expected(&noted, &order.expect, arguments))
        return 2;
    enum kz_err err = backup_restore_run(&restored, &problems, why, &order);
    if (!place->json || err != KZ_OK)
        print_problems(problems);
    json_decref(problems);
    return err == KZ_OK ? show_restored(place, &restored, order.from, order.to)
                        : complain(why);
}
