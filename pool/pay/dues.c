#include "pool/pay/dues.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/registry/registry_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dues_clear(struct dues *d)
{
    mem_free(d->rows);
    mem_free(d->notes);
    mem_free(d->addresses);
    json_decref(d->held);
    *d = (struct dues){.count = 0};
}

const char *dues_address(const struct dues *d, const struct miner_id *miner)
{
    for (size_t i = 0; i < d->count; i++)
        if (miner_id_equal(&d->rows[i].miner, miner))
            return d->addresses[i];
    return "";
}

/* --- one miner -------------------------------------------------------------------- */

struct look {
    struct payer *p;
    const struct screen *screen;
    const json_t *record; /* NULL: not registered */
    struct plan_due *due;
    char *note, *address;
    int64_t now_ms;
};

static void block(struct look *l, enum plan_reason reason, const char *format, ...)
    KZ_PRINTF(3, 4);

static void block(struct look *l, enum plan_reason reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(l->note, DUES_NOTE_SIZE, format, args);
    va_end(args);
    l->due->blocked = reason;
    l->due->note = l->note;
}

/* Credits of these go to `held`; what still lies in mature is on its way there. */
static bool is_blocked_by_state(struct look *l)
{
    struct record_may may = pay_may(l->p, l->record);
    if (l->record == NULL)
        block(l, PLAN_HELD, "no such miner is registered");
    else if (record_is_frozen(l->record))
        block(l, PLAN_HELD, "frozen");
    else if (!may.is_paid)
        block(l, PLAN_HELD, "the registration's state is %s",
              miner_state_name(may.state));
    return l->due->blocked != PLAN_FREE;
}

/* An address that this network does not have was never registered here: that is no
 * matter of one payee, but of a registry that is not ours, or was changed. */
static enum kz_err look_at_address(struct look *l)
{
    struct address_problem problem;
    const json_t *one = record_newest_address(l->record);
    const char *text = json_string_value(json_object_get(one, "address"));
    struct address *to = &l->due->to;
    struct wallet_place place;
    if (text == NULL) {
        block(l, PLAN_NO_ADDRESS, "no address is registered");
        return KZ_OK;
    }
    snprintf(l->address, ADDRESS_TEXT_SIZE, "%s", text);
    if (address_parse(to, &problem, l->p->network, text, strlen(text)) != KZ_OK)
        return pay_fail(l->p, KZ_RANGE, "registry: %s is to be paid at %.120s: %s",
                        l->due->miner.text, text, address_fault_text(problem.fault));
    if (address_check_payable(to, &problem) != KZ_OK)
        block(l, PLAN_NO_ADDRESS, "%s: %s", text, address_fault_text(problem.fault));
    else if (wallet_find(&place, l->p->wallet,
                         (struct bytes){to->script, to->script_len},
                         chain_tip(l->p->chain).height) == KZ_OK)
        block(l, PLAN_NO_ADDRESS, "%s is the pool's own", text);
    else if (record_address_waits(one, l->now_ms))
        block(l, PLAN_ADDRESS_WAITING, "%s may be paid from %s on", text,
              json_string_value(json_object_get(one, "payable_from")));
    return KZ_OK;
}

static void look_at_screen(struct look *l)
{
    char note[DUES_NOTE_SIZE];
    const struct screen_case c = {.miner = l->due->miner.text,
                                  .address = l->address,
                                  .to = &l->due->to,
                                  .amount = l->due->amount,
                                  .purpose = "plan"};
    if (screen_ask(note, l->screen, &c) != SCREEN_CLEAR)
        block(l, PLAN_SCREENED, "%s", note);
}

/* A closed registration is paid once, whatever the least payment is. */
static struct amount minimum_of(const struct look *l)
{
    struct amount own = amount_zero(), pool = amount_zero();
    const json_t *sat = json_object_get(l->record, "minimum_sat");
    if (pay_may(l->p, l->record).is_paid_in_full)
        return amount_zero();
    if (!amount_from_sat(&pool, l->p->conf->payout.minimum_sat) ||
        (sat != NULL && !amount_from_sat(&own, json_integer_value(sat))))
        return pool;
    return amount_compare(own, pool) > 0 ? own : pool;
}

static enum kz_err look_at(struct look *l)
{
    l->due->minimum = minimum_of(l);
    if (is_blocked_by_state(l))
        return KZ_OK;
    enum kz_err err = look_at_address(l);
    if (err == KZ_OK && l->due->blocked == PLAN_FREE)
        look_at_screen(l);
    return err;
}

/* --- all -------------------------------------------------------------------------- */

static int by_miner(const void *a, const void *b)
{
    const struct plan_due *x = a, *y = b;
    return strcmp(x->miner.text, y->miner.text);
}

/* {miner: sat} of all that have something. KZ_PARSE: a number that is none. */
static enum kz_err read_balances(struct dues *d, struct payer *p)
{
    json_t *mature = NULL, *text;
    const char *miner;
    enum kz_err err = store_read_hash(&mature, p->store, KEY_MATURE);
    if (err != KZ_OK)
        return pay_fail(p, err, "Redis is away");
    d->rows = mem_array(json_object_size(mature) + 1, sizeof(*d->rows));
    json_object_foreach(mature, miner, text)
    {
        struct plan_due *due = &d->rows[d->count];
        uint64_t sat;
        const char *digits = json_string_value(text);
        if (digits[0] == '-' || strcmp(digits, "0") == 0)
            continue; /* in debit: the gate's to say */
        if (err != KZ_OK)
            continue;
        if (miner_id_parse(&due->miner, miner, strlen(miner)) != KZ_OK ||
            !decimal_read(&sat, digits, AMOUNT_MAX_SAT) ||
            !amount_from_sat(&due->amount, (int64_t)sat))
            err =
                pay_fail(p, KZ_RANGE, "amount overflow: the mature balance of %s is %s",
                         miner, digits);
        d->count += err == KZ_OK;
    }
    json_decref(mature);
    if (d->count > 0)
        qsort(d->rows, d->count, sizeof(*d->rows), by_miner);
    return err;
}

/* {id: record}, borrowed from `registry`. */
static json_t *by_id(const json_t *registry)
{
    json_t *all = json_object(), *record;
    size_t i;
    json_array_foreach(json_object_get(registry, "miners"), i, record)
    {
        const char *id = record_text(record, "miner_id");
        if (id != NULL)
            json_object_set(all, id, record);
    }
    return all;
}

/* What registrations hold back: no due, but shown with the reason. */
static enum kz_err read_held(struct dues *d, struct payer *p, const json_t *records)
{
    json_t *held = NULL, *text;
    const char *miner;
    enum kz_err err = store_read_hash(&held, p->store, KEY_HELD);
    if (err != KZ_OK)
        return pay_fail(p, err, "Redis is away");
    d->held = json_object();
    json_object_foreach(held, miner, text)
    {
        const json_t *record = json_object_get(records, miner);
        uint64_t sat;
        char why[64] = "no such miner is registered";
        if (!decimal_read(&sat, json_string_value(text), AMOUNT_MAX_SAT) || sat == 0)
            continue;
        if (record != NULL)
            snprintf(why, sizeof(why), "the registration's state is %s",
                     miner_state_name(pay_may(p, record).state));
        json_object_set_new(
            d->held, miner,
            json_pack("{s:I, s:s}", "sat", (json_int_t)sat, "why", why));
    }
    json_decref(held);
    return KZ_OK;
}

enum kz_err dues_read(struct dues *d, struct payer *p, struct screen *s)
{
    struct dues made = {.count = 0};
    json_t *registry = NULL;
    enum kz_err err = read_balances(&made, p);
    if (err == KZ_OK && store_read_registry(&registry, p->store) != KZ_OK)
        err = pay_fail(p, KZ_IO, "the registry could not be read");
    json_t *records = by_id(registry);
    made.notes = mem_array(made.count + 1, sizeof(*made.notes));
    made.addresses = mem_array(made.count + 1, sizeof(*made.addresses));
    for (size_t i = 0; i < made.count && err == KZ_OK; i++) {
        struct look l = {.p = p,
                         .screen = s,
                         .record = json_object_get(records, made.rows[i].miner.text),
                         .due = &made.rows[i],
                         .note = made.notes[i],
                         .address = made.addresses[i],
                         .now_ms = clock_utc_ms()};
        err = look_at(&l);
    }
    if (err == KZ_OK)
        err = read_held(&made, p, records);
    json_decref(records);
    json_decref(registry);
    if (err != KZ_OK) {
        dues_clear(&made);
        return err;
    }
    *d = made;
    return KZ_OK;
}
