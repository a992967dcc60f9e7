#include "pool/audit/vault_parts.h"

#include <string.h>

/* --- listing ---------------------------------------------------------------------- */

static bool is_id(struct miner_id *miner, const json_t *name)
{
    const char *text = json_string_value(name);
    return text != NULL && miner_id_parse(miner, text, strlen(text)) == KZ_OK;
}

static bool has(const struct vault *v, const char *folder, const struct miner_id *miner)
{
    char name[VAULT_NAME_SIZE];
    vault_name(name, folder, miner);
    return vault_has(v, name);
}

enum kz_err vault_list(json_t **ids, char why[VAULT_WHY_SIZE], struct vault *v)
{
    json_t *names = NULL;
    enum kz_err err = vault_names(&names, why, v, "data");
    if (err != KZ_OK)
        return err;
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(names); i++) {
        struct miner_id miner;
        json_t *name = json_array_get(names, i);
        if (is_id(&miner, name) && !has(v, "erased", &miner))
            json_array_append(list, name);
    }
    json_decref(names);
    *ids = list;
    return KZ_OK;
}

/* --- checking --------------------------------------------------------------------- */

static void tell(json_t *problems, const char *text)
{
    json_t *line = json_string(text);
    /* A file's name may be no UTF-8. */
    json_array_append_new(problems,
                          line != NULL ? line : json_string("a strange name"));
}

typedef void check_fn(json_t *problems, struct vault *v, const struct miner_id *miner);

static void check_data(json_t *problems, struct vault *v, const struct miner_id *miner)
{
    char why[VAULT_WHY_SIZE];
    json_t *values = NULL;
    if (has(v, "erased", miner))
        vault_fail(why, KZ_RANGE, "data/%s is there, though erased: erase it again",
                   miner->text);
    else if (vault_get(&values, why, v, miner) == KZ_OK)
        why[0] = '\0';
    json_decref(values);
    if (why[0] != '\0')
        tell(problems, why);
}

/* A key that opens is told only where it has nothing to open; check_data() has the rest. */
static void check_key(json_t *problems, struct vault *v, const struct miner_id *miner)
{
    char why[VAULT_WHY_SIZE] = "";
    struct locked *key = NULL;
    if (has(v, "erased", miner))
        vault_fail(why, KZ_RANGE, "keys/%s is there, though erased: erase it again",
                   miner->text);
    else if (has(v, "data", miner))
        return;
    else if (vault_load_key(&key, why, v, miner) == KZ_OK)
        vault_fail(
            why, KZ_RANGE,
            "keys/%s has no values: a first change was interrupted; make it again "
            "or erase",
            miner->text);
    locked_free(key);
    tell(problems, why);
}

static void check_nothing(json_t *problems, struct vault *v,
                          const struct miner_id *miner)
{
    (void)problems;
    (void)v;
    (void)miner;
}

static enum kz_err check_folder(json_t *problems, char why[VAULT_WHY_SIZE],
                                struct vault *v, const char *folder, check_fn *check)
{
    json_t *names = NULL;
    enum kz_err err = vault_names(&names, why, v, folder);
    for (size_t i = 0; err == KZ_OK && i < json_array_size(names); i++) {
        char text[VAULT_WHY_SIZE];
        struct miner_id miner;
        json_t *name = json_array_get(names, i);
        if (is_id(&miner, name)) {
            check(problems, v, &miner);
            continue;
        }
        vault_fail(text, KZ_RANGE, "%s/%.100s is no file of the vault's", folder,
                   json_is_string(name) ? json_string_value(name) : "?");
        tell(problems, text);
    }
    json_decref(names);
    return err;
}

static void check_master(json_t *problems, const struct vault *v)
{
    if (v->master[1] != NULL)
        tell(problems, "there are two master keys: a rotation was not finished");
}

enum kz_err vault_check(json_t **problems, char why[VAULT_WHY_SIZE], struct vault *v)
{
    json_t *found = json_array();
    check_master(found, v);
    enum kz_err err = check_folder(found, why, v, "data", check_data);
    if (err == KZ_OK)
        err = check_folder(found, why, v, "keys", check_key);
    if (err == KZ_OK)
        err = check_folder(found, why, v, "erased", check_nothing);
    if (err == KZ_OK)
        *problems = found;
    else
        json_decref(found);
    return err;
}
