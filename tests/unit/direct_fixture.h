/* tests/unit/direct_fixture.h - templates and snapshots for tests of jobs that pay miners,
 * and a reader of coinbases that knows nothing of the code that makes them. Include after
 * cmocka.h. */
#ifndef TESTS_UNIT_DIRECT_FIXTURE_H
#define TESTS_UNIT_DIRECT_FIXTURE_H

#include "payout/coinbase.h"
#include "share/bytes.h"
#include "tests/unit/payout_fixture.h"

#define PAYEES_MAX 700

static inline struct address p2wpkh(unsigned n)
{
    struct address a = {
        .type = ADDRESS_P2WPKH, .script = {0x00, 0x14}, .script_len = 22};
    write_le32(a.script + 2, n);
    return a;
}

/* A node's template without transactions, on a previous block of that digit alone.
 * template_unref() it. */
static inline struct template *template_at(char prev, int64_t value, int height)
{
    struct template *t = NULL;
    char why[TEMPLATE_WHY_SIZE], hash[65] = {0};
    memset(hash, prev, 64);
    json_t *json =
        json_pack("{s:i, s:s, s:s, s:I, s:I, s:i, s:I, s:[], s:[s]}", "height", height,
                  "previousblockhash", hash, "bits", "207fffff", "curtime",
                  (json_int_t)1700000000, "mintime", (json_int_t)1699990000, "version",
                  0x20000000, "coinbasevalue", (json_int_t)value, "transactions",
                  "rules", "!segwit");
    assert_int_equal(template_parse(&t, why, json, &(struct template_rules){0}), KZ_OK);
    json_decref(json);
    return t;
}

static inline struct template *plain_template(char prev, int64_t value)
{
    return template_at(prev, value, 900000);
}

/* `workers` miners with work 1000 + n, of which those from `carriers` on have carry
 * 20000 + n as well; after them ten who have carry only. */
static inline const struct snapshot *snapshot_many(uint64_t id, unsigned workers,
                                                   unsigned carriers)
{
    static const struct scheme_fees fees = {.pool_ppm = 10000};
    struct snapshot_payee *payees = calloc(workers + 10, sizeof(*payees));
    struct works works = {0};
    const struct snapshot *s = NULL;
    for (unsigned i = 0; i < workers + 10; i++) {
        payees[i].miner = miner_number(i);
        payees[i].address = p2wpkh(i);
        payees[i].carry = sat(i >= carriers ? 20000 + i : 0);
        if (i < workers)
            works_add_one(&works, miner_number(i), 1000 + i);
    }
    const struct snapshot_fields fields = {.id = id,
                                           .scheme = SCHEME_PPLNS,
                                           .counted = &works,
                                           .fees = &fees,
                                           .payees = payees,
                                           .payee_count = workers + 10};
    assert_int_equal(snapshot_new(&s, &fields), KZ_OK);
    works_clear(&works);
    free(payees);
    return s;
}

struct read_output {
    int64_t value;
    const uint8_t *script;
    size_t script_len;
};

struct read_coinbase {
    struct read_output at[PAYEES_MAX]; /* without the witness commitment */
    size_t count;
    int64_t sum;
};

static inline uint64_t read_count(const uint8_t **p)
{
    uint64_t n = *(*p)++;
    if (n < 0xfd)
        return n;
    assert_int_equal(n, 0xfd);
    n = (uint64_t)(*p)[0] | (uint64_t)(*p)[1] << 8;
    *p += 2;
    return n;
}

/* Reads what follows the extranonces of a coinbase whose tag is `tag_len` long. */
static inline void coinbase_read(struct read_coinbase *c, const uint8_t *part,
                                 size_t len, size_t tag_len)
{
    const uint8_t *p = part + (tag_len > 0 ? 1 + tag_len : 0) + 4;
    uint64_t count = read_count(&p);
    *c = (struct read_coinbase){.count = 0};
    for (uint64_t i = 0; i < count; i++) {
        struct read_output o = {.value = (int64_t)read_le64(p)};
        p += 8;
        o.script_len = read_count(&p);
        o.script = p;
        p += o.script_len;
        c->sum += o.value;
        if (o.script[0] == 0x6a)
            continue;
        assert_true(c->count < PAYEES_MAX);
        c->at[c->count++] = o;
    }
    assert_ptr_equal(p + 4, part + len);
}

static inline size_t job_bytes(const struct job *job)
{
    return job->coinb1.len + JOB_EXTRANONCE_SIZE + job->coinb2.len;
}

/* What the job books is what its bytes say, and adds up. */
static inline void assert_booking(const struct job *job, size_t tag_len)
{
    struct read_coinbase bytes;
    struct coinbase_booking b;
    int64_t net = 0, direct = 0;
    size_t paid = 0;
    const struct coinbase *c = coinbase_of_job(job);
    assert_non_null(c);
    coinbase_read(&bytes, job->coinb2.p, job->coinb2.len, tag_len);
    coinbase_book(&b, c);
    assert_int_equal(b.snapshot_id, job->snapshot_id);
    for (size_t i = 0; i < b.part_count; i++) {
        const struct postings_part *part = &b.parts[i];
        net += amount_to_sat(part->net);
        direct += amount_to_sat(part->direct);
        if (i > 0)
            assert_true(split_miner_compare(&part[-1].miner, &part->miner) < 0);
        if (amount_is_zero(part->direct))
            continue;
        paid++;
        assert_true(part->vout < bytes.count);
        const struct read_output *o = &bytes.at[part->vout];
        unsigned n = 0;
        for (const char *digit = part->miner.text + 1; *digit != '\0'; digit++)
            n = 10 * n + (unsigned)(*digit - '0');
        struct address a = p2wpkh(n);
        assert_true(o->value == amount_to_sat(part->direct));
        assert_int_equal(o->script_len, a.script_len);
        assert_memory_equal(o->script, a.script, a.script_len);
    }
    assert_int_equal(paid, coinbase_payees(c));
    assert_true(bytes.sum == amount_to_sat(b.value));
    assert_true(amount_to_sat(b.pool_outputs) + direct == amount_to_sat(b.value));
    assert_true(amount_to_sat(b.fee) + amount_to_sat(b.own) + net ==
                amount_to_sat(b.value));
    assert_int_equal(bytes.count, paid + (amount_is_zero(b.pool_outputs) ? 0 : 1));
    coinbase_booking_clear(&b);
}

#endif
