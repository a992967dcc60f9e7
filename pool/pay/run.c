/* Draft, reserve, sign, send. */
#include "pool/pay/run.h"

#include "conf/clock.h"
#include "conf/fault.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "payout/pool_output.h"
#include "payout/postings.h"
#include "pool/registry/registry_record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Behind a payout's id, in an event that takes more coins for one that is there. */
#define TAKE_MARK '+'

/* --- drafting --------------------------------------------------------------------- */

void run_clear(struct run *r)
{
    plan_clear(&r->plan);
    purse_clear(&r->purse);
    dues_clear(&r->dues);
    screen_close(r->screen);
    mem_free(r->free_coins);
    mem_free(r->places);
    *r = (struct run){.free_count = 0};
}

static enum kz_err choose_rate(struct run *r, struct payer *p)
{
    const struct conf_pay *pay = &p->conf->pay;
    enum kz_err err = chain_rates(&r->rates, p->chain, pay->fee_target);
    if (err != KZ_OK)
        return pay_fail(p, err, "the node did not say what fees it takes");
    r->has_estimate = r->rates.estimate.sat_per_kvb > 0;
    const struct feerate_terms terms = {.has_estimate = r->has_estimate,
                                        .estimate = r->rates.estimate,
                                        .fallback = pay_rate(pay->fee_fallback),
                                        .mempool_min = r->rates.minimum,
                                        .relay_min = r->rates.minimum,
                                        .floor = pay_rate(pay->fee_floor),
                                        .ceiling = pay_rate(pay->fee_ceiling)};
    if (feerate_choose(&r->rate, &terms) != KZ_OK)
        return pay_fail(p, KZ_BUSY,
                        "fees are above payout.fee.ceiling (%" PRId64
                        " satoshi per kvB): payments wait",
                        pay->fee_ceiling);
    return KZ_OK;
}

static enum kz_err sum_today(struct amount *sum, struct payer *p)
{
    struct payout_list l = {.count = 0};
    enum kz_err err = pay_list(&l, p, PAY_TODAY);
    *sum = amount_zero();
    for (size_t i = 0; err == KZ_OK && i < l.count; i++) {
        const struct payout *o = &l.rows[i];
        bool counts = o->state != PAYOUT_ABANDONED && o->state != PAYOUT_CANCELLED;
        if (counts && !amount_add(sum, *sum, payout_debit(o)))
            err = pay_fail(p, KZ_RANGE, "amount overflow: payouts of today");
    }
    payout_list_clear(&l);
    return err;
}

/* A limit of the settings; 0 there is none. */
static struct amount cap_of(int64_t sat)
{
    struct amount cap;
    bool fits = amount_from_sat(&cap, sat > 0 ? sat : AMOUNT_MAX_SAT);
    assert(fits);
    (void)fits;
    return cap;
}

static struct plan_terms terms_of(const struct run *r, const struct payer *p)
{
    const struct conf *c = p->conf;
    struct amount day = cap_of(c->pay.cap_day), left;
    struct plan_terms t = {
        .coins = {.rate = r->rate,
                  .dust_rate = pay_rate(FEERATE_DUST),
                  .maturity = c->payout.maturity,
                  .any_r = !wallet_can_sign(p->wallet),
                  .change = wallet_form(p->wallet, WALLET_CHANGE),
                  .vsize_max = PLAN_VSIZE_MAX},
        .payer = c->pay.fee_payer == CONF_FEE_POOL ? PLAN_POOL_PAYS : PLAN_PAYEES_PAY,
        .max_fee_share_ppm = c->pay.fee_max_share_ppm,
        .minimum = amount_zero(), /* each due has the greater of the two already */
        .outputs_max = p->conf->pay.outputs,
        .caps = {.payout = cap_of(c->pay.cap_payout), .run = cap_of(c->pay.cap_run)}};
    if (!amount_sub(&left, day, r->paid_today) || amount_is_negative(left))
        left = amount_zero();
    t.caps.day_left = left;
    return t;
}

enum kz_err run_draft(struct run *r, struct payer *p)
{
    struct plan_problem problem = {.text = ""};
    enum kz_err err = choose_rate(r, p);
    if (err == KZ_OK)
        err = sum_today(&r->paid_today, p);
    if (err == KZ_OK)
        err = purse_read(&r->purse, p);
    if (err == KZ_OK)
        err = screen_open(&r->screen, p);
    if (err == KZ_OK)
        err = dues_read(&r->dues, p, r->screen);
    if (err != KZ_OK)
        return err;
    r->terms = terms_of(r, p);
    r->free_coins = purse_free(&r->places, &r->free_count, &r->purse);
    const struct plan_input in = {.dues = r->dues.rows,
                                  .due_count = r->dues.count,
                                  .coins = r->free_coins,
                                  .coin_count = r->free_count};
    err = plan_make(&r->plan, &problem, &in, &r->terms);
    return err == KZ_OK
               ? KZ_OK
               : pay_fail(p, KZ_RANGE, "%s: %s", problem.miner.text, problem.text);
}

const char *run_warning(const struct payer *p)
{
    char why[POOL_OUTPUT_WHY_SIZE];
    struct pool_output *output = NULL;
    struct address to;
    struct wallet_place place;
    const struct conf *c = p->conf;
    uint32_t next = chain_tip(p->chain).height + 1;
    bool is_ours = pool_output_new(&output, why, p->network, c->coinbase_address,
                                   c->coinbase_descriptor) == KZ_OK &&
                   pool_output_at(&to, output, next) == KZ_OK &&
                   wallet_find(&place, p->wallet,
                               (struct bytes){to.script, to.script_len}, next) == KZ_OK;
    pool_output_free(output);
    return is_ours ? NULL
                   : "the settings' coinbase pays an address that is not among the "
                     "wallet's: what coming blocks bring cannot be paid out";
}

/* --- reserving -------------------------------------------------------------------- */

static uint64_t random_number(void)
{
    uint64_t n = 0;
    bool has = getrandom(&n, sizeof(n), 0) == (ssize_t)sizeof(n);
    assert(has); /* so few bytes never fail once the system is up */
    (void)has;
    return n;
}

/* Of this second and chunk; and not even two of one second have one name, since whether a
 * reserve took effect is told by its name. */
static void name_payout(struct payout *o, size_t chunk)
{
    char day[PAYOUT_DAY_SIZE];
    int seconds = (int)(o->created_ms / 1000 % 86400);
    payout_day(day, o->created_ms);
    snprintf(o->id.text, sizeof(o->id.text), "%s-%02d%02d%02d-%zu-%06x", day,
             seconds / 3600, seconds / 60 % 60, seconds % 60, chunk,
             (unsigned)(random_number() & 0xffffff));
}

/* One index for each payout, whether it has change or not: a cancellation needs one. */
enum kz_err run_next_change(uint32_t *out, struct payer *p)
{
    json_t *text = NULL;
    uint64_t n = 0;
    enum kz_err err = store_read_field(&text, p->store, KEY_FENCE, "change");
    if (err == KZ_OK && !decimal_read(&n, json_string_value(text), BIP32_HARDENED - 1))
        err = KZ_PARSE;
    json_decref(text);
    if (err != KZ_OK && err != KZ_EMPTY)
        return pay_fail(p, err, "the index of the next change address is not known");
    *out = (uint32_t)n;
    return KZ_OK;
}

enum kz_err run_set_next_change(struct payer *p, uint32_t next)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu32, next);
    return pay_write(
        p, EVENT_LEDGER,
        json_pack("{s:[[s, s, s, s]]}", "marks", "fence", "change", text, "keep"));
}

static void take_coins(struct payout *o, const struct run *r, const struct coin *coins,
                       size_t count)
{
    o->coins = mem_array(count, sizeof(*o->coins));
    o->coin_count = o->planned_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct purse_coin *c = purse_find(&r->purse, &coins[i].from);
        assert(c != NULL); /* plans are made of these */
        o->coins[i] = purse_payout_coin(c);
    }
}

static void take_recipients(struct payout *o, const struct run *r,
                            const struct plan_chunk *chunk)
{
    o->recipients = mem_array(chunk->recipient_count + 1, sizeof(*o->recipients));
    o->recipient_count = chunk->recipient_count;
    for (size_t i = 0; i < chunk->recipient_count; i++) {
        const struct plan_recipient *from = &chunk->recipients[i];
        struct payout_recipient *to = &o->recipients[i];
        bool is_behind = chunk->has_change && i >= o->change_at;
        to->miner = from->miner;
        to->debit = from->debit;
        to->paid = from->paid;
        memcpy(to->script.b, from->to.script, from->to.script_len);
        to->script.len = from->to.script_len;
        to->vout = (uint32_t)i + is_behind;
        snprintf(to->address, sizeof(to->address), "%s",
                 dues_address(&r->dues, &from->miner));
    }
}

void run_begin(struct payout *o, const struct payer *p, size_t number)
{
    o->created_ms = clock_utc_ms();
    o->height = o->locktime = chain_tip(p->chain).height;
    o->state = PAYOUT_RESERVED;
    snprintf(o->journal, sizeof(o->journal), "%s", journal_id(p->journal));
    name_payout(o, number);
}

enum kz_err run_make_reserve(struct payout *o, struct payer *p)
{
    struct postings_due *due = mem_array(o->recipient_count + 1, sizeof(*due));
    for (size_t i = 0; i < o->recipient_count; i++)
        due[i] = (struct postings_due){o->recipients[i].miner, o->recipients[i].debit};
    enum kz_err err =
        postings_reserve(&o->reserve, &o->id, due, o->recipient_count, o->created_ms);
    mem_free(due);
    o->has_reserve = err == KZ_OK;
    return err == KZ_OK ? KZ_OK
                        : pay_fail(p, KZ_RANGE,
                                   "amount overflow: payout %s makes no "
                                   "entry",
                                   o->id.text);
}

/* A reserve needs the lease, and each of its coins with nobody. */
static json_t *need_lease(const struct payer *p)
{
    return json_pack("[[s, s, s, s]]", "fence", "token", "is", p->lease.token);
}

static void need_coins(json_t *needs, const struct payout *o, size_t first)
{
    char use[TX_OUTPOINT_TEXT_SIZE + 8];
    for (size_t i = first; i < o->coin_count; i++) {
        purse_use_key(use, &o->coins[i].from);
        json_array_append_new(needs, json_pack("[s, s, s, s]", use, "", "idle", ""));
    }
}

static json_t *needs_of(const struct payout *o, const struct payer *p)
{
    char po[PAYOUT_ID_MAX + 8], sat[24];
    json_t *needs = need_lease(p);
    snprintf(po, sizeof(po), "po:%s", o->id.text);
    json_array_append_new(needs, json_pack("[s, s, s, s]", po, "", "absent", ""));
    for (size_t i = 0; i < o->recipient_count; i++) {
        snprintf(sat, sizeof(sat), "%" PRId64, amount_to_sat(o->recipients[i].debit));
        json_array_append_new(needs,
                              json_pack("[s, s, s, s]", "bal:mature",
                                        o->recipients[i].miner.text, "least", sat));
    }
    need_coins(needs, o, 0);
    return needs;
}

static json_t *reserve_marks(const struct payout *o, const struct payer *p)
{
    char next[24];
    char *plan = payout_plan_text(o, p->lease.token);
    json_t *marks = json_array();
    json_array_append_new(marks, payout_mark(&o->id, "plan", plan));
    json_array_append_new(marks, payout_mark(&o->id, "state", "reserved"));
    json_array_append_new(marks, payout_mark(&o->id, "n", "0"));
    json_array_append_new(
        marks, json_pack("[s, s, s, s]", "pos", o->id.text, "reserved", "keep"));
    snprintf(next, sizeof(next), "%" PRIu32, o->change_index + 1);
    json_array_append_new(marks,
                          json_pack("[s, s, s, s]", "fence", "change", next, "keep"));
    purse_use_marks(marks, o, "held");
    free(plan); /* allowed: jansson's */
    if (o->has_reserve) {
        char *entry = entry_format(&o->reserve);
        json_array_append_new(marks, payout_mark(&o->id, "reserve", entry));
        mem_free(entry);
    }
    return marks;
}

/* What the reserve came to is written down before anything is built on it. */
static enum kz_err decide(struct payer *p, const struct payout_id *id)
{
    json_t *marks = json_array();
    json_array_append_new(marks, payout_mark(id, "decided", "1"));
    FAULT_POINT("decide_begins");
    enum kz_err err = pay_write(p, EVENT_DECIDED, json_pack("{s:o}", "marks", marks));
    FAULT_POINT("decided");
    return err;
}

static enum kz_err give_up(struct payer *p, const char *id)
{
    return pay_write(p, EVENT_LEDGER, json_pack("{s:s}", "payout", id));
}

static enum kz_err reserve_event(const struct payout *o, struct payer *p, json_t *event)
{
    FAULT_POINT("reserve_begins");
    enum kz_err err = pay_write(p, EVENT_RESERVE, event);
    FAULT_POINT("reserved");
    if (err == KZ_OK)
        return decide(p, &o->id);
    if (err == KZ_RANGE) {
        char why[PAY_TEXT_SIZE];
        snprintf(why, sizeof(why), "%s", p->why);
        enum kz_err ended = give_up(p, o->id.text);
        return ended != KZ_OK ? ended
                              : pay_fail(p, KZ_RANGE,
                                         "payout %s was not reserved: %.300s changed "
                                         "meanwhile",
                                         o->id.text, why);
    }
    return err;
}

enum kz_err run_reserve(struct payout *o, struct payer *p)
{
    json_t *event = json_pack("{s:s, s:o, s:o}", "payout", o->id.text, "needs",
                              needs_of(o, p), "marks", reserve_marks(o, p));
    if (o->has_reserve) {
        struct entry e;
        entry_copy(&e, &o->reserve);
        json_object_set_new(event, "entries", json_pack("[o]", pay_entry(&e)));
    }
    return reserve_event(o, p, event);
}

enum kz_err run_take_coins(struct payout *o, struct payer *p, size_t first)
{
    char use[TX_OUTPOINT_TEXT_SIZE + 8];
    enum kz_err err = gate_is_proved(p);
    if (err != KZ_OK)
        return err;
    json_t *needs = need_lease(p), *marks = json_array();
    need_coins(needs, o, first);
    char *more = payout_more_text(o, o->coin_count);
    json_array_append_new(marks, payout_mark(&o->id, "more", more));
    free(more); /* allowed: jansson's */
    for (size_t i = first; i < o->coin_count; i++) {
        purse_use_key(use, &o->coins[i].from);
        json_array_append_new(
            marks, json_pack("[s, s, s, s]", use, o->id.text, "held", "keep"));
    }
    char name[PAYOUT_ID_MAX + 2];
    snprintf(name, sizeof(name), "%s%c", o->id.text, TAKE_MARK);
    return reserve_event(
        o, p,
        json_pack("{s:s, s:o, s:o}", "payout", name, "needs", needs, "marks", marks));
}

/* Of a take that was not decided nobody knows whether Redis took it, and nothing was built
 * on it: it never was, and what it may have marked is set right. */
static enum kz_err undo_take(struct payer *p, const char *id)
{
    struct payout o;
    char use[TX_OUTPOINT_TEXT_SIZE + 8];
    enum kz_err err = pay_find(&o, p, id);
    if (err != KZ_OK)
        return err;
    json_t *marks = json_array();
    for (size_t i = step_known_coins(&o); i < o.coin_count; i++) {
        purse_use_key(use, &o.coins[i].from);
        json_array_append_new(
            marks, json_pack("[s, s, s, s]", use, o.id.text, "freed", "keep"));
    }
    char *more = payout_more_text(&o, step_known_coins(&o));
    json_array_append_new(marks, payout_mark(&o.id, "more", more));
    free(more); /* allowed: jansson's */
    err = pay_write(p, EVENT_LEDGER,
                    json_pack("{s:s, s:o}", "payout", o.id.text, "marks", marks));
    payout_clear(&o);
    return err;
}

/* A crash between a reserve and its decision. */
enum kz_err pay_resolve(struct payer *p)
{
    char id[STORE_PAYOUT_SIZE];
    struct payout o;
    enum kz_err err = store_undecided(id, p->store);
    if (err != KZ_OK)
        return pay_fail(p, err, "Redis is away");
    if (id[0] == '\0')
        return KZ_OK;
    size_t len = strlen(id);
    bool is_take = id[len - 1] == TAKE_MARK;
    if (is_take)
        id[len - 1] = '\0';
    err = is_take ? KZ_EMPTY : pay_find(&o, p, id);
    log_info("payout_resolved", kv_str("payout", id),
             kv_str("as", err == KZ_OK ? "reserved" : "never reserved"));
    if (is_take)
        return undo_take(p, id);
    if (err == KZ_EMPTY)
        return give_up(p, id);
    if (err != KZ_OK)
        return err;
    err = decide(p, &o.id);
    payout_clear(&o);
    return err;
}

static enum kz_err reserve_chunk(const struct run *r, struct payer *p, size_t k)
{
    const struct plan_chunk *chunk = &r->plan.chunks[k];
    struct payout o = {.has_change = chunk->has_change,
                       .change = chunk->change,
                       .planned_fee = chunk->fee};
    run_begin(&o, p, k);
    o.rate = r->rate;
    o.change_at =
        chunk->has_change
            ? (uint32_t)plan_change_position(chunk, random_number())
            : (uint32_t)chunk->recipient_count; /* where a bump would put it */
    enum kz_err err = run_next_change(&o.change_index, p);
    take_coins(&o, r, chunk->coins, chunk->coin_count);
    take_recipients(&o, r, chunk);
    if (err == KZ_OK)
        err = run_make_reserve(&o, p);
    if (err == KZ_OK)
        err = run_reserve(&o, p);
    if (err == KZ_OK)
        log_info("payout_reserved", kv_str("payout", o.id.text),
                 kv_u64("recipients", o.recipient_count),
                 kv_i64("sat", amount_to_sat(payout_debit(&o))));
    payout_clear(&o);
    return err;
}

static int by_place(const void *a, const void *b)
{
    const struct coin *x = a, *y = b;
    return tx_outpoint_compare(&x->from, &y->from);
}

enum kz_err run_reserve_self(const struct run *r, struct payer *p,
                             const struct run_self *self)
{
    struct payout o = {
        .has_change = true, .change = self->change, .planned_fee = self->fee};
    struct coin *coins = mem_copy(self->coins, self->count * sizeof(*coins));
    qsort(coins, self->count, sizeof(*coins), by_place);
    run_begin(&o, p, 0);
    o.rate = r->rate;
    take_coins(&o, r, coins, self->count);
    o.recipients = mem_array(1, sizeof(*o.recipients));
    enum kz_err err = run_next_change(&o.change_index, p);
    if (err == KZ_OK)
        err = run_reserve(&o, p);
    mem_free(coins);
    payout_clear(&o);
    return err;
}

/* --- what was reserved ------------------------------------------------------------ */

/* Has somebody's registration or address changed since the plan, or a list? A payout that
 * is not signed can still be given up whole. */
static enum kz_err look_at_recipients(char note[PAYOUT_NOTE_SIZE],
                                      const struct payer *p, const struct payout *o,
                                      const json_t *records,
                                      const struct screen *screen)
{
    for (size_t i = 0; i < o->recipient_count; i++) {
        const struct payout_recipient *to = &o->recipients[i];
        const json_t *record = json_object_get(records, to->miner.text);
        struct address address = {.script_len = to->script.len};
        char said[DUES_NOTE_SIZE];
        memcpy(address.script, to->script.b, to->script.len);
        const struct screen_case c = {.miner = to->miner.text,
                                      .address = to->address,
                                      .to = &address,
                                      .amount = to->paid,
                                      .purpose = "sign"};
        bool may = pay_may(p, record).is_paid;
        if (may && screen_ask(said, screen, &c) == SCREEN_CLEAR)
            continue;
        snprintf(note, PAYOUT_NOTE_SIZE, "%s may not be paid any more: %.120s",
                 to->miner.text, may ? said : "the registration's state");
        return KZ_RANGE;
    }
    return KZ_OK;
}

static enum kz_err sign_and_send(struct payout *o, struct payer *p,
                                 const json_t *records, const struct screen *screen)
{
    char note[PAYOUT_NOTE_SIZE];
    if (look_at_recipients(note, p, o, records, screen) != KZ_OK) {
        log_warn("payout_abandoned", kv_str("payout", o->id.text), kv_str("why", note));
        return step_abandon(o, p, note);
    }
    enum kz_err err = step_sign(o, p);
    return err == KZ_OK ? step_send(o, p) : err;
}

static bool is_to_finish(const struct payout *o, const struct payer *p)
{
    return o->state == PAYOUT_RESERVED && pay_is_ours(o, p);
}

static enum kz_err read_records(json_t **registry, json_t **records, struct payer *p)
{
    json_t *one;
    size_t i;
    if (store_read_registry(registry, p->store) != KZ_OK)
        return pay_fail(p, KZ_IO, "the registry could not be read");
    *records = json_object();
    json_array_foreach(json_object_get(*registry, "miners"), i, one)
    {
        const char *id = record_text(one, "miner_id");
        if (id != NULL)
            json_object_set(*records, id, one);
    }
    return KZ_OK;
}

static size_t count_to_finish(const struct payout_list *l, const struct payer *p)
{
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++)
        n += is_to_finish(&l->rows[i], p);
    return n;
}

enum kz_err run_unlock(struct payer *p, const struct run_order *order)
{
    char why[WALLET_WHY_SIZE];
    if (order->is_offline)
        return KZ_OK;
    if (!wallet_can_sign(p->wallet))
        return pay_fail(p, KZ_RANGE,
                        "payout.wallet.key_file is not set: what is reserved can be "
                        "exported (kariz-payout export), not signed here");
    enum kz_err err = wallet_unlock(p->wallet, why, order->passphrase);
    return err == KZ_OK ? KZ_OK : pay_fail(p, KZ_RANGE, "%s", why);
}

static enum kz_err finish_list(struct payout_list *l, struct payer *p,
                               struct run_order *order, size_t all)
{
    json_t *registry = NULL, *records = NULL;
    struct screen *screen = NULL;
    size_t given_up = 0;
    enum kz_err err = read_records(&registry, &records, p);
    if (err == KZ_OK)
        err = screen_open(&screen, p);
    if (err == KZ_OK && store_settle(p->store) == KZ_IO)
        err = pay_fail(p, KZ_IO, "Redis did not say that its file is synced");
    FAULT_POINT("settled");
    for (size_t i = 0, done = 0; i < l->count && err == KZ_OK; i++) {
        if (!is_to_finish(&l->rows[i], p))
            continue;
        err = pay_hold_lease(p);
        if (err == KZ_OK)
            err = sign_and_send(&l->rows[i], p, records, screen);
        given_up += l->rows[i].state == PAYOUT_ABANDONED;
        order->paid += err == KZ_OK && l->rows[i].state != PAYOUT_ABANDONED;
        if (err == KZ_OK && order->on_progress != NULL)
            order->on_progress(order->ctx, ++done, all);
    }
    if (err == KZ_OK && given_up > 0)
        err = pay_fail(p, KZ_BUSY,
                       "%zu payout%s given up before a signature, for a payee that may "
                       "not be paid any more: kariz-payout list says who; the next run "
                       "plans anew",
                       given_up, given_up == 1 ? " was" : "s were");
    screen_close(screen);
    json_decref(records);
    json_decref(registry);
    return err;
}

enum kz_err run_finish(struct payer *p, struct run_order *order)
{
    struct payout_list l = {.count = 0};
    enum kz_err err = pay_list(&l, p, PAY_OPEN);
    if (err != KZ_OK)
        return err;
    size_t all = count_to_finish(&l, p);
    if (all > 0 && !order->is_offline) {
        err = run_unlock(p, order);
        if (err == KZ_OK)
            err = finish_list(&l, p, order, all);
        wallet_lock(p->wallet);
    }
    payout_list_clear(&l);
    return err;
}

/* --- the whole -------------------------------------------------------------------- */

static enum kz_err look_at_plan(const struct run *r, struct payer *p,
                                const struct run_order *order)
{
    static const struct {
        unsigned cap;
        const char *name;
    } caps[] = {{PLAN_CAP_PAYOUT, "payout.cap.payout"},
                {PLAN_CAP_RUN, "payout.cap.run"},
                {PLAN_CAP_DAY, "payout.cap.day"}};
    if (r->plan.chunk_count == 0)
        return pay_fail(p, KZ_EMPTY,
                        "nobody can be paid now: kariz-payout plan says why");
    for (size_t i = 0; i < 3; i++)
        if ((r->plan.caps_exceeded & caps[i].cap) != 0 && !order->is_confirmed)
            return pay_fail(
                p, KZ_BUSY,
                "%s is exceeded: look at kariz-payout plan, then say --confirm",
                caps[i].name);
    return KZ_OK;
}

static size_t count_short(const struct plan *plan)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->wait_count; i++)
        n += plan->waits[i].reason == PLAN_NO_COINS;
    return n;
}

static enum kz_err reserve_all(const struct run *r, struct payer *p)
{
    enum kz_err err = KZ_OK;
    for (size_t k = 0; k < r->plan.chunk_count && err == KZ_OK; k++) {
        err = pay_hold_lease(p);
        if (err == KZ_OK && !pay_is_current(p))
            err = pay_fail(p, KZ_IO, "Redis went away meanwhile");
        if (err == KZ_OK)
            err = reserve_chunk(r, p, k);
    }
    return err;
}

/* After an error a reserve may be undecided: nothing is signed before it is. `p->why`
 * stays that of the error. */
static enum kz_err finish_after(struct payer *p, struct run_order *order,
                                enum kz_err ended)
{
    char why[PAY_TEXT_SIZE];
    memcpy(why, p->why, sizeof(why));
    enum kz_err err = ended == KZ_IO ? pay_look_again(p) : KZ_OK;
    if (err == KZ_OK)
        err = pay_resolve(p);
    if (err == KZ_OK)
        err = run_finish(p, order);
    if (ended != KZ_OK)
        memcpy(p->why, why, sizeof(why));
    return err;
}

enum kz_err run_pay(struct payer *p, struct run_order *order)
{
    struct run r = {.free_count = 0};
    enum kz_err err = gate_pass(p);
    if (err == KZ_OK)
        err = run_draft(&r, p);
    order->short_of_coins = count_short(&r.plan);
    if (err == KZ_OK)
        err = look_at_plan(&r, p, order);
    if (err == KZ_OK) /* before anything is reserved */
        err = run_unlock(p, order);
    FAULT_POINT("planned");
    if (err == KZ_OK)
        err = reserve_all(&r, p);
    run_clear(&r);
    /* What was reserved before an error is carried out all the same. */
    enum kz_err finished = p->has_lease ? finish_after(p, order, err) : KZ_OK;
    wallet_lock(p->wallet);
    return err != KZ_OK ? err : finished;
}
