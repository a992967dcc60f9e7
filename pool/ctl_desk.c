#include "pool/ctl_desk.h"

#include "conf/mem.h"
#include "share/bytes.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define RECORD_FILE_MAX (1 << 20)

static bool complain(const char *what, const char *why)
{
    fprintf(stderr, "karizctl: %s: %s\n", what, why);
    return false;
}

/* Hex of the whole file. */
static bool hash_file(char hex[65], const char *path)
{
    uint8_t buffer[65536], hash[32];
    unsigned len = 0;
    FILE *f = fopen(path, "rbe");
    if (f == NULL)
        return complain(path, strerror(errno));
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    for (size_t n; ok && (n = fread(buffer, 1, sizeof(buffer), f)) > 0;)
        ok = EVP_DigestUpdate(md, buffer, n) == 1;
    ok = ok && ferror(f) == 0 && EVP_DigestFinal_ex(md, hash, &len) == 1;
    EVP_MD_CTX_free(md);
    fclose(f);
    if (!ok)
        return complain(path, "cannot be read");
    hex_encode(hex, hash, sizeof(hash));
    return true;
}

bool ctl_desk_basis(json_t *arguments)
{
    char hex[65];
    const char *path = json_string_value(json_object_get(arguments, "file"));
    if (path == NULL)
        return true;
    if (!hash_file(hex, path))
        return false;
    json_object_set_new(arguments, "sha256", json_string(hex));
    json_object_del(arguments, "file");
    return true;
}

bool ctl_desk_request(json_t *arguments)
{
    json_t *number = json_object_get(arguments, "request");
    if (number == NULL)
        return ctl_desk_basis(arguments);
    json_object_set(arguments, "document", number);
    if (json_object_get(arguments, "reason") == NULL)
        json_object_set_new(arguments, "reason", json_string("erasure_requested"));
    json_object_del(arguments, "request");
    return ctl_desk_basis(arguments);
}

bool ctl_desk_record(json_t *arguments)
{
    json_error_t error;
    const char *path = json_string_value(json_object_get(arguments, "file"));
    if (path == NULL)
        return complain("--file", "a file in JSON is needed");
    json_t *record = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (record == NULL) {
        fprintf(stderr, "karizctl: %s:%d: %s\n", path, error.line, error.text);
        return false;
    }
    json_object_set_new(arguments, "record", record);
    json_object_del(arguments, "file");
    return true;
}

/* --- things ---------------------------------------------------------------------------- */

/* Options that belong to the basis, or say whom it is about. */
static bool is_of_request(const char *name)
{
    static const char *const names[] = {"id",        "miner",    "reason", "basis",
                                        "authority", "document", "date",   "sha256",
                                        "code",      NULL};
    for (size_t i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool is_number(const char *name)
{
    static const char *const names[] = {"nominal_ghs", "power_w", "declared_kw", NULL};
    for (size_t i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool add_member(json_t *given, const char *option, const json_t *value)
{
    char name[64];
    uint64_t number;
    snprintf(name, sizeof(name), "%s",
             strncmp(option, "its-", 4) == 0 ? option + 4 : option);
    for (char *p = name; *p != '\0'; p++)
        if (*p == '-')
            *p = '_';
    if (!is_number(name))
        return json_object_set(given, name, (json_t *)value) == 0;
    if (!decimal_read(&number, json_string_value(value), INT64_MAX))
        return complain(option, "a whole number expected");
    return json_object_set_new(given, name, json_integer((json_int_t)number)) == 0;
}

bool ctl_desk_given(json_t *arguments)
{
    const char *name;
    json_t *value;
    json_t *given = json_object(), *rest = json_object();
    bool ok = ctl_desk_basis(arguments);
    json_object_foreach(arguments, name, value)
    {
        if (!ok || is_of_request(name))
            json_object_set(rest, name, value);
        else
            ok = add_member(given, name, value);
    }
    json_object_clear(arguments);
    json_object_update(arguments, rest);
    json_object_set_new(arguments, "given", given);
    json_decref(rest);
    return ok;
}

bool ctl_desk_networks(json_t *arguments)
{
    json_t *networks = json_object_get(arguments, "network");
    json_object_set_new(arguments, "given",
                        networks != NULL ? json_incref(networks) : json_array());
    json_object_del(arguments, "network");
    return ctl_desk_basis(arguments);
}
