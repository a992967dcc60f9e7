/* conf/secret.h - a password or cookie, read from a file and wiped when done.
 *
 * Ownership  secret_read() allocates; secret_free() wipes and releases, accepts NULL.
 * Errors     KZ_IO cannot be read (errno is logged with the path, never the content);
 *            KZ_RANGE the file may be read by everybody, is empty, or above 4 KiB.
 * Thread     any. */
#ifndef CONF_SECRET_H
#define CONF_SECRET_H

#include "conf/err.h"

#include <stddef.h>

struct secret;

/* The first line of the file, without its line end. */
KZ_MUST_USE enum kz_err secret_read(struct secret **out, const char *path);
void secret_free(struct secret *s);

/* NUL-terminated; for the call that needs it and nothing else. */
const char *secret_reveal(const struct secret *s);
size_t secret_len(const struct secret *s);

#endif
