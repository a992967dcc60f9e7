/* The embedded server: started, healed, started again, and never twice. */
#include "share/redis_server.h"
#include "tests/unit/redis_fixture.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>

struct server {
    struct event_base *base;
    struct redis_server *redis;
};

static void server_start(struct server *s, const struct fixture *f)
{
    s->base = event_base_new();
    assert_non_null(s->base);
    assert_int_equal(redis_server_start(&s->redis, s->base, &f->conf), KZ_OK);
}

static void server_stop(struct server *s)
{
    redis_server_stop(s->redis);
    event_base_free(s->base);
}

static struct redis_server_stats stats_of(struct server *s)
{
    struct redis_server_stats stats;
    event_base_loop(s->base, EVLOOP_NONBLOCK);
    redis_server_stats(s->redis, &stats);
    return stats;
}

/* A connection once the server has loaded its data. */
static redisContext *connect_to(struct server *s)
{
    redisContext *c = NULL;
    bool loaded = false;
    wait_until(stats_of(s).state == REDIS_SERVER_RUNNING &&
               (c = redis_at(redis_server_socket(s->redis))) != NULL);
    while (!loaded) {
        redisReply *r = redisCommand(c, "PING");
        assert_non_null(r);
        loaded = r->type == REDIS_REPLY_STATUS;
        freeReplyObject(r);
    }
    return c;
}

static void run(redisContext *c, const char *command)
{
    redisReply *r = redisCommand(c, command);
    assert_non_null(r);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", command, r->str);
    freeReplyObject(r);
}

static long long integer(redisContext *c, const char *command)
{
    redisReply *r = redisCommand(c, command);
    assert_non_null(r);
    long long v = r->type == REDIS_REPLY_INTEGER ? r->integer
                  : r->str != NULL ? strtoll(r->str, NULL, 10) /* allowed */
                                   : 0;
    freeReplyObject(r);
    return v;
}

static void data_is_kept_when_the_server_is_killed_and_when_it_is_stopped(void **state)
{
    (void)state;
    struct fixture f;
    struct server s;
    fixture_init(&f);
    server_start(&s, &f);
    redisContext *c = connect_to(&s);
    run(c, "CONFIG SET appendfsync always");
    run(c, "SET a 1");
    redisFree(c);
    assert_int_equal(kill(stats_of(&s).pid, SIGKILL), 0);
    wait_until(stats_of(&s).restarts == 1);
    c = connect_to(&s);
    assert_int_equal(integer(c, "GET a"), 1);
    assert_true(stats_of(&s).healed);
    run(c, "SET b 2"); /* everysec again: stopping must sync it */
    redisFree(c);
    server_stop(&s);
    server_start(&s, &f);
    c = connect_to(&s);
    assert_int_equal(integer(c, "GET b"), 2);
    redisFree(c);
    server_stop(&s);
    fixture_clear(&f);
}

static void the_directory_is_private_and_the_settings_are_ours(void **state)
{
    (void)state;
    struct fixture f;
    struct server s;
    struct stat st;
    char path[400];
    fixture_init(&f);
    server_start(&s, &f);
    redisContext *c = connect_to(&s);
    static const char *const expected[][2] = {
        {"appendonly", "yes"},
        {"appendfsync", "everysec"},
        {"maxmemory-policy", "noeviction"},
        {"hash-max-listpack-value", "512"},
        {"hash-max-listpack-entries", "128"},
        {"port", "0"},
        {"save", ""},
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        redisReply *r = redisCommand(c, "CONFIG GET %s", expected[i][0]);
        assert_int_equal(r->elements, 2);
        assert_string_equal(r->element[1]->str, expected[i][1]);
        freeReplyObject(r);
    }
    redisFree(c);
    static const char *const private[] = {"", "/redis.conf", "/redis.sock"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/redis%s", f.conf.data_dir, private[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 077, 0);
    }
    server_stop(&s);
    fixture_clear(&f);
}

static void a_long_data_dir_is_no_obstacle(void **state)
{
    (void)state;
    struct fixture f;
    struct server s;
    fixture_init(&f);
    size_t len = strlen(f.conf.data_dir);
    memset(f.conf.data_dir + len, 'x', 150);
    f.conf.data_dir[len + 150] = '\0';
    server_start(&s, &f);
    redisContext *c = connect_to(&s);
    run(c, "SET a 1");
    redisFree(c);
    server_stop(&s);
    fixture_clear(&f);
}

/* A file that ends inside EXEC: the transaction must not come alive later. */
static void a_transaction_cut_by_a_power_loss_stays_undone_for_ever(void **state)
{
    (void)state;
    struct fixture f;
    struct server s;
    struct stat st;
    char path[400];
    fixture_init(&f);
    server_start(&s, &f);
    redisContext *c = connect_to(&s);
    run(c, "CONFIG SET appendfsync always");
    run(c, "MULTI");
    run(c, "INCRBY work 100");
    run(c, "INCRBY shares 1"); /* one command alone is written without MULTI */
    run(c, "EXEC");
    redisFree(c);
    assert_int_equal(kill(stats_of(&s).pid, SIGSTOP),
                     0); /* no new start while we cut */
    snprintf(path, sizeof(path), "%s/redis/appendonlydir/appendonly.aof.1.incr.aof",
             f.conf.data_dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 3), 0);
    assert_int_equal(kill(stats_of(&s).pid, SIGKILL), 0);
    wait_until(stats_of(&s).restarts == 1);
    c = connect_to(&s);
    assert_int_equal(integer(c, "GET work"), 0);
    run(c, "CONFIG SET appendfsync always");
    run(c, "MULTI");
    run(c, "INCRBY work 100"); /* as the replay does */
    run(c, "INCRBY shares 1");
    run(c, "EXEC");
    redisFree(c);
    assert_int_equal(kill(stats_of(&s).pid, SIGKILL), 0);
    wait_until(stats_of(&s).restarts == 2);
    c = connect_to(&s);
    assert_int_equal(integer(c, "GET work"), 100);
    redisFree(c);
    server_stop(&s);
    fixture_clear(&f);
}

static void two_karizds_do_not_share_a_directory(void **state)
{
    (void)state;
    struct fixture f;
    struct server s, t;
    fixture_init(&f);
    log_setup(LOG_ERROR, false);
    server_start(&s, &f);
    redisFree(connect_to(&s));
    server_start(&t, &f);
    assert_int_equal(stats_of(&t).state, REDIS_SERVER_LOCKED);
    assert_non_null(strstr(stats_of(&t).why, "another karizd"));
    server_stop(&s);
    redisFree(connect_to(&t)); /* its turn now */
    server_stop(&t);
    fixture_clear(&f);
}

/* As a daemon that is killed: its server may live on. `frozen`: it cannot even end. */
static pid_t killed_karizd(const struct fixture *f, bool frozen)
{
    int out[2];
    pid_t pid = 0;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        struct server s;
        server_start(&s, f);
        redisContext *c = connect_to(&s);
        run(c, "CONFIG SET appendfsync always");
        run(c, "SET a 1");
        pid = stats_of(&s).pid;
        if (frozen)
            kill(pid, SIGSTOP);
        if (write(out[1], &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(read(out[0], &pid, sizeof(pid)), sizeof(pid));
    close(out[0]);
    close(out[1]);
    waitpid(child, NULL, 0);
    return pid;
}

static void a_killed_karizds_server_ends_and_a_new_one_has_its_data(void **state)
{
    (void)state;
    struct fixture f;
    struct server s;
    fixture_init(&f);
    for (int frozen = 0; frozen < 2; frozen++) {
        pid_t old = killed_karizd(&f, frozen);
        server_start(&s, &f);
        redisContext *c = connect_to(&s);
        assert_int_equal(integer(c, "GET a"), 1);
        assert_int_not_equal(stats_of(&s).pid, old);
        redisFree(c);
        server_stop(&s);
    }
    fixture_clear(&f);
}

static void a_stranger_with_the_old_servers_id_is_left_alone(void **state)
{
    (void)state;
    struct fixture f;
    struct server s;
    char path[400], text[24];
    fixture_init(&f);
    server_start(&s, &f);
    server_stop(&s);
    pid_t stranger = fork();
    if (stranger == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    /* server.pid names the stranger, and somebody else holds the lock. */
    snprintf(path, sizeof(path), "%s/redis/server.pid", f.conf.data_dir);
    int fd = open(path, O_WRONLY | O_TRUNC);
    int len = snprintf(text, sizeof(text), "%d\n", (int)stranger);
    assert_int_equal(write(fd, text, (size_t)len), len);
    close(fd);
    snprintf(path, sizeof(path), "%s/redis/server.lock", f.conf.data_dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    server_start(&s, &f);
    assert_int_equal(stats_of(&s).state, REDIS_SERVER_LOCKED);
    assert_non_null(strstr(stats_of(&s).why, "another process"));
    assert_int_equal(kill(stranger, 0), 0);
    close(fd);
    redisFree(connect_to(&s));
    assert_int_equal(waitpid(stranger, NULL, WNOHANG), 0); /* lives */
    kill(stranger, SIGKILL);
    waitpid(stranger, NULL, 0);
    server_stop(&s);
    fixture_clear(&f);
}

static void a_server_that_cannot_start_is_tried_ever_more_slowly(void **state)
{
    (void)state;
    struct fixture f;
    struct server s;
    fixture_init(&f);
    snprintf(f.conf.redis_server, sizeof(f.conf.redis_server), "/bin/false");
    server_start(&s, &f);
    struct monotime began = clock_now();
    wait_until(stats_of(&s).restarts == 3);
    assert_true(monotime_ms_between(began, clock_now()) >= 200 + 400 + 800);
    assert_non_null(strstr(stats_of(&s).why, "exit 1"));
    server_stop(&s);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_kept_when_the_server_is_killed_and_when_it_is_stopped),
        cmocka_unit_test(the_directory_is_private_and_the_settings_are_ours),
        cmocka_unit_test(a_long_data_dir_is_no_obstacle),
        cmocka_unit_test(a_transaction_cut_by_a_power_loss_stays_undone_for_ever),
        cmocka_unit_test(two_karizds_do_not_share_a_directory),
        cmocka_unit_test(a_killed_karizds_server_ends_and_a_new_one_has_its_data),
        cmocka_unit_test(a_stranger_with_the_old_servers_id_is_left_alone),
        cmocka_unit_test(a_server_that_cannot_start_is_tried_ever_more_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
