#include "payout/textmap.h"

#include "conf/mem.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define SLOTS_MIN 32

struct node {
    uint64_t hash;
    char *text;
    void *value;
};

struct textmap {
    size_t value_size;
    struct node *nodes;
    size_t count;
    uint32_t *slots;   /* index + 1 into nodes, 0: free; linear probing */
    size_t slot_count; /* a power of two, at least twice `count` */
};

/* FNV-1a. The texts are ids and keys that the pool gives out, not a stranger's choice. */
static uint64_t hash_text(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (const char *p = text; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
    return h ^ (h >> 29);
}

static size_t find(const struct textmap *m, uint64_t hash, const char *text)
{
    size_t mask = m->slot_count - 1;
    size_t at = (size_t)hash & mask;
    for (; m->slots[at] != 0; at = (at + 1) & mask) {
        const struct node *n = &m->nodes[m->slots[at] - 1];
        if (n->hash == hash && strcmp(n->text, text) == 0)
            break;
    }
    return at;
}

struct textmap *textmap_new(size_t value_size)
{
    struct textmap *m = mem_new(sizeof(*m));
    m->value_size = value_size;
    m->slot_count = SLOTS_MIN;
    m->slots = mem_array(m->slot_count, sizeof(*m->slots));
    m->nodes = mem_array(m->slot_count / 2, sizeof(*m->nodes));
    return m;
}

void textmap_free(struct textmap *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->count; i++) {
        mem_free(m->nodes[i].text);
        mem_free(m->nodes[i].value);
    }
    mem_free(m->nodes);
    mem_free(m->slots);
    mem_free(m);
}

static void grow(struct textmap *m)
{
    m->slot_count *= 2;
    assert(m->slot_count / 2 < UINT32_MAX);
    mem_free(m->slots);
    m->slots = mem_array(m->slot_count, sizeof(*m->slots));
    m->nodes = mem_resize(m->nodes, m->slot_count / 2 * sizeof(*m->nodes));
    for (size_t i = 0; i < m->count; i++)
        m->slots[find(m, m->nodes[i].hash, m->nodes[i].text)] = (uint32_t)(i + 1);
}

void *textmap_get(const struct textmap *m, const char *text)
{
    size_t at = find(m, hash_text(text), text);
    return m->slots[at] != 0 ? m->nodes[m->slots[at] - 1].value : NULL;
}

void *textmap_put(struct textmap *m, const char *text)
{
    uint64_t hash = hash_text(text);
    size_t at = find(m, hash, text);
    if (m->slots[at] != 0)
        return m->nodes[m->slots[at] - 1].value;
    if (2 * (m->count + 1) > m->slot_count) {
        grow(m);
        at = find(m, hash, text);
    }
    struct node *n = &m->nodes[m->count++];
    *n = (struct node){hash, mem_text(text), mem_new(m->value_size)};
    m->slots[at] = (uint32_t)m->count;
    return n->value;
}

size_t textmap_count(const struct textmap *m)
{
    return m->count;
}

const char *textmap_text(const struct textmap *m, size_t i)
{
    assert(i < m->count);
    return m->nodes[i].text;
}

void *textmap_value(const struct textmap *m, size_t i)
{
    assert(i < m->count);
    return m->nodes[i].value;
}
