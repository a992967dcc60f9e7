#include "pool/report/source_blocks.h"

#include "conf/mem.h"
#include "payout/pps.h"
#include "payout/scheme.h"
#include "payout/textmap.h"
#include "pool/report/source_common.h"
#include "share/bytes.h"
#include "share/keys.h"

#include <stdio.h>
#include <string.h>

struct kept_block {
    struct source_block block;
    bool is_read;
    json_t *record;        /* owned */
    struct textmap *parts; /* owned; miner -> struct source_part */
    const char *state;     /* by the ledger; NULL: no entry */
};

struct source_blocks {
    const struct report_source *s;
    struct textmap *blocks; /* hash -> struct kept_block */
};

struct source_blocks *source_blocks_new(const struct report_source *s)
{
    struct source_blocks *b = mem_new(sizeof(*b));
    *b = (struct source_blocks){s, textmap_new(sizeof(struct kept_block))};
    return b;
}

void source_blocks_free(struct source_blocks *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < textmap_count(b->blocks); i++) {
        struct kept_block *k = textmap_value(b->blocks, i);
        json_decref(k->record);
        textmap_free(k->parts);
    }
    textmap_free(b->blocks);
    mem_free(b);
}

/* --- states ----------------------------------------------------------------------- */

void source_blocks_take(struct source_blocks *b, const struct entry *e)
{
    const char *state;
    switch ((int)e->key.kind) {
    case ENTRY_BLOCK_ACCEPTED:
    case ENTRY_BLOCK_REVIVED:
        state = "immature";
        break;
    case ENTRY_BLOCK_ORPHANED:
        state = "orphaned";
        break;
    case ENTRY_BLOCK_MATURED:
        state = "matured";
        break;
    default:
        return;
    }
    struct kept_block *k = textmap_put(b->blocks, e->key.object);
    k->state = state;
}

/* What is accepted or mature by today's record and has no entry was not then. Old records do
 * not say since when they are in their state. */
static const char *state_of(const struct kept_block *k, int64_t instant_ms)
{
    const char *today = json_string_value(json_object_get(k->record, "state"));
    int64_t since_ms = json_integer_value(json_object_get(k->record, "state_ms"));
    if (k->state != NULL)
        return k->state;
    bool was_no_block =
        today != NULL && since_ms < instant_ms &&
        (strcmp(today, "rejected") == 0 || strcmp(today, "orphaned") == 0);
    return was_no_block ? today : "submitted";
}

/* --- records ---------------------------------------------------------------------- */

static bool read_amount(struct amount *a, const json_t *number)
{
    return json_is_integer(number) && amount_from_sat(a, json_integer_value(number));
}

/* [miner, work, fee_ppm, gross, fee, net], as pool/accounts_split.c writes it. */
static bool read_part(struct textmap *parts, const json_t *row)
{
    const char *miner = json_string_value(json_array_get(row, 0));
    struct source_part part;
    if (miner == NULL || !read_amount(&part.gross, json_array_get(row, 3)) ||
        !read_amount(&part.fee, json_array_get(row, 4)))
        return false;
    *(struct source_part *)textmap_put(parts, miner) = part;
    return true;
}

static bool read_split(struct kept_block *k)
{
    const json_t *split = json_object_get(k->record, "split");
    json_t *row;
    size_t i;
    k->parts = textmap_new(sizeof(struct source_part));
    k->block.shared = amount_zero();
    if (!json_is_object(split))
        return true;
    json_array_foreach(json_object_get(split, "parts"), i, row)
    {
        const struct source_part *part;
        if (!read_part(k->parts, row))
            return false;
        part = textmap_value(k->parts, i);
        if (!amount_add(&k->block.shared, k->block.shared, part->gross))
            return false;
    }
    return textmap_count(k->parts) == i;
}

static const char *text_of(const json_t *record, const char *name)
{
    const char *text = json_string_value(json_object_get(record, name));
    return text != NULL ? text : "";
}

static bool read_block(struct kept_block *k, const char *hash, int64_t instant_ms)
{
    snprintf(k->block.hash, sizeof(k->block.hash), "%s", hash);
    k->block.height = json_integer_value(json_object_get(k->record, "height"));
    k->block.found_ms = json_integer_value(json_object_get(k->record, "found_ms"));
    k->block.finder = text_of(k->record, "miner");
    k->block.state = state_of(k, instant_ms);
    k->block.coinbase = text_of(k->record, "coinbase");
    k->block.outputs = json_object_get(k->record, "outputs");
    return read_amount(&k->block.value, json_object_get(k->record, "value_sat")) &&
           read_split(k);
}

/* The largest parts of a record, which nobody asks for again. */
static void forget_parts(json_t *record)
{
    json_object_del(record, "entry");
    json_object_del(record, "split");
}

enum kz_err source_block(const struct source_block **out, char why[SOURCE_WHY_SIZE],
                         struct source_blocks *b, const char *hash)
{
    struct kept_block *k = textmap_put(b->blocks, hash);
    if (k->is_read) {
        *out = &k->block;
        return KZ_OK;
    }
    enum kz_err err = store_read_block(&k->record, b->s->store, hash);
    if (err != KZ_OK)
        return source_fail(why, err, "block %.64s: %s", hash,
                           err == KZ_EMPTY ? "it has no record" : "Redis is away");
    if (!read_block(k, hash, fill_instant(b->s)))
        return source_fail(why, KZ_RANGE, "block %.64s: its record is damaged", hash);
    forget_parts(k->record);
    k->is_read = true;
    *out = &k->block;
    return KZ_OK;
}

/* --- those of the period ---------------------------------------------------------- */

/* The time alone, so that the record of an older block is not read. */
static enum kz_err was_found_in(bool *is_in, struct source_blocks *b, const char *hash)
{
    char key[KEY_SIZE];
    json_t *text = NULL;
    uint64_t ms = 0;
    key_block(key, hash);
    enum kz_err err = store_read_field(&text, b->s->store, key, "found_ms");
    if (err == KZ_EMPTY)
        *is_in = false;
    if (err != KZ_OK)
        return err == KZ_EMPTY ? KZ_OK : err;
    *is_in = decimal_read(&ms, json_string_value(text), INT64_MAX) &&
             period_has(&b->s->header.period, (int64_t)ms) &&
             (int64_t)ms < fill_instant(b->s);
    json_decref(text);
    return KZ_OK;
}

enum kz_err source_blocks_found(const struct source_block ***out, size_t *count,
                                char why[SOURCE_WHY_SIZE], struct source_blocks *b)
{
    json_t *hashes = NULL;
    if (store_read_block_hashes(&hashes, b->s->store, false) != KZ_OK)
        return source_fail(why, KZ_IO, "Redis is away");
    const struct source_block **made =
        mem_array(json_array_size(hashes) + 1, sizeof(*made));
    enum kz_err err = KZ_OK;
    size_t made_count = 0;
    for (size_t i = 0; i < json_array_size(hashes) && err == KZ_OK; i++) {
        const char *hash = json_string_value(json_array_get(hashes, i));
        bool is_in = false;
        err = was_found_in(&is_in, b, hash);
        if (err != KZ_OK)
            source_fail(why, err, "Redis is away");
        else if (is_in)
            err = source_block(&made[made_count], why, b, hash);
        made_count += err == KZ_OK && is_in;
    }
    json_decref(hashes);
    if (err != KZ_OK) {
        mem_free(made);
        return err;
    }
    *out = made;
    *count = made_count;
    return KZ_OK;
}

/* --- fees ------------------------------------------------------------------------- */

bool source_block_part(struct source_part *out, const struct source_block *block,
                       const char *miner)
{
    /* `block` is the first member of what is kept. */
    const struct kept_block *k = (const struct kept_block *)(const void *)block;
    const struct source_part *part = textmap_get(k->parts, miner);
    if (part != NULL)
        *out = *part;
    return part != NULL;
}

/* The credit is what (1000000 - rate) millionths came to. */
static enum kz_err fee_of_shares(struct amount *fee, char why[SOURCE_WHY_SIZE],
                                 const struct entry *e, struct amount credit)
{
    struct pps_terms terms;
    enum pps_part part;
    uint32_t instance;
    if (pps_period_parse(&terms, &part, &instance, e->key.object) != KZ_OK)
        return source_fail(why, KZ_RANGE, "the ledger: no rate period %.64s",
                           e->key.object);
    if (terms.fee_ppm >= SCHEME_PPM || amount_is_negative(credit))
        return KZ_OK;
    unsigned __int128 sat = (unsigned __int128)amount_to_sat(credit) * terms.fee_ppm /
                            (SCHEME_PPM - terms.fee_ppm);
    return sat <= AMOUNT_MAX_SAT && amount_from_sat(fee, (int64_t)sat)
               ? KZ_OK
               : source_fail(why, KZ_RANGE, "a fee outside the range of money");
}

enum kz_err source_fee(struct amount *fee, char why[SOURCE_WHY_SIZE],
                       struct source_blocks *b, const struct entry *e,
                       const char *miner, struct amount credit)
{
    const struct source_block *block;
    struct source_part part;
    bool is_orphan = e->key.kind == ENTRY_BLOCK_ORPHANED;
    *fee = amount_zero();
    if (e->key.kind == ENTRY_PPS_ACCRUAL)
        return fee_of_shares(fee, why, e, credit);
    if (e->key.kind != ENTRY_BLOCK_ACCEPTED && e->key.kind != ENTRY_BLOCK_REVIVED &&
        !is_orphan)
        return KZ_OK;
    enum kz_err err = source_block(&block, why, b, e->key.object);
    if (err == KZ_OK && source_block_part(&part, block, miner))
        *fee = is_orphan ? entry_turned(part.fee) : part.fee;
    return err;
}
