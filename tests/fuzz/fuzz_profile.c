/* tests/fuzz/fuzz_profile.c - a jurisdiction's profile, from whoever wrote it.
 *
 * What is taken keeps its bounds, can be asked everything, and is taken again from what it
 * is written as; what is not says why, in printable ASCII. */
#include "pool/registry/names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct profile *p)
{
    struct names_hit hits[8];
    assert(p->utc_offset_minutes >= -720 && p->utc_offset_minutes <= 840);
    assert(p->certificate.term_months >= 0 && p->certificate.term_months <= 1200);
    assert(p->csv_delimiter == ',' || p->csv_delimiter == ';');
    assert(!p->verified || p->verified_note != NULL);
    assert(p->languages.count > 0 && profile_text(&p->authority, "tk") != NULL);
    for (size_t i = 0; i < p->region_count; i++)
        assert(profile_region_find(p, p->regions[i].code) == &p->regions[i]);
    for (size_t i = 0; i < p->stop_count; i++)
        assert(profile_stop_at(p, p->stops[i].from_ms) != NULL);
    for (size_t i = 0; i < p->stems_count; i++)
        if (p->stems[i].stems.count > 0)
            assert(names_check(hits, 8, p, p->stems[i].stems.items[0]) > 0);
    pattern_fits(p->tax_id.pattern, "941240001151");
    pattern_fits(p->certificate.pattern, "TM-000001/2026");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[PROFILE_WHY_SIZE] = "";
    struct profile *p = NULL, *again = NULL;
    if (profile_parse(&p, why, (struct bytes){data, size}) != KZ_OK) {
        assert(p == NULL && why[0] != '\0');
        for (const char *c = why; *c != '\0'; c++)
            assert(*c >= ' ' && *c <= '~');
        return 0;
    }
    ask(p);
    char *text = json_dumps(p->json, 0);
    assert(text != NULL);
    enum kz_err err =
        profile_parse(&again, why, (struct bytes){(const uint8_t *)text, strlen(text)});
    assert(err == KZ_OK && again->utc_offset_minutes == p->utc_offset_minutes);
    free(text);
    profile_free(again);
    profile_free(p);
    return 0;
}
