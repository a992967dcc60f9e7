#include "pool/audit/vault.h"

#include "conf/fault.h"
#include "conf/mem.h"
#include "conf/private_file.h"
#include "pool/audit/vault_parts.h"
#include "pool/canon.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const folders[] = {"keys", "erased", "data"};

#define FOLDERS (sizeof(folders) / sizeof(folders[0]))

/* --- its folder ------------------------------------------------------------------- */

static enum kz_err check_folder(int fd, char why[VAULT_WHY_SIZE], const char *name)
{
    char inner[PRIVATE_FILE_WHY_SIZE];
    enum kz_err err = private_folder_check(fd, inner);
    return err == KZ_OK ? KZ_OK : vault_fail(why, err, "%s %s", name, inner);
}

static enum kz_err open_folder(struct vault *v, char why[VAULT_WHY_SIZE],
                               const char *path)
{
    v->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (v->dir < 0 && errno == ENOENT)
        return vault_fail(why, KZ_EMPTY, "there is no vault");
    if (v->dir < 0)
        return vault_fail_errno(why, "the vault's folder", "cannot be opened");
    return check_folder(v->dir, why, "the vault's folder");
}

static enum kz_err lock_folder(struct vault *v, char why[VAULT_WHY_SIZE],
                               const char *path)
{
    enum kz_err err = open_folder(v, why, path);
    if (err != KZ_OK || flock(v->dir, LOCK_EX | LOCK_NB) == 0)
        return err;
    if (errno == EWOULDBLOCK)
        return vault_fail(why, KZ_BUSY, "another program has the vault open");
    return vault_fail_errno(why, "the vault's folder", "cannot be locked");
}

static enum kz_err check_folders(const struct vault *v, char why[VAULT_WHY_SIZE])
{
    if (!vault_has(v, "data"))
        return vault_fail(why, KZ_EMPTY,
                          "there is no vault, or one that was begun only");
    for (size_t i = 0; i < FOLDERS; i++) {
        int fd =
            openat(v->dir, folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 && errno == ENOENT)
            return vault_fail(why, KZ_RANGE, "the vault has no folder %s", folders[i]);
        if (fd < 0)
            return vault_fail_errno(why, folders[i], "cannot be opened");
        enum kz_err err = check_folder(fd, why, folders[i]);
        close(fd);
        if (err != KZ_OK)
            return err;
    }
    return KZ_OK;
}

/* --- what was interrupted --------------------------------------------------------- */

static bool is_leftover(const char *name)
{
    size_t len = strlen(name), end = strlen(VAULT_TEMP_SUFFIX);
    return len > end && strcmp(name + len - end, VAULT_TEMP_SUFFIX) == 0;
}

static enum kz_err clear_leftovers(const struct vault *v, char why[VAULT_WHY_SIZE],
                                   const char *folder)
{
    json_t *names = NULL;
    enum kz_err err = vault_names(&names, why, v, folder);
    for (size_t i = 0; err == KZ_OK && i < json_array_size(names); i++) {
        char path[PATH_MAX];
        const char *name = json_string_value(json_array_get(names, i));
        if (name == NULL || !is_leftover(name))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, name);
        err = vault_destroy(v, why, path);
    }
    json_decref(names);
    return err;
}

static enum kz_err forget(const struct vault *v, char why[VAULT_WHY_SIZE],
                          const struct miner_id *miner)
{
    char key[VAULT_NAME_SIZE], data[VAULT_NAME_SIZE];
    vault_name(key, "keys", miner);
    vault_name(data, "data", miner);
    enum kz_err err = vault_destroy(v, why, key);
    FAULT_POINT("vault_key_destroyed");
    return err == KZ_OK ? vault_destroy(v, why, data) : err;
}

static enum kz_err finish_erasing(const struct vault *v, char why[VAULT_WHY_SIZE])
{
    json_t *names = NULL;
    enum kz_err err = vault_names(&names, why, v, "erased");
    for (size_t i = 0; err == KZ_OK && i < json_array_size(names); i++) {
        struct miner_id miner;
        char key[VAULT_NAME_SIZE], data[VAULT_NAME_SIZE];
        const char *name = json_string_value(json_array_get(names, i));
        if (name == NULL || miner_id_parse(&miner, name, strlen(name)) != KZ_OK)
            continue;
        vault_name(key, "keys", &miner);
        vault_name(data, "data", &miner);
        if (vault_has(v, key) || vault_has(v, data))
            err = forget(v, why, &miner);
    }
    json_decref(names);
    return err;
}

static enum kz_err finish_interrupted(const struct vault *v, char why[VAULT_WHY_SIZE])
{
    enum kz_err err = clear_leftovers(v, why, ".");
    for (size_t i = 0; i < FOLDERS && err == KZ_OK; i++)
        err = clear_leftovers(v, why, folders[i]);
    return err == KZ_OK ? finish_erasing(v, why) : err;
}

/* --- making and opening ----------------------------------------------------------- */

static struct vault *vault_at(const struct vault_place *place)
{
    struct vault *v = mem_new(sizeof(*v));
    v->dir = -1;
    v->credential = place->credential == NULL ? NULL : mem_text(place->credential);
    return v;
}

/* `data` is made last: a vault that has it is whole. */
static enum kz_err make_parts(struct vault *v, char why[VAULT_WHY_SIZE])
{
    char inner[PRIVATE_FILE_WHY_SIZE];
    struct private_file any = {v->dir, VAULT_MASTER};
    bool needs_master = v->credential == NULL && !vault_has(v, VAULT_MASTER);
    if (needs_master && vault_has(v, folders[0])) /* made after it */
        return vault_fail(why, KZ_RANGE, "the vault has lost its master key");
    enum kz_err err = clear_leftovers(v, why, ".");
    if (err == KZ_OK && needs_master)
        err = vault_make_master(v, why, VAULT_MASTER);
    if (err != KZ_OK)
        return err;
    for (size_t i = 0; i < FOLDERS; i++) {
        FAULT_POINT("vault_create_folder");
        if (mkdirat(v->dir, folders[i], 0700) != 0 && errno != EEXIST)
            return vault_fail_errno(why, folders[i], "cannot be made");
        if (private_file_sync_folder(&any, inner) != KZ_OK)
            return vault_fail(why, KZ_IO, "%s %s", folders[i], inner);
    }
    return KZ_OK;
}

enum kz_err vault_create(char why[VAULT_WHY_SIZE], const struct vault_place *place)
{
    char inner[PRIVATE_FILE_WHY_SIZE];
    struct vault *v = vault_at(place);
    enum kz_err err = KZ_OK;
    if (mkdir(place->folder, 0700) != 0 && errno != EEXIST)
        err = vault_fail_errno(why, "the vault's folder", "cannot be made");
    if (err == KZ_OK)
        err = lock_folder(v, why, place->folder);
    if (err == KZ_OK && vault_has(v, "data"))
        err = vault_fail(why, KZ_RANGE, "there is a vault already");
    if (err == KZ_OK)
        err = make_parts(v, why);
    struct private_file f = {AT_FDCWD, place->folder};
    if (err == KZ_OK && private_file_sync_folder(&f, inner) != KZ_OK)
        err = vault_fail(why, KZ_IO, "the vault %s", inner);
    vault_close(v);
    return err;
}

/* KZ_EMPTY is for where there is no vault; one without its key is another matter. */
static enum kz_err load_masters(struct vault *v, char why[VAULT_WHY_SIZE])
{
    enum kz_err err = vault_load_masters(v, why);
    return err == KZ_EMPTY ? KZ_RANGE : err;
}

enum kz_err vault_open(struct vault **out, char why[VAULT_WHY_SIZE],
                       const struct vault_place *place)
{
    struct vault *v = vault_at(place);
    enum kz_err err = lock_folder(v, why, place->folder);
    if (err == KZ_OK)
        err = check_folders(v, why);
    if (err == KZ_OK)
        err = load_masters(v, why);
    if (err == KZ_OK)
        err = finish_interrupted(v, why);
    if (err == KZ_OK)
        *out = v;
    else
        vault_close(v);
    return err;
}

enum kz_err vault_open_reader(struct vault **out, char why[VAULT_WHY_SIZE],
                              const struct vault_place *place)
{
    struct vault *v = vault_at(place);
    enum kz_err err = open_folder(v, why, place->folder);
    if (err == KZ_OK)
        err = check_folders(v, why);
    if (err == KZ_OK)
        err = load_masters(v, why);
    if (err == KZ_OK)
        *out = v;
    else
        vault_close(v);
    return err;
}

void vault_close(struct vault *v)
{
    if (v == NULL)
        return;
    for (size_t i = 0; i < VAULT_MASTERS; i++)
        locked_free(v->master[i]);
    if (v->dir >= 0)
        close(v->dir); /* unlocks */
    mem_free(v->credential);
    mem_free(v);
}

/* --- one miner's values ----------------------------------------------------------- */

static bool is_erased(const struct vault *v, const struct miner_id *miner)
{
    char name[VAULT_NAME_SIZE];
    vault_name(name, "erased", miner);
    return vault_has(v, name);
}

static enum kz_err open_values(json_t **kept, char why[VAULT_WHY_SIZE],
                               const struct box *b, const struct locked *key)
{
    uint8_t *plain = mem_new(b->len);
    char inner[VAULT_WHY_SIZE] = "does not open: it was changed";
    json_t *read = NULL;
    enum kz_err err = box_open(plain, b, locked_bytes(key));
    if (err == KZ_OK) {
        err = canon_read(&read, (struct bytes){plain, b->len});
        if (err != KZ_OK)
            vault_fail(inner, err, "holds no values");
    }
    if (err == KZ_OK)
        err = values_check(inner, read);
    OPENSSL_cleanse(plain, b->len);
    mem_free(plain);
    if (err == KZ_OK) {
        *kept = read;
        return KZ_OK;
    }
    json_decref(read);
    return vault_fail(why, err, "data/%s %.200s", b->miner.text, inner);
}

/* KZ_EMPTY: nothing is kept, or not any more. */
static enum kz_err load(json_t **kept, uint64_t *version, char why[VAULT_WHY_SIZE],
                        const struct vault *v, const struct miner_id *miner)
{
    struct box b = {0};
    struct locked *key = NULL;
    if (is_erased(v, miner))
        return vault_fail(why, KZ_EMPTY, "%s: erased", miner->text);
    enum kz_err err = vault_read_box(&b, why, v, BOX_DATA, miner);
    if (err == KZ_OK) {
        err = vault_load_key(&key, why, v, miner);
        if (err == KZ_EMPTY)
            err = vault_fail(why, KZ_RANGE, "data/%s has lost its key", miner->text);
    }
    if (err == KZ_OK)
        err = open_values(kept, why, &b, key);
    if (err == KZ_OK)
        *version = b.version;
    locked_free(key);
    box_clear(&b);
    return err;
}

/* The key comes first: values without one would be lost. */
static enum kz_err need_key(struct locked **key, char why[VAULT_WHY_SIZE],
                            const struct vault *v, const struct miner_id *miner)
{
    enum kz_err err = vault_load_key(key, why, v, miner);
    if (err != KZ_EMPTY)
        return err;
    err = vault_make_key(key, why, v, miner);
    FAULT_POINT("vault_key_made");
    return err;
}

static enum kz_err seal_text(const struct vault *v, char why[VAULT_WHY_SIZE],
                             struct box *b, struct bytes text)
{
    struct locked *key = NULL;
    if (text.len > VAULT_VALUES_MAX)
        return vault_fail(why, KZ_RANGE, "%s: its values are above %d bytes",
                          b->miner.text, VAULT_VALUES_MAX);
    enum kz_err err = need_key(&key, why, v, &b->miner);
    if (err == KZ_OK) {
        err = box_seal(b, locked_bytes(key), text);
        if (err != KZ_OK)
            vault_fail(why, err, "data/%s cannot be sealed", b->miner.text);
    }
    if (err == KZ_OK)
        err = vault_write_box(v, why, b);
    locked_free(key);
    return err;
}

static enum kz_err store(const struct vault *v, char why[VAULT_WHY_SIZE],
                         const struct miner_id *miner, uint64_t version,
                         const json_t *kept)
{
    struct box b = {.kind = BOX_DATA, .miner = *miner, .version = version};
    char *text = NULL;
    size_t len = 0;
    if (canon_format(&text, &len, kept) != KZ_OK)
        return vault_fail(why, KZ_RANGE, "%s: a value has no canonical form (RFC 8785)",
                          miner->text);
    enum kz_err err = seal_text(v, why, &b, (struct bytes){(const uint8_t *)text, len});
    OPENSSL_cleanse(text, len);
    mem_free(text);
    box_clear(&b);
    return err;
}

enum kz_err vault_put(json_t **commitments, char why[VAULT_WHY_SIZE], struct vault *v,
                      const struct miner_id *miner, const json_t *values)
{
    json_t *kept = NULL, *made = NULL, *hashes = NULL;
    uint64_t version = 0;
    if (is_erased(v, miner))
        return vault_fail(why, KZ_RANGE, "%s: was erased, and ids are used once",
                          miner->text);
    enum kz_err err = load(&kept, &version, why, v, miner);
    if (err == KZ_EMPTY) {
        kept = json_object();
        err = KZ_OK;
    }
    if (err == KZ_OK)
        err = values_put(&made, &hashes, why, kept, values);
    if (err == KZ_OK && !json_equal(made, kept))
        err = store(v, why, miner, version + 1, made);
    if (err == KZ_OK)
        *commitments = json_incref(hashes);
    json_decref(hashes);
    json_decref(made);
    json_decref(kept);
    return err;
}

enum kz_err vault_get(json_t **out, char why[VAULT_WHY_SIZE], struct vault *v,
                      const struct miner_id *miner)
{
    json_t *kept = NULL;
    uint64_t version = 0;
    enum kz_err err = load(&kept, &version, why, v, miner);
    if (err == KZ_OK)
        *out = values_newest(kept);
    json_decref(kept);
    return err;
}

/* --- settling --------------------------------------------------------------------- */

/* What should be kept, beside what is. Nothing kept and nothing committed is fine. */
static enum kz_err compare(json_t **kept, json_t **made, uint64_t *version,
                           char why[VAULT_WHY_SIZE], struct vault *v,
                           const struct miner_id *miner, const json_t *commitments)
{
    json_t *read = NULL;
    char inner[VAULT_WHY_SIZE];
    enum kz_err err = load(&read, version, why, v, miner);
    if (err == KZ_EMPTY && json_object_size(commitments) > 0)
        return err;
    if (err == KZ_EMPTY)
        read = json_object();
    else if (err != KZ_OK)
        return err;
    err = values_settle(made, inner, read, commitments);
    if (err == KZ_OK)
        *kept = read;
    else
        json_decref(read);
    return err == KZ_OK ? KZ_OK
                        : vault_fail(why, err, "%s: %.200s", miner->text, inner);
}

enum kz_err vault_settle(struct vault *v, char why[VAULT_WHY_SIZE],
                         const struct miner_id *miner, const json_t *commitments)
{
    json_t *kept = NULL, *made = NULL;
    uint64_t version = 0;
    enum kz_err err = compare(&kept, &made, &version, why, v, miner, commitments);
    if (err == KZ_OK && !json_equal(kept, made))
        err = store(v, why, miner, version + 1, made);
    json_decref(kept);
    json_decref(made);
    return err;
}

enum kz_err vault_agrees(struct vault *v, char why[VAULT_WHY_SIZE],
                         const struct miner_id *miner, const json_t *commitments)
{
    json_t *kept = NULL, *made = NULL;
    uint64_t version = 0;
    enum kz_err err = compare(&kept, &made, &version, why, v, miner, commitments);
    json_decref(kept);
    json_decref(made);
    return err;
}

enum kz_err vault_get_committed(json_t **out, char why[VAULT_WHY_SIZE], struct vault *v,
                                const struct miner_id *miner, const json_t *commitments)
{
    json_t *kept = NULL, *made = NULL;
    uint64_t version = 0;
    enum kz_err err = compare(&kept, &made, &version, why, v, miner, commitments);
    if (err == KZ_OK)
        *out = values_newest(made);
    json_decref(kept);
    json_decref(made);
    return err;
}

/* --- forgetting ------------------------------------------------------------------- */

/* The mark comes first: from then on nothing is given out, whatever happens next, and an
 * interrupted erasing is finished by the next to open the vault. */
enum kz_err vault_erase(struct vault *v, char why[VAULT_WHY_SIZE],
                        const struct miner_id *miner)
{
    char mark[VAULT_NAME_SIZE], inner[PRIVATE_FILE_WHY_SIZE];
    vault_name(mark, "erased", miner);
    struct private_file f = {v->dir, mark};
    enum kz_err err = private_file_create(&f, inner, "", 0);
    if (err != KZ_OK && err != KZ_RANGE) /* that: it was begun before */
        return vault_fail(why, err, "%s %s", mark, inner);
    FAULT_POINT("vault_erase_marked");
    return forget(v, why, miner);
}
