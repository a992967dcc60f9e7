/* A payout made again: at a higher fee, or called off. */
#include "pool/pay/run.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "payout/bump.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what the node asks of a replacement ------------------------------------------ */

static struct feerate greater(struct feerate a, struct feerate b)
{
    return feerate_compare(a, b) > 0 ? a : b;
}

/* At least what the node takes and what it asks above the old rate. */
static struct feerate wanted_rate(const struct chain_rates *rates,
                                  const struct payout_version *old,
                                  struct feerate asked, const struct payer *p)
{
    struct feerate rate = asked, old_rate = fee_rate_of(old->fee, old->vsize);
    if (rate.sat_per_kvb == 0)
        rate = rates->estimate.sat_per_kvb > 0 ? rates->estimate
                                               : pay_rate(p->conf->pay.fee_fallback);
    rate = greater(rate, rates->minimum);
    int64_t least = old_rate.sat_per_kvb + rates->increment.sat_per_kvb;
    return greater(rate, pay_rate(least < FEERATE_MAX ? least : FEERATE_MAX));
}

static enum kz_err rules_of(struct bump_rules *out, const struct payout *o,
                            struct payer *p, struct feerate asked)
{
    struct chain_rates rates;
    const struct payout_version *old = &o->versions[o->version_count - 1];
    if (chain_rates(&rates, p->chain, p->conf->pay.fee_target) != KZ_OK)
        return pay_fail(p, KZ_IO, "the node did not say what fees it takes");
    *out =
        (struct bump_rules){.coins = {.rate = wanted_rate(&rates, old, asked, p),
                                      .dust_rate = pay_rate(FEERATE_DUST),
                                      .maturity = p->conf->payout.maturity,
                                      .any_r = !wallet_can_sign(p->wallet),
                                      .change = wallet_form(p->wallet, WALLET_CHANGE),
                                      .vsize_max = PLAN_VSIZE_MAX},
                            .incremental = rates.increment,
                            .ceiling = pay_rate(p->conf->pay.fee_ceiling),
                            .old_fee = old->fee,
                            .old_vsize = old->vsize,
                            .evicted_fee = old->fee,
                            .evicted_count = 1};
    return KZ_OK;
}

static void size_of(struct txsize *out, const struct payout *o, const struct tx *t,
                    const struct payer *p)
{
    *out = (struct txsize){.inputs = 0};
    for (size_t i = 0; i < t->input_count; i++) {
        const struct payout_coin *c = step_coin_of(o, &t->inputs[i].from);
        if (c != NULL)
            txsize_add_input(out, wallet_form(p->wallet, c->place.branch), false);
    }
    for (size_t i = 0; i < t->output_count; i++)
        txsize_add_output(out, t->outputs[i].script.len);
}

/* --- coins beside those planned --------------------------------------------------- */

static void append_coins(struct payout *o, const struct purse *u,
                         const struct coin *coins, size_t count)
{
    o->coins = mem_resize(o->coins, (o->coin_count + count) * sizeof(*o->coins));
    for (size_t i = 0; i < count; i++) {
        const struct purse_coin *c = purse_find(u, &coins[i].from);
        assert(c != NULL); /* they come from there */
        o->coins[o->coin_count++] = purse_payout_coin(c);
    }
}

/* They are taken as a reserve takes coins: only if they are free and the lease ours. */
static enum kz_err take_more(struct payout *o, struct payer *p, const struct purse *u,
                             const struct coin *coins, size_t count)
{
    append_coins(o, u, coins, count);
    return run_take_coins(o, p, o->coin_count - count);
}

/* --- raising a fee ---------------------------------------------------------------- */

static enum kz_err say_verdict(const struct payout *o, struct payer *p,
                               enum bump_verdict v)
{
    return pay_fail(p, KZ_BUSY, "payout %s: %s", o->id.text, bump_verdict_text(v));
}

static void describe_old(struct bump_old *out, const struct payout *o,
                         const struct tx *old, const struct payer *p)
{
    const struct payout_version *v = &o->versions[o->version_count - 1];
    size_of(&out->size, o, old, p);
    out->has_change = v->has_change;
    out->change = v->has_change ? old->outputs[o->change_at].value : amount_zero();
}

static enum kz_err replace_with(struct payout *o, struct payer *p, const struct tx *old,
                                const struct bump *b, const struct coin *coins)
{
    struct descriptor_output change;
    struct tx t;
    enum kz_err err = step_change(&change, o, p);
    if (err != KZ_OK)
        return pay_fail(p, err, "payout %s: no change address", o->id.text);
    const struct bytes script = script_bytes(&change.script);
    bool has_change = o->versions[o->version_count - 1].has_change;
    bump_build_tx(&t, old, b, coins, o->change_at, has_change ? NULL : &script);
    err = step_sign_tx(&t, o, p);
    if (err == KZ_OK)
        err = step_keep(o, p, &t, VERSION_BUMPS);
    tx_clear(&t);
    return err == KZ_OK ? step_send(o, p) : err;
}

static enum kz_err raise_with(struct payout *o, struct payer *p,
                              const struct bump_rules *rules, const struct purse *u)
{
    struct bump_old old = {.has_change = false};
    struct bump b;
    struct tx t;
    size_t *places, count;
    struct coin *free_coins = purse_free(&places, &count, u);
    struct coin *coins = mem_array(count + 1, sizeof(*coins));
    count = coins_candidates(coins, free_coins, count, &rules->coins);
    step_version_tx(&t, &o->versions[o->version_count - 1]);
    describe_old(&old, o, &t, p);
    enum kz_err err = KZ_OK;
    enum bump_verdict v = bump_replace(&b, &old, rules, coins, count);
    if (v != BUMP_GO)
        err = say_verdict(o, p, v);
    if (err == KZ_OK && b.added > 0)
        err = take_more(o, p, u, coins, b.added);
    if (err == KZ_OK)
        err = replace_with(o, p, &t, &b, coins);
    if (err == KZ_OK)
        log_info("payout_bumped", kv_str("payout", o->id.text),
                 kv_i64("fee_sat", amount_to_sat(b.fee)),
                 kv_i64("sat_per_kvb", b.rate.sat_per_kvb), kv_u64("added", b.added));
    tx_clear(&t);
    mem_free(coins);
    mem_free(free_coins);
    mem_free(places);
    return err;
}

static enum kz_err may_be_replaced(const struct payout *o, struct payer *p)
{
    if (o->state != PAYOUT_BROADCAST && o->state != PAYOUT_SIGNED)
        return pay_fail(p, KZ_RANGE, "payout %s is %s: its fee cannot be raised",
                        o->id.text, payout_state_name(o->state));
    if (o->seen.height > 0)
        return pay_fail(p, KZ_RANGE, "payout %s is in the chain already", o->id.text);
    return KZ_OK;
}

enum kz_err bump_payout(struct payout *o, struct payer *p, struct feerate rate)
{
    struct bump_rules rules;
    struct purse u = {.count = 0};
    enum kz_err err = may_be_replaced(o, p);
    if (err == KZ_OK && o->versions[o->version_count - 1].why == VERSION_CANCELS)
        return bump_cancel_payout(o, p, NULL);
    if (err == KZ_OK)
        err = rules_of(&rules, o, p, rate);
    if (err == KZ_OK)
        err = purse_read(&u, p);
    if (err == KZ_OK)
        err = raise_with(o, p, &rules, &u);
    purse_clear(&u);
    return err;
}

/* --- when it is late -------------------------------------------------------------- */

/* The first after bump_after blocks, then after three times as many each. */
static uint32_t patience_of(const struct payout *o, uint32_t bump_after)
{
    uint64_t blocks = bump_after;
    for (size_t i = 1; i < o->version_count && blocks < 100000; i++)
        blocks += (uint64_t)bump_after * 3;
    return (uint32_t)blocks;
}

bool bump_is_late(const struct payout *o, const struct payer *p)
{
    uint32_t tip = chain_tip(p->chain).height, after = p->conf->pay.bump_after;
    return after > 0 && tip >= o->height + patience_of(o, after);
}

bool bump_is_too_cheap(const struct payout *o)
{
    const char *low = chain_sent_name(CHAIN_FEE_LOW),
               *bump_low = chain_sent_name(CHAIN_BUMP_LOW);
    return strncmp(o->note, low, strlen(low)) == 0 ||
           strncmp(o->note, bump_low, strlen(bump_low)) == 0;
}

/* What the node said of its fee says more, and comes again each time it is sent. */
static enum kz_err say_late(struct payout *o, struct payer *p, const char *why)
{
    char note[PAYOUT_NOTE_SIZE];
    snprintf(note, sizeof(note), "late: %.200s", why);
    return bump_is_too_cheap(o) ? KZ_OK : step_state(o, p, o->state, note, NULL);
}

/* Without the key it is only said. What stops a bump stops nobody else's payout. */
enum kz_err bump_late(struct payout *o, struct payer *p)
{
    char why[WALLET_WHY_SIZE];
    if (!wallet_can_sign(p->wallet) || p->passphrase == NULL)
        return say_late(o, p, "its fee should be raised");
    if (wallet_unlock(p->wallet, why, p->passphrase) != KZ_OK)
        return say_late(o, p, "the key cannot be opened");
    enum kz_err err = bump_payout(o, p, pay_rate(0));
    wallet_lock(p->wallet);
    return err == KZ_BUSY || err == KZ_RANGE ? say_late(o, p, p->why) : err;
}

/* --- calling it off --------------------------------------------------------------- */

static void coins_of(struct coin *out, const struct payout *o, const struct payer *p)
{
    for (size_t i = 0; i < o->coin_count; i++)
        out[i] = (struct coin){.from = o->coins[i].from,
                               .value = o->coins[i].value,
                               .form = wallet_form(p->wallet, o->coins[i].place.branch),
                               .confirmations = p->conf->payout.maturity,
                               .is_coinbase = false};
}

static enum kz_err send_cancel(struct payout *o, struct payer *p, struct tx *t)
{
    enum kz_err err = step_sign_tx(t, o, p);
    if (err == KZ_OK)
        err = step_keep(o, p, t, VERSION_CANCELS);
    return err == KZ_OK ? step_send(o, p) : err;
}

static enum kz_err cancel_with(struct payout *o, struct payer *p, const struct bump *b,
                               const struct coin *coins, const char *psbt_dir)
{
    struct descriptor_output back;
    struct tx t;
    enum kz_err err = step_change(&back, o, p);
    if (err != KZ_OK)
        return pay_fail(p, err, "payout %s: no change address", o->id.text);
    bump_build_cancel(&t, b, coins, script_bytes(&back.script),
                      chain_tip(p->chain).height);
    err = psbt_dir != NULL ? psbt_export_cancel(o, p, &t, psbt_dir)
                           : send_cancel(o, p, &t);
    tx_clear(&t);
    return err;
}

/* One that went out to be signed has no version of ours: its fee is what was planned. */
static enum kz_err rules_to_cancel(struct bump_rules *out, struct payout *o,
                                   struct payer *p)
{
    bool has_version = o->version_count > 0;
    if (!has_version) /* its rate does not matter, its fee does */
        o->versions[o->version_count++] =
            (struct payout_version){.fee = o->planned_fee, .vsize = PLAN_VSIZE_MAX};
    enum kz_err err = rules_of(out, o, p, pay_rate(0));
    if (!has_version)
        o->version_count = 0;
    return err;
}

enum kz_err bump_cancel_payout(struct payout *o, struct payer *p, const char *psbt_dir)
{
    struct bump_rules rules;
    struct bump b;
    if (o->state == PAYOUT_RESERVED && pay_is_ours(o, p))
        return step_abandon(o, p, "given up by an operator");
    /* Another's reserve may be signed at this moment, as one that was exported. */
    bool may_be_signed = o->state == PAYOUT_RESERVED || o->state == PAYOUT_EXPORTED;
    enum kz_err err = may_be_signed ? KZ_OK : may_be_replaced(o, p);
    if (err == KZ_OK)
        err = rules_to_cancel(&rules, o, p);
    if (err != KZ_OK)
        return err;
    struct coin *coins = mem_array(o->coin_count, sizeof(*coins));
    coins_of(coins, o, p);
    enum bump_verdict v = bump_cancel(&b, &rules, coins, o->coin_count);
    err = v == BUMP_GO ? cancel_with(o, p, &b, coins, psbt_dir) : say_verdict(o, p, v);
    mem_free(coins);
    return err;
}
