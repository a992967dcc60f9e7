#include "pool/keyfile_text.h"

#include "conf/mem.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT       1
#define KDF          "scrypt"
#define CIPHER       "aes-256-gcm"
#define SCRYPT_R_MAX 32
#define SCRYPT_P_MAX 16
#define MEMORY_MAX   (UINT64_C(2) << 30)

/* As the JSON has it; texts are borrowed from it. */
struct members {
    json_int_t format, n, r, p, created_ms;
    const char *kdf, *salt, *cipher, *nonce, *network, *receive, *change;
    const char *ciphertext, *tag;
};

static enum kz_err refuse(struct key_problem *problem, enum kz_err err,
                          const char *text, const char *detail)
{
    snprintf(problem->text, sizeof(problem->text), "%s%s", text, detail);
    return err;
}

/* All of them and no other. */
static bool unpack(struct members *m, json_error_t *why, json_t *root)
{
    return json_unpack_ex(
               root, why, JSON_STRICT,
               "{s:I, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:I, "
               "s:s, s:s}",
               "kariz_key", &m->format, "kdf", &m->kdf, "n", &m->n, "r", &m->r, "p",
               &m->p, "salt", &m->salt, "cipher", &m->cipher, "nonce", &m->nonce,
               "network", &m->network, "descriptors", "receive", &m->receive, "change",
               &m->change, "created_ms", &m->created_ms, "ciphertext", &m->ciphertext,
               "tag", &m->tag) == 0;
}

static bool is_hex_of(uint8_t *out, size_t len, const char *text)
{
    return hex_decode(out, len, text, strlen(text)) == KZ_OK;
}

/* The file says how much work and memory opening it takes: not beyond what is sane. */
static bool read_scrypt(struct sealed *s, const struct members *m)
{
    if (m->n < KEYFILE_N_MIN || m->n > KEYFILE_N_MAX || (m->n & (m->n - 1)) != 0 ||
        m->r < 1 || m->r > SCRYPT_R_MAX || m->p < 1 || m->p > SCRYPT_P_MAX ||
        128 * (uint64_t)m->n * (uint64_t)m->r > MEMORY_MAX)
        return false;
    s->n = (uint32_t)m->n;
    s->r = (uint32_t)m->r;
    s->p = (uint32_t)m->p;
    return true;
}

static enum kz_err read_sealed(struct sealed *s, struct key_problem *problem,
                               const struct members *m)
{
    if (m->format != FORMAT || strcmp(m->kdf, KDF) != 0 ||
        strcmp(m->cipher, CIPHER) != 0)
        return refuse(problem, KZ_RANGE, "a key file of another version", "");
    if (!read_scrypt(s, m))
        return refuse(problem, KZ_RANGE, "scrypt's n, r or p is outside the bounds",
                      "");
    if (!is_hex_of(s->salt, sizeof(s->salt), m->salt) ||
        !is_hex_of(s->nonce, sizeof(s->nonce), m->nonce) ||
        !is_hex_of(s->tag, sizeof(s->tag), m->tag) ||
        hex_decode_some(s->ciphertext, &s->len, sizeof(s->ciphertext), m->ciphertext,
                        strlen(m->ciphertext)) != KZ_OK ||
        s->len < 2)
        return refuse(problem, KZ_PARSE,
                      "salt, nonce, tag or ciphertext is no hex of its length", "");
    return KZ_OK;
}

static bool copy_text(char out[DESCRIPTOR_TEXT_MAX + 1], const char *text)
{
    size_t len = strlen(text);
    if (len > DESCRIPTOR_TEXT_MAX)
        return false;
    memcpy(out, text, len + 1);
    return true;
}

static enum kz_err read_about(struct keyfile_public *about, struct key_problem *problem,
                              const struct members *m)
{
    about->network = NULL;
    for (int n = CONF_MAIN; n <= CONF_REGTEST; n++)
        if (strcmp(network_of((enum conf_network)n)->name, m->network) == 0)
            about->network = network_of((enum conf_network)n);
    if (about->network == NULL)
        return refuse(problem, KZ_RANGE, "of a network unknown here", "");
    if (!copy_text(about->receive, m->receive) || !copy_text(about->change, m->change))
        return refuse(problem, KZ_RANGE, "a descriptor above 4096 characters", "");
    about->created_ms = m->created_ms;
    return KZ_OK;
}

enum kz_err sealed_parse(struct sealed *s, struct keyfile_public *about,
                         struct key_problem *problem, const char *text, size_t len)
{
    json_error_t why = {0};
    struct members m = {0};
    struct sealed read = {0};
    struct keyfile_public read_public = {0};
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    enum kz_err err = KZ_OK;
    if (root == NULL || !unpack(&m, &why, root))
        err = refuse(problem, KZ_PARSE, "not a key file: ", why.text);
    if (err == KZ_OK)
        err = read_sealed(&read, problem, &m);
    if (err == KZ_OK)
        err = read_about(&read_public, problem, &m);
    if (err == KZ_OK) {
        *s = read;
        *about = read_public;
    }
    json_decref(root);
    return err;
}

static json_t *header_json(const struct sealed *s, const struct keyfile_public *about)
{
    char salt[2 * KEYFILE_SALT_SIZE + 1], nonce[2 * KEYFILE_NONCE_SIZE + 1];
    hex_encode(salt, s->salt, sizeof(s->salt));
    hex_encode(nonce, s->nonce, sizeof(s->nonce));
    json_t *root = json_pack(
        "{s:i, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:I}", "kariz_key",
        FORMAT, "kdf", KDF, "n", (json_int_t)s->n, "r", (json_int_t)s->r, "p",
        (json_int_t)s->p, "salt", salt, "cipher", CIPHER, "nonce", nonce, "network",
        about->network->name, "descriptors", "receive", about->receive, "change",
        about->change, "created_ms", (json_int_t)about->created_ms);
    assert(root != NULL);
    return root;
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

char *sealed_header(const struct sealed *s, const struct keyfile_public *about)
{
    return dump(header_json(s, about), JSON_COMPACT | JSON_SORT_KEYS);
}

char *sealed_format(const struct sealed *s, const struct keyfile_public *about)
{
    char ciphertext[2 * sizeof(s->ciphertext) + 1], tag[2 * KEYFILE_TAG_SIZE + 1];
    json_t *root = header_json(s, about);
    hex_encode(ciphertext, s->ciphertext, s->len);
    hex_encode(tag, s->tag, sizeof(s->tag));
    json_object_set_new(root, "ciphertext", json_string(ciphertext));
    json_object_set_new(root, "tag", json_string(tag));
    return dump(root, JSON_INDENT(2));
}
