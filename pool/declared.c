#include "pool/declared.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "pool/registry/profile.h"
#include "share/bytes.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define FACT_SIZE 48
#define AGAIN_S   5

struct declared {
    struct registry *registry;
    const struct conf *conf;
    const struct profile *profile;
    struct event *again;
    bool is_telling, has_failed;
};

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    declared_look(arg);
}

struct declared *declared_new(struct event_base *base, struct registry *registry,
                              const struct conf *conf, const struct profile *profile)
{
    struct declared *d = mem_new(sizeof(*d));
    *d = (struct declared){.registry = registry, .conf = conf, .profile = profile};
    d->again = evtimer_new(base, on_again, d);
    assert(d->again != NULL); /* out of memory, as conf/mem.h */
    return d;
}

void declared_free(struct declared *d)
{
    if (d == NULL)
        return;
    event_free(d->again);
    mem_free(d);
}

/* --- what is declared now ------------------------------------------------------------- */

static json_t *profile_now(const struct declared *d)
{
    char hex[HASH256_HEX_SIZE];
    hex_encode(hex, d->profile->sha256.b, sizeof(d->profile->sha256.b));
    return json_pack("{s:s, s:s, s:s, s:b}", "code", d->profile->code, "version",
                     d->profile->version, "sha256", hex, "verified",
                     d->profile->verified);
}

static json_t *operators_now(const struct declared *d)
{
    json_t *list = json_array();
    for (size_t i = 0; i < d->conf->operator_count; i++) {
        const struct conf_operator *o = &d->conf->operators[i];
        const char *role = audit_role_name(
            o->role == CONF_ROLE_OFFICER ? AUDIT_OFFICER : AUDIT_OPERATOR);
        json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "who", o->name, "uid",
                                              (json_int_t)o->uid, "role", role));
    }
    return json_pack("{s:o, s:b}", "listed", list, "four_eyes", d->conf->four_eyes);
}

/* --- telling -------------------------------------------------------------------------- */

static void on_told(void *ctx, enum kz_err err, json_t *facts, const char *text)
{
    struct declared *d = ctx;
    struct timeval later = {.tv_sec = AGAIN_S};
    json_decref(facts);
    d->is_telling = false;
    /* What is in the chain already is looked for when Redis has been loaded again. */
    if (!store_has_journaled(err, text))
        event_add(d->again, &later);
    if (err != KZ_OK && !d->has_failed)
        log_warn("declaration_not_in_chain_yet", kv_str("why", text));
    d->has_failed = err != KZ_OK;
    if (err == KZ_OK)
        declared_look(d); /* there may be the other one */
}

/* False: the chain knows it. Takes `now`. */
static bool tell(struct declared *d, enum audit_word word, const char *part,
                 json_t *now)
{
    char name[FACT_SIZE];
    snprintf(name, sizeof(name), "declared:%s", d->conf->instance);
    const json_t *known = registry_fact(d->registry, name);
    json_t *before = json_object_get(known, part);
    if (json_equal(before, now)) {
        json_decref(now);
        return false;
    }
    const struct registry_order order = {.by = "system", .role = AUDIT_SYSTEM};
    json_t *detail = json_pack("{s:O?, s:O}", "before", before, "after", now);
    json_t *fact = known != NULL ? json_copy((json_t *)known) : json_object();
    json_object_set_new(fact, part, now);
    json_t *facts = json_pack("{s:o}", name, fact);
    d->is_telling = true;
    registry_note(d->registry, word, NULL, &order, detail, facts, on_told, d);
    json_decref(facts);
    json_decref(detail);
    return true;
}

void declared_look(struct declared *d)
{
    if (d->is_telling || registry_facts(d->registry) == NULL)
        return;
    if (!tell(d, AUDIT_PROFILE_CHANGED, "profile", profile_now(d)))
        (void)tell(d, AUDIT_OPERATOR_CHANGED, "operators", operators_now(d));
}
