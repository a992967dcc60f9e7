/* karizctl report reproduce. */
#include "conf/clock.h"
#include "pool/audit/vault.h"
#include "pool/backup_folder.h"
#include "pool/ctl_signing.h"
#include "pool/ctl_table.h"
#include "pool/ctl_terms.h"
#include "pool/reader.h"
#include "pool/report/package_verify.h"
#include "pool/report/reproduce.h"
#include "pool/words.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEMPORARY "kariz-reproduce-XXXXXX"

struct working {
    const char *commit;
    struct ctl_signing signing; /* without a key */
    struct manifest *manifest;
    struct vault *vault;
    struct reader reader;
    char folder[PATH_MAX]; /* ours; "": there is none */
    struct make_plan with;
    char dir[PATH_MAX], journal_dir[CONF_TEXT_MAX + 16];
};

static bool complain(const char *what, const char *why)
{
    fputs("karizctl: ", stderr);
    words_print(stderr, what);
    fputs(": ", stderr);
    words_print(stderr, why);
    fputs("\n", stderr);
    return false;
}

static bool verify(struct working *w, const char *dir)
{
    char why[PACKAGE_WHY_SIZE] = "";
    return package_verify(&w->manifest, why, dir, w->signing.context, NULL) == KZ_OK ||
           complain(dir, why);
}

static bool open_vault(struct working *w)
{
    char why[VAULT_WHY_SIZE];
    const struct vault_place place = {.folder = w->signing.conf->vault};
    return w->manifest->facts.disclosure < DISCLOSURE_FULL ||
           vault_open_reader(&w->vault, why, &place) == KZ_OK ||
           complain("the vault", why);
}

static bool open_store(struct working *w)
{
    char why[READER_WHY_SIZE];
    return reader_open(&w->reader, why, w->signing.conf) == KZ_OK ||
           complain("report reproduce", why);
}

/* Closed to others, as personal values may be in it. */
static bool make_folder(struct working *w)
{
    const char *given = getenv("TMPDIR");
    const char *parent = given != NULL && given[0] == '/' ? given : "/tmp";
    if (strlen(parent) + sizeof(TEMPORARY) + sizeof("/package") >= PATH_MAX)
        return complain(parent, "too long a path");
    snprintf(w->folder, sizeof(w->folder), "%.4000s/" TEMPORARY, parent);
    if (mkdtemp(w->folder) == NULL) {
        w->folder[0] = '\0';
        return complain(parent, strerror(errno));
    }
    return true;
}

static void fill_plan(struct working *w)
{
    struct make_plan *p = &w->with;
    const struct ctl_signing *s = &w->signing;
    snprintf(w->journal_dir, sizeof(w->journal_dir), "%s/journal", s->conf->data_dir);
    snprintf(w->dir, sizeof(w->dir), "%.4080s/package", w->folder);
    *p = (struct make_plan){.store = w->reader.store,
                            .conf = s->conf,
                            .profile = s->profile,
                            .commit = w->commit,
                            .journal_dir = w->journal_dir,
                            .vault = w->vault,
                            .catalogues =
                                (const struct catalogue *const *)s->words.catalogues,
                            .catalogue_count = s->words.count,
                            .context = s->context,
                            .dir = w->dir,
                            .made_ms = clock_utc_ms()};
}

/* --- telling ------------------------------------------------------------------------------ */

static void print_value(const char *name, const json_t *difference, const char *member)
{
    const char *value = json_string_value(json_object_get(difference, member));
    printf("    %-9s", name);
    words_print(stdout, value != NULL ? value : "-");
    puts("");
}

static void print_difference(const json_t *d)
{
    printf("%s: %s\n", ctl_text(d, "file"),
           ctl_text(d, "place")[0] != '\0' ? ctl_text(d, "place")
                                           : "in one of the two");
    if (json_is_null(json_object_get(d, "package")) &&
        json_is_null(json_object_get(d, "again")))
        return;
    print_value("package", d, "package");
    print_value("again", d, "again");
}

static void print_reproduction(const struct reproduction *r)
{
    size_t i, count = json_array_size(r->differences);
    json_t *one;
    json_array_foreach(r->notes, i, one)
    {
        fputs("note: ", stdout);
        words_print(stdout, json_string_value(one));
        puts("");
    }
    json_array_foreach(r->differences, i, one) print_difference(one);
    if (count == 0)
        printf(
            "report reproduce: equal, %zu files; the signature is the package's own\n",
            r->files);
    else
        printf("report reproduce: DIFFERS in %zu of %zu files\n", count, r->files);
}

static int show(const struct ctl_place *place, const struct reproduction *r)
{
    bool is_equal = json_array_size(r->differences) == 0;
    if (place->json) {
        json_t *o = json_pack("{s:b, s:I, s:O, s:O}", "ok", is_equal, "files",
                              (json_int_t)r->files, "notes", r->notes, "differences",
                              r->differences);
        ctl_print_json(o);
        json_decref(o);
    } else {
        print_reproduction(r);
    }
    return fflush(stdout) == 0 && is_equal ? 0 : 1;
}

static int reproduce_it(struct working *w, const struct ctl_place *place,
                        const char *dir)
{
    char why[PACKAGE_WHY_SIZE] = "";
    struct reproduction r = {.files = 0};
    fill_plan(w);
    if (reproduce(&r, why, w->manifest, dir, &w->with) != KZ_OK) {
        complain("report reproduce", why);
        return 1;
    }
    int status = show(place, &r);
    reproduction_clear(&r);
    return status;
}

int ctl_report_reproduce(const struct ctl_place *place, const json_t *arguments)
{
    const char *dir = ctl_text(arguments, "dir");
    struct working w = {.commit = place->commit, .reader = {.redis_dir_fd = -1}};
    int status = 2;
    if (ctl_signing_open_without_key(&w.signing, arguments))
        status = verify(&w, dir) && open_vault(&w) && open_store(&w) && make_folder(&w)
                     ? reproduce_it(&w, place, dir)
                     : 1;
    if (w.folder[0] != '\0' && folder_remove(AT_FDCWD, w.folder) != KZ_OK)
        complain(w.folder, strerror(errno));
    reader_close(&w.reader);
    vault_close(w.vault);
    manifest_free(w.manifest);
    ctl_signing_close(&w.signing);
    return status;
}
