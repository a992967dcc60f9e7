#include "conf/fault.h"
#include "pool/audit/vault_parts.h"
#include "pool/passphrase.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define HEX_SIZE    (2 * GCM_KEY_SIZE)
#define NO_MEMORY   "no memory can be locked for a key"
#define KEY_VERSION 1

/* --- loading ---------------------------------------------------------------------- */

static enum kz_err decode_key(struct locked **out, char why[VAULT_WHY_SIZE],
                              const char *name, const char *text, size_t len)
{
    struct locked *key = NULL;
    if (len == HEX_SIZE + 1 && text[HEX_SIZE] == '\n')
        len--;
    if (locked_new(&key, GCM_KEY_SIZE) != KZ_OK)
        return vault_fail(why, KZ_IO, NO_MEMORY);
    if (hex_decode(locked_data(key), GCM_KEY_SIZE, text, len) != KZ_OK) {
        locked_free(key);
        return vault_fail(why, KZ_RANGE, "%s is no key of 64 hex digits", name);
    }
    *out = key;
    return KZ_OK;
}

static enum kz_err load_file(struct locked **out, char why[VAULT_WHY_SIZE],
                             const struct vault *v, const char *name)
{
    struct locked *text = NULL;
    size_t len = 0;
    if (locked_new(&text, HEX_SIZE + 1) != KZ_OK)
        return vault_fail(why, KZ_IO, NO_MEMORY);
    enum kz_err err = vault_read(locked_data(text), &len, why, v, name, HEX_SIZE + 1);
    if (err == KZ_OK)
        err = decode_key(out, why, name, locked_bytes(text), len);
    locked_free(text);
    return err;
}

static enum kz_err load_credential(struct locked **out, char why[VAULT_WHY_SIZE],
                                   const char *name)
{
    struct key_problem problem = {""};
    struct locked *text = NULL;
    enum kz_err err =
        passphrase_read(&text, &problem, &(struct passphrase_source){-1, name});
    if (err != KZ_OK)
        return vault_fail(why, err, "%s: %.160s", name, problem.text);
    err = decode_key(out, why, name, locked_bytes(text), locked_size(text));
    locked_free(text);
    return err;
}

static enum kz_err load_master(struct locked **out, char why[VAULT_WHY_SIZE],
                               const struct vault *v, bool is_next)
{
    char name[VAULT_NAME_SIZE];
    if (v->credential == NULL)
        return load_file(out, why, v, is_next ? VAULT_MASTER_NEXT : VAULT_MASTER);
    if ((size_t)snprintf(name, sizeof(name), "%s%s", v->credential,
                         is_next ? "-next" : "") >= sizeof(name))
        return vault_fail(why, KZ_RANGE, "the credential's name is too long");
    return load_credential(out, why, name);
}

enum kz_err vault_load_masters(struct vault *v, char why[VAULT_WHY_SIZE])
{
    char unused[VAULT_WHY_SIZE];
    enum kz_err err = load_master(&v->master[0], why, v, false);
    if (err != KZ_OK)
        return err;
    err = load_master(&v->master[1], unused, v, true);
    if (err == KZ_OK || err == KZ_EMPTY)
        return KZ_OK;
    return vault_fail(why, err, "%s", unused);
}

/* --- making ----------------------------------------------------------------------- */

static enum kz_err random_key(struct locked **out, char why[VAULT_WHY_SIZE])
{
    struct locked *key = NULL;
    if (locked_new(&key, GCM_KEY_SIZE) != KZ_OK)
        return vault_fail(why, KZ_IO, NO_MEMORY);
    if (RAND_priv_bytes(locked_data(key), GCM_KEY_SIZE) != 1) {
        locked_free(key);
        return vault_fail(why, KZ_IO, "no random bytes for a key");
    }
    *out = key;
    return KZ_OK;
}

enum kz_err vault_make_master(const struct vault *v, char why[VAULT_WHY_SIZE],
                              const char *name)
{
    struct locked *key = NULL, *text = NULL;
    if (locked_new(&text, HEX_SIZE + 1) != KZ_OK)
        return vault_fail(why, KZ_IO, NO_MEMORY);
    enum kz_err err = random_key(&key, why);
    if (err == KZ_OK) {
        hex_encode(locked_data(text), locked_bytes(key), GCM_KEY_SIZE);
        ((char *)locked_data(text))[HEX_SIZE] = '\n';
        err = vault_replace(v, why, name,
                            (struct bytes){locked_bytes(text), HEX_SIZE + 1});
    }
    locked_free(key);
    locked_free(text);
    return err;
}

/* --- a miner's key ---------------------------------------------------------------- */

static const struct locked *newest(const struct vault *v)
{
    return v->master[1] != NULL ? v->master[1] : v->master[0];
}

static enum kz_err wrap(const struct vault *v, char why[VAULT_WHY_SIZE],
                        const struct miner_id *miner, const struct locked *key)
{
    struct box b = {.kind = BOX_KEY, .miner = *miner, .version = KEY_VERSION};
    enum kz_err err = box_seal(&b, locked_bytes(newest(v)),
                               (struct bytes){locked_bytes(key), GCM_KEY_SIZE});
    if (err != KZ_OK)
        vault_fail(why, err, "keys/%s cannot be sealed", miner->text);
    else
        err = vault_write_box(v, why, &b);
    box_clear(&b);
    return err;
}

enum kz_err vault_make_key(struct locked **out, char why[VAULT_WHY_SIZE],
                           const struct vault *v, const struct miner_id *miner)
{
    struct locked *key = NULL;
    enum kz_err err = random_key(&key, why);
    if (err == KZ_OK)
        err = wrap(v, why, miner, key);
    if (err == KZ_OK)
        *out = key;
    else
        locked_free(key);
    return err;
}

static const struct locked *master_of(const struct vault *v, const struct box *b)
{
    for (size_t i = 0; i < VAULT_MASTERS; i++) {
        uint8_t id[BOX_KEY_ID_SIZE];
        if (v->master[i] == NULL)
            continue;
        box_key_id(id, locked_bytes(v->master[i]));
        if (memcmp(id, b->under, sizeof(id)) == 0)
            return v->master[i];
    }
    return NULL;
}

static enum kz_err unwrap(struct locked **out, char why[VAULT_WHY_SIZE],
                          const struct vault *v, const struct box *b)
{
    struct locked *key = NULL;
    const struct locked *master = master_of(v, b);
    if (master == NULL)
        return vault_fail(why, KZ_RANGE, "keys/%s is sealed with another master key",
                          b->miner.text);
    if (b->len != GCM_KEY_SIZE)
        return vault_fail(why, KZ_RANGE, "keys/%s holds no key", b->miner.text);
    if (locked_new(&key, GCM_KEY_SIZE) != KZ_OK)
        return vault_fail(why, KZ_IO, NO_MEMORY);
    enum kz_err err = box_open(locked_data(key), b, locked_bytes(master));
    if (err == KZ_OK) {
        *out = key;
        return KZ_OK;
    }
    locked_free(key);
    return vault_fail(why, err, "keys/%s does not open: it was changed", b->miner.text);
}

enum kz_err vault_load_key(struct locked **out, char why[VAULT_WHY_SIZE],
                           const struct vault *v, const struct miner_id *miner)
{
    struct box b = {0};
    enum kz_err err = vault_read_box(&b, why, v, BOX_KEY, miner);
    if (err == KZ_OK)
        err = unwrap(out, why, v, &b);
    box_clear(&b);
    return err;
}

/* --- the master key's successor --------------------------------------------------- */

static enum kz_err rewrap(const struct vault *v, char why[VAULT_WHY_SIZE],
                          const struct miner_id *miner)
{
    struct box b = {0};
    struct locked *key = NULL;
    enum kz_err err = vault_read_box(&b, why, v, BOX_KEY, miner);
    if (err == KZ_OK && master_of(v, &b) != newest(v)) {
        err = unwrap(&key, why, v, &b);
        if (err == KZ_OK)
            err = wrap(v, why, miner, key);
        FAULT_POINT("vault_rewrapped");
    }
    locked_free(key);
    box_clear(&b);
    return err;
}

static enum kz_err rewrap_all(const struct vault *v, char why[VAULT_WHY_SIZE])
{
    json_t *names = NULL;
    enum kz_err err = vault_names(&names, why, v, "keys");
    for (size_t i = 0; err == KZ_OK && i < json_array_size(names); i++) {
        struct miner_id miner;
        const char *name = json_string_value(json_array_get(names, i));
        if (name != NULL && miner_id_parse(&miner, name, strlen(name)) == KZ_OK)
            err = rewrap(v, why, &miner);
    }
    json_decref(names);
    return err;
}

static enum kz_err need_next(struct vault *v, char why[VAULT_WHY_SIZE])
{
    if (v->master[1] != NULL)
        return KZ_OK;
    if (v->credential != NULL)
        return vault_fail(why, KZ_EMPTY, "there is no credential %s-next to rotate to",
                          v->credential);
    enum kz_err err = vault_make_master(v, why, VAULT_MASTER_NEXT);
    FAULT_POINT("vault_next_made");
    return err == KZ_OK ? load_master(&v->master[1], why, v, true) : err;
}

enum kz_err vault_rotate_master(struct vault *v, char why[VAULT_WHY_SIZE])
{
    enum kz_err err = need_next(v, why);
    if (err == KZ_OK)
        err = rewrap_all(v, why);
    if (err != KZ_OK || v->credential != NULL)
        return err;
    FAULT_POINT("vault_all_rewrapped");
    err = vault_put_over(v, why, VAULT_MASTER, VAULT_MASTER_NEXT);
    if (err != KZ_OK)
        return err;
    locked_free(v->master[0]);
    v->master[0] = v->master[1];
    v->master[1] = NULL;
    return KZ_OK;
}
