#include "pool/keyfile.h"

#include "conf/mem.h"
#include "conf/private_file.h"
#include "payout/wif.h"
#include "pool/keyfile_text.h"
#include "share/gcm.h"

#include <assert.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX    32768
#define SCRYPT_R    8
#define SCRYPT_P    1
#define CIPHER_KEY  32
#define WRONG_TEXT  "the passphrase is wrong, or the file was changed"
#define MEMORY_TEXT "no memory can be locked for the key"

static enum kz_err fail(struct key_problem *problem, enum kz_err err, const char *text)
{
    snprintf(problem->text, sizeof(problem->text), "%s", text);
    return err;
}

/* `why` of conf/private_file.h. */
static enum kz_err fail_file(struct key_problem *problem, enum kz_err err,
                             const char *why)
{
    snprintf(problem->text, sizeof(problem->text), "the key file %s", why);
    return err;
}

/* --- encryption ------------------------------------------------------------------- */

static enum kz_err derive_key(struct locked **out, struct key_problem *problem,
                              const struct sealed *s, struct bytes passphrase)
{
    struct locked *key = NULL;
    if (locked_new(&key, CIPHER_KEY) != KZ_OK)
        return fail(problem, KZ_IO, MEMORY_TEXT);
    /* Its table, two blocks of work space, and the p blocks. */
    uint64_t memory = UINT64_C(128) * s->r * ((uint64_t)s->n + 2 + s->p);
    if (EVP_PBE_scrypt((const char *)passphrase.p, passphrase.len, s->salt,
                       sizeof(s->salt), s->n, s->r, s->p, memory, locked_data(key),
                       CIPHER_KEY) != 1) {
        locked_free(key);
        return fail(problem, KZ_IO, "scrypt failed: too little memory?");
    }
    *out = key;
    return KZ_OK;
}

static struct gcm cipher_of(const struct sealed *s, const struct locked *key,
                            const char *header)
{
    return (struct gcm){
        locked_bytes(key), s->nonce, {(const uint8_t *)header, strlen(header)}};
}

static enum kz_err seal(struct sealed *s, struct key_problem *problem,
                        const struct keyfile_plan *plan)
{
    struct locked *key = NULL, *plain = NULL;
    s->len = 1 + plan->secret.len;
    if (locked_new(&plain, s->len) != KZ_OK)
        return fail(problem, KZ_IO, MEMORY_TEXT);
    uint8_t *p = locked_data(plain);
    p[0] = (uint8_t)plan->kind;
    memcpy(p + 1, plan->secret.p, plan->secret.len);
    enum kz_err err = derive_key(&key, problem, s, plan->passphrase);
    if (err == KZ_OK) {
        char *header = sealed_header(s, plan->about);
        struct gcm g = cipher_of(s, key, header);
        err = gcm_seal(s->ciphertext, s->tag, &g, (struct bytes){p, s->len});
        if (err != KZ_OK)
            fail(problem, err, "encryption failed");
        mem_free(header);
    }
    locked_free(key);
    locked_free(plain);
    return err;
}

static enum kz_err take_secret(struct keyfile_secret *out, struct key_problem *problem,
                               const uint8_t *plain, size_t len)
{
    struct locked *data = NULL;
    if (plain[0] < KEYFILE_SEED || plain[0] > KEYFILE_XPRV)
        return fail(problem, KZ_RANGE, "a secret of a kind unknown here");
    if (locked_new(&data, len - 1) != KZ_OK)
        return fail(problem, KZ_IO, MEMORY_TEXT);
    memcpy(locked_data(data), plain + 1, len - 1);
    *out = (struct keyfile_secret){(enum keyfile_kind)plain[0], data};
    return KZ_OK;
}

static enum kz_err unseal(struct keyfile_secret *out, struct key_problem *problem,
                          struct sealed *s, const struct keyfile_public *about,
                          struct bytes passphrase)
{
    struct locked *key = NULL, *plain = NULL;
    if (locked_new(&plain, s->len) != KZ_OK)
        return fail(problem, KZ_IO, MEMORY_TEXT);
    enum kz_err err = derive_key(&key, problem, s, passphrase);
    if (err == KZ_OK) {
        char *header = sealed_header(s, about);
        struct gcm g = cipher_of(s, key, header);
        err = gcm_open(locked_data(plain), &g, (struct bytes){s->ciphertext, s->len},
                       s->tag);
        if (err != KZ_OK)
            fail(problem, err, err == KZ_RANGE ? WRONG_TEXT : "decryption failed");
        mem_free(header);
    }
    if (err == KZ_OK)
        err = take_secret(out, problem, locked_bytes(plain), s->len);
    locked_free(key);
    locked_free(plain);
    return err;
}

/* --- making one ------------------------------------------------------------------- */

static enum kz_err check_descriptor(struct key_problem *problem,
                                    const struct network *network, const char *text)
{
    struct descriptor d;
    struct descriptor_problem wrong = {NULL, 0};
    bool has_private = false;
    enum kz_err err = descriptor_parse(&d, &wrong, network, text, strlen(text));
    if (err != KZ_OK)
        return fail(problem, KZ_RANGE, wrong.why);
    for (size_t i = 0; i < d.key_count; i++)
        has_private = has_private || d.keys[i].key.is_private;
    descriptor_wipe(&d);
    if (has_private)
        return fail(problem, KZ_RANGE,
                    "the descriptors are not encrypted: no private "
                    "key may be in them");
    return KZ_OK;
}

static enum kz_err check_secret(struct key_problem *problem,
                                const struct keyfile_plan *plan)
{
    const struct network *network = plan->about->network;
    const char *text = (const char *)plan->secret.p, *why = "no seed of 16 to 64 bytes";
    size_t len = plan->secret.len;
    uint8_t key[PRIVATE_KEY_SIZE];
    struct bip32_key extended = {0};
    bool compressed = false, ok = false;
    switch (plan->kind) {
    case KEYFILE_SEED:
        ok = len >= BIP32_SEED_MIN && len <= BIP32_SEED_MAX;
        break;
    case KEYFILE_WIF:
        ok = wif_parse(key, &compressed, &why, network, text, len) == KZ_OK;
        explicit_bzero(key, sizeof(key));
        break;
    case KEYFILE_XPRV:
        ok = bip32_parse(&extended, &why, text, len) == KZ_OK;
        if (ok && !(extended.is_private &&
                    extended.is_test == (network != network_of(CONF_MAIN)))) {
            why = "no extended private key of this network";
            ok = false;
        }
        bip32_wipe(&extended);
        break;
    }
    return ok ? KZ_OK : fail(problem, KZ_RANGE, why);
}

static enum kz_err check_plan(struct key_problem *problem,
                              const struct keyfile_plan *plan)
{
    const struct keyfile_public *about = plan->about;
    if (plan->passphrase.len == 0)
        return fail(problem, KZ_RANGE, "the passphrase is empty");
    enum kz_err err = check_descriptor(problem, about->network, about->receive);
    if (err == KZ_OK)
        err = check_descriptor(problem, about->network, about->change);
    if (err == KZ_OK)
        err = check_secret(problem, plan);
    return err;
}

static enum kz_err write_file(const char *path, struct key_problem *problem,
                              const char *text)
{
    char why[PRIVATE_FILE_WHY_SIZE];
    struct private_file f = {AT_FDCWD, path};
    enum kz_err err = private_file_create(&f, why, text, strlen(text));
    return err == KZ_OK ? KZ_OK : fail_file(problem, err, why);
}

enum kz_err keyfile_create(const char *path, struct key_problem *problem,
                           const struct keyfile_plan *plan)
{
    struct sealed s = {.n = plan->scrypt_n != 0 ? plan->scrypt_n : KEYFILE_N_DEFAULT,
                       .r = SCRYPT_R,
                       .p = SCRYPT_P};
    assert(s.n >= KEYFILE_N_MIN && s.n <= KEYFILE_N_MAX && (s.n & (s.n - 1)) == 0);
    enum kz_err err = check_plan(problem, plan);
    if (err != KZ_OK)
        return err;
    if (RAND_bytes(s.salt, sizeof(s.salt)) != 1 ||
        RAND_bytes(s.nonce, sizeof(s.nonce)) != 1)
        return fail(problem, KZ_IO, "no random bytes");
    err = seal(&s, problem, plan);
    if (err != KZ_OK)
        return err;
    char *text = sealed_format(&s, plan->about);
    err = write_file(path, problem, text);
    mem_free(text);
    return err;
}

/* --- reading one ------------------------------------------------------------------ */

static enum kz_err read_file(struct sealed *s, struct keyfile_public *about,
                             struct key_problem *problem, const char *path)
{
    char why[PRIVATE_FILE_WHY_SIZE], *text = mem_new(FILE_MAX);
    struct private_file f = {AT_FDCWD, path};
    size_t len = 0;
    enum kz_err err = private_file_read(text, &len, why, &f, FILE_MAX);
    if (err == KZ_EMPTY)
        fail(problem, err, "there is no key file");
    else if (err != KZ_OK)
        fail_file(problem, err, why);
    else
        err = sealed_parse(s, about, problem, text, len);
    mem_free(text);
    return err;
}

enum kz_err keyfile_read_public(struct keyfile_public *about,
                                struct key_problem *problem, const char *path)
{
    struct sealed unused;
    return read_file(&unused, about, problem, path);
}

enum kz_err keyfile_open(struct keyfile_public *about, struct keyfile_secret *secret,
                         struct key_problem *problem, const char *path,
                         struct bytes passphrase)
{
    struct sealed s;
    struct keyfile_public read = {0};
    enum kz_err err = read_file(&s, &read, problem, path);
    if (err == KZ_OK)
        err = unseal(secret, problem, &s, &read, passphrase);
    if (err == KZ_OK)
        *about = read;
    return err;
}
