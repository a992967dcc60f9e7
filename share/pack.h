/* share/pack.h - bodies of journal records: numbers and bytes one behind the other.
 *
 * "varint": seven bits a byte, low ones first, the top bit says that more follow; at most
 * 64 bits. Writers return where the next one writes. A reader that is asked for more than
 * there is gives zeros and remembers it: look at unpack_is_done() once, at the end.
 *
 * Pure: no I/O, lock, clock or allocation; any thread. */
#ifndef SHARE_PACK_H
#define SHARE_PACK_H

#include "share/bytes.h"
#include "share/hash256.h"

#define PACK_VARINT_MAX 10

uint8_t *pack_varint(uint8_t *to, uint64_t v);
uint8_t *pack_u32(uint8_t *to, uint32_t v);
uint8_t *pack_u64(uint8_t *to, uint64_t v);
uint8_t *pack_bytes(uint8_t *to, const void *p, size_t len);

struct unpack {
    struct bytes rest; /* borrowed */
    bool is_bad;
};

/* Borrowed from what is read. Beyond the end: zeros for up to 32 bytes, else NULL. */
const uint8_t *unpack_bytes(struct unpack *u, size_t len);
uint64_t unpack_varint(struct unpack *u);
uint32_t unpack_varint32(struct unpack *u);
uint32_t unpack_u32(struct unpack *u);
uint64_t unpack_u64(struct unpack *u);
void unpack_hash(struct hash256 *h, struct unpack *u);
/* A varint length and that many bytes. */
struct bytes unpack_part(struct unpack *u);
/* All was there, and nothing is left. */
bool unpack_is_done(const struct unpack *u);

#endif
