/* tests/unit/psbt_bed.h - a PSBT, the vectors it is from, and a context to sign with.
 * Include after cmocka.h. */
#ifndef TESTS_UNIT_PSBT_BED_H
#define TESTS_UNIT_PSBT_BED_H

#include "payout/psbt_roles.h"
#include "tests/unit/payout_cases.h"
#include "tests/unit/psbt_vectors.h"

static const uint8_t aux[32];
static const struct bytes none = {NULL, 0};

struct bed {
    struct sign_context *c;
    json_t *file;
    struct psbt p;
    struct psbt_problem problem;
};

static inline void bed_open(struct bed *b, const char *name)
{
    *b = (struct bed){.file = vectors_json(name), .c = sign_context_new()};
}

static inline void bed_close(struct bed *b)
{
    psbt_clear(&b->p);
    sign_context_free(b->c);
    json_decref(b->file);
}

static inline void must(const struct bed *b, enum kz_err err)
{
    char why[200];
    if (err == KZ_OK)
        return;
    psbt_problem_format(why, sizeof(why), &b->problem);
    fail_msg("%s: %s", kz_err_text(err), why);
}

/* Refused as said, and the PSBT is what it was. */
static inline void assert_refused(struct bed *b, enum kz_err err, enum kz_err want,
                                  const char *why, const char *before)
{
    assert_int_equal(err, want);
    psbt_assert_problem(&b->problem, why);
    psbt_assert_text(&b->p, before);
}

static inline struct psbt_record *record_of(struct psbt_map *map, uint64_t type)
{
    for (size_t i = 0; i < map->count; i++)
        if (map->records[i].type == type)
            return &map->records[i];
    fail_msg("no record of type %u", (unsigned)type);
    return NULL;
}

static inline void open_case(struct bed *b, struct payout_case *k, size_t n,
                             const char *stage)
{
    bed_open(b, "payout/payout_tx.json");
    payout_case_open(k, b->file, b->c, n);
    psbt_must_parse(&b->p, text_at(k->json, stage));
}

static inline void close_case(struct bed *b, struct payout_case *k)
{
    payout_case_close(k);
    bed_close(b);
}

#endif
