#include "stratum/ban.h"

static uint64_t ban_key(const struct ban_table *t, const struct netaddr *a,
                        const uint8_t *login, size_t len)
{
    uint64_t h = netaddr_hash(a, t->seed);
    for (size_t i = 0; i < len; i++)
        h = (h ^ login[i]) * 0x100000001b3u;
    return h ^ (h >> 29);
}

/* The ban of `key`, ended ones dropped on the way; t->count when there is none. */
static size_t ban_find(struct ban_table *t, uint64_t key, struct monotime now)
{
    for (size_t i = 0; i < t->count;) {
        if (t->at[i].until.ns <= now.ns)
            t->at[i] = t->at[--t->count];
        else if (t->at[i].key == key)
            return i;
        else
            i++;
    }
    return t->count;
}

static size_t ban_first_to_end(const struct ban_table *t)
{
    size_t first = 0;
    for (size_t i = 1; i < t->count; i++) {
        if (t->at[i].until.ns < t->at[first].until.ns)
            first = i;
    }
    return first;
}

void ban_add(struct ban_table *t, const struct netaddr *a, const void *login,
             size_t len, struct monotime now, uint32_t seconds)
{
    uint64_t key = ban_key(t, a, login, len);
    size_t i = ban_find(t, key, now);
    if (i == BAN_MAX)
        i = ban_first_to_end(t);
    else if (i == t->count)
        t->count++;
    t->at[i] = (struct ban){key, monotime_add_ms(now, (int64_t)seconds * 1000)};
}

bool ban_has(struct ban_table *t, const struct netaddr *a, const void *login,
             size_t len, struct monotime now)
{
    return t->count > 0 && ban_find(t, ban_key(t, a, login, len), now) < t->count;
}
