#include "pool/control.h"

#include "conf/mem.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <grp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
    struct control *control;
    struct client *next;
    struct bufferevent *bev;
    struct control_request *request; /* under way, or NULL */
    char actor[32];
    uint32_t uid;
};

/* Outlives its client when the client leaves before the answer. */
struct control_request {
    struct client *client; /* NULL once the peer is gone */
    const struct control_command *command;
    char actor[32];
    uint32_t uid;
};

struct control {
    struct event_base *base;
    struct evconnlistener *listener;
    const struct control_command *commands;
    void *ctx;
    struct client *clients;
    size_t client_count;
    char path[sizeof(((struct conf *)0)->control_socket)];
};

static void client_free(struct client *cl)
{
    struct control *c = cl->control;
    for (struct client **at = &c->clients; *at != NULL; at = &(*at)->next) {
        if (*at == cl) {
            *at = cl->next;
            break;
        }
    }
    c->client_count--;
    if (cl->request != NULL)
        cl->request->client = NULL;
    bufferevent_free(cl->bev);
    mem_free(cl);
}

static void send_line(struct client *cl, json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT);
    if (text != NULL) {
        bufferevent_write(cl->bev, text, strlen(text));
        bufferevent_write(cl->bev, "\n", 1);
    }
    free(text); /* allowed: jansson allocated it */
    json_decref(answer);
}

static void request_end(struct control_request *r, json_t *answer)
{
    struct client *cl = r->client;
    if (cl == NULL) {
        json_decref(answer);
    } else {
        cl->request = NULL;
        send_line(cl, answer);
        bufferevent_enable(cl->bev, EV_READ);
        /* From the loop, not from here: a handler that answers at once would recurse
         * once a pipelined request. The client may be freed before; then bev is too. */
        bufferevent_trigger(cl->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
    }
    mem_free(r);
}

void control_reply(struct control_request *r, json_t *result)
{
    request_end(r, json_pack("{s:b, s:o}", "ok", 1, "result",
                             result != NULL ? result : json_null()));
}

void control_refuse(struct control_request *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    json_t *shown = json_string(text);
    request_end(r, json_pack("{s:b, s:o}", "ok", 0, "error",
                             shown != NULL ? shown : json_string("refused")));
}

const char *control_actor(const struct control_request *r)
{
    return r->actor;
}

uint32_t control_uid(const struct control_request *r)
{
    return r->uid;
}

const char *control_command_name(const struct control_request *r)
{
    return r->command->name;
}

const char *control_text(const json_t *arguments, const char *key)
{
    return json_string_value(json_object_get(arguments, key));
}

static const struct control_command *find_command(const struct control *c,
                                                  const char *name)
{
    for (const struct control_command *k = c->commands; k->name != NULL; k++) {
        if (name != NULL && strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}

static void handle_line(struct client *cl, const char *line, size_t len)
{
    struct control *c = cl->control;
    struct control_request *r = mem_new(sizeof(*r));
    r->client = cl;
    snprintf(r->actor, sizeof(r->actor), "%s", cl->actor);
    r->uid = cl->uid;
    cl->request = r;
    bufferevent_disable(cl->bev, EV_READ); /* until it is answered */
    json_error_t error;
    json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
    const char *name = control_text(root, "command");
    const struct control_command *k = find_command(c, name);
    if (root == NULL) {
        control_refuse(r, "not JSON: %s", error.text);
    } else if (k == NULL) {
        control_refuse(r, "unknown command: %.64s", name != NULL ? name : "(none)");
    } else {
        if (k->changes)
            log_info("control_command", kv_str("command", name),
                     kv_str("actor", r->actor));
        r->command = k;
        k->handler(c->ctx, r, json_object_get(root, "arguments"));
    }
    json_decref(root);
}

static void read_requests(struct client *cl)
{
    struct evbuffer *input = bufferevent_get_input(cl->bev);
    size_t len;
    if (cl->request != NULL)
        return;
    char *line = evbuffer_readln(input, &len, EVBUFFER_EOL_LF);
    if (line == NULL) {
        if (evbuffer_get_length(input) > CONTROL_LINE_MAX)
            client_free(cl);
        return;
    }
    handle_line(cl, line, len);
    free(line); /* allowed: libevent allocated it */
}

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    read_requests(arg);
}

static void on_drained(struct bufferevent *bev, void *arg)
{
    (void)bev;
    client_free(arg);
}

static void on_client_event(struct bufferevent *bev, short what, void *arg)
{
    /* A client that closed only its sending side still gets its answer. */
    bool is_done = (what & BEV_EVENT_EOF) == 0 ||
                   evbuffer_get_length(bufferevent_get_output(bev)) == 0;
    if (is_done)
        client_free(arg);
    else
        bufferevent_setcb(bev, NULL, on_drained, on_client_event, arg);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
                      struct sockaddr *address, int len, void *arg)
{
    (void)listener;
    (void)address;
    (void)len;
    struct control *c = arg;
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);
    if (c->client_count == CONTROL_CLIENTS_MAX ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        log_warn("control_client_refused", kv_u64("clients", c->client_count));
        close(fd);
        return;
    }
    struct client *cl = mem_new(sizeof(*cl));
    snprintf(cl->actor, sizeof(cl->actor), "uid %u", (unsigned)peer.uid);
    cl->uid = (uint32_t)peer.uid;
    cl->control = c;
    cl->bev = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
    cl->next = c->clients;
    c->clients = cl;
    c->client_count++;
    bufferevent_setcb(cl->bev, on_read, NULL, on_client_event, cl);
    bufferevent_setwatermark(cl->bev, EV_READ, 0, CONTROL_LINE_MAX + 1);
    bufferevent_enable(cl->bev, EV_READ | EV_WRITE);
}

/* A socket file that nobody answers on was left by a daemon that died. */
static enum kz_err remove_stale(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return KZ_IO;
    int rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    close(fd);
    if (rc == 0)
        return KZ_BUSY;
    unlink(address->sun_path);
    return KZ_OK;
}

static void make_parent(const char *path)
{
    char parent[sizeof(((struct conf *)0)->control_socket)];
    snprintf(parent, sizeof(parent), "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash != NULL && slash != parent) {
        *slash = '\0';
        mkdir(parent, 0750); /* there already, or bind() will say why not */
    }
}

static void give_to_group(const char *path, const char *name)
{
    if (name[0] == '\0')
        return;
    struct group *g = getgrnam(name);
    if (g == NULL || chown(path, (uid_t)-1, g->gr_gid) != 0)
        log_error("control_group_refused", kv_str("group", name));
}

static int open_socket(const struct sockaddr_un *address, const char *group)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* The mode must be right from the first instant, so the mask and not chmod(). */
    mode_t old = umask(0117);
    int rc = bind(fd, (const struct sockaddr *)address, sizeof(*address));
    umask(old);
    if (rc != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    give_to_group(address->sun_path, group);
    return fd;
}

enum kz_err control_start(struct control **out, struct event_base *base,
                          const struct conf *conf,
                          const struct control_command *commands, void *ctx)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", conf->control_socket);
    make_parent(address.sun_path);
    if (remove_stale(&address) == KZ_BUSY) {
        log_error("control_socket_in_use", kv_str("path", address.sun_path));
        return KZ_BUSY;
    }
    int fd = open_socket(&address, conf->control_group);
    if (fd < 0) {
        log_error("control_socket_failed", kv_str("path", address.sun_path),
                  kv_errno(errno));
        return KZ_IO;
    }
    struct control *c = mem_new(sizeof(*c));
    c->base = base;
    c->commands = commands;
    c->ctx = ctx;
    snprintf(c->path, sizeof(c->path), "%s", address.sun_path);
    c->listener = evconnlistener_new(
        base, on_accept, c, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16, fd);
    if (c->listener == NULL) {
        close(fd);
        mem_free(c);
        return KZ_IO;
    }
    *out = c;
    return KZ_OK;
}

void control_stop(struct control *c)
{
    if (c == NULL)
        return;
    evconnlistener_free(c->listener);
    unlink(c->path);
    while (c->clients != NULL)
        client_free(c->clients);
    mem_free(c);
}
