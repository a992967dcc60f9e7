#include "share/child.h"

#include "conf/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs in the child: only async-signal-safe calls. Our signal mask and what we ignore
 * would be inherited; a session of its own keeps a terminal's Ctrl-C from it. */
static void become(const struct child_spec *spec, int in_fd, pid_t parent)
{
    static const int signals[] = {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    sigset_t none;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(127);
    setsid();
    int err_fd = spec->err_fd != 0 ? spec->err_fd : spec->out_fd;
    if (fchdir(spec->dir_fd) != 0 || dup2(in_fd, STDIN_FILENO) < 0 ||
        dup2(spec->out_fd, STDOUT_FILENO) < 0 || dup2(err_fd, STDERR_FILENO) < 0)
        _exit(127);
    if (spec->keep_fd >= 0)
        fcntl(spec->keep_fd, F_SETFD, 0);
    execve(spec->program, (char *const *)spec->argv,
           spec->env != NULL ? (char *const *)spec->env : environ);
    _exit(127);
}

enum kz_err child_start(pid_t *pid, const struct child_spec *spec)
{
    int in[2];
    if (pipe2(in, O_CLOEXEC) != 0) {
        log_error("child_pipe_failed", kv_errno(errno));
        return KZ_IO;
    }
    size_t len = spec->input != NULL ? strlen(spec->input) : 0;
    /* Below PIPE_BUF and into an empty pipe: cannot wait. */
    if (len > 512 || (len > 0 && write(in[1], spec->input, len) != (ssize_t)len))
        len = 0;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0)
        become(spec, in[0], parent);
    int failed = errno;
    close(in[0]);
    close(in[1]);
    if (child < 0) {
        log_error("child_fork_failed", kv_errno(failed));
        return KZ_IO;
    }
    *pid = child;
    return KZ_OK;
}

bool child_has_ended(int *status, pid_t pid)
{
    pid_t got = waitpid(pid, status, WNOHANG);
    if (got < 0)
        *status = 0; /* not ours any more: somebody reaped it */
    return got == pid || (got < 0 && errno == ECHILD);
}

void child_format_status(char *out, size_t size, int status)
{
    if (WIFSIGNALED(status))
        snprintf(out, size, "signal %d", WTERMSIG(status));
    else
        snprintf(out, size, "exit %d", WEXITSTATUS(status));
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

enum kz_err child_find_program(char *out, size_t size, const char *name)
{
    if (strchr(name, '/') != NULL) {
        if ((size_t)snprintf(out, size, "%s", name) >= size)
            return KZ_RANGE;
        return is_program(out) ? KZ_OK : KZ_EMPTY;
    }
    /* Started by hand as root without sbin on PATH, or by systemd: look there too. */
    const char *path = getenv("PATH");
    const char *const lists[] = {path != NULL ? path : "",
                                 "/usr/local/bin:/usr/bin:/bin"};
    for (size_t i = 0; i < 2; i++) {
        for (const char *p = lists[i]; *p != '\0';) {
            size_t len = strcspn(p, ":");
            int n = snprintf(out, size, "%.*s/%s", (int)len, p, name);
            if (len > 0 && n > 0 && (size_t)n < size && is_program(out))
                return KZ_OK;
            p += len + (p[len] == ':');
        }
    }
    return KZ_EMPTY;
}

bool child_has_open(pid_t pid, int fd)
{
    struct stat want, have;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    DIR *dir = fstat(fd, &want) == 0 ? opendir(path) : NULL;
    if (dir == NULL)
        return false;
    bool found = false;
    for (const struct dirent *e = readdir(dir); e != NULL && !found; e = readdir(dir))
        found = fstatat(dirfd(dir), e->d_name, &have, 0) == 0 &&
                have.st_dev == want.st_dev && have.st_ino == want.st_ino;
    closedir(dir);
    return found;
}
