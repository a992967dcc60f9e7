/* The ledger's coins against the node's: every output that a block of ours paid to the
 * pool is asked for. */
#include "pool/inquiry_parts.h"

#include "payout/tx.h"
#include "pool/explain.h"
#include "share/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct coins {
    struct proof *proof;
    struct amount held; /* by the ledger's account */
    uint64_t count, spent;
    uint64_t under_way; /* spent on the chain by a payout that is not booked yet */
    bool no_node;       /* nobody answered: nothing is compared */
    json_t *problems;
};

static void complain(struct coins *c, const char *what, const char *why)
{
    char line[300];
    snprintf(line, sizeof(line), "coin %.80s: %s", what, why);
    json_array_append_new(c->problems, json_string(line));
}

static void complain_of_block(struct coins *c, const char *hash, const char *why)
{
    char line[300];
    snprintf(line, sizeof(line), "block %s: %s", hash, why);
    json_array_append_new(c->problems, json_string(line));
}

/* What the pool's payouts do with a coin. */
enum use { USE_NONE, USE_HELD, USE_GONE };

/* Gone: spent by a confirmed payout, or change of one that is not confirmed any more. */
static enum use use_of(struct coins *c, const char *from)
{
    char name[KEY_SIZE], key[KEY_SIZE];
    json_t *fields = NULL, *how;
    const char *payout;
    enum use use = USE_NONE;
    snprintf(name, sizeof(name), "use:%.100s", from);
    key_mark(key, name);
    if (store_read_hash(&fields, c->proof->i->parts.store, key) != KZ_OK)
        return USE_NONE; /* Redis is away: the next question says so */
    json_object_foreach(fields, payout, how)
    {
        const char *text = json_string_value(how);
        if (strcmp(text, "spent") == 0 || strcmp(text, "void") == 0)
            use = USE_GONE;
        else if (strcmp(text, "held") == 0 && use == USE_NONE)
            use = USE_HELD;
    }
    json_decref(fields);
    return use;
}

/* Not there though no payout has taken it: spent by a stranger, or is its block gone?
 * `block` NULL: it is change. */
static void judge_missing(struct coins *c, const char *from, const char *block)
{
    struct hash256 hash;
    int64_t confirmations = 0;
    enum kz_err err = KZ_IO;
    if (block == NULL) {
        complain(c, from, "change of a payout, and it is not on the node's best chain");
        return;
    }
    if (hash256_parse_display(&hash, block, strlen(block)) == KZ_OK)
        err = inquiry_ask_confirmations(&confirmations, c->proof->i, &hash);
    if (err == KZ_IO)
        c->no_node = true;
    else if (err != KZ_OK || confirmations < 1)
        complain(c, from, "its block is not on the node's best chain");
    else
        complain(c, from, "spent outside the ledger");
}

static void count_coin(struct coins *c, const char *from, struct amount value)
{
    c->count++;
    if (!amount_add(&c->held, c->held, value))
        complain(c, from, "a sum outside the range of money");
}

/* A coin that the ledger has, or had. */
static void ask_coin(struct coins *c, const struct tx_outpoint *at, struct amount value,
                     const char *script, const char *block)
{
    struct inquiry_coin coin;
    char why[120], from[TX_OUTPOINT_TEXT_SIZE];
    tx_outpoint_format(from, at);
    enum use use = use_of(c, from);
    if (use == USE_GONE) {
        c->spent++;
        return;
    }
    count_coin(c, from, value);
    if (inquiry_ask_coin(&coin, c->proof->i, &at->txid, at->vout, script) != KZ_OK) {
        c->no_node = true;
        return;
    }
    if (!coin.is_unspent && use == USE_NONE)
        judge_missing(c, from, block);
    c->under_way += !coin.is_unspent;
    if (!coin.is_unspent ||
        (coin.script_fits && coin.value_sat == amount_to_sat(value)))
        return;
    snprintf(why, sizeof(why), "the node has %" PRId64 " there%s, the ledger %" PRId64,
             coin.value_sat, coin.script_fits ? "" : " under another script",
             amount_to_sat(value));
    complain(c, from, why);
}

static void ask_block(struct coins *c, const char *hash, const json_t *record)
{
    const struct booked_block *b = textmap_get(c->proof->blocks, hash);
    const char *coinbase = json_string_value(json_object_get(record, "coinbase"));
    struct tx_outpoint at;
    struct amount sum = amount_zero();
    size_t k;
    json_t *output;
    if (coinbase == NULL ||
        hash256_parse_display(&at.txid, coinbase, strlen(coinbase)) != KZ_OK) {
        if (!amount_is_zero(b->pool_coins))
            complain_of_block(c, hash, "its record does not name its coinbase");
        return;
    }
    json_array_foreach(json_object_get(record, "outputs"), k, output)
    {
        const char *script = json_string_value(json_array_get(output, 1));
        struct amount value;
        if (c->no_node || script == NULL ||
            !amount_from_sat(&value, json_integer_value(json_array_get(output, 0))) ||
            amount_is_zero(value) || explain_is_payees(record, k))
            continue;
        if (!amount_add(&sum, sum, value))
            complain_of_block(c, hash, "a sum outside the range of money");
        at.vout = (uint32_t)k;
        ask_coin(c, &at, value, script, hash);
    }
    if (!c->no_node && amount_compare(sum, b->pool_coins) != 0)
        complain_of_block(c, hash, "its outputs to the pool are not what was booked");
}

/* Change of payouts; coinbases were asked for by their blocks. */
static enum kz_err ask_change(struct coins *c)
{
    json_t *table = NULL, *text;
    const char *from;
    enum kz_err err = store_read_hash(&table, c->proof->i->parts.store, KEY_COINS);
    json_object_foreach(table, from, text)
    {
        json_t *row = json_loads(json_string_value(text), 0, NULL);
        const char *script = json_string_value(json_object_get(row, "script"));
        struct tx_outpoint at;
        struct amount value;
        bool is_change = json_object_get(row, "change") != NULL;
        if (is_change && !c->no_node && script != NULL &&
            tx_outpoint_parse(&at, from, strlen(from)) == KZ_OK &&
            amount_from_sat(&value, json_integer_value(json_object_get(row, "sat"))))
            ask_coin(c, &at, value, script, NULL);
        json_decref(row);
    }
    json_decref(table);
    return err;
}

static bool is_standing(const struct proof *p, const char *hash)
{
    struct book_block b;
    return book_block(p->book, &b, hash) == KZ_OK && b.stage != BOOK_BLOCK_ORPHANED;
}

static enum kz_err ask_all(struct coins *c, const json_t *hashes)
{
    struct proof *p = c->proof;
    size_t k;
    json_t *one;
    enum kz_err err = KZ_OK;
    json_array_foreach(hashes, k, one)
    {
        const char *hash = json_string_value(one);
        json_t *record = NULL;
        if (c->no_node || err != KZ_OK || !is_standing(p, hash) ||
            inquiry_is_stopping(p->i))
            continue;
        err = store_read_block(&record, p->i->parts.store, hash);
        if (err == KZ_OK)
            ask_block(c, hash, record);
        if (err == KZ_EMPTY) /* said already */
            err = KZ_OK;
        json_decref(record);
    }
    return err;
}

/* What blocks brought and is not paid out: what the operator put in came otherwise. */
static bool expected_coins(struct amount *out, const struct book *b)
{
    struct account immature = account_pool(ACCOUNT_COINS_IMMATURE),
                   mature = account_pool(ACCOUNT_COINS_MATURE),
                   capital = account_pool(ACCOUNT_CAPITAL);
    struct amount sum = book_balance(b, &immature);
    return amount_add(&sum, sum, book_balance(b, &mature)) &&
           amount_add(out, sum, book_balance(b, &capital)); /* a credit: below 0 */
}

static void compare_sums(struct coins *c)
{
    struct proof *p = c->proof;
    struct amount wanted;
    char have[AMOUNT_TEXT_SIZE], want[AMOUNT_TEXT_SIZE], line[300];
    if (!expected_coins(&wanted, p->book) || amount_compare(c->held, wanted) == 0)
        return;
    amount_format(have, c->held);
    amount_format(want, wanted);
    snprintf(line, sizeof(line),
             "the coins of blocks and change that no payout has spent are %s, by the "
             "ledger's accounts %s",
             have, want);
    json_array_append_new(c->problems, json_string(line));
}

static void report(const struct coins *c)
{
    struct proof *p = c->proof;
    size_t k;
    json_t *problem;
    char have[AMOUNT_TEXT_SIZE];
    if (c->no_node) {
        proof_fail(p,
                   "no node could say which coins are unspent: the comparison was not "
                   "made (--no-node leaves it out)");
        return;
    }
    json_array_foreach(c->problems, k, problem)
        proof_fail(p, "%s", json_string_value(problem));
    amount_format(have, c->held);
    proof_say(p,
              "coins      %" PRIu64 " asked for: %s, of which payouts under way spend "
              "%" PRIu64 "; %" PRIu64 " more were spent by payouts",
              c->count, have, c->under_way, c->spent);
}

enum kz_err proof_coins(struct proof *p)
{
    for (int tries = 0;; tries++) {
        struct coins c = {.proof = p, .problems = json_array()};
        json_t *hashes = NULL; /* anew each time: there may be another block */
        enum kz_err err = store_read_block_hashes(&hashes, p->i->parts.store, false);
        if (err == KZ_OK)
            err = ask_all(&c, hashes);
        json_decref(hashes);
        if (err == KZ_OK && !c.no_node)
            err = ask_change(&c);
        if (err == KZ_OK && !c.no_node)
            compare_sums(&c);
        /* Was something booked while the node was asked? */
        bool again = err == KZ_OK && !c.no_node && json_array_size(c.problems) > 0 &&
                     tries < 3 && proof_catch_up(p);
        if (err == KZ_OK && !again)
            report(&c);
        json_decref(c.problems);
        if (!again)
            return err;
    }
}
