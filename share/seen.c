#include "share/seen.h"

#include "conf/mem.h"

#define SLOTS_MIN 16

/* Open addressing, linear probing. A key of 0 marks an empty slot, so a hash whose key
 * is 0 is kept as 1: one more pair in 2^64 that could be taken for a repeat. */
struct seen {
    uint64_t *slots;
    size_t slot_count; /* a power of two */
    size_t count, limit;
};

/* The hash's first 8 bytes are the low ones of the number: evenly spread, where the
 * last are zeros in every share. They fill the table without further mixing. */
static uint64_t key_of(const struct hash256 *h)
{
    uint64_t key = read_le64(h->b);
    return key != 0 ? key : 1;
}

/* Where `key` is or belongs. There is always an empty slot. */
static size_t find(const struct seen *s, uint64_t key)
{
    size_t mask = s->slot_count - 1;
    size_t at = (size_t)key & mask;
    while (s->slots[at] != 0 && s->slots[at] != key)
        at = (at + 1) & mask;
    return at;
}

static void grow(struct seen *s)
{
    struct seen larger = {.slot_count = 2 * s->slot_count};
    larger.slots = mem_array(larger.slot_count, sizeof(uint64_t));
    for (size_t i = 0; i < s->slot_count; i++)
        if (s->slots[i] != 0)
            larger.slots[find(&larger, s->slots[i])] = s->slots[i];
    mem_free(s->slots);
    s->slots = larger.slots;
    s->slot_count = larger.slot_count;
}

struct seen *seen_new(size_t limit)
{
    struct seen *s = mem_new(sizeof(*s));
    s->limit = limit;
    s->slot_count = SLOTS_MIN;
    s->slots = mem_array(s->slot_count, sizeof(uint64_t));
    return s;
}

void seen_free(struct seen *s)
{
    if (s == NULL)
        return;
    mem_free(s->slots);
    mem_free(s);
}

enum kz_err seen_add(struct seen *s, const struct hash256 *h)
{
    uint64_t key = key_of(h);
    size_t at = find(s, key);
    if (s->slots[at] == key)
        return KZ_RANGE;
    if (s->count >= s->limit)
        return KZ_BUSY;
    if (4 * (s->count + 1) > 3 * s->slot_count) {
        grow(s);
        at = find(s, key);
    }
    s->slots[at] = key;
    s->count++;
    return KZ_OK;
}

size_t seen_count(const struct seen *s)
{
    return s->count;
}
