/* Tokens of watchers: which are believed, for how long, and what is kept of them. */
#include "pool/watcher.h"

#include "pool/registry/record_act.h"

#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1795000000000)
#define DAY INT64_C(86400000)

/* One whose random bytes are n, n + 1, ...: into `facts`. */
static struct watcher add(json_t *facts, char token[WATCHER_TOKEN_SIZE], uint8_t n,
                          const char *miner, int64_t until_ms)
{
    struct watcher w;
    uint8_t random[WATCHER_RANDOM_BYTES];
    char name[WATCHER_FACT_SIZE];
    for (size_t i = 0; i < sizeof(random); i++)
        random[i] = (uint8_t)(n + i);
    watcher_make(&w, token, random);
    assert_int_equal(miner_id_parse(&w.miner, miner, strlen(miner)), KZ_OK);
    w.from_ms = NOW - DAY;
    w.until_ms = until_ms;
    snprintf(w.by, sizeof(w.by), "officer-1");
    watcher_fact_name(name, w.id);
    json_object_set_new(facts, name, watcher_fact(&w));
    return w;
}

static bool is_found(const json_t *facts, const char *token, int64_t now_ms)
{
    struct watcher w;
    return watcher_find(&w, facts, token, strlen(token), now_ms) == KZ_OK;
}

static void a_token_names_its_watcher_and_its_secret(void **state)
{
    (void)state;
    char token[WATCHER_TOKEN_SIZE];
    json_t *facts = json_object();
    struct watcher w = add(facts, token, 0xa0, "alice", NOW + DAY);
    assert_string_equal(w.id, "a0a1a2a3");
    assert_string_equal(
        token,
        "a0a1a2a3-a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3");
    json_decref(facts);
}

static void what_is_kept_is_the_hash_and_not_the_secret(void **state)
{
    (void)state;
    char token[WATCHER_TOKEN_SIZE];
    uint8_t hash[32], secret[WATCHER_SECRET_BYTES];
    json_t *facts = json_object();
    struct watcher w = add(facts, token, 7, "alice", NOW + DAY), again;
    const json_t *fact = json_object_get(facts, "watcher:0708090a");
    char *text = json_dumps(facts, 0);
    assert_non_null(fact);
    assert_null(strstr(text, token + WATCHER_ID_SIZE));
    for (size_t i = 0; i < sizeof(secret); i++)
        secret[i] = (uint8_t)(7 + WATCHER_ID_BYTES + i);
    SHA256(secret, sizeof(secret), hash);
    assert_memory_equal(hash, w.sha256, sizeof(hash));
    assert_true(watcher_read(&again, "watcher:0708090a", fact));
    assert_memory_equal(&again, &w, sizeof(w));
    free(text);
    json_decref(facts);
}

static void a_token_is_believed_until_its_end_and_not_at_it(void **state)
{
    (void)state;
    char token[WATCHER_TOKEN_SIZE];
    struct watcher found;
    json_t *facts = json_object();
    add(facts, token, 1, "alice", NOW);
    assert_int_equal(watcher_find(&found, facts, token, strlen(token), NOW - 1), KZ_OK);
    assert_string_equal(found.miner.text, "alice");
    assert_false(is_found(facts, token, NOW));
    assert_false(is_found(facts, token, NOW + DAY));
    json_decref(facts);
}

static void any_changed_digit_is_another_token(void **state)
{
    (void)state;
    char token[WATCHER_TOKEN_SIZE], changed[WATCHER_TOKEN_SIZE];
    json_t *facts = json_object();
    add(facts, token, 1, "alice", NOW + DAY);
    for (size_t i = 0; token[i] != '\0'; i++) {
        memcpy(changed, token, sizeof(token));
        changed[i] = token[i] == '0' ? '1' : '0';
        assert_false(is_found(facts, changed, NOW));
    }
    assert_true(is_found(facts, token, NOW));
    json_decref(facts);
}

static void another_form_is_no_token(void **state)
{
    (void)state;
    char token[WATCHER_TOKEN_SIZE], longer[WATCHER_TOKEN_SIZE + 1];
    struct watcher found;
    json_t *facts = json_object();
    add(facts, token, 1, "alice", NOW + DAY);
    for (size_t len = 0; len < strlen(token); len++)
        assert_int_equal(watcher_find(&found, facts, token, len, NOW), KZ_EMPTY);
    snprintf(longer, sizeof(longer), "%s0", token);
    assert_false(is_found(facts, longer, NOW));
    assert_false(is_found(NULL, token, NOW));
    json_decref(facts);
}

static void one_watchers_secret_opens_no_other(void **state)
{
    (void)state;
    char first[WATCHER_TOKEN_SIZE], second[WATCHER_TOKEN_SIZE];
    json_t *facts = json_object();
    add(facts, first, 1, "alice", NOW + DAY);
    add(facts, second, 101, "bob", NOW + DAY);
    memcpy(first, second, WATCHER_ID_SIZE - 1);
    assert_false(is_found(facts, first, NOW));
    json_decref(facts);
}

/* The name and the hash of zero bytes, which a miss is compared with, open nothing. */
static void a_damaged_fact_opens_nothing(void **state)
{
    (void)state;
    static const char *const members[] = {"miner", "sha256", "from", "until", "by"};
    static const char zeros[] =
        "00000000-0000000000000000000000000000000000000000000000000000000000000000";
    char token[WATCHER_TOKEN_SIZE];
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *facts = json_object();
        add(facts, token, 1, "alice", NOW + DAY);
        json_object_del(json_object_get(facts, "watcher:01020304"), members[i]);
        assert_false(is_found(facts, token, NOW));
        assert_false(is_found(facts, zeros, NOW));
        json_t *list = watcher_list(facts, NULL, NOW);
        assert_int_equal(json_array_size(list), 0);
        json_decref(list);
        json_decref(facts);
    }
}

static void facts_that_are_no_watchers_are_left_alone(void **state)
{
    (void)state;
    char token[WATCHER_TOKEN_SIZE];
    struct miner_id alice;
    json_t *changes = json_object();
    json_t *facts = json_pack("{s:[], s:{}, s:s}", "stop_orders", "watcher:zz",
                              "watcher:01020304x", "x");
    assert_int_equal(miner_id_parse(&alice, "alice", 5), KZ_OK);
    add(facts, token, 1, "alice", NOW);
    watcher_drop_expired(changes, facts, NOW, 10);
    assert_int_equal(json_object_size(changes), 1);
    assert_true(json_is_null(json_object_get(changes, "watcher:01020304")));
    assert_int_equal(watcher_count_live(facts, &alice, NOW), 0);
    assert_int_equal(watcher_count_live(facts, &alice, NOW - 1), 1);
    json_decref(facts);
    json_decref(changes);
}

static void only_the_expired_are_dropped_and_so_many_at_once(void **state)
{
    (void)state;
    char token[WATCHER_TOKEN_SIZE];
    json_t *facts = json_object(), *changes = json_object();
    for (uint8_t n = 0; n < 10; n++)
        add(facts, token, (uint8_t)(10 * n), "alice", n < 6 ? NOW : NOW + 1);
    watcher_drop_expired(changes, facts, NOW, 4);
    assert_int_equal(json_object_size(changes), 4);
    watcher_drop_expired(changes, facts, NOW, 100);
    assert_int_equal(json_object_size(changes), 6);
    assert_null(json_object_get(changes, "watcher:3c3d3e3f"));
    json_decref(facts);
    json_decref(changes);
}

static void a_list_is_by_end_and_says_nothing_of_secrets(void **state)
{
    (void)state;
    char token[WATCHER_TOKEN_SIZE];
    struct miner_id alice;
    json_t *facts = json_object();
    assert_int_equal(miner_id_parse(&alice, "alice", 5), KZ_OK);
    add(facts, token, 1, "alice", NOW + 3 * DAY);
    add(facts, token, 51, "bob", NOW + 2 * DAY);
    add(facts, token, 101, "alice", NOW - DAY / 2);
    json_t *all = watcher_list(facts, NULL, NOW);
    json_t *own = watcher_list(facts, &alice, NOW);
    assert_int_equal(json_array_size(all), 3);
    assert_int_equal(json_array_size(own), 2);
    const json_t *first = json_array_get(own, 0), *second = json_array_get(own, 1);
    assert_string_equal(record_text(first, "id"), "65666768");
    assert_true(json_is_false(json_object_get(first, "live")));
    assert_true(json_is_true(json_object_get(second, "live")));
    assert_string_equal(record_text(second, "by"), "officer-1");
    assert_null(json_object_get(second, "sha256"));
    json_decref(all);
    json_decref(own);
    json_decref(facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_names_its_watcher_and_its_secret),
        cmocka_unit_test(what_is_kept_is_the_hash_and_not_the_secret),
        cmocka_unit_test(a_token_is_believed_until_its_end_and_not_at_it),
        cmocka_unit_test(any_changed_digit_is_another_token),
        cmocka_unit_test(another_form_is_no_token),
        cmocka_unit_test(one_watchers_secret_opens_no_other),
        cmocka_unit_test(a_damaged_fact_opens_nothing),
        cmocka_unit_test(facts_that_are_no_watchers_are_left_alone),
        cmocka_unit_test(only_the_expired_are_dropped_and_so_many_at_once),
        cmocka_unit_test(a_list_is_by_end_and_says_nothing_of_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
