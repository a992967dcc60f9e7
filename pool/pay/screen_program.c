#include "pool/pay/screen_program.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "pool/pay/screen_answer.h"
#include "share/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_MS       5
#define QUESTION_SIZE 512 /* as much as child_start() hands over */
#define USUAL_PATH    "/usr/local/bin:/usr/bin:/bin"

static bool fail(struct screen_reply *r, const char *why)
{
    snprintf(r->why, sizeof(r->why), "%s", why);
    return false;
}

/* --- running it ------------------------------------------------------------------- */

/* All of its output. */
static bool hear(struct screen_reply *r, char *text, size_t *len, int fd,
                 struct monotime until)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    *len = 0;
    for (;;) {
        int64_t left = monotime_ms_between(clock_now(), until);
        if (left <= 0)
            return fail(r, "it took too long");
        if (poll(&p, 1, (int)left) <= 0)
            continue; /* the time is over, or a signal came */
        ssize_t n = read(fd, text + *len, SCREEN_ANSWER_MAX + 1 - *len);
        if (n < 0 && errno != EINTR)
            return fail(r, strerror(errno));
        if (n == 0)
            return true;
        *len += n > 0 ? (size_t)n : 0;
        if (*len > SCREEN_ANSWER_MAX)
            return fail(r, "it says too much");
    }
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == pid;
}

/* Until it is reaped no other process can have its number, so its group can be killed:
 * what it left running must not outlive its answer. */
static bool end(struct screen_reply *r, pid_t pid, struct monotime until)
{
    int status = 0;
    while (!has_ended(pid) && monotime_ms_between(clock_now(), until) > 0)
        poll(NULL, 0, POLL_MS);
    bool is_late = !has_ended(pid);
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL); /* it may not have got as far as to have a group */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (is_late)
        return fail(r, "it took too long");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    child_format_status(r->why, sizeof(r->why), status);
    return false;
}

static bool start(struct screen_reply *r, pid_t *pid, const char *program,
                  const char *input, int out_fd)
{
    const char *usual = getenv("PATH");
    char path[4096];
    const char *const argv[] = {program, NULL}, *const env[] = {path, NULL};
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0)
        return fail(r, strerror(errno));
    snprintf(path, sizeof(path), "PATH=%s", usual != NULL ? usual : USUAL_PATH);
    const struct child_spec spec = {.program = program,
                                    .argv = argv,
                                    .dir_fd = here,
                                    .out_fd = out_fd,
                                    .err_fd = STDERR_FILENO,
                                    .input = input,
                                    .env = env,
                                    .keep_fd = -1};
    bool is_started = child_start(pid, &spec) == KZ_OK;
    close(here);
    return is_started || fail(r, "it could not be started");
}

static bool run(struct screen_reply *r, const char *program, const char *input,
                int64_t limit_ms)
{
    char text[SCREEN_ANSWER_MAX + 2];
    size_t len = 0;
    int out[2];
    pid_t pid;
    struct monotime until = monotime_add_ms(clock_now(), limit_ms);
    if (access(program, X_OK) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return fail(r, strerror(errno));
    bool is_started = start(r, &pid, program, input, out[1]);
    close(out[1]);
    bool is_heard = is_started && hear(r, text, &len, out[0], until);
    close(out[0]);
    if (!is_started)
        return false;
    if (!is_heard) {
        struct screen_reply unused;
        end(&unused, pid, clock_now());
        return false;
    }
    return end(r, pid, until) && screen_answer_read(r, text, len) == KZ_OK;
}

/* One line. The longest, of an address that could be, has some 400 bytes. */
static void ask(char out[QUESTION_SIZE], const struct screen_case *c)
{
    char script[2 * ADDRESS_SCRIPT_MAX + 1];
    hex_encode(script, c->to->script, c->to->script_len);
    json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:s}", "miner_id", c->miner, "address",
                          c->address, "script", script, "amount",
                          (json_int_t)amount_to_sat(c->amount), "purpose", c->purpose);
    size_t len = json_dumpb(o, out, QUESTION_SIZE - 2, JSON_COMPACT);
    json_decref(o);
    assert(len > 0 && len <= QUESTION_SIZE - 2);
    memcpy(out + len, "\n", 2);
}

enum screen_verdict screen_program_ask(char *note, const char *program,
                                       const struct screen_case *c, int64_t limit_ms)
{
    struct screen_reply r = {.verdict = SCREEN_UNKNOWN};
    char input[QUESTION_SIZE];
    ask(input, c);
    if (!run(&r, program, input, limit_ms)) {
        r.verdict = SCREEN_UNKNOWN;
        snprintf(note, DUES_NOTE_SIZE, "the screening program gave no answer: %s",
                 r.why);
        log_warn("screen_program_failed", kv_str("program", program),
                 kv_str("miner", c->miner), kv_str("why", r.why));
    } else {
        snprintf(note, DUES_NOTE_SIZE, "the screening program says %s%s%s",
                 screen_verdict_name(r.verdict), r.reference[0] != '\0' ? ": " : "",
                 r.reference);
    }
    return r.verdict;
}
