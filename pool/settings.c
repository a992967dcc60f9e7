#include "pool/settings.h"

#include "payout/address.h"
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

static enum kz_err check_address(const struct conf *c, struct conf_problem *problem)
{
    struct address address;
    struct address_problem why;
    char expected[CONF_TEXT_MAX];
    enum kz_err err = address_parse(&address, &why, network_of(c->network),
                                    c->coinbase_address, strlen(c->coinbase_address));
    if (err == KZ_OK)
        err = address_check_payable(&address, &why);
    if (err == KZ_OK)
        return KZ_OK;
    snprintf(expected, sizeof(expected), "expected an address of network \"%s\": %s",
             conf_network_name(c->network), address_fault_text(why.fault));
    return refuse(problem, c->path, "coinbase.address", expected);
}

enum kz_err settings_load(struct conf **out, struct conf_problem *problem,
                          const char *path)
{
    struct conf *c;
    enum kz_err err = conf_load(&c, problem, path);
    if (err != KZ_OK)
        return err;
    err = check_address(c, problem);
    if (err == KZ_OK && strlen(c->coinbase_tag) > JOB_TAG_MAX)
        err = refuse(problem, path, "coinbase.tag", "expected at most 64 bytes");
    if (err != KZ_OK) {
        conf_free(c);
        return err;
    }
    *out = c;
    return KZ_OK;
}
