/* pool/ctl_desk.h - karizctl's side of the desk's commands: what people write on the command
 * line, and files they name, into what the daemon is asked (pool/desk.h).
 *
 * Each changes the arguments in place. False: it was said on standard error what is wrong.
 * Thread: the only one. */
#ifndef POOL_CTL_DESK_H
#define POOL_CTL_DESK_H

#include <jansson.h>
#include <stdbool.h>

typedef bool ctl_prepare_fn(json_t *arguments);

/* --file, the document of a basis: its SHA-256 instead. */
ctl_prepare_fn ctl_desk_basis;
/* The same; --request, the number of a letter, is the document, and the reason. */
ctl_prepare_fn ctl_desk_request;
/* --file, a record in JSON: the record itself as "record". */
ctl_prepare_fn ctl_desk_record;
/* The options that describe a thing, as "given": numbers are numbers, - is _. */
ctl_prepare_fn ctl_desk_given;
/* The rest of the words as a list, "given"; "none": an empty one. */
ctl_prepare_fn ctl_desk_networks;

#endif
