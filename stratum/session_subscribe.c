#include "stratum/session.h"

#include "conf/log.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define SID_HEX 24 /* extranonce1's first 4 bytes, then the secret's 8 */

static void reply_subscribed(struct session *s, struct bytes id)
{
    struct out *o = &s->front->out;
    size_t size2 = s->front->conf.listen[s->listener].extranonce2_size;
    uint8_t extranonce1[EXTRANONCE1_MAX], sid[SID_HEX / 2];
    extranonce1_write(extranonce1, 12 - size2, s->front->shared->instance,
                      s->extranonce);
    memcpy(sid, extranonce1, 4);
    write_le64(sid + 4, s->secret);
    out_text(o, "{\"id\":");
    out_add(o, id.p, id.len);
    out_text(o, ",\"result\":[[[\"mining.set_difficulty\",\"");
    out_hex(o, sid, sizeof(sid));
    out_text(o, "\"],[\"mining.notify\",\"");
    out_hex(o, sid, sizeof(sid));
    out_text(o, "\"]],\"");
    out_hex(o, extranonce1, 12 - size2);
    out_text(o, "\",");
    out_u64(o, size2);
    out_text(o, "],\"error\":null}\n");
}

/* A sid of ours or an extranonce1: the 24-bit value, and the secret where it has one.
 */
static bool parse_resume(struct session *s, struct bytes text, uint32_t *value,
                         uint64_t *secret, bool *has_secret)
{
    uint8_t b[SID_HEX / 2];
    size_t len;
    if (hex_decode_some(b, &len, sizeof(b), (const char *)text.p, text.len) != KZ_OK)
        return false;
    size_t size1 = 12 - s->front->conf.listen[s->listener].extranonce2_size;
    *has_secret = len == sizeof(b);
    if (!*has_secret && len != size1)
        return false;
    if (*has_secret)
        *secret = read_le64(b + 4);
    return extranonce1_read(value, b, s->front->shared->instance) == KZ_OK;
}

static void restore(struct session *s, const struct resume_entry *e)
{
    s->extranonce = e->extranonce;
    s->secret = e->secret;
    offers_restore(&s->offers, &e->offered);
    s->classes = e->classes;
    session_set_difficulty(s, e->difficulty);
}

enum resumed { RESUMED, RESUME_ELSEWHERE, RESUME_FRESH };

static enum resumed try_resume(struct session *s, struct bytes text)
{
    struct front *f = s->front;
    uint32_t value;
    uint64_t secret;
    bool has_secret;
    if (text.len == 0 || !parse_resume(s, text, &value, &secret, &has_secret))
        return RESUME_FRESH;
    unsigned owner = extranonce_front(value, f->shared->count);
    if (owner != f->index) {
        if (s->has_moved)
            return RESUME_FRESH;
        s->move_to = owner + 1;
        s->next = f->moving;
        f->moving = s;
        conn_pause(&s->conn);
        return RESUME_ELSEWHERE;
    }
    struct resume_entry e;
    resume_expire(f->resume,
                  monotime_add_ms(f->now, -(int64_t)f->conf.resume_seconds * 1000));
    if (resume_take(f->resume, &e, value, has_secret ? &secret : NULL) != KZ_OK)
        return RESUME_FRESH;
    restore(s, &e);
    return RESUMED;
}

static enum kz_err take_fresh(struct session *s)
{
    struct front *f = s->front;
    enum kz_err err = extranonces_take(f->extranonces, &s->extranonce);
    if (err != KZ_OK && resume_drop_oldest(f->resume))
        err = extranonces_take(f->extranonces, &s->extranonce);
    if (RAND_bytes((unsigned char *)&s->secret, sizeof(s->secret)) != 1)
        abort(); /* see guard_new() */
    return err;
}

/* The size of coinbase its firmware takes; an agent nobody knows gets the smallest. */
static void take_agent(struct session *s, struct bytes agent)
{
    enum conf_form form = s->front->conf.listen[s->listener].form;
    session_set_text(&s->agent, agent);
    s->class = form == CONF_FORM_AUTO
                   ? direct_class_of_agent(s->agent != NULL ? s->agent : "")
                   : direct_class_of_form(form);
    s->classes |= (uint8_t)(1u << s->class);
}

bool session_subscribe(struct session *s, const struct request *r)
{
    if (s->is_subscribed) {
        reply_subscribed(s, r->id);
        return true;
    }
    if (!session_is_ready(s, jobs_newest(s->front->jobs) != NULL))
        return false;
    if (jobs_newest(s->front->jobs) == NULL) {
        reply_error(&s->front->out, r->id, "null", REPLY_CODE_OTHER,
                    "Other: no work yet, try again");
        return true;
    }
    enum resumed resumed = try_resume(s, request_param_text(r, 1));
    if (resumed == RESUME_ELSEWHERE)
        return false;
    if (resumed == RESUME_FRESH && take_fresh(s) != KZ_OK) {
        log_warn("extranonces_exhausted", kv_u64("front", s->front->index));
        session_close(s, CLOSE_LIMIT);
        return true;
    }
    take_agent(s, request_param_text(r, 0));
    s->is_subscribed = true;
    s->due_difficulty = s->due_job = true;
    reply_subscribed(s, r->id);
    return true;
}
