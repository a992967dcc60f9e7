/* A link closed in the middle of its own callbacks: hiredis must not look at what it
 * freed. */
#include "share/redis_link.h"
#include "tests/unit/redis_fixture.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

struct table {
    struct fixture f;
    struct event_base *base;
    struct redis_link *link;
    char socket[100];
    unsigned ups, downs, replies, nulls;
    bool closes_when_up, closes_when_answered;
    char why[100];
};

static void on_reply_to(void *ctx, const redisReply *r)
{
    struct table *t = ctx;
    t->replies += r != NULL;
    t->nulls += r == NULL;
    if (r != NULL && t->closes_when_answered)
        redis_link_close(t->link, "closed by its answer");
}

static void on_up(void *ctx)
{
    struct table *t = ctx;
    const char *const ping[] = {"PING", NULL};
    t->ups++;
    if (t->closes_when_up) {
        redis_link_close(t->link, "closed as it came up");
        return;
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(redis_link_ask(t->link, on_reply_to, t, ping), KZ_OK);
}

static void on_down(void *ctx, const char *why)
{
    struct table *t = ctx;
    t->downs++;
    snprintf(t->why, sizeof(t->why), "%s", why);
}

/* The socket is there a moment before anybody listens at it. */
static bool is_answered(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(to.sun_path, sizeof(to.sun_path), "%.107s", path);
    bool is = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;
    close(fd);
    return is;
}

static void table_init(struct table *t)
{
    const struct redis_link_hooks hooks = {
        .ctx = t, .on_up = on_up, .on_down = on_down};
    memset(t, 0, sizeof(*t));
    fixture_init(&t->f);
    snprintf(t->socket, sizeof(t->socket), "%s/sock", t->f.dir);
    t->f.server = fork();
    if (t->f.server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = open("/dev/null", O_WRONLY);
        dup2(fd, 1);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", t->socket,
               "--save", "", (char *)NULL);
        _exit(1);
    }
    wait_until(is_answered(t->socket));
    t->base = event_base_new();
    t->link = redis_link_new(t->base, &hooks);
}

static void table_clear(struct table *t)
{
    redis_link_free(t->link);
    event_base_free(t->base);
    fixture_clear(&t->f);
}

#define run_until(t, condition)                                                        \
    wait_until((event_base_loop((t)->base, EVLOOP_NONBLOCK), (condition)))

static void a_link_closed_as_it_comes_up_is_gone(void **state)
{
    (void)state;
    struct table t;
    table_init(&t);
    t.closes_when_up = true;
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(redis_link_open_unix(t.link, t.socket), KZ_OK);
        run_until(&t, t.downs == i);
        assert_int_equal(t.ups, i);
        assert_false(redis_link_is_open(t.link));
        assert_string_equal(t.why, "closed as it came up");
    }
    t.closes_when_up = false;
    assert_int_equal(redis_link_open_unix(t.link, t.socket), KZ_OK);
    run_until(&t, t.replies == 3);
    table_clear(&t);
}

static void a_link_closed_by_an_answer_fails_those_behind_it(void **state)
{
    (void)state;
    struct table t;
    table_init(&t);
    t.closes_when_answered = true;
    assert_int_equal(redis_link_open_unix(t.link, t.socket), KZ_OK);
    run_until(&t, t.downs == 1);
    assert_int_equal(t.replies, 1);
    assert_int_equal(t.nulls, 2);
    assert_string_equal(t.why, "closed by its answer");
    table_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_closed_as_it_comes_up_is_gone),
        cmocka_unit_test(a_link_closed_by_an_answer_fails_those_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
