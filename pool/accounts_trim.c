/* Slices that no window reaches any more leave Redis; the journal's event stream keeps
 * them.
 *
 * Kept are the newest slices until they hold twice the work of the largest window there is
 * (TIDES: 8 blocks at the present difficulty; more by payout.window), so that a rise of
 * difficulty, or another scheme, still finds what it counts (accounting section 3); and for
 * PROP, whose rounds end with luck, everything since the block before the last. */
#include "pool/accounts_parts.h"

#include "conf/clock.h"

#include <string.h>

#define TRIM_MS        3600000
#define WINDOWS_KEPT   2
#define LARGEST_WINDOW 8000 /* of the schemes' own; thousandths of a block's work */
#define PAGE           64

/* Work of the largest window that may count; 0: not known. */
static uint64_t largest_window(const struct accounts *a, uint32_t nbits)
{
    uint32_t mine = accounts_terms(&a->conf).window_milli;
    return accounts_window(a->network, nbits,
                           mine > LARGEST_WINDOW ? mine : LARGEST_WINDOW);
}

/* The oldest slice of the newest that together hold `span` units; 0: all are needed. */
static uint64_t oldest_needed(struct accounts *a, unsigned __int128 span)
{
    uint64_t at = UINT64_MAX, oldest = 1, needed = 0;
    unsigned __int128 sum = 0;
    while (oldest > 0 && sum < span) {
        struct slice_list page = {0};
        if (store_read_slices(&page, &oldest, a->store, at, PAGE) != KZ_OK)
            return 0;
        for (size_t i = 0; i < page.count && sum < span; i++) {
            sum += page.slices[i].total;
            needed = page.slices[i].id;
        }
        slice_list_clear(&page);
        at = oldest > 0 ? oldest - 1 : 0;
    }
    return sum >= span ? needed : 0;
}

static bool stands(const json_t *block)
{
    const char *state = json_string_value(json_object_get(block, "state"));
    return state != NULL &&
           (strcmp(state, "accepted") == 0 || strcmp(state, "mature") == 0);
}

/* The slice of the last block but one that stands; 0: there is none. */
static uint64_t oldest_round(struct accounts *a)
{
    json_t *hashes;
    uint64_t slice = 0;
    size_t seen = 0;
    if (store_read_block_hashes(&hashes, a->store, false) != KZ_OK)
        return 0;
    for (size_t i = json_array_size(hashes); i > 0 && seen < 2; i--) {
        json_t *block = NULL;
        const char *hash = json_string_value(json_array_get(hashes, i - 1));
        if (store_read_block(&block, a->store, hash) == KZ_OK && stands(block)) {
            slice = (uint64_t)json_integer_value(json_object_get(block, "slice"));
            seen++;
        }
        json_decref(block);
    }
    json_decref(hashes);
    return seen == 2 ? slice : 0;
}

void trim_step(struct accounts *a)
{
    struct monotime now = clock_now();
    uint32_t nbits = atomic_load(&a->nbits);
    if (a->trimmed_at.ns == 0)
        a->trimmed_at = now;
    /* Nor what pay-per-share has not credited yet. */
    if (nbits == 0 || !a->pps_is_done ||
        monotime_ms_between(a->trimmed_at, now) < TRIM_MS)
        return;
    a->trimmed_at = now;
    uint64_t span = largest_window(a, nbits);
    if (span == 0)
        return;
    uint64_t keep = oldest_needed(a, (unsigned __int128)span * WINDOWS_KEPT);
    if (keep > 0 && (enum scheme)a->conf.payout.scheme == SCHEME_PROP) {
        uint64_t round = oldest_round(a);
        keep = round < keep ? round : keep;
    }
    size_t gone = 0, count = 1;
    while (keep > 0 && count > 0 &&
           store_forget_slices(&count, a->store, a->conf.instance, keep) == KZ_OK)
        gone += count;
    if (gone > 0)
        log_info("slices_forgotten", kv_u64("slices", gone), kv_u64("kept_from", keep));
}
