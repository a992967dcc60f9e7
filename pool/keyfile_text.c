#include "pool/keyfile_text.h"

#include "conf/mem.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 1

/* As the JSON has it; texts are borrowed from it. */
struct members {
    json_int_t format, created_ms;
    const char *network, *receive, *change;
    struct sealed_members sealed;
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
               "kariz_key", &m->format, "kdf", &m->sealed.kdf, "n", &m->sealed.n, "r",
               &m->sealed.r, "p", &m->sealed.p, "salt", &m->sealed.salt, "cipher",
               &m->sealed.cipher, "nonce", &m->sealed.nonce, "network", &m->network,
               "descriptors", "receive", &m->receive, "change", &m->change,
               "created_ms", &m->created_ms, "ciphertext", &m->sealed.ciphertext, "tag",
               &m->sealed.tag) == 0;
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
    if (err == KZ_OK && m.format != FORMAT)
        err = refuse(problem, KZ_RANGE, "a key file of another version", "");
    if (err == KZ_OK)
        err = sealed_read(&read, problem, &m.sealed);
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
    json_t *root =
        json_pack("{s:i, s:s, s:{s:s, s:s}, s:I}", "kariz_key", FORMAT, "network",
                  about->network->name, "descriptors", "receive", about->receive,
                  "change", about->change, "created_ms", (json_int_t)about->created_ms);
    assert(root != NULL);
    sealed_put_header(root, s);
    return root;
}

char *sealed_header(const struct sealed *s, const struct keyfile_public *about)
{
    return sealed_dump_header(header_json(s, about));
}

char *sealed_format(const struct sealed *s, const struct keyfile_public *about)
{
    json_t *root = header_json(s, about);
    sealed_put_body(root, s);
    return sealed_dump(root);
}
