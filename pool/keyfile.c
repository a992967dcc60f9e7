#include "pool/keyfile.h"

#include "conf/mem.h"
#include "payout/wif.h"
#include "pool/keyfile_text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static enum kz_err fail_errno(struct key_problem *problem, const char *what)
{
    snprintf(problem->text, sizeof(problem->text), "%s: %s", what, strerror(errno));
    return KZ_IO;
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

/* `in` to `out`, of the same length; false where the tag is not right, or (only if
 * OpenSSL fails) where it could not be made. */
static bool crypt_bytes(uint8_t *out, struct sealed *s, const uint8_t *in, size_t len,
                        const struct locked *key, const char *header, bool encrypt)
{
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = x != NULL &&
              EVP_CipherInit_ex(x, EVP_aes_256_gcm(), NULL, locked_bytes(key), s->nonce,
                                encrypt) == 1 &&
              EVP_CipherUpdate(x, NULL, &n, (const uint8_t *)header,
                               (int)strlen(header)) == 1 &&
              EVP_CipherUpdate(x, out, &n, in, (int)len) == 1 && (size_t)n == len;
    if (ok && !encrypt)
        ok =
            EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_SET_TAG, KEYFILE_TAG_SIZE, s->tag) == 1;
    ok = ok && EVP_CipherFinal_ex(x, out + len, &n) == 1;
    if (ok && encrypt)
        ok =
            EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_GET_TAG, KEYFILE_TAG_SIZE, s->tag) == 1;
    EVP_CIPHER_CTX_free(x); /* wipes the key's schedule */
    return ok;
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
        if (!crypt_bytes(s->ciphertext, s, p, s->len, key, header, true))
            err = fail(problem, KZ_IO, "encryption failed");
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
        if (!crypt_bytes(locked_data(plain), s, s->ciphertext, s->len, key, header,
                         false))
            err = fail(problem, KZ_RANGE, WRONG_TEXT);
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

static enum kz_err write_all(int fd, struct key_problem *problem, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(problem, "the key file cannot be written");
        text += n;
        len -= (size_t)n;
    }
    if (fsync(fd) != 0)
        return fail_errno(problem, "the key file cannot be synced");
    return KZ_OK;
}

/* So that the name, too, is there after a power cut. */
static enum kz_err sync_folder(struct key_problem *problem, const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (len >= sizeof(folder))
        return fail(problem, KZ_RANGE, "the path is too long");
    if (len > 0) {
        memcpy(folder, path, len);
        folder[len] = '\0';
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(problem, "the key file's folder cannot be opened");
    enum kz_err err = KZ_OK;
    if (fsync(fd) != 0)
        err = fail_errno(problem, "the key file's folder cannot be synced");
    close(fd);
    return err;
}

static enum kz_err write_file(const char *path, struct key_problem *problem,
                              const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return fail(problem, KZ_RANGE, "the file exists: keys are never written over");
    if (fd < 0)
        return fail_errno(problem, "the key file cannot be made");
    enum kz_err err = write_all(fd, problem, text);
    if (close(fd) != 0 && err == KZ_OK)
        err = fail_errno(problem, "the key file cannot be closed");
    if (err == KZ_OK)
        err = sync_folder(problem, path);
    if (err != KZ_OK)
        unlink(path); /* ours, and not whole */
    return err;
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

static enum kz_err check_file(int fd, struct key_problem *problem)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_errno(problem, "the key file cannot be looked at");
    if (!S_ISREG(st.st_mode))
        return fail(problem, KZ_RANGE, "not a regular file");
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return fail(problem, KZ_RANGE,
                    "another user's file: it must be this user's or root's");
    if ((st.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) != 0)
        return fail(problem, KZ_RANGE,
                    "others than its owner may read or write it: chmod 600");
    if (st.st_size > FILE_MAX)
        return fail(problem, KZ_RANGE, "too large for a key file");
    return KZ_OK;
}

static enum kz_err read_text(char *text, size_t *len, struct key_problem *problem,
                             int fd)
{
    size_t got = 0;
    while (got < FILE_MAX) {
        ssize_t n = read(fd, text + got, FILE_MAX - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(problem, "the key file cannot be read");
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *len = got;
    return KZ_OK;
}

static enum kz_err read_file(struct sealed *s, struct keyfile_public *about,
                             struct key_problem *problem, const char *path)
{
    size_t len = 0;
    /* O_NONBLOCK: a named pipe there must not stop the program. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return fail(problem, KZ_EMPTY, "there is no key file");
    if (fd < 0)
        return fail_errno(problem, "the key file cannot be opened");
    char *text = mem_new(FILE_MAX);
    enum kz_err err = check_file(fd, problem);
    if (err == KZ_OK)
        err = read_text(text, &len, problem, fd);
    close(fd);
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
