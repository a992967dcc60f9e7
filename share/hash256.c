#include "share/hash256.h"

#include <string.h>

#define BLOCK SHA256_CBLOCK

void sha256_begin(struct sha256_state *s)
{
    SHA256_Init(&s->ctx);
}

void sha256_add(struct sha256_state *s, const void *p, size_t len)
{
    SHA256_Update(&s->ctx, p, len);
}

static void write_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static void write_digest(uint8_t out[32], const SHA256_CTX *ctx)
{
    for (size_t i = 0; i < 8; i++)
        write_be32(out + 4 * i, ctx->h[i]);
}

/* The lengths below are fixed and known, so blocks are padded here and given straight
 * to the compression function: OpenSSL's Update and Final cost about as much again on
 * inputs this short. */
static void hash_digest(struct hash256 *out, const uint8_t digest[32])
{
    uint8_t block[BLOCK] = {[32] = 0x80, [62] = 0x01}; /* 256 bits */
    SHA256_CTX ctx;
    memcpy(block, digest, 32);
    SHA256_Init(&ctx);
    SHA256_Transform(&ctx, block);
    write_digest(out->b, &ctx);
}

void sha256_end_double(struct hash256 *out, struct sha256_state *s)
{
    uint8_t first[32];
    SHA256_Final(first, &s->ctx);
    hash_digest(out, first);
}

static void hash_once(uint8_t out[32], const uint8_t *p, size_t len)
{
    uint8_t tail[2 * BLOCK] = {0};
    SHA256_CTX ctx;
    uint64_t bits = (uint64_t)len * 8;
    SHA256_Init(&ctx);
    for (; len >= BLOCK; len -= BLOCK, p += BLOCK)
        SHA256_Transform(&ctx, p);
    if (len > 0)
        memcpy(tail, p, len);
    tail[len] = 0x80;
    /* The bit count's 8 bytes close the last block. */
    size_t end = len + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
    write_be32(tail + end - 8, (uint32_t)(bits >> 32));
    write_be32(tail + end - 4, (uint32_t)bits);
    for (size_t at = 0; at < end; at += BLOCK)
        SHA256_Transform(&ctx, tail + at);
    write_digest(out, &ctx);
}

void hash256_double(struct hash256 *out, const void *p, size_t len)
{
    uint8_t first[32];
    hash_once(first, p, len);
    hash_digest(out, first);
}

void hash256_single(struct hash256 *out, const void *p, size_t len)
{
    hash_once(out->b, p, len);
}

void hash256_pair(struct hash256 *out, const struct hash256 *left,
                  const struct hash256 *right)
{
    static const uint8_t padding[BLOCK] = {[0] = 0x80, [62] = 0x02}; /* 512 bits */
    uint8_t both[BLOCK];
    SHA256_CTX ctx;
    memcpy(both, left->b, 32);
    memcpy(both + 32, right->b, 32);
    SHA256_Init(&ctx);
    SHA256_Transform(&ctx, both);
    SHA256_Transform(&ctx, padding);
    write_digest(both, &ctx);
    hash_digest(out, both);
}

bool hash256_equal(const struct hash256 *a, const struct hash256 *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool hash256_is_zero(const struct hash256 *h)
{
    uint8_t any = 0;
    for (size_t i = 0; i < sizeof(h->b); i++)
        any |= h->b[i];
    return any == 0;
}

static void reverse_all(struct hash256 *out, const struct hash256 *in)
{
    for (size_t i = 0; i < 32; i++)
        out->b[i] = in->b[31 - i];
}

static void reverse_words(struct hash256 *out, const struct hash256 *in)
{
    for (size_t i = 0; i < 32; i++)
        out->b[i] = in->b[i ^ 3];
}

void hash256_format_display(char out[HASH256_HEX_SIZE], const struct hash256 *h)
{
    struct hash256 r;
    reverse_all(&r, h);
    hex_encode(out, r.b, sizeof(r.b));
}

enum kz_err hash256_parse_display(struct hash256 *h, const char *text, size_t len)
{
    struct hash256 r;
    if (hex_decode(r.b, sizeof(r.b), text, len) != KZ_OK)
        return KZ_PARSE;
    reverse_all(h, &r);
    return KZ_OK;
}

void hash256_format_stratum(char out[HASH256_HEX_SIZE], const struct hash256 *h)
{
    struct hash256 r;
    reverse_words(&r, h);
    hex_encode(out, r.b, sizeof(r.b));
}

enum kz_err hash256_parse_stratum(struct hash256 *h, const char *text, size_t len)
{
    struct hash256 r;
    if (hex_decode(r.b, sizeof(r.b), text, len) != KZ_OK)
        return KZ_PARSE;
    reverse_words(h, &r);
    return KZ_OK;
}
