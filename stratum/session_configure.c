#include "stratum/session.h"

#include "conf/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SUGGEST_INTERVAL_MS 10000
#define EXTENSIONS_MAX      32

const char *const session_info_names[SESSION_INFO] = {"connection-url", "hw-version",
                                                      "sw-version", "hw-id"};

/* What a rig says about itself is shown to people: printable ASCII, cut. */
void session_set_text(char **text, struct bytes from)
{
    mem_free(*text);
    *text = NULL;
    size_t len = from.len < SESSION_TEXT_MAX ? from.len : SESSION_TEXT_MAX;
    if (len == 0)
        return;
    *text = mem_copy(from.p, len);
    for (size_t i = 0; i < len; i++) {
        if ((*text)[i] < 0x20 || (*text)[i] > 0x7e)
            (*text)[i] = '?';
    }
}

uint32_t session_mask(const struct session *s)
{
    uint32_t ours = s->front->conf.version_mask;
    return s->has_mask ? s->asked_mask & ours : ours;
}

void session_check_mask(struct session *s)
{
    if (!s->has_mask)
        return;
    char text[100];
    int n = snprintf(text, sizeof(text),
                     "{\"id\":null,\"method\":\"mining.set_version_mask\","
                     "\"params\":[\"%08" PRIx32 "\"]}\n",
                     session_mask(s));
    conn_send(&s->conn, (struct bytes){(const uint8_t *)text, (size_t)n});
}

/* The mask as sent; a missing or unreadable one asks for all bits. */
static uint32_t asked_mask(const json_t *parameters)
{
    const json_t *mask = json_object_get(parameters, "version-rolling.mask");
    uint32_t v = UINT32_MAX;
    if (json_is_string(mask) &&
        hex_u32(&v, json_string_value(mask), json_string_length(mask), true) != KZ_OK)
        v = UINT32_MAX;
    if (json_is_integer(mask))
        v = (uint32_t)json_integer_value(mask);
    return v;
}

static void configure_rolling(struct session *s, const json_t *parameters)
{
    char text[80];
    s->has_mask = true;
    s->asked_mask = asked_mask(parameters);
    snprintf(text, sizeof(text),
             "\"version-rolling\":true,\"version-rolling.mask\":\"%08" PRIx32 "\"",
             session_mask(s));
    out_text(&s->front->out, text);
}

static void configure_minimum(struct session *s, const json_t *parameters)
{
    double d =
        json_number_value(json_object_get(parameters, "minimum-difficulty.value"));
    if (isfinite(d) && d > 0.0)
        s->minimum = d;
    session_set_difficulty(s, s->difficulty);
    out_text(&s->front->out, "\"minimum-difficulty\":true");
}

static void configure_info(struct session *s, const json_t *parameters)
{
    char name[32];
    if (s->info == NULL)
        s->info = mem_array(SESSION_INFO, sizeof(*s->info));
    for (size_t i = 0; i < SESSION_INFO; i++) {
        snprintf(name, sizeof(name), "info.%s", session_info_names[i]);
        const json_t *value = json_object_get(parameters, name);
        if (json_is_string(value))
            session_set_text(&s->info[i],
                             (struct bytes){(const uint8_t *)json_string_value(value),
                                            json_string_length(value)});
    }
    out_text(&s->front->out, "\"info\":true");
}

/* Answers one extension; false for one we do not know, which is left out. */
static bool configure_one(struct session *s, const char *name, const json_t *parameters,
                          bool is_first)
{
    const char *const known[] = {"version-rolling", "minimum-difficulty",
                                 "subscribe-extranonce", "info"};
    size_t i = 0;
    while (i < 4 && strcmp(name, known[i]) != 0)
        i++;
    if (i == 4)
        return false;
    if (!is_first)
        out_text(&s->front->out, ",");
    if (i == 0)
        configure_rolling(s, parameters);
    else if (i == 1)
        configure_minimum(s, parameters);
    else if (i == 3)
        configure_info(s, parameters);
    else {
        s->takes_extranonce = true;
        out_text(&s->front->out, "\"subscribe-extranonce\":true");
    }
    return true;
}

/* Was it named earlier in the list? Each is answered once. */
static bool is_repeated(const json_t *names, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (json_equal(json_array_get(names, i), json_array_get(names, at)))
            return true;
    }
    return false;
}

void session_configure(struct session *s, const struct request *r)
{
    const json_t *names = json_array_get(r->params, 0);
    const json_t *parameters = json_array_get(r->params, 1);
    struct out *o = &s->front->out;
    bool is_first = true;
    out_text(o, "{\"id\":");
    out_add(o, r->id.p, r->id.len);
    out_text(o, ",\"result\":{");
    for (size_t i = 0; i < json_array_size(names) && i < EXTENSIONS_MAX; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name != NULL && !is_repeated(names, i) &&
            configure_one(s, name, parameters, is_first))
            is_first = false;
    }
    out_text(o, "},\"error\":null}\n");
}

/* Low-end rigs repeat a built-in suggestion as a sign of life every 30 s: only a new
 * value, and not at once after another, changes anything. */
static void suggest(struct session *s, struct difficulty d)
{
    struct front *f = s->front;
    if (s->is_fixed ||
        (s->is_suggested &&
         (difficulty_compare(d, s->suggested) == 0 ||
          monotime_ms_between(s->suggested_at, f->now) < SUGGEST_INTERVAL_MS)))
        return;
    s->is_suggested = true;
    s->suggested = d;
    s->suggested_at = f->now;
    session_set_difficulty(s, d);
}

void session_suggest_difficulty(struct session *s, const struct request *r)
{
    const json_t *value = json_array_get(r->params, 0);
    struct difficulty d;
    struct bytes text = request_param_text(r, 0);
    bool is_good = false;
    if (json_is_string(value))
        is_good = difficulty_parse(&d, (const char *)text.p, text.len) == KZ_OK;
    else if (json_is_number(value) && json_number_value(value) > 0.0 &&
             isfinite(json_number_value(value))) {
        d = session_difficulty_of(json_number_value(value));
        is_good = true;
    }
    if (is_good)
        suggest(s, d);
    reply_result(&s->front->out, r->id, "true");
}

void session_suggest_target(struct session *s, const struct request *r)
{
    char hex[64];
    struct target t;
    struct bytes text = request_param_text(r, 0);
    if (text.len > 2 && text.p[0] == '0' && (text.p[1] | 0x20) == 'x')
        text = (struct bytes){text.p + 2, text.len - 2};
    if (text.len > 0 && text.len <= sizeof(hex)) {
        memset(hex, '0', sizeof(hex));
        memcpy(hex + sizeof(hex) - text.len, text.p, text.len);
        if (target_parse_hex(&t, hex, sizeof(hex)) == KZ_OK &&
            isfinite(target_difficulty(&t)))
            suggest(s, difficulty_from_double(target_difficulty(&t)));
    }
    reply_result(&s->front->out, r->id, "true");
}
