#include "share/redis_copy.h"

#include "conf/mem.h"
#include "conf/secret.h"
#include "share/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_S 5
#define SILENCE_S 60 /* Redis sends blank lines while it prepares the snapshot */
#define MARK_LEN  40 /* of the text that ends a snapshot whose length is not known */
#define PIECE     65536

static enum kz_err KZ_PRINTF(2, 3)
    fail(char why[REDIS_COPY_WHY], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, REDIS_COPY_WHY, format, args);
    va_end(args);
    return KZ_IO;
}

/* --- reaching it ------------------------------------------------------------------ */

static enum kz_err check(redisContext *c, char why[REDIS_COPY_WHY])
{
    const struct timeval patience = {.tv_sec = SILENCE_S};
    if (c == NULL)
        return fail(why, "Redis cannot be reached");
    if (c->err != 0)
        return fail(why, "Redis: %s", c->errstr);
    return redisSetTimeout(c, patience) == REDIS_OK
               ? KZ_OK
               : fail(why, "Redis: no time limit can be set");
}

static redisContext *connect_host(const struct conf_host *host)
{
    const struct timeval limit = {.tv_sec = CONNECT_S};
    return redisConnectWithTimeout(host->host, host->port, limit);
}

/* The embedded server's socket by its directory, however long the path of that is. */
static redisContext *connect_embedded(const struct conf *conf)
{
    char path[CONF_TEXT_MAX + 16], socket[64];
    const struct timeval limit = {.tv_sec = CONNECT_S};
    snprintf(path, sizeof(path), "%s/redis", conf->data_dir);
    int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return NULL;
    snprintf(socket, sizeof(socket), "/proc/self/fd/%d/redis.sock", dir);
    redisContext *c = redisConnectUnixWithTimeout(socket, limit);
    close(dir);
    return c;
}

/* NULL: with `why`. An error of Redis' own is one. The caller's. */
static redisReply *ask(redisContext *c, char why[REDIS_COPY_WHY], int argc,
                       const char **argv)
{
    redisReply *r = redisCommandArgv(c, argc, argv, NULL);
    if (r == NULL) {
        fail(why, "Redis: %s", c->errstr);
        return NULL;
    }
    if (r->type != REDIS_REPLY_ERROR)
        return r;
    fail(why, "Redis refused %s: %.150s", argv[0], r->str);
    freeReplyObject(r);
    return NULL;
}

static enum kz_err log_in(redisContext *c, char why[REDIS_COPY_WHY], const char *file)
{
    struct secret *password = NULL;
    if (file[0] == '\0')
        return KZ_OK;
    if (secret_read(&password, file) != KZ_OK)
        return fail(why, "the password file of Redis cannot be used");
    const char *argv[] = {"AUTH", secret_reveal(password)};
    redisReply *r = ask(c, why, 2, argv);
    secret_free(password);
    if (r == NULL)
        return KZ_IO;
    freeReplyObject(r);
    return KZ_OK;
}

static bool read_address(struct conf_host *out, const redisReply *r)
{
    uint64_t port;
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
        r->element[0]->type != REDIS_REPLY_STRING ||
        r->element[1]->type != REDIS_REPLY_STRING ||
        !decimal_read(&port, r->element[1]->str, 65535))
        return false;
    snprintf(out->host, sizeof(out->host), "%s", r->element[0]->str);
    out->port = (uint16_t)port;
    return true;
}

static bool ask_sentinel(struct conf_host *out, char why[REDIS_COPY_WHY],
                         const struct conf *conf, const struct conf_host *sentinel)
{
    const char *argv[] = {"SENTINEL", "get-master-addr-by-name", conf->redis_master};
    redisContext *c = connect_host(sentinel);
    redisReply *r = NULL;
    if (check(c, why) == KZ_OK &&
        log_in(c, why, conf->redis_sentinel_password_file) == KZ_OK)
        r = ask(c, why, 3, argv);
    bool ok = r != NULL && read_address(out, r);
    if (r != NULL && !ok)
        fail(why, "a sentinel does not know \"%s\"", conf->redis_master);
    if (r != NULL)
        freeReplyObject(r);
    if (c != NULL)
        redisFree(c);
    return ok;
}

/* One that was the master until a moment ago will do: its snapshot is an older one. */
static redisContext *connect_named(char why[REDIS_COPY_WHY], const struct conf *conf)
{
    struct conf_host master;
    for (size_t i = 0; i < conf->redis_sentinel_count; i++)
        if (ask_sentinel(&master, why, conf, &conf->redis_sentinels[i]))
            return connect_host(&master);
    return NULL;
}

static redisContext *connect_any(char why[REDIS_COPY_WHY], const struct conf *conf)
{
    const struct timeval limit = {.tv_sec = CONNECT_S};
    struct conf_host host = {.port = conf->redis_port};
    switch (conf->redis_mode) {
    case CONF_REDIS_EMBEDDED:
        return connect_embedded(conf);
    case CONF_REDIS_UNIX:
        return redisConnectUnixWithTimeout(conf->redis_path, limit);
    case CONF_REDIS_TCP:
        memcpy(host.host, conf->redis_host, sizeof(host.host));
        return connect_host(&host);
    case CONF_REDIS_SENTINEL:
        return connect_named(why, conf);
    }
    return NULL;
}

static enum kz_err reach(redisContext **out, char why[REDIS_COPY_WHY],
                         const struct conf *conf)
{
    why[0] = '\0';
    redisContext *c = connect_any(why, conf);
    enum kz_err err = c == NULL && why[0] != '\0' ? KZ_IO : check(c, why);
    if (err == KZ_OK && conf->redis_mode != CONF_REDIS_EMBEDDED)
        err = log_in(c, why, conf->redis_password_file);
    if (err == KZ_OK)
        *out = c;
    else if (c != NULL)
        redisFree(c);
    return err;
}

static enum kz_err read_version(char version[REDIS_COPY_VERSION_SIZE],
                                char why[REDIS_COPY_WHY], redisContext *c)
{
    static const char field[] = "redis_version:";
    const char *argv[] = {"INFO", "server"};
    redisReply *r = ask(c, why, 2, argv);
    if (r == NULL)
        return KZ_IO;
    const char *p = r->type == REDIS_REPLY_STRING ? strstr(r->str, field) : NULL;
    p = p != NULL ? p + sizeof(field) - 1 : "";
    snprintf(version, REDIS_COPY_VERSION_SIZE, "%.*s", (int)strspn(p, "0123456789."),
             p);
    freeReplyObject(r);
    return KZ_OK;
}

/* --- the snapshot: behind SYNC nothing is as hiredis reads it ----------------------- */

struct stream {
    int fd;
    size_t len; /* of what was read and is not taken */
    uint8_t bytes[PIECE + MARK_LEN];
};

/* More bytes behind those there are. */
static enum kz_err fill(struct stream *s, char why[REDIS_COPY_WHY])
{
    ssize_t n;
    do
        n = read(s->fd, s->bytes + s->len, sizeof(s->bytes) - s->len);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return fail(why, "Redis was silent for %d s", SILENCE_S);
    if (n <= 0)
        return fail(why, "Redis broke off: %s", n < 0 ? strerror(errno) : "closed");
    s->len += (size_t)n;
    return KZ_OK;
}

static void drop(struct stream *s, size_t len)
{
    memmove(s->bytes, s->bytes + len, s->len - len);
    s->len -= len;
}

/* The first line that is not blank, taken out without its end. */
static enum kz_err read_head(char head[128], struct stream *s, char why[REDIS_COPY_WHY])
{
    for (;;) {
        uint8_t *end = memchr(s->bytes, '\n', s->len);
        if (end == NULL && s->len > 127)
            return fail(why, "Redis answered SYNC with no line");
        if (end == NULL) {
            if (fill(s, why) != KZ_OK)
                return KZ_IO;
            continue;
        }
        size_t len = (size_t)(end - s->bytes);
        snprintf(head, 128, "%.*s", (int)len, (const char *)s->bytes);
        head[strcspn(head, "\r")] = '\0';
        drop(s, len + 1);
        if (head[0] != '\0')
            return KZ_OK;
    }
}

static enum kz_err give(struct stream *s, const struct redis_copy_sink *to, size_t len)
{
    enum kz_err err = len > 0 ? to->write(to->ctx, s->bytes, len) : KZ_OK;
    if (err == KZ_OK)
        drop(s, len);
    return err;
}

static enum kz_err read_counted(struct stream *s, char why[REDIS_COPY_WHY],
                                const struct redis_copy_sink *to, uint64_t left)
{
    enum kz_err err = KZ_OK;
    while (err == KZ_OK && left > 0) {
        if (s->len == 0)
            err = fill(s, why);
        size_t len = s->len < left ? s->len : (size_t)left;
        if (err == KZ_OK)
            err = give(s, to, len);
        left -= len;
    }
    return err;
}

static enum kz_err read_marked(struct stream *s, char why[REDIS_COPY_WHY],
                               const struct redis_copy_sink *to, const char *mark)
{
    enum kz_err err = KZ_OK;
    while (err == KZ_OK) {
        const uint8_t *end = memmem(s->bytes, s->len, mark, MARK_LEN);
        if (end != NULL)
            return give(s, to, (size_t)(end - s->bytes));
        if (s->len > MARK_LEN) /* what may be the mark's beginning stays */
            err = give(s, to, s->len - MARK_LEN);
        if (err == KZ_OK)
            err = fill(s, why);
    }
    return err;
}

static enum kz_err read_snapshot(struct stream *s, char why[REDIS_COPY_WHY],
                                 const struct redis_copy_sink *to)
{
    char head[128];
    uint64_t len;
    enum kz_err err = read_head(head, s, why);
    if (err != KZ_OK)
        return err;
    if (strncmp(head, "$EOF:", 5) == 0 && strlen(head) == 5 + MARK_LEN)
        return read_marked(s, why, to, head + 5);
    if (head[0] == '$' && decimal_read(&len, head + 1, UINT64_MAX / 2))
        return read_counted(s, why, to, len);
    return fail(why, "Redis refused SYNC: %.120s", head);
}

static enum kz_err request(redisContext *c, char why[REDIS_COPY_WHY])
{
    static const char sync[] = "SYNC\r\n";
    static const char *const said[][3] = {{"REPLCONF", "capa", "eof"},
                                          {"REPLCONF", "rdb-only", "1"}};
    /* The first: straight to us, not by a file of the server's. The second: nothing is
     * kept for us behind the snapshot. An older server knows neither, and does without. */
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        const char *argv[] = {said[i][0], said[i][1], said[i][2]};
        redisReply *r = redisCommandArgv(c, 3, argv, NULL);
        if (r == NULL)
            return fail(why, "Redis: %s", c->errstr);
        freeReplyObject(r);
    }
    return write(c->fd, sync, sizeof(sync) - 1) == (ssize_t)sizeof(sync) - 1
               ? KZ_OK
               : fail(why, "Redis: %s", strerror(errno));
}

enum kz_err redis_copy(char version[REDIS_COPY_VERSION_SIZE], char why[REDIS_COPY_WHY],
                       const struct conf *conf, const struct redis_copy_sink *to)
{
    redisContext *c = NULL;
    enum kz_err err = reach(&c, why, conf);
    if (err != KZ_OK)
        return err;
    struct stream *s = mem_new(sizeof(*s));
    s->fd = c->fd;
    err = read_version(version, why, c);
    if (err == KZ_OK)
        err = request(c, why);
    if (err == KZ_OK)
        err = read_snapshot(s, why, to);
    mem_free(s);
    redisFree(c);
    return err;
}
