#include "pool/ctl_sheet.h"

#include "pool/ctl_table.h"
#include "pool/ctl_terms.h"
#include "pool/registry/registry_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LABEL_WIDTH 22

/* --- lines ------------------------------------------------------------------------ */

/* Before parts, which begin with a blank themselves. */
static void label_of_parts(const struct words *w, const char *english)
{
    words_print_wide(stdout, words_say(w, english), LABEL_WIDTH);
}

void ctl_sheet_label(const struct words *w, const char *english)
{
    label_of_parts(w, english);
    fputs(" ", stdout);
}

/* " word text", nothing where there is no text. */
static void part(const struct words *w, const char *english, const json_t *object,
                 const char *key)
{
    const char *text = ctl_text(object, key);
    if (text[0] == '\0')
        return;
    fputs(" ", stdout);
    if (english[0] != '\0')
        printf("%s ", words_say(w, english));
    words_print(stdout, text);
}

/* A code, and what it is called. */
static void code(const struct words *w, const char *section, const char *text)
{
    const char *name = words_code(w, section, text);
    words_print(stdout, text);
    if (strcmp(name, text) == 0)
        return;
    fputs(" (", stdout);
    words_print(stdout, name);
    fputs(")", stdout);
}

static bool is_live(const json_t *entry)
{
    const json_t *to = json_object_get(entry, "to");
    return to == NULL || json_is_null(to);
}

static bool is_of(const json_t *entry, const json_t *record)
{
    return strcmp(ctl_text(entry, "miner_id"), ctl_text(record, "miner_id")) == 0;
}

/* --- the parts of a sheet --------------------------------------------------------- */

static void print_basis(const struct words *w, const json_t *basis)
{
    if (json_object_size(basis) == 0)
        return;
    label_of_parts(w, "Basis");
    part(w, "", basis, "code");
    part(w, "authority", basis, "authority");
    part(w, "document", basis, "document");
    part(w, "of", basis, "date");
    part(w, "sha256", basis, "sha256");
    part(w, "note", basis, "note");
    puts("");
}

static void print_state(const struct words *w, const json_t *r)
{
    const char *reason = ctl_text(r, "reason");
    ctl_sheet_label(w, "State");
    code(w, "codes", ctl_text(r, "state"));
    part(w, "since", r, "state_since");
    puts("");
    label_of_parts(w, "Last change");
    part(w, "by", r, "actor");
    part(w, "and", r, "second");
    puts("");
    if (reason[0] != '\0') {
        ctl_sheet_label(w, "Reason");
        code(w, "reasons", reason);
        puts("");
    }
    print_basis(w, json_object_get(r, "basis"));
    const json_t *frozen = json_object_get(r, "frozen");
    if (json_is_object(frozen)) {
        ctl_sheet_label(w, "FROZEN");
        code(w, "reasons", ctl_text(frozen, "reason"));
        part(w, "since", frozen, "since");
        part(w, "by", frozen, "by");
        puts("");
    }
    const json_t *erased = json_object_get(r, "erased");
    if (json_is_object(erased)) {
        label_of_parts(w, "ERASED");
        part(w, "", erased, "at");
        part(w, "by", erased, "by");
        part(w, "and", erased, "second");
        puts("");
    }
}

static void print_who(const struct words *w, const json_t *r)
{
    const char *name;
    json_t *value;
    const json_t *address = json_object_get(r, "legal_address");
    ctl_sheet_label(w, "Miner");
    words_print(stdout, ctl_text(r, "miner_id"));
    printf("  No. %" PRId64 "\n", ctl_number(r, "number"));
    ctl_sheet_label(w, "Who");
    words_print(stdout, ctl_text(r, "official_name"));
    fputs(ctl_text(r, "official_name")[0] != '\0' ? ", " : "", stdout);
    code(w, "codes", ctl_text(r, "kind"));
    fputs(", ", stdout);
    code(w, "codes", ctl_text(r, "residency"));
    part(w, "", r, "residence_country");
    puts("");
    label_of_parts(w, "Ids");
    part(w, "tax number", json_object_get(r, "tax_id"), "value");
    part(w, "registration", json_object_get(r, "registration_id"), "value");
    part(w, "LEI", r, "lei");
    puts("");
    if (address != NULL) {
        label_of_parts(w, "Address");
        part(w, "", address, "street");
        part(w, "", address, "city");
        part(w, "", address, "region");
        part(w, "", address, "country");
        puts("");
    }
    if (json_object_size(json_object_get(r, "personal")) == 0)
        return;
    label_of_parts(w, "In the vault");
    json_object_foreach(json_object_get(r, "personal"), name, value)
        printf(" %s", name);
    puts("");
}

void ctl_sheet_certificate(const struct words *w, const json_t *r)
{
    const json_t *c = json_object_get(r, "certificate"),
                 *verified = json_object_get(c, "verified");
    ctl_sheet_label(w, "Certificate");
    words_print(stdout, ctl_text(c, "number"));
    part(w, "of", c, "authority");
    part(w, "issued on", c, "issued_on");
    if (json_is_string(json_object_get(c, "valid_until")))
        part(w, "valid until", c, "valid_until");
    else
        printf(" %s", words_say(w, "no end"));
    puts("");
    ctl_sheet_label(w, "");
    if (!json_is_object(verified)) {
        puts(words_say(w, "NOT VERIFIED"));
        return;
    }
    fputs(words_say(w, "verified"), stdout);
    part(w, "on", verified, "on");
    part(w, "by", verified, "by");
    fputs(" ", stdout);
    code(w, "codes", ctl_text(verified, "method"));
    puts("");
}

static void print_addresses(const struct words *w, const json_t *r)
{
    size_t i;
    json_t *a;
    json_array_foreach(json_object_get(r, "payout_addresses"), i, a)
    {
        ctl_sheet_label(w, i == 0 ? "Payout addresses" : "");
        words_print(stdout, ctl_text(a, "address"));
        part(w, "", a, "type");
        part(w, "from", a, "from");
        part(w, "payable from", a, "payable_from");
        part(w, "until", a, "to");
        puts("");
    }
}

void ctl_sheet_site(const struct words *w, const json_t *s)
{
    words_print_wide(stdout, ctl_text(s, "id"), 12);
    part(w, "", s, "region");
    part(w, "", s, "address");
    printf(" %" PRId64 " kW", ctl_number(s, "declared_kw"));
    part(w, "from", s, "from");
    part(w, "until", s, "to");
    puts("");
}

void ctl_sheet_equipment(const struct words *w, const json_t *e)
{
    words_print_wide(stdout, ctl_text(e, "id"), 12);
    part(w, "site", e, "site");
    part(w, "", e, "maker");
    part(w, "", e, "model");
    part(w, "serial", e, "serial");
    printf(" %" PRId64 " GH/s %" PRId64 " W", ctl_number(e, "nominal_ghs"),
           ctl_number(e, "power_w"));
    part(w, "", e, "ownership");
    part(w, "from", e, "from");
    part(w, "until", e, "to");
    puts("");
}

#define ENTRIES_SHOWN 20 /* in a sheet; the lists have all */

static void print_entries(const struct words *w, const json_t *list,
                          const char *english,
                          void (*print)(const struct words *w, const json_t *one))
{
    size_t i, count = 0;
    json_t *one;
    json_array_foreach((json_t *)list, i, one)
    {
        if (!is_live(one) || ++count > ENTRIES_SHOWN)
            continue;
        ctl_sheet_label(w, count == 1 ? english : "");
        print(w, one);
    }
    if (count > ENTRIES_SHOWN) {
        ctl_sheet_label(w, "");
        printf("... %zu\n", count);
    }
}

static void print_hits(const json_t *hits)
{
    size_t i;
    json_t *hit;
    json_array_foreach((json_t *)hits, i, hit)
    {
        printf("%*s ", LABEL_WIDTH, "");
        words_print(stdout, json_string_value(hit));
        puts("");
    }
}

static void print_checks(const struct words *w, const json_t *r)
{
    const json_t *screening = json_object_get(r, "screening"),
                 *risk = json_object_get(r, "risk");
    ctl_sheet_label(w, "Screening");
    if (json_is_object(screening)) {
        code(w, "codes", ctl_text(screening, "result"));
        part(w, "on", screening, "on");
        part(w, "by", screening, "decided_by");
        puts("");
        print_hits(json_object_get(screening, "hits"));
    } else {
        puts(words_say(w, "not done"));
    }
    ctl_sheet_label(w, "Next review");
    puts(json_is_object(risk) ? ctl_text(risk, "next_review")
                              : words_say(w, "not set"));
}

/* --- what waits ------------------------------------------------------------------- */

static void print_waiting(const struct words *w, const json_t *t)
{
    code(w, "todo", ctl_text(t, "what"));
    part(w, "", t, "field");
    part(w, "", t, "note");
    part(w, "", t, "address");
    part(w, "by", t, "by");
    part(w, "of", t, "at");
    part(w, "until", t, "until");
    if (json_is_true(json_object_get(t, "late")))
        printf(" %s", words_say(w, "LATE"));
    puts("");
}

static void print_todo_of(const struct words *w, const json_t *record,
                          const json_t *todo)
{
    size_t i, count = 0;
    json_t *t;
    json_array_foreach((json_t *)todo, i, t)
    {
        if (!is_of(t, record))
            continue;
        ctl_sheet_label(w, count++ == 0 ? "Waits for a person" : "");
        print_waiting(w, t);
    }
}

static void print_refusals(const struct words *w, const json_t *record)
{
    const char *reason;
    json_t *count;
    const json_t *refused = json_object_get(record, "refused_today");
    if (json_object_size(refused) == 0)
        return;
    label_of_parts(w, "Refused today");
    json_object_foreach((json_t *)refused, reason, count)
    {
        fputs(" ", stdout);
        words_print(stdout, reason);
        if (json_is_string(count))
            part(w, "", refused, reason);
        else
            printf(" %" JSON_INTEGER_FORMAT, json_integer_value(count));
    }
    puts("");
}

void ctl_sheet_print(const struct words *w, const json_t *record, const json_t *todo)
{
    print_who(w, record);
    print_state(w, record);
    if (json_is_object(json_object_get(record, "certificate")))
        ctl_sheet_certificate(w, record);
    print_checks(w, record);
    print_addresses(w, record);
    print_entries(w, json_object_get(record, "sites"), "Sites", ctl_sheet_site);
    print_entries(w, json_object_get(record, "equipment"), "Equipment",
                  ctl_sheet_equipment);
    print_todo_of(w, record, todo);
    print_refusals(w, record);
}

/* --- commands --------------------------------------------------------------------- */

static struct words *words_for(const json_t *arguments)
{
    return words_load(json_string_value(json_object_get(arguments, "lang")));
}

typedef void print_fn(const struct words *w, const json_t *answer, const json_t *todo);

/* Asks, and shows as JSON or by `print`; with what waits where `days` is not NULL. */
static int run(const struct ctl_place *place, const json_t *arguments,
               const char *command, print_fn *print)
{
    json_t *answer = NULL, *todo = NULL;
    struct words *w = words_for(arguments);
    if (w == NULL)
        return 2;
    bool ok = ctl_ask(&answer, place, command, json_deep_copy(arguments));
    if (ok && place->json)
        ctl_print_json(answer);
    else if (ok && ctl_ask(&todo, place, "desk_todo", NULL))
        print(w, answer, todo);
    else
        ok = false;
    json_decref(answer);
    json_decref(todo);
    words_free(w);
    return ok && fflush(stdout) == 0 ? 0 : 1;
}

static void count_waiting(char out[CTL_CELL_SIZE], const json_t *record,
                          const json_t *todo)
{
    size_t i, n = 0;
    json_t *t;
    out[0] = '\0';
    json_array_foreach((json_t *)todo, i, t)
    {
        size_t used = strlen(out);
        if (is_of(t, record))
            snprintf(out + used, CTL_CELL_SIZE - used, "%s%s", n++ > 0 ? ", " : "",
                     ctl_text(t, "what"));
    }
}

static void print_list(const struct words *w, const json_t *records, const json_t *todo)
{
    size_t i;
    json_t *r;
    printf("%5s ", "No.");
    words_print_wide(stdout, words_say(w, "Miner"), 20);
    fputs(" ", stdout);
    words_print_wide(stdout, words_say(w, "State"), 12);
    fputs(" ", stdout);
    words_print_wide(stdout, words_say(w, "Certificate"), 20);
    fputs(" ", stdout);
    words_print_wide(stdout, words_say(w, "Country"), 8);
    printf(" %s\n", words_say(w, "Waits for a person"));
    json_array_foreach((json_t *)records, i, r)
    {
        char waiting[CTL_CELL_SIZE];
        count_waiting(waiting, r, todo);
        printf("%5" PRId64 " ", ctl_number(r, "number"));
        words_print_wide(stdout, ctl_text(r, "miner_id"), 20);
        printf(" %-12s ", ctl_text(r, "state"));
        words_print_wide(stdout, ctl_text(json_object_get(r, "certificate"), "number"),
                         20);
        printf(" %-8s %s\n", ctl_text(r, "residence_country"), waiting);
    }
}

int ctl_miner_show(const struct ctl_place *place, const json_t *arguments)
{
    return run(place, arguments, "miner_show", ctl_sheet_print);
}

int ctl_miner_list(const struct ctl_place *place, const json_t *arguments)
{
    return run(place, arguments, "miner_list", print_list);
}

static void print_todo(const struct words *w, const json_t *answer, const json_t *todo)
{
    size_t i;
    json_t *t;
    (void)todo;
    json_array_foreach((json_t *)answer, i, t)
    {
        words_print_wide(stdout, ctl_text(t, "miner_id"), 20);
        fputs(" ", stdout);
        print_waiting(w, t);
    }
    if (json_array_size(answer) == 0)
        puts(words_say(w, "Nothing waits for a person."));
}

int ctl_desk_todo(const struct ctl_place *place, const json_t *arguments)
{
    return run(place, arguments, "desk_todo", print_todo);
}
