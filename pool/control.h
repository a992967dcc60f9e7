/* pool/control.h - the control socket: how karizctl talks to the daemon.
 *
 * A Unix stream socket, mode 0660. One request a line, {"command": "status",
 * "arguments": {...}}, one answer a line, in the order the commands finish:
 * {"ok": true, "result": ...} or {"ok": false, "error": "text"}. Who may open the socket
 * may do everything on it; the peer's uid is logged with each command that changes
 * something.
 *
 * Bounds     CONTROL_CLIENTS_MAX connections, CONTROL_LINE_MAX bytes a line, one request
 *            under way a connection (the next is read when it was answered).
 * Ownership  a handler owns its request until it has replied, exactly once, at once or
 *            later from the control loop; a client that went away meanwhile is no matter.
 * Thread     control. */
#ifndef POOL_CONTROL_H
#define POOL_CONTROL_H

#include "conf/conf.h"

#include <event2/event.h>
#include <jansson.h>

#define CONTROL_CLIENTS_MAX 64
#define CONTROL_LINE_MAX    (1 << 20)

struct control;
struct control_request;

typedef void control_handler(void *ctx, struct control_request *r,
                             const json_t *arguments);

struct control_command {
    const char *name;
    control_handler *handler;
    bool changes; /* logged with the peer's uid */
};

/* `commands` ends with one without name; borrowed. KZ_BUSY: another daemon answers on
 * the socket. KZ_IO: it cannot be made; logged. */
KZ_MUST_USE enum kz_err control_start(struct control **out, struct event_base *base,
                                      const struct conf *conf,
                                      const struct control_command *commands,
                                      void *ctx);
/* NULL accepted. Requests under way keep until their handler replies; nobody hears. */
void control_stop(struct control *c);

/* Take `result` (NULL: JSON null). Each ends the request. */
void control_reply(struct control_request *r, json_t *result);
void control_refuse(struct control_request *r, const char *format, ...) KZ_PRINTF(2, 3);

/* Whose end of the socket it is: "uid 1000", and the number; valid while the request is. */
const char *control_actor(const struct control_request *r);
uint32_t control_uid(const struct control_request *r);
/* Of the table. */
const char *control_command_name(const struct control_request *r);

/* An argument's text, or NULL when it is absent or no string. */
const char *control_text(const json_t *arguments, const char *key);

#endif
