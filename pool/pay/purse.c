/* The pool's coins: outputs that the ledger's blocks and payouts brought it.
 *
 * coin:{ledger} has what never changes of each (value, script, height); use:{ledger}:<coin>
 * who holds it. Each of its fields is written by one payout's owner alone, so it does not
 * matter in which order two journals are replayed. Coins enter when their block is mature
 * in the ledger, or when the payout whose change they are is booked as confirmed: the
 * table and the account coins.mature move together (I4). */
#include "pool/pay/payer.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "pool/explain.h"
#include "share/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void purse_clear(struct purse *u)
{
    mem_free(u->coins);
    *u = (struct purse){.count = 0};
}

/* --- the table's rows ------------------------------------------------------------- */

static json_t *row_mark(const struct tx_outpoint *o, json_t *row)
{
    char from[TX_OUTPOINT_TEXT_SIZE];
    char *text = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS);
    tx_outpoint_format(from, o);
    json_t *mark = json_pack("[s, s, s, s]", "coin", from, text, "keep");
    free(text); /* allowed: jansson's */
    json_decref(row);
    return mark;
}

json_t *purse_change_mark(const struct payout *o, const struct tx *t, uint32_t vout)
{
    struct tx_outpoint at = {.vout = vout};
    const struct tx_output *out = &t->outputs[vout];
    char hex[2 * SCRIPT_MULTISIG_MAX + 1] = "";
    tx_id(&at.txid, t);
    if (out->script.len <= SCRIPT_MULTISIG_MAX)
        hex_encode(hex, out->script.p, out->script.len);
    return row_mark(&at, json_pack("{s:I, s:s, s:I, s:I, s:s}", "sat",
                                   (json_int_t)amount_to_sat(out->value), "script", hex,
                                   "height", (json_int_t)o->seen.height, "change",
                                   (json_int_t)o->change_index, "payout", o->id.text));
}

void purse_use_key(char out[TX_OUTPOINT_TEXT_SIZE + 8], const struct tx_outpoint *o)
{
    char from[TX_OUTPOINT_TEXT_SIZE];
    tx_outpoint_format(from, o);
    snprintf(out, TX_OUTPOINT_TEXT_SIZE + 8, "use:%s", from);
}

void purse_use_marks(json_t *marks, const struct payout *o, const char *use)
{
    char key[TX_OUTPOINT_TEXT_SIZE + 8];
    for (size_t i = 0; i < o->coin_count; i++) {
        purse_use_key(key, &o->coins[i].from);
        json_array_append_new(marks,
                              json_pack("[s, s, s, s]", key, o->id.text, use, "keep"));
    }
}

/* --- reading the table ------------------------------------------------------------ */

struct purse_coin *purse_add(struct purse *u)
{
    if (u->count == u->room) {
        u->room = u->room > 0 ? 2 * u->room : 64;
        u->coins = mem_resize(u->coins, u->room * sizeof(*u->coins));
    }
    memset(&u->coins[u->count], 0, sizeof(*u->coins));
    return &u->coins[u->count++];
}

struct purse_coin *purse_find(const struct purse *u, const struct tx_outpoint *from)
{
    for (size_t i = 0; i < u->count; i++)
        if (tx_outpoint_equal(&u->coins[i].coin.from, from))
            return &u->coins[i];
    return NULL;
}

struct payout_coin purse_payout_coin(const struct purse_coin *c)
{
    return (struct payout_coin){.from = c->coin.from,
                                .value = c->coin.value,
                                .script = c->script,
                                .place = c->place};
}

static void place_coin(struct purse_coin *c, const struct payer *p, const json_t *row)
{
    const json_t *index = json_object_get(row, "change");
    c->coin.is_coinbase = index == NULL;
    if (p->wallet == NULL)
        return;
    if (index != NULL) {
        c->place =
            (struct wallet_place){WALLET_CHANGE, (uint32_t)json_integer_value(index)};
        c->is_ours = wallet_is_at(p->wallet, &c->place, script_bytes(&c->script));
    } else {
        c->is_ours = wallet_find(&c->place, p->wallet, script_bytes(&c->script),
                                 c->height) == KZ_OK;
    }
    if (c->is_ours)
        c->coin.form = wallet_form(p->wallet, c->place.branch);
}

static bool read_row(struct purse_coin *c, const struct payer *p, const char *from,
                     const json_t *row)
{
    const char *hex = json_string_value(json_object_get(row, "script"));
    const json_t *sat = json_object_get(row, "sat");
    json_int_t height = json_integer_value(json_object_get(row, "height"));
    uint32_t tip = chain_tip(p->chain).height;
    if (tx_outpoint_parse(&c->coin.from, from, strlen(from)) != KZ_OK || hex == NULL ||
        hex_decode_some(c->script.b, &c->script.len, sizeof(c->script.b), hex,
                        strlen(hex)) != KZ_OK ||
        height < 0 || height > INT32_MAX || !json_is_integer(sat) ||
        !amount_from_sat(&c->coin.value, json_integer_value(sat)) ||
        amount_is_negative(c->coin.value) || amount_is_zero(c->coin.value))
        return false;
    c->height = (uint32_t)height;
    c->coin.confirmations = tip >= c->height ? tip - c->height + 1 : 0;
    place_coin(c, p, row);
    return true;
}

static enum kz_err read_use(struct purse_coin *c, struct payer *p)
{
    char name[TX_OUTPOINT_TEXT_SIZE + 8], key[KEY_SIZE];
    json_t *use = NULL, *how;
    const char *id;
    purse_use_key(name, &c->coin.from);
    key_mark(key, name);
    enum kz_err err = store_read_hash(&use, p->store, key);
    if (err != KZ_OK)
        return pay_fail(p, err, "Redis is away");
    json_object_foreach(use, id, how)
    {
        const char *text = json_string_value(how);
        bool is_held = strcmp(text, "held") == 0;
        bool is_spent = strcmp(text, "spent") == 0;
        c->is_void |= strcmp(text, "void") == 0;
        if (!is_held && !is_spent)
            continue;
        c->is_held |= is_held;
        c->is_spent |= is_spent;
        snprintf(c->payout, sizeof(c->payout), "%s", id);
    }
    json_decref(use);
    return KZ_OK;
}

static enum kz_err read_coin(struct purse *u, struct payer *p, const char *from,
                             const json_t *row)
{
    struct purse_coin *c = purse_add(u);
    if (!read_row(c, p, from, row))
        return pay_fail(p, KZ_PARSE,
                        "the coin %s is not kept in a form that can be read", from);
    return read_use(c, p);
}

static enum kz_err read_table(struct purse *u, struct payer *p)
{
    json_t *table = NULL, *text;
    const char *from;
    enum kz_err err = store_read_hash(&table, p->store, KEY_COINS);
    if (err != KZ_OK)
        return pay_fail(p, err, "Redis is away");
    json_object_foreach(table, from, text)
    {
        json_t *row = json_loads(json_string_value(text), 0, NULL);
        if (err == KZ_OK)
            err = read_coin(u, p, from, row);
        json_decref(row);
    }
    json_decref(table);
    return err;
}

/* --- blocks that became mature ---------------------------------------------------- */

/* Outputs of the coinbase as rows: {outpoint: row}. KZ_PARSE: the record lacks them. */
static enum kz_err block_rows(json_t *rows, const json_t *record)
{
    const char *coinbase = json_string_value(json_object_get(record, "coinbase"));
    struct tx_outpoint at;
    char from[TX_OUTPOINT_TEXT_SIZE];
    size_t i;
    json_t *output;
    if (coinbase == NULL ||
        hash256_parse_display(&at.txid, coinbase, strlen(coinbase)) != KZ_OK)
        return KZ_PARSE;
    json_array_foreach(json_object_get(record, "outputs"), i, output)
    {
        json_int_t sat = json_integer_value(json_array_get(output, 0));
        const char *script = json_string_value(json_array_get(output, 1));
        if (sat <= 0 || script == NULL || explain_is_payees(record, i))
            continue;
        at.vout = (uint32_t)i;
        tx_outpoint_format(from, &at);
        json_object_set_new(rows, from,
                            json_pack("{s:I, s:s, s:O}", "sat", sat, "script", script,
                                      "height", json_object_get(record, "height")));
    }
    return KZ_OK;
}

static enum kz_err take_block(struct purse *u, struct payer *p, const char *hash)
{
    json_t *record = NULL, *rows = json_object(), *row, *marks = json_array();
    const char *from;
    enum kz_err err = store_read_block(&record, p->store, hash);
    if (err == KZ_OK)
        err = block_rows(rows, record);
    if (err != KZ_OK)
        pay_fail(p, err, "block %s: its record does not name its coinbase", hash);
    json_object_foreach(rows, from, row)
    {
        struct tx_outpoint at;
        if (err == KZ_OK && p->journal != NULL &&
            tx_outpoint_parse(&at, from, strlen(from)) == KZ_OK)
            json_array_append_new(marks, row_mark(&at, json_incref(row)));
        else if (err == KZ_OK)
            err = read_coin(u, p, from, row);
    }
    json_array_append_new(marks,
                          json_pack("[s, s, s, s]", "coinblk", hash, "1", "keep"));
    if (err == KZ_OK && p->journal != NULL)
        err = pay_write(p, EVENT_LEDGER, json_pack("{s:O}", "marks", marks));
    json_decref(marks);
    json_decref(rows);
    json_decref(record);
    return err;
}

/* With a journal into the table, else only into `u`. */
static enum kz_err take_blocks(struct purse *u, struct payer *p)
{
    json_t *hashes = NULL, *known = NULL, *one;
    size_t i;
    enum kz_err err = store_read_block_hashes(&hashes, p->store, false);
    if (err == KZ_OK)
        err = store_read_hash(&known, p->store, KEY_COIN_BLOCKS);
    if (err != KZ_OK)
        pay_fail(p, err, "Redis is away");
    json_array_foreach(hashes, i, one)
    {
        json_t *state = NULL;
        const char *hash = json_string_value(one);
        if (err != KZ_OK || json_object_get(known, hash) != NULL)
            continue;
        err = store_read_block_state(&state, p->store, hash);
        const char *name = json_string_value(json_object_get(state, "state"));
        bool is_mature = err == KZ_OK && name != NULL && strcmp(name, "mature") == 0;
        json_decref(state);
        if (err != KZ_OK)
            pay_fail(p, err, "Redis is away");
        else if (is_mature)
            err = take_block(u, p, hash);
    }
    json_decref(known);
    json_decref(hashes);
    return err;
}

static int by_height(const void *a, const void *b)
{
    const struct purse_coin *x = a, *y = b;
    if (x->height != y->height)
        return x->height < y->height ? -1 : 1;
    return tx_outpoint_compare(&x->coin.from, &y->coin.from);
}

enum kz_err purse_read(struct purse *u, struct payer *p)
{
    struct purse made = {.count = 0};
    enum kz_err err = take_blocks(&made, p);
    if (err == KZ_OK)
        err = read_table(&made, p);
    if (err != KZ_OK) {
        purse_clear(&made);
        return err;
    }
    if (made.count > 0)
        qsort(made.coins, made.count, sizeof(*made.coins), by_height);
    *u = made;
    return KZ_OK;
}

/* --- what is free, and whether the chain agrees ----------------------------------- */

struct coin *purse_free(size_t **places, size_t *count, const struct purse *u)
{
    struct coin *free_coins = mem_array(u->count + 1, sizeof(*free_coins));
    *places = mem_array(u->count + 1, sizeof(**places));
    *count = 0;
    for (size_t i = 0; i < u->count; i++) {
        const struct purse_coin *c = &u->coins[i];
        if (!c->is_ours || c->is_held || c->is_spent || c->is_void)
            continue;
        (*places)[*count] = i;
        free_coins[(*count)++] = c->coin;
    }
    return free_coins;
}

/* A coin that nobody of ours spends must be there, unspent, as it is written down. */
static enum kz_err check_coin(const struct purse_coin *c, struct payer *p)
{
    struct chain_coin there;
    char from[TX_OUTPOINT_TEXT_SIZE];
    tx_outpoint_format(from, &c->coin.from);
    enum kz_err err = chain_txout(&there, p->chain, &c->coin.from, true);
    if (err != KZ_OK)
        return pay_fail(p, KZ_IO, "the node could not say whether coin %s is unspent",
                        from);
    if (!there.is_unspent)
        return pay_fail(
            p, KZ_RANGE,
            "coin %s is spent, or not on the node's chain, and by no payout "
            "of ours",
            from);
    bool fits = amount_compare(there.value, c->coin.value) == 0 &&
                there.script_len == c->script.len &&
                memcmp(there.script, c->script.b, c->script.len) == 0;
    return fits ? KZ_OK
                : pay_fail(p, KZ_RANGE,
                           "coin %s has another value or script on the chain than in "
                           "the ledger",
                           from);
}

enum kz_err purse_check(const struct purse *u, struct payer *p)
{
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < u->count && err == KZ_OK; i++)
        if (!u->coins[i].is_held && !u->coins[i].is_spent && !u->coins[i].is_void)
            err = check_coin(&u->coins[i], p);
    return err;
}
