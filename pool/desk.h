/* pool/desk.h - what people at a desk do with registrations: requests of the control socket,
 * each a row of one table.
 *
 * Who does it is the user at the other end of the socket, by registry.operators; who is
 * not listed there may look only. With an empty list everybody who may use the socket is an
 * officer by the name of "uid N".
 *
 * Arguments of all: `reason` (a code of pool/registry/record_act.h; some have a default),
 * `basis` (a text), `authority`, `document`, `date`, `sha256`: together the basis.
 *
 * What the rules mark as needing two people is proposed by the first; the same command by
 * another one, or `miner_confirm`, does it. With registry.four_eyes off (regtest) one is
 * enough, and the record and the chain say so.
 *
 * Thread  control. Source: registry spec section 3. */
#ifndef POOL_DESK_H
#define POOL_DESK_H

#include "pool/control.h"

#define DESK_NAME_SIZE 65

struct desk_person {
    char name[DESK_NAME_SIZE]; /* as the audit chain names it */
    bool is_officer;
};

/* Who asks. False: nobody who may change anything, and the request was refused. */
bool desk_find_person(struct desk_person *out, const struct conf *conf,
                      struct control_request *r);

/* All of them; which one it is the request knows. `ctx` is the pool. */
void desk_command(void *ctx, struct control_request *r, const json_t *arguments);

/* For everybody who may use the socket. {profile, network}: by which records are judged;
 * what waits for a person, as pool/registry/record_todo.h has it, `days` ahead. */
control_handler desk_profile, desk_todo;

#endif
