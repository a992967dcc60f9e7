#include "pool/desk.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/desk_rows.h"
#include "pool/pool_parts.h"

#include <string.h>

#define ALONE "nobody: four_eyes is off"

/* --- who ------------------------------------------------------------------------------ */

bool desk_find_person(struct desk_person *out, const struct conf *conf,
                      struct control_request *r)
{
    if (conf->operator_count == 0) {
        snprintf(out->name, sizeof(out->name), "%s", control_actor(r));
        out->is_officer = true;
        return true;
    }
    for (size_t i = 0; i < conf->operator_count; i++) {
        if (conf->operators[i].uid != control_uid(r))
            continue;
        snprintf(out->name, sizeof(out->name), "%s", conf->operators[i].name);
        out->is_officer = conf->operators[i].role == CONF_ROLE_OFFICER;
        return true;
    }
    control_refuse(r, "%s is no operator of the settings (registry.operators)",
                   control_actor(r));
    return false;
}

/* An order that an authority gave is its act, whoever carries it out. */
static enum audit_role role_of(const struct desk_row *row,
                               const struct registry_order *order,
                               const struct desk_person *person)
{
    bool is_order =
        order->reason != NULL && (strcmp(order->reason, "authority_order") == 0 ||
                                  strcmp(order->reason, "court_order") == 0);
    if (row->may_be_ordered && is_order && record_basis_is_order(order->basis))
        return AUDIT_AUTHORITY;
    return row->by_rank && person->is_officer ? AUDIT_OFFICER : row->role;
}

/* --- why ------------------------------------------------------------------------------ */

static json_t *basis_of(const struct desk_row *row, const json_t *arguments)
{
    static const struct {
        const char *argument, *member;
    } parts[] = {{"basis", "note"},        {"code", "code"}, {"authority", "authority"},
                 {"document", "document"}, {"date", "date"}, {"sha256", "sha256"}};
    json_t *basis = json_object();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *text = control_text(arguments, parts[i].argument);
        if (text != NULL)
            json_object_set_new(basis, parts[i].member, json_string(text));
    }
    if (json_object_size(basis) == 0 && row->code != NULL)
        json_object_set_new(basis, "code", json_string(row->code));
    return basis;
}

/* --- a request under way ---------------------------------------------------------------- */

struct waiting {
    struct pool *pool;
    struct control_request *request;
    const struct desk_row *row;
    char *address;    /* or NULL */
    json_t *findings; /* of an application, or NULL */
    json_t *said;     /* the answer of a notice, or NULL */
};

/* A registry_done_fn: on control. */
static void on_done(void *ctx, enum kz_err err, json_t *record, const char *text)
{
    struct waiting *w = ctx;
    json_t *answer = record;
    if (err == KZ_OK && w->row->answer != NULL)
        answer = w->row->answer(record, w->address, w->pool->conf);
    if (err == KZ_OK && w->said != NULL) {
        json_decref(record);
        answer = json_incref(w->said);
    }
    if (err == KZ_OK && w->findings != NULL)
        json_object_set(answer, "findings", w->findings);
    if (err != KZ_OK)
        control_refuse(w->request, "%s", text);
    else if (answer == NULL)
        control_refuse(w->request, "the record was changed meanwhile; try again");
    else
        control_reply(w->request, answer);
    json_decref(w->findings);
    json_decref(w->said);
    mem_free(w->address);
    mem_free(w);
}

static struct waiting *waiting_new(struct pool *p, struct control_request *r,
                                   const struct desk_row *row, const json_t *arguments)
{
    const char *address = control_text(arguments, "address");
    struct waiting *w = mem_new(sizeof(*w));
    w->pool = p;
    w->request = r;
    w->row = row;
    w->address = address != NULL ? mem_text(address) : NULL;
    return w;
}

/* --- two people ------------------------------------------------------------------------- */

static enum kz_err propose_alone(json_t **out, struct record_happened *happened,
                                 char why[RECORD_WHY_SIZE], const json_t *record,
                                 const struct record_proposal *p,
                                 const struct record_act *act)
{
    json_t *proposed = NULL;
    struct record_act second = *act;
    enum kz_err err = record_propose(&proposed, happened, why, record, p, act);
    if (err != KZ_OK)
        return err;
    json_decref(happened->detail);
    second.by = ALONE;
    err = record_confirm(out, happened, why, proposed, &second);
    if (err == KZ_OK) /* in terms of what outlives `proposed` */
        *happened = (struct record_happened){.word = happened->word,
                                             .role = act->role,
                                             .actor = act->by,
                                             .second = ALONE,
                                             .reason = act->reason,
                                             .basis = act->basis,
                                             .detail = happened->detail};
    json_decref(proposed);
    return err;
}

/* Whether another person's open proposal is for just this. */
static bool is_proposed(const json_t *record, const struct record_proposal *p,
                        const struct record_act *act)
{
    const json_t *kept = json_object_get(record, "proposal");
    const char *what = record_open_proposal(record, act->now_ms);
    const char *by = record_text(kept, "by"), *to = record_text(kept, "to");
    const char *address = record_text(kept, "address");
    if (what == NULL || by == NULL || strcmp(by, act->by) == 0 ||
        strcmp(what, record_proposed_name(p->what)) != 0)
        return false;
    if (p->what == RECORD_PROPOSE_STATE)
        return to != NULL && strcmp(to, miner_state_name(p->to)) == 0;
    return p->address == NULL || (address != NULL && strcmp(address, p->address) == 0);
}

enum kz_err desk_in_twos(json_t **out, struct record_happened *happened,
                         char why[RECORD_WHY_SIZE], const json_t *record,
                         const struct record_proposal *p, const struct record_act *act)
{
    if (!act->conf->four_eyes)
        return propose_alone(out, happened, why, record, p, act);
    if (is_proposed(record, p, act))
        return record_confirm(out, happened, why, record, act);
    return record_propose(out, happened, why, record, p, act);
}

/* --- commands ------------------------------------------------------------------------- */

/* What is wrong or has to be looked at in an application, all of it. */
static json_t *find_all(const json_t *draft, const struct record_act *act)
{
    struct record_findings found = {.count = 0};
    struct record_checks with = record_checks_of(act);
    with.is_stored = false;
    record_check(&found, draft, &with);
    json_t *list = record_findings_json(&found);
    record_findings_clear(&found);
    return list;
}

static void apply(struct pool *p, struct control_request *r, const struct desk_row *row,
                  const json_t *arguments, const struct registry_order *order)
{
    char why[RECORD_WHY_SIZE];
    json_t *draft = NULL;
    struct record_happened happened = {.detail = NULL};
    const struct record_act act = registry_act(p->registry, order);
    const json_t *fields = json_object_get(arguments, "record");
    if (!json_is_object(fields)) {
        control_refuse(r, "needs a record");
        return;
    }
    if (record_draft(&draft, &happened, why, fields, &act) != KZ_OK) {
        control_refuse(r, "%s", why);
        return;
    }
    struct waiting *w = waiting_new(p, r, row, arguments);
    w->findings = find_all(draft, &act);
    registry_apply_take(p->registry, draft, &happened, on_done, w);
}

static void change(struct pool *p, struct control_request *r,
                   const struct desk_row *row, const json_t *arguments,
                   const struct registry_order *order)
{
    const char *id = control_text(arguments, "miner");
    if (id == NULL)
        id = control_text(arguments, "id");
    if (id == NULL ||
        (row->needs_address && control_text(arguments, "address") == NULL)) {
        control_refuse(r, row->needs_address ? "needs a miner and an address"
                                             : "needs a miner's id");
        return;
    }
    const struct desk_what what = {row, arguments, p->vault, p->screens};
    registry_change(p->registry, id, row->how, &what, order, on_done,
                    waiting_new(p, r, row, arguments));
}

static struct desk_notice notice_of(const struct pool *p, const struct desk_row *row,
                                    const json_t *arguments,
                                    const struct registry_order *order)
{
    return (struct desk_notice){.row = row,
                                .arguments = arguments,
                                .order = order,
                                .registry = p->registry,
                                .conf = p->conf,
                                .vault = p->vault};
}

static void look(const struct pool *p, struct control_request *r,
                 const struct desk_row *row, const json_t *arguments,
                 const struct registry_order *order)
{
    char why[RECORD_WHY_SIZE];
    json_t *answer = NULL;
    const struct desk_notice n = notice_of(p, row, arguments, order);
    if (row->look(&answer, why, &n) == KZ_OK)
        control_reply(r, answer);
    else
        control_refuse(r, "%s", why);
}

static void note(struct pool *p, struct control_request *r, const struct desk_row *row,
                 const json_t *arguments, const struct registry_order *order)
{
    char why[RECORD_WHY_SIZE];
    struct desk_noted noted = {.facts = NULL};
    const struct desk_notice n = notice_of(p, row, arguments, order);
    if (row->notice(&noted, why, &n) != KZ_OK) {
        control_refuse(r, "%s", why);
        return;
    }
    struct waiting *w = waiting_new(p, r, row, arguments);
    w->said = noted.answer;
    registry_note(p->registry, row->word, noted.miner[0] != '\0' ? noted.miner : NULL,
                  order, noted.detail, noted.facts, on_done, w);
    json_decref(noted.facts);
    json_decref(noted.detail);
}

void desk_command(void *ctx, struct control_request *r, const json_t *arguments)
{
    struct pool *p = ctx;
    struct desk_person person;
    const struct desk_row *row = desk_row_find(control_command_name(r));
    if (!desk_find_person(&person, p->conf, r))
        return;
    if (row->role == AUDIT_OFFICER && !person.is_officer) {
        control_refuse(r, "%s is an operator; this takes an officer", person.name);
        return;
    }
    struct registry_order order = {.by = person.name,
                                   .reason = control_text(arguments, "reason"),
                                   .basis = basis_of(row, arguments)};
    if (order.reason == NULL)
        order.reason = row->reason;
    order.role = role_of(row, &order, &person);
    if (row->how != NULL)
        change(p, r, row, arguments, &order);
    else if (row->look != NULL)
        look(p, r, row, arguments, &order);
    else if (row->notice != NULL)
        note(p, r, row, arguments, &order);
    else
        apply(p, r, row, arguments, &order);
    json_decref((json_t *)order.basis);
}
