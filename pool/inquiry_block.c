/* A block's record, and its split made again from the slices. */
#include "pool/inquiry_parts.h"

#include "pool/explain.h"
#include "share/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PREFIX_LEAST  8
#define HEIGHT_DIGITS 7
#define SLICES_PAGE   64

/* --- which block ----------------------------------------------------------------- */

static bool is_height(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= HEIGHT_DIGITS && text[digits] == '\0';
}

static const char *hash_at(const json_t *hashes, size_t k)
{
    return json_string_value(json_array_get(hashes, k));
}

/* -1: no record, or none that says. */
static int64_t height_of(struct inquiry *i, const char *hash)
{
    json_t *record = NULL;
    if (store_read_block(&record, i->parts.store, hash) != KZ_OK)
        return -1;
    const json_t *height = json_object_get(record, "height");
    int64_t h = json_is_integer(height) ? json_integer_value(height) : -1;
    json_decref(record);
    return h;
}

/* Hashes come by height, so a few records are enough. */
static size_t first_at_height(struct inquiry *i, const json_t *hashes, int64_t height)
{
    size_t low = 0, high = json_array_size(hashes);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (height_of(i, hash_at(hashes, middle)) < height)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool matches(struct inquiry *i, const char *hash, const char *wanted,
                    int64_t height)
{
    return height >= 0 ? height_of(i, hash) == height
                       : strncmp(hash, wanted, strlen(wanted)) == 0;
}

static enum kz_err choose(char out[HASH256_HEX_SIZE], char text[INQUIRY_TEXT_SIZE],
                          struct inquiry *i, const json_t *hashes, const char *wanted)
{
    int64_t height = -1;
    size_t k = 0, found = 0;
    char others[160] = "";
    if (is_height(wanted)) {
        height = (int64_t)decimal_of(wanted);
        k = first_at_height(i, hashes, height);
    }
    for (; k < json_array_size(hashes); k++) {
        const char *hash = hash_at(hashes, k);
        if (!matches(i, hash, wanted, height)) {
            if (height >= 0)
                break; /* those of a height stand together */
            continue;
        }
        if (found++ == 0)
            snprintf(out, HASH256_HEX_SIZE, "%s", hash);
        else if (found == 2)
            snprintf(others, sizeof(others), "%s and %s", out, hash);
    }
    if (found == 0)
        return inquiry_say(text, KZ_EMPTY, "no block of the pool is %.64s", wanted);
    return found == 1 ? KZ_OK
                      : inquiry_say(text, KZ_RANGE, "%zu blocks are %.64s: %s%s", found,
                                    wanted, others, found > 2 ? " ..." : "");
}

static enum kz_err find_block(char out[HASH256_HEX_SIZE], char text[INQUIRY_TEXT_SIZE],
                              struct inquiry *i, const json_t *arguments)
{
    const char *wanted = json_string_value(json_object_get(arguments, "block"));
    json_t *hashes = NULL;
    if (wanted == NULL || (!is_height(wanted) && strlen(wanted) < PREFIX_LEAST))
        return inquiry_say(text, KZ_PARSE,
                           "needs a block's hash, %d or more of its first digits, or a "
                           "height",
                           PREFIX_LEAST);
    enum kz_err err = store_read_block_hashes(&hashes, i->parts.store, false);
    if (err != KZ_OK)
        return inquiry_say(text, err, "Redis is away");
    err = choose(out, text, i, hashes, wanted);
    json_decref(hashes);
    return err;
}

/* --- the window, once more ------------------------------------------------------- */

/* False: a slice is gone or damaged, or Redis is away. */
static bool walk(struct window *w, struct inquiry *i, const struct explain *e)
{
    uint64_t newest = e->slices[0];
    bool goes_on = true;
    while (goes_on && !inquiry_is_stopping(i)) {
        struct slice_list l = {0};
        uint64_t oldest = 0;
        if (store_read_slices(&l, &oldest, i->parts.store, newest, SLICES_PAGE) !=
            KZ_OK)
            return false;
        for (size_t k = 0; k < l.count && goes_on; k++)
            goes_on = explain_take(w, e, &l.slices[k]);
        slice_list_clear(&l);
        if (oldest == 0)
            break;
        newest = oldest - 1;
    }
    return explain_is_whole(w, e);
}

static const char *recompute(json_t *differences, struct inquiry *i,
                             const struct explain *e)
{
    struct window w;
    if (!explain_has_window(e)) {
        explain_compare(e, NULL, differences);
        return "the same";
    }
    explain_begin(&w, e);
    bool is_whole = walk(&w, i, e);
    explain_compare(e, is_whole ? &w : NULL, differences);
    window_clear(&w);
    return is_whole
               ? "the same"
               : "the same, from the recorded works: the slices are not in Redis any "
                 "more";
}

static void explain(json_t *answer, struct inquiry *i, const json_t *record)
{
    struct explain e;
    const json_t *split = json_object_get(record, "split");
    json_t *differences = json_array();
    const char *how = "nothing: no split is recorded";
    bool is_ok = true;
    if (split != NULL && explain_read(&e, split) != KZ_OK) {
        json_array_append_new(differences, json_string("the split is not understood"));
    } else if (split != NULL) {
        how = recompute(differences, i, &e);
        explain_clear(&e);
    }
    is_ok = json_array_size(differences) == 0;
    json_object_set_new(answer, "recomputed", json_string(is_ok ? how : "differs"));
    json_object_set_new(answer, "differences", differences);
    json_object_set_new(answer, "ok", json_boolean(is_ok));
}

enum kz_err inquiry_block(json_t **value, char text[INQUIRY_TEXT_SIZE],
                          struct inquiry *i, const json_t *arguments)
{
    char hash[HASH256_HEX_SIZE];
    json_t *record = NULL;
    enum kz_err err = find_block(hash, text, i, arguments);
    if (err != KZ_OK)
        return err;
    err = store_read_block(&record, i->parts.store, hash);
    if (err != KZ_OK)
        return inquiry_say(text, err, "%s",
                           err == KZ_EMPTY ? "the block has no record"
                                           : "Redis is away");
    json_object_set_new(record, "hash", json_string(hash));
    *value = json_pack("{s:O}", "record", record);
    explain(*value, i, record);
    json_decref(record);
    return KZ_OK;
}
