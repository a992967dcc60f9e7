/* What a node's answers mean to kariz-payout; above all, no answer is never "no". */
#include "pool/pay/chain_parts.h"

#include "conf/log.h"
#include "fake_rpc.h"
#include "pool/rpc_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define NODES  2
#define ANSWER 400

/* What a fake node says to one method: a result's JSON, or an error, or nothing. */
struct line {
    const char *method;
    const char *json;
    int code;
    bool is_silent;
    const char *instead; /* an HTTP body */
};

struct peer {
    struct fake_rpc fake;
    struct line lines[8];
    size_t count;
    char asked[ANSWER]; /* the parameters of the last question */
};

struct bed {
    struct conf conf;
    struct chain *chain;
    struct peer peers[NODES];
};

static void on_request(void *ctx, const struct fake_request *r)
{
    struct peer *p = ctx;
    char *params = json_dumps(r->params, JSON_COMPACT);
    snprintf(p->asked, sizeof(p->asked), "%s", params);
    free(params); /* allowed: jansson's */
    for (size_t i = 0; i < p->count; i++) {
        const struct line *l = &p->lines[i];
        if (strcmp(l->method, r->method) != 0)
            continue;
        if (l->is_silent)
            return;
        if (l->instead != NULL)
            fake_text(r, 503, l->instead);
        else if (l->code != 0)
            fake_error(r, l->code, l->json);
        else
            fake_result(r, json_loads(l->json, JSON_DECODE_ANY, NULL));
        return;
    }
    fake_error(r, -32601, "Method not found");
}

static void say(struct bed *b, size_t node, struct line line)
{
    struct peer *p = &b->peers[node];
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->lines[i].method, line.method) == 0) {
            p->lines[i] = line;
            return;
        }
    assert_true(p->count < 8);
    p->lines[p->count++] = line;
}

#define result(method_, json_) ((struct line){.method = (method_), .json = (json_)})
#define error(method_, code_, text_)                                                   \
    ((struct line){.method = (method_), .json = (text_), .code = (code_)})
#define silence(method_) ((struct line){.method = (method_), .is_silent = true})

#define HASH  "00000000000000000000000000000000000000000000000000000000000000aa"
#define OTHER "00000000000000000000000000000000000000000000000000000000000000bb"
#define INFO                                                                           \
    "{\"chain\":\"regtest\",\"blocks\":100,\"headers\":100,\"bestblockhash\":\"" HASH  \
    "\",\"initialblockdownload\":false}"

static struct hash256 hash_of(const char *text)
{
    struct hash256 h;
    assert_int_equal(hash256_parse_display(&h, text, strlen(text)), KZ_OK);
    return h;
}

static uint16_t free_port(void)
{
    struct event_base *base = event_base_new();
    struct fake_rpc f;
    assert_true(fake_start(&f, base, 0, on_request, NULL));
    uint16_t port = f.port;
    fake_stop(&f);
    event_base_free(base);
    return port;
}

static void bed_init(struct bed *b, size_t nodes)
{
    memset(b, 0, sizeof(*b));
    log_setup(LOG_ERROR, false);
    b->conf.network = CONF_REGTEST;
    b->conf.node_timeout_seconds = 1;
    b->conf.node_count = nodes;
    uint16_t ports[NODES];
    for (size_t i = 0; i < nodes; i++) {
        ports[i] = free_port();
        snprintf(b->conf.nodes[i].url, sizeof(b->conf.nodes[i].url),
                 "http://127.0.0.1:%u", ports[i]);
        snprintf(b->conf.nodes[i].user, sizeof(b->conf.nodes[i].user), "u");
    }
    assert_int_equal(chain_open(&b->chain, &b->conf), KZ_OK);
    for (size_t i = 0; i < nodes; i++) {
        assert_true(fake_start(&b->peers[i].fake, b->chain->base, ports[i], on_request,
                               &b->peers[i]));
        say(b, i, result("getblockchaininfo", INFO));
    }
    assert_int_equal(chain_refresh(b->chain), KZ_OK);
}

static void bed_clear(struct bed *b)
{
    for (size_t i = 0; i < b->conf.node_count; i++)
        fake_stop(&b->peers[i].fake);
    chain_close(b->chain);
}

/* --- the choice ------------------------------------------------------------------- */

static void a_node_must_be_in_good_order(void **state)
{
    (void)state;
    static const struct {
        const char *info, *why;
    } cases[] = {
        {"{\"chain\":\"main\",\"blocks\":1,\"headers\":1,\"bestblockhash\":\"" HASH
         "\"}",
         "it is on another network"},
        {"{\"blocks\":1,\"headers\":1,\"bestblockhash\":\"" HASH "\"}",
         "it is on another network"},
        {"{\"chain\":\"regtest\",\"blocks\":1,\"headers\":1,\"bestblockhash\":\"" HASH
         "\",\"initialblockdownload\":true}",
         "it is in initial block download"},
        {"{\"chain\":\"regtest\",\"blocks\":1,\"headers\":2,\"bestblockhash\":\"" HASH
         "\"}",
         "it lacks blocks whose headers it knows"},
        {"{\"chain\":\"regtest\",\"blocks\":-1,\"headers\":0,\"bestblockhash\":\"" HASH
         "\"}",
         "it lacks blocks whose headers it knows"},
        {"{\"chain\":\"regtest\",\"blocks\":1,\"headers\":1,\"bestblockhash\":\"zz\"}",
         "its answer names no best block"},
        {"[]", "it is on another network"}};
    struct bed b;
    struct chain_coin coin;
    const struct tx_outpoint at = {.vout = 0};
    bed_init(&b, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        say(&b, 0, result("getblockchaininfo", cases[i].info));
        assert_int_equal(chain_refresh(b.chain), KZ_RANGE);
        assert_non_null(strstr(chain_why(b.chain), cases[i].why));
        assert_int_equal(chain_txout(&coin, b.chain, &at, true), KZ_IO);
    }
    say(&b, 0, error("getblockchaininfo", -28, "Loading block index..."));
    assert_int_equal(chain_refresh(b.chain), KZ_RANGE);
    assert_non_null(strstr(chain_why(b.chain), "Loading block index"));
    say(&b, 0, silence("getblockchaininfo"));
    assert_int_equal(chain_refresh(b.chain), KZ_RANGE);
    say(&b, 0, result("getblockchaininfo", INFO));
    assert_int_equal(chain_refresh(b.chain), KZ_OK);
    assert_int_equal(chain_tip(b.chain).height, 100);
    bed_clear(&b);
}

static void the_longest_of_those_in_good_order_is_asked(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, 2);
    say(&b, 1,
        result("getblockchaininfo",
               "{\"chain\":\"regtest\",\"blocks\":101,\"headers\":101,"
               "\"bestblockhash\":\"" OTHER "\"}"));
    assert_int_equal(chain_refresh(b.chain), KZ_OK);
    assert_int_equal(chain_tip(b.chain).height, 101);
    fake_stop(&b.peers[1].fake);
    assert_int_equal(chain_refresh(b.chain), KZ_OK);
    assert_int_equal(chain_tip(b.chain).height, 100);
    bed_clear(&b);
}

/* --- coins ------------------------------------------------------------------------ */

static void values_are_exact_to_the_satoshi(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t sat;
    } cases[] = {{"0.00000001", 1},
                 {"1e-8", 1},
                 {"0.1", 10000000},
                 {"0.29", 29000000},
                 {"49.99999999", 4999999999},
                 {"20999999.97690000", 2099999997690000},
                 {"20999999.99999999", 2099999999999999},
                 {"21000000.00000000", 2100000000000000}};
    static const char *const bad[] = {"-0.1", "21000000.1", "\"1.0\"", "null"};
    struct bed b;
    struct chain_coin coin;
    char json[ANSWER];
    const struct tx_outpoint at = {.txid = hash_of(HASH), .vout = 7};
    bed_init(&b, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(json, sizeof(json),
                 "{\"value\":%s,\"confirmations\":3,\"coinbase\":true,"
                 "\"scriptPubKey\":{\"hex\":\"51ac\"}}",
                 cases[i].value);
        say(&b, 0, result("gettxout", json));
        assert_int_equal(chain_txout(&coin, b.chain, &at, true), KZ_OK);
        assert_true(coin.is_unspent && coin.is_coinbase);
        assert_int_equal(amount_to_sat(coin.value), cases[i].sat);
        assert_int_equal(coin.confirmations, 3);
        assert_int_equal(coin.script_len, 2);
        assert_string_equal(b.peers[0].asked, "[\"" HASH "\",7,true]");
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(json, sizeof(json), "{\"value\":%s}", bad[i]);
        say(&b, 0, result("gettxout", json));
        assert_int_equal(chain_txout(&coin, b.chain, &at, false), KZ_IO);
    }
    bed_clear(&b);
}

static void a_coin_is_spent_only_when_a_node_says_so(void **state)
{
    (void)state;
    struct bed b;
    struct chain_coin coin = {.is_unspent = true};
    const struct tx_outpoint at = {.txid = hash_of(HASH)};
    bed_init(&b, 1);
    say(&b, 0, result("gettxout", "null"));
    assert_int_equal(chain_txout(&coin, b.chain, &at, true), KZ_OK);
    assert_false(coin.is_unspent);
    say(&b, 0, error("gettxout", -28, "Verifying blocks..."));
    assert_int_equal(chain_txout(&coin, b.chain, &at, true), KZ_IO);
    say(&b, 0, error("gettxout", -1, "Cannot get coins when pruned."));
    assert_int_equal(chain_txout(&coin, b.chain, &at, true), KZ_IO);
    say(&b, 0,
        (struct line){.method = "gettxout", .instead = "Work queue depth exceeded"});
    assert_int_equal(chain_txout(&coin, b.chain, &at, true), KZ_IO);
    say(&b, 0, silence("gettxout"));
    assert_int_equal(chain_txout(&coin, b.chain, &at, true), KZ_IO);
    fake_stop(&b.peers[0].fake);
    assert_int_equal(chain_txout(&coin, b.chain, &at, true), KZ_IO);
    bed_clear(&b);
}

/* --- blocks and transactions ------------------------------------------------------ */

static void a_block_counts_where_the_best_chain_has_it(void **state)
{
    (void)state;
    struct bed b;
    int64_t n = 0;
    const struct hash256 block = hash_of(HASH);
    bed_init(&b, 1);
    say(&b, 0, result("getblockheader", "{\"confirmations\":5,\"height\":96}"));
    say(&b, 0, result("getblockhash", "\"" HASH "\""));
    assert_int_equal(chain_confirmations(&n, b.chain, &block), KZ_OK);
    assert_int_equal(n, 5);
    say(&b, 0, result("getblockhash", "\"" OTHER "\""));
    assert_int_equal(chain_confirmations(&n, b.chain, &block), KZ_OK);
    assert_int_equal(n, -1);
    say(&b, 0, error("getblockhash", -8, "Block height out of range"));
    assert_int_equal(chain_confirmations(&n, b.chain, &block), KZ_OK);
    assert_int_equal(n, -1);
    say(&b, 0, error("getblockhash", -28, "Loading"));
    assert_int_equal(chain_confirmations(&n, b.chain, &block), KZ_IO);
    say(&b, 0, error("getblockheader", -5, "Block not found"));
    assert_int_equal(chain_confirmations(&n, b.chain, &block), KZ_EMPTY);
    say(&b, 0, error("getblockheader", -1, "Block not found")); /* bcoin's */
    assert_int_equal(chain_confirmations(&n, b.chain, &block), KZ_EMPTY);
    say(&b, 0, error("getblockheader", -28, "Loading"));
    assert_int_equal(chain_confirmations(&n, b.chain, &block), KZ_IO);
    say(&b, 0, result("getblockheader", "{\"confirmations\":5}"));
    assert_int_equal(chain_confirmations(&n, b.chain, &block), KZ_IO);
    bed_clear(&b);
}

static void a_transaction_is_missing_only_when_a_node_says_so(void **state)
{
    (void)state;
    struct bed b;
    bool is_there = true;
    const struct hash256 txid = hash_of(HASH);
    bed_init(&b, 1);
    say(&b, 0, result("getmempoolentry", "{\"vsize\":1}"));
    assert_int_equal(chain_is_in_mempool(&is_there, b.chain, &txid), KZ_OK);
    assert_true(is_there);
    say(&b, 0, error("getmempoolentry", -5, "Transaction not in mempool"));
    assert_int_equal(chain_is_in_mempool(&is_there, b.chain, &txid), KZ_OK);
    assert_false(is_there);
    is_there = true;
    say(&b, 0, error("getmempoolentry", -1, "Transaction not in mempool.")); /* bcoin */
    assert_int_equal(chain_is_in_mempool(&is_there, b.chain, &txid), KZ_OK);
    assert_false(is_there);
    say(&b, 0, error("getmempoolentry", -1, "No mempool available."));
    assert_int_equal(chain_is_in_mempool(&is_there, b.chain, &txid), KZ_IO);
    say(&b, 0, error("getmempoolentry", -28, "Loading"));
    assert_int_equal(chain_is_in_mempool(&is_there, b.chain, &txid), KZ_IO);
    say(&b, 0, silence("getmempoolentry"));
    assert_int_equal(chain_is_in_mempool(&is_there, b.chain, &txid), KZ_IO);
    bed_clear(&b);
}

/* --- who spends a coin ------------------------------------------------------------ */

/* One input, of HASH:1, and one output. */
#define SPENDER                                                                        \
    "\"0200000001aa00000000000000000000000000000000000000000000000000000000000000"     \
    "0100000000fdffffff01e80300000000000001510000000"                                  \
    "0\""

static void a_spender_is_named_or_searched(void **state)
{
    (void)state;
    struct bed b;
    struct hash256 by, named = hash_of(OTHER);
    const struct tx_outpoint at = {.txid = hash_of(HASH), .vout = 1},
                             elsewhere = {.txid = hash_of(HASH), .vout = 2};
    bed_init(&b, 1);
    say(&b, 0,
        result("gettxspendingprevout",
               "[{\"txid\":\"" HASH "\",\"vout\":1,\"spendingtxid\":\"" OTHER "\"}]"));
    assert_int_equal(chain_mempool_spender(&by, b.chain, &at), KZ_OK);
    assert_true(hash256_equal(&by, &named));
    say(&b, 0, result("gettxspendingprevout", "[{\"txid\":\"" HASH "\",\"vout\":1}]"));
    assert_int_equal(chain_mempool_spender(&by, b.chain, &at), KZ_EMPTY);
    say(&b, 0, error("gettxspendingprevout", -28, "Loading"));
    assert_int_equal(chain_mempool_spender(&by, b.chain, &at), KZ_IO);
    /* Not because of that is the call one that the node does not have. */
    say(&b, 0, result("gettxspendingprevout", "[{\"spendingtxid\":\"" OTHER "\"}]"));
    assert_int_equal(chain_mempool_spender(&by, b.chain, &at), KZ_OK);
    say(&b, 0, error("gettxspendingprevout", -32601, "Method not found"));
    say(&b, 0, result("getrawmempool", "[\"" OTHER "\"]"));
    say(&b, 0, result("getrawtransaction", SPENDER));
    assert_int_equal(chain_mempool_spender(&by, b.chain, &at), KZ_OK);
    assert_true(hash256_equal(&by, &named));
    assert_int_equal(chain_mempool_spender(&by, b.chain, &elsewhere), KZ_EMPTY);
    say(&b, 0, error("getrawtransaction", -5, "No such mempool transaction"));
    assert_int_equal(chain_mempool_spender(&by, b.chain, &at), KZ_EMPTY); /* it left */
    say(&b, 0, error("getrawtransaction", -28, "Loading"));
    assert_int_equal(chain_mempool_spender(&by, b.chain, &at), KZ_IO);
    say(&b, 0, error("getrawmempool", -28, "Loading"));
    assert_int_equal(chain_mempool_spender(&by, b.chain, &at), KZ_IO);
    bed_clear(&b);
}

/* --- rates ------------------------------------------------------------------------ */

#define MINIMA                                                                         \
    "{\"mempoolminfee\":0.00002345,\"minrelaytxfee\":0.00001,"                         \
    "\"incrementalrelayfee\":0.000001}"

static void rates_are_exact_and_a_missing_estimate_is_none(void **state)
{
    (void)state;
    struct bed b;
    struct chain_rates r;
    bed_init(&b, 1);
    say(&b, 0, result("getmempoolinfo", MINIMA));
    say(&b, 0, result("estimatesmartfee", "{\"feerate\":0.00012345,\"blocks\":2}"));
    assert_int_equal(chain_rates(&r, b.chain, 6), KZ_OK);
    assert_int_equal(r.estimate.sat_per_kvb, 12345);
    assert_int_equal(r.minimum.sat_per_kvb, 2345);
    assert_int_equal(r.increment.sat_per_kvb, 100);
    assert_string_equal(b.peers[0].asked, "[6,\"economical\"]");
    say(&b, 0, result("estimatesmartfee", "{\"errors\":[\"Insufficient data\"]}"));
    assert_int_equal(chain_rates(&r, b.chain, 6), KZ_OK);
    assert_int_equal(r.estimate.sat_per_kvb, 0);
    say(&b, 0, result("estimatesmartfee", "{\"feerate\":-1}"));
    assert_int_equal(chain_rates(&r, b.chain, 6), KZ_OK);
    assert_int_equal(r.estimate.sat_per_kvb, 0);
    say(&b, 0, error("estimatesmartfee", -8, "Invalid estimate_mode parameter"));
    assert_int_equal(chain_rates(&r, b.chain, 6), KZ_OK);
    assert_int_equal(r.estimate.sat_per_kvb, 0);
    assert_string_equal(b.peers[0].asked, "[6]");
    say(&b, 0, silence("estimatesmartfee"));
    assert_int_equal(chain_rates(&r, b.chain, 6), KZ_IO);
    say(&b, 0, error("getmempoolinfo", -28, "Loading"));
    assert_int_equal(chain_rates(&r, b.chain, 6), KZ_IO);
    bed_clear(&b);
}

/* --- sending ---------------------------------------------------------------------- */

static void answers_to_a_sent_transaction_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *text;
        enum chain_sent is;
    } cases[] = {
        {-27, "Transaction outputs already in utxo set", CHAIN_CONFIRMED},
        {-27, "Transaction already in block chain", CHAIN_CONFIRMED},
        {-25, "bad-txns-inputs-missingorspent", CHAIN_MISSING},
        {-25, "Missing inputs", CHAIN_MISSING},
        {-26, "bad-txns-inputs-missingorspent", CHAIN_MISSING},
        {-26, "txn-mempool-conflict", CHAIN_MISSING},
        {-26, "min relay fee not met, 110 < 1000", CHAIN_FEE_LOW},
        {-26, "mempool min fee not met, 110 < 2000", CHAIN_FEE_LOW},
        {-26, "insufficient fee, rejecting replacement ab, less fees than conflicting",
         CHAIN_BUMP_LOW},
        {-26, "insufficient fee, rejecting replacement ab; new feerate 1 <= old 2",
         CHAIN_BUMP_LOW},
        {-26, "replacement-failed, insufficient feerate: does not improve feerate",
         CHAIN_BUMP_LOW},
        {-26, "txn-already-in-mempool", CHAIN_SENT},
        {-26, "txn-same-nonwitness-data-in-mempool", CHAIN_SENT},
        {-26, "dust", CHAIN_REFUSED},
        {-26, "scriptpubkey", CHAIN_REFUSED},
        {-26, "tx-size", CHAIN_REFUSED},
        {-26, "mandatory-script-verify-flag-failed (Invalid Schnorr signature)",
         CHAIN_REFUSED},
        {-25, "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)",
         CHAIN_REFUSED},
        {-22, "TX decode failed", CHAIN_REFUSED},
        {-28, "Loading block index...", CHAIN_UNKNOWN},
        {-9, "Not connected", CHAIN_UNKNOWN},
        {-10, "In initial block download", CHAIN_UNKNOWN},
    };
    struct bed b;
    char why[RPC_MESSAGE_SIZE];
    bed_init(&b, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        say(&b, 0, error("sendrawtransaction", cases[i].code, cases[i].text));
        if (chain_send(why, b.chain, "00") != cases[i].is)
            fail_msg("%d %s", cases[i].code, cases[i].text);
        assert_string_equal(why,
                            cases[i].is == CHAIN_SENT ? "accepted" : cases[i].text);
    }
    say(&b, 0, result("sendrawtransaction", "\"" HASH "\""));
    assert_int_equal(chain_send(why, b.chain, "00"), CHAIN_SENT);
    assert_string_equal(b.peers[0].asked, "[\"00\"]");
    say(&b, 0, silence("sendrawtransaction"));
    assert_int_equal(chain_send(why, b.chain, "00"), CHAIN_UNKNOWN);
    fake_stop(&b.peers[0].fake);
    assert_int_equal(chain_send(why, b.chain, "00"), CHAIN_UNKNOWN);
    bed_clear(&b);
}

static void one_nodes_good_word_is_enough(void **state)
{
    (void)state;
    struct bed b;
    char why[RPC_MESSAGE_SIZE];
    bed_init(&b, 2);
    say(&b, 0, error("sendrawtransaction", -26, "min relay fee not met, 1 < 2"));
    say(&b, 1, result("sendrawtransaction", "\"" HASH "\""));
    assert_int_equal(chain_send(why, b.chain, "00"), CHAIN_SENT);
    assert_string_equal(why, "accepted");
    say(&b, 1, error("sendrawtransaction", -26, "dust"));
    assert_int_equal(chain_send(why, b.chain, "00"), CHAIN_FEE_LOW);
    fake_stop(&b.peers[0].fake); /* one that cannot be asked does not hide the other */
    say(&b, 1, error("sendrawtransaction", -25, "bad-txns-inputs-missingorspent"));
    assert_int_equal(chain_send(why, b.chain, "00"), CHAIN_MISSING);
    bed_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_must_be_in_good_order),
        cmocka_unit_test(the_longest_of_those_in_good_order_is_asked),
        cmocka_unit_test(values_are_exact_to_the_satoshi),
        cmocka_unit_test(a_coin_is_spent_only_when_a_node_says_so),
        cmocka_unit_test(a_block_counts_where_the_best_chain_has_it),
        cmocka_unit_test(a_transaction_is_missing_only_when_a_node_says_so),
        cmocka_unit_test(a_spender_is_named_or_searched),
        cmocka_unit_test(rates_are_exact_and_a_missing_estimate_is_none),
        cmocka_unit_test(answers_to_a_sent_transaction_are_told_apart),
        cmocka_unit_test(one_nodes_good_word_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
