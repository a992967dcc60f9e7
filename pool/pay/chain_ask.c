/* What is asked of the node, and what its answers mean. */
#include "pool/pay/chain_parts.h"

#include "conf/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PARAMS_SIZE 256
#define HEADER_SIZE 80

#define CODE_NO_METHOD (-32601)
#define CODE_NO_HEIGHT (-8) /* above the tip */

/* sendrawtransaction's. */
#define CODE_VERIFY   (-25)
#define CODE_REJECTED (-26)
#define CODE_IN_CHAIN (-27)

const char *chain_sent_name(enum chain_sent s)
{
    static const char *const names[] = {[CHAIN_SENT] = "sent",
                                        [CHAIN_CONFIRMED] = "in the chain",
                                        [CHAIN_MISSING] = "input spent",
                                        [CHAIN_FEE_LOW] = "fee too low",
                                        [CHAIN_BUMP_LOW] = "bump too low",
                                        [CHAIN_REFUSED] = "refused",
                                        [CHAIN_UNKNOWN] = "no answer"};
    return names[s];
}

/* --- reading answers -------------------------------------------------------------- */

static bool read_value(struct amount *out, const json_t *value)
{
    int64_t sat;
    return rpc_read_coins(&sat, value) && amount_from_sat(out, sat);
}

/* 8 places: the text that the node wrote, up to zeros behind it. */
static struct feerate read_rate(const json_t *value)
{
    char text[FEERATE_TEXT_LONGEST];
    struct feerate rate = {0};
    snprintf(text, sizeof(text), "%.8f", json_number_value(value));
    if (!json_is_number(value) || feerate_parse(&rate, text, strlen(text)) != KZ_OK)
        return (struct feerate){0};
    return rate;
}

static bool read_hash(struct hash256 *out, const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL && hash256_parse_display(out, text, strlen(text)) == KZ_OK;
}

/* Hex of any length up to a whole block's. The caller's to mem_free(). */
static uint8_t *read_bytes(size_t *len, const json_t *value)
{
    const char *hex = json_string_value(value);
    size_t digits = json_string_length(value);
    if (hex == NULL || digits == 0 || digits % 2 != 0)
        return NULL;
    uint8_t *bytes = mem_new(digits / 2);
    *len = digits / 2;
    if (hex_decode(bytes, *len, hex, digits) == KZ_OK)
        return bytes;
    mem_free(bytes);
    return NULL;
}

/* The node said that it has no such thing. Any other error (it starts, it is pruned) is
 * no answer. Some programs have one code for everything, and say it in words. */
static bool is_not_there(const struct rpc_answer *a)
{
    return a->code == RPC_CODE_NOT_FOUND ||
           strcmp(a->message, "Block not found") == 0 ||
           strcmp(a->message, "Transaction not found.") == 0 ||
           strstr(a->message, "not in mempool") != NULL;
}

static void hash_params(char out[PARAMS_SIZE], const struct hash256 *h,
                        const char *more)
{
    char text[HASH256_HEX_SIZE];
    hash256_format_display(text, h);
    snprintf(out, PARAMS_SIZE, "[\"%s\"%s]", text, more);
}

/* --- coins and blocks ------------------------------------------------------------- */

static bool read_coin(struct chain_coin *out, const json_t *result)
{
    struct chain_coin coin = {.is_unspent = true};
    const json_t *script = json_object_get(result, "scriptPubKey");
    const char *hex = json_string_value(json_object_get(script, "hex"));
    if (!read_value(&coin.value, json_object_get(result, "value")))
        return false;
    if (hex != NULL && hex_decode_some(coin.script, &coin.script_len,
                                       sizeof(coin.script), hex, strlen(hex)) != KZ_OK)
        coin.script_len = 0;
    json_int_t n = json_integer_value(json_object_get(result, "confirmations"));
    coin.confirmations = n > 0 && n < INT32_MAX ? (uint32_t)n : 0;
    coin.is_coinbase = json_is_true(json_object_get(result, "coinbase"));
    *out = coin;
    return true;
}

enum kz_err chain_txout(struct chain_coin *out, struct chain *c,
                        const struct tx_outpoint *o, bool with_mempool)
{
    char params[PARAMS_SIZE], more[32];
    struct rpc_answer a;
    snprintf(more, sizeof(more), ",%" PRIu32 ",%s", o->vout,
             with_mempool ? "true" : "false");
    hash_params(params, &o->txid, more);
    enum kz_err err = chain_call(&a, c, "gettxout", params);
    if (err == KZ_OK && json_is_null(a.result))
        *out = (struct chain_coin){.is_unspent = false};
    else if (err == KZ_OK && !read_coin(out, a.result))
        err = KZ_IO;
    else if (err == KZ_EMPTY)
        err = KZ_IO;
    rpc_answer_clear(&a);
    return err;
}

/* A node may refuse a height above its tip: then there is none. */
enum kz_err chain_block_hash(struct hash256 *out, struct chain *c, uint32_t height)
{
    char params[PARAMS_SIZE];
    struct rpc_answer a;
    snprintf(params, sizeof(params), "[%" PRIu32 "]", height);
    enum kz_err err = chain_call(&a, c, "getblockhash", params);
    bool is_none = err == KZ_EMPTY && a.code == CODE_NO_HEIGHT;
    if ((err == KZ_EMPTY && !is_none) || (err == KZ_OK && !read_hash(out, a.result)))
        err = KZ_IO;
    rpc_answer_clear(&a);
    return err;
}

/* A positive count is believed only where the best chain has the block at that height:
 * some nodes count for blocks that lost against another as well. */
enum kz_err chain_confirmations(int64_t *out, struct chain *c,
                                const struct hash256 *block)
{
    char params[PARAMS_SIZE];
    struct rpc_answer a;
    struct hash256 there;
    hash_params(params, block, ",true");
    enum kz_err err = chain_call(&a, c, "getblockheader", params);
    const json_t *count = json_object_get(a.result, "confirmations");
    const json_t *height = json_object_get(a.result, "height");
    json_int_t n = json_integer_value(count), at = json_integer_value(height);
    if (err == KZ_EMPTY && !is_not_there(&a))
        err = KZ_IO;
    if (err == KZ_OK && (!json_is_integer(count) || !json_is_integer(height) || at < 0))
        err = KZ_IO;
    rpc_answer_clear(&a);
    if (err == KZ_OK && n > 0) {
        err = chain_block_hash(&there, c, (uint32_t)at);
        if (err == KZ_EMPTY || (err == KZ_OK && !hash256_equal(&there, block))) {
            n = -1;
            err = KZ_OK;
        }
    }
    if (err == KZ_OK)
        *out = n;
    return err;
}

/* --- transactions ----------------------------------------------------------------- */

/* One after the other out of a block's bytes. */
static enum kz_err walk_bytes(struct bytes in, chain_tx_fn *fn, void *ctx)
{
    uint64_t count;
    size_t used;
    if (in.len < HEADER_SIZE)
        return KZ_PARSE;
    in = (struct bytes){in.p + HEADER_SIZE, in.len - HEADER_SIZE};
    enum kz_err err = compact_size_read(&count, &used, in);
    in = (struct bytes){in.p + used, in.len - used};
    for (uint64_t i = 0; i < count && err == KZ_OK; i++) {
        struct tx t;
        err = tx_parse_front(&t, &used, in);
        if (err != KZ_OK)
            break;
        bool goes_on = fn(ctx, &t);
        tx_clear(&t);
        if (!goes_on)
            return KZ_OK;
        in = (struct bytes){in.p + used, in.len - used};
    }
    return err;
}

enum kz_err chain_block_walk(struct chain *c, const struct hash256 *block,
                             chain_tx_fn *fn, void *ctx)
{
    char params[PARAMS_SIZE];
    struct rpc_answer a;
    size_t len = 0;
    hash_params(params, block, ",0");
    enum kz_err err = chain_call(&a, c, "getblock", params);
    if (err == KZ_EMPTY && !is_not_there(&a))
        err = KZ_IO;
    uint8_t *bytes = err == KZ_OK ? read_bytes(&len, a.result) : NULL;
    rpc_answer_clear(&a);
    if (err != KZ_OK)
        return err;
    if (bytes == NULL || walk_bytes((struct bytes){bytes, len}, fn, ctx) != KZ_OK)
        err = KZ_IO;
    mem_free(bytes);
    return err;
}

struct search {
    const struct hash256 *txid;
    struct tx *out;
    bool found;
};

static bool is_sought(void *ctx, const struct tx *t)
{
    struct search *s = ctx;
    struct hash256 id;
    tx_id(&id, t);
    s->found = hash256_equal(&id, s->txid);
    if (s->found)
        tx_copy(s->out, t);
    return !s->found;
}

enum kz_err chain_transaction(struct tx *out, struct chain *c,
                              const struct hash256 *txid, const struct hash256 *block)
{
    char params[PARAMS_SIZE];
    struct rpc_answer a;
    size_t len = 0;
    struct search s = {.txid = txid, .out = out};
    if (block != NULL) {
        enum kz_err walked = chain_block_walk(c, block, is_sought, &s);
        return walked == KZ_OK && !s.found ? KZ_EMPTY : walked;
    }
    hash_params(params, txid, ",0");
    enum kz_err err = chain_call(&a, c, "getrawtransaction", params);
    if (err == KZ_EMPTY && !is_not_there(&a))
        err = KZ_IO;
    uint8_t *bytes = err == KZ_OK ? read_bytes(&len, a.result) : NULL;
    rpc_answer_clear(&a);
    if (err == KZ_OK &&
        (bytes == NULL || tx_parse(out, (struct bytes){bytes, len}) != KZ_OK))
        err = KZ_IO;
    mem_free(bytes);
    return err;
}

enum kz_err chain_is_in_mempool(bool *out, struct chain *c, const struct hash256 *txid)
{
    char params[PARAMS_SIZE];
    struct rpc_answer a;
    hash_params(params, txid, "");
    enum kz_err err = chain_call(&a, c, "getmempoolentry", params);
    if (err == KZ_OK || (err == KZ_EMPTY && is_not_there(&a))) {
        *out = err == KZ_OK && json_is_object(a.result);
        err = KZ_OK;
    } else if (err == KZ_EMPTY) {
        err = KZ_IO;
    }
    rpc_answer_clear(&a);
    return err;
}

/* For nodes without gettxspendingprevout: each unconfirmed transaction is looked at. */
static enum kz_err search_mempool(struct hash256 *txid, struct chain *c,
                                  const struct tx_outpoint *o)
{
    struct rpc_answer a;
    size_t i;
    json_t *one;
    enum kz_err err = chain_call(&a, c, "getrawmempool", "[]");
    bool found = false;
    if (err == KZ_EMPTY)
        err = KZ_IO;
    json_array_foreach(a.result, i, one)
    {
        struct tx t;
        struct hash256 id;
        if (err != KZ_OK || found || !read_hash(&id, one))
            continue;
        enum kz_err got = chain_transaction(&t, c, &id, NULL);
        if (got == KZ_OK) {
            found = tx_spends(&t, o);
            *txid = found ? id : *txid;
            tx_clear(&t);
        } else if (got != KZ_EMPTY) { /* empty: it has left meanwhile */
            err = got;
        }
    }
    rpc_answer_clear(&a);
    return err == KZ_OK && !found ? KZ_EMPTY : err;
}

enum kz_err chain_mempool_spender(struct hash256 *txid, struct chain *c,
                                  const struct tx_outpoint *o)
{
    char params[PARAMS_SIZE], text[HASH256_HEX_SIZE];
    struct rpc_answer a;
    if (c->lacks_spender_call)
        return search_mempool(txid, c, o);
    hash256_format_display(text, &o->txid);
    snprintf(params, sizeof(params), "[[{\"txid\":\"%s\",\"vout\":%" PRIu32 "}]]", text,
             o->vout);
    enum kz_err err = chain_call(&a, c, "gettxspendingprevout", params);
    const json_t *by = json_object_get(json_array_get(a.result, 0), "spendingtxid");
    c->lacks_spender_call = err == KZ_EMPTY && a.code == CODE_NO_METHOD;
    if (err == KZ_EMPTY)
        err = KZ_IO;
    if (err == KZ_OK)
        err = by == NULL ? KZ_EMPTY : read_hash(txid, by) ? KZ_OK : KZ_IO;
    rpc_answer_clear(&a);
    return c->lacks_spender_call ? search_mempool(txid, c, o) : err;
}

/* --- rates ------------------------------------------------------------------------ */

enum kz_err chain_rates(struct chain_rates *out, struct chain *c, uint32_t target)
{
    char params[PARAMS_SIZE];
    struct rpc_answer a;
    struct chain_rates r = {.estimate = {0}};
    enum kz_err err = chain_call(&a, c, "getmempoolinfo", "[]");
    if (err == KZ_OK) {
        struct feerate relay = read_rate(json_object_get(a.result, "minrelaytxfee"));
        r.minimum = read_rate(json_object_get(a.result, "mempoolminfee"));
        r.increment = read_rate(json_object_get(a.result, "incrementalrelayfee"));
        if (feerate_compare(relay, r.minimum) > 0)
            r.minimum = relay;
        if (!json_is_number(json_object_get(a.result, "incrementalrelayfee")))
            r.increment.sat_per_kvb = 1000; /* an older node's default */
    }
    rpc_answer_clear(&a);
    if (err != KZ_OK)
        return KZ_IO;
    snprintf(params, sizeof(params), "[%" PRIu32 ",\"economical\"]", target);
    err = chain_call(&a, c, "estimatesmartfee", params);
    if (err == KZ_EMPTY) { /* a node that does not know the mode */
        rpc_answer_clear(&a);
        snprintf(params, sizeof(params), "[%" PRIu32 "]", target);
        err = chain_call(&a, c, "estimatesmartfee", params);
    }
    if (err == KZ_OK && json_number_value(json_object_get(a.result, "feerate")) > 0)
        r.estimate = read_rate(json_object_get(a.result, "feerate"));
    rpc_answer_clear(&a);
    if (err == KZ_IO)
        return err;
    *out = r;
    return KZ_OK;
}

/* --- sending ---------------------------------------------------------------------- */

static bool says(const struct rpc_answer *a, const char *what)
{
    return strstr(a->message, what) != NULL;
}

static enum chain_sent judge_rejection(const struct rpc_answer *a)
{
    if (says(a, "insufficient fee") || says(a, "replacement"))
        return CHAIN_BUMP_LOW;
    if (says(a, "min relay fee") || says(a, "mempool min fee") ||
        says(a, "min fee not met") || says(a, "insufficient priority"))
        return CHAIN_FEE_LOW;
    if (says(a, "non-final")) /* a node that is a block behind: later */
        return CHAIN_UNKNOWN;
    if (says(a, "issing") || says(a, "txn-mempool-conflict")) /* "Missing inputs" */
        return CHAIN_MISSING;
    if (says(a, "already in") || says(a, "txn-already-") ||
        says(a, "same-nonwitness-data"))
        return says(a, "utxo set") || says(a, "chain") ? CHAIN_CONFIRMED : CHAIN_SENT;
    return CHAIN_REFUSED;
}

static enum chain_sent judge_answer(const struct rpc_answer *a)
{
    if (a->outcome == RPC_RESULT)
        return CHAIN_SENT;
    if (a->outcome != RPC_ERROR)
        return CHAIN_UNKNOWN;
    if (a->code == CODE_IN_CHAIN)
        return CHAIN_CONFIRMED;
    if (a->code == CODE_VERIFY || a->code == CODE_REJECTED)
        return judge_rejection(a);
    if (a->code == RPC_CODE_WARMING_UP || a->code == RPC_CODE_NOT_CONNECTED ||
        a->code == RPC_CODE_IN_DOWNLOAD)
        return CHAIN_UNKNOWN;
    return judge_rejection(a);
}

/* One node's good word outweighs another's refusal, whose mempool may be another. */
static enum chain_sent send_to_all(char *why, struct chain *c, const char *params)
{
    enum chain_sent best = CHAIN_UNKNOWN;
    snprintf(why, RPC_MESSAGE_SIZE, "no node answered");
    for (size_t i = 0; i < c->count; i++) {
        struct rpc_answer a;
        chain_call_node(&a, c, i, "sendrawtransaction", params);
        enum chain_sent s = judge_answer(&a);
        if (i == 0 || s < best || best == CHAIN_UNKNOWN) {
            best = s;
            snprintf(why, RPC_MESSAGE_SIZE, "%s",
                     s == CHAIN_SENT ? "accepted" : a.message);
        }
        rpc_answer_clear(&a);
    }
    return best;
}

enum chain_sent chain_send(char *why, struct chain *c, const char *hex)
{
    size_t size = strlen(hex) + 8;
    char *params = mem_new(size);
    snprintf(params, size, "[\"%s\"]", hex);
    enum chain_sent s = send_to_all(why, c, params);
    mem_free(params);
    return s;
}
