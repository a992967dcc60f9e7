#include "pool/pay/record.h"

#include "conf/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- names ------------------------------------------------------------------------ */

static const char *const state_names[PAYOUT_STATES] = {
    [PAYOUT_RESERVED] = "reserved",     [PAYOUT_EXPORTED] = "exported",
    [PAYOUT_SIGNED] = "signed",         [PAYOUT_BROADCAST] = "broadcast",
    [PAYOUT_CONFIRMED] = "confirmed",   [PAYOUT_FINAL] = "final",
    [PAYOUT_ABANDONED] = "abandoned",   [PAYOUT_CANCELLED] = "cancelled",
    [PAYOUT_CONFLICTED] = "conflicted",
};

const char *payout_state_name(enum payout_state s)
{
    return state_names[s];
}

enum kz_err payout_state_parse(enum payout_state *s, const char *name)
{
    for (int i = 0; name != NULL && i < PAYOUT_STATES; i++)
        if (strcmp(state_names[i], name) == 0) {
            *s = (enum payout_state)i;
            return KZ_OK;
        }
    return KZ_PARSE;
}

bool payout_state_is_end(enum payout_state s)
{
    return s == PAYOUT_FINAL || s == PAYOUT_ABANDONED || s == PAYOUT_CANCELLED;
}

static const char *const why_names[] = {"pays", "bumps", "cancels", "child"};

const char *payout_why_name(enum payout_why w)
{
    return why_names[w];
}

static bool why_parse(enum payout_why *w, const char *name)
{
    for (size_t i = 0; name != NULL && i < 4; i++)
        if (strcmp(why_names[i], name) == 0) {
            *w = (enum payout_why)i;
            return true;
        }
    return false;
}

/* --- values ----------------------------------------------------------------------- */

static json_t *sat_json(struct amount a)
{
    return json_integer(amount_to_sat(a));
}

static bool read_sat(struct amount *out, const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0 &&
           amount_from_sat(out, json_integer_value(v));
}

static bool read_u32(uint32_t *out, const json_t *v)
{
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0 || n > UINT32_MAX)
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool read_script(struct script *out, const json_t *v)
{
    const char *hex = json_string_value(v);
    return hex != NULL && hex_decode_some(out->b, &out->len, sizeof(out->b), hex,
                                          strlen(hex)) == KZ_OK;
}

static bool read_hash(struct hash256 *out, const json_t *v)
{
    const char *text = json_string_value(v);
    return text != NULL && hash256_parse_display(out, text, strlen(text)) == KZ_OK;
}

static json_t *hash_json(const struct hash256 *h)
{
    char text[HASH256_HEX_SIZE];
    hash256_format_display(text, h);
    return json_string(text);
}

static json_t *script_json(const struct script *s)
{
    char hex[2 * SCRIPT_MULTISIG_MAX + 1];
    hex_encode(hex, s->b, s->len);
    return json_string(hex);
}

/* --- the plan --------------------------------------------------------------------- */

json_t *payout_coin_json(const struct payout_coin *c)
{
    char from[TX_OUTPOINT_TEXT_SIZE];
    tx_outpoint_format(from, &c->from);
    return json_pack("[s, o, o, s, I]", from, sat_json(c->value),
                     script_json(&c->script), wallet_branch_name(c->place.branch),
                     (json_int_t)c->place.index);
}

static bool read_coin(struct payout_coin *c, const json_t *v)
{
    const char *from = json_string_value(json_array_get(v, 0));
    const char *branch = json_string_value(json_array_get(v, 3));
    return from != NULL && tx_outpoint_parse(&c->from, from, strlen(from)) == KZ_OK &&
           read_sat(&c->value, json_array_get(v, 1)) &&
           read_script(&c->script, json_array_get(v, 2)) && branch != NULL &&
           wallet_branch_parse(&c->place.branch, branch) &&
           read_u32(&c->place.index, json_array_get(v, 4));
}

static json_t *recipient_json(const struct payout_recipient *r)
{
    return json_pack("[s, o, o, s, o, I]", r->miner.text, sat_json(r->debit),
                     sat_json(r->paid), r->address, script_json(&r->script),
                     (json_int_t)r->vout);
}

static bool read_recipient(struct payout_recipient *r, const json_t *v)
{
    const char *miner = json_string_value(json_array_get(v, 0));
    const char *address = json_string_value(json_array_get(v, 3));
    if (miner == NULL || miner_id_parse(&r->miner, miner, strlen(miner)) != KZ_OK ||
        address == NULL || strlen(address) >= sizeof(r->address))
        return false;
    snprintf(r->address, sizeof(r->address), "%s", address);
    return read_sat(&r->debit, json_array_get(v, 1)) &&
           read_sat(&r->paid, json_array_get(v, 2)) &&
           read_script(&r->script, json_array_get(v, 4)) &&
           read_u32(&r->vout, json_array_get(v, 5));
}

char *payout_plan_text(const struct payout *p, const char *token)
{
    json_t *coins = json_array(), *recipients = json_array();
    for (size_t i = 0; i < p->planned_count; i++)
        json_array_append_new(coins, payout_coin_json(&p->coins[i]));
    for (size_t i = 0; i < p->recipient_count; i++)
        json_array_append_new(recipients, recipient_json(&p->recipients[i]));
    json_t *plan = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "journal", p->journal, "token",
        token, "created_ms", (json_int_t)p->created_ms, "height", (json_int_t)p->height,
        "locktime", (json_int_t)p->locktime, "rate", (json_int_t)p->rate.sat_per_kvb,
        "fee", sat_json(p->planned_fee), "coins", coins, "recipients", recipients);
    json_object_set_new(plan, "change_index",
                        json_integer((json_int_t)p->change_index));
    if (p->has_change)
        json_object_set_new(
            plan, "change",
            json_pack("[o, I]", sat_json(p->change), (json_int_t)p->change_at));
    char *text = json_dumps(plan, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(plan);
    assert(text != NULL);
    return text;
}

static bool read_lists(struct payout *p, const json_t *plan)
{
    const json_t *coins = json_object_get(plan, "coins"),
                 *recipients = json_object_get(plan, "recipients");
    p->coin_count = p->planned_count = json_array_size(coins);
    if (p->coin_count == 0)
        return false;
    p->coins = mem_array(p->coin_count, sizeof(*p->coins));
    for (size_t i = 0; i < p->coin_count; i++)
        if (!read_coin(&p->coins[i], json_array_get(coins, i)))
            return false;
    struct amount debit = amount_zero(), paid = amount_zero();
    p->recipient_count = json_array_size(recipients);
    p->recipients = mem_array(p->recipient_count + 1, sizeof(*p->recipients));
    for (size_t i = 0; i < p->recipient_count; i++) {
        struct payout_recipient *r = &p->recipients[i];
        if (!read_recipient(r, json_array_get(recipients, i)) ||
            !amount_add(&debit, debit, r->debit) || !amount_add(&paid, paid, r->paid))
            return false;
    }
    return true;
}

static bool read_more(struct payout *p, const char *text)
{
    if (text == NULL)
        return true;
    json_t *more = json_loads(text, 0, NULL);
    size_t n = json_array_size(more);
    bool is_good = json_is_array(more);
    p->coins = mem_resize(p->coins, (p->coin_count + n) * sizeof(*p->coins));
    for (size_t i = 0; i < n && is_good; i++) {
        memset(&p->coins[p->coin_count], 0, sizeof(*p->coins));
        is_good = read_coin(&p->coins[p->coin_count], json_array_get(more, i));
        p->coin_count += is_good;
    }
    json_decref(more);
    return is_good;
}

static bool read_change(struct payout *p, const json_t *change)
{
    p->has_change = change != NULL;
    return change == NULL || (read_sat(&p->change, json_array_get(change, 0)) &&
                              read_u32(&p->change_at, json_array_get(change, 1)));
}

/* Every output of the transaction has its place, and one only. */
static bool has_each_place(const struct payout *p)
{
    size_t count = p->recipient_count + p->has_change;
    bool *taken = mem_array(count + 1, sizeof(*taken));
    bool is_good = !p->has_change || p->change_at < count;
    if (is_good && p->has_change)
        taken[p->change_at] = true;
    for (size_t i = 0; i < p->recipient_count && is_good; i++) {
        uint32_t at = p->recipients[i].vout;
        is_good = at < count && !taken[at];
        if (is_good)
            taken[at] = true;
    }
    mem_free(taken);
    return is_good;
}

static bool read_plan(struct payout *p, const json_t *plan)
{
    const char *journal = json_string_value(json_object_get(plan, "journal"));
    if (journal == NULL || strlen(journal) >= sizeof(p->journal))
        return false;
    snprintf(p->journal, sizeof(p->journal), "%s", journal);
    p->created_ms = json_integer_value(json_object_get(plan, "created_ms"));
    return read_u32(&p->height, json_object_get(plan, "height")) &&
           read_u32(&p->locktime, json_object_get(plan, "locktime")) &&
           json_is_integer(json_object_get(plan, "rate")) &&
           feerate_from(&p->rate, json_integer_value(json_object_get(plan, "rate"))) &&
           read_sat(&p->planned_fee, json_object_get(plan, "fee")) &&
           read_u32(&p->change_index, json_object_get(plan, "change_index")) &&
           read_change(p, json_object_get(plan, "change")) && read_lists(p, plan) &&
           p->change_index < BIP32_HARDENED && has_each_place(p);
}

/* --- versions, and where the chain has one ---------------------------------------- */

char *payout_more_text(const struct payout *p, size_t until)
{
    json_t *more = json_array();
    for (size_t i = p->planned_count; i < until; i++)
        json_array_append_new(more, payout_coin_json(&p->coins[i]));
    char *text = json_dumps(more, JSON_COMPACT);
    json_decref(more);
    assert(text != NULL);
    return text;
}

char *payout_version_text(const struct payout_version *v)
{
    json_t *o = json_pack(
        "{s:s, s:o, s:o, s:I, s:b, s:I, s:s}", "why", why_names[v->why], "txid",
        hash_json(&v->txid), "fee", sat_json(v->fee), "vsize", (json_int_t)v->vsize,
        "change", v->has_change, "time_ms", (json_int_t)v->time_ms, "raw", v->raw);
    char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(o);
    assert(text != NULL);
    return text;
}

/* The bytes are those of the transaction that is named. */
static bool is_raw_of(const struct hash256 *txid, const char *raw)
{
    struct tx t;
    struct hash256 id;
    size_t digits = strlen(raw);
    if (digits == 0 || digits % 2 != 0 || !hex_is_valid(raw, digits))
        return false;
    uint8_t *bytes = mem_new(digits / 2);
    enum kz_err err = hex_decode(bytes, digits / 2, raw, digits);
    if (err == KZ_OK)
        err = tx_parse(&t, (struct bytes){bytes, digits / 2});
    mem_free(bytes);
    if (err != KZ_OK)
        return false;
    tx_id(&id, &t);
    tx_clear(&t);
    return hash256_equal(&id, txid);
}

static bool read_version(struct payout_version *v, const char *text)
{
    json_t *o = json_loads(text, 0, NULL);
    const char *raw = json_string_value(json_object_get(o, "raw"));
    bool is_good = why_parse(&v->why, json_string_value(json_object_get(o, "why"))) &&
                   read_hash(&v->txid, json_object_get(o, "txid")) &&
                   read_sat(&v->fee, json_object_get(o, "fee")) && raw != NULL &&
                   is_raw_of(&v->txid, raw);
    if (is_good) {
        v->vsize = (size_t)json_integer_value(json_object_get(o, "vsize"));
        v->has_change = json_is_true(json_object_get(o, "change"));
        v->time_ms = json_integer_value(json_object_get(o, "time_ms"));
        v->raw = mem_text(raw);
    }
    json_decref(o);
    return is_good;
}

char *payout_seen_text(const struct payout_seen *s)
{
    json_t *o = json_pack("{s:I, s:o, s:I}", "height", (json_int_t)s->height, "block",
                          hash_json(&s->block), "version", (json_int_t)s->version);
    char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(o);
    assert(text != NULL);
    return text;
}

static bool read_seen(struct payout_seen *s, const char *text)
{
    uint32_t version = 0;
    if (text == NULL || text[0] == '\0')
        return true;
    json_t *o = json_loads(text, 0, NULL);
    bool is_good = read_u32(&s->height, json_object_get(o, "height")) &&
                   read_hash(&s->block, json_object_get(o, "block")) &&
                   read_u32(&version, json_object_get(o, "version"));
    s->version = version;
    json_decref(o);
    return is_good;
}

/* --- the whole -------------------------------------------------------------------- */

static const char *member(const json_t *hash, const char *name)
{
    return json_string_value(json_object_get(hash, name));
}

static bool read_entry(bool *has, struct entry *e, const char *text)
{
    *has = text != NULL && text[0] != '\0';
    if (!*has)
        return true;
    *has = entry_parse(e, text, strlen(text)) == KZ_OK;
    return *has;
}

static bool read_versions(struct payout *p, const json_t *hash)
{
    char name[16];
    for (size_t i = 0; i < PAYOUT_VERSIONS_MAX; i++) {
        snprintf(name, sizeof(name), "v%zu", i);
        const char *text = member(hash, name);
        if (text == NULL)
            return true;
        if (!read_version(&p->versions[i], text))
            return false;
        p->version_count = i + 1;
    }
    return true;
}

/* NULL: all was read. */
static const char *read_all(struct payout *p, const json_t *hash)
{
    const char *n = member(hash, "n"), *note = member(hash, "note"),
               *text = member(hash, "plan");
    json_t *plan = text != NULL ? json_loads(text, 0, NULL) : NULL;
    bool has_plan = read_plan(p, plan);
    json_decref(plan);
    if (!has_plan)
        return "plan";
    if (!p->has_change)
        p->change_at = (uint32_t)p->recipient_count;
    if (!read_more(p, member(hash, "more")))
        return "more";
    if (payout_state_parse(&p->state, member(hash, "state")) != KZ_OK)
        return "state";
    if (!read_entry(&p->has_reserve, &p->reserve, member(hash, "reserve")))
        return "reserve";
    if (!read_entry(&p->has_confirm, &p->confirm, member(hash, "confirm")))
        return "confirm";
    if (!read_versions(p, hash))
        return "version";
    if (!read_seen(&p->seen, member(hash, "seen")) ||
        (p->seen.height > 0 && p->seen.version >= p->version_count))
        return "seen";
    if (n == NULL || !decimal_read(&p->n, n, INT32_MAX))
        return "n";
    snprintf(p->note, sizeof(p->note), "%s", note != NULL ? note : "");
    return NULL;
}

enum kz_err payout_read(struct payout *p, char why[PAYOUT_NOTE_SIZE], const char *id,
                        const json_t *hash)
{
    struct payout made = {.version_count = 0};
    const char *bad = "id";
    if (payout_id_parse(&made.id, id, strlen(id)) == KZ_OK)
        bad = read_all(&made, hash);
    if (bad != NULL) {
        snprintf(why, PAYOUT_NOTE_SIZE,
                 "payout %.40s: what is kept as its %s cannot "
                 "be read",
                 id, bad);
        payout_clear(&made);
        return KZ_PARSE;
    }
    *p = made;
    return KZ_OK;
}

void payout_clear(struct payout *p)
{
    mem_free(p->coins);
    mem_free(p->recipients);
    for (size_t i = 0; i < PAYOUT_VERSIONS_MAX; i++)
        mem_free(p->versions[i].raw);
    entry_clear(&p->reserve);
    entry_clear(&p->confirm);
    *p = (struct payout){.version_count = 0};
}

json_t *payout_mark(const struct payout_id *id, const char *name, const char *value)
{
    char key[PAYOUT_ID_MAX + 8];
    snprintf(key, sizeof(key), "po:%s", id->text);
    return json_pack("[s, s, s, s]", key, name, value, "keep");
}

struct amount payout_debit(const struct payout *p)
{
    struct amount sum = amount_zero();
    for (size_t i = 0; i < p->recipient_count; i++) {
        bool fits = amount_add(&sum, sum, p->recipients[i].debit);
        assert(fits); /* an entry's sum */
        (void)fits;
    }
    return sum;
}

struct amount payout_paid(const struct payout *p)
{
    struct amount sum = amount_zero();
    for (size_t i = 0; i < p->recipient_count; i++) {
        bool fits = amount_add(&sum, sum, p->recipients[i].paid);
        assert(fits);
        (void)fits;
    }
    return sum;
}

void payout_day(char out[PAYOUT_DAY_SIZE], int64_t utc_ms)
{
    time_t seconds = (time_t)(utc_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(out, PAYOUT_DAY_SIZE, "%04d%02d%02d", tm.tm_year % 10000 + 1900,
             (tm.tm_mon + 1) % 100, tm.tm_mday % 100);
}
