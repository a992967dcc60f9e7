#include "pool/node_choose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- node_judge ---------------------------------------------------------------- */

static struct node_facts well(void)
{
    return (struct node_facts){.reached = true,
                               .fault = "",
                               .chain = "main",
                               .want_chain = "main",
                               .blocks = 100,
                               .headers = 100,
                               .behind_ms = -1,
                               .behind_blocks = 1,
                               .template_fault = "",
                               .has_template = true,
                               .template_age_ms = 10,
                               .template_age_max_ms = 1000};
}

static void expect(const struct node_facts *f, enum node_state state)
{
    char why[NODE_WHY_SIZE];
    assert_string_equal(node_state_name(node_judge(f, why)), node_state_name(state));
    assert_true((why[0] == '\0') == (state == NODE_HEALTHY));
}

static void a_node_without_a_flaw_is_healthy(void **state)
{
    (void)state;
    struct node_facts f = well();
    expect(&f, NODE_HEALTHY);
}

static void each_flaw_has_its_state(void **state)
{
    (void)state;
    struct node_facts f = well();
    f.reached = false;
    f.fault = "no connection";
    expect(&f, NODE_UNREACHABLE);
    f = well();
    f.chain = "test";
    expect(&f, NODE_WRONG_CHAIN);
    f = well();
    f.in_download = true;
    expect(&f, NODE_SYNCING);
    f = well();
    f.has_template = false;
    expect(&f, NODE_STALLED);
    f = well();
    f.template_age_ms = 1001;
    expect(&f, NODE_STALLED);
    f = well();
    f.bad_templates = NODE_BAD_MAX;
    f.template_fault = "bits: 00000000 is no target";
    expect(&f, NODE_STALLED);
}

static void one_or_two_bad_templates_are_forgiven(void **state)
{
    (void)state;
    struct node_facts f = well();
    f.bad_templates = NODE_BAD_MAX - 1;
    f.template_fault = "x";
    expect(&f, NODE_HEALTHY);
}

static void one_header_ahead_is_a_block_on_its_way_and_two_are_catching_up(void **state)
{
    (void)state;
    struct node_facts f = well();
    f.headers = 101;
    expect(&f, NODE_HEALTHY);
    f.headers = 102;
    expect(&f, NODE_SYNCING);
    f.behind_blocks = 5;
    f.headers = 104;
    expect(&f, NODE_HEALTHY);
    f.headers = 105;
    expect(&f, NODE_SYNCING);
}

static void a_node_is_behind_only_when_it_stays_behind(void **state)
{
    (void)state;
    struct node_facts f = well();
    f.behind_ms = NODE_BEHIND_MS;
    expect(&f, NODE_HEALTHY);
    f.behind_ms = NODE_BEHIND_MS + 1;
    expect(&f, NODE_BEHIND);
}

static void the_nodes_own_refusals_have_their_states(void **state)
{
    (void)state;
    struct node_facts f = well();
    f.template_fault = "said so";
    f.refusal_code = -9;
    expect(&f, NODE_STALLED);
    f.refusal_code = -10;
    expect(&f, NODE_SYNCING);
    f.refusal_code = -28;
    expect(&f, NODE_SYNCING);
    f.chain = ""; /* warming up from the start: it has told nothing yet */
    expect(&f, NODE_SYNCING);
}

/* --- node_choose ---------------------------------------------------------------- */

static struct node_view view(uint32_t height, uint8_t tip)
{
    struct node_view v = {.is_usable = true, .height = height, .healthy_ms = 3600000};
    v.prev_hash.b[0] = tip;
    return v;
}

static void without_a_usable_node_there_is_no_choice(void **state)
{
    (void)state;
    struct node_view v[2] = {view(100, 1), view(100, 1)};
    v[0].is_usable = v[1].is_usable = false;
    assert_int_equal(node_choose(v, 2, NODE_NONE), NODE_NONE);
    assert_int_equal(node_choose(v, 2, 1), NODE_NONE);
    assert_int_equal(node_choose(v, 0, NODE_NONE), NODE_NONE);
}

static void among_equals_the_order_of_the_settings_decides(void **state)
{
    (void)state;
    struct node_view v[3] = {view(100, 1), view(100, 1), view(100, 1)};
    for (size_t used = 0; used < 3; used++)
        assert_int_equal(node_choose(v, 3, used), 0);
    assert_int_equal(node_choose(v, 3, NODE_NONE), 0);
    v[0].is_usable = false;
    assert_int_equal(node_choose(v, 3, 0), 1);
    assert_int_equal(node_choose(v, 3, 2), 1);
}

static void the_newest_tip_wins(void **state)
{
    (void)state;
    struct node_view v[2] = {view(100, 1), view(101, 2)};
    assert_int_equal(node_choose(v, 2, 0), 1);
    v[0] = view(101, 2);
    assert_int_equal(node_choose(v, 2, 1), 0);
}

static void a_node_that_was_away_is_taken_back_after_a_while(void **state)
{
    (void)state;
    struct node_view v[2] = {view(100, 1), view(100, 1)};
    v[0].was_away = true;
    v[0].healthy_ms = NODE_RETURN_MS - 1;
    assert_int_equal(node_choose(v, 2, 1), 1);
    v[0].healthy_ms = NODE_RETURN_MS;
    assert_int_equal(node_choose(v, 2, 1), 0);
}

static void a_node_that_was_away_is_used_at_once_where_it_is_the_best(void **state)
{
    (void)state;
    struct node_view v[2] = {view(100, 1), view(99, 1)};
    v[0].was_away = true;
    v[0].healthy_ms = 0;
    assert_int_equal(node_choose(v, 2, 1), 0);
    v[1].is_usable = false;
    assert_int_equal(node_choose(v, 2, 1), 0);
}

static void a_fork_race_does_not_change_the_node_in_use(void **state)
{
    (void)state;
    struct node_view v[2] = {view(100, 1), view(100, 2)};
    assert_int_equal(node_choose(v, 2, 1), 1);
    assert_int_equal(node_choose(v, 2, 0), 0);
    v[0] = view(101, 3); /* decided */
    assert_int_equal(node_choose(v, 2, 1), 0);
}

/* --- node_block_verdict ----------------------------------------------------------- */

static enum node_block_verdict verdict(const char *json)
{
    const char *text;
    struct rpc_answer a = {.outcome = RPC_RESULT};
    a.root = json_loads(json, JSON_DECODE_ANY, NULL);
    a.result = a.root;
    enum node_block_verdict v = node_block_verdict(&text, &a);
    rpc_answer_clear(&a);
    return v;
}

static void null_means_that_the_block_is_taken(void **state)
{
    (void)state;
    assert_int_equal(verdict("null"), BLOCK_TAKEN);
}

/* "duplicate" among them: the node stores blocks beside its best chain as well. */
static void a_block_the_node_has_may_still_be_beside_its_best_chain(void **state)
{
    (void)state;
    static const char *const words[] = {"\"duplicate\"", "\"rejected: duplicate\"",
                                        "\"inconclusive\"",
                                        "\"duplicate-inconclusive\""};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_int_equal(verdict(words[i]), BLOCK_KNOWN);
}

static void a_broken_block_is_refused_for_good(void **state)
{
    (void)state;
    static const char *const words[] = {
        "\"bad-txnmrklroot\"",          "\"high-hash\"",
        "\"duplicate-invalid\"",        "\"rejected: bad-cb-amount\"",
        "\"bad-witness-merkle-match\"", "\"\""};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_int_equal(verdict(words[i]), BLOCK_REFUSED);
    const char *text;
    struct rpc_answer a = {.outcome = RPC_ERROR, .code = RPC_CODE_DESERIALIZE};
    assert_int_equal(node_block_verdict(&text, &a), BLOCK_REFUSED);
}

static void what_passes_is_sent_again(void **state)
{
    (void)state;
    static const char *const words[] = {"\"prev-blk-not-found\"", "\"time-too-new\"",
                                        "\"bad-prevblk\"", "7"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_int_equal(verdict(words[i]), BLOCK_AGAIN);
    const char *text;
    for (int o = RPC_ERROR; o <= RPC_LOST; o++) {
        struct rpc_answer a = {.outcome = (enum rpc_outcome)o, .code = -28};
        assert_int_equal(node_block_verdict(&text, &a), BLOCK_AGAIN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_without_a_flaw_is_healthy),
        cmocka_unit_test(each_flaw_has_its_state),
        cmocka_unit_test(one_or_two_bad_templates_are_forgiven),
        cmocka_unit_test(
            one_header_ahead_is_a_block_on_its_way_and_two_are_catching_up),
        cmocka_unit_test(a_node_is_behind_only_when_it_stays_behind),
        cmocka_unit_test(the_nodes_own_refusals_have_their_states),
        cmocka_unit_test(without_a_usable_node_there_is_no_choice),
        cmocka_unit_test(among_equals_the_order_of_the_settings_decides),
        cmocka_unit_test(the_newest_tip_wins),
        cmocka_unit_test(a_node_that_was_away_is_taken_back_after_a_while),
        cmocka_unit_test(a_node_that_was_away_is_used_at_once_where_it_is_the_best),
        cmocka_unit_test(a_fork_race_does_not_change_the_node_in_use),
        cmocka_unit_test(null_means_that_the_block_is_taken),
        cmocka_unit_test(a_block_the_node_has_may_still_be_beside_its_best_chain),
        cmocka_unit_test(a_broken_block_is_refused_for_good),
        cmocka_unit_test(what_passes_is_sent_again),
    };
    return cmocka_run_group_tests_name("node_choose", tests, NULL, NULL);
}
