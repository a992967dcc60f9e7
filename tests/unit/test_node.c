#include "pool/node.h"

#include "conf/log.h"
#include "fake_rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define WAIT_MS 8000
#define NODES   3

/* One fake node: a height, a tip, and what is wrong with it. */
struct peer {
    struct fake_rpc fake;
    uint32_t height; /* of the tip */
    unsigned fork;   /* another value, another tip of the height */
    const char *chain;
    bool in_download;
    uint32_t more_headers;
    bool holds_polls; /* a long poll waits for peer_release() */
    struct bufferevent *poll;
    long long poll_id;
    size_t polls, templates, proposals;
    char longpollid[64];     /* as last asked with */
    int template_error;      /* RPC code instead of a template */
    bool silent;             /* answers nothing */
    const char *break_field; /* of the template: taken out, or ... */
    json_t *broken;          /* ... replaced by this (owned by the test) */
    const char *submit_word; /* NULL: JSON's null */
    size_t submits;
    const char *proposal_word;
    char block[64];           /* the hex last submitted */
    int header_confirmations; /* < -1: not found */
    int header_height;        /* 0: not told */
    const char *hash_there;   /* in the best chain at that height */
    const char *txout;        /* JSON; NULL: an error */
    char txout_params[120];   /* as last asked with */
};

struct bed {
    struct event_base *base;
    struct conf conf;
    struct peer peer[NODES];
    struct nodes *nodes;
    size_t templates, new_tips, last_node;
    uint32_t last_height;
    size_t answers[NODES], finals, proposals;
    bool last_accepted, final_accepted;
    char last_answer[64], last_proposal[64];
    bool confirmed;
    enum kz_err confirm_err;
    int64_t confirmations;
    bool txout_told;
    struct node_txout txout;
};

/* --- the fake node ---------------------------------------------------------------- */

static void tip_hex(char out[65], const struct peer *p)
{
    snprintf(out, 65, "%056x%08x", p->fork, p->height);
}

static json_t *make_template(struct peer *p)
{
    char tip[65], id[80];
    tip_hex(tip, p);
    snprintf(id, sizeof(id), "%s7", tip);
    json_t *t = json_pack(
        "{s:i, s:[s,s], s:s, s:[], s:I, s:s, s:i, s:i, s:s, s:i, s:[s], s:i, s:i, s:i}",
        "version", 0x20000000, "rules", "csv", "!segwit", "previousblockhash", tip,
        "transactions", "coinbasevalue", (json_int_t)5000000000, "longpollid", id,
        "curtime", 1700000000, "mintime", 1600000000, "bits", "207fffff", "height",
        (int)p->height + 1, "capabilities", "proposal", "sigoplimit", 80000,
        "sizelimit", 4000000, "weightlimit", 4000000);
    assert_non_null(t);
    if (p->break_field != NULL && p->broken == NULL)
        json_object_del(t, p->break_field);
    else if (p->break_field != NULL)
        json_object_set(t, p->break_field, p->broken);
    return t;
}

static void answer_template(struct peer *p, const struct fake_request *r)
{
    const json_t *ask = json_array_get(r->params, 0);
    const char *id = json_string_value(json_object_get(ask, "longpollid"));
    if (json_object_get(ask, "mode") != NULL) {
        p->proposals++;
        fake_result(r, p->proposal_word ? json_string(p->proposal_word) : json_null());
    } else if (id != NULL && p->holds_polls) {
        p->polls++;
        p->poll = r->bev;
        p->poll_id = r->id;
        snprintf(p->longpollid, sizeof(p->longpollid), "%s", id);
    } else if (p->template_error != 0) {
        fake_error(r, p->template_error, "no template now");
    } else {
        p->templates += id == NULL;
        fake_result(r, make_template(p));
    }
}

static void answer_info(struct peer *p, const struct fake_request *r)
{
    char tip[65];
    tip_hex(tip, p);
    fake_result(r, json_pack("{s:s, s:i, s:i, s:s, s:b}", "chain", p->chain, "blocks",
                             (int)p->height, "headers",
                             (int)(p->height + p->more_headers), "bestblockhash", tip,
                             "initialblockdownload", p->in_download));
}

static void answer_submit(struct peer *p, const struct fake_request *r)
{
    const char *hex = json_string_value(json_array_get(r->params, 0));
    p->submits++;
    snprintf(p->block, sizeof(p->block), "%s", hex != NULL ? hex : "");
    fake_result(r, p->submit_word ? json_string(p->submit_word) : json_null());
}

static void answer_header(struct peer *p, const struct fake_request *r)
{
    if (p->header_confirmations < -1)
        fake_error(r, -5, "Block not found");
    else if (p->header_height == 0)
        fake_result(r, json_pack("{s:i}", "confirmations", p->header_confirmations));
    else
        fake_result(r, json_pack("{s:i, s:i}", "confirmations", p->header_confirmations,
                                 "height", p->header_height));
}

static void answer_hash(struct peer *p, const struct fake_request *r)
{
    json_int_t height = json_integer_value(json_array_get(r->params, 0));
    if (p->hash_there == NULL || height != p->header_height)
        fake_error(r, -8, "Block height out of range");
    else
        fake_result(r, json_string(p->hash_there));
}

static void answer_txout(struct peer *p, const struct fake_request *r)
{
    char *params = json_dumps(r->params, JSON_COMPACT);
    snprintf(p->txout_params, sizeof(p->txout_params), "%s", params);
    free(params);
    if (p->txout == NULL)
        fake_error(r, -32601, "Method not found");
    else
        fake_result(r, json_loads(p->txout, JSON_DECODE_ANY, NULL));
}

static void on_request(void *ctx, const struct fake_request *r)
{
    struct peer *p = ctx;
    if (p->silent)
        return;
    if (strcmp(r->method, "getblocktemplate") == 0)
        answer_template(p, r);
    else if (strcmp(r->method, "getblockchaininfo") == 0)
        answer_info(p, r);
    else if (strcmp(r->method, "submitblock") == 0)
        answer_submit(p, r);
    else if (strcmp(r->method, "getblockheader") == 0)
        answer_header(p, r);
    else if (strcmp(r->method, "getblockhash") == 0)
        answer_hash(p, r);
    else if (strcmp(r->method, "gettxout") == 0)
        answer_txout(p, r);
    else
        fake_result(r, json_pack("{s:s}", "subversion", "/Fake:1/"));
}

/* The tip changed: the long poll that waits is answered. */
static void peer_release(struct peer *p)
{
    assert_non_null(p->poll);
    struct fake_request r = {.fake = &p->fake, .bev = p->poll, .id = p->poll_id};
    p->poll = NULL;
    fake_result(&r, make_template(p));
}

static void peer_start(struct bed *b, size_t i, uint16_t port)
{
    struct peer *p = &b->peer[i];
    assert_true(fake_start(&p->fake, b->base, port, on_request, p));
    snprintf(b->conf.nodes[i].url, sizeof(b->conf.nodes[i].url), "http://127.0.0.1:%u",
             (unsigned)p->fake.port);
}

/* --- the hooks -----------------------------------------------------------------------
 */

static void on_template(void *ctx, struct template *t, bool new_tip, size_t node)
{
    struct bed *b = ctx;
    b->templates++;
    b->new_tips += new_tip;
    b->last_node = node;
    b->last_height = t->height;
}

static void on_block_answer(void *ctx, const struct hash256 *hash, size_t node,
                            bool accepted, const char *answer)
{
    struct bed *b = ctx;
    assert_int_equal(hash->b[0], 0xab);
    b->answers[node]++;
    b->last_accepted = accepted;
    snprintf(b->last_answer, sizeof(b->last_answer), "%s", answer);
}

static void on_block_final(void *ctx, const struct hash256 *hash, bool accepted)
{
    struct bed *b = ctx;
    assert_int_equal(hash->b[0], 0xab);
    b->finals++;
    b->final_accepted = accepted;
}

static void on_proposal(void *ctx, size_t node, const char *answer)
{
    struct bed *b = ctx;
    (void)node;
    b->proposals++;
    snprintf(b->last_proposal, sizeof(b->last_proposal), "%s", answer);
}

static void on_confirmations(void *ctx, enum kz_err err, int64_t confirmations)
{
    struct bed *b = ctx;
    b->confirmed = true;
    b->confirm_err = err;
    b->confirmations = confirmations;
}

/* --- the bed
 * --------------------------------------------------------------------------- */

static int set_up(void **state)
{
    struct bed *b = mem_new(sizeof(*b));
    log_setup(LOG_ERROR, false);
    b->base = event_base_new();
    b->conf.network = CONF_REGTEST;
    b->conf.template_refresh_seconds = 1;
    b->conf.node_timeout_seconds = 1;
    b->conf.node_behind_blocks = 1;
    b->last_node = SIZE_MAX;
    for (size_t i = 0; i < NODES; i++) {
        b->peer[i].height = 100;
        b->peer[i].chain = "regtest";
        b->peer[i].holds_polls = true;
        b->peer[i].header_confirmations = 1;
    }
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    nodes_stop(b->nodes);
    for (size_t i = 0; i < NODES; i++)
        fake_stop(&b->peer[i].fake);
    event_base_free(b->base);
    mem_free(b);
    return 0;
}

static void nodes_up(struct bed *b, size_t count)
{
    struct node_hooks hooks = {b, on_template, on_block_answer, on_block_final,
                               on_proposal};
    for (size_t i = 0; i < count; i++) {
        if (b->peer[i].fake.listener == NULL)
            peer_start(b, i, 0);
    }
    b->conf.node_count = count;
    assert_int_equal(nodes_start(&b->nodes, b->base, &b->conf, &hooks), KZ_OK);
}

static bool is_state(const struct bed *b, size_t node, const char *state)
{
    json_t *list = nodes_status(b->nodes);
    const json_t *one = json_array_get(list, node);
    const char *is = json_string_value(json_object_get(one, "state"));
    bool same = is != NULL && strcmp(is, state) == 0;
    json_decref(list);
    return same;
}

static bool is_in_use(const struct bed *b, size_t node)
{
    json_t *list = nodes_status(b->nodes);
    bool used = json_is_true(json_object_get(json_array_get(list, node), "in_use"));
    json_decref(list);
    return used;
}

static void submit(struct bed *b, const char *hex, uint32_t height)
{
    struct hash256 hash = {{0xab}};
    nodes_submit_block(b->nodes, &hash, hex, strlen(hex), height);
}

/* --- templates
 * -------------------------------------------------------------------------- */

static void the_first_template_comes_from_the_preferred_node(void **state)
{
    struct bed *b = *state;
    nodes_up(b, 2);
    RUN_UNTIL(b->base, b->templates > 0, WAIT_MS);
    assert_int_equal(b->last_node, 0);
    assert_int_equal(b->new_tips, 1);
    assert_int_equal(b->last_height, 101);
}

static void a_long_poll_is_always_in_flight_with_the_templates_id(void **state)
{
    struct bed *b = *state;
    struct peer *p = &b->peer[0];
    nodes_up(b, 1);
    for (size_t i = 1; i <= 3; i++) {
        char tip[65];
        RUN_UNTIL(b->base, p->poll != NULL, WAIT_MS);
        tip_hex(tip, p);
        assert_memory_equal(p->longpollid, tip, 60);
        assert_int_equal(p->polls, i);
        p->height++;
        size_t before = b->new_tips;
        peer_release(p);
        RUN_UNTIL(b->base, b->new_tips == before + 1, WAIT_MS);
        assert_int_equal(b->last_height, p->height + 1);
    }
}

static void a_refresh_is_no_new_tip(void **state)
{
    struct bed *b = *state;
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->templates >= 2, WAIT_MS);
    assert_int_equal(b->new_tips, 1);
}

static void a_tip_that_the_long_poll_missed_is_noticed(void **state)
{
    struct bed *b = *state;
    b->conf.template_refresh_seconds = 60;
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->templates > 0, WAIT_MS);
    b->peer[0].height++; /* and the long poll stays silent */
    RUN_UNTIL(b->base, b->new_tips == 2, WAIT_MS);
}

static void a_nudge_fetches_a_template(void **state)
{
    struct bed *b = *state;
    b->conf.template_refresh_seconds = 60;
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->peer[0].polls == 1, WAIT_MS);
    size_t before = b->peer[0].templates;
    nodes_nudge(b->nodes);
    nodes_nudge(b->nodes); /* while one is under way: one more, not lost */
    RUN_UNTIL(b->base, b->peer[0].templates >= before + 2, WAIT_MS);
}

static void each_broken_field_is_refused_and_the_previous_work_kept(void **state)
{
    struct bed *b = *state;
    static const char *const fields[] = {"version",      "previousblockhash",
                                         "transactions", "coinbasevalue",
                                         "curtime",      "bits",
                                         "height"};
    struct peer *p = &b->peer[0];
    b->conf.template_refresh_seconds = 60;
    nodes_up(b, 1);
    RUN_UNTIL(b->base, p->polls == 1, WAIT_MS);
    size_t good = b->templates;
    for (size_t i = 0; i < 2 * sizeof(fields) / sizeof(fields[0]); i++) {
        size_t before = p->templates;
        json_t *wrong = json_pack("{s:s}", "no", "sense");
        p->break_field = fields[i / 2];
        p->broken = i % 2 == 0 ? NULL : wrong;
        nodes_nudge(b->nodes);
        RUN_UNTIL(b->base, p->templates > before, WAIT_MS);
        json_decref(wrong);
        p->broken = NULL;
    }
    RUN_UNTIL(b->base, is_state(b, 0, "stalled"), WAIT_MS);
    assert_int_equal(b->templates, good);
    p->break_field = NULL;
    RUN_UNTIL(b->base, is_state(b, 0, "healthy"), WAIT_MS);
    assert_true(b->templates > good);
}

static void a_node_without_long_polls_is_refreshed_all_the_same(void **state)
{
    struct bed *b = *state;
    b->peer[0].break_field = "longpollid";
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->templates >= 2, WAIT_MS);
    assert_int_equal(b->peer[0].polls, 0);
}

static void
a_node_that_answers_long_polls_at_once_does_not_keep_us_spinning(void **state)
{
    struct bed *b = *state;
    b->peer[0].holds_polls = false;
    b->conf.template_refresh_seconds = 60;
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->templates >= 3, WAIT_MS);
    assert_true(b->peer[0].fake.requests < 30);
}

/* --- health and fail-over
 * ----------------------------------------------------------------- */

static void a_killed_node_is_replaced_within_a_second(void **state)
{
    struct bed *b = *state;
    nodes_up(b, 2);
    RUN_UNTIL(b->base, b->peer[0].poll != NULL && b->peer[1].poll != NULL, WAIT_MS);
    size_t tips = b->new_tips;
    fake_stop(&b->peer[0].fake);
    RUN_UNTIL(b->base, is_in_use(b, 1), 1000);
    assert_int_equal(b->last_node, 1);
    assert_int_equal(b->new_tips, tips); /* the same work: no clean_jobs */
    assert_true(is_state(b, 0, "unreachable"));
}

static void a_silent_node_is_replaced_when_its_time_is_out(void **state)
{
    struct bed *b = *state;
    nodes_up(b, 2);
    RUN_UNTIL(b->base, b->peer[0].poll != NULL && b->peer[1].poll != NULL, WAIT_MS);
    b->peer[0].silent = true;
    RUN_UNTIL(b->base, is_in_use(b, 1), WAIT_MS);
    b->peer[0].silent = false;
    RUN_UNTIL(b->base, is_state(b, 0, "healthy"), WAIT_MS);
}

static void the_preferred_node_is_taken_back_when_it_is_well(void **state)
{
    struct bed *b = *state;
    uint16_t port;
    nodes_up(b, 2);
    RUN_UNTIL(b->base, b->peer[0].poll != NULL && b->peer[1].poll != NULL, WAIT_MS);
    port = b->peer[0].fake.port;
    fake_stop(&b->peer[0].fake);
    RUN_UNTIL(b->base, is_in_use(b, 1), 1000);
    peer_start(b, 0, port);
    RUN_UNTIL(b->base, is_in_use(b, 0), 15000);
}

static void flaws_keep_a_node_from_being_used(void **state)
{
    struct bed *b = *state;
    b->peer[0].chain = "main";
    b->peer[1].more_headers = 10;
    nodes_up(b, 3);
    RUN_UNTIL(b->base, b->templates > 0, WAIT_MS);
    assert_int_equal(b->last_node, 2);
    assert_true(is_state(b, 0, "wrong_chain"));
    assert_true(is_state(b, 1, "syncing"));
    assert_int_equal(b->peer[0].templates, 0);
}

static void initial_download_matters_but_on_regtest(void **state)
{
    struct bed *b = *state;
    b->peer[0].in_download = true;
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->templates > 0, WAIT_MS);
    nodes_stop(b->nodes);
    b->conf.network = CONF_MAIN;
    b->peer[0].chain = "main";
    nodes_up(b, 1);
    RUN_UNTIL(b->base, is_state(b, 0, "syncing"), WAIT_MS);
}

static void the_nodes_codes_for_not_now_have_their_states(void **state)
{
    struct bed *b = *state;
    b->peer[0].template_error = -9;
    b->peer[1].template_error = -10;
    b->peer[2].template_error = -28;
    nodes_up(b, 3);
    RUN_UNTIL(b->base, is_state(b, 0, "stalled") && is_state(b, 1, "syncing"), WAIT_MS);
    assert_int_equal(b->templates, 0);
    /* One by one: of equal tips the first to be had is kept for a while. */
    b->peer[0].template_error = 0;
    RUN_UNTIL(b->base, is_state(b, 0, "healthy") && is_in_use(b, 0), WAIT_MS);
    b->peer[1].template_error = b->peer[2].template_error = 0;
    RUN_UNTIL(b->base, is_state(b, 1, "healthy") && is_state(b, 2, "healthy"), WAIT_MS);
    assert_true(is_in_use(b, 0));
}

static void a_newer_tip_of_a_spare_is_used_until_the_preferred_has_it(void **state)
{
    struct bed *b = *state;
    nodes_up(b, 2);
    RUN_UNTIL(b->base, b->peer[0].poll != NULL && b->peer[1].poll != NULL, WAIT_MS);
    b->peer[1].height++;
    peer_release(&b->peer[1]);
    RUN_UNTIL(b->base, is_in_use(b, 1), WAIT_MS);
    assert_int_equal(b->last_height, 102);
    size_t tips = b->new_tips;
    b->peer[0].height++;
    peer_release(&b->peer[0]);
    RUN_UNTIL(b->base, is_in_use(b, 0), WAIT_MS);
    assert_int_equal(b->last_height, 102);
    assert_int_equal(b->new_tips, tips);
}

static void a_node_that_stays_behind_is_named(void **state)
{
    struct bed *b = *state;
    b->peer[0].height = 90;
    nodes_up(b, 2);
    RUN_UNTIL(b->base, is_state(b, 0, "behind"), 15000);
    assert_true(is_in_use(b, 1));
    assert_int_equal(b->last_height, 101);
}

static void a_node_back_with_an_older_tip_does_not_replace_newer_work(void **state)
{
    struct bed *b = *state;
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->peer[0].poll != NULL, WAIT_MS);
    size_t before = b->templates;
    uint16_t port = b->peer[0].fake.port;
    fake_stop(&b->peer[0].fake);
    b->peer[0].poll = NULL;
    RUN_UNTIL(b->base, is_state(b, 0, "unreachable"), WAIT_MS);
    b->peer[0].height = 95;
    peer_start(b, 0, port);
    RUN_UNTIL(b->base, b->peer[0].poll != NULL, WAIT_MS);
    assert_int_equal(b->templates, before);
    assert_int_equal(b->last_height, 101);
    b->peer[0].height = 101; /* it has caught up */
    peer_release(&b->peer[0]);
    RUN_UNTIL(b->base, b->last_height == 102, WAIT_MS);
}

static void a_node_that_goes_back_under_our_eyes_is_followed(void **state)
{
    struct bed *b = *state;
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->peer[0].poll != NULL, WAIT_MS);
    b->peer[0].height = 99;
    b->peer[0].fork = 1;
    RUN_UNTIL(b->base, b->last_height == 100, WAIT_MS);
    assert_int_equal(b->new_tips, 2);
}

/* --- blocks
 * -----------------------------------------------------------------------------------
 */

static void a_block_goes_to_all_nodes_at_once_and_each_answer_is_told(void **state)
{
    struct bed *b = *state;
    b->peer[1].submit_word = "duplicate";
    b->peer[2].submit_word = "inconclusive";
    nodes_up(b, 3);
    submit(b, "c0ffee", 101);
    submit(b, "c0ffee", 101); /* under way already */
    RUN_UNTIL(b->base, b->answers[0] && b->answers[1] && b->answers[2], WAIT_MS);
    for (size_t i = 0; i < NODES; i++) {
        assert_int_equal(b->peer[i].submits, 1);
        assert_string_equal(b->peer[i].block, "c0ffee");
    }
    assert_int_equal(b->finals, 1);
    assert_true(b->final_accepted);
}

static void a_stored_block_is_accepted_only_on_the_best_chain(void **state)
{
    struct bed *b = *state;
    b->peer[0].submit_word = "duplicate";
    b->peer[0].header_confirmations = -1;
    nodes_up(b, 1);
    submit(b, "00", 101);
    RUN_UNTIL(b->base, b->answers[0] == 1, WAIT_MS);
    assert_false(b->last_accepted);
    assert_string_equal(b->last_answer, "inconclusive");
    assert_int_equal(b->finals, 0);
    b->peer[0].header_confirmations = 2; /* a reorganisation to its side */
    RUN_UNTIL(b->base, b->finals == 1, WAIT_MS);
    assert_true(b->final_accepted);
    assert_int_equal(b->peer[0].submits, 1);
}

static void a_block_that_a_node_forgot_is_sent_again(void **state)
{
    struct bed *b = *state;
    b->peer[0].submit_word = "duplicate";
    b->peer[0].header_confirmations = -2;
    nodes_up(b, 1);
    submit(b, "00", 101);
    RUN_UNTIL(b->base, b->peer[0].submits == 2, WAIT_MS);
    b->peer[0].submit_word = NULL;
    RUN_UNTIL(b->base, b->finals == 1, WAIT_MS);
    assert_true(b->final_accepted);
}

static void a_block_refused_by_all_is_given_up(void **state)
{
    struct bed *b = *state;
    b->peer[0].submit_word = "bad-txnmrklroot";
    b->peer[1].submit_word = "high-hash";
    nodes_up(b, 2);
    submit(b, "00", 101);
    RUN_UNTIL(b->base, b->finals == 1, WAIT_MS);
    assert_false(b->final_accepted);
    assert_false(b->last_accepted);
    assert_int_equal(b->peer[0].submits + b->peer[1].submits, 2);
}

static void a_block_is_kept_until_a_node_is_there(void **state)
{
    struct bed *b = *state;
    peer_start(b, 0, 0);
    uint16_t port = b->peer[0].fake.port;
    fake_stop(&b->peer[0].fake);
    b->peer[0].fake.listener = NULL;
    struct node_hooks hooks = {b, on_template, on_block_answer, on_block_final,
                               on_proposal};
    b->conf.node_count = 1;
    assert_int_equal(nodes_start(&b->nodes, b->base, &b->conf, &hooks), KZ_OK);
    submit(b, "00", 101);
    RUN_UNTIL(b->base, b->answers[0] >= 2, WAIT_MS);
    assert_string_equal(b->last_answer, "no connection");
    assert_int_equal(b->finals, 0);
    peer_start(b, 0, port);
    RUN_UNTIL(b->base, b->finals == 1, WAIT_MS);
    assert_true(b->final_accepted);
}

static void a_block_that_nobody_takes_is_given_up_six_blocks_later(void **state)
{
    struct bed *b = *state;
    b->peer[0].submit_word = "inconclusive";
    b->peer[0].header_confirmations = -1;
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->peer[0].poll != NULL, WAIT_MS);
    submit(b, "00", 101);
    RUN_UNTIL(b->base, b->answers[0] == 1, WAIT_MS);
    b->peer[0].height = 106;
    peer_release(&b->peer[0]);
    RUN_UNTIL(b->base, b->last_height == 107 && b->peer[0].poll != NULL, WAIT_MS);
    assert_int_equal(b->finals, 0);
    b->peer[0].height = 107;
    peer_release(&b->peer[0]);
    RUN_UNTIL(b->base, b->finals == 1, WAIT_MS);
    assert_false(b->final_accepted);
}

static void a_submit_does_not_wait_behind_a_silent_call(void **state)
{
    struct bed *b = *state;
    b->conf.node_timeout_seconds = 30;
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->peer[0].poll != NULL, WAIT_MS);
    b->peer[0].template_error = 0;
    b->peer[0].silent = true;
    size_t before = b->peer[0].fake.requests;
    nodes_nudge(b->nodes);
    RUN_UNTIL(b->base, b->peer[0].fake.requests > before, WAIT_MS);
    b->peer[0].silent = false;
    submit(b, "00", 101);
    RUN_UNTIL(b->base, b->finals == 1, 2000);
}

static void stopping_with_everything_under_way_leaves_nothing(void **state)
{
    struct bed *b = *state;
    nodes_up(b, 3);
    RUN_UNTIL(b->base, b->peer[0].poll != NULL, WAIT_MS);
    for (size_t i = 0; i < NODES; i++)
        b->peer[i].silent = true;
    submit(b, "00", 101);
    nodes_propose(b->nodes, "00", 2);
    struct hash256 hash = {{1}};
    nodes_confirmations(b->nodes, &hash, on_confirmations, b);
    run_once(b->base);
    nodes_stop(b->nodes);
    b->nodes = NULL;
    assert_int_equal(b->finals, 0);
    assert_false(b->confirmed);
}

/* --- proposals, confirmations, settings
 * --------------------------------------------------------- */

static void a_rejected_proposal_is_told_and_an_overtaken_one_is_not(void **state)
{
    struct bed *b = *state;
    struct peer *p = &b->peer[0];
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->templates > 0, WAIT_MS);
    nodes_propose(b->nodes, "00", 2);
    RUN_UNTIL(b->base, b->proposals == 1, WAIT_MS);
    assert_string_equal(b->last_proposal, "");
    p->proposal_word = "inconclusive-not-best-prevblk";
    nodes_propose(b->nodes, "00", 2);
    RUN_UNTIL(b->base, p->proposals == 2, WAIT_MS);
    p->proposal_word = "bad-cb-height";
    for (size_t i = 0; i < 100 && p->proposals == 2; i++) {
        run_once(b->base); /* the one before must be over */
        nodes_propose(b->nodes, "00", 2);
    }
    RUN_UNTIL(b->base, b->proposals == 2, WAIT_MS);
    assert_string_equal(b->last_proposal, "bad-cb-height");
}

static void nothing_is_proposed_to_a_node_that_does_not_offer_it(void **state)
{
    struct bed *b = *state;
    b->peer[0].break_field = "capabilities";
    nodes_up(b, 1);
    RUN_UNTIL(b->base, b->templates > 0, WAIT_MS);
    nodes_propose(b->nodes, "00", 2);
    size_t before = b->peer[0].fake.requests;
    RUN_UNTIL(b->base, b->peer[0].fake.requests > before + 2, WAIT_MS);
    assert_int_equal(b->peer[0].proposals, 0);
}

static void ask_confirmations(struct bed *b)
{
    struct hash256 hash = {{1}};
    b->confirmed = false;
    nodes_confirmations(b->nodes, &hash, on_confirmations, b);
    RUN_UNTIL(b->base, b->confirmed, WAIT_MS);
}

static void confirmations_come_from_the_first_node_that_knows_the_block(void **state)
{
    struct bed *b = *state;
    nodes_up(b, 2);
    ask_confirmations(b); /* before any node is healthy */
    assert_int_equal(b->confirm_err, KZ_IO);
    RUN_UNTIL(b->base, is_state(b, 0, "healthy") && is_state(b, 1, "healthy"), WAIT_MS);
    b->peer[0].header_confirmations = -2;
    b->peer[1].header_confirmations = 7;
    ask_confirmations(b);
    assert_int_equal(b->confirm_err, KZ_OK);
    assert_int_equal(b->confirmations, 7);
    b->peer[1].header_confirmations = -1;
    ask_confirmations(b);
    assert_int_equal(b->confirmations, -1);
    b->peer[1].header_confirmations = -2;
    ask_confirmations(b);
    assert_int_equal(b->confirm_err, KZ_EMPTY);
}

/* bcoin counts confirmations of a block that lost against another at its height. */
static void a_block_beside_the_best_chain_has_no_confirmations(void **state)
{
    struct bed *b = *state;
    struct hash256 hash = {{1}};
    char ours[HASH256_HEX_SIZE];
    static const char others[] =
        "00000000000000000000000000000000000000000000000000000000000000aa";
    hash256_format_display(ours, &hash);
    nodes_up(b, 2);
    RUN_UNTIL(b->base, is_state(b, 0, "healthy") && is_state(b, 1, "healthy"), WAIT_MS);
    b->peer[0].header_confirmations = b->peer[1].header_confirmations = 3;
    b->peer[0].header_height = b->peer[1].header_height = 101;
    b->peer[0].hash_there = others;
    ask_confirmations(b);
    assert_int_equal(b->confirm_err, KZ_OK);
    assert_int_equal(b->confirmations, -1);
    b->peer[0].hash_there = ours;
    ask_confirmations(b);
    assert_int_equal(b->confirmations, 3);
    b->peer[0].hash_there = NULL; /* cannot say: the next is asked, all of it */
    b->peer[1].hash_there = ours;
    b->peer[1].header_confirmations = 2;
    ask_confirmations(b);
    assert_int_equal(b->confirm_err, KZ_OK);
    assert_int_equal(b->confirmations, 2);
}

static void on_txout(void *ctx, enum kz_err err, const struct node_txout *out)
{
    struct bed *b = ctx;
    b->txout_told = true;
    b->confirm_err = err;
    if (err == KZ_OK)
        b->txout = *out;
}

static void ask_txout(struct bed *b)
{
    struct hash256 txid = {{1}};
    b->txout_told = false;
    nodes_txout(b->nodes, &txid, 7, on_txout, b);
    RUN_UNTIL(b->base, b->txout_told, WAIT_MS);
}

static void a_coin_is_unspent_or_spent_and_its_value_exact(void **state)
{
    struct bed *b = *state;
    nodes_up(b, 2);
    ask_txout(b); /* before any node is healthy */
    assert_int_equal(b->confirm_err, KZ_IO);
    RUN_UNTIL(b->base, is_state(b, 0, "healthy") && is_state(b, 1, "healthy"), WAIT_MS);
    b->peer[0].txout = NULL; /* cannot say: the next is asked */
    b->peer[1].txout = "{\"value\":20999999.97690001,\"scriptPubKey\":{\"hex\":\"51\"}}";
    ask_txout(b);
    assert_int_equal(b->confirm_err, KZ_OK);
    assert_true(b->txout.is_unspent);
    assert_int_equal(b->txout.value_sat, 2099999997690001);
    assert_non_null(strstr(b->peer[1].txout_params, "0001\",7,false]"));
    b->peer[1].txout = "{\"value\":0.00000001}";
    ask_txout(b);
    assert_int_equal(b->txout.value_sat, 1);
    b->peer[1].txout = "null";
    ask_txout(b);
    assert_int_equal(b->confirm_err, KZ_OK);
    assert_false(b->txout.is_unspent);
    b->peer[1].txout = "{\"value\":-1}";
    ask_txout(b);
    assert_int_equal(b->confirm_err, KZ_IO);
    b->peer[1].txout = "{\"value\":\"1\"}";
    ask_txout(b);
    assert_int_equal(b->confirm_err, KZ_IO);
}

static void a_url_that_cannot_be_used_stops_the_start(void **state)
{
    struct bed *b = *state;
    struct node_hooks hooks = {b, on_template, on_block_answer, on_block_final,
                               on_proposal};
    b->conf.node_count = 2;
    snprintf(b->conf.nodes[0].url, sizeof(b->conf.nodes[0].url), "http://127.0.0.1:1");
    snprintf(b->conf.nodes[1].url, sizeof(b->conf.nodes[1].url), "127.0.0.1:1");
    assert_int_equal(nodes_start(&b->nodes, b->base, &b->conf, &hooks), KZ_PARSE);
    assert_null(b->nodes);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_first_template_comes_from_the_preferred_node),
        CASE(a_long_poll_is_always_in_flight_with_the_templates_id),
        CASE(a_refresh_is_no_new_tip),
        CASE(a_tip_that_the_long_poll_missed_is_noticed),
        CASE(a_nudge_fetches_a_template),
        CASE(each_broken_field_is_refused_and_the_previous_work_kept),
        CASE(a_node_without_long_polls_is_refreshed_all_the_same),
        CASE(a_node_that_answers_long_polls_at_once_does_not_keep_us_spinning),
        CASE(a_killed_node_is_replaced_within_a_second),
        CASE(a_silent_node_is_replaced_when_its_time_is_out),
        CASE(the_preferred_node_is_taken_back_when_it_is_well),
        CASE(flaws_keep_a_node_from_being_used),
        CASE(initial_download_matters_but_on_regtest),
        CASE(the_nodes_codes_for_not_now_have_their_states),
        CASE(a_newer_tip_of_a_spare_is_used_until_the_preferred_has_it),
        CASE(a_node_that_stays_behind_is_named),
        CASE(a_node_back_with_an_older_tip_does_not_replace_newer_work),
        CASE(a_node_that_goes_back_under_our_eyes_is_followed),
        CASE(a_block_goes_to_all_nodes_at_once_and_each_answer_is_told),
        CASE(a_stored_block_is_accepted_only_on_the_best_chain),
        CASE(a_block_that_a_node_forgot_is_sent_again),
        CASE(a_block_refused_by_all_is_given_up),
        CASE(a_block_is_kept_until_a_node_is_there),
        CASE(a_block_that_nobody_takes_is_given_up_six_blocks_later),
        CASE(a_submit_does_not_wait_behind_a_silent_call),
        CASE(stopping_with_everything_under_way_leaves_nothing),
        CASE(a_rejected_proposal_is_told_and_an_overtaken_one_is_not),
        CASE(nothing_is_proposed_to_a_node_that_does_not_offer_it),
        CASE(confirmations_come_from_the_first_node_that_knows_the_block),
        CASE(a_block_beside_the_best_chain_has_no_confirmations),
        CASE(a_coin_is_unspent_or_spent_and_its_value_exact),
        CASE(a_url_that_cannot_be_used_stops_the_start),
    };
    return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
