#include "pool/registry/profile_rules.h"

#include "pool/registry/countries.h"
#include "pool/registry/day.h"
#include "pool/registry/names.h"

#include <string.h>

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"

static bool has_only(const char *text, const char *signs)
{
    return text[0] != '\0' && text[strspn(text, signs)] == '\0';
}

static bool is_jurisdiction(const char *text)
{
    return strcmp(text, PROFILE_CODE_GENERIC) == 0 || country_is_assigned(text);
}

static bool is_currency(const char *text)
{
    return strlen(text) == 3 && has_only(text, UPPER);
}

static bool is_language(const char *text)
{
    size_t first = strspn(text, LOWER);
    const char *rest = text + first;
    if (first < 2 || first > 3)
        return false;
    size_t more = strspn(rest + (*rest == '-'), UPPER LOWER DIGIT);
    return *rest == '\0' ||
           (*rest == '-' && more >= 2 && more <= 8 && rest[1 + more] == '\0');
}

static bool is_code(const char *text)
{
    return strspn(text, LOWER) > 0 && has_only(text, LOWER DIGIT "_");
}

static bool is_version(const char *text)
{
    return has_only(text, UPPER LOWER DIGIT "._-");
}

static bool is_date(const char *text)
{
    struct day unused;
    return day_parse(&unused, text) == KZ_OK;
}

static bool is_url(const char *text)
{
    bool is_web = strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
    return is_web && strpbrk(text, " \"<>\\") == NULL;
}

static bool is_host(const char *text)
{
    return has_only(text, LOWER DIGIT ".-") && strchr(text, '.') != NULL &&
           strstr(text, "..") == NULL && text[0] != '.' &&
           text[strlen(text) - 1] != '.';
}

/* A path below the zone table: no way out of it. */
static bool is_zone(const char *text)
{
    return has_only(text, UPPER LOWER DIGIT "_+-/") && text[0] != '/';
}

const struct form_rule rule_country = {country_is_assigned,
                                       "a country's code of ISO 3166-1"};
const struct form_rule rule_jurisdiction = {
    is_jurisdiction, "a country's code of ISO 3166-1, or generic,"};
const struct form_rule rule_region = {country_is_region_code,
                                      "a region's code of ISO 3166-2"};
const struct form_rule rule_currency = {is_currency, "a currency's code of ISO 4217"};
const struct form_rule rule_language = {is_language, "a language like tk or uz-Cyrl"};
const struct form_rule rule_code = {is_code, "a word of a-z, 0-9 and _"};
const struct form_rule rule_version = {is_version, "letters, digits, ., _ and -"};
const struct form_rule rule_date = {is_date, "a date like 2026-01-31"};
const struct form_rule rule_url = {is_url, "https://... or http://..."};
const struct form_rule rule_host = {is_host, "a host's name in small letters"};
const struct form_rule rule_zone = {is_zone, "a zone like Asia/Ashgabat"};
const struct form_rule rule_stem = {names_is_stem,
                                    "a word of 2 letters or more, no blank within,"};
