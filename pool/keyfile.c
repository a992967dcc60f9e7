#include "pool/keyfile.h"

#include "conf/mem.h"
#include "payout/wif.h"
#include "pool/key_disk.h"
#include "pool/keyfile_text.h"

#include <stdio.h>
#include <string.h>

#define MEMORY_TEXT "no memory can be locked for the key"

static enum kz_err fail(struct key_problem *problem, enum kz_err err, const char *text)
{
    snprintf(problem->text, sizeof(problem->text), "%s", text);
    return err;
}

/* --- encryption ------------------------------------------------------------------- */

static enum kz_err seal(struct sealed *s, struct key_problem *problem,
                        const struct keyfile_plan *plan)
{
    struct locked *plain = NULL;
    size_t len = 1 + plan->secret.len;
    if (locked_new(&plain, len) != KZ_OK)
        return fail(problem, KZ_IO, MEMORY_TEXT);
    uint8_t *p = locked_data(plain);
    p[0] = (uint8_t)plan->kind;
    memcpy(p + 1, plan->secret.p, plan->secret.len);
    enum kz_err err = sealed_begin(s, problem, plan->scrypt_n);
    if (err == KZ_OK) {
        char *header = sealed_header(s, plan->about);
        err =
            sealed_close(s, problem, header, (struct bytes){p, len}, plan->passphrase);
        mem_free(header);
    }
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
                          const struct sealed *s, const struct keyfile_public *about,
                          struct bytes passphrase)
{
    struct locked *plain = NULL;
    char *header = sealed_header(s, about);
    enum kz_err err = sealed_open(&plain, problem, s, header, passphrase);
    mem_free(header);
    if (err == KZ_OK)
        err = take_secret(out, problem, locked_bytes(plain), s->len);
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

enum kz_err keyfile_create(const char *path, struct key_problem *problem,
                           const struct keyfile_plan *plan)
{
    struct sealed s;
    enum kz_err err = check_plan(problem, plan);
    if (err == KZ_OK)
        err = seal(&s, problem, plan);
    if (err != KZ_OK)
        return err;
    char *text = sealed_format(&s, plan->about);
    err = key_disk_create(path, problem, text);
    mem_free(text);
    return err;
}

/* --- reading one ------------------------------------------------------------------ */

static enum kz_err read_file(struct sealed *s, struct keyfile_public *about,
                             struct key_problem *problem, const char *path)
{
    char *text = NULL;
    size_t len = 0;
    enum kz_err err = key_disk_read(&text, &len, problem, path);
    if (err == KZ_OK)
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
