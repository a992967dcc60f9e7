#include "pool/ctl_local.h"
#include "pool/report/package_verify.h"
#include "pool/report/report_key.h"
#include "pool/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "karizctl: %s: %s\n", what, why);
    return 2;
}

static const char *text(const json_t *arguments, const char *name)
{
    return json_string_value(json_object_get(arguments, name));
}

static void print_json(json_t *o)
{
    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    puts("");
    json_decref(o);
}

/* --- verifying ------------------------------------------------------------------------ */

/* The package chose these texts. */
static void print_clean(const char *name, const char *value)
{
    printf("%-13s", name);
    words_print(stdout, value);
    puts("");
}

static void print_package(const struct manifest *m, bool is_key_compared)
{
    char period[PERIOD_TEXT_SIZE], print[REPORT_KEY_FINGERPRINT_SIZE];
    period_format(period, &m->facts.period);
    report_key_fingerprint(print, m->key);
    print_clean("operator", m->facts.operator_name);
    print_clean("jurisdiction", m->facts.jurisdiction);
    print_clean("period", period);
    print_clean("status", manifest_status_name(m->facts.status));
    print_clean("disclosure", disclosure_name(m->facts.disclosure));
    print_clean("profile", m->facts.profile.verified ? "verified by the operator"
                                                     : "PROFILE NOT VERIFIED");
    print_clean("key", print);
    for (size_t i = 0; i < m->report_count; i++)
        printf("%-13s%" PRIu64 " rows\n", report_kind_of(m->reports[i].id)->name,
               m->reports[i].rows);
    if (!is_key_compared)
        puts("note: compare the key with the one on paper, or give it with --key");
    printf("report verify: ok, %zu files\n", m->file_count);
}

static int show_package(const struct manifest *m, const struct ctl_place *place,
                        bool is_key_compared)
{
    char key[2 * XONLY_SIZE + 1];
    if (!place->json) {
        print_package(m, is_key_compared);
        return 0;
    }
    hex_encode(key, m->key, sizeof(m->key));
    print_json(json_pack("{s:b, s:s, s:s, s:b, s:I}", "ok", true, "status",
                         manifest_status_name(m->facts.status), "key", key,
                         "key_compared", is_key_compared, "files",
                         (json_int_t)m->file_count));
    return 0;
}

/* In `why` are names of files as they lie there, in any bytes. */
static int show_fault(char *why, const struct ctl_place *place)
{
    for (char *p = why; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
    if (place->json)
        print_json(json_pack("{s:b, s:s}", "ok", false, "problem", why));
    else
        printf("report verify: FAILED, %s\n", why);
    return 1;
}

int ctl_report_verify(const struct ctl_place *place, const json_t *arguments)
{
    const char *given = text(arguments, "key");
    uint8_t key[XONLY_SIZE];
    char why[PACKAGE_WHY_SIZE] = "";
    struct manifest *m = NULL;
    if (given != NULL && report_key_parse(key, given) != KZ_OK)
        return complain("--key", "not 64 hex digits");
    struct sign_context *c = sign_context_new();
    enum kz_err err =
        package_verify(&m, why, text(arguments, "dir"), c, given != NULL ? key : NULL);
    sign_context_free(c);
    int status =
        err == KZ_OK ? show_package(m, place, given != NULL) : show_fault(why, place);
    manifest_free(m);
    return status;
}
