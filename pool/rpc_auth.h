/* pool/rpc_auth.h - how we prove to one node who we are.
 *
 * Either the node's cookie file ("user:password" in one line, written anew each time
 * the node starts) or a user and a password file. The files are read when first needed
 * and again when the node refuses us; each successful reading that brought something
 * new has the next generation number, so a caller can tell whether trying again makes
 * sense.
 *
 * Ownership  paths are copied. The secret stays in struct secret; the header made of it
 *            is wiped by the caller.
 * Errors     a file that cannot be read is logged when that begins, not each time.
 * Thread     the one of its node's calls (control). Reads small local files. */
#ifndef POOL_RPC_AUTH_H
#define POOL_RPC_AUTH_H

#include "conf/err.h"

#include <stdbool.h>
#include <stdint.h>

#define RPC_AUTH_HEADER_SIZE 8192

struct rpc_auth;

/* Any may be "". With neither cookie file nor user nothing is sent. */
struct rpc_auth *rpc_auth_new(const char *cookie_file, const char *user,
                              const char *password_file);
void rpc_auth_free(struct rpc_auth *a); /* NULL accepted */

/* Reads the file again; true when what it holds is not what we had. */
bool rpc_auth_reload(struct rpc_auth *a);
uint32_t rpc_auth_generation(const struct rpc_auth *a);

/* The value of the Authorization header, reading the file if nothing is known yet.
 * KZ_EMPTY: none is configured. KZ_IO: the file cannot be read. */
KZ_MUST_USE enum kz_err rpc_auth_header(struct rpc_auth *a,
                                        char out[RPC_AUTH_HEADER_SIZE]);

#endif
