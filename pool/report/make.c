#include "pool/report/make.h"

#include "conf/mem.h"
#include "pool/registry/profile.h"
#include "pool/report/fill.h"
#include "pool/report/ledger_source.h"
#include "pool/report/spans.h"

#include <stdio.h>
#include <string.h>

/* A table that is made of the ledger, and where it goes. */
struct booked {
    struct report **out;
    enum report_id id;
    struct report_source source; /* at its level */
};

/* R4 and R5 may be made at two levels. */
#define BOOKED_MAX (REPORT_IDS + 2)

struct making {
    const struct make_plan *plan;
    char *why; /* PACKAGE_WHY_SIZE */
    char source_why[SOURCE_WHY_SIZE];
    struct report_source source;
    struct report *tables[REPORT_IDS]; /* at the package's level */
    struct report *inner[REPORT_IDS];  /* of a public package: R4 and R5 for others */
    struct booked booked[BOOKED_MAX];
    struct ledger_reader readers[BOOKED_MAX]; /* of these, in the same order */
    size_t booked_count;
    struct history history;
    struct spans spans;
    struct manifest_journal journals[HISTORY_JOURNALS_MAX];
    struct manifest_audit chains[HISTORY_JOURNALS_MAX];
    size_t journal_count, chain_count;
};

static enum kz_err KZ_PRINTF(2, 3)
    refuse(const struct making *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(m->why, PACKAGE_WHY_SIZE, format, args);
    va_end(args);
    return KZ_RANGE;
}

/* --- tables --------------------------------------------------------------------------- */

static enum kz_err ask_on(const struct making *m, const char *doing)
{
    if (m->plan->goes_on == NULL || m->plan->goes_on(m->plan->ctx, doing))
        return KZ_OK;
    refuse(m, "stopping");
    return KZ_BUSY;
}

static enum kz_err say_which(struct making *m, enum kz_err err, enum report_id id)
{
    if (err != KZ_OK)
        snprintf(m->why, PACKAGE_WHY_SIZE, "%s: %.400s", report_kind_of(id)->name,
                 m->source_why);
    return err;
}

/* --- tables made of the ledger -------------------------------------------------------- */

static bool goes_on_reading(void *ctx)
{
    return ask_on(ctx, MAKE_LEDGER) == KZ_OK;
}

/* Nothing where the report is not made of the ledger. */
static enum kz_err begin_reader(struct making *m, struct report **out,
                                enum report_id id, enum disclosure level)
{
    struct booked *b = &m->booked[m->booked_count];
    const struct ledger_source *source = make_ledger_source_of(id);
    if (source == NULL)
        return KZ_OK;
    *b = (struct booked){.out = out, .id = id, .source = m->source};
    b->source.header.disclosure = level;
    struct ledger_reader *r = &m->readers[m->booked_count];
    r->source = source;
    enum kz_err err = source->begin(&r->making, m->source_why, &b->source);
    m->booked_count += err == KZ_OK;
    return say_which(m, err, id);
}

static enum kz_err read_ledger(struct making *m)
{
    size_t failed;
    const struct ledger_readers all = {m->readers, m->booked_count, goes_on_reading, m};
    enum kz_err err = m->booked_count > 0 ? ask_on(m, MAKE_LEDGER) : KZ_EMPTY;
    if (err != KZ_OK)
        return err == KZ_EMPTY ? KZ_OK : err;
    err = ledger_sources_read(m->source_why, &failed, &m->source, &all);
    if (err == KZ_OK || err == KZ_BUSY)
        return err;
    if (failed < m->booked_count)
        return say_which(m, err, m->booked[failed].id);
    snprintf(m->why, PACKAGE_WHY_SIZE, "%s", m->source_why);
    return err;
}

static void end_reader(struct making *m, size_t i)
{
    struct ledger_reader *r = &m->readers[i];
    if (r->making != NULL)
        r->source->end(r->making);
    r->making = NULL;
}

/* --- all tables ------------------------------------------------------------------------ */

/* Which of them goes there; booked_count: none. */
static size_t booked_at(const struct making *m, struct report *const *out)
{
    size_t i = 0;
    while (i < m->booked_count && m->booked[i].out != out)
        i++;
    return i;
}

/* Begun at its level already where it is made of the ledger. */
static enum kz_err make_table(struct making *m, struct report **out, enum report_id id)
{
    enum kz_err err = ask_on(m, report_kind_of(id)->name);
    if (err != KZ_OK)
        return err;
    size_t i = booked_at(m, out);
    if (i == m->booked_count)
        return say_which(m, make_source_of(id)(out, m->source_why, &m->source), id);
    err = m->readers[i].source->make(out, m->readers[i].making);
    end_reader(m, i);
    return say_which(m, err, id);
}

static bool is_asked(const struct making *m, enum report_id id)
{
    for (size_t i = 0; i < m->plan->count; i++)
        if (m->plan->ids[i] == id)
            return true;
    return false;
}

/* Where R4 or R5 goes for those that add them up: at a level that shows whose the rows are. */
static struct report **inner_of(struct making *m, enum report_id id)
{
    return m->plan->disclosure == DISCLOSURE_PUBLIC ? &m->inner[id] : &m->tables[id];
}

static bool is_inner_needed(const struct making *m, enum report_id id)
{
    return is_asked(m, id) || is_asked(m, REPORT_R6) || is_asked(m, REPORT_R8);
}

static enum kz_err begin_inner(struct making *m, enum report_id id)
{
    bool is_public = m->plan->disclosure == DISCLOSURE_PUBLIC;
    return is_inner_needed(m, id)
               ? begin_reader(m, inner_of(m, id), id,
                              is_public ? DISCLOSURE_REGULATOR : m->plan->disclosure)
               : KZ_OK;
}

static enum kz_err begin_readers(struct making *m)
{
    enum kz_err err = begin_inner(m, REPORT_R4);
    if (err == KZ_OK)
        err = begin_inner(m, REPORT_R5);
    for (size_t i = 0; i < m->plan->count && err == KZ_OK; i++) {
        enum report_id id = m->plan->ids[i];
        if (booked_at(m, &m->tables[id]) == m->booked_count)
            err = begin_reader(m, &m->tables[id], id, m->plan->disclosure);
    }
    return err;
}

static enum kz_err make_inner(struct making *m, const struct report **out,
                              enum report_id id)
{
    struct report **at = inner_of(m, id);
    enum kz_err err = is_inner_needed(m, id) ? make_table(m, at, id) : KZ_OK;
    if (err == KZ_OK)
        *out = *at;
    return err;
}

static enum kz_err make_tables(struct making *m)
{
    enum kz_err err = begin_readers(m);
    if (err == KZ_OK)
        err = read_ledger(m);
    if (err == KZ_OK)
        err = make_inner(m, &m->source.production, REPORT_R4);
    if (err == KZ_OK)
        err = make_inner(m, &m->source.distributions, REPORT_R5);
    for (size_t i = 0; i < m->plan->count && err == KZ_OK; i++) {
        enum report_id id = m->plan->ids[i];
        if (m->tables[id] == NULL)
            err = make_table(m, &m->tables[id], id);
    }
    return err;
}

/* --- checks --------------------------------------------------------------------------- */

struct found {
    char first[PACKAGE_WHY_SIZE / 2];
};

static void keep_first(void *ctx, const struct crosscheck_failure *failure)
{
    struct found *f = ctx;
    if (f->first[0] == '\0')
        snprintf(f->first, sizeof(f->first), "%s", failure->text);
}

/* All that was made, whether or not the package has it. */
static enum kz_err check_tables(struct making *m)
{
    struct found found = {""};
    const struct report *all[REPORT_IDS];
    const struct crosscheck_spans spans = spans_for_check(&m->spans);
    size_t count = 0;
    for (int i = 0; i < REPORT_IDS; i++) {
        const struct report *r = m->inner[i] != NULL ? m->inner[i] : m->tables[i];
        if (r != NULL)
            all[count++] = r;
    }
    size_t failures = crosscheck(all, count, &spans, keep_first, &found);
    if (failures == 0)
        return KZ_OK;
    return refuse(m, "%s (%zu such findings); nothing was signed", found.first,
                  failures);
}

/* --- the registry's past ---------------------------------------------------------------- */

/* What Redis has was read first: the journal read behind it has that and perhaps more. */
static enum kz_err read_journal(struct making *m, const json_t *registry)
{
    char why[HISTORY_WHY_SIZE];
    const struct period *p = &m->plan->period;
    const struct conf *conf = m->plan->conf;
    const struct history_ask ask = {.dir = m->plan->journal_dir,
                                    .others = conf->report_journals,
                                    .other_count = conf->report_journal_count,
                                    .from_ms = p->from_ms,
                                    .until_ms = fill_instant(&m->source),
                                    .written_before_ms = m->plan->made_ms,
                                    .on_event = spans_take,
                                    .ctx = &m->spans};
    spans_init(&m->spans, p->offset_minutes);
    enum kz_err err = history_read(&m->history, why, &ask);
    if (err == KZ_OK)
        err = history_fits(why, &m->history, registry);
    if (err != KZ_OK)
        snprintf(m->why, PACKAGE_WHY_SIZE, "%.500s", why);
    else if (m->plan->subject != NULL &&
             json_object_get(m->history.miners, m->plan->subject) == NULL)
        err = refuse(m, "no miner \"%.64s\" up to the period's end", m->plan->subject);
    return err;
}

static enum kz_err read_past(struct making *m)
{
    json_t *registry = NULL;
    if (store_read_registry(&registry, m->plan->store) != KZ_OK) {
        refuse(m, "the registry cannot be read from Redis");
        return KZ_IO;
    }
    enum kz_err err = read_journal(m, registry);
    json_decref(registry);
    return err;
}

static const char *operator_of(const struct make_plan *p)
{
    return p->again != NULL ? p->again->facts.operator_name : p->conf->operator_name;
}

/* --- the package ------------------------------------------------------------------------ */

/* Our own goes by our name also where its chain is empty. */
static void note_journals(struct making *m)
{
    for (size_t i = 0; i < m->history.journal_count; i++) {
        const struct history_journal *j = &m->history.journals[i];
        const char *name = i == 0 ? m->plan->conf->instance : j->instance;
        if (j->first > 0)
            m->journals[m->journal_count++] =
                (struct manifest_journal){name, j->first, j->last};
        if (j->head.seq > 0)
            m->chains[m->chain_count++] =
                (struct manifest_audit){j->instance, j->head.seq, j->head.hash};
    }
}

static struct manifest_facts facts_of(struct making *m)
{
    const struct make_plan *p = m->plan;
    note_journals(m);
    return (struct manifest_facts){
        .status = p->corrects != NULL ? MANIFEST_CORRECTION : MANIFEST_NEW,
        .corrects = p->corrects,
        .previous = p->previous,
        .operator_name = operator_of(p),
        .jurisdiction = p->profile->code,
        .timezone = p->profile->timezone,
        .profile = {.name = p->profile->code,
                    .version = p->profile->version,
                    .sha256 = p->profile->sha256,
                    .verified = p->profile->verified},
        .period = p->period,
        .disclosure = p->disclosure,
        .subject = p->subject,
        .request = p->request,
        .version = p->again != NULL ? p->again->facts.version : KARIZ_VERSION,
        .commit = p->again != NULL ? p->again->facts.commit : p->commit,
        .made_ms = p->made_ms,
        .journal = m->journals,
        .journal_count = m->journal_count,
        .audit = m->chains,
        .audit_count = m->chain_count,
    };
}

static enum kz_err write_package(struct making *m, struct hash256 *hash)
{
    const struct make_plan *p = m->plan;
    const struct report *asked[REPORT_IDS];
    const struct manifest_facts facts = facts_of(m);
    const struct crosscheck_spans spans = spans_for_check(&m->spans);
    for (size_t i = 0; i < p->count; i++)
        asked[i] = m->tables[p->ids[i]];
    const struct package_plan package = {
        .dir = p->dir,
        .facts = &facts,
        .reports = asked,
        .report_count = p->count,
        .catalogues = p->catalogues,
        .catalogue_count = p->catalogue_count,
        .csv = {p->profile->csv_delimiter, p->profile->csv_bom},
        .spans = &spans,
        .context = p->context,
        .key = p->key,
        .public_key = p->again != NULL ? p->again->key : NULL};
    return package_write(hash, m->why, &package);
}

static enum kz_err check_plan(const struct making *m)
{
    const struct make_plan *p = m->plan;
    char text[PERIOD_TEXT_SIZE];
    period_format(text, &p->period);
    if (operator_of(p)[0] == '\0')
        return refuse(m, "registry.operator: not set; a report says whose it is");
    if (p->period.from_ms >= p->made_ms)
        return refuse(m, "%s: has not begun", text);
    if (p->disclosure == DISCLOSURE_FULL && p->request == NULL)
        return refuse(m, "request: full disclosure needs the number of a written "
                         "request");
    if ((p->disclosure == DISCLOSURE_SUBJECT) != (p->subject != NULL))
        return refuse(m, "miner: is named at the level subject, and there alone");
    for (size_t i = 0; i < p->count; i++)
        if (!report_is_disclosed(p->ids[i], p->disclosure))
            return refuse(m, "%s: is not given at the level %s",
                          report_kind_of(p->ids[i])->name,
                          disclosure_name(p->disclosure));
    return KZ_OK;
}

static struct report_source source_of(const struct make_plan *p)
{
    return (struct report_source){.store = p->store,
                                  .conf = p->conf,
                                  .profile = p->profile,
                                  .vault = p->disclosure >= DISCLOSURE_FULL ? p->vault
                                                                            : NULL,
                                  .subject = p->subject,
                                  .header = {.jurisdiction = p->profile->code,
                                             .operator_name = operator_of(p),
                                             .timezone = p->profile->timezone,
                                             .period = p->period,
                                             .generated_ms = p->made_ms,
                                             .disclosure = p->disclosure,
                                             .profile_verified = p->profile->verified}};
}

static void making_clear(struct making *m)
{
    for (size_t i = 0; i < m->booked_count; i++)
        end_reader(m, i);
    for (int i = 0; i < REPORT_IDS; i++) {
        report_free(m->tables[i]);
        report_free(m->inner[i]);
    }
    history_clear(&m->history);
    spans_clear(&m->spans);
}

enum kz_err make_package(struct hash256 *hash, char why[PACKAGE_WHY_SIZE],
                         const struct make_plan *plan)
{
    struct making m = {.plan = plan, .why = why, .source = source_of(plan)};
    m.source.history = &m.history;
    enum kz_err err = check_plan(&m);
    if (err == KZ_OK)
        err = read_past(&m);
    if (err == KZ_OK)
        err = make_tables(&m);
    if (err == KZ_OK)
        err = ask_on(&m, MAKE_PACKAGE);
    if (err == KZ_OK)
        err = check_tables(&m);
    if (err == KZ_OK)
        err = write_package(&m, hash);
    making_clear(&m);
    return err;
}
