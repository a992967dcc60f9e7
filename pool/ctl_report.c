#include "conf/clock.h"
#include "pool/ctl_local.h"
#include "pool/report/package_verify.h"
#include "pool/report/report_key.h"

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

/* The package chose these texts, and a terminal obeys control characters: those of ASCII,
 * and U+0080 to U+009F. */
static void print_clean(const char *name, const char *value)
{
    printf("%-13s", name);
    for (const unsigned char *p = (const unsigned char *)value; *p != '\0'; p++) {
        bool is_c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
        putchar(*p < 0x20 || *p == 0x7f || is_c1 ? '?' : *p);
        p += is_c1;
    }
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

/* --- the key -------------------------------------------------------------------------- */

static int show_key(const struct report_key_public *about,
                    const struct ctl_place *place)
{
    char print[REPORT_KEY_FINGERPRINT_SIZE], hex[2 * XONLY_SIZE + 1],
        time[CLOCK_TEXT_SIZE];
    clock_utc_format(time, about->created_ms);
    hex_encode(hex, about->key, sizeof(about->key));
    report_key_fingerprint(print, about->key);
    if (place->json)
        print_json(json_pack("{s:s, s:s}", "key", hex, "created_at", time));
    else
        printf("key      %s\ncreated  %s\n", print, time);
    return 0;
}

int ctl_report_key_create(const struct ctl_place *place, const json_t *arguments)
{
    const char *path = text(arguments, "file"), *fd = text(arguments, "passphrase-fd");
    struct key_problem problem = {""};
    struct report_key_public about;
    struct locked *passphrase = NULL;
    uint64_t number = 0;
    if (fd == NULL || !decimal_read(&number, fd, 1023))
        return complain("--passphrase-fd", "a file descriptor, as in 3<FILE");
    struct passphrase_source source = {.fd = (int)number};
    enum kz_err err = passphrase_read(&passphrase, &problem, &source);
    if (err == KZ_OK)
        err = report_key_create(
            &about, &problem, path, clock_utc_ms(),
            (struct bytes){locked_bytes(passphrase), locked_size(passphrase)}, 0);
    locked_free(passphrase);
    if (err != KZ_OK) {
        complain(path, problem.text);
        return 1;
    }
    return show_key(&about, place);
}

int ctl_report_key_show(const struct ctl_place *place, const json_t *arguments)
{
    const char *path = text(arguments, "file");
    struct key_problem problem = {""};
    struct report_key_public about;
    if (report_key_read_public(&about, &problem, path) == KZ_OK)
        return show_key(&about, place);
    complain(path, problem.text);
    return 1;
}
