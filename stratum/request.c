#include "stratum/request.h"

#include "conf/mem.h"

#include <stdio.h>
#include <string.h>

#define TEXT(s)                                                                        \
    {                                                                                  \
        (const uint8_t *)(s), sizeof(s) - 1                                            \
    }

static const struct bytes null_id = TEXT("null");

struct method_row {
    const char *name;
    enum request_method method;
};
static const struct method_row methods[] = {
    {"mining.submit", METHOD_SUBMIT},
    {"mining.subscribe", METHOD_SUBSCRIBE},
    {"mining.authorize", METHOD_AUTHORIZE},
    {"mining.configure", METHOD_CONFIGURE},
    {"mining.suggest_difficulty", METHOD_SUGGEST_DIFFICULTY},
    {"mining.suggest_target", METHOD_SUGGEST_TARGET},
    {"mining.extranonce.subscribe", METHOD_EXTRANONCE_SUBSCRIBE},
    {"mining.get_transactions", METHOD_GET_TRANSACTIONS},
    {"mining.ping", METHOD_PING},
    {"mining.pong", METHOD_IGNORED},
    {"mining.multi_version", METHOD_IGNORED},
    {"mining.capabilities", METHOD_IGNORED},
    {"mining.hashrate", METHOD_IGNORED},
};

static enum request_method method_of(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strlen(methods[i].name) == len && memcmp(methods[i].name, name, len) == 0)
            return methods[i].method;
    }
    return len >= 6 && memcmp(name, "kariz.", 6) == 0 ? METHOD_OURS : METHOD_UNKNOWN;
}

static void replace_high_bytes(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] >= 0x80)
            text[i] = '?';
    }
}

/* One JSON value at the start of `text`. Numbers beyond 64 bits (some ids) and bytes
 * that are no UTF-8 (worker names in old code pages) are no reason to refuse a line. */
static json_t *load(char *text, size_t len, size_t *used)
{
    size_t flags = JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t error;
    json_t *root = json_loadb(text, len, flags, &error);
    for (int i = 0; root == NULL && i < 2; i++) {
        enum json_error_code code = json_error_code(&error);
        if (code == json_error_invalid_utf8)
            replace_high_bytes(text, len);
        else if (code == json_error_numeric_overflow)
            flags |= JSON_DECODE_INT_AS_REAL;
        else
            return NULL;
        root = json_loadb(text, len, flags, &error);
    }
    if (root != NULL)
        *used = (size_t)error.position;
    return root;
}

static size_t skip_space(const char *p, size_t at, size_t len)
{
    while (at < len &&
           (p[at] == ' ' || p[at] == '\t' || p[at] == '\r' || p[at] == '\n'))
        at++;
    return at;
}

static size_t skip_string(const char *p, size_t at, size_t len)
{
    for (at++; at < len && p[at] != '"'; at++) {
        if (p[at] == '\\')
            at++;
    }
    return at < len ? at + 1 : len;
}

/* Behind the value that begins at `at`. The text is known to be JSON. */
static size_t skip_value(const char *p, size_t at, size_t len)
{
    int depth = 0;
    do {
        char c = p[at];
        if (c == '"') {
            at = skip_string(p, at, len);
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        at++;
        if (depth == 0 && strchr("}]", c) == NULL) /* a bare word or number */
            while (at < len && strchr(",}] \t\r\n", p[at]) == NULL)
                at++;
    } while (depth > 0 && at < len);
    return at;
}

/* The text of the object's last "id"; its bytes are echoed, so 1.0 stays 1.0. */
static bool find_id(struct bytes *id, const char *p, size_t len)
{
    bool found = false;
    size_t at = skip_space(p, 0, len) + 1;
    for (;;) {
        at = skip_space(p, at, len);
        if (at >= len || p[at] != '"')
            return found;
        size_t key = at, key_end = skip_string(p, at, len);
        at = skip_space(p, key_end, len) + 1; /* the colon */
        at = skip_space(p, at, len);
        size_t end = at < len ? skip_value(p, at, len) : len;
        if (key_end - key == 4 && memcmp(p + key, "\"id\"", 4) == 0) {
            *id = (struct bytes){(const uint8_t *)p + at, end - at};
            found = true;
        }
        at = skip_space(p, end, len) + 1; /* the comma or the brace */
    }
}

static void set_id(struct request *r, const json_t *root, const char *text, size_t len)
{
    const json_t *id = json_object_get(root, "id");
    r->id = null_id;
    if (id == NULL || find_id(&r->id, text, len))
        return;
    /* The key was written with escapes. */
    r->id_text = json_dumps(id, JSON_ENCODE_ANY | JSON_COMPACT);
    if (r->id_text != NULL)
        r->id = (struct bytes){(const uint8_t *)r->id_text, strlen(r->id_text)};
}

static json_t *array_of_one(json_t *value)
{
    json_t *array = json_array();
    json_array_append_new(array, value);
    return array;
}

/* "mining.suggest_difficulty(1024)": what stands in the parentheses. */
static json_t *params_in_name(const char *inside, size_t len)
{
    while (len > 0 && inside[len - 1] != ')')
        len--;
    len -= len > 0;
    if (len == 0)
        return json_array();
    struct out text = {0};
    out_text(&text, "[");
    out_add(&text, inside, len);
    out_text(&text, "]");
    json_t *params = json_loadb(text.p, text.len, 0, NULL);
    out_clear(&text);
    if (params != NULL)
        return params;
    json_t *word = json_stringn(inside, len);
    return word != NULL ? array_of_one(word) : json_array();
}

static json_t *params_of(json_t *root)
{
    json_t *params = json_object_get(root, "params");
    if (json_is_array(params))
        return json_incref(params);
    if (params == NULL || json_is_null(params))
        return json_array();
    if (!json_is_object(params))
        return array_of_one(json_incref(params));
    /* Named parameters: their order is all that can be meant. */
    json_t *array = json_array(), *value;
    const char *key;
    json_object_foreach(params, key, value)
    {
        json_array_append(array, value);
    }
    return array;
}

static void set_method(struct request *r, json_t *root, json_t *method)
{
    const char *name = json_string_value(method);
    size_t len = json_string_length(method);
    const char *open = memchr(name, '(', len);
    r->params = params_of(root);
    if (open == NULL) {
        r->method = method_of(name, len);
        return;
    }
    size_t at = (size_t)(open - name);
    r->method = method_of(name, at);
    if (json_array_size(r->params) == 0) {
        json_decref(r->params);
        r->params = params_in_name(open + 1, len - at - 1);
    }
}

enum request_kind request_parse(struct request *r, size_t *used, char *text, size_t len)
{
    *used = len;
    json_t *root = load(text, len, used);
    if (root == NULL || !json_is_object(root)) {
        *used = len;
        json_decref(root);
        return REQUEST_MALFORMED;
    }
    json_t *method = json_object_get(root, "method");
    enum request_kind kind = REQUEST_MALFORMED;
    if (json_is_string(method)) {
        *r = (struct request){0};
        set_id(r, root, text, *used);
        set_method(r, root, method);
        kind = REQUEST_CALL;
    } else if (json_object_get(root, "result") != NULL ||
               json_object_get(root, "error") != NULL) {
        kind = REQUEST_RESPONSE;
    }
    json_decref(root);
    *used = skip_space(text, *used, len);
    return kind;
}

void request_clear(struct request *r)
{
    json_decref(r->params);
    free(r->id_text); /* allowed: jansson allocated it */
    *r = (struct request){0};
}

struct bytes request_param_text(const struct request *r, size_t i)
{
    const json_t *value = json_array_get(r->params, i);
    if (!json_is_string(value))
        return (struct bytes){NULL, 0};
    return (struct bytes){(const uint8_t *)json_string_value(value),
                          json_string_length(value)};
}

void reply_result(struct out *o, struct bytes id, const char *result)
{
    out_text(o, "{\"id\":");
    out_add(o, id.p, id.len);
    out_text(o, ",\"result\":");
    out_text(o, result);
    out_text(o, ",\"error\":null}\n");
}

void reply_error(struct out *o, struct bytes id, const char *result, int code,
                 const char *text)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", code);
    out_text(o, "{\"id\":");
    out_add(o, id.p, id.len);
    out_text(o, ",\"result\":");
    out_text(o, result);
    out_text(o, ",\"error\":[");
    out_text(o, number);
    out_text(o, ",\"");
    out_text(o, text);
    out_text(o, "\",null]}\n");
}
