#include "pool/registry/record_proposal.h"

#include "pool/registry/day.h"
#include "pool/registry/registry_address.h"
#include "share/bytes.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

#define APPLICANT (1u << AUDIT_APPLICANT)
#define OPERATOR  (1u << AUDIT_OPERATOR)
#define OFFICER   (1u << AUDIT_OFFICER)

static const struct {
    const char *name;
    unsigned proposes, confirms; /* roles */
} kinds[RECORD_PROPOSED] = {
    [RECORD_PROPOSE_STATE] = {"state", OFFICER, OFFICER},
    [RECORD_PROPOSE_UNFREEZE] = {"unfreeze", OFFICER, OFFICER},
    [RECORD_PROPOSE_RELEASE] = {"release", OFFICER, OFFICER},
    [RECORD_PROPOSE_ADDRESS_ADD] = {"address_add", APPLICANT | OPERATOR | OFFICER,
                                    OPERATOR | OFFICER},
    [RECORD_PROPOSE_ADDRESS_END] = {"address_end", APPLICANT | OPERATOR | OFFICER,
                                    OPERATOR | OFFICER},
    [RECORD_PROPOSE_ERASE] = {"erase", OFFICER, OFFICER},
};

const char *record_proposed_name(enum record_proposed what)
{
    return what < RECORD_PROPOSED ? kinds[what].name : "unknown";
}

/* --- what each one does --------------------------------------------------------------- */

/* A proposal with the act of who made it, at the moment it is looked at. */
struct deed {
    struct record_proposal p;
    struct record_act first;
    const char *second; /* NULL: only tried */
};

static enum kz_err do_state(json_t **out, enum audit_word *word,
                            char why[RECORD_WHY_SIZE], const json_t *record,
                            const struct deed *d)
{
    enum miner_state from = record_state(record);
    const struct record_transition *t = record_transition_find(from, d->p.to);
    if (t == NULL)
        return record_refuse(why, "state: %s cannot become %s", miner_state_name(from),
                             miner_state_name(d->p.to));
    if (t->in_twos == 0)
        return record_refuse(why, "state: to become %s needs no second person",
                             miner_state_name(d->p.to));
    if (record_transition_check(why, t, record, &d->first) != KZ_OK)
        return KZ_RANGE;
    *word = t->word;
    *out = record_transition_go(t, record, &d->first, d->second);
    return KZ_OK;
}

static enum kz_err do_unfreeze(json_t **out, enum audit_word *word,
                               char why[RECORD_WHY_SIZE], const json_t *record,
                               const struct deed *d)
{
    if (!record_is_frozen(record))
        return record_refuse(why, "frozen: it is not");
    if (record_act_check(why, &d->first, RECORD_FOR_UNFREEZE) != KZ_OK)
        return KZ_RANGE;
    *word = AUDIT_UNFROZEN;
    *out = json_deep_copy(record);
    json_object_del(*out, "frozen");
    record_sign(*out, d->first.by, d->second, d->first.reason, d->first.basis);
    return KZ_OK;
}

static enum kz_err do_release(json_t **out, enum audit_word *word,
                              char why[RECORD_WHY_SIZE], const json_t *record,
                              const struct deed *d)
{
    if (record_state(record) != MINER_REVOKED)
        return record_refuse(why,
                             "state: what a revoked miner had is released; it is %s",
                             miner_state_name(record_state(record)));
    if (json_object_get(record, "release") != NULL)
        return record_refuse(why, "release: it was already");
    if (record_act_check(why, &d->first, RECORD_FOR_RELEASE) != KZ_OK)
        return KZ_RANGE;
    bool by_order = strcmp(d->first.reason, "release_to_order") == 0;
    if (by_order && !record_basis_is_order(d->first.basis))
        return record_refuse(why, "basis: an authority and its document expected");
    json_t *release = json_pack("{s:s, s:s, s:O}", "to", by_order ? "order" : "owner",
                                "by", d->first.by, "basis", d->first.basis);
    record_set_time(release, "at", d->first.now_ms);
    if (d->second != NULL)
        json_object_set_new(release, "second", json_string(d->second));
    *word = AUDIT_RELEASED;
    *out = json_deep_copy(record);
    json_object_set_new(*out, "release", release);
    record_sign(*out, d->first.by, d->second, d->first.reason, d->first.basis);
    return KZ_OK;
}

static enum kz_err do_address(json_t **out, enum audit_word *word,
                              char why[RECORD_WHY_SIZE], const json_t *record,
                              const struct deed *d)
{
    bool is_added = d->p.what == RECORD_PROPOSE_ADDRESS_ADD;
    const struct record_address_change change = {.address = d->p.address,
                                                 .actor = d->first.by,
                                                 .conf = d->first.conf,
                                                 .now_ms = d->first.now_ms};
    if (record_state(record) == MINER_REJECTED)
        return record_refuse(why, "state: a rejected application has no use for one");
    if (d->p.address == NULL)
        return record_refuse(why, "address: is missing");
    if (record_act_check(why, &d->first, RECORD_FOR_ADDRESS) != KZ_OK)
        return KZ_RANGE;
    record_address_fn *change_it =
        is_added ? record_with_address : record_without_address;
    json_t *changed = NULL;
    if (change_it(&changed, why, record, &change) != KZ_OK)
        return KZ_RANGE;
    record_sign(changed, d->first.by, d->second, d->first.reason, d->first.basis);
    *word = is_added ? AUDIT_ADDRESS_ADDED : AUDIT_ADDRESS_ENDED;
    *out = changed;
    return KZ_OK;
}

static enum kz_err check_retention(char why[RECORD_WHY_SIZE], const json_t *record,
                                   const struct record_act *act)
{
    int64_t since;
    char text[DAY_TEXT_SIZE];
    int32_t offset = act->profile->utc_offset_minutes;
    if (strcmp(act->reason, "erasure_requested") == 0)
        return record_basis_has_document(act->basis)
                   ? KZ_OK
                   : record_refuse(why, "basis: the number of the request expected");
    if (!record_get_time(&since, record, "state_since"))
        return record_refuse(why, "state_since: is damaged");
    struct day end =
        day_add_months(day_of_ms(since, offset), 12 * act->profile->retention_years);
    day_format(text, end);
    return day_of_ms(act->now_ms, offset).n >= end.n
               ? KZ_OK
               : record_refuse(why, "reason: it must be kept until %s", text);
}

static enum kz_err do_erase(json_t **out, enum audit_word *word,
                            char why[RECORD_WHY_SIZE], const json_t *record,
                            const struct deed *d)
{
    enum miner_state state = record_state(record);
    bool is_over = state == MINER_REJECTED || state == MINER_REVOKED ||
                   state == MINER_CLOSED || state == MINER_DRAFT;
    if (!is_over)
        return record_refuse(why,
                             "state: personal values of a record that is %s are "
                             "needed",
                             miner_state_name(state));
    if (json_object_get(record, "erased") != NULL)
        return record_refuse(why, "erased: it was already");
    if (record_act_check(why, &d->first, RECORD_FOR_ERASE) != KZ_OK ||
        check_retention(why, record, &d->first) != KZ_OK)
        return KZ_RANGE;
    json_t *erased =
        json_pack("{s:s, s:s}", "by", d->first.by, "reason", d->first.reason);
    record_set_time(erased, "at", d->first.now_ms);
    if (d->second != NULL)
        json_object_set_new(erased, "second", json_string(d->second));
    *word = AUDIT_ERASED;
    *out = json_deep_copy(record);
    json_object_set_new(*out, "erased", erased);
    record_sign(*out, d->first.by, d->second, d->first.reason, d->first.basis);
    return KZ_OK;
}

static enum kz_err do_deed(json_t **out, enum audit_word *word,
                           char why[RECORD_WHY_SIZE], const json_t *record,
                           const struct deed *d)
{
    switch (d->p.what) {
    case RECORD_PROPOSE_STATE:
        return do_state(out, word, why, record, d);
    case RECORD_PROPOSE_UNFREEZE:
        return do_unfreeze(out, word, why, record, d);
    case RECORD_PROPOSE_RELEASE:
        return do_release(out, word, why, record, d);
    case RECORD_PROPOSE_ADDRESS_ADD:
    case RECORD_PROPOSE_ADDRESS_END:
        return do_address(out, word, why, record, d);
    case RECORD_PROPOSE_ERASE:
        return do_erase(out, word, why, record, d);
    case RECORD_PROPOSED:
        break;
    }
    return record_refuse(why, "proposal: unknown");
}

/* --- as it is kept ------------------------------------------------------------------------ */

static bool is_open(const json_t *record, int64_t now_ms)
{
    int64_t expires;
    const json_t *kept = json_object_get(record, "proposal");
    return kept != NULL && record_get_time(&expires, kept, "expires") &&
           now_ms < expires;
}

const char *record_open_proposal(const json_t *record, int64_t now_ms)
{
    return is_open(record, now_ms)
               ? record_text(json_object_get(record, "proposal"), "what")
               : NULL;
}

/* Of all that the record says but for what a proposal itself changes. False: it has no
 * canonical form. */
static bool hash_record(char hex[HASH256_HEX_SIZE], const json_t *record)
{
    struct hash256 hash;
    json_t *bare = json_copy((json_t *)record);
    json_object_del(bare, "proposal");
    bool ok = record_hash(&hash, bare);
    json_decref(bare);
    if (ok)
        hex_encode(hex, hash.b, sizeof(hash.b));
    return ok;
}

static bool is_for_record(const struct record_proposal *p)
{
    return p->what == RECORD_PROPOSE_STATE && p->to == MINER_ACTIVE;
}

static json_t *to_json(const struct record_proposal *p, const json_t *record,
                       const struct record_act *act)
{
    char of[HASH256_HEX_SIZE];
    json_t *kept =
        json_pack("{s:s, s:s, s:s, s:s, s:O}", "what", record_proposed_name(p->what),
                  "by", act->by, "role", audit_role_name(act->role), "reason",
                  act->reason, "basis", act->basis);
    record_set_time(kept, "at", act->now_ms);
    record_set_time(kept, "expires", act->now_ms + RECORD_PROPOSAL_DAYS * DAY_MS);
    if (p->what == RECORD_PROPOSE_STATE) {
        json_object_set_new(kept, "from",
                            json_string(miner_state_name(record_state(record))));
        json_object_set_new(kept, "to", json_string(miner_state_name(p->to)));
    }
    if (is_for_record(p) && hash_record(of, record))
        json_object_set_new(kept, "of", json_string(of));
    if (p->address != NULL)
        json_object_set_new(kept, "address", json_string(p->address));
    return kept;
}

static bool read_role(enum audit_role *role, const char *name)
{
    for (int i = 0; name != NULL && i < AUDIT_ROLES; i++) {
        if (strcmp(audit_role_name((enum audit_role)i), name) == 0) {
            *role = (enum audit_role)i;
            return true;
        }
    }
    return false;
}

static bool read_what(enum record_proposed *what, const char *name)
{
    for (int i = 0; name != NULL && i < RECORD_PROPOSED; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *what = (enum record_proposed)i;
            return true;
        }
    }
    return false;
}

/* What Redis has is not taken for well formed. False: it is damaged. */
static bool from_json(struct deed *d, const json_t *kept)
{
    const char *to = record_text(kept, "to");
    d->first.by = record_text(kept, "by");
    d->first.reason = record_text(kept, "reason");
    d->first.basis = json_object_get(kept, "basis");
    d->p.address = record_text(kept, "address");
    if (!read_what(&d->p.what, record_text(kept, "what")) ||
        !read_role(&d->first.role, record_text(kept, "role")) || d->first.by == NULL)
        return false;
    return d->p.what != RECORD_PROPOSE_STATE ||
           (to != NULL && miner_state_parse(&d->p.to, to) == KZ_OK);
}

/* --- proposing, confirming, withdrawing ------------------------------------------------------ */

enum kz_err record_propose(json_t **out, struct record_happened *happened,
                           char why[RECORD_WHY_SIZE], const json_t *record,
                           const struct record_proposal *p,
                           const struct record_act *act)
{
    const struct deed d = {.p = *p, .first = *act};
    enum audit_word word;
    json_t *tried = NULL;
    if (is_open(record, act->now_ms))
        return record_refuse(why,
                             "proposal: one is open: confirm or withdraw it first");
    if ((kinds[p->what].proposes & 1u << act->role) == 0)
        return record_refuse(why, "role: %s may not propose that",
                             audit_role_name(act->role));
    enum kz_err err = do_deed(&tried, &word, why, record, &d);
    json_decref(tried);
    if (err != KZ_OK)
        return err;
    json_t *kept = to_json(p, record, act);
    *happened = record_happened_of(act, AUDIT_PROPOSED);
    happened->detail = json_pack("{s:s}", "what", record_proposed_name(p->what));
    if (json_object_get(kept, "to") != NULL)
        json_object_set(happened->detail, "to", json_object_get(kept, "to"));
    if (p->address != NULL)
        json_object_set_new(happened->detail, "address", json_string(p->address));
    *out = json_deep_copy(record);
    json_object_set_new(*out, "proposal", kept);
    return KZ_OK;
}

/* A proposal from before `of` was kept counts for no record. */
static bool is_of_record(const struct deed *d, const json_t *kept, const json_t *record)
{
    char now[HASH256_HEX_SIZE];
    const char *then = record_text(kept, "of");
    return !is_for_record(&d->p) ||
           (then != NULL && hash_record(now, record) && strcmp(then, now) == 0);
}

static enum kz_err read_open(struct deed *d, char why[RECORD_WHY_SIZE],
                             const json_t *record, const struct record_act *act)
{
    const json_t *kept = json_object_get(record, "proposal");
    const char *from = record_text(kept, "from");
    if (kept == NULL)
        return record_refuse(why, "proposal: none is open");
    if (!from_json(d, kept))
        return record_refuse(why, "proposal: is damaged: withdraw it");
    if (!is_open(record, act->now_ms))
        return record_refuse(why, "proposal: has expired: propose it again");
    if ((kinds[d->p.what].confirms & 1u << act->role) == 0)
        return record_refuse(why, "role: %s may not confirm that",
                             audit_role_name(act->role));
    if (act->by == NULL || act->by[0] == '\0')
        return record_refuse(why, "by: is missing");
    if (strcmp(act->by, d->first.by) == 0)
        return record_refuse(why, "by: another person than %s expected", act->by);
    if (from != NULL && strcmp(from, miner_state_name(record_state(record))) != 0)
        return record_refuse(why, "proposal: it was for the state %s", from);
    return KZ_OK;
}

enum kz_err record_confirm(json_t **out, struct record_happened *happened,
                           char why[RECORD_WHY_SIZE], const json_t *record,
                           const struct record_act *act)
{
    struct deed d = {
        .second = act->by,
        .first = {.profile = act->profile, .conf = act->conf, .now_ms = act->now_ms}};
    enum audit_word word = AUDIT_CONFIRMED;
    json_t *changed = NULL;
    enum kz_err err = read_open(&d, why, record, act);
    if (err == KZ_OK)
        err = do_deed(&changed, &word, why, record, &d);
    if (err == KZ_OK &&
        !is_of_record(&d, json_object_get(record, "proposal"), record)) {
        json_decref(changed);
        err = record_refuse(why,
                            "proposal: the record was changed since %s proposed it: "
                            "withdraw it and propose it again",
                            d.first.by);
    }
    if (err != KZ_OK)
        return err;
    json_object_del(changed, "proposal");
    *happened = record_happened_of(&d.first, word);
    happened->second = act->by;
    if (d.p.address != NULL)
        happened->detail = json_pack("{s:s}", "address", d.p.address);
    *out = changed;
    return KZ_OK;
}

enum kz_err record_withdraw(json_t **out, struct record_happened *happened,
                            char why[RECORD_WHY_SIZE], const json_t *record,
                            const struct record_act *act)
{
    const json_t *kept = json_object_get(record, "proposal");
    const char *by = record_text(kept, "by");
    if (kept == NULL)
        return record_refuse(why, "proposal: none is open");
    if (act->by == NULL || act->by[0] == '\0')
        return record_refuse(why, "by: is missing");
    if (act->role != AUDIT_OFFICER && (by == NULL || strcmp(by, act->by) != 0))
        return record_refuse(why, "by: who proposed it, or an officer, expected");
    *happened = (struct record_happened){
        .word = AUDIT_WITHDRAWN, .role = act->role, .actor = act->by};
    *out = json_deep_copy(record);
    json_object_del(*out, "proposal");
    return KZ_OK;
}
