/* karizctl report key: the key that signs reports is made, shown, and handed on. */
#include "conf/clock.h"
#include "conf/mem.h"
#include "conf/private_file.h"
#include "pool/ctl_client.h"
#include "pool/ctl_signing.h"
#include "pool/ctl_terms.h"
#include "pool/report/report_key.h"
#include "pool/words.h"
#include "share/bytes.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define STATEMENT_MAX 4096

static int complain(const char *what, const char *why, int status)
{
    fprintf(stderr, "karizctl: %s: %s\n", what, why);
    return status;
}

static const char *text(const json_t *arguments, const char *name)
{
    return json_string_value(json_object_get(arguments, name));
}

static int print_json(json_t *o)
{
    ctl_print_json(o);
    json_decref(o);
    return 0;
}

/* --- a key ---------------------------------------------------------------------------- */

static int show_key(const struct report_key_public *about,
                    const struct ctl_place *place)
{
    char print[REPORT_KEY_FINGERPRINT_SIZE], hex[2 * XONLY_SIZE + 1],
        time[CLOCK_TEXT_SIZE];
    clock_utc_format(time, about->created_ms);
    hex_encode(hex, about->key, sizeof(about->key));
    report_key_fingerprint(print, about->key);
    if (place->json)
        return print_json(json_pack("{s:s, s:s}", "key", hex, "created_at", time));
    printf("key      %s\ncreated  %s\n", print, time);
    return 0;
}

int ctl_report_key_create(const struct ctl_place *place, const json_t *arguments)
{
    const char *path = text(arguments, "file");
    struct key_problem problem = {""};
    struct report_key_public about;
    struct locked *passphrase = NULL;
    int status = ctl_signing_passphrase(&passphrase, arguments, "passphrase-fd", path);
    if (status != 0)
        return status;
    enum kz_err err = report_key_create(
        &about, &problem, path, clock_utc_ms(),
        (struct bytes){locked_bytes(passphrase), locked_size(passphrase)}, 0);
    locked_free(passphrase);
    return err == KZ_OK ? show_key(&about, place) : complain(path, problem.text, 1);
}

int ctl_report_key_show(const struct ctl_place *place, const json_t *arguments)
{
    const char *path = text(arguments, "file");
    struct key_problem problem = {""};
    struct report_key_public about;
    enum kz_err err = report_key_read_public(&about, &problem, path);
    return err == KZ_OK ? show_key(&about, place) : complain(path, problem.text, 1);
}

/* --- a statement ---------------------------------------------------------------------- */

static int show_statement(const struct report_key_rotation *r, const char *path,
                          const struct ctl_place *place)
{
    char old_key[REPORT_KEY_FINGERPRINT_SIZE], new_key[REPORT_KEY_FINGERPRINT_SIZE],
        from[CLOCK_TEXT_SIZE];
    clock_utc_format(from, r->from_ms);
    report_key_fingerprint(old_key, r->old_key);
    report_key_fingerprint(new_key, r->new_key);
    if (place->json)
        return print_json(json_pack("{s:b, s:s, s:s, s:s, s:s}", "ok", true, "old",
                                    old_key, "new", new_key, "from", from, "reason",
                                    r->reason));
    printf("%-13s%s\n%-13s%s\n%-13s%s\n%-13s%s\n", "statement", path, "old key",
           old_key, "new key", new_key, "from", from);
    printf("%-13s", "reason");
    words_print(stdout, r->reason);
    puts("");
    return 0;
}

/* What a file says, proved by both signatures. 0, or the exit status. */
static int read_statement(struct report_key_rotation *out, char **statement,
                          const char *path)
{
    struct key_problem problem = {""};
    size_t len = 0;
    char *all = ctl_read_file(&len, path, STATEMENT_MAX);
    if (all == NULL)
        return 1;
    struct sign_context *c = sign_context_new();
    enum kz_err err = report_key_rotation_read(
        out, &problem, c, (struct bytes){(const uint8_t *)all, len});
    sign_context_free(c);
    all[len] = '\0';
    if (err == KZ_OK)
        *statement = all;
    else
        mem_free(all);
    return err == KZ_OK ? 0 : complain(path, problem.text, 1);
}

int ctl_report_key_check(const struct ctl_place *place, const json_t *arguments)
{
    const char *path = text(arguments, "statement"), *given = text(arguments, "key");
    struct report_key_rotation r;
    uint8_t key[XONLY_SIZE];
    char *statement = NULL;
    if (given != NULL && report_key_parse(key, given) != KZ_OK)
        return complain("--key", "not 64 hex digits", 2);
    int status = read_statement(&r, &statement, path);
    mem_free(statement);
    if (status != 0)
        return status;
    if (given != NULL && memcmp(key, r.old_key, sizeof(key)) != 0)
        return complain(path, "its old key is not the one that was given", 1);
    if (given == NULL && !place->json)
        puts("note: compare the old key with the one on paper, or give it with --key");
    return show_statement(&r, path, place);
}

/* The chain keeps all of it: an event that both keys have signed. */
static int announce(const struct ctl_place *place, const char *statement)
{
    char why[CTL_WHY_SIZE];
    json_t *answer = NULL;
    json_t *arguments = json_pack("{s:s}", "statement", statement);
    if (ctl_call(&answer, why, place->socket, "report_note_key", arguments,
                 CTL_PATIENCE_S) != KZ_OK)
        return complain("the audit chain was not told of it (report key announce)", why,
                        1);
    json_decref(answer);
    return 0;
}

int ctl_report_key_announce(const struct ctl_place *place, const json_t *arguments)
{
    const char *path = text(arguments, "statement");
    struct report_key_rotation r;
    char *statement = NULL;
    int status = read_statement(&r, &statement, path);
    if (status == 0)
        status = announce(place, statement);
    mem_free(statement);
    return status == 0 ? show_statement(&r, path, place) : status;
}

/* --- handing on ----------------------------------------------------------------------- */

struct handing_on {
    const char *old_path, *new_path, *out, *reason;
    int64_t from_ms;
    struct locked *old_secret, *new_secret;
    char *statement;
};

static int read_handing_on(struct handing_on *h, const json_t *arguments)
{
    const char *from = text(arguments, "from");
    h->old_path = text(arguments, "file");
    h->new_path = text(arguments, "to");
    h->out = text(arguments, "out");
    h->reason = text(arguments, "reason");
    h->from_ms = clock_utc_ms();
    if (h->new_path == NULL)
        return complain("--to", "the new key's file is needed (report key create)", 2);
    if (h->out == NULL)
        return complain("--out", "a new file for the statement is needed", 2);
    if (h->reason == NULL || h->reason[0] == '\0')
        return complain("--reason", "a text is needed: the authority reads it", 2);
    if (from != NULL && clock_utc_parse(&h->from_ms, from, strlen(from)) != KZ_OK)
        return complain("--from", "a time like 2026-12-01T00:00:00Z expected", 2);
    return 0;
}

static int write_statement(struct handing_on *h)
{
    char why[PRIVATE_FILE_WHY_SIZE];
    const struct private_file f = {AT_FDCWD, h->out};
    struct sign_context *c = sign_context_new();
    enum kz_err err =
        report_key_rotate(&h->statement, c, locked_bytes(h->old_secret),
                          locked_bytes(h->new_secret), h->from_ms, h->reason);
    sign_context_free(c);
    if (err != KZ_OK)
        return complain("report key rotate",
                        "the two keys are the same, or the reason is too long or no "
                        "UTF-8",
                        1);
    return private_file_create(&f, why, h->statement, strlen(h->statement)) == KZ_OK
               ? 0
               : complain(h->out, why, 1);
}

int ctl_report_key_rotate(const struct ctl_place *place, const json_t *arguments)
{
    struct handing_on h = {.statement = NULL};
    struct report_key_rotation r;
    int status = read_handing_on(&h, arguments);
    if (status == 0)
        status = ctl_signing_key(&h.old_secret, arguments, "passphrase-fd", h.old_path);
    if (status == 0)
        status =
            ctl_signing_key(&h.new_secret, arguments, "new-passphrase-fd", h.new_path);
    if (status == 0)
        status = write_statement(&h);
    locked_free(h.old_secret);
    locked_free(h.new_secret);
    mem_free(h.statement);
    h.statement = NULL;
    if (status == 0) /* as whoever gets it will read it */
        status = read_statement(&r, &h.statement, h.out);
    if (status != 0)
        return status;
    show_statement(&r, h.out, place);
    status = announce(place, h.statement);
    mem_free(h.statement);
    return status;
}
