#include "share/template.h"

#include "conf/mem.h"
#include "share/merkle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define WEIGHT_LIMIT  4000000 /* consensus */
#define SIGOP_LIMIT   80000   /* consensus, 4 a legacy operation */
#define WITNESS_SCALE 4
#define MONEY_MAX     2100000000000000
#define TX_BYTES_MIN  60 /* version, one input, one output, lock time */
#define TX_COUNT_MAX  ((1 << TEMPLATE_BRANCH_MAX) - 1)

/* What a template is inside: the public part first, so that the one is the other. */
struct held {
    struct template t;
    atomic_size_t refs;
    char *hex; /* owned: all transactions, one behind the other */
    uint8_t *challenge;
};

/* One parse under way. */
struct reading {
    struct held *held;
    const json_t *from;
    char *why;
    bool segwit; /* the rules list it, or a transaction has a witness */
    size_t count;
    struct hash256 *txids;  /* [0], the coinbase's place, unused */
    struct hash256 *wtxids; /* [0] zero, as BIP141 wants it      */
};

static struct held *held_of(const struct template *t)
{
    return (struct held *)((uintptr_t)t - offsetof(struct held, t));
}

KZ_PRINTF(3, 4)
static enum kz_err refuse(struct reading *r, enum kz_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->why, TEMPLATE_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

/* An integer field of `of`; `missing` < 0: it must be there. */
static enum kz_err read_integer(struct reading *r, int64_t *v, const json_t *of,
                                const char *name, int64_t min, int64_t max,
                                int64_t missing)
{
    const json_t *field = json_object_get(of, name);
    if (field == NULL && missing >= 0) {
        *v = missing;
        return KZ_OK;
    }
    if (!json_is_integer(field))
        return refuse(r, KZ_PARSE, "%s: expected an integer", name);
    json_int_t value = json_integer_value(field);
    if (value < min || value > max)
        return refuse(r, KZ_RANGE,
                      "%s: %" JSON_INTEGER_FORMAT " is not in %" PRId64 " to %" PRId64,
                      name, value, min, max);
    *v = value;
    return KZ_OK;
}

static enum kz_err read_hash(struct reading *r, struct hash256 *h, const json_t *of,
                             const char *name)
{
    const json_t *field = json_object_get(of, name);
    if (!json_is_string(field) ||
        hash256_parse_display(h, json_string_value(field), json_string_length(field)) !=
            KZ_OK)
        return refuse(r, KZ_PARSE, "%s: expected 64 hex digits", name);
    return KZ_OK;
}

static enum kz_err read_rule(struct reading *r, const char *rule, bool signet)
{
    static const char *const known[] = {"csv", "segwit", "taproot", "signet"};
    bool forced = rule[0] == '!';
    const char *name = forced ? rule + 1 : rule;
    if (strcmp(name, "segwit") == 0)
        r->segwit = true;
    if (strcmp(name, "signet") == 0 && !signet)
        return refuse(r, KZ_RANGE, "rules: the node is on a signet, the settings not");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(name, known[i]) == 0)
            return KZ_OK;
    /* BIP9: a rule with '!' changes what a valid block is, so it must be understood. */
    return forced ? refuse(r, KZ_RANGE, "rules: '%.40s' is not known here", rule)
                  : KZ_OK;
}

static enum kz_err read_rules(struct reading *r, bool signet)
{
    const json_t *rules = json_object_get(r->from, "rules");
    if (rules == NULL) {
        /* A node from before BIP9: only the commitment tells of segwit. */
        r->segwit = json_object_get(r->from, "default_witness_commitment") != NULL;
        return KZ_OK;
    }
    if (!json_is_array(rules))
        return refuse(r, KZ_PARSE, "rules: expected an array of strings");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const char *rule = json_string_value(json_array_get(rules, i));
        if (rule == NULL)
            return refuse(r, KZ_PARSE, "rules: expected an array of strings");
        enum kz_err err = read_rule(r, rule, signet);
        if (err != KZ_OK)
            return err;
    }
    return KZ_OK;
}

/* BIP325: a signet's blocks are signed, and a signature is what we cannot make. Only
 * the challenge that anybody meets (OP_TRUE) needs none. */
static enum kz_err read_challenge(struct reading *r, bool signet)
{
    if (!signet)
        return KZ_OK;
    const json_t *field = json_object_get(r->from, "signet_challenge");
    const char *hex = json_string_value(field);
    if (hex == NULL || json_string_length(field) < 2 ||
        !hex_is_valid(hex, json_string_length(field)))
        return refuse(r, KZ_PARSE, "signet_challenge: expected a script in hex");
    if (strcmp(hex, "51") != 0)
        return refuse(r, KZ_RANGE,
                      "signet_challenge: this signet's blocks need a signature that "
                      "only its owners can make");
    r->held->challenge = mem_new(1);
    r->held->challenge[0] = 0x51;
    r->held->t.signet_challenge = (struct bytes){r->held->challenge, 1};
    return KZ_OK;
}

static enum kz_err read_target(struct reading *r)
{
    struct template *t = &r->held->t;
    const json_t *bits = json_object_get(r->from, "bits");
    if (!json_is_string(bits) || json_string_length(bits) != 8 ||
        hex_u32(&t->nbits, json_string_value(bits), 8, false) != KZ_OK)
        return refuse(r, KZ_PARSE, "bits: expected 8 hex digits");
    if (target_from_nbits(&t->network_target, t->nbits) != KZ_OK)
        return refuse(r, KZ_RANGE, "bits: %08" PRIx32 " is no target", t->nbits);

    const json_t *field = json_object_get(r->from, "target");
    struct target given;
    if (field == NULL)
        return KZ_OK;
    if (!json_is_string(field) || target_parse_hex(&given, json_string_value(field),
                                                   json_string_length(field)) != KZ_OK)
        return refuse(r, KZ_PARSE, "target: expected 64 hex digits");
    if (target_compare(&given, &t->network_target) != 0)
        return refuse(r, KZ_RANGE, "target: not what bits %08" PRIx32 " says",
                      t->nbits);
    return KZ_OK;
}

static enum kz_err read_header(struct reading *r)
{
    struct template *t = &r->held->t;
    int64_t version = 0, curtime = 0, mintime = 0, height = 0;
    enum kz_err err;
    /* The header's version is signed for some nodes and unsigned for others. */
    if ((err = read_integer(r, &version, r->from, "version", INT32_MIN, UINT32_MAX,
                            -1)) != KZ_OK ||
        (err = read_integer(r, &curtime, r->from, "curtime", 1, UINT32_MAX, -1)) !=
            KZ_OK ||
        (err = read_integer(r, &mintime, r->from, "mintime", 0, UINT32_MAX, curtime)) !=
            KZ_OK ||
        (err = read_integer(r, &height, r->from, "height", 1, INT32_MAX, -1)) !=
            KZ_OK ||
        (err = read_hash(r, &t->prev_hash, r->from, "previousblockhash")) != KZ_OK)
        return err;
    if (mintime > curtime)
        return refuse(r, KZ_RANGE, "mintime: %" PRId64 " is above curtime %" PRId64,
                      mintime, curtime);
    t->version = (uint32_t)version;
    t->curtime = (uint32_t)curtime;
    t->mintime = (uint32_t)mintime;
    t->height = (uint32_t)height;
    return read_target(r);
}

static enum kz_err read_value(struct reading *r)
{
    /* BIP22 lets a node give a ready coinbase in its place; ours must be our own. */
    if (json_object_get(r->from, "coinbasevalue") == NULL)
        return refuse(r, KZ_PARSE,
                      "coinbasevalue: missing, and coinbasetxn is not "
                      "supported");
    return read_integer(r, &r->held->t.coinbase_value_sat, r->from, "coinbasevalue", 0,
                        MONEY_MAX, -1);
}

/* Before segwit nodes count legacy operations and bytes; weight is 4 a byte then. */
static enum kz_err read_limits(struct reading *r)
{
    int64_t size = 0, weight = 0, sigops = 0;
    int64_t most_sigops = r->segwit ? SIGOP_LIMIT : SIGOP_LIMIT / WITNESS_SCALE;
    int64_t most_size = r->segwit ? WEIGHT_LIMIT : WEIGHT_LIMIT / WITNESS_SCALE;
    enum kz_err err;
    if ((err = read_integer(r, &size, r->from, "sizelimit", 1, WEIGHT_LIMIT,
                            most_size)) != KZ_OK ||
        (err = read_integer(r, &weight, r->from, "weightlimit", 1, WEIGHT_LIMIT,
                            WEIGHT_LIMIT)) != KZ_OK ||
        (err = read_integer(r, &sigops, r->from, "sigoplimit", 1, SIGOP_LIMIT,
                            most_sigops)) != KZ_OK)
        return err;
    if (!r->segwit && weight > WITNESS_SCALE * size)
        weight = WITNESS_SCALE * size;
    r->held->t.weight_limit = (uint64_t)weight;
    r->held->t.sigop_limit = (uint64_t)sigops;
    return KZ_OK;
}

static enum kz_err read_long_poll(struct reading *r)
{
    const json_t *field = json_object_get(r->from, "longpollid");
    if (field == NULL)
        return KZ_OK;
    if (!json_is_string(field))
        return refuse(r, KZ_PARSE, "longpollid: expected a string");
    size_t len = json_string_length(field);
    if (len > TEMPLATE_LONGPOLL_MAX)
        return refuse(r, KZ_RANGE, "longpollid: longer than %d characters",
                      TEMPLATE_LONGPOLL_MAX);
    memcpy(r->held->t.longpoll_id, json_string_value(field), len + 1);
    return KZ_OK;
}

static enum kz_err read_capabilities(struct reading *r)
{
    const json_t *list = json_object_get(r->from, "capabilities");
    if (list != NULL && !json_is_array(list))
        return refuse(r, KZ_PARSE, "capabilities: expected an array of strings");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL)
            return refuse(r, KZ_PARSE, "capabilities: expected an array of strings");
        if (strcmp(name, "proposal") == 0)
            r->held->t.has_proposal = true;
    }
    return KZ_OK;
}

/* How long the hex of all transactions is, each looked at before any is copied. */
static enum kz_err measure_txs(struct reading *r, const json_t *txs, size_t *hex_len)
{
    size_t sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        const json_t *data = json_object_get(json_array_get(txs, i), "data");
        size_t len = json_string_length(data);
        if (!json_is_string(data) || !hex_is_valid(json_string_value(data), len))
            return refuse(r, KZ_PARSE, "transactions[%zu].data: expected hex", i);
        if (len < 2 * TX_BYTES_MIN || len > 2 * WEIGHT_LIMIT)
            return refuse(r, KZ_RANGE, "transactions[%zu].data: %zu bytes", i, len / 2);
        sum += len;
        if (sum > 2 * WEIGHT_LIMIT)
            return refuse(r, KZ_RANGE, "transactions: more bytes than a block holds");
    }
    *hex_len = sum;
    return KZ_OK;
}

/* BIP22's "hash" may lack on nodes that know no witness; BIP145's "txid" never may. */
static enum kz_err read_tx_ids(struct reading *r, const json_t *tx, size_t i)
{
    struct hash256 *txid = &r->txids[i + 1], *wtxid = &r->wtxids[i + 1];
    if (read_hash(r, txid, tx, "txid") != KZ_OK)
        return refuse(r, KZ_PARSE, "transactions[%zu].txid: expected 64 hex digits", i);
    *wtxid = *txid;
    if (json_object_get(tx, "hash") != NULL && read_hash(r, wtxid, tx, "hash") != KZ_OK)
        return refuse(r, KZ_PARSE, "transactions[%zu].hash: expected 64 hex digits", i);
    return KZ_OK;
}

/* Without a witness weight is 4 a byte; with one it lies between 1 and 4 a byte. */
static enum kz_err read_tx_costs(struct reading *r, const json_t *tx, size_t i)
{
    int64_t bytes = (int64_t)r->held->t.txs[i].hex_len / 2;
    int64_t plain = WITNESS_SCALE * bytes;
    bool has_witness = !hash256_equal(&r->txids[i + 1], &r->wtxids[i + 1]);
    int64_t weight = 0, sigops = 0;
    enum kz_err err;
    if ((err = read_integer(r, &weight, tx, "weight", 1, WEIGHT_LIMIT, plain)) != KZ_OK)
        return err;
    /* A node that does not count them leaves its 400 of room for the coinbase. */
    if ((err = read_integer(r, &sigops, tx, "sigops", 0, SIGOP_LIMIT, 0)) != KZ_OK)
        return err;
    if (has_witness ? weight < bytes || weight > plain : weight != plain)
        return refuse(r, KZ_RANGE,
                      "transactions[%zu].weight: %" PRId64 " for %" PRId64
                      " bytes %s a witness",
                      i, weight, bytes, has_witness ? "with" : "without");
    r->segwit = r->segwit || has_witness;
    r->held->t.weight += (uint64_t)weight;
    r->held->t.sigops += (uint64_t)sigops;
    return KZ_OK;
}

static enum kz_err read_txs(struct reading *r, const json_t *txs)
{
    struct template *t = &r->held->t;
    size_t hex_len = 0;
    enum kz_err err = measure_txs(r, txs, &hex_len);
    if (err != KZ_OK)
        return err;
    char *to = r->held->hex = mem_new(hex_len + 1);
    t->txs = mem_array(r->count, sizeof(*t->txs));
    t->tx_count = r->count;
    for (size_t i = 0; i < r->count; i++) {
        const json_t *tx = json_array_get(txs, i);
        const json_t *data = json_object_get(tx, "data");
        size_t len = json_string_length(data);
        memcpy(to, json_string_value(data), len);
        t->txs[i] = (struct template_tx){.hex = to, .hex_len = len};
        to += len;
        if ((err = read_tx_ids(r, tx, i)) != KZ_OK ||
            (err = read_tx_costs(r, tx, i)) != KZ_OK)
            return err;
    }
    return KZ_OK;
}

/* BIP141: SHA256d of the witness root and the reserved value, which is 32 zeros. */
static void compute_commitment(struct reading *r)
{
    struct hash256 branch[TEMPLATE_BRANCH_MAX], root;
    const struct hash256 zeros = {{0}};
    size_t steps = merkle_branch(branch, TEMPLATE_BRANCH_MAX, r->wtxids, r->count + 1);
    merkle_fold(&root, &zeros, branch, steps);
    hash256_pair(&r->held->t.witness_commitment, &root, &zeros);
}

static enum kz_err compare_commitment(struct reading *r)
{
    const json_t *field = json_object_get(r->from, "default_witness_commitment");
    uint8_t script[38];
    if (field == NULL)
        return KZ_OK;
    if (!json_is_string(field) ||
        hex_decode(script, sizeof(script), json_string_value(field),
                   json_string_length(field)) != KZ_OK ||
        memcmp(script, "\x6a\x24\xaa\x21\xa9\xed", 6) != 0)
        return refuse(r, KZ_PARSE,
                      "default_witness_commitment: expected the script of BIP141");
    if (memcmp(script + 6, r->held->t.witness_commitment.b, 32) != 0)
        return refuse(r, KZ_RANGE,
                      "default_witness_commitment: not what the "
                      "transactions' hashes give");
    return KZ_OK;
}

static enum kz_err read_transactions(struct reading *r)
{
    struct template *t = &r->held->t;
    const json_t *txs = json_object_get(r->from, "transactions");
    if (!json_is_array(txs))
        return refuse(r, KZ_PARSE, "transactions: expected an array");
    r->count = json_array_size(txs);
    if (r->count > TX_COUNT_MAX)
        return refuse(r, KZ_RANGE, "transactions: more than %d", TX_COUNT_MAX);
    r->txids = mem_array(r->count + 1, sizeof(*r->txids));
    r->wtxids = mem_array(r->count + 1, sizeof(*r->wtxids));
    enum kz_err err = read_txs(r, txs);
    if (err != KZ_OK)
        return err;
    t->branch_count =
        merkle_branch(t->branch, TEMPLATE_BRANCH_MAX, r->txids, r->count + 1);
    compute_commitment(r);
    /* Some nodes offer a commitment while segwit is not active yet; a coinbase with a
     * witness would be refused there, so the rules decide and not the offer. */
    t->has_witness_commitment = r->segwit;
    return compare_commitment(r);
}

static enum kz_err read_all(struct reading *r, const struct template_rules *rules)
{
    enum kz_err err;
    if (!json_is_object(r->from))
        return refuse(r, KZ_PARSE, "template: expected an object");
    if ((err = read_rules(r, rules->signet)) != KZ_OK ||
        (err = read_challenge(r, rules->signet)) != KZ_OK ||
        (err = read_header(r)) != KZ_OK || (err = read_value(r)) != KZ_OK ||
        (err = read_long_poll(r)) != KZ_OK || (err = read_capabilities(r)) != KZ_OK ||
        (err = read_transactions(r)) != KZ_OK)
        return err;
    /* Last: whether segwit is active may only show in the transactions. */
    return read_limits(r);
}

enum kz_err template_parse(struct template **out, char why[TEMPLATE_WHY_SIZE],
                           const json_t *result, const struct template_rules *rules)
{
    struct reading r = {.from = result, .why = why};
    r.held = mem_new(sizeof(*r.held));
    atomic_init(&r.held->refs, 1);
    enum kz_err err = read_all(&r, rules);
    mem_free(r.txids);
    mem_free(r.wtxids);
    if (err != KZ_OK) {
        template_unref(&r.held->t);
        return err;
    }
    *out = &r.held->t;
    return KZ_OK;
}

struct template *template_ref(const struct template *t)
{
    if (t == NULL)
        return NULL;
    struct held *held = held_of(t);
    atomic_fetch_add_explicit(&held->refs, 1, memory_order_relaxed);
    return &held->t;
}

void template_unref(struct template *t)
{
    if (t == NULL)
        return;
    struct held *held = held_of(t);
    if (atomic_fetch_sub_explicit(&held->refs, 1, memory_order_acq_rel) != 1)
        return;
    mem_free(held->hex);
    mem_free(held->challenge);
    mem_free(t->txs);
    mem_free(held);
}
