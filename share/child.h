/* share/child.h - starting a program, from a process with threads, that dies with us.
 *
 * fork() and exec(): posix_spawn() can neither set the death signal nor the working
 * directory. Between the two only async-signal-safe calls are made.
 *
 * Thread  the child gets SIGTERM when the calling thread ends. */
#ifndef SHARE_CHILD_H
#define SHARE_CHILD_H

#include "conf/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child_spec {
    const char *program;     /* path */
    const char *const *argv; /* ends with NULL */
    int dir_fd;              /* its working directory */
    int out_fd;              /* its standard output, and error */
    int err_fd;              /* its standard error; 0: out_fd is that, too */
    const char *input;       /* what it reads, then the end; at most 512 bytes */
    const char *const *env;  /* NULL: ours */
    int keep_fd;             /* stays open in it; -1: none */
};

/* KZ_IO: no process or pipe; logged. A program that cannot be executed ends with 127.
 */
KZ_MUST_USE enum kz_err child_start(pid_t *pid, const struct child_spec *spec);

/* True once `pid` has ended (it is then reaped), with its wait status. Never waits. */
bool child_has_ended(int *status, pid_t pid);
/* "exit 1", "signal 9". */
void child_format_status(char *out, size_t size, int status);

/* `name` as it stands when it has a slash, else the first on PATH that may be executed.
 * KZ_EMPTY: none. KZ_RANGE: longer than `size`. */
KZ_MUST_USE enum kz_err child_find_program(char *out, size_t size, const char *name);

/* Whether process `pid` has the file open that `fd` is of. Needs the same user. */
bool child_has_open(pid_t pid, int fd);

#endif
