#include "stratum/roster.h"

#include "conf/mem.h"

#include <stdatomic.h>
#include <string.h>

#define ADDRESS_MAX 127
#define NO_MINER    UINT32_MAX

/* Names (ids and addresses) to positions in `miners`, open addressing. */
struct roster_name {
    char *text; /* owned; NULL: empty slot */
    uint32_t miner;
};

struct roster {
    atomic_uint refs;
    struct roster_miner *miners;
    size_t count, room;
    struct roster_name *names;
    size_t name_count, name_slots; /* slots: a power of two, at most half used */
    uint32_t *by_number;           /* open addressing over `miners` */
    size_t number_slots;
};

static size_t slots_for(size_t expected)
{
    size_t slots = 16;
    while (slots < 2 * expected + 2)
        slots *= 2;
    return slots;
}

static void number_slots_clear(struct roster *r, size_t slots)
{
    mem_free(r->by_number);
    r->by_number = mem_array(slots, sizeof(*r->by_number));
    r->number_slots = slots;
    memset(r->by_number, 0xff, slots * sizeof(*r->by_number));
}

struct roster *roster_new(size_t expected)
{
    struct roster *r = mem_new(sizeof(*r));
    atomic_init(&r->refs, 1);
    r->room = expected > 0 ? expected : 1;
    r->miners = mem_array(r->room, sizeof(*r->miners));
    r->name_slots = slots_for(2 * expected);
    r->names = mem_array(r->name_slots, sizeof(*r->names));
    number_slots_clear(r, slots_for(expected));
    return r;
}

static uint32_t *number_slot(const struct roster *r, uint32_t number)
{
    size_t i = (number * 0x9e3779b1u >> 5) & (r->number_slots - 1);
    while (r->by_number[i] != NO_MINER && r->miners[r->by_number[i]].number != number)
        i = (i + 1) & (r->number_slots - 1);
    return &r->by_number[i];
}

static struct roster_name *name_slot(const struct roster *r, const char *text,
                                     size_t len)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)text[i]) * 0x100000001b3u;
    size_t i = (size_t)(h ^ h >> 31) & (r->name_slots - 1);
    while (r->names[i].text != NULL &&
           (strncmp(r->names[i].text, text, len) != 0 || r->names[i].text[len] != '\0'))
        i = (i + 1) & (r->name_slots - 1);
    return &r->names[i];
}

static void names_grow(struct roster *r)
{
    struct roster_name *old = r->names;
    size_t slots = r->name_slots;
    r->name_slots *= 2;
    r->names = mem_array(r->name_slots, sizeof(*r->names));
    for (size_t i = 0; i < slots; i++) {
        if (old[i].text != NULL)
            *name_slot(r, old[i].text, strlen(old[i].text)) = old[i];
    }
    mem_free(old);
}

/* The first of two with one name stays. */
static bool name_add(struct roster *r, const char *text, uint32_t miner)
{
    if (2 * (r->name_count + 1) > r->name_slots)
        names_grow(r);
    struct roster_name *n = name_slot(r, text, strlen(text));
    if (n->text != NULL)
        return false;
    *n = (struct roster_name){mem_text(text), miner};
    r->name_count++;
    return true;
}

static void miners_grow(struct roster *r)
{
    if (r->count == r->room) {
        r->room *= 2;
        r->miners = mem_resize(r->miners, r->room * sizeof(*r->miners));
    }
    if (2 * (r->count + 1) <= r->number_slots)
        return;
    number_slots_clear(r, 2 * r->number_slots);
    for (size_t i = 0; i < r->count; i++)
        *number_slot(r, r->miners[i].number) = (uint32_t)i;
}

void roster_add(struct roster *r, const struct roster_miner *m)
{
    miners_grow(r);
    uint32_t at = (uint32_t)r->count;
    uint32_t *slot = number_slot(r, m->number);
    if (*slot != NO_MINER || !name_add(r, m->id.text, at))
        return;
    r->miners[at] = *m;
    r->miners[at].networks = NULL;
    r->miners[at].network_count = 0;
    *slot = at;
    r->count++;
}

void roster_add_network(struct roster *r, uint32_t number, const char *block)
{
    uint32_t at = *number_slot(r, number);
    if (at == NO_MINER || r->miners[at].network_count == ROSTER_NETWORKS_MAX)
        return;
    struct roster_miner *m = &r->miners[at];
    size_t size = (m->network_count + 1) * sizeof(*m->networks);
    m->networks = mem_resize(m->networks, size);
    m->networks[m->network_count++] = mem_text(block);
}

bool roster_may_mine(const struct roster_miner *m, int64_t utc_ms)
{
    return m->may_mine && (m->until_ms == 0 || utc_ms < m->until_ms);
}

bool roster_allows(const struct roster_miner *m, const struct netaddr *peer)
{
    for (size_t i = 0; i < m->network_count; i++)
        if (netaddr_in_block(peer, m->networks[i]))
            return true;
    return m->network_count == 0;
}

void roster_add_address(struct roster *r, const char *address, uint32_t number)
{
    uint32_t at = *number_slot(r, number);
    if (at != NO_MINER && strlen(address) <= ADDRESS_MAX)
        name_add(r, address, at);
}

struct roster *roster_ref(const struct roster *r)
{
    struct roster *shared = (struct roster *)(uintptr_t)r;
    if (shared != NULL)
        atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

void roster_unref(struct roster *r)
{
    if (r == NULL || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < r->name_slots; i++)
        mem_free(r->names[i].text);
    for (size_t i = 0; i < r->count; i++) {
        for (size_t k = 0; k < r->miners[i].network_count; k++)
            mem_free(r->miners[i].networks[k]);
        mem_free(r->miners[i].networks);
    }
    mem_free(r->names);
    mem_free(r->by_number);
    mem_free(r->miners);
    mem_free(r);
}

const struct roster_miner *roster_find(const struct roster *r, const char *name,
                                       size_t len)
{
    char lower[ADDRESS_MAX + 1];
    if (len == 0 || len > ADDRESS_MAX || memchr(name, '\0', len) != NULL)
        return NULL;
    /* As written first: base58 tells cases apart. Then in lower case, for ids and
     * bech32. */
    const struct roster_name *n = name_slot(r, name, len);
    if (n->text == NULL) {
        for (size_t i = 0; i < len; i++)
            lower[i] =
                (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
        n = name_slot(r, lower, len);
    }
    return n->text != NULL ? &r->miners[n->miner] : NULL;
}

const struct roster_miner *roster_get(const struct roster *r, uint32_t number)
{
    uint32_t at = *number_slot(r, number);
    return at != NO_MINER ? &r->miners[at] : NULL;
}
