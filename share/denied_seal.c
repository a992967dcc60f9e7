#include "share/denied_seal.h"

#include "conf/mem.h"
#include "share/hash256.h"
#include "share/pack.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

#define OPEN_SIZE (4 + DENIED_SEAL_ID_SIZE)
#define HEAD_SIZE (OPEN_SIZE + GCM_NONCE_SIZE + GCM_TAG_SIZE)

void denied_seal_set_id(struct denied_seal_key *k)
{
    struct hash256 h;
    hash256_single(&h, k->key, sizeof(k->key));
    memcpy(k->id, h.b, sizeof(k->id));
}

enum kz_err denied_seal_write(uint8_t out[DENIED_SEAL_MAX], size_t *len,
                              const struct denied_seal_key *k,
                              const uint8_t nonce[GCM_NONCE_SIZE], struct bytes body)
{
    assert(k->day >= 0 && k->day <= UINT32_MAX && body.len <= DENIED_EVENT_MAX);
    uint8_t *to = pack_u32(out, (uint32_t)k->day);
    to = pack_bytes(to, k->id, sizeof(k->id));
    uint8_t *tag = pack_bytes(to, nonce, GCM_NONCE_SIZE);
    const struct gcm g = {k->key, nonce, {out, OPEN_SIZE}};
    enum kz_err err = gcm_seal(out + HEAD_SIZE, tag, &g, body);
    if (err == KZ_OK)
        *len = HEAD_SIZE + body.len;
    return err;
}

enum kz_err denied_seal_read(struct denied_seal *out, struct bytes event)
{
    if (event.len < HEAD_SIZE || event.len > DENIED_SEAL_MAX)
        return KZ_PARSE;
    struct unpack u = {.rest = event};
    struct denied_seal s = {.open_text = {event.p, OPEN_SIZE}};
    s.day = unpack_u32(&u);
    s.id = unpack_bytes(&u, DENIED_SEAL_ID_SIZE);
    s.nonce = unpack_bytes(&u, GCM_NONCE_SIZE);
    s.tag = unpack_bytes(&u, GCM_TAG_SIZE);
    s.sealed = u.rest;
    *out = s;
    return KZ_OK;
}

bool denied_seal_is_under(const struct denied_seal *s, const struct denied_seal_key *k)
{
    return s->day == k->day && memcmp(s->id, k->id, sizeof(k->id)) == 0;
}

static bool is_all_of(int64_t day, const struct denied_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].hour / 24 != day)
            return false;
    return true;
}

enum kz_err denied_seal_open(struct denied_row rows[DENIED_EVENT_ROWS], size_t *count,
                             uint64_t *run, const struct denied_seal *s,
                             const struct denied_seal_key *k)
{
    size_t n = 0;
    uint64_t whose = 0;
    const struct gcm g = {k->key, s->nonce, s->open_text};
    uint8_t *body = mem_array(DENIED_EVENT_MAX, 1);
    enum kz_err err = gcm_open(body, &g, s->sealed, s->tag);
    if (err == KZ_OK)
        err = denied_event_read(rows, &n, &whose, (struct bytes){body, s->sealed.len});
    if (err == KZ_OK && !is_all_of(s->day, rows, n))
        err = KZ_RANGE;
    OPENSSL_cleanse(body, DENIED_EVENT_MAX);
    mem_free(body);
    if (err != KZ_OK)
        return err;
    *count = n;
    *run = whose;
    return KZ_OK;
}
