#include "stratum/offers.h"

#include <string.h>

/* Generations are compared in a byte that wraps: what is kept must stay well inside. */
#define GENERATIONS_MAX 240

static struct difficulty easier(struct difficulty a, struct difficulty b)
{
    return difficulty_compare(a, b) <= 0 ? a : b;
}

static void offers_drop_oldest(struct offers *o)
{
    o->count--;
    memmove(&o->at[0], &o->at[1], o->count * sizeof(o->at[0]));
}

/* at[i + 1] becomes part of at[i]. */
static void offers_merge(struct offers *o, size_t i)
{
    struct offer *a = &o->at[i], *b = &o->at[i + 1];
    a->last_serial = b->last_serial;
    a->span = (uint8_t)(b->first_generation + b->span - a->first_generation);
    a->easiest = easier(a->easiest, b->easiest);
    o->count--;
    memmove(b, b + 1, (o->count - i - 1) * sizeof(*b));
}

static bool is_extension(const struct offer *last, struct difficulty d)
{
    return difficulty_compare(last->easiest, d) == 0 &&
           last->span < GENERATIONS_MAX / 2;
}

static void offers_forget(struct offers *o, uint64_t oldest_serial)
{
    while (o->count > 0 &&
           (o->at[0].last_serial < oldest_serial ||
            (uint8_t)(o->generation - o->at[0].first_generation) > GENERATIONS_MAX))
        offers_drop_oldest(o);
}

uint8_t offers_send(struct offers *o, uint64_t serial, struct difficulty d,
                    uint64_t oldest_serial)
{
    struct offer *last = o->count > 0 ? &o->at[o->count - 1] : NULL;
    if (last != NULL && last->last_serial == serial)
        o->generation++;
    offers_forget(o, oldest_serial);
    last = o->count > 0 ? &o->at[o->count - 1] : NULL;
    if (last != NULL && is_extension(last, d)) {
        last->last_serial = serial;
        last->span = (uint8_t)(o->generation - last->first_generation);
        return o->generation;
    }
    if (o->count == OFFERS_MAX)
        offers_merge(o, 0);
    o->at[o->count++] = (struct offer){.first_serial = serial,
                                       .last_serial = serial,
                                       .easiest = d,
                                       .first_generation = o->generation};
    return o->generation;
}

void offers_retarget(struct offers *o, struct difficulty d)
{
    for (size_t i = 0; i < o->count; i++)
        o->at[i].easiest = easier(o->at[i].easiest, d);
    for (size_t i = o->count; i-- > 1;) {
        if (difficulty_compare(o->at[i - 1].easiest, o->at[i].easiest) == 0)
            offers_merge(o, i - 1);
    }
}

enum kz_err offers_find(const struct offers *o, struct difficulty *easiest,
                        uint64_t serial, uint8_t generation)
{
    for (size_t i = o->count; i-- > 0;) {
        const struct offer *a = &o->at[i];
        if (serial >= a->first_serial && serial <= a->last_serial &&
            (uint8_t)(generation - a->first_generation) <= a->span) {
            *easiest = a->easiest;
            return KZ_OK;
        }
    }
    return KZ_EMPTY;
}

struct offer offers_summary(const struct offers *o)
{
    struct offers all = *o;
    while (all.count > 1)
        offers_merge(&all, 0);
    if (all.count == 0)
        return (struct offer){.first_serial = 1};
    return all.at[0];
}

void offers_restore(struct offers *o, const struct offer *summary)
{
    *o = (struct offers){0};
    if (summary->first_serial > summary->last_serial)
        return;
    o->at[0] = *summary;
    o->count = 1;
    o->generation = (uint8_t)(summary->first_generation + summary->span);
}
