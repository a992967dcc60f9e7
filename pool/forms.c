#include "pool/forms.h"

#include <stdio.h>
#include <string.h>

uint32_t forms_classes(const struct conf_stratum *conf)
{
    uint32_t classes = 1u << DIRECT_SMALL;
    for (size_t i = 0; i < conf->listen_count; i++) {
        enum conf_form form = conf->listen[i].form;
        if (form == CONF_FORM_AUTO) /* no agent is known to take the largest */
            classes |= (1u << DIRECT_LARGEST) - 1;
        else
            classes |= 1u << direct_class_of_form(form);
    }
    return classes;
}

static struct job_spec job_spec_of(const struct forms_spec *spec, uint64_t serial)
{
    return (struct job_spec){.template = spec->template,
                             .id = {serial},
                             .ntime = spec->ntime,
                             .tag = spec->tag};
}

static enum kz_err make_pool_form(struct job **job, char why[JOB_WHY_SIZE],
                                  const struct forms_spec *spec, uint64_t serial)
{
    struct amount value;
    struct job_output output;
    struct job_spec js = job_spec_of(spec, serial);
    if (!amount_from_sat(&value, spec->template->coinbase_value_sat) ||
        coinbase_to_pool(&output, value, &spec->terms.pool) != KZ_OK) {
        snprintf(why, JOB_WHY_SIZE, "coinbase value out of range");
        return KZ_RANGE;
    }
    js.outputs = &output;
    js.output_count = 1;
    return job_new(job, why, &js);
}

/* The form of `class`; of an earlier class, referenced, when that is the same. */
static enum kz_err make_paying_form(struct job_set *set, char why[JOB_WHY_SIZE],
                                    struct coinbase_split *split,
                                    const struct forms_spec *spec,
                                    enum direct_class class, uint64_t serial)
{
    struct coinbase *c;
    enum kz_err err = coinbase_new(&c, split, spec->template, class, &spec->terms);
    if (err != KZ_OK) {
        snprintf(why, JOB_WHY_SIZE, "%s: amounts out of range",
                 direct_class_name(class));
        return err;
    }
    for (size_t i = 0; i < (size_t) class; i++) {
        const struct coinbase *other =
            set->of[i] != NULL ? coinbase_of_job(set->of[i]) : NULL;
        if (other == NULL || !coinbase_is_same(other, c))
            continue;
        coinbase_free(c);
        set->of[class] = job_ref(set->of[i]);
        return KZ_OK;
    }
    struct job_spec js = job_spec_of(spec, serial);
    coinbase_put(&js, c);
    err = job_new(&set->of[class], why, &js);
    if (err != KZ_OK)
        coinbase_free(c);
    return err;
}

/* NULL when the pool alone is to be paid; `why` says so unless that was asked for. */
static struct coinbase_split *split_for(const struct forms_spec *spec,
                                        char why[JOB_WHY_SIZE])
{
    struct amount value;
    struct coinbase_split *split = NULL;
    if (spec->snapshot == NULL || spec->mode == DIRECT_NOTHING ||
        !amount_from_sat(&value, spec->template->coinbase_value_sat))
        return NULL;
    enum kz_err err = coinbase_split_new(&split, spec->snapshot, value, spec->mode);
    if (err != KZ_OK)
        snprintf(why, JOB_WHY_SIZE, "snapshot: %s",
                 err == KZ_EMPTY ? "no work counts" : "amounts out of range");
    return split;
}

/* A form for each class in use; those that cannot be made stay NULL. */
static void make_paying_forms(struct job_set *set, char why[JOB_WHY_SIZE],
                              struct coinbase_split *split,
                              const struct forms_spec *spec)
{
    uint64_t serial = spec->serial;
    for (size_t c = 0; c < DIRECT_CLASSES; c++) {
        if ((spec->classes >> c & 1) == 0 ||
            make_paying_form(set, why, split, spec, (enum direct_class)c, serial) !=
                KZ_OK)
            continue;
        if (set->of[c]->id.serial == serial)
            serial++;
    }
}

enum kz_err forms_make(struct job_set *out, char why[JOB_WHY_SIZE],
                       const struct forms_spec *spec)
{
    struct job_set set = {{NULL}};
    enum kz_err err = KZ_OK;
    why[0] = '\0';
    struct coinbase_split *split = split_for(spec, why);
    /* The small form names the set: without it the others would have no place. */
    if (split != NULL)
        make_paying_forms(&set, why, split, spec);
    coinbase_split_free(split);
    if (set.of[DIRECT_SMALL] == NULL) {
        job_set_unref(&set);
        err = make_pool_form(&set.of[DIRECT_SMALL], why, spec, spec->serial);
    }
    if (err != KZ_OK)
        return err;
    for (size_t c = 1; c < DIRECT_CLASSES; c++) {
        if (set.of[c] == NULL)
            set.of[c] = job_ref(set.of[DIRECT_SMALL]);
    }
    *out = set;
    return KZ_OK;
}
