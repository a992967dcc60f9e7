#include "pool/watcher_desk.h"

#include "conf/clock.h"
#include "pool/pool_parts.h"
#include "pool/watcher.h"
#include "share/bytes.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define DAY_MS       INT64_C(86400000)
#define DROPPED_MAX  64 /* of one event */
#define ID_TRIES     16
#define URL_SIZE     (CONF_TEXT_MAX + sizeof(WATCHER_PATH) + WATCHER_TOKEN_SIZE)
#define NOTE_ONCE    "the address is shown this once; who has it can look"
#define NOTE_NO_HTTP "http.listen is not set here: nothing is shown by this daemon"

/* --- making one ----------------------------------------------------------------------- */

static enum kz_err read_terms(struct watcher *w, char why[RECORD_WHY_SIZE],
                              const struct desk_notice *n)
{
    uint64_t days = 0;
    const char *text = control_text(n->arguments, "days");
    const char *miner = control_text(n->arguments, "miner");
    json_t *record = miner != NULL ? registry_show(n->registry, miner) : NULL;
    if (record == NULL || miner_id_parse(&w->miner, miner, strlen(miner)) != KZ_OK) {
        json_decref(record);
        return record_refuse(why, "no miner \"%.64s\"", miner != NULL ? miner : "");
    }
    json_decref(record);
    if (text == NULL || !decimal_read(&days, text, WATCHER_DAYS_MAX) || days == 0)
        return record_refuse(why, "days: --days N expected, 1 to %d", WATCHER_DAYS_MAX);
    w->from_ms = clock_utc_ms();
    w->until_ms = w->from_ms + (int64_t)days * DAY_MS;
    snprintf(w->by, sizeof(w->by), "%s", n->order->by);
    if (watcher_count_live(registry_facts(n->registry), &w->miner, w->from_ms) >=
        WATCHER_LIVE_MAX)
        return record_refuse(why, "a miner has at most %d watchers: revoke one",
                             WATCHER_LIVE_MAX);
    return KZ_OK;
}

/* Its id is one that no other has. False: there are no random numbers. */
static bool make_token(struct watcher *w, char token[WATCHER_TOKEN_SIZE],
                       const struct registry *registry)
{
    uint8_t random[WATCHER_RANDOM_BYTES];
    char name[WATCHER_FACT_SIZE];
    bool is_new = false;
    for (int i = 0; i < ID_TRIES && !is_new; i++) {
        if (RAND_bytes(random, sizeof(random)) != 1)
            return false;
        watcher_make(w, token, random);
        watcher_fact_name(name, w->id);
        is_new = registry_fact(registry, name) == NULL;
    }
    OPENSSL_cleanse(random, sizeof(random));
    return is_new;
}

static json_t *answer_of(const struct watcher *w, const char *token,
                         const struct conf *conf)
{
    char url[URL_SIZE], path[sizeof(WATCHER_PATH) + WATCHER_TOKEN_SIZE];
    json_t *o = json_pack("{s:s, s:s, s:s}", "id", w->id, "miner", w->miner.text,
                          "token", token);
    snprintf(path, sizeof(path), WATCHER_PATH "%s", token);
    snprintf(url, sizeof(url), "%s%s", conf->http_url, path);
    record_set_time(o, "until", w->until_ms);
    json_object_set_new(o, "path", json_string(path));
    json_object_set_new(o, "url",
                        conf->http_url[0] != '\0' ? json_string(url) : json_null());
    json_object_set_new(
        o, "note",
        json_string(conf->http_listen[0] != '\0' ? NOTE_ONCE : NOTE_NO_HTTP));
    return o;
}

enum kz_err watcher_create(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                           const struct desk_notice *n)
{
    struct watcher w, terms = {.from_ms = 0};
    char token[WATCHER_TOKEN_SIZE], name[WATCHER_FACT_SIZE];
    enum kz_err err = read_terms(&terms, why, n);
    if (err != KZ_OK)
        return err;
    if (!make_token(&w, token, n->registry))
        return record_refuse(why, "there are no random numbers");
    w.miner = terms.miner;
    w.from_ms = terms.from_ms;
    w.until_ms = terms.until_ms;
    memcpy(w.by, terms.by, sizeof(w.by));
    watcher_fact_name(name, w.id);
    out->facts = json_object();
    watcher_drop_expired(out->facts, registry_facts(n->registry), w.from_ms,
                         DROPPED_MAX);
    json_object_set_new(out->facts, name, watcher_fact(&w));
    out->detail = json_pack("{s:s}", "watcher", w.id);
    record_set_time(out->detail, "until", w.until_ms);
    out->answer = answer_of(&w, token, n->conf);
    memcpy(out->miner, w.miner.text, sizeof(out->miner));
    OPENSSL_cleanse(token, sizeof(token));
    return KZ_OK;
}

/* --- taking it away ------------------------------------------------------------------- */

enum kz_err watcher_revoke(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                           const struct desk_notice *n)
{
    struct watcher w;
    char name[WATCHER_FACT_SIZE];
    const char *id = control_text(n->arguments, "watcher");
    watcher_fact_name(name, id != NULL ? id : "");
    if (!watcher_read(&w, name, registry_fact(n->registry, name)))
        return record_refuse(why, "no watcher \"%.32s\"", id != NULL ? id : "");
    out->facts = json_pack("{s:n}", name);
    out->detail = json_pack("{s:s}", "watcher", w.id);
    out->answer = json_pack("{s:s}", "note", "revoked: its address shows nothing now");
    memcpy(out->miner, w.miner.text, sizeof(out->miner));
    return KZ_OK;
}

void watcher_list_command(void *ctx, struct control_request *r, const json_t *arguments)
{
    struct pool *p = ctx;
    struct miner_id miner;
    const char *text = control_text(arguments, "miner");
    if (text != NULL && miner_id_parse(&miner, text, strlen(text)) != KZ_OK) {
        control_refuse(r, "no miner \"%.64s\"", text);
        return;
    }
    control_reply(r, watcher_list(registry_facts(p->registry),
                                  text != NULL ? &miner : NULL, clock_utc_ms()));
}
