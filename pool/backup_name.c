#include "pool/backup_name.h"

#include "conf/clock.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS    INT64_C(86400000)
#define STAMP_LEN 16 /* 20261126T192530Z */

void backup_name_format(char out[BACKUP_NAME_SIZE], const char *instance,
                        int64_t time_ms)
{
    char t[CLOCK_TEXT_SIZE]; /* 2026-11-26T19:25:30.123Z */
    clock_utc_format(t, time_ms);
    snprintf(out, BACKUP_NAME_SIZE, BACKUP_PREFIX "%.32s-%.4s%.2s%.2sT%.2s%.2s%.2sZ",
             instance, t, t + 5, t + 8, t + 11, t + 14, t + 17);
}

/* What stands behind "kariz-backup-<instance>-"; NULL: it is another's. */
static const char *stamp_of(const char *instance, const char *name)
{
    size_t len = strlen(instance), start = strlen(BACKUP_PREFIX);
    if (strncmp(name, BACKUP_PREFIX, start) != 0 ||
        strncmp(name + start, instance, len) != 0 || name[start + len] != '-')
        return NULL;
    const char *stamp = name + start + len + 1;
    return strlen(stamp) == STAMP_LEN ? stamp : NULL;
}

enum kz_err backup_name_parse(int64_t *time_ms, const char *instance, const char *name)
{
    char text[CLOCK_TEXT_SIZE];
    const char *s = stamp_of(instance, name);
    if (s == NULL || s[8] != 'T' || s[15] != 'Z')
        return KZ_PARSE;
    snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s", s, s + 4, s + 6,
             s + 9, s + 11, s + 13);
    return clock_utc_parse(time_ms, text, strlen(text)) == KZ_OK ? KZ_OK : KZ_PARSE;
}

bool backup_name_is_leftover(const char *instance, const char *name)
{
    int64_t time_ms;
    size_t len = strlen(BACKUP_UNFINISHED);
    return strncmp(name, BACKUP_UNFINISHED, len) == 0 &&
           backup_name_parse(&time_ms, instance, name + len) == KZ_OK;
}

int64_t backup_due_ms(int64_t now_ms, const char *at)
{
    int64_t minutes =
        (at[0] - '0') * 600 + (at[1] - '0') * 60 + (at[3] - '0') * 10 + (at[4] - '0');
    int64_t today = now_ms / DAY_MS * DAY_MS + minutes * 60000;
    return today <= now_ms ? today : today - DAY_MS;
}
