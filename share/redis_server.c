#include "share/redis_server.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "share/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS       50
#define BACKOFF_MIN   200
#define BACKOFF_MAX   10000
#define STABLE_MS     60000
#define STOP_MS       20000 /* a server asked to end: loading and syncing take a while */
#define LOG_BYTES_MAX (4 << 20)
#define MANIFEST      "appendonlydir/appendonly.aof.manifest"

struct redis_server {
    struct event *timer;
    char program[CONF_TEXT_MAX + 1]; /* as in the settings */
    char socket[64];
    int dir_fd, karizd_lock_fd, server_lock_fd, log_fd;
    bool is_ours; /* we hold karizd.lock */
    enum redis_server_state state;
    pid_t pid;    /* of the server or of redis-check-aof */
    bool has_run; /* at least once: the next start is a restart */
    bool healed;  /* the check before this start ended well */
    uint64_t restarts;
    int64_t backoff_ms;
    struct monotime started, next;
    struct monotime stale_since; /* a former server was asked to end */
    pid_t stale_pid;
    char why[REDIS_SERVER_WHY];
};

/* Two lines of reason for each of the less obvious:
 * - no RDB saves: the append-only file is the data, its rewrite makes the save points;
 * - listpack sizes are those the memory estimate of the accounting spec counts with;
 * - noeviction: a counter that vanished under pressure would be a wrong balance;
 * - no delay before a snapshot is sent: nobody but a backup asks for one. */
static const char config_text[] = "port 0\n"
                                  "unixsocket redis.sock\n"
                                  "unixsocketperm 700\n"
                                  "dir .\n"
                                  "daemonize no\n"
                                  "supervised no\n"
                                  "logfile \"\"\n"
                                  "loglevel notice\n"
                                  "save \"\"\n"
                                  "appendonly yes\n"
                                  "appendfsync everysec\n"
                                  "aof-load-truncated yes\n"
                                  "maxmemory-policy noeviction\n"
                                  "hash-max-listpack-value 512\n"
                                  "hash-max-listpack-entries 128\n"
                                  "repl-diskless-sync-delay 0\n"
                                  "timeout 0\n"
                                  "databases 1\n";

static void say(struct redis_server *s, const char *text)
{
    snprintf(s->why, sizeof(s->why), "%s", text);
}

static void retry_later(struct redis_server *s)
{
    s->state = REDIS_SERVER_WAITING;
    s->next = monotime_add_ms(clock_now(), s->backoff_ms);
    s->backoff_ms = s->backoff_ms * 2 < BACKOFF_MAX ? s->backoff_ms * 2 : BACKOFF_MAX;
}

static void fail(struct redis_server *s, const char *event, const char *why)
{
    /* The same reason every ten seconds would drown the log. */
    if (strcmp(s->why, why) != 0)
        log_error(event, kv_str("why", why));
    say(s, why);
    retry_later(s);
}

static bool write_config(struct redis_server *s)
{
    size_t len = sizeof(config_text) - 1;
    int fd =
        openat(s->dir_fd, "redis.conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok =
        fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, config_text, len) == (ssize_t)len;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* The log grows by some lines a start and a rewrite; one older piece is kept. */
static bool open_log(struct redis_server *s)
{
    struct stat st;
    if (s->log_fd >= 0)
        close(s->log_fd);
    if (fstatat(s->dir_fd, "redis.log", &st, 0) == 0 && st.st_size > LOG_BYTES_MAX)
        renameat(s->dir_fd, "redis.log", s->dir_fd, "redis.log.1");
    s->log_fd =
        openat(s->dir_fd, "redis.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return s->log_fd >= 0;
}

static bool write_pid(struct redis_server *s, pid_t pid)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)pid);
    int fd =
        openat(s->dir_fd, "server.pid", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text, (size_t)len) == len;
    if (fd >= 0)
        close(fd);
    return ok;
}

static pid_t read_pid(const struct redis_server *s)
{
    char text[24] = "";
    int fd = openat(s->dir_fd, "server.pid", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        close(fd);
    long pid = 0;
    for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9' && pid < 100000000;
         i++)
        pid = pid * 10 + (text[i] - '0');
    return (pid_t)pid;
}

static void launch(struct redis_server *s)
{
    char program[PATH_MAX];
    static const char *const argv[] = {"redis-server", "./redis.conf", NULL};
    struct child_spec spec = {.program = program,
                              .argv = argv,
                              .dir_fd = s->dir_fd,
                              .out_fd = s->log_fd,
                              .keep_fd = s->server_lock_fd};
    if (child_find_program(program, sizeof(program), s->program) != KZ_OK) {
        char why[REDIS_SERVER_WHY];
        snprintf(why, sizeof(why), "program \"%.120s\" was not found", s->program);
        fail(s, "redis_server_not_found", why);
        return;
    }
    unlinkat(s->dir_fd, "redis.sock", 0);
    if (!write_config(s) || child_start(&s->pid, &spec) != KZ_OK) {
        fail(s, "redis_server_not_started", strerror(errno));
        return;
    }
    if (!write_pid(s, s->pid))
        log_warn("redis_server_pid_not_written", kv_errno(errno));
    s->restarts += s->has_run;
    s->has_run = true;
    s->started = clock_now();
    s->state = REDIS_SERVER_RUNNING;
    log_info("redis_server_started", kv_i64("pid", s->pid),
             kv_u64("restarts", s->restarts));
}

/* redis-check-aof stands beside redis-server wherever both are installed. */
static enum kz_err find_checker(char out[PATH_MAX], const struct redis_server *s)
{
    const char *slash = strrchr(s->program, '/');
    if (slash != NULL) {
        snprintf(out, PATH_MAX, "%.*s/redis-check-aof", (int)(slash - s->program),
                 s->program);
        if (access(out, X_OK) == 0)
            return KZ_OK;
    }
    return child_find_program(out, PATH_MAX, "redis-check-aof");
}

static void check_then_launch(struct redis_server *s)
{
    char program[PATH_MAX];
    static const char *const argv[] = {"redis-check-aof", "--fix", MANIFEST, NULL};
    struct child_spec spec = {.program = program,
                              .argv = argv,
                              .dir_fd = s->dir_fd,
                              .input = "y\ny\ny\n",
                              .keep_fd = -1};
    s->healed = true;
    if (!open_log(s)) {
        fail(s, "redis_server_not_started", "its log cannot be opened");
        return;
    }
    if (faccessat(s->dir_fd, MANIFEST, F_OK, 0) !=
        0) { /* first start: nothing to heal */
        launch(s);
        return;
    }
    if (find_checker(program, s) != KZ_OK) {
        log_warn("redis_check_aof_not_found",
                 kv_str("instead", "the file is rewritten before the first write"));
        s->healed = false;
        launch(s);
        return;
    }
    spec.out_fd = s->log_fd;
    if (child_start(&s->pid, &spec) != KZ_OK) {
        fail(s, "redis_check_aof_not_started", strerror(errno));
        return;
    }
    s->state = REDIS_SERVER_CHECKING;
}

static void poll_checker(struct redis_server *s)
{
    int status;
    if (!child_has_ended(&status, s->pid))
        return;
    s->pid = 0;
    s->healed = status == 0;
    if (status != 0) {
        char text[32];
        child_format_status(text, sizeof(text), status);
        /* The server decides whether it can load it; its own words are in its log. */
        log_error("redis_check_aof_failed", kv_str("status", text),
                  kv_str("log", "redis/redis.log"));
    }
    launch(s);
}

static void poll_server(struct redis_server *s)
{
    int status;
    struct monotime now = clock_now();
    if (!child_has_ended(&status, s->pid)) {
        if (monotime_ms_between(s->started, now) > STABLE_MS) {
            s->backoff_ms = BACKOFF_MIN;
            s->why[0] = '\0';
        }
        return;
    }
    char text[32], why[64];
    child_format_status(text, sizeof(text), status);
    snprintf(why, sizeof(why), "redis-server ended: %s", text);
    log_error("redis_server_died", kv_i64("pid", s->pid), kv_str("status", text),
              kv_i64("after_ms", monotime_ms_between(s->started, now)));
    s->pid = 0;
    say(s, why);
    retry_later(s);
}

/* A former karizd was killed and its server still has the directory. */
static void end_stale(struct redis_server *s)
{
    pid_t pid = read_pid(s);
    struct monotime now = clock_now();
    if (pid <= 1 || !child_has_open(pid, s->server_lock_fd)) {
        say(s, "another process holds redis/server.lock");
        return;
    }
    if (pid != s->stale_pid) {
        s->stale_pid = pid;
        s->stale_since = now;
        say(s, "a redis-server of a former karizd is ending");
        log_warn("redis_server_stale", kv_i64("pid", pid));
        kill(pid, SIGTERM);
    } else if (monotime_ms_between(s->stale_since, now) > REDIS_SERVER_KILL_MS) {
        s->stale_since = now;
        log_warn("redis_server_stale_killed", kv_i64("pid", pid));
        kill(pid, SIGKILL);
    }
}

static bool take_locks(struct redis_server *s)
{
    if (!s->is_ours && flock(s->karizd_lock_fd, LOCK_EX | LOCK_NB) != 0) {
        static const char why[] = "another karizd uses this data_dir";
        if (strcmp(s->why, why) != 0)
            log_error("data_dir_in_use", kv_str("why", why));
        say(s, why);
        return false;
    }
    s->is_ours = true;
    if (flock(s->server_lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    end_stale(s);
    return false;
}

static void go_on(struct redis_server *s)
{
    switch (s->state) {
    case REDIS_SERVER_LOCKED:
        if (take_locks(s)) {
            s->why[0] = '\0';
            check_then_launch(s);
        }
        break;
    case REDIS_SERVER_CHECKING:
        poll_checker(s);
        break;
    case REDIS_SERVER_RUNNING:
        poll_server(s);
        break;
    case REDIS_SERVER_WAITING:
        /* Its saving child may outlive the server, and has the lock for as long; we
         * hold the same lock, so only /proc could tell. It writes to temporary files
         * only, which a new server ignores. */
        if (monotime_ms_between(s->next, clock_now()) >= 0)
            check_then_launch(s);
        break;
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    go_on(arg);
}

static int open_at(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static bool open_dir(struct redis_server *s, const char *data_dir)
{
    char path[CONF_TEXT_MAX + 16];
    snprintf(path, sizeof(path), "%s/redis", data_dir);
    if ((mkdir(data_dir, 0750) != 0 && errno != EEXIST) ||
        (mkdir(path, 0700) != 0 && errno != EEXIST)) {
        log_error("redis_dir_not_made", kv_str("path", path), kv_errno(errno));
        return false;
    }
    s->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd >= 0 && fchmod(s->dir_fd, 0700) == 0) {
        s->karizd_lock_fd = open_at(s->dir_fd, "karizd.lock");
        s->server_lock_fd = open_at(s->dir_fd, "server.lock");
    }
    if (s->karizd_lock_fd >= 0 && s->server_lock_fd >= 0)
        return true;
    log_error("redis_dir_not_opened", kv_str("path", path), kv_errno(errno));
    return false;
}

enum kz_err redis_server_start(struct redis_server **out, struct event_base *base,
                               const struct conf *conf)
{
    struct redis_server *s = mem_new(sizeof(*s));
    s->dir_fd = s->karizd_lock_fd = s->server_lock_fd = s->log_fd = -1;
    s->backoff_ms = BACKOFF_MIN;
    snprintf(s->program, sizeof(s->program), "%s", conf->redis_server);
    struct timeval every = {.tv_usec = POLL_MS * 1000};
    s->timer = event_new(base, -1, EV_PERSIST, on_timer, s);
    if (!open_dir(s, conf->data_dir) || s->timer == NULL ||
        event_add(s->timer, &every) != 0) {
        redis_server_stop(s);
        return KZ_IO;
    }
    snprintf(s->socket, sizeof(s->socket), "/proc/self/fd/%d/redis.sock", s->dir_fd);
    s->state = REDIS_SERVER_LOCKED;
    go_on(s);
    *out = s;
    return KZ_OK;
}

static bool ends_within(pid_t pid, int64_t ms)
{
    int status;
    struct monotime began = clock_now();
    while (!child_has_ended(&status, pid)) {
        if (monotime_ms_between(began, clock_now()) > ms)
            return false;
        struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL); /* allowed: only stopping waits */
    }
    return true;
}

void redis_server_stop(struct redis_server *s)
{
    if (s == NULL)
        return;
    if (s->pid > 0) {
        kill(s->pid, SIGTERM); /* of ours and not reaped: no other can have this id */
        if (!ends_within(s->pid, STOP_MS)) {
            log_error("redis_server_killed", kv_i64("pid", s->pid));
            kill(s->pid, SIGKILL);
            if (!ends_within(s->pid, STOP_MS))
                log_error("redis_server_left", kv_i64("pid", s->pid));
        }
    }
    if (s->timer != NULL)
        event_free(s->timer);
    const int fds[] = {s->log_fd, s->server_lock_fd, s->karizd_lock_fd, s->dir_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    mem_free(s);
}

const char *redis_server_socket(const struct redis_server *s)
{
    return s->socket;
}

void redis_server_stats(const struct redis_server *s, struct redis_server_stats *out)
{
    *out = (struct redis_server_stats){
        .state = s->state,
        .pid = s->state == REDIS_SERVER_RUNNING ? s->pid : 0,
        .restarts = s->restarts,
        .healed = s->healed,
    };
    memcpy(out->why, s->why, sizeof(out->why));
}

const char *redis_server_state_name(enum redis_server_state state)
{
    static const char *const names[] = {"locked", "checking", "running", "waiting"};
    assert((size_t)state < sizeof(names) / sizeof(names[0]));
    return names[state];
}
