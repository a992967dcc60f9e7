/* The ledger's coins against the node's: every output that a block of ours paid to the
 * pool is asked for. */
#include "pool/inquiry_parts.h"

#include "payout/address.h"
#include "share/network.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SCRIPT_HEX_SIZE (2 * ADDRESS_SCRIPT_MAX + 1)

struct coins {
    struct proof *proof;
    char pool_script[SCRIPT_HEX_SIZE];
    struct amount unspent;
    uint64_t count, spent;
    bool no_node; /* nobody answered: nothing is compared */
    json_t *problems;
};

static void read_pool_script(char out[SCRIPT_HEX_SIZE], const struct conf *conf)
{
    struct address a;
    struct address_problem problem;
    out[0] = '\0';
    if (address_parse(&a, &problem, network_of(conf->network), conf->coinbase_address,
                      strlen(conf->coinbase_address)) == KZ_OK)
        hex_encode(out, a.script, a.script_len);
}

static void complain(struct coins *c, const char *hash, uint32_t vout, const char *why)
{
    char line[300];
    snprintf(line, sizeof(line), "coin %u of block %s: %s", (unsigned)vout, hash, why);
    json_array_append_new(c->problems, json_string(line));
}

/* Not there: spent, or is its block itself gone? */
static void judge_missing(struct coins *c, const char *hash, uint32_t vout)
{
    struct hash256 block;
    int64_t confirmations = 0;
    enum kz_err err = KZ_IO;
    if (hash256_parse_display(&block, hash, strlen(hash)) == KZ_OK)
        err = inquiry_ask_confirmations(&confirmations, c->proof->i, &block);
    c->spent++;
    if (err == KZ_IO)
        c->no_node = true;
    else if (err != KZ_OK || confirmations < 1)
        complain(c, hash, vout, "its block is not on the node's best chain");
    else if (c->proof->spends == 0)
        complain(c, hash, vout, "spent outside the ledger");
}

static void ask_coin(struct coins *c, const char *hash, const struct hash256 *txid,
                     uint32_t vout, struct amount value, const char *script)
{
    struct inquiry_coin coin;
    char why[120];
    if (inquiry_ask_coin(&coin, c->proof->i, txid, vout, script) != KZ_OK) {
        c->no_node = true;
        return;
    }
    c->count++;
    if (!coin.is_unspent) {
        judge_missing(c, hash, vout);
        return;
    }
    if (!coin.script_fits || coin.value_sat != amount_to_sat(value)) {
        snprintf(why, sizeof(why),
                 "the node has %" PRId64 " there%s, the block's record %" PRId64,
                 coin.value_sat, coin.script_fits ? "" : " under another script",
                 amount_to_sat(value));
        complain(c, hash, vout, why);
    }
    struct amount held;
    if (!amount_from_sat(&held, coin.value_sat) ||
        !amount_add(&c->unspent, c->unspent, held))
        complain(c, hash, vout, "a sum outside the range of money");
}

/* Where no miner is paid beside it, all of the coinbase is the pool's, also what went to
 * an address that the settings had then. */
static bool is_pools(const struct coins *c, const struct booked_block *b,
                     const char *script)
{
    return b->payees == 0 || strcmp(script, c->pool_script) == 0;
}

static void ask_block(struct coins *c, const char *hash, const json_t *record)
{
    const struct booked_block *b = textmap_get(c->proof->blocks, hash);
    const char *coinbase = json_string_value(json_object_get(record, "coinbase"));
    struct hash256 txid;
    struct amount sum = amount_zero();
    size_t k;
    json_t *output;
    if (coinbase == NULL ||
        hash256_parse_display(&txid, coinbase, strlen(coinbase)) != KZ_OK) {
        if (!amount_is_zero(b->pool_coins))
            complain(c, hash, 0, "the block's record does not name its coinbase");
        return;
    }
    json_array_foreach(json_object_get(record, "outputs"), k, output)
    {
        const char *script = json_string_value(json_array_get(output, 1));
        struct amount value;
        if (c->no_node || script == NULL ||
            !amount_from_sat(&value, json_integer_value(json_array_get(output, 0))) ||
            amount_is_zero(value) || !is_pools(c, b, script))
            continue;
        if (!amount_add(&sum, sum, value))
            complain(c, hash, (uint32_t)k, "a sum outside the range of money");
        ask_coin(c, hash, &txid, (uint32_t)k, value, script);
    }
    if (!c->no_node && amount_compare(sum, b->pool_coins) != 0)
        complain(c, hash, 0, "its outputs to the pool are not what was booked");
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
    if (!expected_coins(&wanted, p->book))
        return;
    amount_format(have, c->unspent);
    amount_format(want, wanted);
    if (amount_compare(c->unspent, wanted) == 0 || p->spends > 0)
        return;
    snprintf(line, sizeof(line),
             "the node has %s unspent of the pool's coinbases, the ledger %s", have,
             want);
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
    amount_format(have, c->unspent);
    proof_say(p,
              "coins      %" PRIu64 " coinbase outputs asked for: %s unspent, %" PRIu64
              " spent%s",
              c->count, have, c->spent,
              p->spends > 0 ? "; payouts spent some, whose change is not followed "
                              "here"
                            : "");
}

enum kz_err proof_coins(struct proof *p)
{
    for (int tries = 0;; tries++) {
        struct coins c = {.proof = p, .problems = json_array()};
        json_t *hashes = NULL; /* anew each time: there may be another block */
        read_pool_script(c.pool_script, p->i->parts.conf);
        enum kz_err err = store_read_block_hashes(&hashes, p->i->parts.store, false);
        if (err == KZ_OK)
            err = ask_all(&c, hashes);
        json_decref(hashes);
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
