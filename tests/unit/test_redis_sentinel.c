/* Sentinels: who is asked, who is believed, and a store that follows a fail-over. */
#include "share/redis_sentinel.h"
#include "tests/unit/redis_fixture.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define SENTINELS         3
#define PASSWORD          "servers-word"
#define SENTINEL_PASSWORD "sentinels-word"

static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* --- the module with sentinels of the test's own ---------------------------------- */

/* Answers each address question with `address` and each epoch question with `epoch`, as
 * raw bytes; "" is silence. */
struct fake {
    struct evconnlistener *listener;
    struct conf_host at;
    const char *address, *epoch;
    unsigned asked;
    struct bufferevent *last;
};

struct table {
    struct event_base *base;
    struct conf conf;
    struct fake fakes[3];
    struct redis_sentinel *sentinel;
    unsigned masters, nones, moves; /* hooks called */
    struct conf_host master;
    char why[300];
};

static void on_bytes(struct bufferevent *bev, void *arg)
{
    struct fake *f = arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t size = evbuffer_get_length(in);
    char text[2000] = "";
    assert_true(size < sizeof(text));
    evbuffer_remove(in, text, size);
    if (strstr(text, "get-master-addr-by-name\r\n$5\r\nkariz") != NULL) {
        f->asked++;
        bufferevent_write(bev, f->address, strlen(f->address));
    }
    if (strstr(text, "MASTER\r\n$5\r\nkariz") != NULL)
        bufferevent_write(bev, f->epoch, strlen(f->epoch));
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct fake *f = arg;
    (void)what;
    if (f->last == bev)
        f->last = NULL;
    bufferevent_free(bev);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a,
                      int len, void *arg)
{
    struct fake *f = arg;
    (void)a;
    (void)len;
    f->last =
        bufferevent_socket_new(evconnlistener_get_base(l), fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(f->last, on_bytes, NULL, on_event, f);
    bufferevent_enable(f->last, EV_READ | EV_WRITE);
}

static void fake_start(struct fake *f, struct event_base *base)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->listener = evconnlistener_new_bind(base, on_accept, f,
                                          LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                          -1, (struct sockaddr *)&a, sizeof(a));
    assert_non_null(f->listener);
    getsockname(evconnlistener_get_fd(f->listener), (struct sockaddr *)&a, &len);
    snprintf(f->at.host, sizeof(f->at.host), "127.0.0.1");
    f->at.port = ntohs(a.sin_port);
}

static void fake_stop(struct fake *f)
{
    if (f->listener != NULL)
        evconnlistener_free(f->listener);
    f->listener = NULL;
    if (f->last != NULL)
        bufferevent_free(f->last);
    f->last = NULL;
}

static void on_master(void *ctx, const struct conf_host *master)
{
    struct table *t = ctx;
    t->masters++;
    t->master = *master;
}

static void on_none(void *ctx, const char *why)
{
    struct table *t = ctx;
    t->nones++;
    snprintf(t->why, sizeof(t->why), "%s", why);
}

static void on_moved(void *ctx, const struct conf_host *master)
{
    struct table *t = ctx;
    t->moves++;
    t->master = *master;
}

static void table_init(struct table *t)
{
    memset(t, 0, sizeof(*t));
    log_setup(getenv("KARIZ_TEST_LOG") != NULL ? LOG_DEBUG : LOG_ERROR, false);
    t->base = event_base_new();
    snprintf(t->conf.redis_master, sizeof(t->conf.redis_master), "kariz");
    t->conf.redis_sentinel_count = 3;
    for (size_t i = 0; i < 3; i++) {
        fake_start(&t->fakes[i], t->base);
        t->conf.redis_sentinels[i] = t->fakes[i].at;
        t->fakes[i].address = "*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n";
        t->fakes[i].epoch =
            "*4\r\n$4\r\nname\r\n$5\r\nkariz\r\n$12\r\nconfig-epoch\r\n$1\r\n5\r\n";
    }
    const struct redis_sentinel_hooks hooks = {
        .ctx = t, .on_master = on_master, .on_none = on_none, .on_moved = on_moved};
    t->sentinel = redis_sentinel_new(t->base, &t->conf, &hooks);
}

static void table_clear(struct table *t)
{
    redis_sentinel_free(t->sentinel);
    for (size_t i = 0; i < 3; i++)
        fake_stop(&t->fakes[i]);
    event_base_free(t->base);
}

#define run_until(t, condition)                                                        \
    wait_until((event_base_loop((t)->base, EVLOOP_NONBLOCK), (condition)))

static void find(struct table *t)
{
    unsigned before = t->masters + t->nones;
    redis_sentinel_find(t->sentinel);
    assert_int_equal(t->masters + t->nones, before); /* not inside it */
    assert_true(redis_sentinel_is_finding(t->sentinel));
    run_until(t, t->masters + t->nones > before);
    assert_int_equal(t->masters + t->nones, before + 1);
    assert_false(redis_sentinel_is_finding(t->sentinel));
}

static void the_first_that_answers_is_believed(void **state)
{
    (void)state;
    struct table t;
    char text[400];
    table_init(&t);
    redis_sentinel_format(t.sentinel, text, sizeof(text));
    assert_string_equal(text, "sentinel://kariz");
    find(&t);
    assert_int_equal(t.masters, 1);
    assert_string_equal(t.master.host, "10.0.0.1");
    assert_int_equal(t.master.port, 6379);
    assert_int_equal(t.fakes[1].asked + t.fakes[2].asked, 0);
    redis_sentinel_format(t.sentinel, text, sizeof(text));
    assert_string_equal(text, "sentinel://kariz -> 10.0.0.1:6379");
    table_clear(&t);
}

static void one_that_answers_nonsense_is_passed_over(void **state)
{
    (void)state;
    static const char *const nonsense[][2] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", ""},
        {"+OK\r\n", "+OK\r\n"},
        {"*0\r\n", "*0\r\n"},
        {"*2\r\n:7\r\n:8\r\n", "*0\r\n"},
        {"*2\r\n$0\r\n\r\n$4\r\n6379\r\n", "*0\r\n"},
        {"*2\r\n$8\r\n10.0.0.9\r\n$5\r\n65536\r\n", "*0\r\n"},
        {"*2\r\n$8\r\n10.0.0.9\r\n$2\r\n-1\r\n", "*0\r\n"},
        {"*2\r\n$8\r\n10.0.0\0009\r\n$4\r\n6379\r\n", "*0\r\n"},
        {"*2\r\n$8\r\n10.0.0.9\r\n$4\r\n6379\r\n", "*2\r\n$4\r\nname\r\n$1\r\nx\r\n"},
        {"*2\r\n$8\r\n10.0.0.9\r\n$4\r\n6379\r\n",
         "*2\r\n$12\r\nconfig-epoch\r\n$1\r\nx\r\n"},
        {"-ERR unknown command\r\n", "-ERR unknown command\r\n"},
        {"-NOAUTH Authentication required.\r\n", "-NOAUTH\r\n"},
        {"*-1\r\n", "-ERR No such master with that name\r\n"},
        {"", ""}, /* says nothing */
    };
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        struct table t;
        table_init(&t);
        t.fakes[0].address = nonsense[i][0];
        t.fakes[0].epoch = nonsense[i][1];
        find(&t);
        if (t.masters != 1 || t.fakes[0].asked != 1 || t.fakes[1].asked != 1)
            fail_msg("case %zu", i);
        assert_string_equal(t.master.host, "10.0.0.1");
        table_clear(&t);
    }
}

static void one_that_is_away_is_passed_over_and_all_away_is_told(void **state)
{
    (void)state;
    struct table t;
    table_init(&t);
    fake_stop(&t.fakes[0]);
    find(&t);
    assert_int_equal(t.masters, 1);
    assert_int_equal(t.fakes[1].asked, 1);
    find(&t); /* begins with the one that was believed */
    assert_int_equal(t.fakes[1].asked, 2);
    fake_stop(&t.fakes[1]);
    fake_stop(&t.fakes[2]);
    find(&t);
    assert_int_equal(t.nones, 1);
    assert_non_null(strstr(t.why, "sentinel 127.0.0.1:"));
    assert_non_null(strstr(t.why, "refused"));
    table_clear(&t);
}

static void a_name_that_nobody_knows_is_said_so(void **state)
{
    (void)state;
    struct table t;
    table_init(&t);
    for (size_t i = 0; i < 3; i++) {
        t.fakes[i].address = "*-1\r\n";
        t.fakes[i].epoch = "-ERR No such master with that name\r\n";
    }
    find(&t);
    assert_int_equal(t.nones, 1);
    assert_non_null(strstr(t.why, "it watches no master named \"kariz\""));
    table_clear(&t);
}

static void a_move_is_told_once_and_the_next_round_has_it(void **state)
{
    (void)state;
    struct table t;
    table_init(&t);
    find(&t);
    run_until(&t, t.fakes[0].asked >= 2); /* polled; nothing new */
    assert_int_equal(t.moves, 0);
    t.fakes[0].address = "*2\r\n$8\r\n10.0.0.2\r\n$4\r\n6380\r\n";
    t.fakes[0].epoch = "*2\r\n$12\r\nconfig-epoch\r\n$1\r\n6\r\n";
    run_until(&t, t.moves == 1);
    assert_string_equal(t.master.host, "10.0.0.2");
    find(&t);
    assert_int_equal(t.masters, 2);
    assert_int_equal(t.master.port, 6380);
    table_clear(&t);
}

static void a_sentinel_that_slept_through_a_fail_over_is_not_believed(void **state)
{
    (void)state;
    struct table t;
    table_init(&t);
    t.fakes[1].address = "*2\r\n$8\r\n10.0.0.9\r\n$4\r\n6379\r\n";
    t.fakes[1].epoch = "*2\r\n$12\r\nconfig-epoch\r\n$1\r\n4\r\n";
    find(&t);
    fake_stop(&t.fakes[0]);
    run_until(&t, t.fakes[2].asked > 0); /* a poll went on to the third */
    assert_int_equal(t.moves, 0);
    assert_true(t.fakes[1].asked > 0);
    find(&t);
    assert_string_equal(t.master.host, "10.0.0.1");
    table_clear(&t);
}

/* Else sentinels that were set up anew would need a restart of the pool. */
static void older_news_is_believed_when_all_sentinels_have_no_other(void **state)
{
    (void)state;
    struct table t;
    table_init(&t);
    find(&t);
    for (size_t i = 0; i < 3; i++) {
        t.fakes[i].address = "*2\r\n$8\r\n10.0.0.3\r\n$4\r\n6379\r\n";
        t.fakes[i].epoch = "*2\r\n$12\r\nconfig-epoch\r\n$1\r\n0\r\n";
    }
    run_until(&t, t.moves == 1);
    assert_string_equal(t.master.host, "10.0.0.3");
    table_clear(&t);
}

static void doubt_begins_with_the_next_sentinel(void **state)
{
    (void)state;
    struct table t;
    table_init(&t);
    find(&t);
    redis_sentinel_doubt(t.sentinel);
    t.fakes[1].address = "*2\r\n$8\r\n10.0.0.2\r\n$4\r\n6379\r\n";
    find(&t);
    assert_string_equal(t.master.host, "10.0.0.2");
    assert_int_equal(t.fakes[0].asked, 1);
    table_clear(&t);
}

/* --- a store with real servers and sentinels -------------------------------------- */

struct set {
    struct fixture f;
    uint16_t port[2 + SENTINELS]; /* master, replica, sentinels */
    pid_t pid[2 + SENTINELS];
};

static void set_spawn(struct set *s, size_t i)
{
    char file[128], log[128];
    bool is_sentinel = i >= 2;
    snprintf(file, sizeof(file), "%s/%zu/redis.conf", s->f.dir, i);
    snprintf(log, sizeof(log), "%s/%zu/log", s->f.dir, i);
    s->pid[i] = fork();
    if (s->pid[i] != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, 1);
    dup2(fd, 2);
    execlp("redis-server", "redis-server", file,
           is_sentinel ? "--sentinel" : (char *)NULL, (char *)NULL);
    _exit(1);
}

static FILE *config_of(struct set *s, size_t i)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%zu", s->f.dir, i);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/%zu/redis.conf", s->f.dir, i);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "port %u\nbind 127.0.0.1\ndir %s/%zu\n", s->port[i], s->f.dir, i);
    return f;
}

static void start_server(struct set *s, size_t i)
{
    FILE *f = config_of(s, i);
    fprintf(f,
            "save \"\"\nappendonly yes\nrequirepass %s\nmasterauth %s\n"
            "repl-diskless-sync-delay 0\n",
            PASSWORD, PASSWORD);
    if (i == 1)
        fprintf(f, "replicaof 127.0.0.1 %u\n", s->port[0]);
    fclose(f);
    set_spawn(s, i);
}

static void start_sentinel(struct set *s, size_t i)
{
    FILE *f = config_of(s, i);
    fprintf(f,
            "requirepass %s\nsentinel monitor kariz 127.0.0.1 %u 2\n"
            "sentinel auth-pass kariz %s\n"
            "sentinel down-after-milliseconds kariz 500\n"
            "sentinel failover-timeout kariz 4000\n",
            SENTINEL_PASSWORD, s->port[0], PASSWORD);
    fclose(f);
    set_spawn(s, i);
}

static void write_secret(char *path, size_t size, struct set *s, const char *name,
                         const char *text)
{
    snprintf(path, size, "%s/%s", s->f.dir, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void set_init(struct set *s)
{
    memset(s, 0, sizeof(*s));
    fixture_init(&s->f);
    struct conf *c = &s->f.conf;
    for (size_t i = 0; i < 2 + SENTINELS; i++)
        s->port[i] = free_port();
    c->redis_mode = CONF_REDIS_SENTINEL;
    c->redis_sentinel_count = SENTINELS;
    snprintf(c->redis_master, sizeof(c->redis_master), "kariz");
    for (size_t i = 0; i < SENTINELS; i++) {
        snprintf(c->redis_sentinels[i].host, CONF_TEXT_MAX, "127.0.0.1");
        c->redis_sentinels[i].port = s->port[2 + i];
    }
    write_secret(c->redis_password_file, CONF_TEXT_MAX, s, "password", PASSWORD "\n");
    write_secret(c->redis_sentinel_password_file, CONF_TEXT_MAX, s, "sentinel-password",
                 SENTINEL_PASSWORD "\n");
}

static redisContext *ask_at(uint16_t port, const char *password)
{
    struct timeval most = {.tv_sec = 5};
    redisContext *c = redisConnectWithTimeout("127.0.0.1", port, most);
    assert_non_null(c);
    redisSetTimeout(c, most);
    redisReply *r = c->err == 0 ? redisCommand(c, "AUTH %s", password) : NULL;
    if (r != NULL) {
        freeReplyObject(r);
        return c;
    }
    redisFree(c);
    return NULL;
}

/* The text behind `name` in SENTINEL MASTER's answer of sentinel `i`. */
static bool sentinel_says(struct set *s, size_t i, const char *name, const char *text)
{
    bool is = false;
    redisContext *c = ask_at(s->port[i], SENTINEL_PASSWORD);
    redisReply *r = c != NULL ? redisCommand(c, "SENTINEL MASTER kariz") : NULL;
    for (size_t k = 0; r != NULL && k + 1 < r->elements; k += 2)
        if (strcmp(r->element[k]->str, name) == 0)
            is = strcmp(r->element[k + 1]->str, text) == 0;
    if (r != NULL)
        freeReplyObject(r);
    if (c != NULL)
        redisFree(c);
    return is;
}

static void set_start(struct set *s)
{
    for (size_t i = 0; i < 2; i++)
        start_server(s, i);
    for (size_t i = 2; i < 2 + SENTINELS; i++)
        start_sentinel(s, i);
    for (size_t i = 2; i < 2 + SENTINELS; i++) {
        wait_until(sentinel_says(s, i, "num-other-sentinels", "2"));
        wait_until(sentinel_says(s, i, "num-slaves", "1"));
    }
}

static void set_kill(struct set *s, size_t i)
{
    if (s->pid[i] > 0) {
        kill(s->pid[i], SIGKILL);
        waitpid(s->pid[i], NULL, 0);
    }
    s->pid[i] = 0;
}

static void set_clear(struct set *s)
{
    /* The store first: it wants to bring its last sums home. */
    fixture_stop(&s->f);
    for (size_t i = 0; i < 2 + SENTINELS; i++)
        set_kill(s, i);
    fixture_clear(&s->f);
}

static uint64_t load(struct set *s, unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        if (send_share(&s->f, i % 3 ? "miner-a" : "miner-b", "rig", 100 + i))
            sum += 100 + i;
    return sum;
}

/* Tolerant: a server that is being made a replica closes its connections. */
static bool is_replica(struct set *s, size_t i)
{
    redisContext *c = ask_at(s->port[i], PASSWORD);
    redisReply *r = c != NULL ? redisCommand(c, "ROLE") : NULL;
    bool is = r != NULL && r->elements > 3 && r->element[0]->str != NULL &&
              strcmp(r->element[0]->str, "slave") == 0 && r->element[3]->str != NULL &&
              strcmp(r->element[3]->str, "connected") == 0;
    if (r != NULL)
        freeReplyObject(r);
    if (c != NULL)
        redisFree(c);
    return is;
}

static uint64_t work_at(struct set *s, size_t i)
{
    redisContext *c = ask_at(s->port[i], PASSWORD);
    assert_non_null(c);
    uint64_t sum = sum_of_keys(c, "pool:{front-1}:d:*", 'w');
    redisFree(c);
    return sum;
}

static void a_fail_over_is_followed_and_no_sum_is_wrong(void **state)
{
    (void)state;
    struct set s;
    set_init(&s);
    set_start(&s);
    fixture_start(&s.f);
    wait_until(status_is(&s.f, "state", "ready"));
    uint64_t sum = load(&s, 200);
    wait_until(pool_work(&s.f) == sum);
    assert_int_equal(work_at(&s, 0), sum);
    sum += load(&s, 100); /* may be with the old one only, or on its way */
    set_kill(&s, 0);
    sum += load(&s, 100);
    wait_until(pool_work(&s.f) == sum);
    assert_int_equal(work_at(&s, 1), sum);
    assert_true(status_is(&s.f, "alarm", ""));
    set_clear(&s);
}

/* It still holds its connection, and thaws believing that it is the master. */
static void a_frozen_master_is_left_before_its_time_out(void **state)
{
    (void)state;
    struct set s;
    set_init(&s);
    set_start(&s);
    fixture_start(&s.f);
    wait_until(status_is(&s.f, "state", "ready"));
    uint64_t sum = load(&s, 200);
    wait_until(pool_work(&s.f) == sum);
    assert_int_equal(kill(s.pid[0], SIGSTOP), 0);
    sum += load(&s, 100);
    wait_until(status_has(&s.f, "error", "the sentinels name another master"));
    wait_until(pool_work(&s.f) == sum);
    assert_int_equal(work_at(&s, 1), sum);
    assert_int_equal(kill(s.pid[0], SIGCONT), 0);
    sum += load(&s, 100);
    wait_until(pool_work(&s.f) == sum);
    wait_until(is_replica(&s, 0));
    wait_until(work_at(&s, 0) == sum);
    assert_int_equal(work_at(&s, 1), sum);
    set_clear(&s);
}

static void sentinels_that_come_late_are_found(void **state)
{
    (void)state;
    struct set s;
    set_init(&s);
    fixture_start(&s.f);
    wait_until(status_has(&s.f, "error", "sentinel 127.0.0.1:"));
    assert_true(status_is(&s.f, "state", "connecting"));
    uint64_t sum = load(&s, 50);
    start_server(&s, 0);
    start_sentinel(&s, 3);
    wait_until(pool_work(&s.f) == sum);
    set_clear(&s);
}

static void a_wrong_name_or_a_mere_replica_is_said_in_the_status(void **state)
{
    (void)state;
    struct set s;
    set_init(&s);
    set_start(&s);
    snprintf(s.f.conf.redis_master, sizeof(s.f.conf.redis_master), "karis");
    fixture_start(&s.f);
    wait_until(status_has(&s.f, "error", "it watches no master named \"karis\""));
    fixture_stop(&s.f);
    snprintf(s.f.conf.redis_master, sizeof(s.f.conf.redis_master), "kariz");
    /* Another than the sentinels had it made the master a replica, for a moment. */
    for (size_t i = 2; i < 2 + SENTINELS; i++)
        assert_int_equal(kill(s.pid[i], SIGSTOP), 0);
    redisContext *c = ask_at(s.port[0], PASSWORD);
    freeReplyObject(redisCommand(c, "REPLICAOF 127.0.0.1 %d", (int)s.port[1]));
    redisFree(c);
    assert_int_equal(kill(s.pid[2], SIGCONT), 0);
    fixture_start(&s.f);
    wait_until(status_has(&s.f, "error", "is no master (slave)"));
    c = ask_at(s.port[0], PASSWORD);
    freeReplyObject(redisCommand(c, "REPLICAOF NO ONE"));
    redisFree(c);
    wait_until(status_is(&s.f, "state", "ready"));
    for (size_t i = 3; i < 2 + SENTINELS; i++)
        assert_int_equal(kill(s.pid[i], SIGCONT), 0);
    set_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_answers_is_believed),
        cmocka_unit_test(one_that_answers_nonsense_is_passed_over),
        cmocka_unit_test(one_that_is_away_is_passed_over_and_all_away_is_told),
        cmocka_unit_test(a_name_that_nobody_knows_is_said_so),
        cmocka_unit_test(a_move_is_told_once_and_the_next_round_has_it),
        cmocka_unit_test(a_sentinel_that_slept_through_a_fail_over_is_not_believed),
        cmocka_unit_test(older_news_is_believed_when_all_sentinels_have_no_other),
        cmocka_unit_test(doubt_begins_with_the_next_sentinel),
        cmocka_unit_test(a_fail_over_is_followed_and_no_sum_is_wrong),
        cmocka_unit_test(a_frozen_master_is_left_before_its_time_out),
        cmocka_unit_test(sentinels_that_come_late_are_found),
        cmocka_unit_test(a_wrong_name_or_a_mere_replica_is_said_in_the_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
