#include "pool/sealed.h"

#include "conf/mem.h"
#include "share/gcm.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KDF          "scrypt"
#define CIPHER       "aes-256-gcm"
#define SCRYPT_R     8
#define SCRYPT_P     1
#define SCRYPT_R_MAX 32
#define SCRYPT_P_MAX 16
#define MEMORY_MAX   (UINT64_C(2) << 30)
#define CIPHER_KEY   32
#define WRONG_TEXT   "the passphrase is wrong, or the file was changed"
#define MEMORY_TEXT  "no memory can be locked for the key"

static enum kz_err fail(struct key_problem *problem, enum kz_err err, const char *text)
{
    snprintf(problem->text, sizeof(problem->text), "%s", text);
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

static struct gcm gcm_of(const struct sealed *s, const struct locked *key,
                         const char *header)
{
    return (struct gcm){.key = locked_bytes(key),
                        .nonce = s->nonce,
                        .open_text = {(const uint8_t *)header, strlen(header)}};
}

enum kz_err sealed_begin(struct sealed *s, struct key_problem *problem,
                         uint32_t scrypt_n)
{
    struct sealed fresh = {
        .n = scrypt_n != 0 ? scrypt_n : SEALED_N_DEFAULT, .r = SCRYPT_R, .p = SCRYPT_P};
    assert(fresh.n >= SEALED_N_MIN && fresh.n <= SEALED_N_MAX &&
           (fresh.n & (fresh.n - 1)) == 0);
    if (RAND_bytes(fresh.salt, sizeof(fresh.salt)) != 1 ||
        RAND_bytes(fresh.nonce, sizeof(fresh.nonce)) != 1)
        return fail(problem, KZ_IO, "no random bytes");
    *s = fresh;
    return KZ_OK;
}

enum kz_err sealed_close(struct sealed *s, struct key_problem *problem,
                         const char *header, struct bytes secret,
                         struct bytes passphrase)
{
    struct locked *key = NULL;
    assert(secret.len > 0 && secret.len <= SEALED_SECRET_MAX);
    enum kz_err err = derive_key(&key, problem, s, passphrase);
    if (err != KZ_OK)
        return err;
    s->len = secret.len;
    const struct gcm g = gcm_of(s, key, header);
    if (gcm_seal(s->ciphertext, s->tag, &g, secret) != KZ_OK)
        err = fail(problem, KZ_IO, "encryption failed");
    locked_free(key);
    return err;
}

enum kz_err sealed_open(struct locked **secret, struct key_problem *problem,
                        const struct sealed *s, const char *header,
                        struct bytes passphrase)
{
    struct locked *key = NULL, *plain = NULL;
    if (locked_new(&plain, s->len) != KZ_OK)
        return fail(problem, KZ_IO, MEMORY_TEXT);
    enum kz_err err = derive_key(&key, problem, s, passphrase);
    if (err == KZ_OK) {
        const struct gcm g = gcm_of(s, key, header);
        err = gcm_open(locked_data(plain), &g, (struct bytes){s->ciphertext, s->len},
                       s->tag);
        if (err == KZ_RANGE)
            fail(problem, err, WRONG_TEXT);
        else if (err != KZ_OK)
            fail(problem, err, "decryption failed");
    }
    locked_free(key);
    if (err == KZ_OK)
        *secret = plain;
    else
        locked_free(plain);
    return err;
}

/* --- as JSON -------------------------------------------------------------------------- */

static bool is_hex_of(uint8_t *out, size_t len, const char *text)
{
    return hex_decode(out, len, text, strlen(text)) == KZ_OK;
}

/* The file says how much work and memory opening it takes: not beyond what is sane. */
static bool read_scrypt(struct sealed *s, const struct sealed_members *m)
{
    if (m->n < SEALED_N_MIN || m->n > SEALED_N_MAX || (m->n & (m->n - 1)) != 0 ||
        m->r < 1 || m->r > SCRYPT_R_MAX || m->p < 1 || m->p > SCRYPT_P_MAX ||
        128 * (uint64_t)m->n * (uint64_t)m->r > MEMORY_MAX)
        return false;
    s->n = (uint32_t)m->n;
    s->r = (uint32_t)m->r;
    s->p = (uint32_t)m->p;
    return true;
}

enum kz_err sealed_read(struct sealed *s, struct key_problem *problem,
                        const struct sealed_members *m)
{
    struct sealed read = {0};
    if (strcmp(m->kdf, KDF) != 0 || strcmp(m->cipher, CIPHER) != 0)
        return fail(problem, KZ_RANGE, "a key file of another version");
    if (!read_scrypt(&read, m))
        return fail(problem, KZ_RANGE, "scrypt's n, r or p is outside the bounds");
    if (!is_hex_of(read.salt, sizeof(read.salt), m->salt) ||
        !is_hex_of(read.nonce, sizeof(read.nonce), m->nonce) ||
        !is_hex_of(read.tag, sizeof(read.tag), m->tag) ||
        hex_decode_some(read.ciphertext, &read.len, sizeof(read.ciphertext),
                        m->ciphertext, strlen(m->ciphertext)) != KZ_OK ||
        read.len < 2)
        return fail(problem, KZ_PARSE,
                    "salt, nonce, tag or ciphertext is no hex of its length");
    *s = read;
    return KZ_OK;
}

static void put_hex(json_t *to, const char *name, const uint8_t *p, size_t len)
{
    char hex[2 * SEALED_SECRET_MAX + 1];
    hex_encode(hex, p, len);
    json_object_set_new(to, name, json_string(hex));
}

void sealed_put_header(json_t *to, const struct sealed *s)
{
    json_object_set_new(to, "kdf", json_string(KDF));
    json_object_set_new(to, "n", json_integer(s->n));
    json_object_set_new(to, "r", json_integer(s->r));
    json_object_set_new(to, "p", json_integer(s->p));
    put_hex(to, "salt", s->salt, sizeof(s->salt));
    json_object_set_new(to, "cipher", json_string(CIPHER));
    put_hex(to, "nonce", s->nonce, sizeof(s->nonce));
}

void sealed_put_body(json_t *to, const struct sealed *s)
{
    put_hex(to, "ciphertext", s->ciphertext, s->len);
    put_hex(to, "tag", s->tag, sizeof(s->tag));
}

static char *dump(json_t *root, size_t flags)
{
    char *made = json_dumps(root, flags);
    json_decref(root);
    assert(made != NULL);
    char *text = mem_text(made);
    free(made); /* allowed: jansson's */
    return text;
}

char *sealed_dump_header(json_t *header)
{
    return dump(header, JSON_COMPACT | JSON_SORT_KEYS);
}

char *sealed_dump(json_t *whole)
{
    return dump(whole, JSON_INDENT(2));
}
