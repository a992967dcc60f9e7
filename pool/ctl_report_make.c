/* karizctl report make, correct, cancel, list. */
#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/audit/vault.h"
#include "pool/ctl_signing.h"
#include "pool/ctl_table.h"
#include "pool/reader.h"
#include "pool/report/make.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool complain(const char *what, const char *why)
{
    fprintf(stderr, "karizctl: %s: %s\n", what, why);
    return false;
}

static const char *text(const json_t *arguments, const char *name)
{
    return json_string_value(json_object_get(arguments, name));
}

/* --- make, correct -------------------------------------------------------------------- */

struct making {
    const json_t *arguments;
    const char *commit;
    struct ctl_signing signing;
    struct reader reader;
    struct vault *vault;
    struct package_look corrected; /* no manifest: there is none */
    struct hash256 previous;
    enum report_id ids[REPORT_IDS];
    size_t id_count;
    struct make_plan plan;
    char journal_dir[CONF_TEXT_MAX + 16];
};

static bool read_period(struct making *m)
{
    const char *period = text(m->arguments, "period");
    const char *level = text(m->arguments, "level");
    m->plan.disclosure = DISCLOSURE_REGULATOR;
    m->plan.subject = text(m->arguments, "miner");
    if (level != NULL && disclosure_parse(&m->plan.disclosure, level) != KZ_OK)
        return complain("--level", "public, regulator, full or subject expected");
    if (period_parse(&m->plan.period, period, m->signing.profile->utc_offset_minutes) !=
        KZ_OK)
        return complain(period, "a period like 2026-10-31, 2026-10, 2026-Q4, 2026 or "
                                "2026-10-01..2026-10-16 expected");
    return true;
}

static void take_ids_of(struct making *m, const struct manifest *manifest)
{
    m->id_count = 0;
    for (size_t i = 0; i < manifest->report_count && m->id_count < REPORT_IDS; i++)
        m->ids[m->id_count++] = manifest->reports[i].id;
}

/* What a correction is of: the period, level and miner of what it corrects. */
static bool take_corrected(struct making *m)
{
    const char *dir = text(m->arguments, "dir");
    if (!ctl_signing_look(&m->corrected, &m->signing, "report correct", dir))
        return false;
    const struct manifest_facts *f = &m->corrected.manifest->facts;
    m->plan.period = f->period;
    m->plan.disclosure = f->disclosure;
    m->plan.subject = f->subject;
    return strcmp(f->jurisdiction, m->signing.profile->code) == 0 ||
           complain(dir, "is of another jurisdiction than the profile");
}

/* --reports, else those of what is corrected, else what is due; a miner is given all that it
 * may have. */
static bool read_ids(struct making *m)
{
    const char *reports = text(m->arguments, "reports");
    if (reports != NULL) {
        if (make_ids_parse(m->ids, &m->id_count, reports) != KZ_OK)
            return complain("--reports", "R1,R2,... expected");
    } else if (m->corrected.manifest != NULL) {
        take_ids_of(m, m->corrected.manifest);
    } else {
        bool is_subject = m->plan.disclosure == DISCLOSURE_SUBJECT;
        m->id_count = make_due(m->ids, m->signing.profile,
                               is_subject ? PERIOD_ON_DEMAND : m->plan.period.kind,
                               m->plan.disclosure);
    }
    return m->id_count > 0 ||
           complain("--reports", "by the profile none is due for such a period; name "
                                 "them");
}

static bool read_previous(struct making *m)
{
    return ctl_signing_previous(&m->plan.previous, &m->previous, &m->signing,
                                m->arguments);
}

static bool open_vault(struct making *m)
{
    char why[VAULT_WHY_SIZE];
    const struct vault_place place = {.folder = m->signing.conf->vault};
    return m->plan.disclosure < DISCLOSURE_FULL ||
           vault_open_reader(&m->vault, why, &place) == KZ_OK ||
           complain("the vault", why);
}

/* The time before the wait: Redis has what was journaled by then. */
static bool open_store(struct making *m)
{
    char why[READER_WHY_SIZE];
    m->plan.made_ms = clock_utc_ms();
    return reader_open(&m->reader, why, m->signing.conf) == KZ_OK ||
           complain("report make", why);
}

static bool fill_plan(struct making *m)
{
    struct make_plan *p = &m->plan;
    const struct conf *conf = m->signing.conf;
    snprintf(m->journal_dir, sizeof(m->journal_dir), "%s/journal", conf->data_dir);
    p->store = m->reader.store;
    p->conf = conf;
    p->profile = m->signing.profile;
    p->commit = m->commit;
    p->journal_dir = m->journal_dir;
    p->vault = m->vault;
    p->request = text(m->arguments, "request");
    p->ids = m->ids;
    p->count = m->id_count;
    p->catalogues = (const struct catalogue *const *)m->signing.words.catalogues;
    p->catalogue_count = m->signing.words.count;
    p->corrects = m->corrected.manifest != NULL ? &m->corrected.hash : NULL;
    p->context = m->signing.context;
    p->key = locked_bytes(m->signing.secret);
    p->dir = text(m->arguments, "out");
    return p->dir != NULL || complain("--out", "the package's directory is needed");
}

static int make(struct making *m, const struct ctl_place *place)
{
    char why[PACKAGE_WHY_SIZE];
    struct hash256 hash;
    if (make_package(&hash, why, &m->plan) != KZ_OK) {
        complain("report make", why);
        return 1;
    }
    const struct manifest_facts facts = {
        .status = m->plan.corrects != NULL ? MANIFEST_CORRECTION : MANIFEST_NEW,
        .period = m->plan.period,
        .disclosure = m->plan.disclosure,
        .subject = m->plan.subject,
        .request = m->plan.request};
    return ctl_signing_finish(place, &facts, &hash, m->plan.dir);
}

/* `read`: of which period. */
static int make_of(const struct ctl_place *place, const json_t *arguments,
                   bool (*read)(struct making *m))
{
    struct making m = {.arguments = arguments,
                       .commit = place->commit,
                       .reader = {.redis_dir_fd = -1}};
    int status = 2;
    if (ctl_signing_open(&m.signing, arguments) && read(&m) && read_previous(&m) &&
        read_ids(&m))
        status =
            open_vault(&m) && open_store(&m) && fill_plan(&m) ? make(&m, place) : 1;
    reader_close(&m.reader);
    vault_close(m.vault);
    package_look_clear(&m.corrected);
    ctl_signing_close(&m.signing);
    return status;
}

int ctl_report_make(const struct ctl_place *place, const json_t *arguments)
{
    return make_of(place, arguments, read_period);
}

int ctl_report_correct(const struct ctl_place *place, const json_t *arguments)
{
    return make_of(place, arguments, take_corrected);
}

/* --- cancel --------------------------------------------------------------------------- */

static int cancel(struct ctl_signing *s, const struct ctl_place *place,
                  const json_t *arguments, const struct package_look *old)
{
    char why[PACKAGE_WHY_SIZE];
    struct hash256 hash, previous;
    struct manifest_facts facts = old->manifest->facts;
    facts.status = MANIFEST_CANCELLATION;
    facts.corrects = &old->hash;
    if (!ctl_signing_previous(&facts.previous, &previous, s, arguments))
        return 2;
    facts.version = KARIZ_VERSION;
    facts.commit = place->commit;
    facts.made_ms = clock_utc_ms();
    const struct package_plan plan = {
        .dir = text(arguments, "out"),
        .facts = &facts,
        .catalogues = (const struct catalogue *const *)s->words.catalogues,
        .catalogue_count = s->words.count,
        .context = s->context,
        .key = locked_bytes(s->secret)};
    if (plan.dir == NULL)
        return complain("--out", "the package's directory is needed") ? 0 : 2;
    if (package_write(&hash, why, &plan) == KZ_OK)
        return ctl_signing_finish(place, &facts, &hash, plan.dir);
    complain("report cancel", why);
    return 1;
}

int ctl_report_cancel(const struct ctl_place *place, const json_t *arguments)
{
    struct ctl_signing s;
    struct package_look old = {.manifest = NULL};
    int status = 2;
    if (ctl_signing_open(&s, arguments) &&
        ctl_signing_look(&old, &s, "report cancel", text(arguments, "dir")))
        status = cancel(&s, place, arguments, &old);
    package_look_clear(&old);
    ctl_signing_close(&s);
    return status;
}

/* --- list ----------------------------------------------------------------------------- */

static void set_hash(json_t *row, const char *name, const struct hash256 *hash)
{
    char hex[HASH256_HEX_SIZE];
    if (hash == NULL)
        return;
    hex_encode(hex, hash->b, sizeof(hash->b));
    json_object_set_new(row, name, json_string(hex));
}

static json_t *row_of(const char *name, const struct package_look *l)
{
    char period[PERIOD_TEXT_SIZE], made[CLOCK_TEXT_SIZE], key[2 * XONLY_SIZE + 1];
    const struct manifest_facts *f = &l->manifest->facts;
    period_format(period, &f->period);
    clock_utc_format(made, f->made_ms);
    hex_encode(key, l->manifest->key, sizeof(l->manifest->key));
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "package", name,
                            "period", period, "status", manifest_status_name(f->status),
                            "level", disclosure_name(f->disclosure), "made_at", made,
                            "key", key, "signed", l->is_signed);
    set_hash(row, "manifest", &l->hash);
    set_hash(row, "corrects", f->corrects);
    set_hash(row, "previous", f->previous);
    return row;
}

static int by_made(const void *a, const void *b)
{
    json_t *const *x = a, *const *y = b;
    int order = strcmp(ctl_text(*x, "made_at"), ctl_text(*y, "made_at"));
    return order != 0 ? order
                      : strcmp(ctl_text(*x, "package"), ctl_text(*y, "package"));
}

static json_t *sorted(const json_t *rows)
{
    size_t count = json_array_size(rows);
    json_t **list = mem_array(count + 1, sizeof(json_t *)), *out = json_array();
    for (size_t i = 0; i < count; i++)
        list[i] = json_array_get(rows, i);
    qsort(list, count, sizeof(json_t *), by_made);
    for (size_t i = 0; i < count; i++)
        json_array_append(out, list[i]);
    mem_free(list);
    return out;
}

/* What is no package is passed over. */
static json_t *look_through(DIR *dir, const char *path)
{
    struct sign_context *c = sign_context_new();
    json_t *rows = json_array();
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char sub[PATH_MAX], why[PACKAGE_WHY_SIZE];
        struct package_look l;
        if (e->d_name[0] == '.' ||
            snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name) >= PATH_MAX ||
            package_look(&l, why, sub, c) != KZ_OK)
            continue;
        json_array_append_new(rows, row_of(e->d_name, &l));
        package_look_clear(&l);
    }
    sign_context_free(c);
    json_t *out = sorted(rows);
    json_decref(rows);
    return out;
}

static void fill_row(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *o)
{
    bool is_signed = json_is_true(json_object_get(o, "signed"));
    ctl_set_cell(row[0], ctl_text(o, "package"));
    ctl_set_cell(row[1], ctl_text(o, "period"));
    ctl_set_cell(row[2], ctl_text(o, "status"));
    ctl_set_cell(row[3], ctl_text(o, "level"));
    snprintf(row[4], CTL_CELL_SIZE, "%.19sZ", ctl_text(o, "made_at"));
    ctl_set_cell(row[5], ctl_text(o, "manifest"));
    ctl_set_cell(row[6], is_signed ? ctl_text(o, "key") : "NOT SIGNED");
}

int ctl_report_list(const struct ctl_place *place, const json_t *arguments)
{
    struct ctl_table table = {
        {"package", "period", "status", "level", "made", "manifest", "signed by"},
        7,
        {0}};
    const char *path = text(arguments, "dir");
    DIR *dir = opendir(path);
    if (dir == NULL)
        return complain(path, strerror(errno)) ? 0 : 1;
    json_t *rows = look_through(dir, path);
    closedir(dir);
    if (place->json) {
        json_dumpf(rows, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        puts("");
    } else {
        ctl_print_array(&table, rows, fill_row);
    }
    json_decref(rows);
    return fflush(stdout) == 0 ? 0 : 1;
}
