#include "pool/ctl_terms.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/ctl_client.h"
#include "pool/ctl_table.h"
#include "pool/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- asking and answering --------------------------------------------------------- */

bool ctl_ask(json_t **result, const struct ctl_place *place, const char *command,
             json_t *arguments)
{
    char why[CTL_WHY_SIZE];
    if (ctl_call(result, why, place->socket, command, arguments, CTL_PATIENCE_S) ==
        KZ_OK)
        return true;
    fprintf(stderr, "karizctl: %s\n", why);
    return false;
}

void ctl_print_json(const json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    puts("");
}

int ctl_answer_take(const struct ctl_place *place, json_t *result, ctl_show_fn *show)
{
    bool has_failed = json_is_false(json_object_get(result, "ok"));
    if (place->json)
        ctl_print_json(result);
    else
        show(result);
    json_decref(result);
    return fflush(stdout) == 0 && !has_failed ? 0 : 1;
}

char *ctl_read_file(size_t *len, const char *path, size_t max)
{
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        fprintf(stderr, "karizctl: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    char *text = mem_new(max + 2);
    *len = fread(text, 1, max + 1, f);
    bool is_read = ferror(f) == 0;
    fclose(f);
    if (is_read && *len <= max)
        return text;
    fprintf(stderr, "karizctl: %s: %s\n", path,
            is_read ? "the file is too large" : "cannot be read");
    mem_free(text);
    return NULL;
}

/* --- terms ------------------------------------------------------------------------ */

static bool terms_of_file(struct ctl_terms *t, const char *path)
{
    struct conf_problem problem;
    if (settings_load(&t->conf, &problem, path) != KZ_OK) {
        conf_problem_print(stderr, &problem);
        return false;
    }
    return settings_profile(&t->profile, t->conf) == KZ_OK;
}

static bool parse_network(enum conf_network *out, const char *name)
{
    for (int n = CONF_MAIN; n <= CONF_REGTEST; n++) {
        if (strcmp(conf_network_name((enum conf_network)n), name) == 0) {
            *out = (enum conf_network)n;
            return true;
        }
    }
    return false;
}

static bool terms_of_daemon(struct ctl_terms *t, const struct ctl_place *place)
{
    char why[PROFILE_WHY_SIZE] = "the network is not known";
    json_t *answer;
    if (!ctl_ask(&answer, place, "profile", NULL))
        return false;
    t->conf = mem_new(sizeof(*t->conf));
    char *text = json_dumps(json_object_get(answer, "profile"), 0);
    bool ok =
        text != NULL && parse_network(&t->conf->network, ctl_text(answer, "network")) &&
        profile_parse(&t->profile, why,
                      (struct bytes){(const uint8_t *)text, strlen(text)}) == KZ_OK;
    if (!ok)
        fprintf(stderr, "karizctl: the daemon's profile: %s\n", why);
    free(text); /* allowed: jansson allocated it */
    json_decref(answer);
    return ok;
}

bool ctl_terms_load(struct ctl_terms *t, const struct ctl_place *place,
                    const json_t *arguments)
{
    const char *path = json_string_value(json_object_get(arguments, "conf"));
    *t = (struct ctl_terms){.basis = json_pack("{s:s}", "code", "application")};
    if (!(path != NULL ? terms_of_file(t, path) : terms_of_daemon(t, place))) {
        ctl_terms_clear(t);
        return false;
    }
    t->act = (struct record_act){.by = "karizctl", /* the daemon says who it is */
                                 .role = AUDIT_OPERATOR,
                                 .reason = "applied",
                                 .basis = t->basis,
                                 .profile = t->profile,
                                 .conf = t->conf,
                                 .now_ms = clock_utc_ms()};
    return true;
}

void ctl_terms_clear(struct ctl_terms *t)
{
    profile_free(t->profile);
    conf_free(t->conf);
    json_decref(t->basis);
}
