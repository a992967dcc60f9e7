#include "share/pack.h"

#include <string.h>

uint8_t *pack_varint(uint8_t *to, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *to++ = (uint8_t)(v | 0x80);
    *to++ = (uint8_t)v;
    return to;
}

uint8_t *pack_u32(uint8_t *to, uint32_t v)
{
    write_le32(to, v);
    return to + 4;
}

uint8_t *pack_u64(uint8_t *to, uint64_t v)
{
    write_le64(to, v);
    return to + 8;
}

uint8_t *pack_bytes(uint8_t *to, const void *p, size_t len)
{
    if (len > 0)
        memcpy(to, p, len);
    return to + len;
}

const uint8_t *unpack_bytes(struct unpack *u, size_t len)
{
    static const uint8_t zeros[32] = {0};
    if (u->is_bad || len > u->rest.len) {
        u->is_bad = true;
        return len <= sizeof(zeros) ? zeros : NULL;
    }
    const uint8_t *p = u->rest.p;
    u->rest.p += len;
    u->rest.len -= len;
    return p;
}

uint64_t unpack_varint(struct unpack *u)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = *unpack_bytes(u, 1);
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    u->is_bad = true;
    return 0;
}

uint32_t unpack_varint32(struct unpack *u)
{
    uint64_t v = unpack_varint(u);
    if (v > UINT32_MAX)
        u->is_bad = true;
    return (uint32_t)v;
}

uint32_t unpack_u32(struct unpack *u)
{
    return read_le32(unpack_bytes(u, 4));
}

uint64_t unpack_u64(struct unpack *u)
{
    return read_le64(unpack_bytes(u, 8));
}

void unpack_hash(struct hash256 *h, struct unpack *u)
{
    memcpy(h->b, unpack_bytes(u, 32), 32);
}

struct bytes unpack_part(struct unpack *u)
{
    uint64_t len = unpack_varint(u);
    if (len > u->rest.len)
        u->is_bad = true;
    return u->is_bad ? (struct bytes){0}
                     : (struct bytes){unpack_bytes(u, (size_t)len), (size_t)len};
}

bool unpack_is_done(const struct unpack *u)
{
    return !u->is_bad && u->rest.len == 0;
}
