/* When journal and Redis are lost together and a backup is all there is: what the pool's
 * coins were spent for since then is read from the chain, and becomes payouts again
 * (accounting section 9, case C15).
 *
 * A transaction counts as ours when every input is a coin of ours; each of its outputs
 * must be change of this wallet or go to an address that a miner has registered. Anything
 * else is for a person. What comes out is reserved, kept and followed like any payout, so
 * a balance that is too small for it stops it with a line that says whose. */
#include "pool/pay/recover.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "pool/registry/registry_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHANGE_LOOK 1000 /* indices beyond the last that is known */

/* A transaction that spent lost coins, and where it is. */
struct found {
    struct tx tx;
    uint32_t height;
    struct hash256 block;
};

struct recovery {
    struct payer *p;
    struct purse purse;
    json_t *owners; /* script hex -> miner id */
    struct found *found;
    size_t count, room;
    uint32_t height; /* that is walked */
    struct hash256 block;
    uint32_t next_change;
};

/* --- what is lost ----------------------------------------------------------------- */

/* Coins that the ledger has and the chain has not are marked by `is_spent`; `*lowest` is
 * the height of the oldest. KZ_EMPTY: none. */
static enum kz_err find_lost(uint32_t *lowest, struct recovery *r)
{
    struct chain_coin there;
    enum kz_err err = KZ_OK;
    size_t lost = 0;
    *lowest = UINT32_MAX;
    for (size_t i = 0; i < r->purse.count && err == KZ_OK; i++) {
        struct purse_coin *c = &r->purse.coins[i];
        if (c->is_held || c->is_spent)
            continue;
        err = chain_txout(&there, r->p->chain, &c->coin.from, false);
        if (err != KZ_OK || there.is_unspent)
            continue;
        c->is_held = true; /* it is looked for */
        lost++;
        if (c->height < *lowest)
            *lowest = c->height;
    }
    if (err != KZ_OK)
        return pay_fail(r->p, KZ_IO, "the node could not say which coins are unspent");
    return lost > 0 ? KZ_OK
                    : pay_fail(r->p, KZ_EMPTY,
                               "every coin of the ledger is unspent on "
                               "the chain: nothing is to be recovered");
}

/* --- what spent it ---------------------------------------------------------------- */

static bool is_looked_for(struct recovery *r, const struct tx *t)
{
    for (size_t i = 0; i < t->input_count; i++) {
        const struct purse_coin *c = purse_find(&r->purse, &t->inputs[i].from);
        if (c != NULL && c->is_held && c->payout[0] == '\0')
            return true;
    }
    return false;
}

/* Where an output is change. KZ_EMPTY: it is not. */
static enum kz_err find_change(struct wallet_place *place, const struct recovery *r,
                               struct bytes script)
{
    for (uint32_t i = 0; i < r->next_change + CHANGE_LOOK; i++) {
        *place = (struct wallet_place){WALLET_CHANGE, i};
        if (wallet_is_at(r->p->wallet, place, script))
            return KZ_OK;
    }
    return KZ_EMPTY;
}

/* Change may have been spent again since: it is a coin to look for, too. */
static void expect_change(struct recovery *r, const struct tx *t)
{
    for (size_t i = 0; i < t->output_count; i++) {
        const struct tx_output *o = &t->outputs[i];
        struct wallet_place place;
        struct bytes script = {o->script.p, o->script.len};
        if (script.len > SCRIPT_MULTISIG_MAX || find_change(&place, r, script) != KZ_OK)
            continue;
        struct purse_coin *c = purse_add(&r->purse);
        tx_id(&c->coin.from.txid, t);
        c->coin.from.vout = (uint32_t)i;
        c->coin.value = o->value;
        c->place = place;
        c->is_ours = c->is_held = true;
        c->height = r->height;
        memcpy(c->script.b, script.p, script.len);
        c->script.len = script.len;
    }
}

static bool look_at_tx(void *ctx, const struct tx *t)
{
    struct recovery *r = ctx;
    if (!is_looked_for(r, t))
        return true;
    if (r->count == r->room) {
        r->room = r->room > 0 ? 2 * r->room : 8;
        r->found = mem_resize(r->found, r->room * sizeof(*r->found));
    }
    struct found *f = &r->found[r->count++];
    tx_copy(&f->tx, t);
    f->height = r->height;
    f->block = r->block;
    expect_change(r, t);
    return true;
}

static enum kz_err walk_chain(struct recovery *r, uint32_t lowest)
{
    uint32_t tip = chain_tip(r->p->chain).height;
    enum kz_err err = KZ_OK;
    for (r->height = lowest; r->height <= tip && err == KZ_OK; r->height++) {
        err = chain_block_hash(&r->block, r->p->chain, r->height);
        if (err == KZ_OK)
            err = chain_block_walk(r->p->chain, &r->block, look_at_tx, r);
    }
    return err == KZ_OK ? KZ_OK
                        : pay_fail(r->p, KZ_IO, "the node did not give block %" PRIu32,
                                   r->height - 1);
}

/* --- whose it is ------------------------------------------------------------------ */

static void add_owner(json_t *owners, const char *miner, const char *text,
                      const struct network *network)
{
    struct address a;
    struct address_problem problem;
    char hex[2 * ADDRESS_SCRIPT_MAX + 1];
    if (text == NULL ||
        address_parse(&a, &problem, network, text, strlen(text)) != KZ_OK)
        return;
    hex_encode(hex, a.script, a.script_len);
    json_object_set_new(owners, hex, json_pack("[s, s]", miner, text));
}

/* Also addresses that have ended since. */
static enum kz_err read_owners(struct recovery *r)
{
    json_t *registry = NULL, *record, *address;
    size_t i, k;
    if (store_read_registry(&registry, r->p->store) != KZ_OK)
        return pay_fail(r->p, KZ_IO, "the registry could not be read");
    json_array_foreach(json_object_get(registry, "miners"), i, record)
    {
        const char *miner = record_text(record, "miner_id");
        json_array_foreach(json_object_get(record, "payout_addresses"), k, address)
        {
            if (miner != NULL)
                add_owner(r->owners, miner,
                          json_string_value(json_object_get(address, "address")),
                          r->p->network);
        }
    }
    json_decref(registry);
    return KZ_OK;
}

static bool take_recipient(struct payout *o, const struct recovery *r, uint32_t vout,
                           const struct tx_output *out)
{
    char hex[2 * ADDRESS_SCRIPT_MAX + 1];
    struct payout_recipient *to = &o->recipients[o->recipient_count];
    if (out->script.len > ADDRESS_SCRIPT_MAX)
        return false;
    hex_encode(hex, out->script.p, out->script.len);
    const json_t *owner = json_object_get(r->owners, hex);
    const char *miner = json_string_value(json_array_get(owner, 0));
    if (miner == NULL || miner_id_parse(&to->miner, miner, strlen(miner)) != KZ_OK)
        return false;
    to->debit = to->paid = out->value;
    to->vout = vout;
    memcpy(to->script.b, out->script.p, out->script.len);
    to->script.len = out->script.len;
    snprintf(to->address, sizeof(to->address), "%s",
             json_string_value(json_array_get(owner, 1)));
    o->recipient_count++;
    return true;
}

static enum kz_err take_outputs(struct payout *o, struct recovery *r,
                                const struct found *f, const char *txid)
{
    o->recipients = mem_array(f->tx.output_count + 1, sizeof(*o->recipients));
    for (uint32_t i = 0; i < f->tx.output_count; i++) {
        const struct tx_output *out = &f->tx.outputs[i];
        struct wallet_place place;
        if (take_recipient(o, r, i, out))
            continue;
        if (o->has_change ||
            find_change(&place, r, (struct bytes){out->script.p, out->script.len}) !=
                KZ_OK)
            return pay_fail(r->p, KZ_RANGE,
                            "%s: output %" PRIu32
                            " pays nobody who is registered and is "
                            "no change of this wallet: a person has to look",
                            txid, i);
        o->has_change = true;
        o->change = out->value;
        o->change_at = i;
        o->change_index = place.index;
    }
    return KZ_OK;
}

static enum kz_err take_inputs(struct payout *o, struct recovery *r,
                               const struct found *f, const char *txid)
{
    o->coins = mem_array(f->tx.input_count, sizeof(*o->coins));
    for (size_t i = 0; i < f->tx.input_count; i++) {
        const struct purse_coin *c = purse_find(&r->purse, &f->tx.inputs[i].from);
        if (c == NULL || !c->is_ours)
            return pay_fail(r->p, KZ_RANGE,
                            "%s: input %zu is no coin of this wallet: a person has to "
                            "look",
                            txid, i);
        o->coins[o->coin_count++] = purse_payout_coin(c);
    }
    o->planned_count = o->coin_count;
    return KZ_OK;
}

/* --- a payout again --------------------------------------------------------------- */

static bool fee_of_payout(struct payout *o)
{
    struct amount in = amount_zero(), out = o->has_change ? o->change : amount_zero();
    for (size_t i = 0; i < o->coin_count; i++)
        if (!amount_add(&in, in, o->coins[i].value))
            return false;
    return amount_add(&out, out, payout_paid(o)) &&
           amount_sub(&o->planned_fee, in, out);
}

static enum kz_err make_payout(struct payout *o, struct recovery *r,
                               const struct found *f, const char *txid)
{
    enum kz_err err = take_inputs(o, r, f, txid);
    if (err == KZ_OK)
        err = take_outputs(o, r, f, txid);
    if (err == KZ_OK && !fee_of_payout(o))
        err = pay_fail(r->p, KZ_RANGE, "%s: amount overflow", txid);
    if (err != KZ_OK)
        return err;
    run_begin(o, r->p, 0);
    snprintf(o->id.text, sizeof(o->id.text), "recovered-%.16s", txid);
    o->height = f->height - 1; /* before its block the anchor was unspent */
    o->locktime = f->tx.locktime;
    if (!o->has_change)
        o->change_at = (uint32_t)o->recipient_count;
    return o->recipient_count > 0 ? run_make_reserve(o, r->p) : KZ_OK;
}

static enum kz_err book(struct recovery *r, const struct found *f)
{
    struct payout o = {.version_count = 0};
    struct hash256 id;
    char txid[HASH256_HEX_SIZE];
    tx_id(&id, &f->tx);
    hash256_format_display(txid, &id);
    enum kz_err err = make_payout(&o, r, f, txid);
    if (err == KZ_OK)
        err = run_reserve(&o, r->p);
    if (err == KZ_OK)
        err = step_keep(&o, r->p, &f->tx, VERSION_PAYS);
    if (err == KZ_OK)
        err = step_state(&o, r->p, PAYOUT_BROADCAST, "recovered from the chain", NULL);
    if (err == KZ_OK)
        log_warn("payout_recovered", kv_str("payout", o.id.text), kv_str("txid", txid));
    if (o.has_change && o.change_index >= r->next_change)
        r->next_change = o.change_index + 1;
    payout_clear(&o);
    return err;
}

/* Change of one that is booked later than its spender would not be there: in the order of
 * the chain, each followed until it is booked. */
static enum kz_err book_all(struct recovery *r, size_t *count)
{
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < r->count && err == KZ_OK; i++) {
        err = book(r, &r->found[i]);
        if (err == KZ_OK)
            err = follow_all(r->p);
        *count += err == KZ_OK;
    }
    return err == KZ_OK ? run_set_next_change(r->p, r->next_change) : err;
}

enum kz_err recover_run(struct payer *p, size_t *count)
{
    struct recovery r = {.p = p, .owners = json_object()};
    uint32_t lowest;
    *count = 0;
    enum kz_err err = run_next_change(&r.next_change, p);
    if (err == KZ_OK)
        err = purse_read(&r.purse, p);
    if (err == KZ_OK)
        err = find_lost(&lowest, &r);
    if (err == KZ_OK)
        err = read_owners(&r);
    if (err == KZ_OK)
        err = walk_chain(&r, lowest);
    if (err == KZ_OK && r.count == 0)
        err = pay_fail(p, KZ_RANGE,
                       "coins are missing on the chain, and no block spends "
                       "them: their own blocks may be gone");
    if (err == KZ_OK)
        err = book_all(&r, count);
    for (size_t i = 0; i < r.count; i++)
        tx_clear(&r.found[i].tx);
    mem_free(r.found);
    purse_clear(&r.purse);
    json_decref(r.owners);
    return err;
}
