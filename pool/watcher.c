#include "pool/watcher.h"

#include "conf/mem.h"
#include "pool/registry/record_act.h"
#include "share/bytes.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX     "watcher:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define ID_LEN     (WATCHER_ID_SIZE - 1)

void watcher_make(struct watcher *out, char token[WATCHER_TOKEN_SIZE],
                  const uint8_t random[WATCHER_RANDOM_BYTES])
{
    *out = (struct watcher){.from_ms = 0};
    hex_encode(out->id, random, WATCHER_ID_BYTES);
    memcpy(token, out->id, ID_LEN);
    token[ID_LEN] = '-';
    hex_encode(token + ID_LEN + 1, random + WATCHER_ID_BYTES, WATCHER_SECRET_BYTES);
    SHA256(random + WATCHER_ID_BYTES, WATCHER_SECRET_BYTES, out->sha256);
}

/* --- facts ---------------------------------------------------------------------------- */

void watcher_fact_name(char out[WATCHER_FACT_SIZE], const char *id)
{
    snprintf(out, WATCHER_FACT_SIZE, PREFIX "%s", id);
}

json_t *watcher_fact(const struct watcher *w)
{
    char hex[2 * sizeof(w->sha256) + 1];
    hex_encode(hex, w->sha256, sizeof(w->sha256));
    json_t *fact = json_pack("{s:s, s:s, s:s}", "miner", w->miner.text, "sha256", hex,
                             "by", w->by);
    record_set_time(fact, "from", w->from_ms);
    record_set_time(fact, "until", w->until_ms);
    return fact;
}

/* Lower case, so that each watcher has one name. */
static bool is_id(const char *text)
{
    return strlen(text) == ID_LEN && strspn(text, "0123456789abcdef") == ID_LEN;
}

bool watcher_read(struct watcher *out, const char *name, const json_t *fact)
{
    struct watcher w = {.from_ms = 0};
    const char *miner = record_text(fact, "miner"), *hex = record_text(fact, "sha256");
    const char *by = record_text(fact, "by");
    if (strncmp(name, PREFIX, PREFIX_LEN) != 0 || !is_id(name + PREFIX_LEN))
        return false;
    if (miner == NULL || hex == NULL || by == NULL ||
        miner_id_parse(&w.miner, miner, strlen(miner)) != KZ_OK ||
        hex_decode(w.sha256, sizeof(w.sha256), hex, strlen(hex)) != KZ_OK ||
        !record_get_time(&w.from_ms, fact, "from") ||
        !record_get_time(&w.until_ms, fact, "until"))
        return false;
    snprintf(w.id, sizeof(w.id), "%s", name + PREFIX_LEN);
    snprintf(w.by, sizeof(w.by), "%s", by);
    *out = w;
    return true;
}

bool watcher_is_live(const struct watcher *w, int64_t now_ms)
{
    return now_ms < w->until_ms;
}

/* --- a token -------------------------------------------------------------------------- */

/* What cannot be is judged as a watcher whose secret nobody has, so that a miss takes as
 * long as a hit. */
static void find_or_invent(struct watcher *out, const json_t *facts, const char *id)
{
    char name[WATCHER_FACT_SIZE];
    watcher_fact_name(name, id);
    if (!watcher_read(out, name, json_object_get(facts, name)))
        *out = (struct watcher){.until_ms = INT64_MIN};
}

enum kz_err watcher_find(struct watcher *out, const json_t *facts, const char *token,
                         size_t len, int64_t now_ms)
{
    struct watcher w;
    char id[WATCHER_ID_SIZE] = "";
    uint8_t secret[WATCHER_SECRET_BYTES] = {0}, hash[32];
    bool has_form = len == WATCHER_TOKEN_SIZE - 1 && token[ID_LEN] == '-' &&
                    hex_decode(secret, sizeof(secret), token + WATCHER_ID_SIZE,
                               len - WATCHER_ID_SIZE) == KZ_OK;
    if (has_form)
        memcpy(id, token, ID_LEN);
    find_or_invent(&w, facts, id);
    SHA256(secret, sizeof(secret), hash);
    OPENSSL_cleanse(secret, sizeof(secret));
    bool is_same = CRYPTO_memcmp(hash, w.sha256, sizeof(hash)) == 0;
    if (!has_form || !is_same || !watcher_is_live(&w, now_ms))
        return KZ_EMPTY;
    *out = w;
    return KZ_OK;
}

/* --- all of them ---------------------------------------------------------------------- */

/* Object macros of jansson need one that is not const. */
#define EACH(facts, name, fact, w)                                                     \
    json_object_foreach((json_t *)(facts), name,                                       \
                        fact) if (watcher_read(&(w), name, fact))

size_t watcher_count_live(const json_t *facts, const struct miner_id *miner,
                          int64_t now_ms)
{
    const char *name;
    json_t *fact;
    struct watcher w;
    size_t count = 0;
    EACH(facts, name, fact, w)
    count +=
        strcmp(w.miner.text, miner->text) == 0 && watcher_is_live(&w, now_ms) ? 1 : 0;
    return count;
}

void watcher_drop_expired(json_t *changes, const json_t *facts, int64_t now_ms,
                          size_t max)
{
    const char *name;
    json_t *fact;
    struct watcher w;
    EACH(facts, name, fact, w)
    {
        if (max == 0)
            return;
        if (watcher_is_live(&w, now_ms))
            continue;
        json_object_set_new(changes, name, json_null());
        max--;
    }
}

static int by_end(const void *a, const void *b)
{
    const struct watcher *x = a, *y = b;
    if (x->until_ms != y->until_ms)
        return x->until_ms < y->until_ms ? -1 : 1;
    return strcmp(x->id, y->id);
}

static json_t *shown(const struct watcher *w, int64_t now_ms)
{
    json_t *row = watcher_fact(w);
    json_object_del(row, "sha256");
    json_object_set_new(row, "id", json_string(w->id));
    json_object_set_new(row, "live", json_boolean(watcher_is_live(w, now_ms)));
    return row;
}

json_t *watcher_list(const json_t *facts, const struct miner_id *miner, int64_t now_ms)
{
    const char *name;
    json_t *fact, *list = json_array();
    struct watcher w;
    size_t count = 0;
    struct watcher *all = mem_array(json_object_size(facts) + 1, sizeof(*all));
    EACH(facts, name, fact, w)
    {
        if (miner == NULL || strcmp(w.miner.text, miner->text) == 0)
            all[count++] = w;
    }
    qsort(all, count, sizeof(*all), by_end);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, shown(&all[i], now_ms));
    mem_free(all);
    return list;
}
