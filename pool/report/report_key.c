#include "pool/report/report_key.h"

#include "conf/mem.h"
#include "pool/key_disk.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define FORMAT 1

static enum kz_err fail(struct key_problem *problem, enum kz_err err, const char *text)
{
    snprintf(problem->text, sizeof(problem->text), "%s", text);
    return err;
}

/* --- the file's text ------------------------------------------------------------------ */

static json_t *header_json(const struct sealed *s,
                           const struct report_key_public *about)
{
    char key[2 * XONLY_SIZE + 1];
    hex_encode(key, about->key, sizeof(about->key));
    json_t *root = json_pack("{s:i, s:s, s:I}", "kariz_report_key", FORMAT, "public",
                             key, "created_ms", (json_int_t)about->created_ms);
    assert(root != NULL);
    sealed_put_header(root, s);
    return root;
}

static enum kz_err parse(struct sealed *s, struct report_key_public *about,
                         struct key_problem *problem, const char *text, size_t len)
{
    struct sealed_members m = {0};
    struct report_key_public read = {0};
    json_int_t format = 0, created = 0;
    const char *key = NULL;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    enum kz_err err = KZ_OK;
    if (root == NULL ||
        json_unpack_ex(root, NULL, JSON_STRICT,
                       "{s:I, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:I, s:s, s:s}",
                       "kariz_report_key", &format, "kdf", &m.kdf, "n", &m.n, "r", &m.r,
                       "p", &m.p, "salt", &m.salt, "cipher", &m.cipher, "nonce",
                       &m.nonce, "public", &key, "created_ms", &created, "ciphertext",
                       &m.ciphertext, "tag", &m.tag) != 0)
        err = fail(problem, KZ_PARSE, "not a key file of reports");
    else if (format != FORMAT)
        err = fail(problem, KZ_RANGE, "a key file of another version");
    else if (hex_decode(read.key, sizeof(read.key), key, strlen(key)) != KZ_OK)
        err = fail(problem, KZ_PARSE, "\"public\" is no key in hex");
    else
        err = sealed_read(s, problem, &m);
    if (err == KZ_OK) {
        read.created_ms = created;
        *about = read;
    }
    json_decref(root);
    return err;
}

static enum kz_err read_file(struct sealed *s, struct report_key_public *about,
                             struct key_problem *problem, const char *path)
{
    char *text = NULL;
    size_t len = 0;
    enum kz_err err = key_disk_read(&text, &len, problem, path);
    if (err == KZ_OK)
        err = parse(s, about, problem, text, len);
    mem_free(text);
    return err;
}

/* --- keys ----------------------------------------------------------------------------- */

static enum kz_err public_of(uint8_t out[XONLY_SIZE], struct key_problem *problem,
                             const uint8_t secret[PRIVATE_KEY_SIZE])
{
    uint8_t point[PUBKEY_SIZE];
    struct sign_context *c = sign_context_new();
    enum kz_err err = sign_public_key(point, c, secret);
    sign_context_free(c);
    if (err != KZ_OK)
        return fail(problem, err, "no private key");
    memcpy(out, point + 1, XONLY_SIZE);
    return KZ_OK;
}

static enum kz_err write_key(struct report_key_public *about,
                             struct key_problem *problem, const char *path,
                             const struct locked *secret, struct bytes passphrase,
                             uint32_t scrypt_n)
{
    struct sealed s;
    struct bytes plain = {locked_bytes(secret), PRIVATE_KEY_SIZE};
    enum kz_err err = sealed_begin(&s, problem, scrypt_n);
    if (err != KZ_OK)
        return err;
    char *header = sealed_dump_header(header_json(&s, about));
    err = sealed_close(&s, problem, header, plain, passphrase);
    mem_free(header);
    if (err != KZ_OK)
        return err;
    json_t *whole = header_json(&s, about);
    sealed_put_body(whole, &s);
    char *text = sealed_dump(whole);
    err = key_disk_create(path, problem, text);
    mem_free(text);
    return err;
}

enum kz_err report_key_create(struct report_key_public *out,
                              struct key_problem *problem, const char *path,
                              int64_t now_ms, struct bytes passphrase,
                              uint32_t scrypt_n)
{
    struct locked *secret = NULL;
    struct report_key_public about = {.created_ms = now_ms};
    if (passphrase.len == 0)
        return fail(problem, KZ_RANGE, "the passphrase is empty");
    if (locked_new(&secret, PRIVATE_KEY_SIZE) != KZ_OK)
        return fail(problem, KZ_IO, "no memory can be locked for the key");
    enum kz_err err = KZ_OK;
    if (RAND_priv_bytes(locked_data(secret), PRIVATE_KEY_SIZE) != 1)
        err = fail(problem, KZ_IO, "no random bytes");
    if (err == KZ_OK)
        err = public_of(about.key, problem, locked_bytes(secret));
    if (err == KZ_OK)
        err = write_key(&about, problem, path, secret, passphrase, scrypt_n);
    locked_free(secret);
    if (err == KZ_OK)
        *out = about;
    return err;
}

enum kz_err report_key_read_public(struct report_key_public *out,
                                   struct key_problem *problem, const char *path)
{
    struct sealed unused;
    return read_file(&unused, out, problem, path);
}

enum kz_err report_key_open(struct locked **secret, struct report_key_public *out,
                            struct key_problem *problem, const char *path,
                            struct bytes passphrase)
{
    struct sealed s;
    struct report_key_public about;
    struct locked *plain = NULL;
    uint8_t key[XONLY_SIZE];
    enum kz_err err = read_file(&s, &about, problem, path);
    if (err != KZ_OK)
        return err;
    char *header = sealed_dump_header(header_json(&s, &about));
    err = sealed_open(&plain, problem, &s, header, passphrase);
    mem_free(header);
    if (err == KZ_OK && locked_size(plain) != PRIVATE_KEY_SIZE)
        err = fail(problem, KZ_RANGE, "a secret of another length");
    if (err == KZ_OK)
        err = public_of(key, problem, locked_bytes(plain));
    if (err == KZ_OK && memcmp(key, about.key, sizeof(key)) != 0)
        err = fail(problem, KZ_RANGE, "\"public\" is not of this key");
    if (err != KZ_OK) {
        locked_free(plain);
        return err;
    }
    *secret = plain;
    *out = about;
    return KZ_OK;
}

/* --- on paper ------------------------------------------------------------------------- */

void report_key_fingerprint(char out[REPORT_KEY_FINGERPRINT_SIZE],
                            const uint8_t key[XONLY_SIZE])
{
    char *to = out;
    for (size_t i = 0; i < XONLY_SIZE; i += 2) {
        if (i > 0)
            *to++ = ' ';
        hex_encode(to, key + i, 2);
        to += 4;
    }
}

enum kz_err report_key_parse(uint8_t key[XONLY_SIZE], const char *text)
{
    char digits[2 * XONLY_SIZE];
    size_t count = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == ' ')
            continue;
        if (count == sizeof(digits))
            return KZ_PARSE;
        digits[count++] = *p;
    }
    return hex_decode(key, XONLY_SIZE, digits, count);
}
