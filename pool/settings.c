#include "pool/settings.h"

#include "conf/log.h"
#include "payout/pool_output.h"
#include "share/job.h"

#include <string.h>

static enum kz_err refuse(struct conf_problem *problem, const char *path,
                          const char *key, const char *expected)
{
    snprintf(problem->file, sizeof(problem->file), "%s", path);
    snprintf(problem->key, sizeof(problem->key), "%s", key);
    snprintf(problem->expected, sizeof(problem->expected), "%s", expected);
    problem->line = conf_line_of(path, key);
    return KZ_RANGE;
}

static enum kz_err check_pool_output(const struct conf *c, struct conf_problem *problem)
{
    struct pool_output *made;
    char why[POOL_OUTPUT_WHY_SIZE];
    const char *key =
        c->coinbase_descriptor[0] != '\0' ? "coinbase.descriptor" : "coinbase.address";
    if (pool_output_new(&made, why, network_of(c->network), c->coinbase_address,
                        c->coinbase_descriptor) != KZ_OK)
        return refuse(problem, c->path, key, why);
    pool_output_free(made);
    return KZ_OK;
}

#define PROFILE_PATH_SIZE (CONF_LINE_MAX + 64)

static enum kz_err load_profile(struct profile **out, char why[PROFILE_WHY_SIZE],
                                char path[PROFILE_PATH_SIZE], const struct conf *c)
{
    if (profile_path(path, PROFILE_PATH_SIZE, c->profiles, c->jurisdiction) == KZ_OK)
        return profile_load(out, why, path);
    snprintf(path, PROFILE_PATH_SIZE, "%s", c->jurisdiction);
    snprintf(why, PROFILE_WHY_SIZE, "letters like those of tm expected");
    return KZ_RANGE;
}

static enum kz_err check_profile(const struct conf *c, struct conf_problem *problem)
{
    struct profile *profile;
    char why[PROFILE_WHY_SIZE], path[PROFILE_PATH_SIZE], text[CONF_LINE_MAX + 1];
    if (load_profile(&profile, why, path, c) == KZ_OK) {
        profile_free(profile);
        return KZ_OK;
    }
    snprintf(text, sizeof(text), "%.400s: %.500s", path, why);
    return refuse(problem, c->path, "registry.jurisdiction", text);
}

enum kz_err settings_profile(struct profile **out, const struct conf *conf)
{
    char why[PROFILE_WHY_SIZE], path[PROFILE_PATH_SIZE];
    enum kz_err err = load_profile(out, why, path, conf);
    if (err != KZ_OK)
        log_error("profile_refused", kv_str("path", path), kv_str("why", why));
    return err;
}

enum kz_err settings_load(struct conf **out, struct conf_problem *problem,
                          const char *path)
{
    struct conf *c;
    enum kz_err err = conf_load(&c, problem, path);
    if (err != KZ_OK)
        return err;
    err = check_pool_output(c, problem);
    if (err == KZ_OK)
        err = check_profile(c, problem);
    if (err == KZ_OK && strlen(c->coinbase_tag) > JOB_TAG_MAX)
        err = refuse(problem, path, "coinbase.tag", "expected at most 64 bytes");
    if (err != KZ_OK) {
        conf_free(c);
        return err;
    }
    *out = c;
    return KZ_OK;
}
