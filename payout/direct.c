#include "payout/direct.h"

#include "conf/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WITNESS_SCALE    4
#define COMMITMENT_BYTES 47 /* its output: value, length, script */
#define WITNESS_BYTES    36 /* marker, flag, one item of 32 bytes */
#define HEADER_BYTES     80
/* What spending an output takes, as relay policy counts it. */
#define SPEND_BYTES         148
#define SPEND_WITNESS_BYTES 67
#define DUST_RATE_MAX       UINT64_C(1000000000)

static const struct {
    size_t coinbase_bytes, part_bytes;
} classes[DIRECT_CLASSES] = {
    /* Some firmware cuts a part at 384 bytes without a word, and rental markets refuse
     * coinbases of 500. */
    [DIRECT_SMALL] = {499, 383},          [DIRECT_ANTMINER] = {750, SIZE_MAX},
    [DIRECT_S21] = {2250, SIZE_MAX},      [DIRECT_LARGE] = {6500, SIZE_MAX},
    [DIRECT_LARGEST] = {16000, SIZE_MAX},
};

static const char *const class_names[DIRECT_CLASSES] = {
    [DIRECT_SMALL] = "small", [DIRECT_ANTMINER] = "antminer", [DIRECT_S21] = "s21",
    [DIRECT_LARGE] = "large", [DIRECT_LARGEST] = "largest",
};

static const struct {
    const char *begins;
    enum direct_class class;
} agents[] = {
    {"antminer s21", DIRECT_S21}, /* before the shorter name it begins with */
    {"antminer", DIRECT_ANTMINER}, {"bmminer", DIRECT_ANTMINER},
    {"bosminer", DIRECT_S21},      {"braiins", DIRECT_S21},
    {"whatsminer", DIRECT_LARGE},  {"vnish", DIRECT_LARGE},
    {"epic", DIRECT_LARGE},
};

static const char *const outcome_texts[] = {
    [DIRECT_PAID] = "paid",
    [DIRECT_IS_HELD] = "held",
    [DIRECT_IS_FROZEN] = "frozen",
    [DIRECT_NO_ADDRESS] = "no_address",
    [DIRECT_BELOW_THRESHOLD] = "below_threshold",
    [DIRECT_OUTPUT_LIMIT] = "output_limit",
    [DIRECT_BYTE_LIMIT] = "byte_limit",
    [DIRECT_WEIGHT_LIMIT] = "weight_limit",
    [DIRECT_SIGOP_LIMIT] = "sigop_limit",
    [DIRECT_VALUE_EXHAUSTED] = "value_exhausted",
    [DIRECT_NOT_NOW] = "not_now",
};

const char *direct_outcome_text(enum direct_outcome outcome)
{
    assert((size_t)outcome < sizeof(outcome_texts) / sizeof(outcome_texts[0]));
    return outcome_texts[outcome];
}

const char *direct_class_name(enum direct_class class)
{
    return class_names[class];
}

enum direct_class direct_class_of_form(enum conf_form form)
{
    static_assert(CONF_FORM_LARGEST == (int)DIRECT_LARGEST + 1, "the same order");
    assert(form != CONF_FORM_AUTO);
    return (enum direct_class)(form - CONF_FORM_SMALL);
}

enum direct_class direct_class_of_agent(const char *agent)
{
    for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++)
        if (strncasecmp(agent, agents[i].begins, strlen(agents[i].begins)) == 0)
            return agents[i].class;
    return DIRECT_SMALL;
}

static uint64_t left_of(uint64_t limit, uint64_t used)
{
    return limit > used ? limit - used : 0;
}

void direct_room_init(struct direct_room *room, const struct template *t,
                      enum direct_class class, size_t tag_len)
{
    assert(class < DIRECT_CLASSES && tag_len <= JOB_TAG_MAX);
    uint8_t height[JOB_HEIGHT_SCRIPT_MAX];
    uint64_t block =
        t->weight + WITNESS_SCALE * (HEADER_BYTES + compact_size_len(t->tx_count + 1));
    *room = (struct direct_room){
        .outputs = SIZE_MAX,
        .payee_bytes = SIZE_MAX,
        .coinbase_bytes = classes[class].coinbase_bytes,
        .part_bytes = classes[class].part_bytes,
        .weight = left_of(t->weight_limit, block),
        .sigops = left_of(t->sigop_limit, t->sigops),
        .tail_len = tag_len > 0 ? 1 + tag_len : 0,
        .has_commitment = t->has_witness_commitment,
    };
    room->script_len =
        job_height_script(height, t->height) + 1 + JOB_EXTRANONCE_SIZE + room->tail_len;
}

enum direct_mode direct_mode_of(enum scheme scheme, bool accounted, bool doubt)
{
    switch (scheme) {
    case SCHEME_PPLNS:
    case SCHEME_TIDES:
        if (doubt)
            return DIRECT_NOTHING;
        return accounted ? DIRECT_FULL : DIRECT_NO_CARRY;
    case SCHEME_PROP:
        /* Without the news of our own block, the split is that of a round just paid. */
        return accounted && !doubt ? DIRECT_FULL : DIRECT_NOTHING;
    case SCHEME_SOLO:
        /* The finder of the job's own block: no earlier block can have paid that. */
        if (doubt)
            return DIRECT_NOTHING;
        return accounted ? DIRECT_FULL : DIRECT_NO_CARRY;
    case SCHEME_PPS:
    case SCHEME_FPPS:
    case SCHEME_PPS_PLUS:
        return DIRECT_NOTHING; /* the pool's, which has paid for the shares already */
    }
    return DIRECT_NOTHING;
}

static size_t output_bytes(const struct address *a)
{
    return 8 + compact_size_len(a->script_len) + a->script_len;
}

/* Of all types that an address can name, only this one's script has a signature
 * operation in plain sight. */
static uint64_t output_sigops(const struct address *a)
{
    return a->type == ADDRESS_P2PKH ? 1 : 0;
}

struct amount direct_dust(const struct address *address, uint64_t rate)
{
    assert(rate <= DUST_RATE_MAX);
    bool witness = address->type != ADDRESS_P2PKH && address->type != ADDRESS_P2SH;
    uint64_t bytes =
        output_bytes(address) + (witness ? SPEND_WITNESS_BYTES : SPEND_BYTES);
    struct amount dust = amount_zero();
    bool fits = amount_from_sat(&dust, (int64_t)((rate * bytes + 999) / 1000));
    assert(fits);
    (void)fits;
    return dust;
}

/* What the coinbase holds so far. The pool's output is always counted: whether it will
 * be needed is known only at the end. */
struct filling {
    size_t payees;
    size_t payee_bytes;
    size_t output_bytes; /* pool's and payees' */
    uint64_t sigops;     /* as legacy counts */
    struct amount left;
};

static size_t part_bytes(const struct direct_room *room, const struct filling *f)
{
    size_t outputs = f->payees + 1 + (room->has_commitment ? 1 : 0);
    return room->tail_len + 4 + compact_size_len(outputs) + f->output_bytes +
           (room->has_commitment ? COMMITMENT_BYTES : 0) + 4;
}

static size_t coinbase_bytes(const struct direct_room *room, const struct filling *f)
{
    /* version, count of inputs, outpoint, script; from the sequence on it is coinb2. */
    return 4 + 1 + 36 + compact_size_len(room->script_len) + room->script_len -
           room->tail_len + part_bytes(room, f);
}

static struct filling filling_with(const struct filling *f, const struct address *a)
{
    struct filling next = *f;
    next.payees++;
    next.payee_bytes += output_bytes(a);
    next.output_bytes += output_bytes(a);
    next.sigops += output_sigops(a);
    return next;
}

/* DIRECT_PAID when it all fits. */
static enum direct_outcome check_room(const struct direct_room *room,
                                      const struct filling *f)
{
    size_t bytes = coinbase_bytes(room, f);
    uint64_t weight =
        WITNESS_SCALE * (uint64_t)bytes + (room->has_commitment ? WITNESS_BYTES : 0);
    /* Before segwit nodes count a legacy operation as one, not as four. */
    uint64_t scale = room->has_commitment ? WITNESS_SCALE : 1;
    if (f->payees > room->outputs)
        return DIRECT_OUTPUT_LIMIT;
    if (f->payee_bytes > room->payee_bytes || bytes > room->coinbase_bytes ||
        part_bytes(room, f) > room->part_bytes)
        return DIRECT_BYTE_LIMIT;
    if (weight > room->weight)
        return DIRECT_WEIGHT_LIMIT;
    if (scale * f->sigops > room->sigops)
        return DIRECT_SIGOP_LIMIT;
    return DIRECT_PAID;
}

/* The largest of what the pool, the miner and the network ask; never 0, so that nobody
 * gets an output worth nothing. */
static struct amount threshold_of(const struct direct_payee *p,
                                  const struct direct_terms *terms)
{
    struct amount most = direct_dust(p->address, terms->dust_rate);
    if (amount_compare(terms->minimum, most) > 0)
        most = terms->minimum;
    if (amount_compare(p->minimum, most) > 0)
        most = p->minimum;
    if (amount_is_zero(most)) {
        bool fits = amount_from_sat(&most, 1);
        assert(fits);
        (void)fits;
    }
    return most;
}

static struct amount plus(struct amount a, struct amount b)
{
    bool fits = amount_add(&a, a, b);
    assert(fits); /* check_amounts() tried the sum */
    (void)fits;
    return a;
}

static struct amount minus(struct amount a, struct amount b)
{
    bool fits = amount_sub(&a, a, b);
    assert(fits);
    (void)fits;
    return a;
}

static struct amount wanted(const struct direct_payee *p, enum direct_mode mode)
{
    return mode == DIRECT_FULL ? plus(p->entitlement, p->carry) : p->entitlement;
}

/* Decides one candidate and takes its room from *f when it is paid. */
static enum direct_outcome judge(struct amount *paid, struct filling *f,
                                 const struct direct_payee *p,
                                 const struct direct_terms *terms)
{
    struct amount value = wanted(p, terms->mode);
    if (p->hold == DIRECT_HELD)
        return DIRECT_IS_HELD;
    if (p->hold == DIRECT_FROZEN)
        return DIRECT_IS_FROZEN;
    if (terms->mode == DIRECT_NOTHING)
        return DIRECT_NOT_NOW;
    if (p->address == NULL)
        return DIRECT_NO_ADDRESS;
    struct amount threshold = threshold_of(p, terms);
    if (amount_compare(value, threshold) < 0)
        return DIRECT_BELOW_THRESHOLD;
    struct filling next = filling_with(f, p->address);
    enum direct_outcome room = check_room(&terms->room, &next);
    if (room != DIRECT_PAID)
        return room;
    if (amount_compare(value, f->left) > 0)
        value = f->left;
    if (amount_compare(value, threshold) < 0)
        return DIRECT_VALUE_EXHAUSTED;
    next.left = minus(f->left, value);
    *f = next;
    *paid = value;
    return DIRECT_PAID;
}

static void settle(struct direct_payee *p, enum direct_outcome outcome,
                   struct amount paid)
{
    struct amount rest = minus(plus(p->entitlement, p->carry), paid);
    bool held = outcome == DIRECT_IS_HELD;
    p->outcome = outcome;
    p->paid = paid;
    p->carry_after = held ? amount_zero() : rest;
    p->held_after = held ? rest : amount_zero();
}

static enum kz_err check_amounts(const struct direct_payee *payees, size_t count,
                                 const struct direct_terms *terms)
{
    struct amount sum = amount_zero(), both;
    if (amount_is_negative(terms->value) || terms->dust_rate > DUST_RATE_MAX)
        return KZ_RANGE;
    for (size_t i = 0; i < count; i++) {
        const struct direct_payee *p = &payees[i];
        if (amount_is_negative(p->entitlement) || amount_is_negative(p->carry) ||
            !amount_add(&both, p->entitlement, p->carry) ||
            !amount_add(&sum, sum, p->entitlement))
            return KZ_RANGE;
    }
    return amount_compare(sum, terms->value) > 0 ? KZ_RANGE : KZ_OK;
}

struct candidate {
    struct amount value;
    const struct miner_id *miner;
    size_t at;
};

static int largest_first(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    int order = amount_compare(b->value, a->value);
    return order != 0 ? order : split_miner_compare(a->miner, b->miner);
}

static struct candidate *candidates_new(const struct direct_payee *payees, size_t count,
                                        enum direct_mode mode)
{
    struct candidate *list = mem_array(count, sizeof(*list));
    for (size_t i = 0; i < count; i++)
        list[i] = (struct candidate){wanted(&payees[i], mode), &payees[i].miner, i};
    qsort(list, count, sizeof(*list), largest_first);
    return list;
}

enum kz_err direct_plan(struct direct_plan *plan, struct direct_payee *payees,
                        size_t count, const struct direct_terms *terms)
{
    enum kz_err err = check_amounts(payees, count, terms);
    if (err != KZ_OK)
        return err;
    struct direct_plan p = {.pool = terms->value};
    if (count > 0) {
        struct filling f = {.output_bytes = output_bytes(terms->pool),
                            .sigops = output_sigops(terms->pool),
                            .left = terms->value};
        struct candidate *list = candidates_new(payees, count, terms->mode);
        p.paid = mem_array(count, sizeof(*p.paid));
        for (size_t i = 0; i < count; i++) {
            struct direct_payee *payee = &payees[list[i].at];
            struct amount paid = amount_zero();
            settle(payee, judge(&paid, &f, payee, terms), paid);
            if (payee->outcome == DIRECT_PAID)
                p.paid[p.paid_count++] = list[i].at;
        }
        p.pool = f.left;
        mem_free(list);
    }
    *plan = p;
    return KZ_OK;
}

void direct_plan_clear(struct direct_plan *plan)
{
    mem_free(plan->paid);
    *plan = (struct direct_plan){0};
}

static struct job_output output_of(struct amount value, const struct address *a)
{
    return (struct job_output){amount_to_sat(value), {a->script, a->script_len}};
}

enum kz_err direct_outputs(struct job_output *outputs, size_t max, size_t *count,
                           const struct direct_plan *plan,
                           const struct direct_payee *payees,
                           const struct address *pool)
{
    bool to_pool = plan->paid_count == 0 || !amount_is_zero(plan->pool);
    size_t total = plan->paid_count + (to_pool ? 1 : 0);
    if (total > max)
        return KZ_RANGE;
    for (size_t i = 0; i < plan->paid_count; i++) {
        const struct direct_payee *p = &payees[plan->paid[i]];
        outputs[i] = output_of(p->paid, p->address);
    }
    if (to_pool)
        outputs[plan->paid_count] = output_of(plan->pool, pool);
    *count = total;
    return KZ_OK;
}
