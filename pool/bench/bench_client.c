#include "pool/bench/bench_client.h"

#include "conf/mem.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ID_CONFIGURE = 1, ID_SUBSCRIBE, ID_AUTHORIZE, ID_EXTRANONCE, ID_SUGGEST };

void client_text(char *out, size_t size, struct bytes text)
{
    size_t len = text.len < size - 1 ? text.len : size - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = text.p[i] >= 0x20 && text.p[i] <= 0x7e ? (char)text.p[i] : '?';
    out[len] = '\0';
}

/* --- lines to the pool ------------------------------------------------------------ */

struct out_line {
    char text[2048]; /* holds the longest submit: every part of it is bounded */
    size_t len;
};

static void put(struct out_line *l, const char *p, size_t len)
{
    if (len > sizeof(l->text) - l->len)
        len = sizeof(l->text) - l->len;
    memcpy(l->text + l->len, p, len);
    l->len += len;
}

static void put_text(struct out_line *l, const char *text)
{
    put(l, text, strlen(text));
}

static void put_number(struct out_line *l, uint64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    put(l, digits + at, sizeof(digits) - at);
}

static void put_hex(struct out_line *l, const uint8_t *p, size_t len)
{
    char hex[2 * WORK_EXTRANONCE1_MAX + 1];
    if (len > WORK_EXTRANONCE1_MAX)
        len = WORK_EXTRANONCE1_MAX;
    hex_encode(hex, p, len);
    put(l, hex, 2 * len);
}

static void put_hex32(struct out_line *l, uint32_t v)
{
    uint8_t big_endian[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
                             (uint8_t)v};
    put_hex(l, big_endian, sizeof(big_endian));
}

static void put_login(struct out_line *l, const struct client *c)
{
    put_text(l, "\"");
    put_text(l, c->group->user_before);
    if (c->group->user_has_number) {
        put_number(l, c->number);
        put_text(l, c->group->user_behind);
    }
    put_text(l, "\"");
}

static void put_request(struct out_line *l, uint64_t id, const char *method)
{
    put_text(l, "{\"id\":");
    put_number(l, id);
    put_text(l, ",\"method\":\"");
    put_text(l, method);
    put_text(l, "\",\"params\":[");
}

static void put_configure(struct out_line *l, const struct client_options *o)
{
    if (!o->version_rolling && !o->extranonce_subscribe)
        return;
    put_request(l, ID_CONFIGURE, "mining.configure");
    put_text(l, "[");
    put_text(l, o->version_rolling ? "\"version-rolling\"" : "");
    put_text(l, o->version_rolling && o->extranonce_subscribe ? "," : "");
    put_text(l, o->extranonce_subscribe ? "\"subscribe-extranonce\"" : "");
    put_text(l, "],{");
    if (o->version_rolling)
        put_text(l, "\"version-rolling.mask\":\"ffffffff\","
                    "\"version-rolling.min-bit-count\":2");
    put_text(l, "}]}\n");
}

static void send_greeting(struct client *c)
{
    const struct client_options *o = c->group->options;
    struct out_line l = {.len = 0};
    put_configure(&l, o);
    put_request(&l, ID_SUBSCRIBE, "mining.subscribe");
    put_text(&l, c->group->agent);
    if (o->resume && c->session[0] != '\0') {
        put_text(&l, ",\"");
        put_text(&l, c->session);
        put_text(&l, "\"");
    }
    put_text(&l, "]}\n");
    link_send(&c->link, l.text, l.len);
}

static void send_login(struct client *c)
{
    struct out_line l = {.len = 0};
    put_request(&l, ID_AUTHORIZE, "mining.authorize");
    put_login(&l, c);
    put_text(&l, ",");
    put_text(&l, c->group->password);
    put_text(&l, "]}\n");
    link_send(&c->link, l.text, l.len);
}

/* What a pool may not know comes last: an error reply to it changes nothing. */
static void send_wishes(struct client *c)
{
    const struct client_options *o = c->group->options;
    struct out_line l = {.len = 0};
    if (o->suggest_difficulty != NULL) {
        put_request(&l, ID_SUGGEST, "mining.suggest_difficulty");
        put_text(&l, o->suggest_difficulty);
        put_text(&l, "]}\n");
    }
    if (o->extranonce_subscribe) {
        put_request(&l, ID_EXTRANONCE, "mining.extranonce.subscribe");
        put_text(&l, "]}\n");
    }
    if (l.len > 0)
        link_send(&c->link, l.text, l.len);
}

uint64_t client_submit(struct client *c, const struct client_share *s)
{
    struct out_line l = {.len = 0};
    uint64_t id = c->next_id++;
    put_request(&l, id, "mining.submit");
    put_login(&l, c);
    put_text(&l, ",\"");
    put(&l, (const char *)s->job_id.p, s->job_id.len);
    put_text(&l, "\",\"");
    put_hex(&l, s->extranonce2.p, s->extranonce2.len);
    put_text(&l, "\",\"");
    put_hex32(&l, s->ntime);
    put_text(&l, "\",\"");
    put_hex32(&l, s->nonce);
    if (s->has_version_bits) {
        put_text(&l, "\",\"");
        put_hex32(&l, s->version_bits);
    }
    put_text(&l, "\"]}\n");
    link_send(&c->link, l.text, l.len);
    return id;
}

/* --- terms ------------------------------------------------------------------------ */

static void terms_changed(struct client *c)
{
    if (c->group->hooks->on_terms != NULL)
        c->group->hooks->on_terms(c);
}

/* Pools send numbers that an exact fraction does not hold ("931.05" above 1, 17 places
 * below): then the next harder one that it does, so a share is never too easy. */
static enum kz_err difficulty_of(struct difficulty *d, struct bytes value)
{
    if (value.p == NULL)
        return KZ_PARSE;
    if (scan_string(&value, value) != KZ_OK && value.len == 0)
        return KZ_PARSE;
    if (difficulty_parse(d, (const char *)value.p, value.len) == KZ_OK)
        return KZ_OK;
    json_t *number =
        json_loadb((const char *)value.p, value.len, JSON_DECODE_ANY, NULL);
    double v = json_number_value(number);
    json_decref(number);
    char text[64];
    if (!(v > 0) || v > 9e18)
        return KZ_RANGE;
    int len = v >= 1 ? snprintf(text, sizeof(text), "%.0f", ceil(v))
                     : snprintf(text, sizeof(text), "%.15f", v);
    return difficulty_parse(d, text, (size_t)len);
}

static void set_difficulty(struct client *c, struct bytes value)
{
    struct difficulty d;
    if (difficulty_of(&d, value) != KZ_OK)
        return;
    c->difficulty = d;
    target_from_pdiff(&c->target, d);
    terms_changed(c);
}

static void set_version_mask(struct client *c, struct bytes value)
{
    uint32_t mask;
    if (scan_string(&value, value) != KZ_OK ||
        hex_u32(&mask, (const char *)value.p, value.len, true) != KZ_OK ||
        !c->group->options->version_rolling)
        return;
    c->version_mask = mask;
    terms_changed(c);
}

static enum kz_err set_extranonce(struct client *c, struct bytes hex, struct bytes size)
{
    uint8_t bytes[WORK_EXTRANONCE1_MAX];
    size_t len;
    int64_t extranonce2_size;
    if (scan_string(&hex, hex) != KZ_OK ||
        hex_decode_some(bytes, &len, sizeof(bytes), (const char *)hex.p, hex.len) !=
            KZ_OK ||
        scan_number(&extranonce2_size, size) != KZ_OK || extranonce2_size < 1 ||
        extranonce2_size > WORK_EXTRANONCE2_MAX)
        return KZ_PARSE;
    memcpy(c->extranonce1, bytes, len);
    c->extranonce1_len = (uint8_t)len;
    c->extranonce2_size = (uint8_t)extranonce2_size;
    return KZ_OK;
}

/* --- replies ---------------------------------------------------------------------- */

static struct client_reply reply_of(const struct scan *s)
{
    struct client_reply r = {.id = s->id};
    bool has_error = s->error.p != NULL && !scan_is(s->error, "null");
    r.accepted = !has_error && scan_is(s->result, "true");
    if (has_error)
        r.code = scan_error(&r.text, s->error);
    return r;
}

static void on_configure_reply(struct client *c, const struct scan *s)
{
    struct bytes value;
    if (scan_member(&value, s->result, "version-rolling") != KZ_OK ||
        !scan_is(value, "true"))
        return;
    if (scan_member(&value, s->result, "version-rolling.mask") == KZ_OK)
        set_version_mask(c, value);
}

/* [["mining.set_difficulty", id], ["mining.notify", id]]; the id is only ever given
 * back, so one that is long or has escapes is not kept. */
static void keep_session_id(struct client *c, struct bytes subscriptions)
{
    struct scan_array all = scan_array(subscriptions);
    struct bytes pair, id;
    while (scan_next(&pair, &all) == KZ_OK) {
        struct scan_array a = scan_array(pair);
        if (scan_next(&id, &a) != KZ_OK || scan_next(&id, &a) != KZ_OK ||
            scan_string(&id, id) != KZ_OK)
            continue;
        if (id.len < sizeof(c->session) && memchr(id.p, '\\', id.len) == NULL) {
            memcpy(c->session, id.p, id.len);
            c->session[id.len] = '\0';
        }
    }
}

static void fail(struct client *c, const char *why, struct bytes detail)
{
    char words[80], text[LINK_WHY_SIZE];
    client_text(words, sizeof(words), detail);
    snprintf(text, sizeof(text), "%s%s%s", why, words[0] != '\0' ? ": " : "", words);
    link_close(&c->link);
    c->group->hooks->on_down(c, text);
}

static void on_subscribe_reply(struct client *c, const struct scan *s, int64_t now_ns)
{
    struct scan_array a = scan_array(s->result);
    struct bytes subscriptions, extranonce1, size, text = {NULL, 0};
    if (scan_next(&subscriptions, &a) != KZ_OK ||
        scan_next(&extranonce1, &a) != KZ_OK || scan_next(&size, &a) != KZ_OK ||
        set_extranonce(c, extranonce1, size) != KZ_OK) {
        (void)scan_error(&text, s->error);
        fail(c, "mining.subscribe was not answered as it must be", text);
        return;
    }
    keep_session_id(c, subscriptions);
    c->subscribed = true;
    c->group->hooks->on_step(c, CLIENT_SUBSCRIBED, now_ns);
    send_login(c);
}

static void on_authorize_reply(struct client *c, const struct scan *s, int64_t now_ns)
{
    struct client_reply r = reply_of(s);
    if (!r.accepted) {
        c->group->hooks->on_refused(c, &r);
        return;
    }
    c->authorized = true;
    send_wishes(c);
    if (c->link.state == LINK_UP)
        c->group->hooks->on_step(c, CLIENT_AUTHORIZED, now_ns);
}

static void on_answer(struct client *c, const struct scan *s, int64_t now_ns)
{
    if (s->id >= CLIENT_FIRST_SUBMIT && s->id < c->next_id) {
        struct client_reply r = reply_of(s);
        c->group->hooks->on_reply(c, &r, now_ns);
    } else if (s->id == ID_CONFIGURE) {
        on_configure_reply(c, s);
    } else if (s->id == ID_SUBSCRIBE && !c->subscribed) {
        on_subscribe_reply(c, s, now_ns);
    } else if (s->id == ID_AUTHORIZE && c->subscribed && !c->authorized) {
        on_authorize_reply(c, s, now_ns);
    }
}

/* --- what the pool says on its own ------------------------------------------------ */

static void on_pool_extranonce(struct client *c, struct bytes params)
{
    struct scan_array a = scan_array(params);
    struct bytes extranonce1, size;
    if (scan_next(&extranonce1, &a) == KZ_OK && scan_next(&size, &a) == KZ_OK &&
        set_extranonce(c, extranonce1, size) == KZ_OK)
        terms_changed(c);
}

/* [host, port, wait], each of which may lack; the port is a number or a string. */
static void on_pool_redirect(struct client *c, struct bytes params)
{
    struct client_redirect to = {.wait_seconds = 0};
    struct scan_array a = scan_array(params);
    struct bytes value, inside;
    if (scan_next(&value, &a) == KZ_OK && scan_string(&inside, value) == KZ_OK)
        client_text(to.host, sizeof(to.host), inside);
    if (scan_next(&value, &a) == KZ_OK) {
        if (scan_string(&inside, value) != KZ_OK)
            inside = value;
        client_text(to.port, sizeof(to.port), inside);
        if (scan_next(&value, &a) != KZ_OK ||
            scan_number(&to.wait_seconds, value) != KZ_OK)
            to.wait_seconds = 0;
    }
    if (c->group->hooks->on_redirect != NULL)
        c->group->hooks->on_redirect(c, &to);
}

static void on_pool_message(struct client *c, struct bytes params)
{
    struct scan_array a = scan_array(params);
    struct bytes value;
    if (c->group->hooks->on_message != NULL && scan_next(&value, &a) == KZ_OK &&
        scan_string(&value, value) == KZ_OK)
        c->group->hooks->on_message(c, value);
}

static void on_pool_job(struct client *c, struct bytes params, int64_t now_ns)
{
    struct scan_notify n;
    if (scan_notify(&n, params) == KZ_OK)
        c->group->hooks->on_notify(c, &n, params, now_ns);
    else
        fail(c, "mining.notify cannot be understood", params);
}

/* Any method that asks for an answer and is not known gets an error, so that a pool
 * which pings its rigs does not take this one for dead. */
static void on_pool_request(struct client *c, const struct scan *s)
{
    struct out_line l = {.len = 0};
    bool is_ping = scan_is(s->method, "mining.ping");
    if (!s->has_id)
        return;
    put_text(&l, "{\"id\":");
    put_number(&l, s->id);
    put_text(&l, is_ping
                     ? ",\"result\":\"pong\",\"error\":null}\n"
                     : ",\"result\":null,\"error\":[-3,\"Method not found\",null]}\n");
    link_send(&c->link, l.text, l.len);
}

static void on_call(struct client *c, const struct scan *s, int64_t now_ns)
{
    struct scan_array a = scan_array(s->params);
    struct bytes first = {NULL, 0};
    if (scan_is(s->method, "mining.notify")) {
        on_pool_job(c, s->params, now_ns);
    } else if (scan_is(s->method, "mining.set_difficulty")) {
        if (scan_next(&first, &a) == KZ_OK)
            set_difficulty(c, first);
    } else if (scan_is(s->method, "mining.set_version_mask")) {
        if (scan_next(&first, &a) == KZ_OK)
            set_version_mask(c, first);
    } else if (scan_is(s->method, "mining.set_extranonce")) {
        on_pool_extranonce(c, s->params);
    } else if (scan_is(s->method, "client.reconnect")) {
        on_pool_redirect(c, s->params);
    } else if (scan_is(s->method, "client.show_message")) {
        on_pool_message(c, s->params);
    } else {
        on_pool_request(c, s);
    }
}

/* --- the link's hooks ------------------------------------------------------------- */

static void on_link_up(void *owner)
{
    struct client *c = owner;
    c->group->hooks->on_step(c, CLIENT_CONNECTED, 0);
    send_greeting(c);
}

static void on_link_line(void *owner, struct bytes line, int64_t read_ns)
{
    struct client *c = owner;
    struct scan s;
    if (scan_line(&s, line) != KZ_OK)
        fail(c, "the pool sent a line that is no JSON object", line);
    else if (s.method.p != NULL)
        on_call(c, &s, read_ns);
    else if (s.has_id)
        on_answer(c, &s, read_ns);
}

static void on_link_down(void *owner, const char *why)
{
    struct client *c = owner;
    c->group->hooks->on_down(c, why);
}

static const struct link_hooks client_link_hooks = {
    .on_up = on_link_up, .on_line = on_link_line, .on_down = on_link_down};

/* --- setting up ------------------------------------------------------------------- */

/* A JSON string of `len` bytes, with or without its quotes. */
static char *json_text(const char *text, size_t len, bool quotes)
{
    json_t *value = json_stringn(text, len);
    if (value == NULL) /* not UTF-8 */
        return NULL;
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    json_decref(value);
    if (dump == NULL)
        return NULL;
    size_t dump_len = strlen(dump);
    char *copy = quotes ? mem_copy(dump, dump_len) : mem_copy(dump + 1, dump_len - 2);
    free(dump); /* allowed: jansson's own allocation */
    return copy;
}

static bool is_short(const char *text)
{
    return strlen(text) <= CLIENT_TEXT_MAX;
}

enum kz_err client_group_init(struct client_group *g, char why[LINK_WHY_SIZE],
                              struct event_base *base,
                              const struct link_settings *settings,
                              const struct client_options *o,
                              const struct client_hooks *hooks)
{
    if (!is_short(o->user) || !is_short(o->password) || !is_short(o->agent)) {
        snprintf(why, LINK_WHY_SIZE, "user, password or agent is above %d bytes",
                 CLIENT_TEXT_MAX);
        return KZ_RANGE;
    }
    const char *number = strstr(o->user, "%d");
    size_t before = number != NULL ? (size_t)(number - o->user) : strlen(o->user);
    const char *behind = number != NULL ? number + 2 : "";
    g->options = o;
    g->hooks = hooks;
    g->user_has_number = number != NULL;
    g->agent = json_text(o->agent, strlen(o->agent), true);
    g->password = json_text(o->password, strlen(o->password), true);
    g->user_before = json_text(o->user, before, false);
    g->user_behind = json_text(behind, strlen(behind), false);
    if (g->agent == NULL || g->password == NULL || g->user_before == NULL ||
        g->user_behind == NULL) {
        snprintf(why, LINK_WHY_SIZE, "user, password or agent is not UTF-8");
        return KZ_RANGE;
    }
    return link_group_init(&g->links, why, base, settings, &client_link_hooks);
}

void client_group_clear(struct client_group *g)
{
    link_group_clear(&g->links);
    mem_free(g->agent);
    mem_free(g->password);
    mem_free(g->user_before);
    mem_free(g->user_behind);
}

void client_init(struct client *c, struct client_group *g, uint32_t number, void *owner)
{
    c->group = g;
    c->owner = owner;
    c->number = number;
    link_init(&c->link, &g->links, c);
}

void client_open(struct client *c)
{
    c->subscribed = c->authorized = false;
    c->extranonce1_len = c->extranonce2_size = 0;
    c->version_mask = 0;
    c->difficulty = (struct difficulty){.num = 1, .den = 1};
    target_from_pdiff(&c->target, c->difficulty);
    c->next_id = CLIENT_FIRST_SUBMIT;
    link_open(&c->link);
}

void client_close(struct client *c)
{
    link_close(&c->link);
}
