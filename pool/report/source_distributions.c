/* R5: a row a credit or payment, in the order of the ledger.
 *
 *   credit       of a block, after the pool's fee; of shares all of a miner's day together,
 *                behind the others
 *   fee          what the pool kept of it; less than 0: given back with an orphan's credit
 *   payment      an output of a transaction or coinbase; less than 0: it left the chain
 *   network_fee  what of a payout's debit went to the transaction's fee
 *   reversal     a credit taken back: its block is an orphan
 *   adjustment   by two persons, or a rule; less than 0: the miner is owed less
 *
 * Credits name the address that was to be paid then, payments the one that was. No value in
 * a currency: there is no source of rates. */
#include "conf/mem.h"
#include "payout/address.h"
#include "payout/statement.h"
#include "payout/textmap.h"
#include "pool/pay/record.h"
#include "pool/report/ledger_source.h"
#include "pool/report/source_blocks.h"
#include "pool/report/source_miners.h"
#include "share/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS       INT64_C(86400000)
#define DAY_KEY_SIZE 80

/* What shares gave a miner on a day. */
struct shares_day {
    int64_t time_ms; /* of the last credit */
    struct amount credit, fee;
};

struct making {
    const struct report_source *s;
    char *why;
    struct source_miners *miners;
    struct source_blocks *blocks;
    struct textmap *shares; /* "<day> <miner>" -> struct shares_day */
    struct payout payout;   /* of the entry at hand; no id: none */
    struct fill fill;
};

/* What a row says beside whom it is about. */
struct row {
    const char *miner, *kind;
    struct amount amount;
    int64_t time_ms;
    const char *address;              /* NULL: that of the time */
    const struct source_block *block; /* NULL: none */
    const char *txid;                 /* NULL: none */
    const struct entry_output *output;
};

static void set_place(struct fill *f, const struct row *d)
{
    if (d->block != NULL) {
        fill_number(f, "block_height", d->block->height);
        fill_text(f, "block_hash", d->block->hash);
    }
    if (d->txid != NULL && d->txid[0] != '\0')
        fill_text(f, "txid", d->txid);
    if (d->output != NULL)
        fill_number(f, "vout", d->output->vout);
}

static enum kz_err add_row(struct making *m, const struct row *d)
{
    struct fill *f = &m->fill;
    const char *address = d->address;
    if (amount_is_zero(d->amount))
        return KZ_OK;
    if (address == NULL)
        address = source_address_at(m->miners, d->miner, d->time_ms);
    fill_row(f);
    source_fill_miner(f, m->miners, d->miner, d->time_ms);
    source_fill_identity(f, m->miners, d->miner);
    fill_member(f, "certificate_issued_on",
                source_certificate_at(m->miners, d->miner, d->time_ms), "issued_on");
    fill_text(f, "wallet_address", address);
    fill_number(f, "time", d->time_ms);
    fill_text(f, "entry_kind", d->kind);
    if (f->err == KZ_OK)
        report_set_amount(f->report, "amount", d->amount);
    set_place(f, d);
    return f->err;
}

/* --- of blocks -------------------------------------------------------------------- */

/* A credit, or what took it back, and the fee beside it. */
static enum kz_err add_credit(struct making *m, const struct entry *e,
                              const struct ledger_change *c)
{
    struct amount fee;
    bool is_credit = statement_term_of(e->key.kind) == STATEMENT_CREDITED;
    struct row d = {.miner = c->miner.text,
                    .kind = is_credit ? "credit" : "reversal",
                    .amount = is_credit ? c->owed : entry_turned(c->owed),
                    .time_ms = e->time_ms};
    enum kz_err err = source_block(&d.block, m->why, m->blocks, e->key.object);
    if (err == KZ_OK)
        err = source_fee(&fee, m->why, m->blocks, e, c->miner.text, c->owed);
    if (err == KZ_OK)
        err = add_row(m, &d);
    if (err != KZ_OK)
        return err;
    d.kind = "fee";
    d.amount = fee;
    return add_row(m, &d);
}

/* An output of the coinbase that paid the miner itself. */
static enum kz_err add_direct(struct making *m, const struct entry *e,
                              const struct ledger_change *c)
{
    char address[ADDRESS_TEXT_SIZE];
    uint8_t script[ADDRESS_SCRIPT_MAX];
    size_t len;
    struct row d = {.miner = c->miner.text,
                    .kind = "payment",
                    .amount = entry_turned(c->owed),
                    .time_ms = e->time_ms,
                    .output = entry_output_of(e, &c->miner)};
    enum kz_err err = source_block(&d.block, m->why, m->blocks, e->key.object);
    if (err != KZ_OK)
        return err;
    d.txid = d.block->coinbase;
    const char *hex = d.output == NULL
                          ? NULL
                          : json_string_value(json_array_get(
                                json_array_get(d.block->outputs, d.output->vout), 1));
    if (hex != NULL &&
        hex_decode_some(script, &len, sizeof(script), hex, strlen(hex)) == KZ_OK &&
        address_format(address, network_of(m->s->conf->network),
                       (struct bytes){script, len}) == KZ_OK)
        d.address = address;
    return add_row(m, &d);
}

/* --- of shares -------------------------------------------------------------------- */

static enum kz_err keep_shares(struct making *m, const struct entry *e,
                               const struct ledger_change *c)
{
    char key[DAY_KEY_SIZE];
    struct amount fee;
    const struct period *p = &m->s->header.period;
    enum kz_err err = source_fee(&fee, m->why, m->blocks, e, c->miner.text, c->owed);
    if (err != KZ_OK)
        return err;
    snprintf(key, sizeof(key), "%08" PRId64 " %s", (e->time_ms - p->from_ms) / DAY_MS,
             c->miner.text);
    struct shares_day *d = textmap_put(m->shares, key);
    d->time_ms = e->time_ms > d->time_ms ? e->time_ms : d->time_ms;
    return amount_add(&d->credit, d->credit, c->owed) &&
                   amount_add(&d->fee, d->fee, fee)
               ? KZ_OK
               : source_fail(m->why, KZ_RANGE, "a sum outside the range of money");
}

static enum kz_err add_shares(struct making *m)
{
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < textmap_count(m->shares) && err == KZ_OK; i++) {
        const struct shares_day *d = textmap_value(m->shares, i);
        struct row r = {.miner = strchr(textmap_text(m->shares, i), ' ') + 1,
                        .kind = "credit",
                        .amount = d->credit,
                        .time_ms = d->time_ms};
        err = add_row(m, &r);
        r.kind = "fee";
        r.amount = d->fee;
        if (err == KZ_OK)
            err = add_row(m, &r);
    }
    return err;
}

/* --- of payouts ------------------------------------------------------------------- */

/* The payout's own record, for its addresses. One that is gone leaves those of the time. */
static enum kz_err read_payout(struct making *m, const char *id)
{
    char key[KEY_SIZE], name[PAYOUT_ID_MAX + 8], problem[PAYOUT_NOTE_SIZE];
    json_t *hash = NULL;
    if (strcmp(m->payout.id.text, id) == 0)
        return KZ_OK;
    payout_clear(&m->payout);
    snprintf(name, sizeof(name), "po:%.32s", id);
    key_mark(key, name);
    if (store_read_hash(&hash, m->s->store, key) != KZ_OK)
        return source_fail(m->why, KZ_IO, "Redis is away");
    enum kz_err err = json_object_size(hash) == 0
                          ? KZ_OK
                          : payout_read(&m->payout, problem, id, hash);
    json_decref(hash);
    return err == KZ_OK
               ? KZ_OK
               : source_fail(m->why, KZ_RANGE, "payout %.32s: %s", id, problem);
}

static const char *paid_address(const struct payout *p, const struct miner_id *miner)
{
    for (size_t i = 0; i < p->recipient_count; i++)
        if (miner_id_equal(&p->recipients[i].miner, miner))
            return p->recipients[i].address;
    return NULL;
}

/* The output that is seen on the chain, and what the debit had above it. */
static enum kz_err add_payment(struct making *m, const struct entry *e,
                               const struct ledger_change *c)
{
    struct row d = {.miner = c->miner.text,
                    .kind = "payment",
                    .amount = entry_turned(c->owed),
                    .time_ms = e->time_ms,
                    .txid = e->reference,
                    .output = entry_output_of(e, &c->miner)};
    struct amount fee = amount_zero();
    enum kz_err err = read_payout(m, e->key.object);
    if (err != KZ_OK)
        return err;
    d.address = paid_address(&m->payout, &c->miner);
    if (d.output != NULL) {
        struct amount debit = d.amount;
        d.amount = e->key.kind == ENTRY_PAYOUT_CONFIRMED
                       ? d.output->value
                       : entry_turned(d.output->value);
        if (!amount_sub(&fee, debit, d.amount))
            return source_fail(m->why, KZ_RANGE, "a sum outside the range of money");
    }
    err = add_row(m, &d);
    d.kind = "network_fee";
    d.amount = fee;
    d.output = NULL;
    return err == KZ_OK ? add_row(m, &d) : err;
}

/* --- all of it -------------------------------------------------------------------- */

static enum kz_err add_adjustment(struct making *m, const struct entry *e,
                                  const struct ledger_change *c)
{
    const struct row d = {.miner = c->miner.text,
                          .kind = "adjustment",
                          .amount = c->owed,
                          .time_ms = e->time_ms};
    return add_row(m, &d);
}

static enum kz_err take_change(struct making *m, const struct entry *e,
                               const struct ledger_change *c)
{
    switch (statement_term_of(e->key.kind)) {
    case STATEMENT_CREDITED:
        return e->key.kind == ENTRY_PPS_ACCRUAL ? keep_shares(m, e, c)
                                                : add_credit(m, e, c);
    case STATEMENT_REVERSED:
        return add_credit(m, e, c);
    case STATEMENT_PAID:
        return e->key.kind == ENTRY_BLOCK_MATURED ? add_direct(m, e, c)
                                                  : add_payment(m, e, c);
    case STATEMENT_ADJUSTED:
        return add_adjustment(m, e, c);
    case STATEMENT_NONE:
        break;
    }
    return KZ_OK;
}

static enum kz_err take_entry(void *ctx, const struct entry *e,
                              const struct ledger_changes *changes)
{
    struct making *m = ctx;
    enum kz_err err = KZ_OK;
    if (!period_has(&m->s->header.period, e->time_ms))
        return KZ_OK;
    for (size_t i = 0; i < changes->count && err == KZ_OK; i++)
        if (!amount_is_zero(changes->rows[i].owed) &&
            source_is_asked(m->s, changes->rows[i].miner.text))
            err = take_change(m, e, &changes->rows[i]);
    return err;
}

static void end(void *making)
{
    struct making *m = making;
    report_free(m->fill.report); /* it was not made */
    payout_clear(&m->payout);
    textmap_free(m->shares);
    source_blocks_free(m->blocks);
    source_miners_free(m->miners);
    mem_free(m);
}

/* Rows are added as the ledger is read. */
static enum kz_err begin(void **making, char why[SOURCE_WHY_SIZE],
                         const struct report_source *s)
{
    struct making *m = mem_new(sizeof(*m));
    *m = (struct making){.s = s,
                         .why = why,
                         .miners = source_miners_new(s),
                         .blocks = source_blocks_new(s),
                         .shares = textmap_new(sizeof(struct shares_day))};
    enum kz_err err = fill_begin(&m->fill, why, REPORT_R5, s);
    if (err == KZ_OK)
        *making = m;
    else
        end(m);
    return err;
}

static enum kz_err make(struct report **out, void *making)
{
    struct making *m = making;
    m->fill.err = add_shares(m);
    enum kz_err err = fill_end(out, &m->fill);
    m->fill.report = NULL;
    return err;
}

const struct ledger_source ledger_distributions = {begin, take_entry, make, end};
