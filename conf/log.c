#include "conf/log.h"

#include "conf/clock.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINE_MAX  4096
#define LOG_VALUE_MAX 512

/* The log sink: the one mutable file-scope state of the project. */
static atomic_int log_level_now = LOG_INFO;
static atomic_bool log_is_json;

struct line {
    char text[LOG_LINE_MAX];
    size_t len;
};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_setup(enum log_level level, bool json)
{
    atomic_store(&log_level_now, (int)level);
    atomic_store(&log_is_json, json);
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level_now, memory_order_relaxed);
}

static void put(struct line *l, const char *text, size_t len)
{
    size_t room = LOG_LINE_MAX - 2 - l->len; /* keeps a place for the line end */
    if (len > room)
        len = room;
    memcpy(l->text + l->len, text, len);
    l->len += len;
}

static void put_text(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* Both formats quote alike: what is not printable ASCII becomes \u00xx, so a worker's
 * name can neither end a line nor move a terminal's cursor. */
static void put_quoted(struct line *l, const char *p, size_t len)
{
    put_text(l, "\"");
    for (size_t i = 0; i < len && i < LOG_VALUE_MAX; i++) {
        unsigned char c = (unsigned char)p[i];
        char escaped[8];
        if (c == '"' || c == '\\')
            snprintf(escaped, sizeof(escaped), "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            snprintf(escaped, sizeof(escaped), "\\u%04x", c);
        else
            snprintf(escaped, sizeof(escaped), "%c", c);
        put_text(l, escaped);
    }
    if (len > LOG_VALUE_MAX)
        put_text(l, "...");
    put_text(l, "\"");
}

static void put_hex(struct line *l, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len && i < LOG_VALUE_MAX; i++) {
        char pair[3];
        snprintf(pair, sizeof(pair), "%02x", p[i]);
        put_text(l, pair);
    }
}

static void put_value(struct line *l, const struct log_field *f, bool json)
{
    char number[64];
    switch (f->type) {
    case LOG_I64:
        snprintf(number, sizeof(number), "%lld", (long long)f->as.i64);
        put_text(l, number);
        break;
    case LOG_U64:
        snprintf(number, sizeof(number), "%llu", (unsigned long long)f->as.u64);
        put_text(l, number);
        break;
    case LOG_REAL:
        snprintf(number, sizeof(number), "%.6g", isfinite(f->as.real) ? f->as.real : 0);
        put_text(l, number);
        break;
    case LOG_BOOL:
        put_text(l, f->as.u64 ? "true" : "false");
        break;
    case LOG_STR:
        put_quoted(l, f->as.bytes.p, f->as.bytes.len);
        break;
    case LOG_HEX:
        put_text(l, json ? "\"" : "");
        put_hex(l, f->as.bytes.p, f->as.bytes.len);
        put_text(l, json ? "\"" : "");
        break;
    case LOG_END:
        break;
    }
}

static void put_head(struct line *l, enum log_level level, const char *event, bool json)
{
    char time[CLOCK_TEXT_SIZE];
    clock_utc_format(time, clock_utc_ms());
    put_text(l, json ? "{\"time\":\"" : "");
    put_text(l, time);
    put_text(l, json ? "\",\"level\":\"" : " ");
    put_text(l, level_names[level]);
    put_text(l, json ? "\",\"event\":\"" : " ");
    put_text(l, event);
    put_text(l, json ? "\"" : "");
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    struct line l = {.len = 0};
    bool json = atomic_load(&log_is_json);
    put_head(&l, level, event, json);
    for (const struct log_field *f = fields; f->type != LOG_END; f++) {
        put_text(&l, json ? ",\"" : " ");
        put_text(&l, f->key);
        put_text(&l, json ? "\":" : "=");
        put_value(&l, f, json);
    }
    if (json)
        l.text[l.len++] = '}';
    l.text[l.len++] = '\n';
    /* A log that cannot be written must not stop the pool; there is nobody to tell. */
    ssize_t ignored = write(STDERR_FILENO, l.text, l.len);
    (void)ignored;
}

struct log_field kv_end(void)
{
    return (struct log_field){.type = LOG_END};
}

struct log_field kv_i64(const char *key, int64_t value)
{
    return (struct log_field){.key = key, .type = LOG_I64, .as.i64 = value};
}

struct log_field kv_u64(const char *key, uint64_t value)
{
    return (struct log_field){.key = key, .type = LOG_U64, .as.u64 = value};
}

struct log_field kv_real(const char *key, double value)
{
    return (struct log_field){.key = key, .type = LOG_REAL, .as.real = value};
}

struct log_field kv_bool(const char *key, bool value)
{
    return (struct log_field){.key = key, .type = LOG_BOOL, .as.u64 = value};
}

struct log_field kv_text(const char *key, const void *p, size_t len)
{
    return (struct log_field){
        .key = key, .type = LOG_STR, .as.bytes = {.p = p, .len = len}};
}

struct log_field kv_str(const char *key, const char *value)
{
    return kv_text(key, value, value != NULL ? strlen(value) : 0);
}

struct log_field kv_hex(const char *key, const void *p, size_t len)
{
    return (struct log_field){
        .key = key, .type = LOG_HEX, .as.bytes = {.p = p, .len = len}};
}

struct log_field kv_errno(int number)
{
    return kv_str("error", strerrordesc_np(number));
}
