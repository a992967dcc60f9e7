#include "pool/registry/zone.h"

#include "share/bytes.h"

#include <stdio.h>
#include <string.h>

#define TABLE     "/usr/share/zoneinfo"
#define RULE_SIZE 128

/* Behind the zone's short name: letters, or anything between < and >. */
static const char *skip_name(const char *p)
{
    if (*p == '<') {
        const char *end = strchr(p, '>');
        return end != NULL ? end + 1 : NULL;
    }
    size_t letters = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    return letters >= 3 ? p + letters : NULL;
}

enum kz_err zone_parse_rule(struct zone *out, const char *rule)
{
    const char *p = skip_name(rule);
    if (p == NULL)
        return KZ_PARSE;
    /* POSIX counts westwards. */
    int32_t sign = *p == '-' ? 1 : -1;
    p += *p == '-' || *p == '+';
    if (*p < '0' || *p > '9')
        return KZ_PARSE;
    uint64_t hours = decimal_take(&p), minutes = 0;
    if (*p == ':') {
        p++;
        minutes = decimal_take(&p);
    }
    if (hours > 24 || minutes > 59)
        return KZ_PARSE;
    out->offset_minutes = sign * (int32_t)(hours * 60 + minutes);
    out->has_daylight_saving = *p != '\0';
    return KZ_OK;
}

/* The last line, without its ends. */
static bool read_last_line(char out[RULE_SIZE], FILE *file)
{
    char end[RULE_SIZE];
    if (fseek(file, -(long)(RULE_SIZE - 1), SEEK_END) != 0)
        rewind(file);
    size_t len = fread(end, 1, sizeof(end) - 1, file);
    if (len < 2 || end[len - 1] != '\n')
        return false;
    end[len - 1] = '\0';
    const char *before = memrchr(end, '\n', len - 1);
    if (before == NULL)
        return false;
    snprintf(out, RULE_SIZE, "%s", before + 1);
    return true;
}

enum kz_err zone_read(struct zone *out, const char *name)
{
    char path[sizeof(TABLE) + 66], rule[RULE_SIZE];
    if (strstr(name, "..") != NULL || strlen(name) > 64)
        return KZ_EMPTY;
    snprintf(path, sizeof(path), TABLE "/%s", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return KZ_EMPTY;
    bool ok = read_last_line(rule, file);
    fclose(file);
    return ok ? zone_parse_rule(out, rule) : KZ_PARSE;
}
