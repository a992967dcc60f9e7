/* R7: refused logins, a row an hour, listener, reason, login, network and software
 * (pool/report/denials.h). */
#include "pool/report/fill.h"

#include "conf/mem.h"
#include "pool/registry/profile.h"
#include "pool/report/denials.h"
#include "stratum/netaddr.h"

#define HOUR_MS INT64_C(3600000)

static void fill_if_any(struct fill *f, const char *column, const char *text)
{
    if (text[0] != '\0')
        fill_text(f, column, text);
}

static void fill_login(struct fill *f, const struct denied_key *k)
{
    char hex[2 * DENIED_HASH_SIZE + 1];
    if (k->login_is == DENIED_HASHED) {
        hex_encode(hex, k->login_hash, DENIED_HASH_SIZE);
        fill_text(f, "login_hash", hex);
    }
    fill_if_any(f, "login", k->login);
}

static void fill_network(struct fill *f, const struct denied_key *k)
{
    char text[NETADDR_TEXT_SIZE];
    if (k->network_len == 0)
        return;
    netaddr_format_network(text, k->network, k->network_len);
    fill_text(f, "network", text);
}

static void fill_denied(struct fill *f, const struct denied_row *r)
{
    fill_row(f);
    fill_number(f, "hour", r->hour * HOUR_MS);
    fill_if_any(f, "listener", r->key.listener);
    fill_text(f, "reason", r->key.reason);
    fill_number(f, "attempts", (int64_t)r->attempts);
    if (r->sources > 0)
        fill_number(f, "distinct_sources", (int64_t)r->sources);
    fill_login(f, &r->key);
    fill_network(f, &r->key);
    fill_if_any(f, "rig_software", r->key.software);
}

enum kz_err source_refusals(struct report **out, char why[SOURCE_WHY_SIZE],
                            const struct report_source *s)
{
    struct fill f;
    size_t count;
    const struct history *h = s->history;
    enum kz_err err = fill_begin(&f, why, REPORT_R7, s);
    if (err != KZ_OK)
        return err;
    bool is_aged = denials_are_aged(&s->header, s->profile->refusals_keep_days);
    struct denied_row *rows =
        denials_settle(&count, &h->denials, h->refusals, h->refusal_count, is_aged);
    for (size_t i = 0; i < count; i++)
        fill_denied(&f, &rows[i]);
    mem_free(rows);
    return fill_end(out, &f);
}
