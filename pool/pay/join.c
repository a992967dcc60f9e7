/* Payments of the pool to itself: many small coins into one, and a child that helps its
 * parent confirm. Both are payouts without recipients: only their fee is booked. */
#include "pool/pay/run.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "payout/bump.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- joining ---------------------------------------------------------------------- */

static enum kz_err choose_coins(struct coins_choice *choice, struct coin **coins,
                                size_t *count, struct run *r, struct payer *p)
{
    const struct conf_pay *pay = &p->conf->pay;
    *coins = mem_array(r->free_count + 1, sizeof(**coins));
    *count = coins_candidates(*coins, r->free_coins, r->free_count, &r->terms.coins);
    if (*count <= pay->coins_max)
        return pay_fail(p, KZ_EMPTY, "%zu coins are not more than payout.coins_max",
                        *count);
    if (r->rate.sat_per_kvb >= pay->consolidate_below)
        return pay_fail(p, KZ_EMPTY,
                        "%" PRId64 " satoshi per kvB is not below "
                        "payout.consolidate_below",
                        r->rate.sat_per_kvb);
    if (coins_consolidate(choice, *coins, *count, pay->coins_max, &r->terms.coins) !=
        KZ_OK)
        return pay_fail(p, KZ_EMPTY, "the small coins are not worth joining");
    return KZ_OK;
}

enum kz_err run_join(struct payer *p, struct run_order *order)
{
    struct run r = {.free_count = 0};
    struct coins_choice choice;
    struct coin *coins = NULL;
    size_t count = 0;
    enum kz_err err = gate_pass(p);
    if (err == KZ_OK)
        err = run_draft(&r, p);
    if (err == KZ_OK)
        err = choose_coins(&choice, &coins, &count, &r, p);
    if (err == KZ_OK)
        err = run_unlock(p, order);
    if (err == KZ_OK) {
        const struct run_self self = {.coins = coins + count - choice.count,
                                      .count = choice.count,
                                      .change = choice.change,
                                      .fee = choice.fee};
        err = run_reserve_self(&r, p, &self);
    }
    mem_free(coins);
    run_clear(&r);
    if (err == KZ_OK)
        err = run_finish(p, order);
    wallet_lock(p->wallet);
    return err;
}

/* --- a child ---------------------------------------------------------------------- */

static enum kz_err parent_of(struct bump_parent *parent, struct coin *coin,
                             const struct payout *o, struct payer *p)
{
    const struct payout_version *v;
    struct tx t;
    bool in_mempool = false;
    if (o->state != PAYOUT_BROADCAST || o->seen.height > 0 || o->version_count == 0)
        return pay_fail(p, KZ_RANGE,
                        "payout %s is %s: a child helps only what waits in "
                        "the mempool",
                        o->id.text, payout_state_name(o->state));
    v = &o->versions[o->version_count - 1];
    if (!v->has_change || v->why == VERSION_CANCELS)
        return pay_fail(p, KZ_RANGE, "payout %s has no change that a child could spend",
                        o->id.text);
    if (chain_is_in_mempool(&in_mempool, p->chain, &v->txid) != KZ_OK || !in_mempool)
        return pay_fail(p, KZ_RANGE,
                        "payout %s: its newest version is not in the "
                        "node's mempool",
                        o->id.text);
    step_version_tx(&t, v);
    *parent = (struct bump_parent){
        .fee = v->fee, .vsize = v->vsize, .change = t.outputs[o->change_at].value};
    *coin = (struct coin){.from = {.txid = v->txid, .vout = o->change_at},
                          .value = parent->change,
                          .form = wallet_form(p->wallet, WALLET_CHANGE)};
    tx_clear(&t);
    return KZ_OK;
}

/* The parent's change is no coin of the purse yet. */
static void put_in_purse(struct run *r, const struct payout *o, const struct coin *coin,
                         const struct payer *p)
{
    struct descriptor_output out;
    const struct wallet_place place = {WALLET_CHANGE, o->change_index};
    struct purse_coin *c = purse_add(&r->purse);
    c->coin = *coin;
    c->place = place;
    c->is_ours = wallet_output(&out, p->wallet, &place) == KZ_OK;
    c->script = out.script;
}

enum kz_err run_child(struct payer *p, struct run_order *order, const struct payout *o)
{
    struct run r = {.free_count = 0};
    struct bump_parent parent;
    struct bump_child child;
    struct coin coin;
    enum kz_err err = parent_of(&parent, &coin, o, p);
    if (err == KZ_OK)
        err = gate_pass(p);
    if (err == KZ_OK)
        err = run_draft(&r, p);
    if (err == KZ_OK) {
        enum bump_verdict v =
            bump_child(&child, &parent, r.rates.minimum, &r.terms.coins);
        if (v != BUMP_GO)
            err =
                pay_fail(p, KZ_BUSY, "payout %s: %s", o->id.text, bump_verdict_text(v));
    }
    if (err == KZ_OK)
        err = run_unlock(p, order);
    if (err == KZ_OK) {
        const struct run_self self = {
            .coins = &coin, .count = 1, .change = child.value, .fee = child.fee};
        put_in_purse(&r, o, &coin, p);
        err = run_reserve_self(&r, p, &self);
    }
    run_clear(&r);
    if (err == KZ_OK)
        err = run_finish(p, order);
    wallet_lock(p->wallet);
    return err;
}
