/* One payout, one step. Each step is one event, journaled and synced before what it
 * announces can be seen outside; `o` is changed when the event is applied. */
#include "pool/pay/payer.h"

#include "conf/clock.h"
#include "conf/fault.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "payout/plan.h"
#include "payout/postings.h"
#include "pool/rpc_reply.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STANDARD_WEIGHT 400000 /* more is not relayed */

/* --- marks ------------------------------------------------------------------------ */

static void add_mark(json_t *marks, const struct payout *o, const char *member,
                     const char *value)
{
    json_array_append_new(marks, payout_mark(&o->id, member, value));
}

static void add_number(json_t *marks, const struct payout *o, const char *member,
                       uint64_t n)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, n);
    add_mark(marks, o, member, text);
}

/* The state, in both places, and the note. */
static void add_state(json_t *marks, const struct payout *o, enum payout_state state,
                      const char *note)
{
    const char *name = payout_state_name(state);
    add_mark(marks, o, "state", name);
    add_mark(marks, o, "note", note);
    json_array_append_new(marks,
                          json_pack("[s, s, s, s]", "pos", o->id.text, name, "keep"));
}

/* So that it is found by any of its transactions. */
static void add_txid(json_t *marks, const struct payout *o, const struct hash256 *txid)
{
    char text[HASH256_HEX_SIZE];
    hash256_format_display(text, txid);
    json_array_append_new(marks,
                          json_pack("[s, s, s, s]", "potx", text, o->id.text, "keep"));
}

/* Takes `marks` and `entries` (NULL: none). One that slept through its lease must not
 * write over what the next has done. */
static enum kz_err write_step(struct payer *p, json_t *marks, json_t *entries)
{
    json_t *event = json_pack("{s:o}", "marks", marks);
    if (entries != NULL)
        json_object_set_new(event, "entries", entries);
    enum kz_err err = pay_hold_lease(p);
    FAULT_POINT("step_begins");
    if (err == KZ_OK)
        err = pay_write(p, EVENT_LEDGER, event);
    else
        json_decref(event);
    FAULT_POINT("step_written");
    return err;
}

static void note_state(struct payout *o, enum payout_state state, const char *note)
{
    if (o->state != state)
        log_info("payout_step", kv_str("payout", o->id.text),
                 kv_str("was", payout_state_name(o->state)),
                 kv_str("is", payout_state_name(state)), kv_str("note", note));
    o->state = state;
    if (note != o->note)
        snprintf(o->note, sizeof(o->note), "%s", note);
}

enum kz_err step_state(struct payout *o, struct payer *p, enum payout_state state,
                       const char *note, json_t *more)
{
    json_t *marks = more != NULL ? more : json_array();
    if (o->state == state && strcmp(o->note, note) == 0 &&
        json_array_size(marks) == 0) {
        json_decref(marks);
        return KZ_OK;
    }
    add_state(marks, o, state, note);
    enum kz_err err = write_step(p, marks, NULL);
    if (err == KZ_OK)
        note_state(o, state, note);
    return err;
}

/* --- the transaction -------------------------------------------------------------- */

static void add_output_at(struct tx *t, const struct payout *o, uint32_t vout,
                          const struct script *change)
{
    if (o->has_change && vout == o->change_at) {
        tx_add_output(t, o->change, script_bytes(change));
        return;
    }
    for (size_t i = 0; i < o->recipient_count; i++)
        if (o->recipients[i].vout == vout)
            tx_add_output(t, o->recipients[i].paid,
                          script_bytes(&o->recipients[i].script));
}

enum kz_err step_change(struct descriptor_output *out, const struct payout *o,
                        const struct payer *p)
{
    const struct wallet_place place = {WALLET_CHANGE, o->change_index};
    return wallet_output(out, p->wallet, &place);
}

void step_build(struct tx *t, const struct payout *o, const struct payer *p)
{
    struct descriptor_output change = {.script = {.len = 0}};
    size_t outputs = o->recipient_count + o->has_change;
    if (o->has_change) {
        enum kz_err err = step_change(&change, o, p);
        assert(err == KZ_OK); /* it was made when the payout was planned */
        (void)err;
    }
    tx_init(t, PLAN_TX_VERSION, o->locktime);
    for (size_t i = 0; i < o->planned_count; i++)
        tx_add_input(t, &o->coins[i].from, TX_SEQUENCE_RBF);
    for (size_t i = 0; i < outputs; i++)
        add_output_at(t, o, (uint32_t)i, &change.script);
    assert(t->output_count == outputs);
}

bool step_is_same(const struct tx *a, const struct tx *b)
{
    bool is = a->version == b->version && a->locktime == b->locktime &&
              a->input_count == b->input_count && a->output_count == b->output_count;
    for (size_t i = 0; is && i < a->input_count; i++)
        is = tx_outpoint_equal(&a->inputs[i].from, &b->inputs[i].from) &&
             a->inputs[i].sequence == b->inputs[i].sequence;
    for (size_t i = 0; is && i < a->output_count; i++) {
        const struct tx_output *x = &a->outputs[i], *y = &b->outputs[i];
        is = amount_compare(x->value, y->value) == 0 &&
             x->script.len == y->script.len &&
             memcmp(x->script.p, y->script.p, x->script.len) == 0;
    }
    return is;
}

const struct payout_coin *step_coin_of(const struct payout *o,
                                       const struct tx_outpoint *from)
{
    for (size_t i = 0; i < o->coin_count; i++)
        if (tx_outpoint_equal(&o->coins[i].from, from))
            return &o->coins[i];
    return NULL;
}

bool step_is_cancel(const struct tx *t, const struct payout *o, const struct payer *p)
{
    struct descriptor_output back;
    bool has_anchor = false;
    if (t->output_count != 1 || step_change(&back, o, p) != KZ_OK ||
        t->outputs[0].script.len != back.script.len ||
        memcmp(t->outputs[0].script.p, back.script.b, back.script.len) != 0)
        return false;
    for (size_t i = 0; i < t->input_count; i++) {
        if (step_coin_of(o, &t->inputs[i].from) == NULL)
            return false;
        has_anchor |= tx_outpoint_equal(&t->inputs[i].from, &o->coins[0].from);
    }
    return has_anchor;
}

/* Of any version: its inputs are coins of the payout, worth more than its outputs. */
static bool fee_of_version(struct amount *fee, const struct payout *o,
                           const struct tx *t)
{
    struct amount in = amount_zero(), out;
    for (size_t i = 0; i < t->input_count; i++) {
        const struct payout_coin *c = step_coin_of(o, &t->inputs[i].from);
        if (c == NULL || !amount_add(&in, in, c->value))
            return false;
    }
    return tx_output_sum(&out, t) && amount_sub(fee, in, out) &&
           !amount_is_negative(*fee);
}

/* --- signing ---------------------------------------------------------------------- */

enum kz_err step_sign_tx(struct tx *t, const struct payout *o, struct payer *p)
{
    char why[WALLET_WHY_SIZE];
    struct txsign_problem problem = {.what = ""};
    struct tx_output *spent = mem_array(t->input_count, sizeof(*spent));
    struct wallet_place *places = mem_array(t->input_count, sizeof(*places));
    for (size_t i = 0; i < t->input_count; i++) {
        const struct payout_coin *c = step_coin_of(o, &t->inputs[i].from);
        assert(c != NULL); /* versions are made of the payout's coins */
        spent[i] = (struct tx_output){
            .value = c->value, .script = {(uint8_t *)c->script.b, c->script.len}};
        places[i] = c->place;
    }
    FAULT_POINT("sign_begins");
    enum kz_err err = wallet_sign(t, why, p->wallet, places, spent);
    if (err != KZ_OK)
        pay_fail(p, err, "payout %s: %s", o->id.text, why);
    else if (txsign_check(&problem, wallet_context(p->wallet), t, spent) != KZ_OK)
        err = pay_fail(p, KZ_RANGE, "payout %s, input %zu: %s", o->id.text,
                       problem.input, problem.what);
    FAULT_POINT("signed_in_memory");
    mem_free(places);
    mem_free(spent);
    return err;
}

/* Our own work, looked at as if it were another's. */
static enum kz_err check_signed(const struct payout *o, struct payer *p,
                                const struct tx *t)
{
    struct amount fee, most;
    if (!fee_of_version(&fee, o, t) || amount_compare(fee, o->planned_fee) != 0)
        return pay_fail(p, KZ_RANGE, "payout %s: its fee is not the planned one",
                        o->id.text);
    /* The plan's size is a bound: a signature may be a byte less. */
    most =
        fee_of(pay_rate(p->conf->pay.fee_ceiling), tx_vsize(t) + tx_vsize(t) / 50 + 1);
    if (amount_compare(fee, most) > 0 && o->has_change)
        return pay_fail(p, KZ_RANGE, "payout %s: its fee is above the ceiling",
                        o->id.text);
    if (tx_weight(t) > STANDARD_WEIGHT)
        return pay_fail(p, KZ_RANGE, "payout %s: no node relays one so large",
                        o->id.text);
    return KZ_OK;
}

enum kz_err step_sign(struct payout *o, struct payer *p)
{
    struct tx t;
    step_build(&t, o, p);
    enum kz_err err = step_sign_tx(&t, o, p);
    if (err == KZ_OK)
        err = check_signed(o, p, &t);
    if (err == KZ_OK)
        err = step_keep(o, p, &t, VERSION_PAYS);
    tx_clear(&t);
    return err;
}

/* --- keeping and sending ---------------------------------------------------------- */

static char *hex_of(const struct tx *t)
{
    size_t len;
    uint8_t *bytes = tx_format(&len, t, false);
    char *hex = mem_new(2 * len + 1);
    hex_encode(hex, bytes, len);
    mem_free(bytes);
    return hex;
}

enum kz_err step_keep(struct payout *o, struct payer *p, const struct tx *t,
                      enum payout_why why)
{
    struct payout_version v = {.why = why,
                               .vsize = tx_vsize(t),
                               .has_change = t->output_count > o->recipient_count,
                               .time_ms = clock_utc_ms()};
    char member[16];
    if (o->version_count == PAYOUT_VERSIONS_MAX)
        return pay_fail(p, KZ_RANGE, "payout %s: %d versions are enough", o->id.text,
                        PAYOUT_VERSIONS_MAX);
    if (!fee_of_version(&v.fee, o, t))
        return pay_fail(p, KZ_RANGE, "payout %s: a version spends what is not its own",
                        o->id.text);
    v.raw = hex_of(t);
    tx_id(&v.txid, t);
    bool is_first = o->state == PAYOUT_RESERVED || o->state == PAYOUT_EXPORTED;
    enum payout_state state = is_first ? PAYOUT_SIGNED : o->state;
    char *text = payout_version_text(&v);
    json_t *marks = json_array();
    snprintf(member, sizeof(member), "v%zu", o->version_count);
    add_mark(marks, o, member, text);
    add_state(marks, o, state, "");
    add_txid(marks, o, &v.txid);
    free(text); /* allowed: jansson's */
    enum kz_err err = write_step(p, marks, NULL);
    if (err != KZ_OK) {
        mem_free(v.raw);
        return err;
    }
    o->versions[o->version_count++] = v;
    note_state(o, state, "");
    return KZ_OK;
}

/* What a node's answer makes of a payout. */
static enum kz_err take_answer(struct payout *o, struct payer *p, enum chain_sent sent,
                               const char *why)
{
    char note[PAYOUT_NOTE_SIZE];
    snprintf(note, sizeof(note), "%s: %.120s", chain_sent_name(sent), why);
    switch (sent) {
    case CHAIN_SENT:
    case CHAIN_CONFIRMED:
        return step_state(o, p, PAYOUT_BROADCAST, "", NULL);
    case CHAIN_REFUSED:
        log_error("payout_refused", kv_str("payout", o->id.text), kv_str("why", why));
        return step_state(o, p, o->state, note, NULL);
    case CHAIN_FEE_LOW:
    case CHAIN_BUMP_LOW:
    case CHAIN_MISSING:
        log_warn("payout_not_sent", kv_str("payout", o->id.text), kv_str("why", note));
        return step_state(o, p, o->state, note, NULL);
    case CHAIN_UNKNOWN: /* it may be there: the next look says */
        log_warn("payout_not_sent", kv_str("payout", o->id.text), kv_str("why", note));
        return KZ_OK;
    }
    return KZ_OK;
}

enum kz_err step_send(struct payout *o, struct payer *p)
{
    char why[RPC_MESSAGE_SIZE];
    const struct payout_version *v = &o->versions[o->version_count - 1];
    assert(o->version_count > 0);
    FAULT_POINT("send_begins");
    enum chain_sent sent = chain_send(why, p->chain, v->raw);
    FAULT_POINT("sent");
    return take_answer(o, p, sent, why);
}

/* --- the ledger's steps ----------------------------------------------------------- */

enum kz_err step_abandon(struct payout *o, struct payer *p, const char *note)
{
    struct entry e;
    json_t *marks = json_array(), *entries = json_array();
    assert(!o->has_confirm);
    if (o->has_reserve) {
        enum kz_err made = postings_abandon(&e, &o->reserve, clock_utc_ms());
        assert(made == KZ_OK); /* the reversal of what is booked */
        (void)made;
        json_array_append_new(entries, pay_entry(&e));
    }
    add_state(marks, o, PAYOUT_ABANDONED, note);
    purse_use_marks(marks, o, "freed");
    enum kz_err err = write_step(p, marks, entries);
    if (err == KZ_OK)
        note_state(o, PAYOUT_ABANDONED, note);
    return err;
}

static enum kz_err make_confirm(struct entry *e, const struct payout *o,
                                const struct payout_version *v)
{
    char txid[HASH256_HEX_SIZE];
    struct entry_output *outputs = mem_array(o->recipient_count + 1, sizeof(*outputs));
    for (size_t i = 0; i < o->recipient_count; i++)
        outputs[i] = (struct entry_output){.miner = o->recipients[i].miner,
                                           .vout = o->recipients[i].vout,
                                           .value = o->recipients[i].paid};
    hash256_format_display(txid, &v->txid);
    const struct postings_settled s = {.txid = txid,
                                       .outputs = outputs,
                                       .output_count = o->recipient_count,
                                       .fee = v->fee,
                                       .n = o->n,
                                       .time_ms = clock_utc_ms()};
    enum kz_err err = postings_confirm(e, &o->reserve, &s);
    mem_free(outputs);
    return err;
}

void step_version_tx(struct tx *t, const struct payout_version *v)
{
    size_t len = strlen(v->raw) / 2;
    uint8_t *bytes = mem_new(len);
    enum kz_err err = hex_decode(bytes, len, v->raw, 2 * len);
    if (err == KZ_OK)
        err = tx_parse(t, (struct bytes){bytes, len});
    assert(err == KZ_OK); /* we wrote it */
    (void)err;
    mem_free(bytes);
}

/* What a version spends is spent; a coin that only another version took is free again. */
static void spend_marks(json_t *marks, const struct payout *o, const struct tx *t)
{
    char key[TX_OUTPOINT_TEXT_SIZE + 8];
    for (size_t i = 0; i < o->coin_count; i++) {
        purse_use_key(key, &o->coins[i].from);
        json_array_append_new(
            marks,
            json_pack("[s, s, s, s]", key, o->id.text,
                      tx_spends(t, &o->coins[i].from) ? "spent" : "freed", "keep"));
    }
}

/* Where a version pays the pool. False: it does not. */
static bool change_place(uint32_t *vout, const struct payout *o,
                         const struct payout_version *v)
{
    *vout = v->why == VERSION_CANCELS ? 0 : o->change_at;
    return v->why == VERSION_CANCELS || v->has_change;
}

static void change_key(char out[TX_OUTPOINT_TEXT_SIZE + 8],
                       const struct payout_version *v, uint32_t vout)
{
    const struct tx_outpoint at = {.txid = v->txid, .vout = vout};
    purse_use_key(out, &at);
}

/* Change enters the purse; after a reorganisation it is there already, and void. */
static void add_change(json_t *marks, const struct payout *o, const struct tx *t)
{
    const struct payout_version *v = &o->versions[o->seen.version];
    char key[TX_OUTPOINT_TEXT_SIZE + 8];
    uint32_t vout;
    if (!change_place(&vout, o, v))
        return;
    json_array_append_new(marks, purse_change_mark(o, t, vout));
    change_key(key, v, vout);
    json_array_append_new(marks,
                          json_pack("[s, s, s, s]", key, "void", "freed", "keep"));
}

static json_t *entry_text_mark(const struct payout *o, const char *member,
                               const struct entry *e)
{
    char *text = entry_format(e);
    json_t *mark = payout_mark(&o->id, member, text);
    mem_free(text);
    return mark;
}

/* A payout without recipients joins coins: only its fee is booked. */
static enum kz_err make_fee(struct entry *e, const struct payout *o,
                            const struct payout_version *v)
{
    char txid[HASH256_HEX_SIZE];
    hash256_format_display(txid, &v->txid);
    return postings_payout_fee(e, &o->id, v->fee, txid, o->n + 1, clock_utc_ms());
}

enum kz_err step_confirm(struct payout *o, struct payer *p)
{
    const struct payout_version *v = &o->versions[o->seen.version];
    struct entry e;
    json_t *marks = json_array(), *entries = json_array();
    enum kz_err err = o->has_reserve ? make_confirm(&e, o, v) : make_fee(&e, o, v);
    if (err != KZ_OK) {
        json_decref(marks);
        json_decref(entries);
        return pay_fail(p, KZ_RANGE, "payout %s: what confirmed makes no entry",
                        o->id.text);
    }
    json_array_append_new(marks, entry_text_mark(o, "confirm", &e));
    add_number(marks, o, "n", o->n + 1);
    add_state(marks, o, PAYOUT_CONFIRMED, "");
    struct tx t;
    step_version_tx(&t, v);
    spend_marks(marks, o, &t);
    add_change(marks, o, &t);
    tx_clear(&t);
    struct entry kept;
    entry_copy(&kept, &e);
    json_array_append_new(entries, pay_entry(&e));
    err = write_step(p, marks, entries);
    if (err != KZ_OK) {
        entry_clear(&kept);
        return err;
    }
    entry_clear(&o->confirm);
    o->confirm = kept;
    o->has_confirm = true;
    o->n++;
    note_state(o, PAYOUT_CONFIRMED, "");
    return KZ_OK;
}

enum kz_err step_unconfirm(struct payout *o, struct payer *p)
{
    const struct payout_version *v = &o->versions[o->seen.version];
    struct entry e;
    char key[TX_OUTPOINT_TEXT_SIZE + 8];
    json_t *marks = json_array(), *entries = json_array();
    const char *note = "a reorganisation took its block";
    uint32_t vout;
    enum kz_err err =
        o->has_reserve
            ? postings_unconfirm(&e, &o->confirm, o->n, clock_utc_ms())
            : postings_payout_fee_back(&e, &o->confirm, o->n + 1, clock_utc_ms());
    if (err != KZ_OK) {
        json_decref(marks);
        json_decref(entries);
        return pay_fail(p, KZ_RANGE,
                        "payout %s: what is booked as its confirm is not "
                        "number %" PRIu64,
                        o->id.text, o->n);
    }
    json_array_append_new(entries, pay_entry(&e));
    add_mark(marks, o, "confirm", "");
    add_mark(marks, o, "seen", "");
    add_number(marks, o, "n", o->n + 1);
    add_state(marks, o, PAYOUT_BROADCAST, note);
    purse_use_marks(marks, o, "held");
    if (change_place(&vout, o, v)) {
        change_key(key, v, vout);
        json_array_append_new(marks,
                              json_pack("[s, s, s, s]", key, "void", "void", "keep"));
    }
    err = write_step(p, marks, entries);
    if (err != KZ_OK)
        return err;
    entry_clear(&o->confirm);
    o->has_confirm = false;
    o->seen = (struct payout_seen){.height = 0};
    o->n++;
    log_warn("payout_unconfirmed", kv_str("payout", o->id.text));
    note_state(o, PAYOUT_BROADCAST, note);
    return KZ_OK;
}

enum kz_err step_cancelled(struct payout *o, struct payer *p)
{
    const struct payout_version *v = &o->versions[o->seen.version];
    struct entry back, fee;
    struct tx t;
    json_t *marks = json_array(), *entries = json_array();
    const char *note = "cancelled: what it owed is owed again";
    if (o->has_reserve) {
        enum kz_err made = postings_abandon(&back, &o->reserve, clock_utc_ms());
        assert(made == KZ_OK); /* the reversal of what is booked */
        (void)made;
        json_array_append_new(entries, pay_entry(&back));
    }
    enum kz_err err = make_fee(&fee, o, v);
    assert(err == KZ_OK); /* a fee above 0: nodes take no other */
    json_array_append_new(entries, pay_entry(&fee));
    step_version_tx(&t, v);
    spend_marks(marks, o, &t);
    add_change(marks, o, &t);
    tx_clear(&t);
    add_state(marks, o, PAYOUT_CANCELLED, note);
    err = write_step(p, marks, entries);
    if (err == KZ_OK)
        note_state(o, PAYOUT_CANCELLED, note);
    return err;
}

size_t step_known_coins(const struct payout *o)
{
    size_t known = o->planned_count;
    for (size_t v = 0; v < o->version_count; v++) {
        struct tx t;
        step_version_tx(&t, &o->versions[v]);
        for (size_t i = known; i < o->coin_count; i++)
            if (tx_spends(&t, &o->coins[i].from))
                known = i + 1;
        tx_clear(&t);
    }
    return known;
}
