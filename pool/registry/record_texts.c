#include "conf/clock.h"
#include "payout/address.h"
#include "pool/registry/contact.h"
#include "pool/registry/countries.h"
#include "pool/registry/lei.h"
#include "pool/registry/record_parts.h"
#include "pool/registry/utf8.h"
#include "share/ids.h"

#include <string.h>

/* --- any text ----------------------------------------------------------------------- */

/* Every letter of the languages we serve has a character of its own, so that text in NFC
 * has no separate accents. That is simpler to check than NFC, and to explain. */
static bool is_separate_accent(uint32_t c)
{
    return c >= 0x300 && c <= 0x36f;
}

static bool is_invisible(uint32_t c)
{
    return c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

const char *record_text_fault(size_t *count, const char *text, size_t len)
{
    *count = 0;
    if (len == 0)
        return "is empty";
    if (strlen(text) != len)
        return "has a 0 byte in it";
    if (text[0] == ' ' || text[len - 1] == ' ')
        return "has blanks around it";
    for (const char *p = text; *p != '\0'; ++*count) {
        uint32_t c;
        p += utf8_read(&c, p);
        if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
            return "has a control character in it";
        if (is_separate_accent(c))
            return "has an accent apart from its letter (Unicode NFC expected)";
        if (is_invisible(c))
            return "has an invisible character in it";
    }
    return NULL;
}

bool record_is_latin(const struct record_scene *s, const json_t *object,
                     const char *text)
{
    (void)s, (void)object;
    while (*text != '\0') {
        uint32_t c;
        text += utf8_read(&c, text);
        if (c >= 0x250 && (c < 0x1e00 || c > 0x1eff) && c != 0x2019)
            return false;
    }
    return true;
}

static bool is_made_of(const char *text, size_t max, const char *of)
{
    size_t len = strlen(text);
    return len >= 1 && len <= max && strspn(text, of) == len;
}

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

bool record_is_local_id(const struct record_scene *s, const json_t *object,
                        const char *text)
{
    (void)s, (void)object;
    return is_made_of(text, 32, LOWER DIGITS "-");
}

bool record_is_code(const struct record_scene *s, const json_t *object,
                    const char *text)
{
    (void)s, (void)object;
    return is_made_of(text, 40, LOWER DIGITS "_");
}

bool record_is_sha256(const struct record_scene *s, const json_t *object,
                      const char *text)
{
    (void)s, (void)object;
    return strlen(text) == 64 && is_made_of(text, 64, DIGITS "abcdef");
}

/* --- ids and words of the profile ------------------------------------------------------ */

bool record_is_schema(const struct record_scene *s, const json_t *object,
                      const char *text)
{
    (void)s, (void)object;
    return strcmp(text, RECORD_SCHEMA) == 0;
}

bool record_is_miner_id(const struct record_scene *s, const json_t *object,
                        const char *text)
{
    struct miner_id id;
    (void)s, (void)object;
    return miner_id_parse(&id, text, strlen(text)) == KZ_OK;
}

bool record_is_jurisdiction(const struct record_scene *s, const json_t *object,
                            const char *text)
{
    (void)object;
    return strcmp(text, s->with->profile->code) == 0;
}

bool record_is_kind_allowed(const struct record_scene *s, const json_t *object,
                            const char *text)
{
    (void)object;
    for (int i = 0; i < MINER_KINDS; i++)
        if (strcmp(text, miner_kind_names[i]) == 0)
            return s->with->profile->kinds_allowed[i];
    return false;
}

bool record_is_country(const struct record_scene *s, const json_t *object,
                       const char *text)
{
    (void)s, (void)object;
    return country_is_assigned(text);
}

static bool is_region_of(const struct record_scene *s, const char *country,
                         const char *text)
{
    const struct profile *profile = s->with->profile;
    if (strlen(country) != 2 || strncmp(text, country, 2) != 0 || text[2] != '-' ||
        !is_made_of(text + 3, 3, UPPER DIGITS))
        return false;
    bool is_home = strcmp(country, profile->code) == 0;
    return !is_home || profile->region_count == 0 ||
           profile_region_find(profile, text) != NULL;
}

bool record_is_region(const struct record_scene *s, const json_t *object,
                      const char *text)
{
    const char *country = json_string_value(json_object_get(object, "country"));
    return country != NULL && is_region_of(s, country, text);
}

/* Of a profile of no country any will do. */
bool record_is_site_region(const struct record_scene *s, const json_t *object,
                           const char *text)
{
    char country[3] = {text[0], text[0] != '\0' ? text[1] : '\0', '\0'};
    const char *home = s->with->profile->code;
    (void)object;
    return is_region_of(s, strlen(home) == 2 ? home : country, text);
}

bool record_is_language(const struct record_scene *s, const json_t *object,
                        const char *text)
{
    (void)object;
    return profile_list_has(&s->with->profile->languages, text);
}

bool record_is_declaration(const struct record_scene *s, const json_t *object,
                           const char *text)
{
    (void)object;
    return profile_list_has(&s->with->profile->declarations, text);
}

bool record_is_certificate_number(const struct record_scene *s, const json_t *object,
                                  const char *text)
{
    (void)object;
    return pattern_fits(s->with->profile->certificate.pattern, text);
}

/* --- forms ----------------------------------------------------------------------------- */

bool record_is_date(const struct record_scene *s, const json_t *object,
                    const char *text)
{
    struct day day;
    (void)s, (void)object;
    return day_parse(&day, text) == KZ_OK;
}

bool record_is_past_date(const struct record_scene *s, const json_t *object,
                         const char *text)
{
    struct day day;
    (void)object;
    return day_parse(&day, text) == KZ_OK && day.n <= s->today.n;
}

/* As clock_utc_format() writes it, or without the milliseconds. */
bool record_is_time(const struct record_scene *s, const json_t *object,
                    const char *text)
{
    int64_t ms;
    size_t len = strlen(text);
    (void)s, (void)object;
    return (len == 20 || len == 24) && text[10] == 'T' && text[len - 1] == 'Z' &&
           clock_utc_parse(&ms, text, len) == KZ_OK;
}

bool record_is_lei(const struct record_scene *s, const json_t *object, const char *text)
{
    (void)s, (void)object;
    return lei_is_valid(text);
}

bool record_is_phone(const struct record_scene *s, const json_t *object,
                     const char *text)
{
    (void)s, (void)object;
    return contact_is_phone(text);
}

bool record_is_email(const struct record_scene *s, const json_t *object,
                     const char *text)
{
    (void)s, (void)object;
    return contact_is_email(text);
}

bool record_is_network(const struct record_scene *s, const json_t *object,
                       const char *text)
{
    (void)s, (void)object;
    return contact_is_network(text);
}

bool record_is_payable(const struct record_scene *s, const json_t *object,
                       const char *text)
{
    struct address a;
    struct address_problem problem;
    (void)object;
    return address_parse(&a, &problem, s->with->network, text, strlen(text)) == KZ_OK &&
           address_check_payable(&a, &problem) == KZ_OK;
}

#define WHOLE 10000 /* hundredths of a percent */

int64_t record_share(const char *text)
{
    size_t whole = strspn(text, DIGITS);
    const char *rest = text + whole;
    size_t decimals = *rest == '.' ? strspn(rest + 1, DIGITS) : 0;
    int64_t v = 0;
    if (whole < 1 || whole > 3 || (text[0] == '0' && whole > 1))
        return -1;
    if (*rest == '.' && (decimals < 1 || decimals > 2))
        return -1;
    if (strlen(text) != whole + (*rest == '.') + decimals)
        return -1;
    for (size_t i = 0; i < whole; i++)
        v = v * 10 + (text[i] - '0');
    for (size_t i = 0; i < 2; i++)
        v = v * 10 + (i < decimals ? rest[1 + i] - '0' : 0);
    return v <= WHOLE ? v : -1;
}

bool record_is_share(const struct record_scene *s, const json_t *object,
                     const char *text)
{
    (void)s, (void)object;
    return record_share(text) >= 0;
}
