/* tests/unit/stratum_fixture.h - a real server on loopback, and a rig that talks to it.
 *
 * The rig knows nothing of the server's code: it builds headers from what mining.notify
 * says, as firmware does. Only the hooks are made up. Every wait has a deadline. */
#ifndef STRATUM_FIXTURE_H
#define STRATUM_FIXTURE_H

#include "conf/clock.h"
#include "conf/mem.h"
#include "stratum/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS   10000
#define KEPT      4096
#define LINE_ROOM 65536
#define PART_ROOM 32768 /* hex of half a coinbase */

enum seen_call { SAW_BLOCK = 1, SAW_SHARE };

struct fixture {
    struct conf *conf;
    struct stratum_server *server;
    pthread_mutex_t lock; /* guards what the hooks write, below */
    struct share_record shares[KEPT];
    size_t share_count;
    struct found_block block; /* the last */
    struct job *block_job; /* a reference */
    size_t block_count;
    enum seen_call calls[KEPT];
    size_t call_count;
    enum refusal refusal; /* the last */
    char refused_login[129];
    size_t refusal_count;
    bool is_busy; /* answer KZ_BUSY to shares */
    json_t *list;
    uint64_t serial;
    const char *version; /* of the jobs to come */
};

static inline void on_block(void *ctx, unsigned front, const struct found_block *b)
{
    struct fixture *f = ctx;
    (void)front;
    pthread_mutex_lock(&f->lock);
    f->block = *b;
    f->block.job = NULL;
    job_unref(f->block_job);
    f->block_job = job_ref(b->job);
    f->block_count++;
    if (f->call_count < KEPT)
        f->calls[f->call_count++] = SAW_BLOCK;
    pthread_mutex_unlock(&f->lock);
}

static inline enum kz_err on_share(void *ctx, unsigned front,
                                   const struct share_record *r, const struct job *job)
{
    struct fixture *f = ctx;
    (void)front;
    (void)job;
    pthread_mutex_lock(&f->lock);
    enum kz_err err = f->is_busy ? KZ_BUSY : KZ_OK;
    if (err == KZ_OK && f->share_count < KEPT)
        f->shares[f->share_count++] = *r;
    if (f->call_count < KEPT)
        f->calls[f->call_count++] = SAW_SHARE;
    pthread_mutex_unlock(&f->lock);
    return err;
}

static inline void on_refused(void *ctx, unsigned front, const struct login_refusal *r)
{
    struct fixture *f = ctx;
    (void)front;
    pthread_mutex_lock(&f->lock);
    f->refusal = r->why;
    snprintf(f->refused_login, sizeof(f->refused_login), "%.*s", (int)r->login_len,
             r->login_len > 0 ? r->login : "");
    f->refusal_count++;
    pthread_mutex_unlock(&f->lock);
}

static inline void on_list(void *ctx, json_t *sessions)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->lock);
    f->list = sessions;
    pthread_mutex_unlock(&f->lock);
}

static inline struct conf_listener *add_listener(struct conf_stratum *s)
{
    struct conf_listener *l = &s->listen[s->listen_count++];
    snprintf(l->address, sizeof(l->address), "127.0.0.1:0");
    l->difficulty = 1e-9; /* a share in four hashes */
    l->minimum = 1e-12;
    l->maximum = 1e12;
    l->extranonce2_size = 8;
    return l;
}

/* Settings as a small pool has them; tests change them before fixture_start(). */
static inline struct fixture *fixture_new(void)
{
    struct fixture *f = mem_new(sizeof(*f));
    pthread_mutex_init(&f->lock, NULL);
    f->serial = 0x1a00;
    f->version = "20000000";
    f->conf = mem_new(sizeof(*f->conf));
    f->conf->network = CONF_REGTEST;
    f->conf->instance_number = 5;
    struct conf_stratum *s = &f->conf->stratum;
    s->threads = 2;
    s->shares_per_minute = 18;
    s->minimum = 1e-12;
    s->maximum = 1e12;
    s->version_mask = 0x1fffe000;
    s->job_seconds = 600;
    s->resend_seconds = 30;
    s->resume_seconds = 600;
    s->limits = (struct conf_limits){.line_bytes = 16384,
                                     .output_bytes = 262144,
                                     .first_request_seconds = 20,
                                     .authorize_seconds = 60,
                                     .idle_seconds = 3600,
                                     .sessions = 1000,
                                     .logins_per_session = 16,
                                     .ban_score = 10,
                                     .ban_seconds = 60,
                                     .shares_per_job = 1000000,
                                     .jobs = 8};
    add_listener(s);
    return f;
}

static inline void fixture_start(struct fixture *f)
{
    struct stratum_hooks hooks = {.ctx = f,
                                  .block_found = on_block,
                                  .share_judged = on_share,
                                  .login_refused = on_refused};
    assert_int_equal(stratum_start(&f->server, f->conf, &hooks), KZ_OK);
}

static inline void fixture_stop(struct fixture *f)
{
    stratum_stop(f->server);
    json_decref(f->list);
    job_unref(f->block_job);
    pthread_mutex_destroy(&f->lock);
    mem_free(f->conf);
    mem_free(f);
}

#define EASY_NBITS "207fffff" /* every second hash is a block */
#define HARD_NBITS "170ed0eb"

/* A job of a block that never was; `block` names its previous one. */
static inline void publish_job(struct fixture *f, char block, const char *nbits,
                               bool clean_jobs)
{
    static const char *const branch[] = {
        "f0a4506db7e1d2deb5bfc216b67dbb04b389997172322ffbea33909b6817f77b",
        "a25f8476db623e38399e4e03264be4e7c071d30aa55e8b84b4d7192e2dfb3ec3"};
    char prevhash[65], ntime[9];
    memset(prevhash, block, 64);
    prevhash[64] = '\0';
    uint32_t now = (uint32_t)time(NULL);
    snprintf(ntime, sizeof(ntime), "%08x", now);
    struct job_fields fields = {
        .prevhash = prevhash,
        .coinb1 = "01000000010000000000000000000000000000000000000000000000000000000000"
                  "000000ffffffff1803aabb0a",
        .coinb2 = "ffffffff0100f2052a010000001600143156afc4249915008020f932783319f3e610"
                  "b97d00000000",
        .version = f->version,
        .nbits = nbits,
        .ntime = ntime,
        .branch = branch,
        .branch_count = 2,
        .mintime = now - 3600,
        .id = {f->serial++}};
    struct job *job;
    assert_int_equal(job_from_fields(&job, &fields), KZ_OK);
    struct job_set set = job_set_of(job);
    stratum_publish_job(f->server, &set, clean_jobs);
    job_set_unref(&set);
    job_unref(job);
}

#define ALICE_ADDRESS "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"

/* alice and bob; mallory is registered but not active. */
static inline void publish_roster(struct fixture *f, bool alice_may, bool bob_may)
{
    struct roster *r = roster_new(3);
    roster_add(r, &(struct roster_miner){{"alice"}, 1, alice_may, false});
    roster_add(r, &(struct roster_miner){{"bob"}, 2, bob_may, false});
    roster_add(r, &(struct roster_miner){{"mallory"}, 3, false, false});
    roster_add_address(r, ALICE_ADDRESS, 1);
    stratum_publish_roster(f->server, r);
    roster_unref(r);
}

static inline struct fixture *fixture_ready(void)
{
    struct fixture *f = fixture_new();
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', HARD_NBITS, true);
    return f;
}

static inline struct stratum_stats stats_now(struct fixture *f)
{
    struct stratum_stats s;
    stratum_stats(f->server, &s);
    return s;
}

/* Waits until `condition`, which may use `st`, the counts of this moment. */
#define WAIT_FOR(f, condition)                                                         \
    do {                                                                               \
        struct monotime limit = monotime_add_ms(clock_now(), WAIT_MS);                 \
        struct stratum_stats st = stats_now(f);                                        \
        while (!(condition)) {                                                         \
            assert_true(clock_now().ns < limit.ns);                                    \
            poll(NULL, 0, 2);                                                          \
            st = stats_now(f);                                                         \
        }                                                                              \
        (void)st;                                                                      \
    } while (0)

/* The sessions as listed for operators; the fixture owns the answer. */
static inline json_t *sessions_of(struct fixture *f, const char *miner)
{
    struct monotime limit = monotime_add_ms(clock_now(), WAIT_MS);
    json_t *list = NULL;
    stratum_list_sessions(f->server, miner, 10, on_list, f);
    while (list == NULL) {
        assert_true(clock_now().ns < limit.ns);
        poll(NULL, 0, 2);
        pthread_mutex_lock(&f->lock);
        list = f->list;
        pthread_mutex_unlock(&f->lock);
    }
    return list;
}

static inline enum refusal last_refusal(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    enum refusal why = f->refusal;
    pthread_mutex_unlock(&f->lock);
    return why;
}

/* --- a rig --------------------------------------------------------------------------
 */

struct rig {
    int fd;
    char in[LINE_ROOM];
    size_t in_len;
    char extranonce1[32], sid[64];
    size_t extranonce2_size;
    double difficulty;
    size_t difficulties, jobs; /* how many were told */
    struct {
        char id[32], prevhash[65], coinb1[512], coinb2[PART_ROOM], branch[2][65];
        size_t branches;
        char version[9], nbits[9], ntime[9];
        bool clean;
    } job;
    uint32_t nonce;
};

static inline uint16_t port_of(struct fixture *f, size_t listener)
{
    const char *text = stratum_listener_address(f->server, listener);
    return (uint16_t)strtol(strrchr(text, ':') + 1, NULL, 10);
}

static inline void rig_connect(struct rig *r, struct fixture *f, size_t listener)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port_of(f, listener))};
    memset(r, 0, sizeof(*r));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    r->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(r->fd >= 0);
    assert_int_equal(connect(r->fd, (struct sockaddr *)&to, sizeof(to)), 0);
}

static inline void rig_close(struct rig *r)
{
    close(r->fd);
    r->fd = -1;
}

static inline void rig_bytes(struct rig *r, const void *p, size_t len)
{
    assert_int_equal(send(r->fd, p, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void rig_send(struct rig *r, const char *text)
{
    rig_bytes(r, text, strlen(text));
}

/* More input; false at the end of the connection. */
static inline bool rig_fill(struct rig *r)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    ssize_t n = recv(r->fd, r->in + r->in_len, sizeof(r->in) - 1 - r->in_len, 0);
    if (n <= 0)
        return false;
    r->in_len += (size_t)n;
    return true;
}

/* The next line, parsed; NULL at the end of the connection. */
static inline json_t *rig_line(struct rig *r)
{
    char *end;
    while ((end = memchr(r->in, '\n', r->in_len)) == NULL) {
        if (!rig_fill(r))
            return NULL;
    }
    size_t len = (size_t)(end - r->in) + 1;
    json_t *line = json_loadb(r->in, len, 0, NULL);
    assert_non_null(line);
    r->in_len -= len;
    memmove(r->in, r->in + len, r->in_len);
    return line;
}

static inline void rig_copy(char *to, size_t size, const json_t *from)
{
    assert_true(json_is_string(from) && json_string_length(from) < size);
    memcpy(to, json_string_value(from), json_string_length(from) + 1);
}

static inline void rig_take_job(struct rig *r, const json_t *p)
{
    rig_copy(r->job.id, sizeof(r->job.id), json_array_get(p, 0));
    rig_copy(r->job.prevhash, sizeof(r->job.prevhash), json_array_get(p, 1));
    rig_copy(r->job.coinb1, sizeof(r->job.coinb1), json_array_get(p, 2));
    rig_copy(r->job.coinb2, sizeof(r->job.coinb2), json_array_get(p, 3));
    r->job.branches = json_array_size(json_array_get(p, 4));
    assert_true(r->job.branches <= 2);
    for (size_t i = 0; i < r->job.branches; i++)
        rig_copy(r->job.branch[i], 65, json_array_get(json_array_get(p, 4), i));
    rig_copy(r->job.version, 9, json_array_get(p, 5));
    rig_copy(r->job.nbits, 9, json_array_get(p, 6));
    rig_copy(r->job.ntime, 9, json_array_get(p, 7));
    r->job.clean = json_is_true(json_array_get(p, 8));
    r->jobs++;
}

/* Takes in a notification; false when the line is a reply. */
static inline bool rig_notified(struct rig *r, const json_t *line)
{
    const char *method = json_string_value(json_object_get(line, "method"));
    const json_t *params = json_object_get(line, "params");
    if (method == NULL)
        return false;
    if (strcmp(method, "mining.set_difficulty") == 0) {
        r->difficulty = json_number_value(json_array_get(params, 0));
        r->difficulties++;
    } else if (strcmp(method, "mining.notify") == 0) {
        rig_take_job(r, params);
    }
    return true;
}

/* The next reply, notifications before it taken in. */
static inline json_t *rig_reply(struct rig *r)
{
    for (;;) {
        json_t *line = rig_line(r);
        assert_non_null(line);
        if (!rig_notified(r, line))
            return line;
        json_decref(line);
    }
}

/* Notifications until there were `jobs` of them. */
static inline void rig_wait_jobs(struct rig *r, size_t jobs)
{
    while (r->jobs < jobs) {
        json_t *line = rig_line(r);
        assert_non_null(line);
        assert_true(rig_notified(r, line));
        json_decref(line);
    }
}

static inline int error_code(const json_t *reply)
{
    const json_t *error = json_object_get(reply, "error");
    assert_non_null(error);
    return (int)json_integer_value(json_array_get(error, 0));
}

/* Sends one line and gives the code of its reply (0: no error). */
static inline int rig_ask(struct rig *r, const char *text)
{
    rig_send(r, text);
    json_t *reply = rig_reply(r);
    int code = error_code(reply);
    json_decref(reply);
    return code;
}

static inline void rig_subscribe(struct rig *r, const char *params)
{
    char text[256];
    snprintf(text, sizeof(text),
             "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[%s]}\n", params);
    rig_send(r, text);
    json_t *reply = rig_reply(r);
    const json_t *result = json_object_get(reply, "result");
    rig_copy(r->sid, sizeof(r->sid),
             json_array_get(json_array_get(json_array_get(result, 0), 1), 1));
    rig_copy(r->extranonce1, sizeof(r->extranonce1), json_array_get(result, 1));
    r->extranonce2_size = (size_t)json_integer_value(json_array_get(result, 2));
    json_decref(reply);
    rig_wait_jobs(r, 1);
}

static inline int rig_authorize(struct rig *r, const char *login, const char *password)
{
    char text[512];
    snprintf(text, sizeof(text),
             "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"%s\",\"%s\"]}\n",
             login, password);
    return rig_ask(r, text);
}

/* Connected, subscribed, authorised as alice.rig, with the job sent behind that. */
static inline void rig_begin(struct rig *r, struct fixture *f)
{
    rig_connect(r, f, 0);
    rig_subscribe(r, "\"test/1.0\"");
    assert_int_equal(rig_authorize(r, "alice.rig", "x"), 0);
    rig_wait_jobs(r, 2);
}

static inline void put_hex32(uint8_t *to, const char *hex)
{
    uint32_t v;
    assert_int_equal(hex_u32(&v, hex, strlen(hex), false), KZ_OK);
    write_le32(to, v);
}

/* The hash of what the rig would send: its job, its extranonces, this nonce. */
static inline void rig_hash(const struct rig *r, struct hash256 *hash,
                            const char *extranonce2, uint32_t nonce)
{
    char hex[PART_ROOM + 1024];
    uint8_t coinbase[sizeof(hex) / 2], header[80];
    struct hash256 root, prev;
    int n = snprintf(hex, sizeof(hex), "%s%s%s%s", r->job.coinb1, r->extranonce1,
                     extranonce2, r->job.coinb2);
    assert_int_equal(hex_decode(coinbase, (size_t)n / 2, hex, (size_t)n), KZ_OK);
    hash256_double(&root, coinbase, (size_t)n / 2);
    for (size_t i = 0; i < r->job.branches; i++) {
        struct hash256 step;
        assert_int_equal(hex_decode(step.b, 32, r->job.branch[i], 64), KZ_OK);
        hash256_pair(&root, &root, &step);
    }
    assert_int_equal(hash256_parse_stratum(&prev, r->job.prevhash, 64), KZ_OK);
    put_hex32(header, r->job.version);
    memcpy(header + 4, prev.b, 32);
    memcpy(header + 36, root.b, 32);
    put_hex32(header + 68, r->job.ntime);
    put_hex32(header + 72, r->job.nbits);
    write_le32(header + 76, nonce);
    hash256_double(hash, header, sizeof(header));
}

/* The next nonce whose hash is between these difficulties (`below` 0: no bound). */
static inline void rig_mine(struct rig *r, const char *extranonce2, double at_least,
                            double below)
{
    struct hash256 hash;
    for (;;) {
        rig_hash(r, &hash, extranonce2, ++r->nonce);
        double d = hash256_difficulty(&hash);
        if (d >= at_least * 1.01 && (below <= 0 || d < below * 0.99))
            return;
    }
}

#define EXTRANONCE2 "00000000000000aa"

/* Submits the rig's nonce for its job; the code of the reply. */
static inline int rig_submit_as(struct rig *r, const char *login, const char *more)
{
    char text[512];
    snprintf(text, sizeof(text),
             "{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"%s\",\"%s\",\"%s\","
             "\"%s\","
             "\"%08x\"%s]}\n",
             login, r->job.id, EXTRANONCE2, r->job.ntime, r->nonce, more);
    return rig_ask(r, text);
}

static inline int rig_submit(struct rig *r)
{
    return rig_submit_as(r, "alice.rig", "");
}

/* True when the peer closed; what it sent before is dropped. */
static inline bool rig_is_closed(struct rig *r)
{
    r->in_len = 0;
    while (rig_fill(r))
        r->in_len = 0;
    return true;
}

#endif
