#include "pool/registry/profile.h"

#include "conf/mem.h"
#include "pool/registry/zone.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CODE_MAX 32

enum kz_err profile_path(char *out, size_t size, const char *dir, const char *code)
{
    char lower[CODE_MAX + 1];
    size_t len = strlen(code);
    if (len < 2 || len > CODE_MAX)
        return KZ_RANGE;
    for (size_t i = 0; i <= len; i++) {
        char c = code[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        if (i < len && (lower[i] < 'a' || lower[i] > 'z'))
            return KZ_RANGE;
    }
    int n = snprintf(out, size, "%s/%s.json", dir, lower);
    return n > 0 && (size_t)n < size ? KZ_OK : KZ_RANGE;
}

static enum kz_err read_file(uint8_t *bytes, size_t *len, char why[PROFILE_WHY_SIZE],
                             const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        snprintf(why, PROFILE_WHY_SIZE, "cannot be opened: %s", strerror(errno));
        return KZ_IO;
    }
    *len = fread(bytes, 1, PROFILE_FILE_MAX + 1, file); /* one more: too large */
    bool failed = ferror(file) != 0;
    if (failed)
        snprintf(why, PROFILE_WHY_SIZE, "cannot be read: %s", strerror(errno));
    fclose(file);
    return failed ? KZ_IO : KZ_OK;
}

/* Where the table knows better than the profile is a question of its age, and for
 * `karizctl profile check` to say; but daylight saving would move the edges of periods. */
static enum kz_err check_zone(char why[PROFILE_WHY_SIZE], const struct profile *p)
{
    struct zone zone;
    if (zone_read(&zone, p->timezone) != KZ_OK || !zone.has_daylight_saving)
        return KZ_OK;
    snprintf(why, PROFILE_WHY_SIZE,
             "timezone: \"%s\": a zone without daylight saving expected", p->timezone);
    return KZ_RANGE;
}

enum kz_err profile_load(struct profile **out, char why[PROFILE_WHY_SIZE],
                         const char *path)
{
    uint8_t *bytes = mem_new(PROFILE_FILE_MAX + 1);
    struct profile *p = NULL;
    size_t len = 0;
    enum kz_err err = read_file(bytes, &len, why, path);
    if (err == KZ_OK)
        err = profile_parse(&p, why, (struct bytes){bytes, len});
    if (err == KZ_OK)
        err = check_zone(why, p);
    mem_free(bytes);
    if (err != KZ_OK) {
        profile_free(p);
        return err;
    }
    *out = p;
    return KZ_OK;
}
