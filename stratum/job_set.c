#include "stratum/job_set.h"

struct job_set job_set_of(const struct job *job)
{
    struct job_set set;
    for (size_t c = 0; c < DIRECT_CLASSES; c++)
        set.of[c] = job_ref(job);
    return set;
}

struct job_set job_set_ref(const struct job_set *set)
{
    struct job_set copy;
    for (size_t c = 0; c < DIRECT_CLASSES; c++)
        copy.of[c] = job_ref(set->of[c]);
    return copy;
}

void job_set_unref(struct job_set *set)
{
    for (size_t c = 0; c < DIRECT_CLASSES; c++)
        job_unref(set->of[c]);
    *set = (struct job_set){{NULL}};
}

const struct job *job_set_any(const struct job_set *set)
{
    return set->of[DIRECT_SMALL];
}

uint64_t job_set_serial(const struct job_set *set)
{
    return set->of[DIRECT_SMALL]->id.serial;
}

uint64_t job_set_last_serial(const struct job_set *set)
{
    uint64_t last = 0;
    for (size_t c = 0; c < DIRECT_CLASSES; c++) {
        if (set->of[c]->id.serial > last)
            last = set->of[c]->id.serial;
    }
    return last;
}

enum direct_class job_set_first_class(const struct job_set *set,
                                      enum direct_class class)
{
    for (size_t c = 0; c < (size_t) class; c++) {
        if (set->of[c] == set->of[class])
            return (enum direct_class)c;
    }
    return class;
}

const struct job *job_set_find(const struct job_set *set, uint64_t serial)
{
    for (size_t c = 0; c < DIRECT_CLASSES; c++) {
        if (set->of[c]->id.serial == serial)
            return set->of[c];
    }
    return NULL;
}

bool job_set_is_form(const struct job_set *set, const struct job *job, uint32_t classes)
{
    for (size_t c = 0; c < DIRECT_CLASSES; c++) {
        if ((classes >> c & 1) != 0 && set->of[c] == job)
            return true;
    }
    return false;
}

size_t job_set_count(const struct job_set *set)
{
    size_t count = 0;
    for (size_t c = 0; c < DIRECT_CLASSES; c++)
        count += job_set_first_class(set, (enum direct_class)c) == c;
    return count;
}
