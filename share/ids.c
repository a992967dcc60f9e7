#include "share/ids.h"

#include <string.h>

#define MINER_ID_MIN 3

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

enum kz_err miner_id_parse(struct miner_id *id, const char *text, size_t len)
{
    if (len < MINER_ID_MIN || len > MINER_ID_MAX)
        return KZ_PARSE;
    for (size_t i = 0; i < len; i++)
        if (!is_id_char(text[i]))
            return KZ_PARSE;
    /* Zeroed to the end: an id is compared and hashed as a whole. */
    memset(id->text, 0, sizeof(id->text));
    memcpy(id->text, text, len);
    return KZ_OK;
}

bool miner_id_equal(const struct miner_id *a, const struct miner_id *b)
{
    return strcmp(a->text, b->text) == 0;
}

void worker_name_set(struct worker_name *name, const char *text, size_t len)
{
    if (len > WORKER_NAME_MAX)
        len = WORKER_NAME_MAX;
    memset(name->text, 0, sizeof(name->text));
    for (size_t i = 0; i < len; i++)
        name->text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    if (len == 0)
        memcpy(name->text, "default", sizeof("default"));
}
