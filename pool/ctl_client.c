#include "pool/ctl_client.h"

#include "conf/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX (256u << 20)

static enum kz_err fail(char why[CTL_WHY_SIZE], const char *what, const char *path)
{
    snprintf(why, CTL_WHY_SIZE, "%s %s: %s", what, path, strerror(errno));
    return KZ_IO;
}

static enum kz_err open_socket(int *fd, char why[CTL_WHY_SIZE], const char *path,
                               int patience_s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = patience_s};
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return fail(why, "cannot use", path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return fail(why, "cannot open a socket for", path);
    setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return KZ_OK;
    enum kz_err err = fail(why, "cannot reach karizd at", path);
    close(*fd);
    return err;
}

static enum kz_err send_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n < 0)
            return KZ_IO;
        text += n;
        len -= (size_t)n;
    }
    return KZ_OK;
}

/* One line, the caller's. NULL when the peer closed, took too long or sent too much. */
static char *read_line(int fd, size_t *len)
{
    size_t size = 65536, used = 0;
    char *text = mem_new(size);
    while (used < ANSWER_MAX) {
        if (used == size)
            text = mem_resize(text, size *= 2);
        ssize_t n = recv(fd, text + used, size - used, 0);
        if (n <= 0)
            break;
        const char *end = memchr(text + used, '\n', (size_t)n);
        if (end != NULL) {
            *len = (size_t)(end - text);
            return text;
        }
        used += (size_t)n;
    }
    mem_free(text);
    return NULL;
}

static enum kz_err read_answer(json_t **result, char why[CTL_WHY_SIZE],
                               const char *line, size_t len)
{
    json_t *root = json_loadb(line, len, 0, NULL);
    enum kz_err err = KZ_IO;
    if (json_is_true(json_object_get(root, "ok"))) {
        *result = json_incref(json_object_get(root, "result"));
        err = KZ_OK;
    } else if (json_is_string(json_object_get(root, "error"))) {
        snprintf(why, CTL_WHY_SIZE, "%s",
                 json_string_value(json_object_get(root, "error")));
        err = KZ_RANGE;
    } else {
        snprintf(why, CTL_WHY_SIZE, "karizd's answer was not understood");
    }
    json_decref(root);
    return err;
}

enum kz_err ctl_call(json_t **result, char why[CTL_WHY_SIZE], const char *socket_path,
                     const char *command, json_t *arguments, int patience_s)
{
    int fd;
    json_t *request =
        json_pack("{s:s, s:o*}", "command", command, "arguments", arguments);
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    enum kz_err err = open_socket(&fd, why, socket_path, patience_s);
    if (err != KZ_OK) {
        free(text); /* allowed: jansson allocated it */
        return err;
    }
    if (send_all(fd, text, strlen(text)) != KZ_OK || send_all(fd, "\n", 1) != KZ_OK)
        err = fail(why, "cannot send to", socket_path);
    free(text); /* allowed: jansson allocated it */
    size_t len = 0;
    char *line = err == KZ_OK ? read_line(fd, &len) : NULL;
    if (err == KZ_OK && line == NULL) {
        snprintf(why, CTL_WHY_SIZE, "karizd at %s gave no answer", socket_path);
        err = KZ_IO;
    }
    if (line != NULL)
        err = read_answer(result, why, line, len);
    mem_free(line);
    close(fd);
    return err;
}
