#include "pool/mask.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "conf/private_file.h"
#include "payout/address.h"
#include "stratum/login.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define SALT_SIZE 32

_Static_assert(DENIED_NETWORK_IPV6 == NETADDR_NETWORK_MAX, "networks are cut the same");

struct mask {
    const struct network *network;
    uint8_t salt[SALT_SIZE];
    uint64_t source_key;
};

/* --- the salt --------------------------------------------------------------------- */

static enum kz_err read_salt(struct mask *m, char why[PRIVATE_FILE_WHY_SIZE],
                             const struct private_file *f)
{
    uint8_t salt[SALT_SIZE + 1];
    size_t len;
    enum kz_err err = private_file_read(salt, &len, why, f, sizeof(salt));
    if (err == KZ_OK && len != SALT_SIZE) {
        snprintf(why, PRIVATE_FILE_WHY_SIZE, "is not %d bytes long", SALT_SIZE);
        err = KZ_RANGE;
    }
    if (err == KZ_OK)
        memcpy(m->salt, salt, SALT_SIZE);
    OPENSSL_cleanse(salt, sizeof(salt));
    return err;
}

static enum kz_err make_salt(struct mask *m, char why[PRIVATE_FILE_WHY_SIZE],
                             const struct private_file *f)
{
    if (RAND_bytes(m->salt, SALT_SIZE) != 1) {
        snprintf(why, PRIVATE_FILE_WHY_SIZE, "no random bytes");
        return KZ_IO;
    }
    return private_file_create(f, why, m->salt, SALT_SIZE);
}

enum kz_err mask_open(struct mask **out, const char *data_dir,
                      const struct network *network)
{
    char path[PATH_MAX], why[PRIVATE_FILE_WHY_SIZE] = "";
    const struct private_file f = {AT_FDCWD, path};
    struct mask *m = mem_new(sizeof(*m));
    m->network = network;
    snprintf(path, sizeof(path), "%s/" MASK_SALT_FILE, data_dir);
    enum kz_err err = read_salt(m, why, &f);
    if (err == KZ_EMPTY)
        err = make_salt(m, why, &f);
    if (err == KZ_OK && RAND_bytes((uint8_t *)&m->source_key, 8) != 1)
        err = KZ_IO;
    if (err != KZ_OK) {
        log_error("login_salt_refused", kv_str("path", path), kv_str("why", why));
        mask_close(m);
        return err;
    }
    *out = m;
    return KZ_OK;
}

void mask_close(struct mask *m)
{
    if (m == NULL)
        return;
    OPENSSL_cleanse(m, sizeof(*m));
    mem_free(m);
}

/* --- a refusal -------------------------------------------------------------------- */

uint64_t mask_source(const struct mask *m, const struct netaddr *peer)
{
    return netaddr_hash(peer, m->source_key);
}

/* Who it says it is, without the worker, whose name may be anything. */
static struct bytes name_of(const struct login_refusal *r)
{
    struct login parsed;
    if (login_parse(&parsed, r->login, r->login_len) == KZ_OK)
        return parsed.name;
    return (struct bytes){(const uint8_t *)r->login, r->login_len};
}

static bool set_address(struct denied_key *key, const struct mask *m, struct bytes name)
{
    struct address address;
    struct address_problem problem;
    char text[ADDRESS_TEXT_SIZE];
    const char *p = (const char *)name.p;
    if (name.len > DENIED_LOGIN_MAX ||
        address_parse(&address, &problem, m->network, p, name.len) != KZ_OK ||
        address_normalise(text, p, name.len) != KZ_OK)
        return false;
    key->login_is = DENIED_ADDRESS;
    denied_set_text(key->login, DENIED_LOGIN_MAX, text, strlen(text));
    return true;
}

static void set_hash(struct denied_key *key, const struct mask *m, struct bytes name)
{
    unsigned size = DENIED_HASH_SIZE;
    const uint8_t *done = HMAC(EVP_sha256(), m->salt, SALT_SIZE, name.p, name.len,
                               key->login_hash, &size);
    assert(done != NULL && size == DENIED_HASH_SIZE);
    key->login_is = DENIED_HASHED;
}

static void set_login(struct denied_key *key, const struct mask *m,
                      const struct login_refusal *r)
{
    struct bytes name = name_of(r);
    if (r->miner != NULL) {
        const char *id = r->miner->id.text;
        key->login_is = DENIED_MINER;
        denied_set_text(key->login, DENIED_LOGIN_MAX, id, strlen(id));
    } else if (name.len > 0 && !set_address(key, m, name))
        set_hash(key, m, name);
}

void mask_refusal(struct denied_key *key, const struct mask *m,
                  const struct login_refusal *r)
{
    const char *reason = refusal_name(r->why);
    *key = (struct denied_key){.login_is = DENIED_NO_LOGIN};
    denied_set_text(key->listener, DENIED_LISTENER_MAX, r->listener,
                    strlen(r->listener));
    denied_set_text(key->reason, TALLY_REASON_MAX, reason, strlen(reason));
    set_login(key, m, r);
    key->network_len = netaddr_network(key->network, r->peer);
    denied_set_text(key->software, DENIED_SOFTWARE_MAX, r->agent, strlen(r->agent));
}
