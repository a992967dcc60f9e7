#include "share/store_lease.h"

#include "share/store_internal.h"

#include "conf/clock.h"
#include "share/keys.h"
#include "share/scripts_events.h"
#include "share/store_read_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SETTLE_MS      2000
#define SETTLE_POLL_MS 100
#define SETTLE_TRIES   100 /* polls beyond those two seconds */

/* --- leases ----------------------------------------------------------------------- */

/* An array of texts and numbers; the first says how it went. */
struct lease_answer {
    bool is_ok;
    char text[3][LEASE_NAME_SIZE];
    long long number;
};

static enum kz_err fill_answer(void *out, const redisReply *r)
{
    struct lease_answer a = {.is_ok = false};
    if (r->type != REDIS_REPLY_ARRAY || r->elements == 0)
        return KZ_PARSE;
    a.is_ok = ship_is_word(r, "OK");
    for (size_t i = 1; i < r->elements && i <= 3; i++)
        snprintf(a.text[i - 1], sizeof(a.text[0]), "%s", reply_text(r->element[i]));
    if (r->elements > 3 && r->element[3]->type == REDIS_REPLY_INTEGER)
        a.number = r->element[3]->integer;
    *(struct lease_answer *)out = a;
    return KZ_OK;
}

static void number_text(char out[24], uint64_t n)
{
    snprintf(out, 24, "%" PRIu64, n);
}

enum kz_err store_lease_take(struct lease *out, struct lease_holder *holder,
                             struct store *s, const struct lease_terms *terms)
{
    struct lease_answer a;
    char lasts[24], lapse[24], now[24];
    number_text(lasts, terms->lasts_ms);
    number_text(lapse, (uint64_t)terms->lasts_ms + terms->takeover_ms);
    number_text(now, (uint64_t)clock_utc_ms());
    enum kz_err err = STORE_ASK(s, fill_answer, &a, "EVAL", SCRIPT_LEASE_TAKE, "4",
                                KEY_FENCE, KEY_LEASE, KEY_LEASED, KEY_LAPSE,
                                terms->journal, terms->name, lasts, lapse, now);
    if (err != KZ_OK)
        return err;
    if (a.is_ok) {
        snprintf(out->token, sizeof(out->token), "%.60s", a.text[0]);
        snprintf(out->over, sizeof(out->over), "%.60s", a.text[1]);
        return KZ_OK;
    }
    snprintf(holder->journal, sizeof(holder->journal), "%.32s", a.text[0]);
    snprintf(holder->name, sizeof(holder->name), "%s", a.text[1]);
    holder->free_in_ms = a.number;
    return KZ_BUSY;
}

enum kz_err store_lease_renew(struct store *s, const struct lease *lease,
                              const struct lease_terms *terms)
{
    struct lease_answer a;
    char lasts[24], lapse[24];
    number_text(lasts, terms->lasts_ms);
    number_text(lapse, (uint64_t)terms->lasts_ms + terms->takeover_ms);
    enum kz_err err =
        STORE_ASK(s, fill_answer, &a, "EVAL", SCRIPT_LEASE_RENEW, "3", KEY_FENCE,
                  KEY_LEASED, KEY_LAPSE, lease->token, terms->journal, lasts, lapse);
    if (err != KZ_OK)
        return err;
    return a.is_ok ? KZ_OK : KZ_BUSY;
}

void store_lease_give_back(struct store *s, const struct lease *lease)
{
    struct lease_answer a;
    enum kz_err err = STORE_ASK(s, fill_answer, &a, "EVAL", SCRIPT_LEASE_GIVE_BACK, "3",
                                KEY_FENCE, KEY_LEASED, KEY_LAPSE, lease->token);
    (void)err; /* it runs out by itself */
}

/* --- settling --------------------------------------------------------------------- */

struct persistence {
    bool has_file, is_in_order;
    char run_id[64];
};

static enum kz_err fill_persistence(void *out, const redisReply *r)
{
    struct persistence *p = out;
    if (r->type != REDIS_REPLY_STRING)
        return KZ_PARSE;
    p->has_file = strstr(r->str, "aof_enabled:1") != NULL;
    p->is_in_order = strstr(r->str, "aof_last_write_status:ok") != NULL &&
                     strstr(r->str, "aof_pending_bio_fsync:0") != NULL;
    const char *id = strstr(r->str, "run_id:");
    if (id != NULL)
        snprintf(p->run_id, sizeof(p->run_id), "%.*s", (int)strcspn(id, "\r\n"), id);
    return KZ_OK;
}

static enum kz_err fill_synced(void *out, const redisReply *r)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements < 1 ||
        r->element[0]->type != REDIS_REPLY_INTEGER)
        return KZ_PARSE;
    *(bool *)out = r->element[0]->integer >= 1;
    return KZ_OK;
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL); /* allowed: who calls may wait */
}

static enum kz_err look(struct persistence *p, struct store *s)
{
    return STORE_ASK(s, fill_persistence, p, "INFO");
}

/* Before Redis 7.2. The file is synced each second; a second that is missed shows as a
 * sync under way. */
static enum kz_err settle_by_time(struct store *s, const struct persistence *before)
{
    struct persistence now = {.has_file = false};
    enum kz_err err = KZ_OK;
    pause_ms(SETTLE_MS);
    for (int i = 0; i < SETTLE_TRIES && err == KZ_OK; i++) {
        err = look(&now, s);
        if (err == KZ_OK && strcmp(now.run_id, before->run_id) != 0)
            return KZ_IO;
        if (err == KZ_OK && now.is_in_order)
            return KZ_OK;
        pause_ms(SETTLE_POLL_MS);
    }
    return KZ_IO;
}

/* 7.2 and above. */
static bool has_waitaof(struct store *s)
{
    unsigned major = 0, minor = 0;
    pthread_mutex_lock(&s->lock);
    const char *text = s->shared.version;
    major = (unsigned)decimal_take(&text);
    if (*text == '.') {
        text++;
        minor = (unsigned)decimal_take(&text);
    }
    pthread_mutex_unlock(&s->lock);
    return major > 7 || (major == 7 && minor >= 2);
}

enum kz_err store_settle(struct store *s)
{
    struct persistence p = {.has_file = false};
    bool is_synced = false;
    enum kz_err err = look(&p, s);
    if (err != KZ_OK)
        return err;
    if (!p.has_file)
        return KZ_EMPTY;
    if (!has_waitaof(s))
        return settle_by_time(s, &p);
    err = STORE_ASK(s, fill_synced, &is_synced, "WAITAOF", "1", "0", "4000");
    return err == KZ_OK && !is_synced ? KZ_IO : err;
}
