/* Cases of coinbase_direct.json. */
#include "conf/mem.h"
#include "payout/cases_parts.h"
#include "payout/direct.h"

#include <string.h>

#define DUST_RATE 3000 /* satoshi per 1000 bytes: the nodes' default, and the file's */

struct direct_case {
    struct address pool;
    struct address *addresses; /* owned, as payees are; one a payee */
    struct direct_payee *payees;
    size_t count;
    struct direct_terms terms;
};

/* An address of that type: the bytes inside do not matter here. */
static struct address address_named(struct case_run *r, const char *name)
{
    static const struct {
        enum address_type type;
        size_t script_len;
    } types[] = {{ADDRESS_P2PKH, 25},
                 {ADDRESS_P2SH, 23},
                 {ADDRESS_P2WPKH, 22},
                 {ADDRESS_P2WSH, 34},
                 {ADDRESS_P2TR, 34}};
    struct address a = {0};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        a.type = types[i].type;
        a.script_len = types[i].script_len;
        if (strcmp(address_type_name(a.type), name) == 0)
            return a;
    }
    case_fail(r, "\"%s\" is no type of address", name);
    return a;
}

/* The scheme's part of a case; the net parts are entitlements. */
static void entitle(struct case_run *r, struct direct_case *c, const json_t *one)
{
    struct works counted = {0};
    struct scheme_split split;
    const json_t *net = json_object_get(one, "entitlement_net");
    const struct scheme_fees fees = {
        .pool_ppm = (uint32_t)case_number(r, json_object_get(one, "fee_ppm"), "*")};
    struct scheme_block block = {
        .reward = c->terms.value, .counted = &counted, .fees = &fees};
    case_works(r, &counted, json_object_get(one, "counted_work"));
    if (case_is_well(r) && case_done(r, "split", scheme_split_block(&split, &block))) {
        case_same(r, "pool_fee_sat", case_number(r, one, "pool_fee_sat"),
                  amount_to_sat(split.pool_fee));
        case_same(r, "entitled miners", (int64_t)json_object_size(net),
                  (int64_t)split.count);
        for (size_t i = 0; i < split.count; i++) {
            const struct scheme_part *p = &split.parts[i];
            c->payees[c->count++] =
                (struct direct_payee){.miner = p->miner, .entitlement = p->net};
            case_same(r, p->miner.text, case_number(r, net, p->miner.text),
                      amount_to_sat(p->net));
        }
        scheme_split_clear(&split);
    }
    works_clear(&counted);
}

/* Miners that have carry and no work are candidates as well. */
static void carry_over(struct case_run *r, struct direct_case *c, const json_t *one)
{
    const json_t *carry = json_object_get(one, "carry_before");
    size_t n;
    struct split_weight *rows = case_rows(r, &n, carry);
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < c->count && !miner_id_equal(&c->payees[at].miner, &rows[i].miner))
            at++;
        if (at == c->count)
            c->payees[c->count++] = (struct direct_payee){.miner = rows[i].miner};
        c->payees[at].carry = case_amount(r, carry, rows[i].miner.text);
    }
    mem_free(rows);
}

static bool is_listed(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one != NULL && strcmp(one, text) == 0)
            return true;
    }
    return false;
}

static void complete(struct case_run *r, struct direct_case *c, const json_t *one)
{
    const json_t *thresholds = json_object_get(one, "thresholds");
    for (size_t i = 0; i < c->count; i++) {
        struct direct_payee *p = &c->payees[i];
        const char *id = p->miner.text;
        c->addresses[i] =
            address_named(r, case_text(r, json_object_get(one, "output_types"), id));
        p->address = &c->addresses[i];
        if (json_object_get(thresholds, id) != NULL)
            p->minimum = case_amount(r, thresholds, id);
        if (is_listed(json_object_get(one, "held"), id))
            p->hold = DIRECT_HELD;
    }
}

/* A template that leaves all the room there is. */
static void read_case(struct case_run *r, struct direct_case *c, const json_t *one)
{
    static const struct template roomy = {
        .weight_limit = 4000000, .sigop_limit = 80000, .has_witness_commitment = true};
    size_t most = json_object_size(json_object_get(one, "counted_work")) +
                  json_object_size(json_object_get(one, "carry_before"));
    *c = (struct direct_case){.pool = address_named(r, "p2tr"),
                              .addresses = mem_array(most + 1, sizeof(*c->addresses)),
                              .payees = mem_array(most + 1, sizeof(*c->payees))};
    c->terms = (struct direct_terms){
        .value = case_amount(r, one, "coinbase_value_sat"),
        .minimum = case_amount(r, json_object_get(one, "thresholds"), "*"),
        .pool = &c->pool,
        .dust_rate = DUST_RATE,
        .mode = DIRECT_FULL};
    direct_room_init(&c->terms.room, &roomy, DIRECT_LARGEST, 8);
    c->terms.room.outputs = (size_t)case_number(r, one, "max_payee_outputs");
    c->terms.room.payee_bytes = (size_t)case_number(r, one, "max_payee_output_bytes");
    entitle(r, c, one);
    carry_over(r, c, one);
    complete(r, c, one);
}

static void same_outputs(struct case_run *r, const json_t *one,
                         const struct direct_case *c, const struct direct_plan *plan)
{
    const json_t *outputs = json_object_get(one, "outputs");
    case_same(r, "outputs", (int64_t)json_array_size(outputs),
              (int64_t)plan->paid_count);
    case_same(r, "pool_output_sat", case_number(r, one, "pool_output_sat"),
              amount_to_sat(plan->pool));
    for (size_t i = 0; i < plan->paid_count; i++) {
        const json_t *want = json_array_get(outputs, i);
        const struct direct_payee *p = &c->payees[plan->paid[i]];
        case_same_text(r, "miner of an output", case_text(r, want, "miner"),
                       p->miner.text);
        case_same_text(r, "type of an output", case_text(r, want, "type"),
                       address_type_name(p->address->type));
        case_same(r, p->miner.text, case_number(r, want, "value_sat"),
                  amount_to_sat(p->paid));
    }
}

/* 0 where the miner is not named: the file leaves zeros out. */
static int64_t sat_or_none(const json_t *of, const char *miner)
{
    return json_integer_value(json_object_get(of, miner));
}

static size_t named_above_0(const json_t *of)
{
    const char *name;
    json_t *value;
    size_t n = 0;
    json_object_foreach((json_t *)(uintptr_t)of, name, value) n +=
        json_integer_value(value) != 0 ? 1 : 0;
    return n;
}

static void same_after(struct case_run *r, const json_t *one,
                       const struct direct_case *c)
{
    const json_t *not_paid = json_object_get(one, "not_paid");
    const json_t *carry = json_object_get(one, "carry_after");
    const json_t *held = json_object_get(one, "held_after");
    size_t unpaid = 0, carrying = 0, holding = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct direct_payee *p = &c->payees[i];
        const char *id = p->miner.text;
        case_same(r, id, sat_or_none(carry, id), amount_to_sat(p->carry_after));
        case_same(r, id, sat_or_none(held, id), amount_to_sat(p->held_after));
        carrying += !amount_is_zero(p->carry_after);
        holding += !amount_is_zero(p->held_after);
        if (p->outcome == DIRECT_PAID)
            continue;
        unpaid++;
        case_same_text(r, id, case_text(r, not_paid, id),
                       direct_outcome_text(p->outcome));
    }
    case_same(r, "miners not paid", (int64_t)json_object_size(not_paid),
              (int64_t)unpaid);
    case_same(r, "miners with carry", (int64_t)named_above_0(carry), (int64_t)carrying);
    case_same(r, "miners held", (int64_t)named_above_0(held), (int64_t)holding);
}

/* Each miner's money is somewhere, and the outputs are worth the coinbase. */
static void is_whole(struct case_run *r, const struct direct_case *c,
                     const struct direct_plan *plan)
{
    struct amount outputs = plan->pool, before, after;
    bool ok = true;
    for (size_t i = 0; ok && i < c->count; i++) {
        const struct direct_payee *p = &c->payees[i];
        ok = amount_add(&before, p->entitlement, p->carry) &&
             amount_add(&after, p->paid, p->carry_after) &&
             amount_add(&after, after, p->held_after) &&
             amount_compare(before, after) == 0 &&
             amount_add(&outputs, outputs, p->paid);
    }
    if (!ok || amount_compare(outputs, c->terms.value) != 0)
        case_fail(r, "a satoshi came from nowhere or was lost");
}

void case_direct(struct case_run *r, const json_t *one)
{
    struct direct_case c;
    struct direct_plan plan;
    read_case(r, &c, one);
    if (case_is_well(r) &&
        case_done(r, "plan", direct_plan(&plan, c.payees, c.count, &c.terms))) {
        same_outputs(r, one, &c, &plan);
        same_after(r, one, &c);
        is_whole(r, &c, &plan);
        direct_plan_clear(&plan);
    }
    mem_free(c.addresses);
    mem_free(c.payees);
}
