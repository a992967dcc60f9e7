/* What EVENT_DENIED seals: run u64, count varint, then of each row hour, attempts and
 * sources (varints), listener, reason, what the login is (u8) and the login (a text or the
 * hash), network, software; each of these with its length in front. */
#include "share/denied.h"

#include "share/pack.h"

#include <assert.h>
#include <string.h>

static uint8_t *pack_part(uint8_t *to, const void *p, size_t len)
{
    return pack_bytes(pack_varint(to, len), p, len);
}

static uint8_t *pack_text(uint8_t *to, const char *text)
{
    return pack_part(to, text, strlen(text));
}

static uint8_t *write_row(uint8_t *to, const struct denied_row *r)
{
    const struct denied_key *k = &r->key;
    to = pack_varint(to, (uint64_t)r->hour);
    to = pack_varint(to, r->attempts);
    to = pack_varint(to, r->sources);
    to = pack_text(to, k->listener);
    to = pack_text(to, k->reason);
    *to++ = (uint8_t)k->login_is;
    if (k->login_is == DENIED_HASHED)
        to = pack_part(to, k->login_hash, sizeof(k->login_hash));
    else
        to = pack_text(to, k->login);
    to = pack_part(to, k->network, k->network_len);
    return pack_text(to, k->software);
}

size_t denied_event_write(uint8_t out[DENIED_EVENT_MAX], uint64_t run,
                          const struct denied_row *rows, size_t count)
{
    assert(count <= DENIED_EVENT_ROWS);
    uint8_t *to = pack_varint(pack_u64(out, run), count);
    for (size_t i = 0; i < count; i++)
        to = write_row(to, &rows[i]);
    return (size_t)(to - out);
}

/* `out` has max + 1 bytes. */
static void read_text(char *out, size_t max, struct unpack *u)
{
    struct bytes text = unpack_part(u);
    for (size_t i = 0; i < text.len; i++)
        u->is_bad |= text.p[i] < 0x20 || text.p[i] >= 0x7f;
    if (text.len > max)
        u->is_bad = true;
    if (!u->is_bad && text.len > 0)
        memcpy(out, text.p, text.len);
}

static void read_login(struct denied_key *k, struct unpack *u)
{
    uint8_t is = *unpack_bytes(u, 1);
    if (is >= DENIED_LOGINS) {
        u->is_bad = true;
        return;
    }
    k->login_is = (enum denied_login)is;
    if (k->login_is != DENIED_HASHED) {
        read_text(k->login, DENIED_LOGIN_MAX, u);
        u->is_bad |= (k->login[0] == '\0') != (k->login_is == DENIED_NO_LOGIN);
        return;
    }
    struct bytes hash = unpack_part(u);
    if (hash.len == sizeof(k->login_hash))
        memcpy(k->login_hash, hash.p, hash.len);
    else
        u->is_bad = true;
}

static void read_network(struct denied_key *k, struct unpack *u)
{
    struct bytes network = unpack_part(u);
    if (network.len == 0)
        return;
    if (network.len != DENIED_NETWORK_IPV4 && network.len != DENIED_NETWORK_IPV6) {
        u->is_bad = true;
        return;
    }
    k->network_len = network.len;
    memcpy(k->network, network.p, network.len);
}

/* More than ten billion years or 2^63 attempts are in no journal of ours, and a report has
 * no room for them. */
static int64_t read_number(struct unpack *u, int64_t max)
{
    uint64_t v = unpack_varint(u);
    if (v > (uint64_t)max)
        u->is_bad = true;
    return u->is_bad ? 0 : (int64_t)v;
}

static void read_row(struct denied_row *r, struct unpack *u)
{
    r->hour = read_number(u, INT64_MAX / 3600000);
    r->attempts = (uint64_t)read_number(u, INT64_MAX);
    r->sources = (uint64_t)read_number(u, INT64_MAX);
    read_text(r->key.listener, DENIED_LISTENER_MAX, u);
    read_text(r->key.reason, TALLY_REASON_MAX, u);
    read_login(&r->key, u);
    read_network(&r->key, u);
    read_text(r->key.software, DENIED_SOFTWARE_MAX, u);
}

enum kz_err denied_event_read(struct denied_row rows[DENIED_EVENT_ROWS], size_t *count,
                              uint64_t *run, struct bytes body)
{
    struct unpack u = {.rest = body};
    uint64_t whose = unpack_u64(&u);
    uint64_t n = unpack_varint(&u);
    if (n > DENIED_EVENT_ROWS)
        return KZ_PARSE;
    for (size_t i = 0; i < n && !u.is_bad; i++) {
        rows[i] = (struct denied_row){.hour = 0};
        read_row(&rows[i], &u);
    }
    if (!unpack_is_done(&u))
        return KZ_PARSE;
    *count = (size_t)n;
    *run = whose;
    return KZ_OK;
}
