/* A block's life in the ledger: accept, orphan, revive, mature, and the end of watching.
 *
 * Its record in Redis says where it stands ("state", "n", and the entry in force); a
 * sighting says what the chain does. Each step is one event that changes both the ledger
 * and the record. Accounting section 6. */
#include "pool/accounts_parts.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "payout/coinbase.h"
#include "share/keys.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BORDER_MS                                                                      \
    10000 /* within which a slice ends with the block that was found in it */

/* One block at work. */
struct case_file {
    struct accounts *a;
    json_t *record; /* owned */
    char hash[HASH256_HEX_SIZE];
    int64_t height, n;
    const char *state;     /* in the record */
    json_t *mature, *held; /* balances, read when they are needed; owned */
};

/* --- the record ------------------------------------------------------------------- */

static const char *text_at(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "";
}

static int64_t number_at(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static bool is_state(const struct case_file *c, const char *state)
{
    return strcmp(c->state, state) == 0;
}

static bool has_entry(const struct case_file *c)
{
    return json_is_object(json_object_get(c->record, "entry"));
}

/* The entry in force; KZ_PARSE: damaged, said. */
static enum kz_err standing_of(struct entry *e, const struct case_file *c)
{
    char why[ACCOUNTS_ALARM];
    char *text =
        json_dumps(json_object_get(c->record, "entry"), JSON_COMPACT | JSON_SORT_KEYS);
    enum kz_err err = text != NULL ? entry_parse(e, text, strlen(text)) : KZ_PARSE;
    free(text); /* allowed: jansson's */
    snprintf(why, sizeof(why), "the entry kept with block %s cannot be read", c->hash);
    if (err != KZ_OK)
        accounts_raise(c->a, "block_entry_damaged", why);
    return err;
}

/* Changes the record to `state`; `set` has further members, `entry` (may be NULL) goes
 * into the ledger. Takes both. */
static bool write_step(struct case_file *c, const char *state, json_t *set,
                       json_t *entry, bool open)
{
    json_object_set_new(set, "state", json_string(state));
    if (strcmp(state, c->state) != 0)
        json_object_set_new(set, "state_ms", json_integer(clock_utc_ms()));
    json_t *entries = json_array();
    if (entry != NULL)
        json_array_append_new(entries, entry);
    json_t *event =
        json_pack("{s:o, s:{s:s, s:I, s:b, s:o}}", "entries", entries, "block", "hash",
                  c->hash, "height", (json_int_t)c->height, "open", open, "set", set);
    if (!accounts_write(c->a, event))
        return false;
    log_info("block_booked", kv_str("hash", c->hash), kv_i64("height", c->height),
             kv_str("was", c->state), kv_str("is", state));
    c->a->balances_changed = c->a->accounts_changed = true;
    return true;
}

/* --- what is asked at the moment of booking --------------------------------------- */

static struct amount balance_now(const void *ctx, const struct account *account)
{
    const struct case_file *c = ctx;
    struct amount owed = amount_zero();
    const json_t *hash = account->name == ACCOUNT_MATURE ? c->mature
                         : account->name == ACCOUNT_HELD ? c->held
                                                         : NULL;
    bool fits = hash == NULL ||
                amount_from_sat(&owed, accounts_number(hash, account->miner.text));
    assert(fits); /* what scripts kept in range */
    (void)fits;
    return entry_turned(owed);
}

static bool is_held_now(const void *ctx, const struct miner_id *miner)
{
    const struct case_file *c = ctx;
    return accounts_is_held(c->a, miner);
}

static struct postings_now now_of(const struct case_file *c)
{
    return (struct postings_now){balance_now, is_held_now, c};
}

static bool read_balances(struct case_file *c)
{
    return store_read_hash(&c->mature, c->a->store, KEY_MATURE) == KZ_OK &&
           store_read_hash(&c->held, c->a->store, KEY_HELD) == KZ_OK;
}

/* --- accept ----------------------------------------------------------------------- */

/* A block may be known before the store came to the share that found it: another daemon's
 * within seconds, ours when it has read so far, which may be minutes behind an outage of
 * Redis. Looked at before Redis is asked for its slice. */
static bool may_come_yet(const struct case_file *c)
{
    uint64_t generation;
    int64_t found_ms = number_at(c->record, "found_ms");
    bool is_ours = strcmp(text_at(c->record, "instance"), c->a->conf.instance) == 0;
    bool is_read = store_sliced_until(c->a->store) > found_ms &&
                   store_has_all_events(c->a->store, &generation);
    return text_at(c->record, "miner")[0] != '\0' &&
           (clock_utc_ms() - found_ms < BORDER_MS || (is_ours && !is_read));
}

/* The block's slice and by what it is split. KZ_EMPTY: no slice at all. */
static enum kz_err terms_of(struct split_terms *terms, const struct case_file *c)
{
    struct slice_list page = {0};
    uint64_t newest = UINT64_MAX, oldest;
    bool may_come = may_come_yet(c);
    enum kz_err err = store_read_block_slice(&newest, c->a->store,
                                             text_at(c->record, "instance"), c->hash);
    if (err == KZ_EMPTY && may_come)
        return KZ_IO;
    if (err != KZ_OK && err != KZ_EMPTY) /* empty: its share is in no stream */
        return err;
    err = store_read_slices(&page, &oldest, c->a->store, newest, 1);
    if (err == KZ_OK && page.count == 0)
        err = KZ_EMPTY;
    if (err == KZ_OK) {
        const struct slice_terms *t = &page.slices[0].terms;
        *terms = (struct split_terms){.scheme = (enum scheme)t->scheme,
                                      .window_milli = t->window_milli,
                                      .pool_ppm = t->fee_ppm,
                                      .nbits = (uint32_t)number_at(c->record, "nbits"),
                                      .newest = page.slices[0].id};
    }
    slice_list_clear(&page);
    return err;
}

/* PROP: the slice of the newest block before this one that stands. */
static enum kz_err find_previous(struct split_terms *terms, const struct case_file *c)
{
    json_t *hashes;
    enum kz_err err = store_read_block_hashes(&hashes, c->a->store, false);
    if (err != KZ_OK)
        return err;
    for (size_t i = json_array_size(hashes); i > 0 && err == KZ_OK; i--) {
        json_t *block = NULL;
        err = store_read_block(&block, c->a->store,
                               json_string_value(json_array_get(hashes, i - 1)));
        const char *state = text_at(block, "state");
        uint64_t slice = (uint64_t)number_at(block, "slice");
        bool stands = strcmp(state, "accepted") == 0 || strcmp(state, "mature") == 0;
        if (stands && slice < terms->newest && slice > terms->previous)
            terms->previous = slice;
        json_decref(block);
        if (terms->previous > 0 || err == KZ_EMPTY)
            break; /* blocks by height: an older one cannot have a newer slice */
    }
    json_decref(hashes);
    return err == KZ_EMPTY ? KZ_OK : err;
}

/* An output of the coinbase that pays `script`; false: none. */
static bool find_output(struct postings_part *part, const json_t *outputs,
                        const struct address *address)
{
    char hex[2 * sizeof(address->script) + 1];
    size_t i;
    json_t *output;
    hex_encode(hex, address->script, address->script_len);
    json_array_foreach(outputs, i, output)
    {
        const char *script = json_string_value(json_array_get(output, 1));
        if (script == NULL || strcmp(script, hex) != 0)
            continue;
        part->vout = (uint32_t)i;
        return amount_from_sat(&part->direct,
                               json_integer_value(json_array_get(output, 0)));
    }
    return false;
}

/* Parts of the split, with what the coinbase itself pays to payees of its snapshot. */
struct draft_parts {
    struct postings_part *rows;
    size_t count;
    struct amount direct; /* together */
};

static struct postings_part *part_of(struct draft_parts *p,
                                     const struct miner_id *miner)
{
    for (size_t i = 0; i < p->count; i++)
        if (miner_id_equal(&p->rows[i].miner, miner))
            return &p->rows[i];
    struct postings_part *row = &p->rows[p->count++];
    *row = (struct postings_part){.miner = *miner};
    return row;
}

static bool add_direct(struct draft_parts *p, const struct case_file *c,
                       const struct snapshot *snapshot)
{
    const json_t *outputs = json_object_get(c->record, "outputs");
    for (size_t i = 0; snapshot != NULL && i < snapshot->payee_count; i++) {
        const struct snapshot_payee *payee = &snapshot->payees[i];
        struct postings_part found = {.miner = payee->miner};
        if (payee->address.script_len == 0 ||
            !find_output(&found, outputs, &payee->address))
            continue;
        struct postings_part *row = part_of(p, &payee->miner);
        row->direct = found.direct;
        row->vout = found.vout;
        if (!amount_add(&p->direct, p->direct, found.direct))
            return false;
    }
    return true;
}

static int by_miner(const void *a, const void *b)
{
    const struct postings_part *x = a, *y = b;
    return split_miner_compare(&x->miner, &y->miner);
}

/* KZ_RANGE: the numbers do not make an entry, which is a defect and said. */
static enum kz_err make_accept(struct entry *e, const struct case_file *c,
                               const struct scheme_block *block,
                               const struct scheme_split *split,
                               const struct snapshot *snapshot)
{
    struct draft_parts p = {.direct = amount_zero()};
    struct amount pool_outputs;
    p.rows = mem_array(split->count + (snapshot != NULL ? snapshot->payee_count : 0),
                       sizeof(*p.rows));
    for (size_t i = 0; i < split->count; i++)
        p.rows[p.count++] = (struct postings_part){.miner = split->parts[i].miner,
                                                   .net = split->parts[i].net};
    enum kz_err err = KZ_RANGE;
    if (add_direct(&p, c, snapshot) &&
        amount_sub(&pool_outputs, block->reward, p.direct)) {
        if (p.count > 0)
            qsort(p.rows, p.count, sizeof(*p.rows), by_miner);
        const struct postings_now now = now_of(c);
        const struct postings_block b = {.block = c->hash,
                                         .time_ms = clock_utc_ms(),
                                         .pool_outputs = pool_outputs,
                                         .fee = split->pool_fee,
                                         .own = split->retained,
                                         .parts = p.rows,
                                         .part_count = p.count};
        err = postings_block_accept(e, &b, &now);
    }
    mem_free(p.rows);
    return err;
}

static json_t *accept_members(const struct case_file *c,
                              const struct split_terms *terms, json_t *split,
                              const json_t *entry)
{
    (void)c;
    return json_pack("{s:I, s:I, s:o, s:O}", "n", (json_int_t)0, "slice",
                     (json_int_t)terms->newest, "split", split, "entry", entry);
}

/* What is shared and by which works: of the snapshot that the coinbase was made from, else
 * of the window. `*w` is the caller's to clear. */
static enum kz_err works_of_block(struct window *w, const struct snapshot **snapshot,
                                  struct split_terms *terms, const struct case_file *c)
{
    uint64_t id = (uint64_t)number_at(c->record, "snapshot");
    if (id == 0)
        return split_window(w, c->a, terms);
    enum kz_err err = snapshot_read(snapshot, c->a, id);
    if (err != KZ_OK)
        return err;
    terms->scheme = (*snapshot)->scheme;
    window_init(w, WINDOW_ROUND, scheme_window_kind(terms->scheme));
    return works_add(&w->counted, (*snapshot)->counted.rows,
                     (*snapshot)->counted.count);
}

static void say_unsplit(const struct case_file *c, const char *why)
{
    char text[ACCOUNTS_ALARM];
    snprintf(text, sizeof(text), "block %s at height %" PRId64 ": %.100s", c->hash,
             c->height, why);
    accounts_raise(c->a, "block_not_split", text);
}

/* Nothing to share it over: the pool's until somebody has looked. */
static void keep_for_pool(struct scheme_split *split, const struct scheme_block *block,
                          const struct case_file *c)
{
    say_unsplit(c, "no work counts for it; booked to the pool");
    *split = (struct scheme_split){.retained = block->reward};
}

static bool finish_accept(struct case_file *c, const struct split_terms *terms,
                          const struct window *w, const struct snapshot *snapshot)
{
    struct scheme_fee *rows;
    struct scheme_fees fees = accounts_fees(c->a, terms->pool_ppm, &rows);
    struct scheme_block block = {.scheme = terms->scheme,
                                 .counted = &w->counted,
                                 .fees = snapshot != NULL ? &snapshot->fees : &fees};
    struct scheme_split split = {0};
    struct entry e;
    const char *finder = text_at(c->record, "miner");
    bool done = true;
    block.subsidy = coinbase_subsidy((uint32_t)c->height, c->a->network);
    enum kz_err err = amount_from_sat(&block.reward, number_at(c->record, "value_sat"))
                          ? KZ_OK
                          : KZ_RANGE;
    if (terms->scheme == SCHEME_SOLO &&
        miner_id_parse(&block.finder, finder, strlen(finder)) != KZ_OK)
        err = KZ_EMPTY;
    if (err == KZ_OK)
        err = scheme_split_block(&split, &block);
    if (err == KZ_EMPTY) {
        keep_for_pool(&split, &block, c);
        err = KZ_OK;
    }
    if (err == KZ_OK)
        err = make_accept(&e, c, &block, &split, snapshot);
    if (err == KZ_OK) {
        json_t *entry = accounts_entry(&e);
        json_t *described =
            split_describe(terms, snapshot == NULL ? w : NULL, &block, &split);
        if (snapshot != NULL)
            json_object_set_new(described, "snapshot",
                                json_integer((json_int_t)snapshot->id));
        done = write_step(c, "accepted", accept_members(c, terms, described, entry),
                          entry, true);
    } else {
        say_unsplit(c, "its numbers make no entry; it is NOT booked");
    }
    scheme_split_clear(&split);
    mem_free(rows);
    return done;
}

/* An output to nobody we know: the job's snapshot is not known, and guessing at who was
 * paid would be worse than waiting for a person. */
static bool pays_strangers(const struct case_file *c)
{
    struct address pool;
    char hex[2 * ADDRESS_SCRIPT_MAX + 1];
    size_t i;
    json_t *output;
    if (number_at(c->record, "snapshot") != 0 ||
        pool_output_at(&pool, c->a->pool_output, (uint32_t)c->height) != KZ_OK)
        return false;
    hex_encode(hex, pool.script, pool.script_len);
    json_array_foreach(json_object_get(c->record, "outputs"), i, output)
    {
        const char *script = json_string_value(json_array_get(output, 1));
        if (json_integer_value(json_array_get(output, 0)) > 0 && script != NULL &&
            strcmp(script, hex) != 0)
            return true;
    }
    return false;
}

static bool accept(struct case_file *c)
{
    struct split_terms terms = {.scheme = (enum scheme)c->a->conf.payout.scheme,
                                .pool_ppm = c->a->conf.payout.fee_ppm,
                                .nbits = (uint32_t)number_at(c->record, "nbits")};
    const struct snapshot *snapshot = NULL;
    struct window w;
    if (pays_strangers(c)) {
        say_unsplit(c,
                    "its coinbase pays others than the pool, and nothing says why; it "
                    "is NOT booked");
        return true;
    }
    if (!read_balances(c))
        return false;
    enum kz_err err = terms_of(&terms, c);
    if (err == KZ_OK && terms.scheme == SCHEME_PROP)
        err = find_previous(&terms, c);
    if (err == KZ_EMPTY) { /* no slice: no work; the split says so */
        window_init(&w, 1, WINDOW_BLOCK);
        err = KZ_OK;
    } else if (err == KZ_OK) {
        err = works_of_block(&w, &snapshot, &terms, c);
    }
    if (err == KZ_IO)
        return false;
    if (err != KZ_OK) {
        say_unsplit(c, "what it is split by is damaged or gone; it is NOT booked");
        return true;
    }
    bool done = finish_accept(c, &terms, &w, snapshot);
    window_clear(&w);
    snapshot_unref(snapshot);
    return done;
}

/* --- orphan, revive, mature ------------------------------------------------------- */

/* Which outputs of the coinbase are miners': what is left when the entry is not kept. */
static json_t *payees_of(const struct entry *e)
{
    json_t *vouts = json_array();
    for (size_t i = 0; i < e->output_count; i++)
        json_array_append_new(vouts, json_integer((json_int_t)e->outputs[i].vout));
    return vouts;
}

static bool write_entry(struct case_file *c, const char *state, enum kz_err err,
                        struct entry *e, bool keep_entry)
{
    if (err != KZ_OK) {
        say_unsplit(c, "its next entry cannot be made; it stays as it is");
        return true;
    }
    int64_t n = (int64_t)e->key.n;
    bool is_mature = e->key.kind == ENTRY_BLOCK_MATURED;
    json_t *set = json_object();
    if (is_mature)
        json_object_set_new(set, "payees", payees_of(e));
    json_t *entry = accounts_entry(e);
    if (!is_mature)
        json_object_set_new(set, "n", json_integer(n));
    if (keep_entry)
        json_object_set(set, "entry", entry);
    if (is_mature)
        json_object_set_new(set, "entry", json_null());
    return write_step(c, state, set, entry, true);
}

static bool orphan(struct case_file *c)
{
    struct entry standing, e;
    if (!has_entry(c))
        return write_step(c, "orphaned", json_object(), NULL, true);
    if (standing_of(&standing, c) != KZ_OK)
        return true;
    enum kz_err err =
        postings_block_orphan(&e, &standing, (uint64_t)c->n + 1, clock_utc_ms());
    entry_clear(&standing);
    return write_entry(c, "orphaned", err, &e, false);
}

static bool revive(struct case_file *c)
{
    struct entry standing, e;
    if (!has_entry(c))
        return accept(c);
    if (!read_balances(c))
        return false;
    if (standing_of(&standing, c) != KZ_OK)
        return true;
    const struct postings_now now = now_of(c);
    enum kz_err err =
        postings_block_revive(&e, &standing, (uint64_t)c->n + 1, clock_utc_ms(), &now);
    entry_clear(&standing);
    return write_entry(c, "accepted", err, &e, true);
}

static bool mature(struct case_file *c)
{
    struct entry standing, e;
    if (standing_of(&standing, c) != KZ_OK)
        return true;
    const struct postings_now now = now_of(c);
    enum kz_err err = postings_block_mature(&e, &standing, clock_utc_ms(), &now);
    entry_clear(&standing);
    return write_entry(c, "mature", err, &e, false);
}

/* --- what a sighting means -------------------------------------------------------- */

static bool is_deep(const struct case_file *c, const struct sighting *s)
{
    return s->tip > c->height + ACCOUNTS_FINAL_BLOCKS;
}

static bool step_on_chain(struct case_file *c, const struct sighting *s)
{
    bool was_booked = has_entry(c);
    if (is_state(c, "mature"))
        return s->confirmations <= ACCOUNTS_FINAL_BLOCKS ||
               write_step(c, "mature", json_object(), NULL, false);
    if (is_state(c, "orphaned") && was_booked)
        return revive(c);
    if (!is_state(c, "accepted"))
        return accept(c);
    return s->confirmations < (int64_t)c->a->conf.payout.maturity || mature(c);
}

static bool step_off_chain(struct case_file *c, const struct sighting *s)
{
    char text[ACCOUNTS_ALARM];
    if (is_state(c, "mature")) {
        snprintf(
            text, sizeof(text),
            "a reorganisation deeper than maturity took block %s at height %" PRId64
            ": nothing is reversed, payouts must wait for a person",
            c->hash, c->height);
        accounts_raise(c->a, "mature_block_lost", text);
        return true;
    }
    if (is_state(c, "accepted"))
        return orphan(c);
    if (is_state(c, "submitted"))
        return write_step(c, "orphaned", json_object(), NULL, true);
    return !is_deep(c, s) || write_step(c, c->state, json_object(), NULL, false);
}

static bool step_of(struct case_file *c, const struct sighting *s)
{
    if (s->confirmations >= 1)
        return step_on_chain(c, s);
    if (s->confirmations == -1)
        return step_off_chain(c, s);
    if (is_state(c, "submitted") && strcmp(text_at(c->record, "node"), "rejected") == 0)
        return write_step(c, "rejected", json_object(), NULL, true);
    /* No node knows it, and its height is long past: nobody ever will. */
    bool is_lost = is_deep(c, s) && !is_state(c, "accepted") && !is_state(c, "mature");
    return !is_lost || write_step(c, c->state, json_object(), NULL, false);
}

/* Most sightings say what is known: then the record, which has the whole split, is not
 * read. */
static bool says_nothing(const struct accounts *a, const json_t *known,
                         const struct sighting *s)
{
    const char *state = text_at(known, "state");
    if (strcmp(state, "accepted") == 0)
        return s->confirmations == 0 ||
               (s->confirmations >= 1 &&
                s->confirmations < (int64_t)a->conf.payout.maturity);
    if (strcmp(state, "mature") == 0)
        return s->confirmations >= 0 && s->confirmations <= ACCOUNTS_FINAL_BLOCKS;
    return false;
}

bool block_step(struct accounts *a, const struct sighting *s)
{
    struct case_file c = {.a = a};
    json_t *known;
    hash256_format_display(c.hash, &s->hash);
    enum kz_err err = store_read_block_state(&known, a->store, c.hash);
    if (err != KZ_OK)
        return err == KZ_EMPTY;
    bool is_known = says_nothing(a, known, s);
    json_decref(known);
    if (is_known)
        return true;
    err = store_read_block(&c.record, a->store, c.hash);
    if (err != KZ_OK)
        return err == KZ_EMPTY;
    bool done = true;
    c.state = text_at(c.record, "state");
    c.height = number_at(c.record, "height");
    c.n = number_at(c.record, "n");
    /* What nodes answered may come before the journal's own record. */
    if (json_object_get(c.record, "instance") != NULL)
        done = step_of(&c, s);
    json_decref(c.mature);
    json_decref(c.held);
    json_decref(c.record);
    return done;
}
