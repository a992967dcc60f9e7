/* A template and a snapshot in, a job in all its forms out. Sizes, sums and scripts are
 * read from the coinbases' bytes. */
#include "pool/forms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/direct_fixture.h"

#define VALUE   INT64_C(318000001)
#define TAG     "/Kariz/"
#define TAG_LEN 7
#define ALL     ((1u << DIRECT_CLASSES) - 1)

static const size_t class_bytes[DIRECT_CLASSES] = {499, 750, 2250, 6500, 16000};

struct bed {
    struct template *t;
    const struct snapshot *s;
    struct forms_spec spec;
    struct job_set set;
    char why[JOB_WHY_SIZE];
};

static void bed_open(struct bed *b, int64_t value, const struct snapshot *s)
{
    *b = (struct bed){.t = plain_template('1', value), .s = s};
    b->spec = (struct forms_spec){
        .template = b->t,
        .serial = 0x100,
        .ntime = 1700000000,
        .tag = TAG,
        .classes = ALL,
        .terms = {.pool = p2wpkh(999999), .minimum = sat(10000), .tag_len = TAG_LEN},
        .snapshot = s,
        .mode = DIRECT_FULL};
}

static void bed_make(struct bed *b)
{
    job_set_unref(&b->set);
    assert_int_equal(forms_make(&b->set, b->why, &b->spec), KZ_OK);
}

static void bed_close(struct bed *b)
{
    job_set_unref(&b->set);
    template_unref(b->t);
    snapshot_unref(b->s);
}

static size_t payees_of(const struct job *job)
{
    return coinbase_payees(coinbase_of_job(job));
}

static void six_hundred_payees_fill_each_class_to_its_limit(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, VALUE, snapshot_many(7, 590, 300));
    bed_make(&b);
    assert_string_equal(b.why, "");
    assert_int_equal(job_set_count(&b.set), DIRECT_CLASSES);
    for (size_t c = 0; c < DIRECT_CLASSES; c++) {
        const struct job *job = b.set.of[c];
        size_t bytes = job_bytes(job), part = job->coinb2.len;
        assert_int_equal(job->id.serial, 0x100 + c);
        assert_int_equal(job->snapshot_id, 7);
        assert_true(bytes <= class_bytes[c]);
        assert_true(c != DIRECT_SMALL || part < 384);
        /* One more (31 bytes, or 33 with a longer count) would not have fitted. */
        assert_true(bytes + 33 > class_bytes[c] ||
                    (c == DIRECT_SMALL && part + 33 > 383));
        assert_booking(job, TAG_LEN);
        if (c > 0)
            assert_true(payees_of(job) > payees_of(b.set.of[c - 1]));
    }
    bed_close(&b);
}

static void forms_are_one_job_but_for_their_coinbase(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, VALUE, snapshot_many(7, 590, 300));
    bed_make(&b);
    const struct job *any = job_set_any(&b.set);
    for (size_t c = 1; c < DIRECT_CLASSES; c++) {
        const struct job *job = b.set.of[c];
        assert_int_equal(job->ntime, any->ntime);
        assert_ptr_equal(job->template, any->template);
        assert_int_equal(job->coinb1.len, any->coinb1.len);
        /* The same e and c, another cut: whoever the smaller pays, the larger pays the
         * same, at the same place. */
        size_t small_count, large_count;
        const struct job_output *small =
            coinbase_outputs(coinbase_of_job(b.set.of[c - 1]), &small_count);
        const struct job_output *large =
            coinbase_outputs(coinbase_of_job(job), &large_count);
        for (size_t i = 0; i < payees_of(b.set.of[c - 1]); i++) {
            assert_true(small[i].value_sat == large[i].value_sat);
            assert_ptr_equal(small[i].script.p, large[i].script.p);
        }
    }
    bed_close(&b);
}

static void classes_with_the_same_coinbase_share_one_job(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, VALUE, snapshot_many(7, 3, 3)); /* 13 payees: not all fit SMALL */
    bed_make(&b);
    assert_int_equal(job_set_count(&b.set), 2);
    assert_ptr_equal(b.set.of[DIRECT_ANTMINER], b.set.of[DIRECT_LARGEST]);
    assert_int_equal(payees_of(b.set.of[DIRECT_LARGEST]), 13);
    assert_int_equal(job_set_last_serial(&b.set), 0x101);
    b.spec.terms.outputs = 4; /* a limit of the settings that all classes reach */
    bed_make(&b);
    assert_int_equal(job_set_count(&b.set), 1);
    assert_int_equal(payees_of(job_set_any(&b.set)), 4);
    assert_booking(job_set_any(&b.set), TAG_LEN);
    bed_close(&b);
}

static void classes_not_in_use_get_the_small_form(void **state)
{
    (void)state;
    struct bed b;
    struct conf_stratum conf = {.listen_count = 1};
    bed_open(&b, VALUE, snapshot_many(7, 590, 300));
    b.spec.classes = forms_classes(&conf); /* auto: all but the one no agent has */
    bed_make(&b);
    assert_int_equal(job_set_count(&b.set), DIRECT_CLASSES - 1);
    assert_ptr_equal(b.set.of[DIRECT_LARGEST], b.set.of[DIRECT_SMALL]);
    conf.listen[0].form = CONF_FORM_LARGEST;
    b.spec.classes = forms_classes(&conf);
    bed_make(&b);
    assert_int_equal(job_set_count(&b.set), 2);
    assert_ptr_equal(b.set.of[DIRECT_LARGE], b.set.of[DIRECT_SMALL]);
    assert_true(job_bytes(b.set.of[DIRECT_LARGEST]) > 15000);
    conf.listen[0].form = CONF_FORM_SMALL;
    assert_int_equal(forms_classes(&conf), 1u << DIRECT_SMALL);
    bed_close(&b);
}

static void assert_pays_the_pool_alone(const struct bed *b)
{
    struct read_coinbase c;
    const struct job *job = job_set_any(&b->set);
    assert_int_equal(job_set_count(&b->set), 1);
    assert_null(coinbase_of_job(job));
    assert_int_equal(job->snapshot_id, 0);
    coinbase_read(&c, job->coinb2.p, job->coinb2.len, TAG_LEN);
    assert_int_equal(c.count, 1);
    assert_true(c.at[0].value == b->t->coinbase_value_sat);
    assert_memory_equal(c.at[0].script, b->spec.terms.pool.script, 22);
}

static void without_snapshot_or_mode_the_pool_takes_all(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, VALUE, snapshot_many(7, 590, 300));
    b.spec.mode = DIRECT_NOTHING;
    bed_make(&b);
    assert_string_equal(b.why, "");
    assert_pays_the_pool_alone(&b);
    b.spec.mode = DIRECT_FULL;
    b.spec.snapshot = NULL;
    bed_make(&b);
    assert_string_equal(b.why, "");
    assert_pays_the_pool_alone(&b);
    bed_close(&b);
}

static void a_snapshot_that_cannot_be_paid_falls_back_to_the_pool(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, VALUE, snapshot_many(7, 0, 0)); /* nobody worked */
    bed_make(&b);
    assert_string_equal(b.why, "snapshot: no work counts");
    assert_pays_the_pool_alone(&b);
    bed_close(&b);

    struct works works = {0};
    static const struct scheme_fees fees = {0};
    struct snapshot_payee rich = {
        .miner = miner_number(1), .address = p2wpkh(1), .carry = sat(AMOUNT_MAX_SAT)};
    struct snapshot_fields f = {.id = 8, .counted = &works, .fees = &fees};
    const struct snapshot *s = NULL;
    f.payees = &rich;
    f.payee_count = 1;
    works_add_one(&works, miner_number(1), 1);
    assert_int_equal(snapshot_new(&s, &f), KZ_OK);
    works_clear(&works);
    bed_open(&b, VALUE, s);
    bed_make(&b);
    assert_string_equal(b.why, "snapshot: amounts out of range");
    assert_pays_the_pool_alone(&b);
    bed_close(&b);
}

static void a_full_block_drops_outputs_and_no_transaction(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, VALUE, snapshot_many(7, 590, 300));
    /* A node keeps 8000 free, for about 57 outputs. */
    b.t->weight = b.t->weight_limit - 8000;
    bed_make(&b);
    assert_string_equal(b.why, "");
    size_t most = payees_of(b.set.of[DIRECT_LARGEST]);
    assert_true(most >= 50 && most <= 57);
    assert_ptr_equal(b.set.of[DIRECT_LARGEST], b.set.of[DIRECT_S21]);
    assert_booking(b.set.of[DIRECT_LARGEST], TAG_LEN);
    /* Only the pool's output is left, and the split is still the snapshot's. */
    uint64_t bare = 4 * (80 + 1) + 36 +
                    4 * (job_bytes(b.set.of[DIRECT_SMALL]) -
                         payees_of(b.set.of[DIRECT_SMALL]) * 31);
    b.t->weight = b.t->weight_limit - bare;
    bed_make(&b);
    assert_int_equal(job_set_count(&b.set), 1);
    assert_int_equal(payees_of(job_set_any(&b.set)), 0);
    assert_booking(job_set_any(&b.set), TAG_LEN);
    /* Not even that: the template is refused as it would be without a snapshot. */
    b.t->weight++;
    struct job_set none;
    assert_int_equal(forms_make(&none, b.why, &b.spec), KZ_RANGE);
    assert_non_null(strstr(b.why, "block weight"));
    bed_close(&b);
}

static void a_block_worth_nothing_is_a_job_all_the_same(void **state)
{
    (void)state;
    struct bed b;
    bed_open(&b, 0, snapshot_many(7, 20, 20));
    bed_make(&b);
    struct read_coinbase c;
    const struct job *job = job_set_any(&b.set);
    coinbase_read(&c, job->coinb2.p, job->coinb2.len, TAG_LEN);
    assert_int_equal(c.count, 1);
    assert_true(c.sum == 0);
    bed_close(&b);
}

static struct amount no_balance(const void *ctx, const struct account *account)
{
    (void)ctx;
    (void)account;
    return amount_zero();
}

static bool nobody_is_held(const void *ctx, const struct miner_id *id)
{
    (void)ctx;
    (void)id;
    return false;
}

static void the_ledger_takes_what_each_form_books(void **state)
{
    (void)state;
    struct bed b;
    const struct postings_now now = {no_balance, nobody_is_held, NULL};
    char hash[65] = {0};
    memset(hash, 'a', 64);
    bed_open(&b, VALUE, snapshot_many(7, 590, 300));
    for (int mode = DIRECT_FULL; mode <= DIRECT_NO_CARRY; mode++) {
        b.spec.mode = (enum direct_mode)mode;
        bed_make(&b);
        for (size_t c = 0; c < DIRECT_CLASSES; c++) {
            struct coinbase_booking k;
            struct entry e;
            coinbase_book(&k, coinbase_of_job(b.set.of[c]));
            assert_int_equal(k.mode, mode);
            const struct postings_block block = {.block = hash,
                                                 .time_ms = 1,
                                                 .pool_outputs = k.pool_outputs,
                                                 .fee = k.fee,
                                                 .own = k.own,
                                                 .parts = k.parts,
                                                 .part_count = k.part_count};
            assert_int_equal(postings_block_accept(&e, &block, &now), KZ_OK);
            for (size_t i = 0; mode == DIRECT_NO_CARRY && i < k.part_count; i++)
                assert_true(amount_compare(k.parts[i].direct, k.parts[i].net) <= 0);
            entry_clear(&e);
            coinbase_booking_clear(&k);
        }
    }
    bed_close(&b);
}

static void schemes_that_cannot_name_a_payee_pay_the_pool(void **state)
{
    (void)state;
    struct snapshot s = {.scheme = SCHEME_SOLO};
    assert_int_equal(coinbase_mode(&s, true, false), DIRECT_NOTHING);
    s.scheme = SCHEME_PPS_PLUS;
    assert_int_equal(coinbase_mode(&s, true, false), DIRECT_NOTHING);
    s.scheme = SCHEME_TIDES;
    assert_int_equal(coinbase_mode(&s, true, false), DIRECT_FULL);
    assert_int_equal(coinbase_mode(&s, false, false), DIRECT_NO_CARRY);
    assert_int_equal(coinbase_mode(&s, true, true), DIRECT_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_hundred_payees_fill_each_class_to_its_limit),
        cmocka_unit_test(forms_are_one_job_but_for_their_coinbase),
        cmocka_unit_test(classes_with_the_same_coinbase_share_one_job),
        cmocka_unit_test(classes_not_in_use_get_the_small_form),
        cmocka_unit_test(without_snapshot_or_mode_the_pool_takes_all),
        cmocka_unit_test(a_snapshot_that_cannot_be_paid_falls_back_to_the_pool),
        cmocka_unit_test(a_full_block_drops_outputs_and_no_transaction),
        cmocka_unit_test(a_block_worth_nothing_is_a_job_all_the_same),
        cmocka_unit_test(the_ledger_takes_what_each_form_books),
        cmocka_unit_test(schemes_that_cannot_name_a_payee_pay_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
