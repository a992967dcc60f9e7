#include "pool/rpc_auth.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "conf/secret.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "Basic " and base64 of user:password must fit RPC_AUTH_HEADER_SIZE. */
#define PLAIN_SIZE 4608
_Static_assert((PLAIN_SIZE + 2) / 3 * 4 + 8 < RPC_AUTH_HEADER_SIZE, "header too small");

struct rpc_auth {
    char *file; /* cookie or password; "" with none */
    char *user; /* "" with a cookie: the cookie holds the user as well */
    struct secret *secret;
    uint32_t generation;
    bool missing_said;
};

struct rpc_auth *rpc_auth_new(const char *cookie_file, const char *user,
                              const char *password_file)
{
    struct rpc_auth *a = mem_new(sizeof(*a));
    bool cookie = cookie_file[0] != '\0';
    a->file = mem_text(cookie ? cookie_file : password_file);
    a->user = mem_text(cookie ? "" : user);
    return a;
}

void rpc_auth_free(struct rpc_auth *a)
{
    if (a == NULL)
        return;
    secret_free(a->secret);
    mem_free(a->file);
    mem_free(a->user);
    mem_free(a);
}

static bool is_same(const struct secret *a, const struct secret *b)
{
    return a != NULL && b != NULL && strcmp(secret_reveal(a), secret_reveal(b)) == 0;
}

/* A node that is down has no cookie file, and we ask every second: say it once. */
static bool is_readable(struct rpc_auth *a)
{
    if (access(a->file, R_OK) == 0) {
        a->missing_said = false;
        return true;
    }
    if (!a->missing_said)
        log_warn("node_secret_missing", kv_str("path", a->file), kv_errno(errno));
    a->missing_said = true;
    return false;
}

bool rpc_auth_reload(struct rpc_auth *a)
{
    struct secret *fresh;
    if (a->file[0] == '\0' || !is_readable(a) || secret_read(&fresh, a->file) != KZ_OK)
        return false;
    bool changed = !is_same(a->secret, fresh);
    secret_free(a->secret);
    a->secret = fresh;
    if (changed)
        a->generation++;
    return changed;
}

uint32_t rpc_auth_generation(const struct rpc_auth *a)
{
    return a->generation;
}

enum kz_err rpc_auth_header(struct rpc_auth *a, char out[RPC_AUTH_HEADER_SIZE])
{
    if (a->file[0] == '\0')
        return KZ_EMPTY;
    if (a->secret == NULL && !rpc_auth_reload(a))
        return KZ_IO;
    char plain[PLAIN_SIZE];
    int n = snprintf(plain, sizeof(plain), "%s%s%s", a->user,
                     a->user[0] != '\0' ? ":" : "", secret_reveal(a->secret));
    bool fits = n > 0 && (size_t)n < sizeof(plain);
    if (fits) {
        memcpy(out, "Basic ", 6);
        EVP_EncodeBlock((unsigned char *)out + 6, (const unsigned char *)plain, n);
    }
    explicit_bzero(plain, sizeof(plain));
    return fits ? KZ_OK : KZ_IO;
}
