#include "pool/report/reproduce.h"

#include "pool/registry/profile.h"
#include "pool/report/denials.h"
#include "pool/report/package_look.h"
#include "pool/report/source_work.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOTE_SIZE 400
#define DAY_MS    INT64_C(86400000)

static enum kz_err refuse(char why[PACKAGE_WHY_SIZE], const char *what)
{
    snprintf(why, PACKAGE_WHY_SIZE, "%s", what);
    return KZ_RANGE;
}

/* --- what is not as it was -------------------------------------------------------------- */

static void KZ_PRINTF(2, 3) add_note(json_t *notes, const char *format, ...)
{
    char text[NOTE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* NULL of a text that was cut within a letter: then the note is left out. */
    json_array_append_new(notes, json_string(text));
}

static const char *or_unknown(const char *commit)
{
    return commit != NULL ? commit : "unknown commit";
}

static void note_build(json_t *notes, const struct manifest_facts *f,
                       const struct make_plan *with)
{
    bool is_same = strcmp(f->version, KARIZ_VERSION) == 0 &&
                   strcmp(or_unknown(f->commit), or_unknown(with->commit)) == 0;
    if (!is_same)
        add_note(notes, "made by another build: %.40s (%.48s); this one is %s (%.48s)",
                 f->version, or_unknown(f->commit), KARIZ_VERSION,
                 or_unknown(with->commit));
}

static void note_settings(json_t *notes, const struct manifest_facts *f,
                          const struct make_plan *with)
{
    const struct profile *p = with->profile;
    const struct conf *c = with->conf;
    if (!hash256_equal(&f->profile.sha256, &p->sha256))
        add_note(notes,
                 "the profile is another file: version %.32s then, %.32s now; what it "
                 "rules (\"verified\", forms, languages) may differ",
                 f->profile.version, p->version);
    if (strcmp(f->operator_name, c->operator_name) != 0)
        add_note(notes, "the operator was \"%.120s\", the settings say \"%.120s\"",
                 f->operator_name, c->operator_name);
    if (f->journal_count > 0 && strcmp(f->journal[0].instance, c->instance) != 0)
        add_note(notes, "made by instance %.32s; this one is %.32s",
                 f->journal[0].instance, c->instance);
}

static void note_time(json_t *notes, const struct manifest_facts *f,
                      const struct make_plan *with)
{
    if (f->made_ms < f->period.to_ms)
        add_note(notes, "made before its period was over: work is kept by whole hours, "
                        "and what came later in that hour counts now (R4, R6, R8)");
    else if (f->made_ms < f->period.to_ms + MAKE_GRACE_MS)
        add_note(notes, "made within minutes of its period's end: its last shares may "
                        "have been counted later (R4, R6, R8)");
    if (source_work_kept_ms(with->conf, &f->period, KEY_DAYS) <= with->made_ms)
        add_note(notes, "figures of work of that time are not kept any more: "
                        "tally.days_months (R4, R6, R8)");
    else if (source_work_kept_ms(with->conf, &f->period, KEY_HOURS) <= with->made_ms)
        add_note(notes, "the hours of that time are not kept any more: "
                        "tally.hours_days (R4, R6, R8)");
    if (denials_day_is_over(with->profile, f->period.from_ms / DAY_MS, with->made_ms))
        add_note(notes, "details of logins that were refused in that time are not kept "
                        "any more: refusals_keep_days (R7, R8)");
}

/* --- making it again -------------------------------------------------------------------- */

static size_t take_ids(enum report_id ids[REPORT_IDS], const struct manifest *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->report_count && count < REPORT_IDS; i++)
        ids[count++] = m->reports[i].id;
    return count;
}

static enum kz_err make_again(char why[PACKAGE_WHY_SIZE], const struct manifest *m,
                              const struct make_plan *with)
{
    enum report_id ids[REPORT_IDS];
    struct hash256 unused;
    const struct manifest_facts *f = &m->facts;
    struct make_plan plan = *with;
    plan.again = m;
    plan.period = f->period;
    plan.disclosure = f->disclosure;
    plan.subject = f->subject;
    plan.request = f->request;
    plan.corrects = f->corrects;
    plan.previous = f->previous;
    plan.made_ms = f->made_ms;
    plan.key = NULL;
    plan.ids = ids;
    plan.count = take_ids(ids, m);
    return make_package(&unused, why, &plan);
}

enum kz_err reproduce(struct reproduction *out, char why[PACKAGE_WHY_SIZE],
                      const struct manifest *m, const char *dir,
                      const struct make_plan *with)
{
    struct package_look again = {.manifest = NULL};
    const struct manifest_facts *f = &m->facts;
    if (f->status == MANIFEST_CANCELLATION)
        return refuse(why, "a cancellation has no reports that could be made again");
    if (strcmp(f->jurisdiction, with->profile->code) != 0)
        return refuse(why, "it is of another jurisdiction than the profile");
    enum kz_err err = make_again(why, m, with);
    if (err == KZ_OK)
        err = package_look(&again, why, with->dir, with->context);
    if (err != KZ_OK)
        return err;
    struct reproduction r = {json_array(), json_array(), m->file_count + 1};
    note_build(r.notes, f, with);
    note_settings(r.notes, f, with);
    note_time(r.notes, f, with);
    err = compare_packages(r.differences, why, dir, m, with->dir, again.manifest);
    package_look_clear(&again);
    if (err == KZ_OK)
        *out = r;
    else
        reproduction_clear(&r);
    return err;
}

void reproduction_clear(struct reproduction *r)
{
    json_decref(r->notes);
    json_decref(r->differences);
    *r = (struct reproduction){.files = 0};
}
