#include "pool/ctl_signing.h"

#include "conf/log.h"
#include "pool/ctl_client.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define OPTION_SIZE 32

static bool complain(const char *what, const char *why)
{
    fprintf(stderr, "karizctl: %s: %s\n", what, why);
    return false;
}

static const char *text(const json_t *arguments, const char *name)
{
    return json_string_value(json_object_get(arguments, name));
}

/* --- opening -------------------------------------------------------------------------- */

static bool open_settings(struct ctl_signing *s, const json_t *arguments)
{
    struct conf_problem problem;
    char why[CATALOGUE_WHY_SIZE];
    const char *path = text(arguments, "conf");
    if (path == NULL)
        return complain("--conf", "the daemon's settings file is needed");
    if (settings_load(&s->conf, &problem, path) != KZ_OK) {
        conf_problem_print(stderr, &problem);
        return false;
    }
    if (settings_profile(&s->profile, s->conf) != KZ_OK)
        return complain(s->conf->profiles, "the profile cannot be used");
    if (languages_load(&s->words, why, text(arguments, "catalogues"), s->profile) !=
        KZ_OK)
        return complain("--catalogues", why);
    return true;
}

int ctl_signing_passphrase(struct locked **out, const json_t *arguments,
                           const char *option, const char *path)
{
    char name[OPTION_SIZE];
    struct key_problem problem = {""};
    uint64_t number = 0;
    const char *fd = text(arguments, option);
    if (fd == NULL || !decimal_read(&number, fd, 1023)) {
        snprintf(name, sizeof(name), "--%s", option);
        return complain(name, "a file descriptor, as in 3<FILE") ? 0 : 2;
    }
    const struct passphrase_source source = {.fd = (int)number};
    if (passphrase_read(out, &problem, &source) == KZ_OK)
        return 0;
    return complain(path, problem.text) ? 0 : 1;
}

int ctl_signing_key(struct locked **secret, const json_t *arguments, const char *option,
                    const char *path)
{
    struct key_problem problem = {""};
    struct report_key_public about;
    struct locked *passphrase = NULL;
    int status = ctl_signing_passphrase(&passphrase, arguments, option, path);
    if (status != 0)
        return status;
    enum kz_err err = report_key_open(
        secret, &about, &problem, path,
        (struct bytes){locked_bytes(passphrase), locked_size(passphrase)});
    locked_free(passphrase);
    return err == KZ_OK || complain(path, problem.text) ? 0 : 1;
}

static bool open_key(struct ctl_signing *s, const json_t *arguments)
{
    const char *path = text(arguments, "key");
    if (path == NULL)
        return complain("--key", "the reporting key's file is needed");
    return ctl_signing_key(&s->secret, arguments, "passphrase-fd", path) == 0;
}

bool ctl_signing_open_without_key(struct ctl_signing *s, const json_t *arguments)
{
    *s = (struct ctl_signing){.conf = NULL};
    log_setup(LOG_ERROR, false);
    s->context = sign_context_new();
    return open_settings(s, arguments);
}

bool ctl_signing_open(struct ctl_signing *s, const json_t *arguments)
{
    return ctl_signing_open_without_key(s, arguments) && open_key(s, arguments);
}

void ctl_signing_close(struct ctl_signing *s)
{
    locked_free(s->secret);
    sign_context_free(s->context);
    languages_clear(&s->words);
    profile_free(s->profile);
    conf_free(s->conf);
}

bool ctl_signing_look(struct package_look *out, const struct ctl_signing *s,
                      const char *argument, const char *dir)
{
    char why[PACKAGE_WHY_SIZE];
    if (package_look(out, why, dir, s->context) != KZ_OK)
        return complain(argument, why);
    if (out->is_signed)
        return true;
    package_look_clear(out);
    return complain(argument, "its manifest is not signed by the key that it names");
}

bool ctl_signing_previous(const struct hash256 **previous, struct hash256 *hash,
                          const struct ctl_signing *s, const json_t *arguments)
{
    char parent[PATH_MAX] = ".";
    const char *given = text(arguments, "previous"), *out = text(arguments, "out");
    const char *slash = out != NULL ? strrchr(out, '/') : NULL;
    struct package_look l;
    *previous = NULL;
    if (given != NULL) {
        if (!ctl_signing_look(&l, s, "--previous", given))
            return false;
        *hash = l.hash;
        *previous = hash;
        package_look_clear(&l);
        return true;
    }
    if (slash != NULL)
        snprintf(parent, sizeof(parent), "%.*s", (int)(slash - out) + 1, out);
    if (package_look_newest(hash, parent, s->context))
        *previous = hash;
    return true;
}

/* --- telling -------------------------------------------------------------------------- */

/* False: `why` says why not. */
static bool tell_daemon(const struct ctl_place *place,
                        const struct manifest_facts *facts, const char *hash,
                        char why[CTL_WHY_SIZE])
{
    char period[PERIOD_TEXT_SIZE];
    json_t *answer = NULL;
    period_format(period, &facts->period);
    json_t *arguments =
        json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s*}", "manifest", hash, "period",
                  period, "level", disclosure_name(facts->disclosure), "status",
                  manifest_status_name(facts->status), "request", facts->request,
                  "miner", facts->subject);
    const char *command =
        facts->status == MANIFEST_NEW ? "report_note" : "report_note_correction";
    if (ctl_call(&answer, why, place->socket, command, arguments, CTL_PATIENCE_S) !=
        KZ_OK)
        return false;
    json_decref(answer);
    return true;
}

int ctl_signing_finish(const struct ctl_place *place,
                       const struct manifest_facts *facts, const struct hash256 *hash,
                       const char *dir)
{
    char hex[HASH256_HEX_SIZE], why[CTL_WHY_SIZE] = "";
    hex_encode(hex, hash->b, sizeof(hash->b));
    bool is_told = tell_daemon(place, facts, hex, why);
    if (place->json) {
        json_t *o = json_pack("{s:b, s:s, s:s, s:b}", "ok", true, "dir", dir,
                              "manifest", hex, "in_chain", is_told);
        json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        puts("");
        json_decref(o);
    } else {
        printf("package   %s\nmanifest  %s\n", dir, hex);
    }
    if (!is_told)
        fprintf(stderr,
                "karizctl: the package is there, but the audit chain was not told of "
                "it: %s\n",
                why);
    return is_told || facts->disclosure < DISCLOSURE_FULL ? 0 : 1;
}
