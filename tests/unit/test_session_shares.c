/* Shares from a rig's line to the hooks, against a real server. The rig computes its
 * hashes from mining.notify alone, so a generation or extranonce out of place shows. */
#include "stratum_fixture.h"

#include <math.h>

static size_t share_count(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    size_t n = f->share_count;
    pthread_mutex_unlock(&f->lock);
    return n;
}

static struct share_record last_share(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    assert_true(f->share_count > 0);
    struct share_record r = f->shares[f->share_count - 1];
    pthread_mutex_unlock(&f->lock);
    return r;
}

/* Regtest's work unit is one hash. */
static uint64_t work_of(double difficulty)
{
    struct target t;
    uint64_t work = 0;
    target_from_difficulty(&t, difficulty_from_double(difficulty));
    assert_true(target_work(&work, &t, 1));
    return work;
}

static void a_share_is_recorded_before_it_is_answered(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    struct hash256 hash;
    rig_begin(&r, f);
    rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
    rig_hash(&r, &hash, EXTRANONCE2, r.nonce);
    assert_int_equal(rig_submit(&r), 0);
    struct share_record s = last_share(f);
    assert_int_equal(s.verdict, SHARE_ACCEPTED);
    assert_memory_equal(s.hash.b, hash.b, 32);
    assert_int_equal(s.work, work_of(r.difficulty));
    assert_string_equal(s.miner.text, "alice");
    assert_string_equal(s.worker.text, "rig");
    assert_int_equal(s.miner_number, 1);
    assert_int_equal(s.nonce, r.nonce);
    assert_int_equal(s.extranonce1_len + s.extranonce2_len, JOB_EXTRANONCE_SIZE);
    assert_int_equal(stats_now(f).shares[SHARE_ACCEPTED], 1);
    rig_close(&r);
    fixture_stop(f);
}

static void each_wrong_share_has_its_code(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_begin(&r, f);
    rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
    assert_int_equal(rig_submit(&r), 0);
    assert_int_equal(rig_submit(&r), 22);
    assert_int_equal(rig_submit_as(&r, "bob.rig", ""), 24);
    rig_mine(&r, EXTRANONCE2, 0, r.difficulty);
    assert_int_equal(rig_submit(&r), 23);
    assert_int_equal(
        rig_ask(&r, "{\"id\":1,\"method\":\"mining.submit\",\"params\":[\"alice."
                    "rig\",\"ffff00\",\"" EXTRANONCE2 "\",\"60000000\",\"1\"]}\n"),
        21);
    char text[300];
    for (size_t i = 0; i < 3; i++) {
        int n =
            snprintf(text, sizeof(text),
                     "{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"alice.rig\","
                     "\"%s\",",
                     r.job.id);
        if (i == 0)
            n += snprintf(text + n, 200, "\"00aa\",\"%s\",\"01\"", r.job.ntime);
        else if (i == 1)
            n += snprintf(text + n, 200, "\"" EXTRANONCE2 "\",\"zz\",\"01\"");
        else
            n +=
                snprintf(text + n, 200,
                         "\"" EXTRANONCE2 "\",\"%s\",\"01\",\"00000001\"", r.job.ntime);
        snprintf(text + n, 10, "]}\n");
        assert_int_equal(rig_ask(&r, text), 20);
    }
    rig_close(&r);
    fixture_stop(f);
}

static void old_jobs_are_good_until_the_block_changes(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r, old;
    rig_begin(&r, f);
    old = r;
    publish_job(f, '1', HARD_NBITS, false);
    rig_wait_jobs(&r, 3);
    assert_false(r.job.clean);
    rig_mine(&old, EXTRANONCE2, r.difficulty, 0);
    r.nonce = old.nonce;
    struct rig late = old;
    assert_int_equal(rig_submit(&late), 0);
    publish_job(f, '2', HARD_NBITS, true);
    rig_wait_jobs(&r, 4);
    assert_true(r.job.clean);
    old.in_len = 0;
    rig_mine(&old, EXTRANONCE2, r.difficulty, 0);
    assert_int_equal(rig_submit(&old), 21);
    assert_int_equal(last_share(f).verdict, SHARE_STALE);
    rig_close(&r);
    fixture_stop(f);
}

static void a_block_leaves_before_anything_else_even_when_stale(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', EASY_NBITS, true);
    struct rig r;
    rig_begin(&r, f);
    struct rig old = r;
    rig_mine(&old, EXTRANONCE2, 1e-8, 0);
    publish_job(f, '2', EASY_NBITS, true);
    rig_wait_jobs(&r, 3);
    assert_int_equal(rig_submit(&old), 21);
    pthread_mutex_lock(&f->lock);
    assert_int_equal(f->block_count, 1);
    assert_int_equal(f->calls[0], SAW_BLOCK);
    assert_int_equal(f->calls[1], SAW_SHARE);
    struct hash256 hash;
    hash256_double(&hash, f->block.header, 80);
    assert_true(hash256_equal(&hash, &f->block.hash));
    assert_string_equal(f->block.miner.text, "alice");
    char extranonce[2 * JOB_EXTRANONCE_SIZE + 1];
    hex_encode(extranonce, f->block.extranonce, JOB_EXTRANONCE_SIZE);
    assert_memory_equal(extranonce + 2, old.extranonce1, 8);
    assert_memory_equal(extranonce + 10, EXTRANONCE2, 16);
    pthread_mutex_unlock(&f->lock);
    rig_close(&r);
    fixture_stop(f);
}

static void a_block_of_nobody_we_know_leaves_too(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', EASY_NBITS, true);
    struct rig r;
    rig_connect(&r, f, 0);
    rig_subscribe(&r, "");
    rig_mine(&r, EXTRANONCE2, 1e-8, 0);
    assert_int_equal(rig_submit_as(&r, "eve.rig", ""), 24);
    pthread_mutex_lock(&f->lock);
    assert_int_equal(f->block_count, 1);
    assert_string_equal(f->block.miner.text, "");
    assert_int_equal(f->share_count, 0);
    pthread_mutex_unlock(&f->lock);
    rig_close(&r);
    fixture_stop(f);
}

static void a_share_that_cannot_be_kept_is_refused(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    f->is_busy = true;
    rig_begin(&r, f);
    rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
    assert_int_equal(rig_submit(&r), 20);
    assert_int_equal(share_count(f), 0);
    assert_int_equal(stats_now(f).shares[SHARE_OVERLOADED], 1);
    assert_int_equal(stats_now(f).shares[SHARE_ACCEPTED], 0);
    rig_close(&r);
    fixture_stop(f);
}

static void a_lowering_acts_at_once_for_jobs_sent_before(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_connect(&r, f, 0);
    rig_subscribe(&r, "");
    assert_int_equal(rig_authorize(&r, "alice.rig", "d=1e-6"), 0);
    rig_wait_jobs(&r, 2);
    struct rig old = r;
    rig_mine(&old, EXTRANONCE2, 1e-8, 1e-6);
    assert_int_equal(rig_submit(&old), 23);
    assert_int_equal(rig_authorize(&r, "alice.rig", "d=1e-8"), 0);
    rig_wait_jobs(&r, 3);
    assert_true(r.difficulty == 1e-8);
    rig_mine(&old, EXTRANONCE2, 1e-8, 1e-6);
    assert_int_equal(rig_submit(&old), 0);
    assert_int_equal(last_share(f).work, work_of(1e-8));
    rig_close(&r);
    fixture_stop(f);
}

static void a_raise_needs_new_work_and_rejects_none_of_the_old(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_connect(&r, f, 0);
    rig_subscribe(&r, "");
    assert_int_equal(rig_authorize(&r, "alice.rig", "d=1e-8"), 0);
    rig_wait_jobs(&r, 2);
    struct rig old = r;
    assert_int_equal(rig_authorize(&r, "alice.rig", "d=1e-6"), 0);
    rig_wait_jobs(&r, 3);
    /* The same job again: other work, by coinb1, under another id. */
    assert_string_not_equal(r.job.id, old.job.id);
    assert_string_not_equal(r.job.coinb1, old.job.coinb1);
    rig_mine(&old, EXTRANONCE2, 1e-6, 0); /* would meet the new one too: */
    assert_int_equal(rig_submit(&old), 0);
    assert_int_equal(last_share(f).work, work_of(1e-8)); /* paid as what it was */
    rig_mine(&old, EXTRANONCE2, 1e-8, 1e-6);
    assert_int_equal(rig_submit(&old), 0);
    rig_mine(&r, EXTRANONCE2, 1e-8, 1e-6);
    assert_int_equal(rig_submit(&r), 23);
    rig_mine(&r, EXTRANONCE2, 1e-6, 0);
    assert_int_equal(rig_submit(&r), 0);
    assert_int_equal(last_share(f).work, work_of(1e-6));
    rig_close(&r);
    fixture_stop(f);
}

static void an_id_that_was_not_sent_is_no_way_to_another_target(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_begin(&r, f);
    r.job.id[strlen(r.job.id) - 1] = '7'; /* generation 7 was never sent */
    rig_mine(&r, EXTRANONCE2, 1e-6, 0);
    assert_int_equal(rig_submit(&r), 21);
    rig_close(&r);
    fixture_stop(f);
}

static void version_bits_are_taken_within_the_mask(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_begin(&r, f);
    static const char *const bits[] = {"01234000", "0x01234000", "21234000"};
    memcpy(r.job.version, "21234000", 9); /* what the rig hashes */
    for (size_t i = 0; i < 3; i++) {
        char more[32];
        snprintf(more, sizeof(more), ",\"%s\"", bits[i]);
        rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
        assert_int_equal(rig_submit_as(&r, "alice.rig", more), 0);
        assert_int_equal(last_share(f).version, 0x21234000);
    }
    memcpy(r.job.version, "20000000", 9);
    rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
    assert_int_equal(rig_submit_as(&r, "alice.rig", ",\"\""), 0);
    rig_close(&r);
    fixture_stop(f);
}

/* BIP9 bits of the template inside the mask: some firmware adds its bits, some flips. */
static void bits_that_collide_with_the_templates_are_found_out(void **state)
{
    (void)state;
    static const char *const hashed[] = {"20400000", "20c00000", "20400000"};
    static const char *const sent[] = {"00400000", "00400000", "00c00000"};
    struct fixture *f = fixture_new();
    f->version = "20800000";
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', HARD_NBITS, true);
    struct rig r;
    rig_connect(&r, f, 0);
    rig_subscribe(&r, "");
    assert_int_equal(rig_authorize(&r, "alice.rig", "fd=1e-6"), 0);
    rig_wait_jobs(&r, 2);
    for (size_t i = 0; i < 3; i++) {
        char more[32];
        snprintf(more, sizeof(more), ",\"%s\"", sent[i]);
        memcpy(r.job.version, hashed[i], sizeof(r.job.version));
        rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
        assert_int_equal(rig_submit_as(&r, "alice.rig", more), 0);
        assert_int_equal(last_share(f).version, i == 1 ? 0x20c00000 : 0x20400000);
    }
    rig_close(&r);
    fixture_stop(f);
}

static void numbers_and_short_hex_are_the_same_share(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    char text[400];
    rig_begin(&r, f);
    rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
    snprintf(text, sizeof(text),
             "{\"id\":\"x\",\"method\":\"mining.submit\",\"params\":[\" alice.rig "
             "\",\"%s\",\""
             "00000000000000AA\",\"%s\",%u]}\n",
             r.job.id, r.job.ntime, r.nonce);
    assert_int_equal(rig_ask(&r, text), 0);
    assert_int_equal(rig_submit(&r), 22);
    rig_close(&r);
    fixture_stop(f);
}

/* With several fronts a reconnect lands anywhere; the session has to find home. */
static void a_resumed_session_has_its_work_and_its_duplicates_back(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->conf->stratum.threads = 4;
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', HARD_NBITS, true);
    struct rig r;
    rig_connect(&r, f, 0);
    rig_subscribe(&r, "");
    assert_int_equal(rig_authorize(&r, "alice.rig", "d=1e-8"), 0);
    rig_wait_jobs(&r, 2);
    rig_mine(&r, EXTRANONCE2, 1e-8, 0);
    assert_int_equal(rig_submit(&r), 0);
    for (int i = 0; i < 12; i++) {
        struct rig again;
        char params[128];
        rig_close(&r);
        WAIT_FOR(f, st.sessions == 0);
        rig_connect(&again, f, 0);
        snprintf(params, sizeof(params), "\"a\",\"%s\"", i % 2 ? r.sid : r.extranonce1);
        rig_subscribe(&again, params);
        assert_string_equal(again.extranonce1, r.extranonce1);
        assert_string_equal(again.sid, r.sid);
        assert_true(again.difficulty == 1e-8);
        assert_int_equal(rig_authorize(&again, "alice.rig", ""), 0);
        r.fd = again.fd;
        memcpy(r.in, again.in, again.in_len);
        r.in_len = again.in_len;
        assert_int_equal(rig_submit(&r), 22); /* the share of before, in its old job */
        r.in_len = 0;
        rig_mine(&r, EXTRANONCE2, 1e-8, 0);
        assert_int_equal(rig_submit(&r), 0);
    }
    assert_int_equal(stats_now(f).connects, 13);
    rig_close(&r);
    fixture_stop(f);
}

static void what_a_live_session_holds_cannot_be_resumed(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r, thief;
    char params[128];
    rig_begin(&r, f);
    rig_connect(&thief, f, 0);
    snprintf(params, sizeof(params), "\"a\",\"%s\"", r.sid);
    rig_subscribe(&thief, params);
    assert_string_not_equal(thief.extranonce1, r.extranonce1);
    rig_close(&r);
    rig_close(&thief);
    fixture_stop(f);
}

static void every_session_has_its_own_extranonce1(void **state)
{
    (void)state;
    enum { RIGS = 60 };
    struct fixture *f = fixture_ready();
    static struct rig r[RIGS];
    for (size_t i = 0; i < RIGS; i++) {
        rig_connect(&r[i], f, 0);
        rig_subscribe(&r[i], "");
        assert_memory_equal(r[i].extranonce1, "05", 2);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(r[i].extranonce1, r[k].extranonce1);
    }
    for (size_t i = 0; i < RIGS; i++)
        rig_close(&r[i]);
    fixture_stop(f);
}

static void a_listener_may_have_shorter_extranonces(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->conf->stratum.listen[0].extranonce2_size = 4;
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', HARD_NBITS, true);
    struct rig r;
    rig_connect(&r, f, 0);
    rig_subscribe(&r, "");
    assert_int_equal(r.extranonce2_size, 4);
    assert_int_equal(strlen(r.extranonce1), 16);
    assert_int_equal(rig_authorize(&r, "alice.rig", ""), 0);
    rig_wait_jobs(&r, 2);
    rig_mine(&r, "000000aa", r.difficulty, 0);
    char text[300];
    snprintf(text, sizeof(text),
             "{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"alice.rig\",\"%s\","
             "\"000000aa\",\"%s\",\"%08x\"]}\n",
             r.job.id, r.job.ntime, r.nonce);
    assert_int_equal(rig_ask(&r, text), 0);
    assert_int_equal(last_share(f).extranonce1_len, 9);
    rig_close(&r);
    fixture_stop(f);
}

static void many_workers_share_a_connection(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    rig_begin(&r, f);
    assert_int_equal(rig_authorize(&r, "bob.one", ""), 0);
    assert_int_equal(rig_authorize(&r, ALICE_ADDRESS ".two", ""), 0);
    static const char *const logins[] = {"bob.one", ALICE_ADDRESS ".two", "alice.rig"};
    static const char *const workers[] = {"one", "two", "rig"};
    static const uint32_t numbers[] = {2, 1, 1};
    for (size_t i = 0; i < 3; i++) {
        rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
        assert_int_equal(rig_submit_as(&r, logins[i], ""), 0);
        assert_string_equal(last_share(f).worker.text, workers[i]);
        assert_int_equal(last_share(f).miner_number, numbers[i]);
    }
    rig_close(&r);
    fixture_stop(f);
}

static void a_flood_raises_the_difficulty_within_seconds(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct rig r;
    struct monotime limit = monotime_add_ms(clock_now(), WAIT_MS);
    rig_begin(&r, f);
    double start = r.difficulty;
    while (r.difficulty < 4 * start && clock_now().ns < limit.ns) {
        rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
        assert_int_equal(rig_submit(&r), 0);
    }
    assert_true(r.difficulty >= 4 * start);
    assert_true(r.jobs >= 3);
    rig_close(&r);
    fixture_stop(f);
}

static void a_fixed_difficulty_stays(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', HARD_NBITS, true);
    struct rig r;
    rig_connect(&r, f, 0);
    rig_subscribe(&r, "");
    assert_int_equal(rig_authorize(&r, "alice.rig", "x;fd=2e-9"), 0);
    rig_wait_jobs(&r, 2);
    struct monotime limit = monotime_add_ms(clock_now(), 1500);
    while (clock_now().ns < limit.ns) {
        rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
        assert_int_equal(rig_submit(&r), 0);
    }
    assert_true(r.difficulty == 2e-9);
    rig_close(&r);
    fixture_stop(f);
}

static struct fixture *fixture_behind_proxy(const char *peers)
{
    struct fixture *f = fixture_new();
    struct conf_listener *l = &f->conf->stratum.listen[0];
    l->proxy_protocol = true;
    snprintf(l->proxy_peers[0], sizeof(l->proxy_peers[0]), "%s", peers);
    l->proxy_peer_count = 1;
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', HARD_NBITS, true);
    return f;
}

static void expect_address(struct fixture *f, const char *text)
{
    const json_t *s = json_array_get(sessions_of(f, ""), 0);
    assert_string_equal(json_string_value(json_object_get(s, "address")), text);
}

static void a_proxy_says_who_connected(void **state)
{
    (void)state;
    static const char v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
                             "\x0a\0\0\x09\x7f\0\0\x01\x12\x34\x0d\x05";
    struct fixture *f = fixture_behind_proxy("127.0.0.0/8");
    struct rig r;
    rig_connect(&r, f, 0);
    rig_send(&r, "PROXY TCP4 127.0.0.2 198.51.100.1 51000 3333\r\n"); /* a proxy's: */
    for (size_t i = 0; i < sizeof(v2) - 1; i++)
        rig_bytes(&r, v2 + i, 1);
    rig_subscribe(&r, "");
    assert_int_equal(rig_authorize(&r, "alice.rig", ""), 0);
    expect_address(f, "10.0.0.9:4660");
    rig_close(&r);
    rig_connect(&r, f, 0); /* a client that goes on as if it were a proxy */
    rig_send(&r, "PROXY TCP4 10.0.0.9 198.51.100.1 51000 3333\r\n");
    rig_send(&r, "PROXY TCP4 192.0.2.7 198.51.100.1 51000 3333\r\n");
    assert_true(rig_is_closed(&r));
    rig_close(&r);
    rig_connect(&r, f, 0); /* or that never comes to an end */
    for (int i = 0; i < 5; i++)
        rig_send(&r, "PROXY TCP4 127.0.0.2 198.51.100.1 51000 3333\r\n");
    assert_true(rig_is_closed(&r));
    rig_close(&r);
    rig_connect(&r, f, 0); /* and one without a header, like a health check */
    rig_subscribe(&r, "");
    rig_close(&r);
    rig_connect(&r, f, 0);
    rig_send(&r, "PROXY TCP4 nonsense\r\n");
    assert_true(rig_is_closed(&r));
    assert_int_equal(stats_now(f).closed_proxy_header, 3);
    rig_close(&r);
    fixture_stop(f);
}

static void a_stranger_cannot_say_who_connected(void **state)
{
    (void)state;
    struct fixture *f = fixture_behind_proxy("192.0.2.0/24");
    struct rig r;
    rig_connect(&r, f, 0);
    rig_send(&r, "PROXY TCP4 192.0.2.7 198.51.100.1 51000 3333\r\n");
    assert_true(rig_is_closed(&r));
    assert_int_equal(stats_now(f).closed_proxy_header, 1);
    rig_close(&r);
    fixture_stop(f);
}

/* The registry may be unable to say so: its Redis is away. */
static void a_certificates_end_is_the_end_of_its_shares(void **state)
{
    (void)state;
    struct fixture *f = fixture_ready();
    struct roster *roster = roster_new(1);
    struct rig r, late;
    const int64_t until_ms = clock_utc_ms() + 1500;
    const struct roster_miner alice = {
        .id = {"alice"}, .number = 1, .may_mine = true, .until_ms = until_ms};
    roster_add(roster, &alice);
    stratum_publish_roster(f->server, roster);
    roster_unref(roster);
    rig_begin(&r, f);
    rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
    assert_int_equal(rig_submit(&r), 0);
    rig_mine(&r, "0000000000000099", r.difficulty, 0);
    while (clock_utc_ms() < until_ms)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(rig_submit(&r), 24);
    assert_int_equal(stats_now(f).shares[SHARE_ACCEPTED], 1);
    rig_connect(&late, f, 0);
    rig_subscribe(&late, "");
    assert_int_equal(rig_authorize(&late, "alice.rig", ""), 24);
    assert_int_equal(last_refusal(f), REFUSED_NOT_ACTIVE);
    assert_true(rig_is_closed(&r));
    assert_int_equal(stats_now(f).closed_not_active, 1);
    rig_close(&late);
    rig_close(&r);
    fixture_stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_recorded_before_it_is_answered),
        cmocka_unit_test(each_wrong_share_has_its_code),
        cmocka_unit_test(old_jobs_are_good_until_the_block_changes),
        cmocka_unit_test(a_block_leaves_before_anything_else_even_when_stale),
        cmocka_unit_test(a_block_of_nobody_we_know_leaves_too),
        cmocka_unit_test(a_share_that_cannot_be_kept_is_refused),
        cmocka_unit_test(a_lowering_acts_at_once_for_jobs_sent_before),
        cmocka_unit_test(a_raise_needs_new_work_and_rejects_none_of_the_old),
        cmocka_unit_test(an_id_that_was_not_sent_is_no_way_to_another_target),
        cmocka_unit_test(version_bits_are_taken_within_the_mask),
        cmocka_unit_test(bits_that_collide_with_the_templates_are_found_out),
        cmocka_unit_test(numbers_and_short_hex_are_the_same_share),
        cmocka_unit_test(a_resumed_session_has_its_work_and_its_duplicates_back),
        cmocka_unit_test(what_a_live_session_holds_cannot_be_resumed),
        cmocka_unit_test(every_session_has_its_own_extranonce1),
        cmocka_unit_test(a_listener_may_have_shorter_extranonces),
        cmocka_unit_test(many_workers_share_a_connection),
        cmocka_unit_test(a_flood_raises_the_difficulty_within_seconds),
        cmocka_unit_test(a_fixed_difficulty_stays),
        cmocka_unit_test(a_proxy_says_who_connected),
        cmocka_unit_test(a_stranger_cannot_say_who_connected),
        cmocka_unit_test(a_certificates_end_is_the_end_of_its_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
