/* Lists of what records hold: pool/ctl_sheet.h. */
#include "pool/ctl_sheet.h"
#include "pool/ctl_table.h"
#include "pool/ctl_terms.h"

#include <stdio.h>

/* As JSON: the entries, each with its miner. */
static json_t *entries_of(const json_t *records, const char *name)
{
    size_t i, k;
    json_t *record, *entry, *all = json_array();
    json_array_foreach((json_t *)records, i, record)
    {
        json_array_foreach(json_object_get(record, name), k, entry)
        {
            json_t *copy = json_copy(entry);
            json_object_set(copy, "miner_id", json_object_get(record, "miner_id"));
            json_array_append_new(all, copy);
        }
    }
    return all;
}

static json_t *ask_records(const struct ctl_place *place, const json_t *arguments)
{
    json_t *answer;
    const char *miner = json_string_value(json_object_get(arguments, "miner"));
    json_t *request = miner != NULL ? json_pack("{s:s}", "id", miner) : NULL;
    if (!ctl_ask(&answer, place, miner != NULL ? "miner_show" : "miner_list", request))
        return NULL;
    return json_is_array(answer) ? answer : json_pack("[o]", answer);
}

static int list(const struct ctl_place *place, const json_t *arguments,
                const char *name,
                void (*print)(const struct words *w, const json_t *one))
{
    size_t i;
    json_t *one, *records;
    struct words *w = words_load(json_string_value(json_object_get(arguments, "lang")));
    if (w == NULL)
        return 2;
    records = ask_records(place, arguments);
    json_t *all = entries_of(records, name);
    if (records != NULL && place->json)
        ctl_print_json(all);
    else if (records != NULL)
        json_array_foreach(all, i, one)
        {
            words_print_wide(stdout, ctl_text(one, "miner_id"), 20);
            fputs(" ", stdout);
            print(w, one);
        }
    int status = records != NULL && fflush(stdout) == 0 ? 0 : 1;
    json_decref(all);
    json_decref(records);
    words_free(w);
    return status;
}

int ctl_equipment_list(const struct ctl_place *place, const json_t *arguments)
{
    return list(place, arguments, "equipment", ctl_sheet_equipment);
}

int ctl_site_list(const struct ctl_place *place, const json_t *arguments)
{
    return list(place, arguments, "sites", ctl_sheet_site);
}

static void print_certificate(const struct words *w, const json_t *answer)
{
    size_t i;
    json_t *one;
    const json_t *c = json_object_get(answer, "certificate");
    ctl_sheet_certificate(w, answer);
    ctl_sheet_label(w, "QR code");
    words_print(stdout, ctl_text(c, "qr_payload"));
    puts("");
    ctl_sheet_label(w, "Document, SHA-256");
    puts(ctl_text(c, "document_sha256"));
    json_array_foreach(json_object_get(answer, "certificates_before"), i, one)
    {
        ctl_sheet_label(w, "Before it");
        words_print(stdout, ctl_text(one, "number"));
        printf(" %s %s", words_say(w, "until"), ctl_text(one, "replaced_on"));
        puts("");
    }
}

int ctl_certificate_show(const struct ctl_place *place, const json_t *arguments)
{
    json_t *answer, *shown;
    const char *miner = ctl_text(arguments, "miner");
    struct words *w = words_load(json_string_value(json_object_get(arguments, "lang")));
    if (w == NULL)
        return 2;
    bool ok = ctl_ask(&answer, place, "miner_show", json_pack("{s:s}", "id", miner));
    if (ok && place->json) {
        shown = json_object_get(answer, "certificate");
        ctl_print_json(shown != NULL ? shown : json_null());
    } else if (ok) {
        print_certificate(w, answer);
    }
    if (ok)
        json_decref(answer);
    words_free(w);
    return ok && fflush(stdout) == 0 ? 0 : 1;
}
