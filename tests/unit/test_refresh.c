/* Templates and snapshots into a real refresh and server, rigs of each firmware class at
 * the other end. The rigs know only what mining.notify says. */
#include "stratum_fixture.h"

#include "direct_fixture.h"
#include "pool/refresh.h"
#include "tests/unit/vectors.h"

#include <event2/event.h>

#define VALUE   INT64_C(318000001)
#define TAG     "/Kariz/"
#define TAG_LEN 7
#define EACH    4 /* classes that an agent can have */

static const char *const agents[EACH] = {"", "\"Antminer S19/1.0\"", "\"bosminer 1\"",
                                         "\"whatsminer/v1.1\""};
static const size_t class_bytes[EACH] = {499, 750, 2250, 6500};

struct bed {
    struct fixture *f;
    struct event_base *base;
    struct refresh *r;
    struct refresh_standing standing; /* the hook's answer */
    struct rig rigs[EACH];
};

static struct refresh_standing on_standing(void *ctx, const struct snapshot *s,
                                           const struct hash256 *prev)
{
    const struct bed *b = ctx;
    (void)s;
    (void)prev;
    return b->standing;
}

static void give_template(struct bed *b, char prev, bool new_tip)
{
    struct template *t = plain_template(prev, VALUE);
    refresh_on_template(b->r, t, new_tip);
    template_unref(t);
}

static void give_snapshot(struct bed *b, uint64_t id, bool now)
{
    const struct snapshot *s = snapshot_many(id, 590, 300);
    refresh_set_snapshot(b->r, s, now);
    snapshot_unref(s);
}

static struct bed *bed_paying(const char *address, const char *descriptor)
{
    struct bed *b = mem_new(sizeof(*b));
    b->f = fixture_new();
    b->standing.accounted = true;
    struct conf *c = b->f->conf;
    snprintf(c->coinbase_address, sizeof(c->coinbase_address), "%s", address);
    snprintf(c->coinbase_descriptor, sizeof(c->coinbase_descriptor), "%s", descriptor);
    snprintf(c->coinbase_tag, sizeof(c->coinbase_tag), TAG);
    c->payout.direct = true;
    c->payout.direct_minimum_sat = 10000;
    add_listener(&c->stratum)->form = CONF_FORM_LARGEST;
    fixture_start(b->f);
    publish_roster(b->f, true, true);
    b->base = event_base_new();
    assert_int_equal(refresh_new(&b->r, b->base, c), KZ_OK);
    refresh_set_parts(b->r, b->f->server, NULL);
    refresh_set_hooks(b->r, &(struct refresh_hooks){b, on_standing});
    return b;
}

static struct bed *bed_new(void)
{
    return bed_paying(ALICE_ADDRESS, "");
}

static void bed_free(struct bed *b)
{
    for (size_t i = 0; i < EACH; i++)
        if (b->rigs[i].fd > 0)
            rig_close(&b->rigs[i]);
    refresh_free(b->r);
    event_base_free(b->base);
    fixture_stop(b->f);
    mem_free(b);
}

static void begin_as(struct rig *r, struct fixture *f, size_t listener,
                     const char *subscribe)
{
    rig_connect(r, f, listener);
    rig_subscribe(r, subscribe);
    assert_int_equal(rig_authorize(r, "alice.rig", "x"), 0);
    rig_wait_jobs(r, 2);
}

/* With a job that pays, and a rig of each class on it. */
static struct bed *bed_ready(void)
{
    struct bed *b = bed_new();
    give_snapshot(b, 7, false);
    give_template(b, '1', true);
    for (size_t i = 0; i < EACH; i++)
        begin_as(&b->rigs[i], b->f, 0, agents[i]);
    return b;
}

/* What the rig's coinbase pays, read from `part`; returns its size. */
static size_t rig_coinbase(const struct rig *r, struct read_coinbase *c,
                           uint8_t part[PART_ROOM / 2], int64_t *miners)
{
    size_t len = strlen(r->job.coinb2) / 2;
    assert_int_equal(hex_decode(part, len, r->job.coinb2, 2 * len), KZ_OK);
    coinbase_read(c, part, len, TAG_LEN);
    assert_true(c->sum == VALUE);
    *miners = 0;
    for (size_t i = 0; i + 1 < c->count; i++) /* the pool's is the last */
        *miners += c->at[i].value;
    return (strlen(r->job.coinb1) + strlen(r->extranonce1)) / 2 + r->extranonce2_size +
           len;
}

static size_t rig_payees(const struct rig *r)
{
    struct read_coinbase c;
    uint8_t part[PART_ROOM / 2];
    int64_t miners;
    rig_coinbase(r, &c, part, &miners);
    return c.count - 1;
}

static struct share_record last_share(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    assert_true(f->share_count > 0);
    struct share_record r = f->shares[f->share_count - 1];
    pthread_mutex_unlock(&f->lock);
    return r;
}

static void each_class_works_on_its_own_coinbase(void **state)
{
    (void)state;
    struct bed *b = bed_ready();
    size_t payees = 0;
    for (size_t i = 0; i < EACH; i++) {
        struct rig *r = &b->rigs[i];
        struct read_coinbase c;
        uint8_t part[PART_ROOM / 2];
        struct hash256 hash;
        int64_t miners;
        size_t bytes = rig_coinbase(r, &c, part, &miners);
        assert_true(bytes <= class_bytes[i]);
        assert_true(i == 0 ? strlen(r->job.coinb2) / 2 < 384
                           : bytes + 64 > class_bytes[i]);
        assert_true(c.count > payees);
        payees = c.count;
        /* Judged against the coinbase it was sent: the server's hash is the rig's. */
        rig_mine(r, EXTRANONCE2, r->difficulty, 0);
        rig_hash(r, &hash, EXTRANONCE2, r->nonce);
        assert_int_equal(rig_submit(r), 0);
        assert_int_equal(rig_submit(r), 22);
        struct share_record s = last_share(b->f);
        assert_memory_equal(s.hash.b, hash.b, 32);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(b->rigs[k].job.id, r->job.id);
    }
    bed_free(b);
}

static void another_classes_form_is_stale_and_may_be_a_block(void **state)
{
    (void)state;
    struct bed *b = bed_ready();
    struct rig *small = &b->rigs[0], own = *small;
    const struct rig *large = &b->rigs[3];
    small->job = large->job;
    rig_mine(small, EXTRANONCE2, 1e-8, 0); /* every second hash is a block */
    assert_int_equal(rig_submit(small), 21);
    assert_int_equal(last_share(b->f).verdict, SHARE_STALE);
    pthread_mutex_lock(&b->f->lock);
    assert_int_equal(b->f->block_count, 1);
    assert_true(job_bytes(b->f->block_job) > class_bytes[2]);
    pthread_mutex_unlock(&b->f->lock);
    small->job = own.job;
    rig_mine(small, EXTRANONCE2, small->difficulty, 0);
    assert_int_equal(rig_submit(small), 0);
    bed_free(b);
}

static void a_found_block_carries_what_it_books(void **state)
{
    (void)state;
    struct bed *b = bed_ready();
    for (size_t i = 0; i < EACH; i++) {
        rig_mine(&b->rigs[i], EXTRANONCE2, 1e-8, 0);
        assert_int_equal(rig_submit(&b->rigs[i]), 0);
        pthread_mutex_lock(&b->f->lock);
        const struct job *job = b->f->block_job;
        assert_int_equal(b->f->block_count, i + 1);
        assert_int_equal(job->snapshot_id, 7);
        assert_int_equal(coinbase_payees(coinbase_of_job(job)),
                         rig_payees(&b->rigs[i]));
        assert_booking(job, TAG_LEN);
        pthread_mutex_unlock(&b->f->lock);
    }
    bed_free(b);
}

static void an_unknown_agent_gets_the_small_form(void **state)
{
    (void)state;
    struct bed *b = bed_ready();
    struct rig r;
    begin_as(&r, b->f, 0, "\"somebody's own/0.1\"");
    assert_string_equal(r.job.coinb2, b->rigs[0].job.coinb2);
    rig_close(&r);
    bed_free(b);
}

static void a_listener_may_force_a_class(void **state)
{
    (void)state;
    struct bed *b = bed_ready();
    struct rig r;
    struct read_coinbase c;
    uint8_t part[PART_ROOM / 2];
    int64_t miners;
    begin_as(&r, b->f, 1, agents[0]);
    size_t bytes = rig_coinbase(&r, &c, part, &miners);
    assert_true(bytes > 15900 && bytes <= 16000);
    rig_mine(&r, EXTRANONCE2, r.difficulty, 0);
    assert_int_equal(rig_submit(&r), 0);
    json_t *list = sessions_of(b->f, "alice");
    size_t largest = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        largest += strcmp(json_string_value(
                              json_object_get(json_array_get(list, i), "coinbase")),
                          "largest") == 0;
    assert_int_equal(largest, 1);
    rig_close(&r);
    bed_free(b);
}

static void a_session_that_resumes_as_another_agent_keeps_its_work(void **state)
{
    (void)state;
    struct bed *b = bed_ready();
    struct rig *large = &b->rigs[3], again;
    char subscribe[128];
    snprintf(subscribe, sizeof(subscribe), "\"cgminer/4\",\"%s\"", large->sid);
    rig_close(large);
    large->fd = -1;
    WAIT_FOR(b->f, st.sessions == EACH - 1);
    begin_as(&again, b->f, 0, subscribe);
    assert_string_equal(again.extranonce1, large->extranonce1);
    assert_string_equal(again.job.coinb2, b->rigs[0].job.coinb2);
    rig_mine(&again, EXTRANONCE2, again.difficulty, 0);
    assert_int_equal(rig_submit(&again), 0);
    /* And what it was working on before, in the old form. */
    again.job = large->job;
    rig_mine(&again, EXTRANONCE2, again.difficulty, 0);
    assert_int_equal(rig_submit(&again), 0);
    rig_close(&again);
    bed_free(b);
}

/* A job on another tip; the pool's output is the last. */
static void next_job_pays(struct bed *b, struct rig *r, char prev, int height,
                          const json_t *derived)
{
    struct read_coinbase c;
    uint8_t part[PART_ROOM / 2];
    int64_t miners;
    char hex[2 * ADDRESS_SCRIPT_MAX + 1];
    const json_t *one = json_array_get(derived, (size_t)height);
    size_t jobs = r->jobs;
    struct template *t = template_at(prev, VALUE, height);
    refresh_on_template(b->r, t, true);
    template_unref(t);
    rig_wait_jobs(r, jobs + 1);
    rig_coinbase(r, &c, part, &miners);
    hex_encode(hex, c.at[c.count - 1].script, c.at[c.count - 1].script_len);
    assert_string_equal(hex, json_string_value(json_object_get(one, "script_pubkey")));
}

static void with_a_descriptor_each_height_has_its_own_script(void **state)
{
    (void)state;
    json_t *file = vectors_json("bips/descriptors.json");
    const json_t *one = json_array_get(json_object_get(file, "ranged"), 0);
    const json_t *derived = json_object_get(one, "derived");
    struct bed *b =
        bed_paying("", json_string_value(json_object_get(one, "descriptor")));
    struct rig *r = &b->rigs[3];
    struct template *t = template_at('1', VALUE, 1);
    refresh_on_template(b->r, t, true);
    template_unref(t);
    begin_as(r, b->f, 0, agents[3]);
    next_job_pays(b, r, '2', 2, derived);
    next_job_pays(b, r, '3', 3, derived);
    next_job_pays(b, r, '4', 3, derived); /* another tip of that height */
    assert_int_equal(rig_payees(r), 0);
    give_snapshot(b, 7, false);
    next_job_pays(b, r, '5', 4, derived);
    assert_true(rig_payees(r) > 150);
    bed_free(b);
    json_decref(file);
}

static void settings_that_pay_nobody_make_no_refresh(void **state)
{
    (void)state;
    struct conf *c = mem_new(sizeof(*c));
    struct refresh *r = NULL;
    struct event_base *base = event_base_new();
    c->network = CONF_REGTEST;
    assert_int_equal(refresh_new(&r, base, c), KZ_RANGE);
    snprintf(c->coinbase_descriptor, sizeof(c->coinbase_descriptor), "wpkh()");
    assert_int_equal(refresh_new(&r, base, c), KZ_RANGE);
    assert_null(r);
    event_base_free(base);
    mem_free(c);
}

static void a_hold_makes_new_jobs_at_once_and_the_old_stay_good(void **state)
{
    (void)state;
    struct bed *b = bed_ready();
    struct rig *r = &b->rigs[2], old = *r;
    give_template(b, '1', false); /* says nothing new */
    give_snapshot(b, 8, true);
    rig_wait_jobs(r, 3);
    assert_false(r->job.clean);
    assert_string_not_equal(r->job.id, old.job.id);
    rig_mine(&old, EXTRANONCE2, r->difficulty, 0);
    assert_int_equal(rig_submit(&old), 0);
    rig_mine(r, EXTRANONCE2, r->difficulty, 0);
    r->in_len = 0;
    assert_int_equal(rig_submit(r), 0);
    json_t *status = refresh_status(b->r);
    assert_int_equal(json_integer_value(json_object_get(status, "snapshot")), 8);
    assert_int_equal(json_integer_value(json_object_get(status, "jobs")), 2);
    assert_int_equal(json_integer_value(json_object_get(status, "forms")), 5);
    json_decref(status);
    bed_free(b);
}

/* A job for the answer of the hook; what the miners get of it by the largest form. */
static int64_t miners_get(struct bed *b, bool accounted, bool doubt)
{
    struct read_coinbase c;
    uint8_t part[PART_ROOM / 2];
    struct rig *r = &b->rigs[3];
    int64_t miners;
    b->standing = (struct refresh_standing){accounted, doubt};
    size_t jobs = r->jobs;
    give_template(b, '1', false);
    rig_wait_jobs(r, jobs + 1);
    rig_coinbase(r, &c, part, &miners);
    return miners;
}

static void carry_is_paid_only_when_our_own_blocks_are_accounted_for(void **state)
{
    (void)state;
    struct bed *b = bed_ready();
    int64_t none = miners_get(b, true, true);
    int64_t some = miners_get(b, false, false);
    int64_t all = miners_get(b, true, false);
    assert_true(none == 0);
    /* Of 590 with about half a million each the form takes some 200; of all who are
     * paid with carry, each gets 20300 or more of it. */
    assert_true(some > 0 && some < VALUE / 2);
    assert_true(all > some + 200 * INT64_C(20000));
    bed_free(b);
}

static void without_a_hook_the_pool_takes_all(void **state)
{
    (void)state;
    struct bed *b = bed_new();
    refresh_set_hooks(b->r, &(struct refresh_hooks){NULL, NULL});
    give_snapshot(b, 7, false);
    give_template(b, '1', true);
    begin_as(&b->rigs[3], b->f, 0, agents[3]);
    assert_int_equal(rig_payees(&b->rigs[3]), 0);
    bed_free(b);
}

static void the_setting_turns_it_on_and_off(void **state)
{
    (void)state;
    struct bed *b = bed_ready();
    struct rig *r = &b->rigs[3];
    assert_true(rig_payees(r) > 150);
    b->f->conf->payout.direct_outputs = 20;
    refresh_set_options(b->r, b->f->conf);
    give_template(b, '1', false); /* says nothing new, but the settings do */
    give_template(b, '1', false);
    rig_wait_jobs(r, 3);
    assert_int_equal(rig_payees(r), 20);
    b->f->conf->payout.direct = false;
    refresh_set_options(b->r, b->f->conf);
    give_snapshot(b, 9, true); /* makes no job: nobody is paid by it */
    give_template(b, '1', false);
    rig_wait_jobs(r, 4);
    assert_int_equal(rig_payees(r), 0);
    assert_true(r->in_len == 0);
    for (size_t i = 0; i < EACH; i++) {
        rig_wait_jobs(&b->rigs[i], 4);
        assert_string_equal(b->rigs[i].job.coinb2, r->job.coinb2);
    }
    bed_free(b);
}

static void a_refused_proposal_leaves_the_tip_to_the_pool(void **state)
{
    (void)state;
    struct bed *b = bed_ready();
    struct rig *r = &b->rigs[3];
    refresh_on_proposal(b->r, 0, "");
    refresh_on_proposal(b->r, 0, "bad-cb-amount");
    rig_wait_jobs(r, 3);
    assert_int_equal(rig_payees(r), 0);
    assert_false(r->job.clean);
    refresh_on_proposal(b->r, 0, "bad-cb-amount"); /* of a coinbase that pays nobody */
    give_snapshot(b, 8, false);
    give_template(b, '1', false); /* says nothing new to the pool's form */
    give_template(b, '2', true);
    rig_wait_jobs(r, 4);
    assert_true(r->job.clean);
    assert_true(rig_payees(r) > 150);
    bed_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_works_on_its_own_coinbase),
        cmocka_unit_test(another_classes_form_is_stale_and_may_be_a_block),
        cmocka_unit_test(a_found_block_carries_what_it_books),
        cmocka_unit_test(an_unknown_agent_gets_the_small_form),
        cmocka_unit_test(a_listener_may_force_a_class),
        cmocka_unit_test(a_session_that_resumes_as_another_agent_keeps_its_work),
        cmocka_unit_test(with_a_descriptor_each_height_has_its_own_script),
        cmocka_unit_test(settings_that_pay_nobody_make_no_refresh),
        cmocka_unit_test(a_hold_makes_new_jobs_at_once_and_the_old_stay_good),
        cmocka_unit_test(carry_is_paid_only_when_our_own_blocks_are_accounted_for),
        cmocka_unit_test(without_a_hook_the_pool_takes_all),
        cmocka_unit_test(the_setting_turns_it_on_and_off),
        cmocka_unit_test(a_refused_proposal_leaves_the_tip_to_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
