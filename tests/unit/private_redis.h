/* tests/unit/private_redis.h - a redis-server of one's own with the settings of the
 * embedded one, and batches sent to it as the store sends them. Also for tests/bench/.
 * What fails here ends the program: there is no test without it. */
#ifndef TESTS_UNIT_PRIVATE_REDIS_H
#define TESTS_UNIT_PRIVATE_REDIS_H

#include "conf/mem.h"
#include "share/batch.h"
#include "share/scripts.h"

#include <assert.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct private_redis {
    char dir[64];
    pid_t pid;
    redisContext *c;
    char cursor[CURSOR_SIZE]; /* what was applied last */
    uint64_t seq;
    char sha[48]; /* of SCRIPT_BATCH */
};

static inline void private_redis_launch(struct private_redis *r, const char *aof)
{
    r->pid = fork();
    assert(r->pid >= 0);
    if (r->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (freopen("/dev/null", "w", stdout) == NULL)
        _exit(127);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", "r.sock",
           "--dir", r->dir, "--save", "", "--appendonly", aof, "--appendfsync",
           "everysec", "--maxmemory-policy", "noeviction", "--hash-max-listpack-value",
           "512", "--hash-max-listpack-entries", "128", "--databases", "1",
           (char *)NULL);
    _exit(127);
}

/* `aof`: "yes" or "no". */
static inline void private_redis_start(struct private_redis *r, const char *aof)
{
    char path[100];
    memset(r, 0, sizeof(*r));
    snprintf(r->dir, sizeof(r->dir), "/tmp/kariz-redis-XXXXXX");
    char *made = mkdtemp(r->dir);
    assert(made != NULL);
    snprintf(path, sizeof(path), "%s/r.sock", r->dir);
    private_redis_launch(r, aof);
    for (int i = 0; i < 2000 && r->c == NULL; i++) {
        r->c = redisConnectUnix(path);
        if (r->c != NULL && r->c->err == 0)
            break;
        redisFree(r->c);
        r->c = NULL;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    assert(r->c != NULL);
    redisReply *loaded = redisCommand(r->c, "SCRIPT LOAD %s", SCRIPT_BATCH);
    assert(loaded != NULL && loaded->type == REDIS_REPLY_STRING);
    snprintf(r->sha, sizeof(r->sha), "%s", loaded->str);
    freeReplyObject(loaded);
}

static inline int private_redis_remove(const char *path, const struct stat *st,
                                       int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    remove(path);
    return 0;
}

static inline void private_redis_stop(struct private_redis *r)
{
    redisFree(r->c);
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    nftw(r->dir, private_redis_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Queued on `c`; the answer is the caller's to read. */
static inline void private_redis_send(const struct private_redis *r, redisContext *c,
                                      const struct batch *b, const char *next)
{
    size_t argc = 0;
    char count[24];
    const char **argv = mem_array(b->text_count + 5, sizeof(*argv));
    snprintf(count, sizeof(count), "%zu", b->key_count);
    argv[argc++] = "EVALSHA";
    argv[argc++] = r->sha;
    argv[argc++] = count;
    for (size_t i = 0; i < b->key_count; i++)
        argv[argc++] = b->texts[i];
    argv[argc++] = r->cursor;
    argv[argc++] = next;
    for (size_t i = b->key_count; i < b->text_count; i++)
        argv[argc++] = b->texts[i];
    redisAppendCommandArgv(c, (int)argc, argv, NULL);
    mem_free(argv);
}

/* The answer's first word, or the error's text. On OK the cursor has moved on. */
static inline void private_redis_apply(struct private_redis *r, char word[16],
                                       const struct batch *b)
{
    char next[CURSOR_SIZE];
    void *answer = NULL;
    snprintf(next, sizeof(next), "test:%" PRIu64, r->seq + 1);
    private_redis_send(r, r->c, b, next);
    int got = redisGetReply(r->c, &answer);
    assert(got == REDIS_OK && answer != NULL);
    redisReply *reply = answer;
    bool is_array = reply->type == REDIS_REPLY_ARRAY;
    snprintf(word, 16, "%.15s", is_array ? reply->element[0]->str : reply->str);
    freeReplyObject(reply);
    if (strcmp(word, "OK") != 0)
        return;
    r->seq++;
    memcpy(r->cursor, next, sizeof(next));
}

#endif
