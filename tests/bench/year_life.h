/* tests/bench/year_life.h - a year of a pool's life, written in the shapes that karizd
 * writes: tallies by batch_build() and the batch script, the registry and the ledger by a
 * store with a journal, entries by payout/postings.h.
 *
 * A sixth of the miners mine every hour, the others on one day of ten. Each day has a block,
 * of 50 one is an orphan; each week a payout of all that is mature; each day somebody is
 * suspended, moves to another address and has a new certificate. What fails ends the
 * program. */
#ifndef TESTS_BENCH_YEAR_LIFE_H
#define TESTS_BENCH_YEAR_LIFE_H

#include "conf/clock.h"
#include "payout/address.h"
#include "payout/book.h"
#include "payout/scheme.h"
#include "pool/audit/audit_event.h"
#include "pool/audit/chain.h"
#include "pool/pay/record.h"
#include "pool/report/period.h"
#include "share/bytes.h"
#include "share/journal.h"
#include "share/store_read.h"
#include "tests/unit/private_redis.h"

#include <stdatomic.h>

#define RIGS    "rigs" /* the instance that took the shares */
#define BOOKS   "front-1"
#define OFFSET  300
#define MONTHS  12
#define DAY_MS  INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)
#define VALUE   INT64_C(317500000)
#define FEE_PPM 10000

/* 10 PH/s for an hour. */
#define HOUR_WORK   UINT64_C(8583068847660)
#define HOUR_SHARES 720

struct miner {
    struct miner_id id;
    json_t *record;
    json_int_t revision;
    unsigned address; /* which one it has */
    int suspended_on; /* day, -1: active */
};

struct year {
    struct private_redis redis;
    struct conf conf;
    char dir[64], journal_dir[96];
    struct journal *journal;
    struct store *store;
    struct book *book;
    struct miner *miners;
    size_t count;
    uint64_t random;
    int64_t start_ms; /* midnight of the first day */
    int days;
    struct tally_entry entries[BATCH_ENTRIES_MAX];
    size_t entry_count;
    atomic_size_t waiting;              /* writes without an answer */
    char standing[2][HASH256_HEX_SIZE]; /* blocks to be settled */
    struct payout payout;
};

/* What fails here ends the program: there is no measurement without it. */
static inline void must(enum kz_err err, const char *what)
{
    if (err == KZ_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, kz_err_text(err));
    abort();
}

static inline uint64_t next_random(struct year *y)
{
    y->random ^= y->random << 13;
    y->random ^= y->random >> 7;
    y->random ^= y->random << 17;
    return y->random;
}

static inline int64_t ms_of(const struct year *y, int day)
{
    return y->start_ms + day * DAY_MS;
}

static inline struct amount sat(int64_t n)
{
    struct amount a = amount_zero();
    must(amount_from_sat(&a, n) ? KZ_OK : KZ_RANGE, "an amount");
    return a;
}

/* --- the registry ----------------------------------------------------------------- */

static inline json_t *link_event(const json_t *newest, const json_t *event, char *why)
{
    char text[AUDIT_WHY_SIZE];
    json_t *link = chain_link(newest, event, text);
    if (link == NULL)
        snprintf(why, STORE_WHY_SIZE, "%.200s", text);
    return link;
}

static inline void on_put(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct year *y = ctx;
    if (err != KZ_OK)
        fprintf(stderr, "%s\n", text);
    must(err, "a record");
    json_decref(value);
    atomic_fetch_sub(&y->waiting, 1);
}

static inline void wait_for_writes(struct year *y, size_t most)
{
    while (atomic_load(&y->waiting) > most)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* allowed: a bench */
}

static inline void put(struct year *y, struct miner *m, enum audit_word word,
                       int64_t at_ms)
{
    char why[AUDIT_WHY_SIZE];
    struct hash256 after;
    json_t *event = NULL;
    must(audit_record_hash(&after, m->record), "a record's hash");
    const struct audit_event e = {.time_ms = at_ms,
                                  .instance = BOOKS,
                                  .word = word,
                                  .miner = m->id.text,
                                  .actor = "oraz",
                                  .role = AUDIT_OFFICER,
                                  .after = &after};
    must(audit_event_build(&event, why, &e, 1), "an event");
    wait_for_writes(y, 200);
    atomic_fetch_add(&y->waiting, 1);
    store_registry_put(y->store, json_deep_copy(m->record), (uint64_t)m->revision++,
                       event, on_put, y);
}

static inline void set_time(json_t *object, const char *name, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_utc_format(text, ms);
    json_object_set_new(object, name, json_string(text));
}

static inline void address_text(char out[ADDRESS_TEXT_SIZE], struct script *script,
                                size_t n, unsigned which)
{
    memset(script, 0, sizeof(*script));
    script->len = 22;
    script->b[1] = 20;
    write_le64(script->b + 2, n + 1);
    write_le32(script->b + 10, which + 1);
    must(address_format(out, network_of(CONF_REGTEST),
                        (struct bytes){script->b, script->len}),
         "an address");
}

static inline void add_address(struct year *y, struct miner *m, int64_t at_ms)
{
    char text[ADDRESS_TEXT_SIZE];
    struct script script;
    json_t *list = json_object_get(m->record, "payout_addresses"), *one = json_object();
    json_t *last = json_array_get(list, json_array_size(list) - 1);
    address_text(text, &script, (size_t)(m - y->miners), m->address);
    json_object_set_new(one, "address", json_string(text));
    json_object_set_new(one, "type", json_string("p2wpkh"));
    set_time(one, "from", at_ms);
    if (last != NULL)
        set_time(last, "to", at_ms);
    json_array_append_new(list, one);
}

static inline json_t *new_record(size_t n, const char *id)
{
    static const char *const kinds[] = {"individual_entrepreneur", "legal_entity"};
    static const char *const regions[] = {"TM-A", "TM-B", "TM-D", "TM-L", "TM-M"};
    bool is_resident = n % 5 != 0;
    char number[32];
    snprintf(number, sizeof(number), "TM-%06zu", n);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:n},"
        " s:[{s:s, s:s, s:i}], s:[{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s}],"
        " s:[], s:{s:s}}",
        "schema", "kariz-miner/1", "miner_id", id, "state", "active", "kind",
        kinds[n % 2], "residency", is_resident ? "resident" : "non_resident",
        "residence_country", is_resident ? "TM" : "KZ", "official_name", "A name",
        "certificate", "number", number, "authority", "Bank", "issued_on", "2024-01-02",
        "valid_until", "sites", "id", "s1", "region", regions[n % 5], "declared_kw",
        100, "equipment", "id", "e1", "site", "s1", "maker", "Maker", "model", "S",
        "serial", id, "algorithm", "SHA256d", "nominal_ghs", 10500000, "power_w",
        175000, "ownership", "owned", "from", "2024-01-02", "payout_addresses", "risk",
        "next_review", "2030-01-01");
}

static inline void register_miners(struct year *y)
{
    y->miners = mem_array(y->count, sizeof(*y->miners));
    for (size_t n = 0; n < y->count; n++) {
        struct miner *m = &y->miners[n];
        char id[24];
        snprintf(id, sizeof(id), "m%06zu", n);
        must(miner_id_parse(&m->id, id, strlen(id)), "an id");
        m->suspended_on = -1;
        m->record = new_record(n, id);
        set_time(m->record, "state_since", ms_of(y, -20));
        add_address(y, m, ms_of(y, -20));
        put(y, m, AUDIT_ACTIVATED, ms_of(y, -20));
    }
    wait_for_writes(y, 0);
}

static inline void set_state(struct year *y, struct miner *m, int day, bool is_active)
{
    m->suspended_on = is_active ? -1 : day;
    json_object_set_new(m->record, "state",
                        json_string(is_active ? "active" : "suspended"));
    set_time(m->record, "state_since", ms_of(y, day));
    put(y, m, is_active ? AUDIT_RESUMED : AUDIT_SUSPENDED, ms_of(y, day));
}

static inline void replace_certificate(struct year *y, struct miner *m, int day)
{
    char date[PERIOD_DATE_SIZE], number[48];
    json_t *before = json_deep_copy(json_object_get(m->record, "certificate"));
    period_date(date, ms_of(y, day), OFFSET);
    json_object_set_new(before, "replaced_on", json_string(date));
    snprintf(number, sizeof(number), "%s-%d", m->id.text, day);
    if (json_object_get(m->record, "certificates_before") == NULL)
        json_object_set_new(m->record, "certificates_before", json_array());
    json_array_append_new(json_object_get(m->record, "certificates_before"), before);
    json_t *now = json_object_get(m->record, "certificate");
    json_object_set_new(now, "number", json_string(number));
    json_object_set_new(now, "issued_on", json_string(date));
    put(y, m, AUDIT_CERTIFICATE_SET, ms_of(y, day));
}

/* Whoever was suspended five days ago may mine again; others are chosen by lot. */
static inline void registry_day(struct year *y, int day)
{
    for (size_t n = 0; n < y->count; n++)
        if (y->miners[n].suspended_on >= 0 && y->miners[n].suspended_on <= day - 5)
            set_state(y, &y->miners[n], day, true);
    struct miner *m = &y->miners[next_random(y) % y->count];
    if (m->suspended_on < 0)
        set_state(y, m, day, false);
    m = &y->miners[next_random(y) % y->count];
    m->address++;
    add_address(y, m, ms_of(y, day));
    put(y, m, AUDIT_ADDRESS_ADDED, ms_of(y, day));
    replace_certificate(y, &y->miners[next_random(y) % y->count], day);
}

/* --- tallies ---------------------------------------------------------------------- */

static inline void flush(struct year *y)
{
    char word[16];
    size_t used, refusals;
    const struct conf_tally *k = &y->conf.tally;
    struct batch_source from = {
        .instance = RIGS,
        .keep = {k->minutes_hours, k->hours_days, k->days_months, k->workers_days},
        .entries = y->entries,
        .entry_count = y->entry_count};
    if (y->entry_count == 0)
        return;
    struct batch *batch = batch_build(&from, &used, &refusals);
    assert(used == y->entry_count);
    private_redis_apply(&y->redis, word, batch);
    assert(strcmp(word, "OK") == 0);
    batch_free(batch);
    y->entry_count = 0;
}

static inline bool mines_on(const struct year *y, size_t n, int day)
{
    return y->miners[n].suspended_on < 0 && (n % 6 == 0 || (n + (size_t)day) % 10 == 0);
}

static inline void tally_day(struct year *y, int day)
{
    for (size_t n = 0; n < y->count; n++) {
        for (int hour = 0; hour < 24 && mines_on(y, n, day); hour++) {
            int64_t at_ms = ms_of(y, day) + hour * HOUR_MS;
            struct tally_entry e = {.miner = y->miners[n].id,
                                    .minute = at_ms / 60000,
                                    .work = HOUR_WORK,
                                    .accepted = HOUR_SHARES,
                                    .refused = 3,
                                    .last_ms = at_ms};
            e.by_verdict[SHARE_STALE] = 3;
            worker_name_set(&e.worker, "rig", 3);
            y->entries[y->entry_count++] = e;
            if (y->entry_count == BATCH_ENTRIES_MAX)
                flush(y);
        }
    }
    flush(y);
}

/* --- the ledger ------------------------------------------------------------------- */

/* Takes `block` and `marks` (or NULL), clears the entry. */
static inline void book(struct year *y, struct entry *e, json_t *block, json_t *marks)
{
    struct book_problem why = {0};
    char text[256];
    char *formatted = entry_format(e);
    json_t *event = json_pack("{s:[o]}", "entries", json_loads(formatted, 0, NULL));
    mem_free(formatted);
    enum kz_err err = book_apply(y->book, &why, e);
    must(err, why.text);
    entry_clear(e);
    if (block != NULL)
        json_object_set_new(event, "block", block);
    if (marks != NULL)
        json_object_set_new(event, "marks", marks);
    err = store_ledger_write(text, y->store, EVENT_LEDGER, event);
    must(err, text);
}

static inline struct amount balance_now(const void *ctx, const struct account *a)
{
    return book_balance(ctx, a);
}

static inline bool nobody_is_held(const void *ctx, const struct miner_id *miner)
{
    (void)ctx;
    (void)miner;
    return false;
}

static inline struct postings_now now_of(const struct year *y)
{
    return (struct postings_now){balance_now, nobody_is_held, y->book};
}

static inline json_t *block_of(const char *hash, int day, const char *state)
{
    return json_pack("{s:s, s:i, s:{s:s, s:i}}", "hash", hash, "height", 1000 + day,
                     "set", "state", state, "height", 1000 + day);
}

static inline json_t *parts_json(const struct scheme_split *split)
{
    json_t *parts = json_array();
    for (size_t i = 0; i < split->count; i++) {
        const struct scheme_part *p = &split->parts[i];
        char work[24];
        snprintf(work, sizeof(work), "%" PRIu64, p->work);
        json_array_append_new(parts,
                              json_pack("[s, s, i, I, I, I]", p->miner.text, work,
                                        FEE_PPM, (json_int_t)amount_to_sat(p->gross),
                                        (json_int_t)amount_to_sat(p->fee),
                                        (json_int_t)amount_to_sat(p->net)));
    }
    return parts;
}

static inline void split_day(struct scheme_split *split, struct year *y, int day)
{
    const struct scheme_fees fees = {.pool_ppm = FEE_PPM};
    struct works counted = {0};
    struct split_weight *rows = mem_array(y->count, sizeof(*rows));
    size_t count = 0;
    for (size_t n = 0; n < y->count; n++)
        if (mines_on(y, n, day))
            rows[count++] = (struct split_weight){y->miners[n].id, 24 * HOUR_WORK};
    must(works_add(&counted, rows, count), "the works");
    const struct scheme_block block = {
        .reward = sat(VALUE + day), .counted = &counted, .fees = &fees};
    must(scheme_split_block(split, &block), "a split");
    works_clear(&counted);
    mem_free(rows);
}

static inline void accept_block(struct year *y, int day)
{
    struct scheme_split split;
    struct entry e;
    char hash[HASH256_HEX_SIZE];
    int64_t found_ms = ms_of(y, day) + 20 * HOUR_MS;
    const struct postings_now now = now_of(y);
    snprintf(hash, sizeof(hash), "%064x", (unsigned)day + 1);
    split_day(&split, y, day);
    struct postings_part *parts = mem_array(split.count, sizeof(*parts));
    for (size_t i = 0; i < split.count; i++)
        parts[i] =
            (struct postings_part){split.parts[i].miner, split.parts[i].net, sat(0), 0};
    const struct postings_block b = {.block = hash,
                                     .time_ms = found_ms + 1000,
                                     .pool_outputs = sat(VALUE + day),
                                     .fee = split.pool_fee,
                                     .own = sat(0),
                                     .parts = parts,
                                     .part_count = split.count};
    must(postings_block_accept(&e, &b, &now), "a block's entry");
    json_t *block = block_of(hash, day, "accepted");
    json_object_update_new(json_object_get(block, "set"),
                           json_pack("{s:s, s:I, s:I, s:s, s:{s:o}}", "miner",
                                     split.parts[0].miner.text, "found_ms",
                                     (json_int_t)found_ms, "value_sat",
                                     (json_int_t)(VALUE + day), "coinbase", hash,
                                     "split", "parts", parts_json(&split)));
    book(y, &e, block, NULL);
    mem_free(parts);
    scheme_split_clear(&split);
    memcpy(y->standing[day % 2], hash, sizeof(hash));
}

/* The block of the day before: of 50 one is lost. */
static inline void settle_block(struct year *y, int day)
{
    const char *hash = y->standing[(day + 1) % 2];
    const struct postings_now now = now_of(y);
    int64_t at_ms = ms_of(y, day) + 18 * HOUR_MS;
    struct entry e;
    bool is_lost = day % 50 == 49;
    const struct entry *standing = book_standing(y->book, hash);
    if (is_lost)
        must(postings_block_orphan(&e, standing, 1, at_ms), "an orphan's entry");
    else
        must(postings_block_mature(&e, standing, at_ms, &now), "a maturity's entry");
    book(y, &e, block_of(hash, day - 1, is_lost ? "orphaned" : "mature"), NULL);
}

/* Everybody's mature balance, into the payout's record. */
static inline struct amount choose_recipients(struct year *y)
{
    struct payout *o = &y->payout;
    struct amount sum = amount_zero();
    for (size_t n = 0; n < y->count; n++) {
        struct account a = account_miner(ACCOUNT_MATURE, &y->miners[n].id);
        struct amount due = entry_turned(book_balance(y->book, &a));
        if (amount_is_zero(due))
            continue;
        struct payout_recipient *r = &o->recipients[o->recipient_count];
        r->miner = y->miners[n].id;
        r->debit = r->paid = due;
        must(amount_sub(&r->paid, due, sat(200)) ? KZ_OK : KZ_RANGE, "a payment");
        address_text(r->address, &r->script, n, y->miners[n].address);
        r->vout = (uint32_t)o->recipient_count++;
        must(amount_add(&sum, sum, due) ? KZ_OK : KZ_RANGE, "a sum");
    }
    return sum;
}

static inline json_t *payout_marks(const struct year *y)
{
    const struct payout *o = &y->payout;
    char *plan = payout_plan_text(o, "1");
    json_t *marks = json_array();
    json_array_append_new(marks, payout_mark(&o->id, "plan", plan));
    json_array_append_new(marks, payout_mark(&o->id, "state", "confirmed"));
    json_array_append_new(marks, payout_mark(&o->id, "n", "1"));
    free(plan); /* allowed: jansson's */
    return marks;
}

static inline void reserve_and_confirm(struct year *y, int64_t at_ms)
{
    const struct payout *o = &y->payout;
    struct entry e;
    char txid[HASH256_HEX_SIZE];
    struct postings_due *due = mem_array(o->recipient_count, sizeof(*due));
    struct entry_output *outputs = mem_array(o->recipient_count, sizeof(*outputs));
    for (size_t i = 0; i < o->recipient_count; i++) {
        const struct payout_recipient *r = &o->recipients[i];
        due[i] = (struct postings_due){r->miner, r->debit};
        outputs[i] = (struct entry_output){r->miner, r->vout, r->paid};
    }
    must(postings_reserve(&e, &o->id, due, o->recipient_count, at_ms), "a reserve");
    book(y, &e, NULL, payout_marks(y));
    snprintf(txid, sizeof(txid), "%064" PRIx64, (uint64_t)at_ms);
    const struct postings_settled s = {.txid = txid,
                                       .outputs = outputs,
                                       .output_count = o->recipient_count,
                                       .fee = sat(200 * (int64_t)o->recipient_count),
                                       .time_ms = at_ms + HOUR_MS};
    must(postings_confirm(&e, book_reserve(y->book, &o->id), &s), "a confirmation");
    book(y, &e, NULL, NULL);
    must(book_finish_payout(y->book, &o->id), "a payout's end");
    mem_free(due);
    mem_free(outputs);
}

static inline void pay(struct year *y, int day)
{
    struct payout *o = &y->payout;
    char id[24];
    snprintf(id, sizeof(id), "po-%d", day);
    must(payout_id_parse(&o->id, id, strlen(id)), "a payout's id");
    snprintf(o->journal, sizeof(o->journal), "%s", "0123456789abcdef");
    o->created_ms = ms_of(y, day);
    o->coins = mem_new(sizeof(*o->coins));
    o->coin_count = o->planned_count = 1;
    o->recipients = mem_array(y->count, sizeof(*o->recipients));
    o->coins[0].value = choose_recipients(y);
    if (o->recipient_count > 0)
        reserve_and_confirm(y, ms_of(y, day) + 22 * HOUR_MS);
    payout_clear(o);
}

/* --- life ------------------------------------------------------------------------- */

static inline void live(struct year *y)
{
    struct monotime began = clock_now();
    for (int day = 0; day < y->days; day++) {
        registry_day(y, day);
        tally_day(y, day);
        if (day > 0)
            settle_block(y, day);
        accept_block(y, day);
        if (day % 7 == 6)
            pay(y, day);
        if (day % 30 == 29) {
            fprintf(stderr, "day %d, %" PRId64 " s\n", day + 1,
                    monotime_ms_between(began, clock_now()) / 1000);
        }
    }
    wait_for_writes(y, 0);
}

static inline void open_all(struct year *y)
{
    const struct slice_terms terms = {.regime = SLICE_SPLIT};
    struct journal_damage damage;
    const struct store_hooks hooks = {.link = link_event};
    private_redis_start(&y->redis, "no");
    snprintf(y->dir, sizeof(y->dir), "/tmp/kariz-year-XXXXXX");
    char *made = mkdtemp(y->dir);
    assert(made != NULL);
    snprintf(y->journal_dir, sizeof(y->journal_dir), "%s/journal", y->dir);
    y->conf.redis_mode = CONF_REDIS_UNIX;
    y->conf.network = CONF_REGTEST;
    snprintf(y->conf.instance, sizeof(y->conf.instance), BOOKS);
    snprintf(y->conf.data_dir, sizeof(y->conf.data_dir), "%s", y->dir);
    snprintf(y->conf.redis_path, sizeof(y->conf.redis_path), "%s/r.sock", y->redis.dir);
    y->conf.flush_ms = 50;
    y->conf.journal_sync_ms = 20;
    y->conf.journal_keep_hours = 1;
    y->conf.tally = (struct conf_tally){3, 400, 24, 30};
    const struct journal_options options = {.dir = y->journal_dir,
                                            .shares = 1,
                                            .segment_bytes = 4 << 20,
                                            .events_bytes = 16 << 20};
    must(journal_open(&y->journal, &damage, &options), "the journal");
    must(store_start(&y->store, &y->conf, y->journal, &terms, &hooks), "the store");
    freeReplyObject(redisCommand(y->redis.c, "SADD instances " RIGS));
    y->book = book_new();
}

static inline void close_all(struct year *y)
{
    store_stop(y->store, 20000);
    journal_close(y->journal);
    book_free(y->book);
    for (size_t n = 0; n < y->count; n++)
        json_decref(y->miners[n].record);
    mem_free(y->miners);
    private_redis_stop(&y->redis);
    nftw(y->dir, private_redis_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
