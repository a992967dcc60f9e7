#include "pool/http_limit.h"

#include "conf/mem.h"

#include <string.h>

#define PLACES 1024
#define WAYS   8 /* places that an address may have */
#define MILLI  1000

/* Filled by the clock up to its size; in thousandths of a request. */
struct purse {
    int64_t milli;
    int64_t at_ms;
};

struct place {
    uint8_t ip[16]; /* all zero: empty */
    struct purse purse;
};

struct http_limit {
    uint64_t seed;
    struct purse all;
    struct place places[PLACES];
};

static void fill(struct purse *p, int64_t size, int64_t per_second, int64_t now_ms)
{
    /* Longer than this fills any purse, and the product stays small. */
    int64_t passed = now_ms - p->at_ms;
    if (passed > 3600 * MILLI)
        passed = 3600 * MILLI;
    if (passed > 0)
        p->milli += passed * per_second;
    if (p->milli > size * MILLI)
        p->milli = size * MILLI;
    p->at_ms = now_ms;
}

struct http_limit *http_limit_new(uint64_t seed)
{
    struct http_limit *l = mem_new(sizeof(*l));
    l->seed = seed;
    l->all.milli = HTTP_LIMIT_ALL * MILLI;
    return l;
}

void http_limit_free(struct http_limit *l)
{
    mem_free(l);
}

/* IPv4 (in its mapped form) whole, of IPv6 the network. */
static struct netaddr counted(const struct netaddr *a)
{
    struct netaddr c = *a;
    if (!netaddr_in_block(a, "0.0.0.0/0"))
        memset(c.ip + 8, 0, 8);
    c.port = 0;
    return c;
}

static struct purse *purse_of(struct http_limit *l, const struct netaddr *a,
                              int64_t now_ms)
{
    const struct netaddr key = counted(a);
    size_t first = netaddr_hash(&key, l->seed) % PLACES;
    struct place *fullest = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        struct place *p = &l->places[(first + i) % PLACES];
        fill(&p->purse, HTTP_LIMIT_PURSE, HTTP_LIMIT_PER_SECOND, now_ms);
        if (memcmp(p->ip, key.ip, sizeof(p->ip)) == 0)
            return &p->purse;
        if (fullest == NULL || p->purse.milli > fullest->purse.milli)
            fullest = p;
    }
    memcpy(fullest->ip, key.ip, sizeof(fullest->ip));
    fullest->purse.milli = HTTP_LIMIT_PURSE * MILLI;
    return &fullest->purse;
}

bool http_limit_take(struct http_limit *l, const struct netaddr *a, int64_t now_ms)
{
    struct purse *own = purse_of(l, a, now_ms);
    fill(&l->all, HTTP_LIMIT_ALL, HTTP_LIMIT_ALL_SECOND, now_ms);
    if (own->milli < MILLI || l->all.milli < MILLI)
        return false;
    own->milli -= MILLI;
    l->all.milli -= MILLI;
    return true;
}

void http_limit_guessed(struct http_limit *l, const struct netaddr *a, int64_t now_ms)
{
    struct purse *own = purse_of(l, a, now_ms);
    own->milli -= HTTP_LIMIT_GUESS * MILLI; /* below 0: then it waits the longer */
}
