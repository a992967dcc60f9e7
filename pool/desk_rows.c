#include "pool/desk_rows.h"

#include "conf/clock.h"
#include "pool/registry/record_change.h"
#include "pool/report_desk.h"
#include "pool/watcher_desk.h"
#include "share/bytes.h"

#include <openssl/rand.h>
#include <string.h>

#define STOP_ORDERS_MAX 64
#define SUSPENSION      "suspension" /* of `confirm`, beside the names of proposals */

/* --- states --------------------------------------------------------------------------- */

static enum kz_err go(const void *what, json_t **out, struct record_happened *happened,
                      char why[RECORD_WHY_SIZE], const json_t *record,
                      const struct record_act *act)
{
    const struct desk_what *w = what;
    return record_apply(out, happened, why, record, w->row->to, act);
}

static enum kz_err go_in_twos(const void *what, json_t **out,
                              struct record_happened *happened,
                              char why[RECORD_WHY_SIZE], const json_t *record,
                              const struct record_act *act)
{
    const struct desk_what *w = what;
    const struct record_proposal p = {
        .what = w->row->proposes,
        .to = w->row->to,
        .address = json_string_value(json_object_get(w->arguments, "address"))};
    return desk_in_twos(out, happened, why, record, &p, act);
}

/* At once by an authority's order, or by one officer with --urgent; else in twos. */
static enum kz_err suspend(const void *what, json_t **out,
                           struct record_happened *happened, char why[RECORD_WHY_SIZE],
                           const json_t *record, const struct record_act *act)
{
    const struct desk_what *w = what;
    if (act->role == AUDIT_AUTHORITY)
        return record_apply(out, happened, why, record, MINER_SUSPENDED, act);
    if (json_is_true(json_object_get(w->arguments, "urgent")))
        return record_suspend_urgently(out, happened, why, record, act);
    return go_in_twos(what, out, happened, why, record, act);
}

static enum kz_err freeze(const void *what, json_t **out,
                          struct record_happened *happened, char why[RECORD_WHY_SIZE],
                          const json_t *record, const struct record_act *act)
{
    (void)what;
    return record_freeze(out, happened, why, record, act);
}

/* An open proposal, or an urgent suspension that waits for a second person. With both, it
 * would be another's guess which one was meant. */
static enum kz_err confirm(const void *what, json_t **out,
                           struct record_happened *happened, char why[RECORD_WHY_SIZE],
                           const json_t *record, const struct record_act *act)
{
    const struct desk_what *w = what;
    const char *asked = json_string_value(json_object_get(w->arguments, "what"));
    const char *open = record_open_proposal(record, act->now_ms);
    bool is_urgent = json_object_get(record, "urgent") != NULL;
    if (asked == NULL && is_urgent && open != NULL)
        return record_refuse(why,
                             "a suspension and a proposal (%s) wait: confirm with "
                             "--what %s, or --what %s",
                             open, SUSPENSION, open);
    if (asked != NULL && strcmp(asked, SUSPENSION) != 0 &&
        (open == NULL || strcmp(asked, open) != 0))
        return record_refuse(why, "what: no such proposal is open; %s",
                             open != NULL ? open
                             : is_urgent  ? SUSPENSION
                                          : "none is");
    if (asked != NULL ? strcmp(asked, SUSPENSION) == 0 : is_urgent)
        return record_confirm_suspension(out, happened, why, record, act);
    return record_confirm(out, happened, why, record, act);
}

static enum kz_err withdraw(const void *what, json_t **out,
                            struct record_happened *happened, char why[RECORD_WHY_SIZE],
                            const json_t *record, const struct record_act *act)
{
    (void)what;
    return record_withdraw(out, happened, why, record, act);
}

/* --- terms and addresses ---------------------------------------------------------------- */

static enum kz_err set_terms(const void *what, json_t **out,
                             struct record_happened *happened,
                             char why[RECORD_WHY_SIZE], const json_t *record,
                             const struct record_act *act)
{
    const struct desk_what *w = what;
    const struct record_terms terms = {
        .fee_percent = json_string_value(json_object_get(w->arguments, "fee-percent")),
        .minimum_sat = json_string_value(json_object_get(w->arguments, "minimum"))};
    enum kz_err err = record_act_check(why, act, RECORD_FOR_CHANGE);
    if (err == KZ_OK)
        err = record_with_terms(out, why, record, &terms);
    if (err != KZ_OK)
        return err;
    record_sign(*out, act->by, NULL, act->reason, act->basis);
    *happened = record_happened_of(act, AUDIT_TERMS_SET);
    happened->detail = json_object();
    json_object_set(happened->detail, "fee_ppm", json_object_get(*out, "fee_ppm"));
    json_object_set(happened->detail, "minimum_sat",
                    json_object_get(*out, "minimum_sat"));
    return KZ_OK;
}

/* Which of the two the row is, its answer tells. */
static enum kz_err challenge_or_prove(const struct desk_what *w, bool is_proof,
                                      json_t **out, struct record_happened *happened,
                                      char why[RECORD_WHY_SIZE], const json_t *record,
                                      const struct record_act *act)
{
    unsigned char random[(RECORD_NONCE_SIZE - 1) / 2];
    char nonce[RECORD_NONCE_SIZE];
    if (RAND_bytes(random, sizeof(random)) != 1)
        return record_refuse(why, "there are no random numbers");
    hex_encode(nonce, random, sizeof(random));
    const struct record_address_change c = {
        .address = json_string_value(json_object_get(w->arguments, "address")),
        .signature = json_string_value(json_object_get(w->arguments, "signature")),
        .actor = act->by,
        .nonce = nonce,
        .conf = act->conf,
        .now_ms = act->now_ms};
    record_address_fn *how = is_proof ? record_with_proof : record_with_challenge;
    enum kz_err err = how(out, why, record, &c);
    if (err != KZ_OK)
        return err;
    *happened =
        record_happened_of(act, is_proof ? AUDIT_ADDRESS_PROVED : AUDIT_RECORD_CHANGED);
    happened->detail =
        json_pack("{s:s, s:s}", "field", "payout_addresses", "address", c.address);
    return KZ_OK;
}

static enum kz_err challenge(const void *what, json_t **out,
                             struct record_happened *happened,
                             char why[RECORD_WHY_SIZE], const json_t *record,
                             const struct record_act *act)
{
    return challenge_or_prove(what, false, out, happened, why, record, act);
}

static enum kz_err prove(const void *what, json_t **out,
                         struct record_happened *happened, char why[RECORD_WHY_SIZE],
                         const json_t *record, const struct record_act *act)
{
    return challenge_or_prove(what, true, out, happened, why, record, act);
}

/* NULL: the challenge is gone again. */
static json_t *challenge_of(json_t *record, const char *address,
                            const struct conf *conf)
{
    char message[PROOF_MESSAGE_SIZE];
    json_t *answer = NULL;
    if (record_challenge_message(message, record, address, conf) == KZ_OK)
        answer = json_pack("{s:s, s:s, s:s}", "miner", record_text(record, "miner_id"),
                           "address", address, "message", message);
    json_decref(record);
    return answer;
}

/* --- what a record holds ------------------------------------------------------------------ */

/* Each takes the argument "given". */
#define CHANGE(name, change)                                                           \
    static enum kz_err name(                                                           \
        const void *what, json_t **out, struct record_happened *happened,              \
        char why[RECORD_WHY_SIZE], const json_t *record, const struct record_act *act) \
    {                                                                                  \
        const struct desk_what *w = what;                                              \
        return change(out, happened, why, record,                                      \
                      json_object_get(w->arguments, "given"), act);                    \
    }

CHANGE(add_equipment, record_add_equipment)
CHANGE(end_equipment, record_end_equipment)
CHANGE(add_site, record_add_site)
CHANGE(end_site, record_end_site)
CHANGE(set_certificate, record_set_certificate)
CHANGE(verify_certificate, record_verify_certificate)
CHANGE(set_screening, record_screen)
CHANGE(set_review, record_review)
CHANGE(declare, record_declare)
CHANGE(set_networks, record_set_networks)

/* --- stop orders ------------------------------------------------------------------------ */

static bool take_time(json_t *order, char why[RECORD_WHY_SIZE], const json_t *arguments,
                      const char *key, bool is_needed)
{
    int64_t ms;
    const char *text = json_string_value(json_object_get(arguments, key));
    if (text == NULL && !is_needed) {
        json_object_set_new(order, key, json_null());
        return true;
    }
    if (text == NULL || clock_utc_parse(&ms, text, strlen(text)) != KZ_OK) {
        record_refuse(why, "%s: a time like 2026-12-01T00:00:00Z expected", key);
        return false;
    }
    record_set_time(order, key, ms);
    return true;
}

static json_t *stop_orders_of(const struct desk_notice *n)
{
    const json_t *known = registry_fact(n->registry, "stop_orders");
    return known != NULL ? json_deep_copy(known) : json_array();
}

static enum kz_err set_stop_order(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                                  const struct desk_notice *n)
{
    json_t *orders = stop_orders_of(n);
    json_t *order = json_object();
    bool is_good = true;
    if (!record_basis_is_order(n->order->basis)) {
        record_refuse(why, "basis: --authority and --document of the order expected");
        is_good = false;
    } else if (json_array_size(orders) >= STOP_ORDERS_MAX) {
        record_refuse(why, "at most %d stop orders are kept", STOP_ORDERS_MAX);
        is_good = false;
    }
    is_good = is_good && take_time(order, why, n->arguments, "from", true) &&
              take_time(order, why, n->arguments, "to", false);
    if (!is_good) {
        json_decref(orders);
        json_decref(order);
        return KZ_RANGE;
    }
    json_object_set(order, "basis", (json_t *)n->order->basis);
    json_object_set_new(order, "by", json_string(n->order->by));
    json_array_append(orders, order);
    out->detail = json_pack("{s:O, s:O}", "from", json_object_get(order, "from"), "to",
                            json_object_get(order, "to"));
    out->facts = json_pack("{s:o}", "stop_orders", orders);
    json_decref(order);
    return KZ_OK;
}

/* The newest one without an end, or whose end is yet to come, ends now. */
static enum kz_err end_stop_order(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                                  const struct desk_notice *n)
{
    int64_t now = clock_utc_ms(), to;
    json_t *orders = stop_orders_of(n);
    for (size_t i = json_array_size(orders); i-- > 0;) {
        json_t *order = json_array_get(orders, i);
        if (record_get_time(&to, order, "to") && to <= now)
            continue;
        record_set_time(order, "to", now);
        out->detail = json_pack("{s:O, s:O}", "from", json_object_get(order, "from"),
                                "to", json_object_get(order, "to"));
        out->facts = json_pack("{s:o}", "stop_orders", orders);
        return KZ_OK;
    }
    json_decref(orders);
    return record_refuse(why, "no stop order is in force or to come");
}

static json_t *stop_answer(json_t *record, const char *address, const struct conf *conf)
{
    (void)address;
    (void)conf;
    json_decref(record);
    return json_pack("{s:s}", "note", "written down; it is in force by its times");
}

/* --- the table ------------------------------------------------------------------------ */

static const struct desk_row rows[] = {
    {"miner_apply", AUDIT_OPERATOR, "applied", "application"},
    {"miner_submit", AUDIT_OPERATOR, "application_complete", "application", go,
     MINER_SUBMITTED},
    {"miner_reject", AUDIT_OFFICER, NULL, NULL, go, MINER_REJECTED},
    {"miner_approve", AUDIT_OFFICER, "checks_passed", NULL, go_in_twos, MINER_ACTIVE,
     RECORD_PROPOSE_STATE},
    {"miner_suspend", AUDIT_OFFICER, NULL, NULL, suspend, MINER_SUSPENDED,
     RECORD_PROPOSE_STATE, .may_be_ordered = true},
    {"miner_resume", AUDIT_OFFICER, "matter_settled", NULL, go_in_twos, MINER_ACTIVE,
     RECORD_PROPOSE_STATE},
    {"miner_restrict", AUDIT_OFFICER, NULL, NULL, go, MINER_RESTRICTED},
    {"miner_revoke", AUDIT_OFFICER, "authority_order", NULL, go_in_twos, MINER_REVOKED,
     RECORD_PROPOSE_STATE},
    {"miner_close", AUDIT_OFFICER, "miner_request", NULL, go, MINER_CLOSED},
    {"miner_freeze", AUDIT_OFFICER, NULL, NULL, freeze},
    {"miner_unfreeze", AUDIT_OFFICER, NULL, NULL, go_in_twos, MINER_STATES,
     RECORD_PROPOSE_UNFREEZE},
    {"miner_release", AUDIT_OFFICER, NULL, NULL, go_in_twos, MINER_STATES,
     RECORD_PROPOSE_RELEASE},
    {"miner_confirm", AUDIT_OFFICER, NULL, NULL, confirm},
    {"miner_withdraw", AUDIT_OPERATOR, NULL, NULL, withdraw, .by_rank = true},
    {"miner_terms", AUDIT_OPERATOR, "information_changed", NULL, set_terms},
    {"miner_update", AUDIT_OPERATOR, "information_changed", NULL, desk_update},
    {"miner_disclose", AUDIT_OFFICER, "requested", NULL, .notice = desk_disclose,
     .word = AUDIT_DISCLOSURE},
    {"screening_run", AUDIT_OPERATOR, "check_made", "watch_lists", desk_screen},
    {"vault_check", AUDIT_OPERATOR, .look = desk_vault_check},
    {"vault_erase", AUDIT_OFFICER, "retention_over", "retention", go_in_twos,
     MINER_STATES, RECORD_PROPOSE_ERASE},
    {"vault_rotate", AUDIT_OFFICER, "key_changed", NULL, .notice = desk_vault_rotate,
     .word = AUDIT_VAULT_KEY_ROTATED},
    {"address_add", AUDIT_OPERATOR, "miner_request", NULL, go_in_twos, MINER_STATES,
     RECORD_PROPOSE_ADDRESS_ADD, true},
    {"address_end", AUDIT_OPERATOR, "miner_request", NULL, go_in_twos, MINER_STATES,
     RECORD_PROPOSE_ADDRESS_END, true},
    {"address_challenge", AUDIT_OPERATOR, "check_made", "challenge", challenge,
     .needs_address = true, .answer = challenge_of},
    {"address_prove", AUDIT_OPERATOR, "check_made", "proof", prove,
     .needs_address = true},
    {"equipment_add", AUDIT_OPERATOR, "information_changed", NULL, add_equipment},
    {"equipment_end", AUDIT_OPERATOR, "information_changed", NULL, end_equipment},
    {"site_add", AUDIT_OPERATOR, "information_changed", NULL, add_site},
    {"site_end", AUDIT_OPERATOR, "information_changed", NULL, end_site},
    {"certificate_set", AUDIT_OFFICER, "information_changed", NULL, set_certificate},
    {"certificate_verify", AUDIT_OFFICER, "check_made", NULL, verify_certificate},
    {"screening_set", AUDIT_OFFICER, "check_made", NULL, set_screening},
    {"review_set", AUDIT_OFFICER, "check_made", NULL, set_review},
    {"declaration_add", AUDIT_OPERATOR, "information_changed", NULL, declare},
    {"networks_set", AUDIT_OPERATOR, "information_changed", NULL, set_networks},
    {"stop_order_set", AUDIT_OFFICER, "authority_order", NULL, .notice = set_stop_order,
     .word = AUDIT_STOP_ORDER_SET, .answer = stop_answer},
    {"stop_order_end", AUDIT_OFFICER, "order_lifted", NULL, .notice = end_stop_order,
     .word = AUDIT_STOP_ORDER_ENDED, .answer = stop_answer},
    {"report_note", AUDIT_OPERATOR, "check_made", "report", .notice = report_desk_note,
     .word = AUDIT_REPORT_MADE},
    {"report_note_correction", AUDIT_OPERATOR, "correction", "report",
     .notice = report_desk_note, .word = AUDIT_REPORT_CORRECTED},
    {"report_note_key", AUDIT_OFFICER, "key_changed", "report_key",
     .notice = report_desk_key, .word = AUDIT_REPORT_KEY_ROTATED},
    {"alert_decide", AUDIT_OFFICER, "check_made", "alert", .notice = report_desk_decide,
     .word = AUDIT_ALERT_DECIDED},
    {"watcher_create", AUDIT_OPERATOR, "miner_request", "watcher",
     .notice = watcher_create, .word = AUDIT_WATCHER_CREATED},
    {"watcher_revoke", AUDIT_OPERATOR, "miner_request", "watcher",
     .notice = watcher_revoke, .word = AUDIT_WATCHER_REVOKED},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct desk_row *desk_row_find(const char *command)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].command, command) == 0)
            return &rows[i];
    return NULL;
}
