#include "pool/registry/names.h"
#include "pool/registry/record_parts.h"
#include "pool/registry/record_qr.h"
#include "pool/registry/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is malformed was found before: here it is passed over. */

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool day_at(struct day *out, const json_t *object, const char *key)
{
    const char *text = text_at(object, key);
    return text != NULL && day_parse(out, text) == KZ_OK;
}

static bool is_text(const char *text, const char *expected)
{
    return text != NULL && strcmp(text, expected) == 0;
}

static bool is_live(const json_t *entry)
{
    const json_t *to = json_object_get(entry, "to");
    return to == NULL || json_is_null(to);
}

struct entry_path {
    char text[RECORD_PATH_SIZE];
};

static struct entry_path path_of(const char *list, size_t i, const char *field)
{
    struct entry_path p;
    snprintf(p.text, sizeof(p.text), "%s[%zu].%s", list, i, field);
    return p;
}

/* --- who and where ------------------------------------------------------------------------ */

static void check_profile_version(struct record_scene *s)
{
    const char *version = text_at(s->record, "profile_version"),
               *now = s->with->profile->version;
    if (version != NULL && strcmp(version, now) != 0)
        record_find(s, RECORD_WARNING, "profile_version",
                    "the profile is %.*s now: check again and set it",
                    (int)utf8_cut(now, 32), now);
}

static void check_residency(struct record_scene *s)
{
    const struct profile *profile = s->with->profile;
    const char *residency = text_at(s->record, "residency"),
               *country = text_at(s->record, "residence_country");
    if (profile->non_residents == PROFILE_REFUSED && is_text(residency, "non_resident"))
        record_find(s, RECORD_ERROR, "residency", "the profile refuses non-residents");
    if (residency == NULL || country == NULL)
        return;
    if (profile_list_has(&profile->countries_refused, country))
        record_find(s, RECORD_ERROR, "residence_country",
                    "is one that the profile refuses");
    if (strlen(profile->code) != 2) /* of no country */
        return;
    bool is_home = strcmp(profile->code, country) == 0;
    if (is_home != is_text(residency, "resident"))
        record_find(s, RECORD_ERROR, "residence_country",
                    is_home ? "a non-resident's cannot be %s" : "a resident's is %s",
                    profile->code);
}

static void check_tax_id(struct record_scene *s)
{
    const struct profile *profile = s->with->profile;
    const json_t *tax_id = json_object_get(s->record, "tax_id");
    const char *country = text_at(tax_id, "country"), *value = text_at(tax_id, "value");
    if (country == NULL || value == NULL)
        return;
    bool is_home = strcmp(country, profile->code) == 0;
    if (strlen(profile->code) == 2 && !is_home &&
        is_text(text_at(s->record, "residency"), "resident"))
        record_find(s, RECORD_ERROR, "tax_id.country", "a resident's is %s",
                    profile->code);
    if (strlen(profile->code) == 2 && !is_home)
        return; /* no profile of ours says what other countries' look like */
    if (!pattern_fits(profile->tax_id.pattern, value))
        record_find(s, RECORD_ERROR, "tax_id.value",
                    "the form that the profile's tax_id.pattern has expected");
    else if (!taxid_fits(profile->tax_id.checksum, value))
        record_find(s, RECORD_ERROR, "tax_id.value",
                    "its check digits are wrong: mistyped?");
    else if (!profile->verified)
        record_find(s, RECORD_WARNING, "tax_id.value",
                    "the profile is not verified: compare with the document");
}

/* --- names -------------------------------------------------------------------------- */

#define HITS_MAX       8
#define NAME_BYTES_MAX 800 /* longer ones are refused anyway */

/* Of a person's name not even the stem is told: it is a part of the name. */
static void check_name(struct record_scene *s, const char *path, const char *name,
                       bool is_personal)
{
    struct names_hit hits[HITS_MAX];
    size_t count = 0;
    if (name != NULL && strlen(name) <= NAME_BYTES_MAX)
        count = names_check(hits, HITS_MAX, s->with->profile, name);
    for (size_t i = 0; i < count; i++) {
        if (is_personal)
            record_find(s, RECORD_FLAG, path,
                        "has a word that names may not have (%.8s): a person decides",
                        hits[i].lang);
        else
            record_find(s, RECORD_FLAG, path,
                        "a word is, or begins with, \"%.*s\" (%.8s): a person decides",
                        (int)utf8_cut(hits[i].stem, NAMES_STEM_MAX), hits[i].stem,
                        hits[i].lang);
    }
}

static void check_names(struct record_scene *s)
{
    static const char *const names[] = {"official_name", "name_latin"};
    json_t *trade = json_object_get(s->record, "trade_names"), *name;
    size_t i;
    for (i = 0; i < 2; i++) {
        const struct record_field *f = record_field_find(record_fields(), names[i]);
        check_name(s, names[i], text_at(s->record, names[i]),
                   record_field_is_personal(f, s->record));
    }
    json_array_foreach(trade, i, name)
    {
        struct entry_path path;
        snprintf(path.text, sizeof(path.text), "trade_names[%zu]", i);
        check_name(s, path.text, json_string_value(name), false);
    }
}

/* --- people --------------------------------------------------------------------------------- */

static void check_birth(struct record_scene *s)
{
    struct day birth;
    if (!day_at(&birth, s->record, "birth_date") || birth.n > s->today.n)
        return;
    if (day_years_between(birth, s->today) < s->with->profile->minimum_age)
        record_find(s, RECORD_ERROR, "birth_date",
                    "at least %" PRId32 " years expected",
                    s->with->profile->minimum_age);
}

static void check_document(struct record_scene *s)
{
    struct day expires;
    if (day_at(&expires, json_object_get(s->record, "identity_document"), "expires") &&
        expires.n < s->today.n)
        record_find(s, RECORD_WARNING, "identity_document.expires", "has passed");
}

static void check_owner(struct record_scene *s, const json_t *owner, size_t i)
{
    struct day verified;
    if (day_at(&verified, owner, "verified_on") &&
        verified.n + s->with->profile->review_days_normal < s->today.n)
        record_find(s, RECORD_WARNING,
                    path_of("beneficial_owners", i, "verified_on").text,
                    "is more than %" PRId32 " days ago: verify again",
                    s->with->profile->review_days_normal);
}

static void check_owners(struct record_scene *s)
{
    const json_t *owners = json_object_get(s->record, "beneficial_owners");
    size_t i;
    json_t *owner;
    int64_t sum = 0;
    json_array_foreach((json_t *)owners, i, owner)
    {
        const char *share = text_at(owner, "share_percent");
        int64_t v = share != NULL ? record_share(share) : -1;
        sum += v > 0 ? v : 0;
        check_owner(s, owner, i);
    }
    if (sum > 10000)
        record_find(s, RECORD_ERROR, "beneficial_owners",
                    "the shares add up to more than 100 percent");
    if (json_is_array(owners) && json_array_size(owners) == 0 &&
        text_at(s->record, "no_owner_reason") == NULL)
        record_find(s, RECORD_ERROR, "beneficial_owners",
                    "at least one expected, or no_owner_reason");
}

/* --- the certificate -------------------------------------------------------------------------- */

static void check_term(struct record_scene *s, const json_t *certificate)
{
    const struct profile *profile = s->with->profile;
    struct day issued, until;
    if (!day_at(&until, certificate, "valid_until"))
        return;
    if (day_at(&issued, certificate, "issued_on") && until.n < issued.n)
        record_find(s, RECORD_ERROR, "certificate.valid_until", "is before issued_on");
    else if (until.n < s->today.n)
        record_find(s, RECORD_WARNING, "certificate.valid_until", "has passed");
    else if (until.n - s->today.n < profile->certificate.warn_days)
        record_find(s, RECORD_WARNING, "certificate.valid_until",
                    "is less than %" PRId32 " days away",
                    profile->certificate.warn_days);
}

static void check_verified(struct record_scene *s, const json_t *certificate)
{
    const json_t *verified = json_object_get(certificate, "verified");
    struct day issued, on;
    if (json_is_object(certificate) && !json_is_object(verified) &&
        s->with->profile->certificate.verify_before_active)
        record_find(
            s, s->is_active ? RECORD_ERROR : RECORD_WARNING, "certificate.verified",
            s->is_active ? "is missing" : "is missing: needed to become active");
    if (day_at(&issued, certificate, "issued_on") && day_at(&on, verified, "on") &&
        on.n < issued.n)
        record_find(s, RECORD_ERROR, "certificate.verified.on", "is before issued_on");
    if (is_text(text_at(verified, "method"), "qr") &&
        text_at(certificate, "qr_payload") == NULL)
        record_find(s, RECORD_ERROR, "certificate.verified.method",
                    "qr, but there is no qr_payload");
}

static void check_certificate(struct record_scene *s)
{
    const json_t *certificate = json_object_get(s->record, "certificate");
    const char *payload = text_at(certificate, "qr_payload");
    check_term(s, certificate);
    check_verified(s, certificate);
    if (payload != NULL &&
        record_qr_kind(payload, s->with->profile) == RECORD_QR_UNKNOWN_HOST)
        record_find(s, RECORD_FLAG, "certificate.qr_payload",
                    "is a link to no host of the profile's qr_hosts: do not open it");
}

/* --- sites, equipment, addresses ------------------------------------------------------ */

/* No two live (or, with `all`, no two at all) entries of the list have the same `field`. */
static void check_unique(struct record_scene *s, const char *list, const char *field,
                         bool all)
{
    json_t *seen = json_object(), *entry;
    size_t i;
    json_array_foreach(json_object_get(s->record, list), i, entry)
    {
        const char *text = text_at(entry, field);
        if (text == NULL || !(all || is_live(entry)))
            continue;
        if (json_object_get(seen, text) != NULL)
            record_find(s, RECORD_ERROR, path_of(list, i, field).text,
                        "is there twice");
        json_object_set_new(seen, text, json_true());
    }
    json_decref(seen);
}

static void check_intervals(struct record_scene *s, const char *list)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(s->record, list), i, entry)
    {
        struct day from, to;
        if (day_at(&from, entry, "from") && day_at(&to, entry, "to") && to.n < from.n)
            record_find(s, RECORD_ERROR, path_of(list, i, "to").text, "is before from");
    }
}

/* Ids of the sites, each with its entry; the caller's. */
static json_t *index_sites(const json_t *record)
{
    json_t *by_id = json_object(), *site;
    size_t i;
    json_array_foreach(json_object_get(record, "sites"), i, site)
    {
        if (text_at(site, "id") != NULL)
            json_object_set(by_id, text_at(site, "id"), site);
    }
    return by_id;
}

static void check_site_of(struct record_scene *s, const json_t *sites,
                          const json_t *entry, size_t i)
{
    const char *id = text_at(entry, "site");
    const json_t *site = id != NULL ? json_object_get(sites, id) : NULL;
    const char *path = "site", *rule = NULL;
    if (id != NULL && site == NULL)
        rule = "no site of this record has that id";
    else if (id == NULL && json_object_size(sites) > 0)
        rule = "one of the record's sites expected";
    else if (site != NULL && is_live(entry) && !is_live(site))
        rule = "that site has ended, the equipment has not";
    if (rule != NULL)
        record_find(s, RECORD_ERROR, path_of("equipment", i, path).text, "%s", rule);
}

static void check_equipment(struct record_scene *s)
{
    json_t *sites = index_sites(s->record), *entry;
    size_t i;
    json_array_foreach(json_object_get(s->record, "equipment"), i, entry)
        check_site_of(s, sites, entry, i);
    json_decref(sites);
    check_unique(s, "sites", "id", true);
    check_unique(s, "equipment", "id", true);
    check_unique(s, "equipment", "serial", false);
    check_intervals(s, "sites");
    check_intervals(s, "equipment");
}

static void check_addresses(struct record_scene *s)
{
    json_t *list = json_object_get(s->record, "payout_addresses"), *entry;
    size_t i, live = 0;
    json_array_foreach(list, i, entry) live += is_live(entry);
    check_unique(s, "payout_addresses", "address", false);
    if (live == 0 && json_array_size(list) > 0)
        record_find(s, RECORD_ERROR, "payout_addresses", "none is live");
}

/* --- what was declared and looked into ------------------------------------------------ */

static bool has_declared(const json_t *record, const char *code)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(record, "declarations"), i, entry)
    {
        if (is_text(text_at(entry, "code"), code))
            return true;
    }
    return false;
}

static void check_declarations(struct record_scene *s)
{
    const struct profile_list *asked = &s->with->profile->declarations;
    if (!json_is_array(json_object_get(s->record, "declarations")))
        return;
    for (size_t i = 0; i < asked->count; i++)
        if (!has_declared(s->record, asked->items[i]))
            record_find(s, RECORD_ERROR, "declarations", "%.40s is not declared",
                        asked->items[i]);
}

static void check_risk(struct record_scene *s)
{
    const struct profile *profile = s->with->profile;
    const json_t *risk = json_object_get(s->record, "risk");
    struct day reviewed, next;
    if (!day_at(&reviewed, risk, "reviewed_on") || !day_at(&next, risk, "next_review"))
        return;
    bool is_high = is_text(text_at(risk, "level"), "high");
    int32_t days = is_high ? profile->review_days_high : profile->review_days_normal;
    if (next.n <= reviewed.n || next.n - reviewed.n > days)
        record_find(s, RECORD_ERROR, "risk.next_review",
                    "1 to %" PRId32 " days behind reviewed_on expected", days);
    else if (next.n < s->today.n)
        record_find(s, RECORD_WARNING, "risk.next_review", "has passed");
}

static void check_screening(struct record_scene *s)
{
    const char *result = text_at(json_object_get(s->record, "screening"), "result");
    if (is_text(result, "flag") || is_text(result, "match"))
        record_find(s, RECORD_FLAG, "screening.result", "is not clear");
}

void record_check_rules(struct record_scene *s)
{
    check_profile_version(s);
    check_residency(s);
    check_tax_id(s);
    check_names(s);
    check_birth(s);
    check_document(s);
    check_owners(s);
    check_certificate(s);
    check_equipment(s);
    check_addresses(s);
    check_declarations(s);
    check_risk(s);
    check_screening(s);
}
