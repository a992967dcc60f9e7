/* The proof of the ledger: all its entries applied again, in a book of their own. */
#include "pool/inquiry_parts.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "payout/statement.h"
#include "share/keys.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE    600
#define PROBLEMS_MAX 100
/* A node's word and the ledger's entry come one after the other. */
#define UNBOOKED_MS (3600 * INT64_C(1000))

/* What the entries say that happened to money, summed by kind: the other side of what
 * the accounts hold. */
struct flows {
    struct amount brought;   /* by blocks that stand, to all */
    struct amount kept;      /* of that, the pool's own */
    struct amount per_share; /* credited for shares */
    struct amount paid;      /* by outputs, their part of network fees included */
    struct amount adjusted;  /* by corrections */
    struct amount owed;      /* all miners' accounts */
    bool is_void;            /* a sum left the range of money */
};

struct verify {
    struct proof proof;
    struct flows flows;
    char *text;
};

static void add_line(json_t *lines, const char *prefix, const char *format,
                     va_list args)
{
    char line[LINE_SIZE];
    int n = snprintf(line, sizeof(line), "%s", prefix);
    vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
    json_t *text = json_string(line);
    json_array_append_new(lines, text != NULL ? text : json_string("?"));
}

void proof_say(struct proof *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_line(p->lines, "", format, args);
    va_end(args);
}

void proof_fail(struct proof *p, const char *format, ...)
{
    va_list args;
    if (json_array_size(p->problems) == PROBLEMS_MAX)
        return;
    va_start(args, format);
    add_line(p->problems, "", format, args);
    va_end(args);
}

/* --- entries --------------------------------------------------------------------- */

static void flow(struct flows *f, struct amount *sum, struct amount a)
{
    if (!amount_add(sum, *sum, a))
        f->is_void = true;
}

static bool is_income(enum account_name name)
{
    return name == ACCOUNT_FEE_IMMATURE || name == ACCOUNT_FEE ||
           name == ACCOUNT_BLOCK_IMMATURE || name == ACCOUNT_BLOCK;
}

static bool is_coins(enum account_name name)
{
    return name == ACCOUNT_COINS_IMMATURE || name == ACCOUNT_COINS_MATURE ||
           name == ACCOUNT_COINS_DIRECT;
}

static void count_block_posting(struct flows *f, const struct posting *p)
{
    if (is_coins(p->account.name))
        flow(f, &f->brought, p->amount);
    else if (is_income(p->account.name))
        flow(f, &f->kept, entry_turned(p->amount));
}

static void count_posting(struct flows *f, enum entry_kind kind,
                          const struct posting *p)
{
    bool is_block = kind == ENTRY_BLOCK_ACCEPTED || kind == ENTRY_BLOCK_REVIVED ||
                    kind == ENTRY_BLOCK_ORPHANED;
    struct amount owed = entry_turned(p->amount);
    if (is_block)
        count_block_posting(f, p);
    if (!account_has_miner(p->account.name))
        return;
    flow(f, &f->owed, owed);
    if (kind == ENTRY_PPS_ACCRUAL)
        flow(f, &f->per_share, owed);
    else if (statement_term_of(kind) == STATEMENT_PAID)
        flow(f, &f->paid, p->amount);
    else if (statement_term_of(kind) == STATEMENT_ADJUSTED)
        flow(f, &f->adjusted, owed);
}

static void remember_block(struct proof *p, const struct entry *e)
{
    struct account coins = account_pool(ACCOUNT_COINS_IMMATURE);
    if (e->key.kind != ENTRY_BLOCK_ACCEPTED && e->key.kind != ENTRY_BLOCK_REVIVED)
        return;
    struct booked_block *b = textmap_put(p->blocks, e->key.object);
    b->pool_coins = entry_amount(e, &coins);
    b->payees = e->output_count;
}

static enum kz_err take(void *ctx, uint64_t n, const struct entry *e)
{
    struct verify *v = ctx;
    struct proof *p = &v->proof;
    struct book_problem why = {0};
    char key[ENTRY_KEY_SIZE];
    enum kz_err err = book_apply(p->book, &why, e);
    if (err == KZ_EMPTY) {
        err = entry_key_format(key, &e->key);
        return inquiry_say(v->text, KZ_RANGE, "entry %" PRIu64 ": %s is there twice", n,
                           err == KZ_OK ? key : "a key");
    }
    if (err != KZ_OK)
        return inquiry_say(v->text, KZ_RANGE, "entry %" PRIu64 ": %s", n, why.text);
    for (size_t k = 0; k < e->posting_count; k++)
        count_posting(&v->flows, e->key.kind, &e->postings[k]);
    remember_block(p, e);
    return KZ_OK;
}

/* KZ_PARSE, KZ_RANGE: an entry is wrong, nothing behind it was applied; v->text says. */
static enum kz_err apply_until(struct verify *v, uint64_t last)
{
    struct proof *p = &v->proof;
    struct entry_walk walk = {
        .key = KEY_ENTRIES, .is_whole = true, .take = take, .ctx = v};
    if (last <= p->at)
        return KZ_OK;
    enum kz_err err = ledger_walk(&p->at, v->text, p->i, &walk, last - p->at);
    if (err == KZ_EMPTY)
        return inquiry_say(v->text, KZ_PARSE,
                           "%s says that there are %" PRIu64 " entries, %s ends with "
                           "number %" PRIu64,
                           KEY_ENTRY_SEQ, last, KEY_ENTRIES, p->at);
    return err;
}

bool proof_catch_up(struct proof *p)
{
    struct verify *v = (struct verify *)p; /* its first member */
    uint64_t before = p->at, last;
    if (ledger_last_entry(&last, p->i) != KZ_OK)
        return false;
    enum kz_err err = apply_until(v, last);
    if (err == KZ_PARSE || err == KZ_RANGE)
        proof_fail(p, "%s", v->text);
    return err == KZ_OK && p->at > before;
}

/* --- what the accounts say ------------------------------------------------------- */

/* Nothing may lie in the stream behind the last number. */
static void check_end(struct verify *v, uint64_t last)
{
    json_t *more = NULL;
    uint64_t after = last, now = last;
    struct store *s = v->proof.i->parts.store;
    if (store_read_entries(&more, &after, s, KEY_ENTRIES, 1) == KZ_OK &&
        ledger_last_entry(&now, v->proof.i) == KZ_OK && now == last)
        proof_fail(&v->proof, "%s has entry %" PRIu64 ", but %s is %" PRIu64,
                   KEY_ENTRIES, after, KEY_ENTRY_SEQ, last);
    json_decref(more);
}

static void check_balances(struct verify *v, const struct ledger_view *view)
{
    struct proof *p = &v->proof;
    struct book_problem why = {0};
    size_t before = json_array_size(p->problems);
    if (book_check(p->book, &why) != KZ_OK)
        proof_fail(p, "%s", why.text);
    if (book_compare(p->book, &why, view->balances, view->count) != KZ_OK)
        proof_fail(p, "%s", why.text);
    if (json_array_size(p->problems) == before)
        proof_say(p,
                  "entries    %" PRIu64
                  ", each applied once and in order; they sum to the "
                  "%zu balances that are kept",
                  p->at, view->count);
}

static const char *btc(char out[AMOUNT_TEXT_SIZE], struct amount a)
{
    amount_format(out, a);
    return out;
}

/* liabilities - receivables, counted twice: from the accounts and from what happened. */
static void check_flows(struct verify *v, const struct book_totals *t)
{
    const struct flows *f = &v->flows;
    struct amount owed, said = f->brought;
    char a[6][AMOUNT_TEXT_SIZE];
    bool fits =
        !f->is_void && amount_sub(&owed, t->liabilities, t->receivables) &&
        amount_sub(&said, said, f->kept) && amount_add(&said, said, f->per_share) &&
        amount_sub(&said, said, f->paid) && amount_add(&said, said, f->adjusted);
    if (!fits || amount_compare(owed, said) != 0 || amount_compare(owed, f->owed) != 0)
        proof_fail(&v->proof,
                   "what is owed is not what blocks brought, less fees and payments");
    else
        proof_say(
            &v->proof,
            "owed       %s = blocks %s - kept by the pool %s + for shares %s - paid "
            "%s + corrections %s",
            btc(a[0], owed), btc(a[1], f->brought), btc(a[2], f->kept),
            btc(a[3], f->per_share), btc(a[4], f->paid), btc(a[5], f->adjusted));
}

/* I5. What is paid per share is owed before a block earns it: there, and only there, it
 * may fail. */
static void check_solvency(struct verify *v, const struct book_totals *t)
{
    struct proof *p = &v->proof;
    struct account cost = account_pool(ACCOUNT_PPS_COST);
    struct amount have, above;
    char a[4][AMOUNT_TEXT_SIZE];
    if (!amount_add(&have, t->coins, t->receivables) ||
        !amount_sub(&above, have, t->liabilities)) {
        proof_fail(p, "I5: a sum outside the range of money");
        return;
    }
    btc(a[0], t->coins);
    btc(a[1], t->receivables);
    btc(a[2], t->liabilities);
    btc(a[3], above);
    if (!amount_is_negative(above))
        proof_say(p,
                  "solvent    coins %s + receivable %s cover the debts of %s; %s above",
                  a[0], a[1], a[2], a[3]);
    else if (!amount_is_zero(book_balance(p->book, &cost)))
        proof_say(
            p,
            "WARNING    coins %s + receivable %s are less than the debts of %s (%s): "
            "shares were paid for that no block has earned yet",
            a[0], a[1], a[2], a[3]);
    else
        proof_fail(p, "I5: coins %s + receivable %s are less than the debts of %s",
                   a[0], a[1], a[2]);
}

static void check_totals(struct verify *v)
{
    struct book_totals t;
    if (book_totals(v->proof.book, &t) != KZ_OK) {
        proof_fail(&v->proof, "totals outside the range of money");
        return;
    }
    check_solvency(v, &t);
    check_flows(v, &t);
}

/* --- blocks ---------------------------------------------------------------------- */

static const char *stage_name(enum book_block_stage stage)
{
    static const char *const names[] = {[BOOK_BLOCK_ACCEPTED] = "accepted",
                                        [BOOK_BLOCK_ORPHANED] = "orphaned",
                                        [BOOK_BLOCK_MATURE] = "mature"};
    return names[stage];
}

struct tally {
    uint64_t booked[BOOK_BLOCK_MATURE + 1];
    uint64_t waiting; /* accepted by a node a moment ago */
};

/* NULL: the record and the book agree. */
static const char *judge_block(struct tally *t, const struct proof *p, const char *hash,
                               const json_t *record)
{
    const char *state = json_string_value(json_object_get(record, "state"));
    int64_t found = json_integer_value(json_object_get(record, "found_ms"));
    struct book_block b;
    if (state == NULL)
        return "its record has no state";
    if (book_block(p->book, &b, hash) == KZ_OK) {
        t->booked[b.stage]++;
        return strcmp(state, stage_name(b.stage)) == 0
                   ? NULL
                   : "its record and its entries disagree";
    }
    /* One that lost before it was booked is orphaned without: it never earned. */
    if (strcmp(state, "mature") == 0)
        return "it has no entry";
    if (strcmp(state, "accepted") != 0)
        return NULL;
    t->waiting++;
    return found > clock_utc_ms() - UNBOOKED_MS
               ? NULL
               : "accepted an hour ago or more, and not "
                 "booked";
}

static enum kz_err check_block(struct proof *p, struct tally *t, const char *hash)
{
    struct book_block b;
    for (int tries = 0;; tries++) {
        json_t *record = NULL;
        struct tally before = *t;
        enum kz_err err = store_read_block(&record, p->i->parts.store, hash);
        if (err != KZ_OK && err != KZ_EMPTY)
            return err;
        const char *why = judge_block(t, p, hash, record);
        const char *state = json_string_value(json_object_get(record, "state"));
        /* Booked since we looked? */
        if (why != NULL && tries < 3 && proof_catch_up(p)) {
            *t = before;
            json_decref(record);
            continue;
        }
        if (why != NULL)
            proof_fail(p, "block %s: %s (record: %.20s, entries: %s)", hash, why,
                       state != NULL ? state : "none",
                       book_block(p->book, &b, hash) == KZ_OK ? stage_name(b.stage)
                                                              : "none");
        json_decref(record);
        return KZ_OK;
    }
}

static enum kz_err check_blocks(struct proof *p, const json_t *hashes)
{
    struct tally t = {0};
    size_t k;
    json_t *hash;
    enum kz_err err = KZ_OK;
    json_array_foreach(hashes, k, hash)
    {
        if (err == KZ_OK && !inquiry_is_stopping(p->i))
            err = check_block(p, &t, json_string_value(hash));
    }
    uint64_t booked = t.booked[0] + t.booked[1] + t.booked[2];
    if (err == KZ_OK && booked < textmap_count(p->blocks)) {
        /* Hashes were listed before the last entries, so fewer may be in order. */
        for (size_t b = 0; b < textmap_count(p->blocks); b++) {
            json_t *record = NULL;
            const char *name = textmap_text(p->blocks, b);
            if (store_read_block(&record, p->i->parts.store, name) == KZ_EMPTY)
                proof_fail(p, "block %s: it has entries and no record", name);
            json_decref(record);
        }
    }
    proof_say(p,
              "blocks     %" PRIu64 " booked: %" PRIu64 " accepted, %" PRIu64
              " mature, %" PRIu64 " orphaned; %" PRIu64 " accepted by a node and not "
              "booked yet",
              booked, t.booked[BOOK_BLOCK_ACCEPTED], t.booked[BOOK_BLOCK_MATURE],
              t.booked[BOOK_BLOCK_ORPHANED], t.waiting);
    return err;
}

/* --- the question ---------------------------------------------------------------- */

/* All but blocks and coins; KZ_PARSE and KZ_RANGE stand in the problems. */
static enum kz_err check_entries(struct verify *v)
{
    struct proof *p = &v->proof;
    struct ledger_view view = {0};
    enum kz_err err = ledger_view_take(&view, v->text, p->i);
    if (err != KZ_OK && err != KZ_PARSE)
        return err;
    if (err == KZ_PARSE)
        proof_fail(p, "%s", v->text);
    err = apply_until(v, view.entries);
    if (err == KZ_PARSE || err == KZ_RANGE) {
        proof_fail(p, "%s", v->text);
        proof_say(p, "what is behind that entry was not read");
    }
    if (err == KZ_OK) {
        check_end(v, view.entries);
        check_balances(v, &view);
        check_totals(v);
    }
    ledger_view_clear(&view);
    return err == KZ_PARSE || err == KZ_RANGE ? KZ_OK : err;
}

static enum kz_err check_chain(struct verify *v)
{
    struct proof *p = &v->proof;
    json_t *hashes = NULL;
    enum kz_err err = store_read_block_hashes(&hashes, p->i->parts.store, false);
    if (err == KZ_OK)
        err = check_blocks(p, hashes);
    if (err == KZ_OK && p->needs_node)
        err = proof_coins(p);
    else if (err == KZ_OK)
        proof_say(p, "coins      not compared with a node: --no-node");
    json_decref(hashes);
    return err == KZ_OK ? KZ_OK : inquiry_say(v->text, KZ_IO, "Redis is away");
}

static json_t *result_of(struct proof *p)
{
    char last[LINE_SIZE];
    size_t count = json_array_size(p->problems);
    uint64_t blocks = textmap_count(p->blocks);
    if (count == 0)
        snprintf(last, sizeof(last),
                 "ledger verify: ok, %" PRIu64 " entries, %" PRIu64 " blocks", p->at,
                 blocks);
    else
        snprintf(last, sizeof(last), "ledger verify: FAILED: %.450s",
                 json_string_value(json_array_get(p->problems, 0)));
    if (count > 1) {
        size_t used = strlen(last);
        snprintf(last + used, sizeof(last) - used, " (and %zu more)", count - 1);
    }
    return json_pack("{s:b, s:O, s:O, s:I, s:I, s:s}", "ok", count == 0, "lines",
                     p->lines, "problems", p->problems, "entries", (json_int_t)p->at,
                     "blocks", (json_int_t)blocks, "last", last);
}

enum kz_err inquiry_verify(json_t **value, char text[INQUIRY_TEXT_SIZE],
                           struct inquiry *i, const json_t *arguments)
{
    struct verify v = {
        .proof = {.i = i,
                  .book = book_new(),
                  .blocks = textmap_new(sizeof(struct booked_block)),
                  .lines = json_array(),
                  .problems = json_array(),
                  .needs_node = !json_is_true(json_object_get(arguments, "no-node"))},
        .text = text};
    struct proof *p = &v.proof;
    enum kz_err err = check_entries(&v);
    if (err == KZ_OK && json_array_size(p->problems) == 0)
        err = check_chain(&v);
    else if (err == KZ_OK)
        proof_say(p, "blocks and coins were not looked at: entries and balances first");
    if (err == KZ_OK && inquiry_is_stopping(i))
        err = inquiry_say(text, KZ_BUSY, "stopping");
    if (err == KZ_OK)
        *value = result_of(p);
    json_decref(p->lines);
    json_decref(p->problems);
    textmap_free(p->blocks);
    book_free(p->book);
    return err;
}
