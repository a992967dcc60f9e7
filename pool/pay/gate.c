#include "pool/pay/payer.h"

#include "pool/inquiry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- the proof's questions to the node -------------------------------------------- */

static enum kz_err ask_coin(void *ctx, struct inquiry_coin *out,
                            const struct hash256 *txid, uint32_t vout,
                            const char *script_hex)
{
    struct payer *p = ctx;
    struct tx_outpoint o = {.txid = *txid, .vout = vout};
    struct chain_coin coin;
    char hex[2 * sizeof(coin.script) + 1];
    enum kz_err err = chain_txout(&coin, p->chain, &o, false);
    if (err != KZ_OK)
        return err;
    hex_encode(hex, coin.script, coin.script_len);
    *out = (struct inquiry_coin){.is_unspent = coin.is_unspent,
                                 .value_sat = amount_to_sat(coin.value),
                                 .script_fits = coin.script_len == 0 ||
                                                script_hex[0] == '\0' ||
                                                strcmp(hex, script_hex) == 0};
    return KZ_OK;
}

static enum kz_err ask_confirmations(void *ctx, int64_t *out,
                                     const struct hash256 *block)
{
    struct payer *p = ctx;
    return chain_confirmations(out, p->chain, block);
}

enum kz_err gate_prove(struct payer *p)
{
    const struct inquiry_node node = {p, ask_coin, ask_confirmations};
    const struct inquiry_parts parts = {
        .store = p->store, .conf = p->conf, .node = &node};
    char text[INQUIRY_TEXT_SIZE];
    json_t *proof = NULL;
    enum kz_err err = inquiry_prove(&proof, text, &parts);
    if (err != KZ_OK)
        return pay_fail(p, err, "the ledger could not be proved: %s", text);
    const char *last = json_string_value(json_object_get(proof, "last"));
    if (!json_is_true(json_object_get(proof, "ok")))
        err =
            pay_fail(p, KZ_RANGE, "%s", last != NULL ? last : "ledger verify: FAILED");
    json_decref(proof);
    return err;
}

/* --- payouts that wait for a person ----------------------------------------------- */

static enum kz_err look_at_payouts(struct payer *p)
{
    struct payout_list l = {.count = 0};
    enum kz_err err = pay_list(&l, p, PAY_OPEN);
    for (size_t i = 0; err == KZ_OK && i < l.count; i++) {
        const struct payout *o = &l.rows[i];
        if (o->state == PAYOUT_CONFLICTED || strncmp(o->note, "refused", 7) == 0)
            err = pay_fail(p, KZ_RANGE, "payout %s is %s (%s): a person has to decide",
                           o->id.text, payout_state_name(o->state), o->note);
    }
    payout_list_clear(&l);
    return err;
}

/* --- a lease that another journal did not give back -------------------------------- */

/* Its holder may have paid what Redis has lost, from a journal that cannot be read. If it
 * has, the coins do not agree as soon as that is in the chain: so they have to agree at
 * two heights (accounting section 9). Two marks of fence:{ledger} remember it: "taken",
 * the token and the first height; "proved", the token once the second proof passed. */
static enum kz_err read_fence(char out[PAY_TEXT_SIZE], struct payer *p,
                              const char *field)
{
    json_t *text = NULL;
    enum kz_err err = store_read_field(&text, p->store, KEY_FENCE, field);
    snprintf(out, PAY_TEXT_SIZE, "%s", err == KZ_OK ? json_string_value(text) : "");
    json_decref(text);
    return err == KZ_OK || err == KZ_EMPTY ? KZ_OK : pay_fail(p, err, "Redis is away");
}

static enum kz_err note_fence(struct payer *p, const char *field, const char *value)
{
    return pay_write(
        p, EVENT_LEDGER,
        json_pack("{s:[[s, s, s, s]]}", "marks", "fence", field, value, "keep"));
}

static enum kz_err say_taken(struct payer *p, uint64_t height)
{
    return pay_fail(p, KZ_BUSY,
                    "the lease was taken over from another journal (%s) that did not "
                    "give it back: the ledger is proved at height %" PRIu64
                    ", and nothing is reserved before it is at another",
                    p->lease.over, height);
}

enum kz_err gate_is_proved(struct payer *p)
{
    char proved[PAY_TEXT_SIZE], taken[PAY_TEXT_SIZE];
    if (p->lease.over[0] == '\0')
        return KZ_OK;
    enum kz_err err = read_fence(proved, p, "proved");
    if (err == KZ_OK)
        err = read_fence(taken, p, "taken");
    if (err != KZ_OK || strcmp(proved, p->lease.over) == 0)
        return err;
    size_t len = strlen(p->lease.over);
    bool is_it = strncmp(taken, p->lease.over, len) == 0 && taken[len] == ' ';
    return say_taken(p, is_it ? decimal_of(taken + len + 1) : 0);
}

/* The proof has just passed. */
static enum kz_err look_at_takeover(struct payer *p)
{
    char taken[PAY_TEXT_SIZE], now[PAY_TEXT_SIZE];
    uint64_t tip = chain_tip(p->chain).height;
    size_t len = strlen(p->lease.over);
    if (gate_is_proved(p) == KZ_OK)
        return KZ_OK;
    enum kz_err err = read_fence(taken, p, "taken");
    if (err != KZ_OK)
        return err;
    bool is_first = strncmp(taken, p->lease.over, len) != 0 || taken[len] != ' ';
    if (is_first) {
        snprintf(now, sizeof(now), "%s %" PRIu64, p->lease.over, tip);
        err = note_fence(p, "taken", now);
        return err == KZ_OK ? say_taken(p, tip) : err;
    }
    uint64_t height = decimal_of(taken + len + 1);
    return tip > height ? note_fence(p, "proved", p->lease.over) : say_taken(p, height);
}

/* After Redis has lost data, or before karizd has come to it, what it says of balances and
 * registrations may be of yesterday: consistent, and not true any more. */
static enum kz_err look_at_instances(struct payer *p)
{
    char instance[33];
    enum kz_err err = store_all_are_ready(instance, p->store);
    if (err == KZ_BUSY && instance[0] == '\0')
        return pay_fail(p, err, "no karizd has written to this Redis");
    if (err == KZ_BUSY)
        return pay_fail(p, err,
                        "instance %s has not said yet that this Redis has all of its "
                        "journal: it does once its karizd runs",
                        instance);
    return err == KZ_OK ? KZ_OK : pay_fail(p, err, "Redis is away");
}

enum kz_err gate_pass(struct payer *p)
{
    struct purse u = {.count = 0};
    enum kz_err err = pay_hold_lease(p);
    if (err == KZ_OK)
        err = pay_look_again(p);
    if (err == KZ_OK)
        err = look_at_instances(p);
    if (err == KZ_OK && chain_refresh(p->chain) != KZ_OK)
        err = pay_fail(p, KZ_IO, "%s", chain_why(p->chain));
    if (err == KZ_OK)
        err = look_at_payouts(p);
    if (err == KZ_OK)
        err = gate_prove(p);
    if (err == KZ_OK)
        err = purse_read(&u, p);
    if (err == KZ_OK)
        err = purse_check(&u, p);
    if (err == KZ_OK)
        err = look_at_takeover(p);
    purse_clear(&u);
    if (err == KZ_OK && !pay_is_current(p))
        err = pay_fail(p, KZ_IO, "Redis went away meanwhile: nothing was begun");
    return err;
}
