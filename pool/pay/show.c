#include "pool/pay/show.h"

#include "conf/clock.h"
#include "pool/ctl_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static json_t *sat(struct amount a)
{
    return json_integer(amount_to_sat(a));
}

static void money(char cell[CTL_CELL_SIZE], int64_t value)
{
    struct amount a;
    if (amount_from_sat(&a, value))
        amount_format(cell, a);
    else
        snprintf(cell, CTL_CELL_SIZE, "%" PRId64 " sat", value);
}

static void print_money(const char *what, const json_t *o, const char *key,
                        const char *more)
{
    char cell[CTL_CELL_SIZE];
    money(cell, ctl_number(o, key));
    printf("%-11s %20s%s%s\n", what, cell, more[0] != '\0' ? "  " : "", more);
}

/* 1,234 satoshi per kvB is 1.234 per virtual byte. */
static void rate_text(char cell[CTL_CELL_SIZE], int64_t sat_per_kvb)
{
    snprintf(cell, CTL_CELL_SIZE, "%" PRId64 ".%03d sat/vB", sat_per_kvb / 1000,
             (int)(sat_per_kvb % 1000));
}

/* --- a plan ----------------------------------------------------------------------- */

static json_t *coin_json(const struct coin *c)
{
    char from[TX_OUTPOINT_TEXT_SIZE];
    tx_outpoint_format(from, &c->from);
    return json_pack("{s:s, s:o}", "coin", from, "sat", sat(c->value));
}

static json_t *recipient_json(const struct plan_recipient *r, const struct dues *d)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "miner", r->miner.text, "address",
                     dues_address(d, &r->miner), "due", sat(r->debit), "fee",
                     sat(r->fee_part), "paid", sat(r->paid));
}

static json_t *chunk_json(const struct plan_chunk *c, const struct run *r)
{
    json_t *coins = json_array(), *recipients = json_array();
    for (size_t i = 0; i < c->coin_count; i++)
        json_array_append_new(coins, coin_json(&c->coins[i]));
    for (size_t i = 0; i < c->recipient_count; i++)
        json_array_append_new(recipients, recipient_json(&c->recipients[i], &r->dues));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "coins", coins, "recipients",
                     recipients, "paid", sat(c->paid), "fee", sat(c->fee), "change",
                     sat(c->change), "vsize", (json_int_t)c->vsize);
}

static json_t *wait_json(const struct plan_wait *w)
{
    return json_pack("{s:s, s:o, s:s, s:s}", "miner", w->miner.text, "sat",
                     sat(w->amount), "reason", plan_reason_name(w->reason), "why",
                     w->note != NULL ? w->note : plan_reason_text(w->reason));
}

static json_t *caps_json(unsigned caps)
{
    json_t *list = json_array();
    if ((caps & PLAN_CAP_PAYOUT) != 0)
        json_array_append_new(list, json_string("payout.cap.payout"));
    if ((caps & PLAN_CAP_RUN) != 0)
        json_array_append_new(list, json_string("payout.cap.run"));
    if ((caps & PLAN_CAP_DAY) != 0)
        json_array_append_new(list, json_string("payout.cap.day"));
    return list;
}

json_t *show_plan_json(const struct run *r, const struct payer *p)
{
    const struct plan *plan = &r->plan;
    const char *miner;
    json_t *held;
    json_t *chunks = json_array(), *waits = json_array();
    struct amount free_sum = amount_zero();
    for (size_t i = 0; i < plan->chunk_count; i++)
        json_array_append_new(chunks, chunk_json(&plan->chunks[i], r));
    for (size_t i = 0; i < plan->wait_count; i++)
        json_array_append_new(waits, wait_json(&plan->waits[i]));
    json_object_foreach(r->dues.held, miner, held)
    {
        json_array_append_new(waits,
                              json_pack("{s:s, s:O, s:s, s:O}", "miner", miner, "sat",
                                        json_object_get(held, "sat"), "reason", "held",
                                        "why", json_object_get(held, "why")));
    }
    for (size_t i = 0; i < r->free_count; i++)
        if (!amount_add(&free_sum, free_sum, r->free_coins[i].value))
            break;
    return json_pack(
        "{s:s?, s:I, s:I, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}",
        "warning", run_warning(p), "height", (json_int_t)chain_tip(p->chain).height,
        "rate", (json_int_t)r->rate.sat_per_kvb, "estimated", r->has_estimate,
        "fee_paid_by", p->conf->pay.fee_payer == CONF_FEE_POOL ? "pool" : "payees",
        "payouts", chunks, "waits", waits, "paid", sat(plan->paid), "due",
        sat(plan->debit), "fee", sat(plan->fee), "waiting", sat(plan->waiting),
        "free_sat", sat(free_sum), "free_coins", (json_int_t)r->free_count,
        "caps_exceeded", caps_json(plan->caps_exceeded));
}

static void fill_recipient(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *r)
{
    ctl_set_cell(row[0], ctl_text(r, "miner"));
    money(row[1], ctl_number(r, "due"));
    money(row[2], ctl_number(r, "fee"));
    money(row[3], ctl_number(r, "paid"));
    ctl_set_cell(row[4], ctl_text(r, "address"));
}

static void fill_coin(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *c)
{
    money(row[0], ctl_number(c, "sat"));
    ctl_set_cell(row[1], ctl_text(c, "coin"));
}

static void fill_wait(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *w)
{
    ctl_set_cell(row[0], ctl_text(w, "miner"));
    money(row[1], ctl_number(w, "sat"));
    ctl_set_cell(row[2], ctl_text(w, "why"));
}

static void show_chunk(size_t n, const json_t *c)
{
    struct ctl_table coins = {.head = {">SPENDS", "COIN"}, .columns = 2};
    struct ctl_table to = {.head = {"MINER", ">DUE", ">FEE", ">PAID", "ADDRESS"},
                           .columns = 5};
    char fee[CTL_CELL_SIZE], change[CTL_CELL_SIZE];
    money(fee, ctl_number(c, "fee"));
    money(change, ctl_number(c, "change"));
    printf("\nTransaction %zu: fee %s, %" PRId64 " vB at most, change %s\n", n + 1, fee,
           ctl_number(c, "vsize"), change);
    ctl_print_array(&coins, json_object_get(c, "coins"), fill_coin);
    ctl_print_array(&to, json_object_get(c, "recipients"), fill_recipient);
}

void show_plan(const json_t *plan)
{
    struct ctl_table waits = {.head = {"WAITS", ">BALANCE", "WHY"}, .columns = 3};
    char rate[CTL_CELL_SIZE], line[CTL_CELL_SIZE];
    const json_t *chunks = json_object_get(plan, "payouts");
    size_t i;
    const char *warning = json_string_value(json_object_get(plan, "warning"));
    json_t *one;
    if (warning != NULL)
        printf("WARNING: %s\n", warning);
    rate_text(rate, ctl_number(plan, "rate"));
    snprintf(line, sizeof(line), "in %" PRId64 " coins",
             ctl_number(plan, "free_coins"));
    printf("At height %" PRId64 ", %s (%s), fees by the %s\n",
           ctl_number(plan, "height"), rate,
           json_is_true(json_object_get(plan, "estimated")) ? "the node's estimate"
                                                            : "the settings' fallback",
           ctl_text(plan, "fee_paid_by"));
    print_money("free", plan, "free_sat", line);
    print_money("to pay", plan, "due", "");
    print_money("fees", plan, "fee", "");
    print_money("waiting", plan, "waiting", "");
    json_array_foreach(chunks, i, one) show_chunk(i, one);
    if (json_array_size(chunks) == 0)
        puts("\nNobody would be paid.");
    if (json_array_size(json_object_get(plan, "waits")) > 0) {
        puts("");
        ctl_print_array(&waits, json_object_get(plan, "waits"), fill_wait);
    }
    json_array_foreach(json_object_get(plan, "caps_exceeded"), i, one)
        printf("%s%s is exceeded: a run needs --confirm\n", i == 0 ? "\n" : "",
               json_string_value(one));
}

/* --- payouts ---------------------------------------------------------------------- */

static const struct payout_version *standing(const struct payout *o)
{
    if (o->version_count == 0)
        return NULL;
    return &o->versions[o->seen.height > 0 ? o->seen.version : o->version_count - 1];
}

static json_t *row_json(const struct payout *o)
{
    const struct payout_version *v = standing(o);
    char txid[HASH256_HEX_SIZE] = "";
    if (v != NULL)
        hash256_format_display(txid, &v->txid);
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:s, s:I, s:s}", "id", o->id.text,
                     "state", payout_state_name(o->state), "created_ms",
                     (json_int_t)o->created_ms, "payees",
                     (json_int_t)o->recipient_count, "paid", sat(payout_paid(o)), "fee",
                     sat(v != NULL ? v->fee : o->planned_fee), "txid", txid, "height",
                     (json_int_t)o->seen.height, "note", o->note);
}

json_t *show_list_json(const struct payout_list *l)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->count; i++)
        json_array_append_new(list, row_json(&l->rows[i]));
    return list;
}

static void fill_row(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *o)
{
    ctl_set_cell(row[0], ctl_text(o, "id"));
    ctl_set_cell(row[1], ctl_text(o, "state"));
    snprintf(row[2], CTL_CELL_SIZE, "%" PRId64, ctl_number(o, "payees"));
    money(row[3], ctl_number(o, "paid"));
    money(row[4], ctl_number(o, "fee"));
    ctl_set_cell(row[5], ctl_text(o, "txid"));
    ctl_set_cell(row[6], ctl_text(o, "note"));
}

void show_list(const json_t *list)
{
    struct ctl_table t = {
        .head = {"PAYOUT", "STATE", ">PAYEES", ">PAID", ">FEE", "TRANSACTION", "NOTE"},
        .columns = 7};
    if (json_array_size(list) == 0)
        puts("There are no payouts.");
    else
        ctl_print_array(&t, list, fill_row);
}

static json_t *version_json(const struct payout_version *v)
{
    char txid[HASH256_HEX_SIZE];
    hash256_format_display(txid, &v->txid);
    return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I}", "why", payout_why_name(v->why),
                     "txid", txid, "fee", sat(v->fee), "vsize", (json_int_t)v->vsize,
                     "rate", (json_int_t)fee_rate_of(v->fee, v->vsize).sat_per_kvb,
                     "time_ms", (json_int_t)v->time_ms);
}

json_t *show_payout_json(const struct payout *o)
{
    json_t *out = row_json(o), *versions = json_array(), *to = json_array(),
           *coins = json_array();
    char block[HASH256_HEX_SIZE] = "";
    for (size_t i = 0; i < o->version_count; i++)
        json_array_append_new(versions, version_json(&o->versions[i]));
    for (size_t i = 0; i < o->recipient_count; i++) {
        const struct payout_recipient *r = &o->recipients[i];
        json_array_append_new(to, json_pack("{s:s, s:s, s:o, s:o, s:I}", "miner",
                                            r->miner.text, "address", r->address, "due",
                                            sat(r->debit), "paid", sat(r->paid), "vout",
                                            (json_int_t)r->vout));
    }
    for (size_t i = 0; i < o->coin_count; i++) {
        const struct coin c = {.from = o->coins[i].from, .value = o->coins[i].value};
        json_array_append_new(coins, coin_json(&c));
    }
    if (o->seen.height > 0)
        hash256_format_display(block, &o->seen.block);
    json_object_set_new(out, "versions", versions);
    json_object_set_new(out, "recipients", to);
    json_object_set_new(out, "coins", coins);
    json_object_set_new(out, "block", json_string(block));
    return out;
}

static void fill_paid(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *r)
{
    snprintf(row[0], CTL_CELL_SIZE, "%" PRId64, ctl_number(r, "vout"));
    ctl_set_cell(row[1], ctl_text(r, "miner"));
    money(row[2], ctl_number(r, "due"));
    money(row[3], ctl_number(r, "paid"));
    ctl_set_cell(row[4], ctl_text(r, "address"));
}

static void fill_version(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *v)
{
    ctl_set_cell(row[0], ctl_text(v, "why"));
    money(row[1], ctl_number(v, "fee"));
    rate_text(row[2], ctl_number(v, "rate"));
    ctl_set_cell(row[3], ctl_text(v, "txid"));
}

void show_payout(const json_t *o)
{
    struct ctl_table versions = {.head = {"VERSION", ">FEE", ">RATE", "TRANSACTION"},
                                 .columns = 4};
    struct ctl_table to = {.head = {">OUTPUT", "MINER", ">DUE", ">PAID", "ADDRESS"},
                           .columns = 5};
    struct ctl_table coins = {.head = {">SPENDS", "COIN"}, .columns = 2};
    char time[CLOCK_TEXT_SIZE], cell[CTL_CELL_SIZE];
    clock_utc_format(time, ctl_number(o, "created_ms"));
    ctl_set_cell(cell, ctl_text(o, "note"));
    printf("payout      %s\nstate       %s%s%s\nreserved    %s\n", ctl_text(o, "id"),
           ctl_text(o, "state"), cell[0] != '\0' ? ": " : "", cell, time);
    if (ctl_number(o, "height") > 0)
        printf("block       %s at height %" PRId64 "\n", ctl_text(o, "block"),
               ctl_number(o, "height"));
    print_money("paid", o, "paid", "");
    print_money("fee", o, "fee", "");
    puts("");
    if (json_array_size(json_object_get(o, "versions")) > 0)
        ctl_print_array(&versions, json_object_get(o, "versions"), fill_version);
    if (json_array_size(json_object_get(o, "recipients")) > 0)
        ctl_print_array(&to, json_object_get(o, "recipients"), fill_paid);
    ctl_print_array(&coins, json_object_get(o, "coins"), fill_coin);
}
