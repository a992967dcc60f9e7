/* conf/log.h - one event a line, typed fields, nothing a miner chose unescaped.
 *
 *     log_info("share_refused", kv_u64("conn", id), kv_str("worker", name));
 *     2026-01-31T23:59:59.123Z info share_refused conn=81 worker="alice.rig 1"
 *
 * Levels say who acts: error the operator now, warn the operator today, info nobody,
 * debug a developer. Event names are past tense, lower case, with underscores. There is
 * no kv_ function for secrets or for the password a miner sends.
 *
 * Format is text (above) or one JSON object a line. Output goes to standard error, in
 * one write() a line, so lines of several threads do not mix.
 * Thread: any. log_setup() is called once, before threads start, and again on reload. */
#ifndef CONF_LOG_H
#define CONF_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum log_type { LOG_END, LOG_I64, LOG_U64, LOG_STR, LOG_BOOL, LOG_REAL, LOG_HEX };

struct log_field {
    const char *key;
    enum log_type type;
    union {
        int64_t i64;
        uint64_t u64;
        double real;
        struct {
            const void *p;
            size_t len;
        } bytes;
    } as;
};

void log_setup(enum log_level level, bool json);
bool log_is_on(enum log_level level);

/* `fields` ends with a field of type LOG_END. Strings are borrowed for the call. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

#define LOG_LINE(level, event, ...)                                                    \
    do {                                                                               \
        if (log_is_on(level))                                                          \
            log_write(                                                                 \
                level, event,                                                          \
                (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ) kv_end()});      \
    } while (0)
#define log_error(event, ...) LOG_LINE(LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  LOG_LINE(LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  LOG_LINE(LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) LOG_LINE(LOG_DEBUG, event, __VA_ARGS__)

struct log_field kv_end(void);
struct log_field kv_i64(const char *key, int64_t value);
struct log_field kv_u64(const char *key, uint64_t value);
struct log_field kv_real(const char *key, double value);
struct log_field kv_bool(const char *key, bool value);
/* NULL prints as an empty string. Escaped by the logger, cut at 512 bytes. */
struct log_field kv_str(const char *key, const char *value);
struct log_field kv_text(const char *key, const void *p, size_t len);
/* Bytes as they lie in memory, lower-case hex. */
struct log_field kv_hex(const char *key, const void *p, size_t len);
/* strerror() of `number`. */
struct log_field kv_errno(int number);

#endif
