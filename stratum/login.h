/* stratum/login.h - what a rig sends to say who it is, taken apart.
 *
 * A login is MINER.WORKER or ADDRESS.WORKER. Blanks around it are dropped; the worker
 * is what follows the first dot ("user.worker.sub" is worker "worker.sub"). Rigs set up
 * for other pools also write "addr_worker", "addr/worker" and "addr+diff": neither a
 * miner id nor an address can hold one of those characters, so they end the name as
 * well instead of refusing a rig whose owner is plain to see. Letter case is the
 * roster's business. The password holds options; whatever else it says means nothing to
 * us. Pure; any thread. */
#ifndef STRATUM_LOGIN_H
#define STRATUM_LOGIN_H

#include "share/bytes.h"
#include "share/target.h"

#define LOGIN_MAX 256 /* longer ones are refused; an address and a worker take 155 */

struct login {
    struct bytes text;   /* trimmed; borrowed from the input, as all of these */
    struct bytes name;   /* who is paid */
    struct bytes worker; /* may be empty */
};

/* KZ_PARSE: empty, too long, or no name before the separator. */
KZ_MUST_USE enum kz_err login_parse(struct login *l, const char *text, size_t len);

struct login_options {
    bool has_start, has_minimum, has_fixed;
    struct difficulty start;   /* d=N  */
    struct difficulty minimum; /* md=N */
    struct difficulty fixed;   /* fd=N */
};

/* "d=1024,md=512;fd=8192", blanks around allowed, letter case ignored; all else is. */
void login_options_parse(struct login_options *o, const char *password, size_t len);

#endif
