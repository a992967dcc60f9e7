#include "stratum/extranonce.h"

#include "conf/mem.h"

#include <assert.h>
#include <string.h>

struct extranonces {
    unsigned front, fronts;
    uint32_t space; /* how many values are ours */
    uint32_t next;  /* where to look first */
    uint32_t taken;
    uint64_t *bits;
};

struct extranonces *extranonces_new(unsigned front, unsigned fronts)
{
    struct extranonces *e = mem_new(sizeof(*e));
    e->front = front;
    e->fronts = fronts;
    e->space = (1u << EXTRANONCE_BITS) / fronts;
    e->bits = mem_array(e->space / 64 + 1, sizeof(*e->bits));
    return e;
}

void extranonces_free(struct extranonces *e)
{
    if (e == NULL)
        return;
    mem_free(e->bits);
    mem_free(e);
}

enum kz_err extranonces_take(struct extranonces *e, uint32_t *value)
{
    if (e->taken == e->space)
        return KZ_BUSY;
    uint32_t i = e->next;
    while ((e->bits[i / 64] >> (i % 64) & 1) != 0)
        i = i + 1 == e->space ? 0 : i + 1;
    e->bits[i / 64] |= UINT64_C(1) << (i % 64);
    e->next = i + 1 == e->space ? 0 : i + 1;
    e->taken++;
    *value = i * e->fronts + e->front;
    return KZ_OK;
}

void extranonces_give_back(struct extranonces *e, uint32_t value)
{
    uint32_t i = value / e->fronts;
    assert(value % e->fronts == e->front && i < e->space);
    assert((e->bits[i / 64] >> (i % 64) & 1) != 0);
    e->bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
    e->taken--;
}

unsigned extranonce_front(uint32_t value, unsigned fronts)
{
    return value % fronts;
}

void extranonce1_write(uint8_t *out, size_t len, uint32_t instance, uint32_t value)
{
    memset(out, 0, len);
    out[0] = (uint8_t)instance;
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

enum kz_err extranonce1_read(uint32_t *value, const uint8_t first[4], uint32_t instance)
{
    if (first[0] != (uint8_t)instance)
        return KZ_RANGE;
    *value = (uint32_t)first[1] << 16 | (uint32_t)first[2] << 8 | first[3];
    return KZ_OK;
}
