#include "share/slice.h"

#include "conf/mem.h"
#include "share/crc32c.h"
#include "share/pack.h"

#include <stdlib.h>
#include <string.h>

#define FORM          1
#define FIXED         (1 + 3 * 8 + 1 + 4 + 32 + 2 * (1 + 1 + 4 + 4 + 8))
#define SLICES_A_SPAN 512
#define HOUR_MS       UINT64_C(3600000)
#define DAY_MS        (24 * HOUR_MS)
#define TOTAL_MAX     ((UINT64_C(1) << 63) - 1)

static const char *const reason_names[SLICE_REASONS] = {
    [SLICE_BLOCK] = "block", [SLICE_FULL] = "full", [SLICE_NBITS] = "nbits",
    [SLICE_DAY] = "day",     [SLICE_HOUR] = "hour", [SLICE_TERMS] = "terms",
};

const char *slice_reason_name(enum slice_reason r)
{
    return reason_names[r];
}

bool slice_terms_equal(const struct slice_terms *a, const struct slice_terms *b)
{
    return a->regime == b->regime && a->scheme == b->scheme &&
           a->window_milli == b->window_milli && a->fee_ppm == b->fee_ppm &&
           a->subsidy_sat == b->subsidy_sat;
}

void slice_record_clear(struct slice_record *s)
{
    mem_free(s->rows);
    mem_free(s->positions);
    memset(s, 0, sizeof(*s));
}

bool slice_has_block(const struct slice_record *s)
{
    static const struct hash256 zeros;
    return !hash256_equal(&s->block, &zeros);
}

/* --- bytes ------------------------------------------------------------------------ */

static uint8_t *write_terms(uint8_t *to, const struct slice_terms *t)
{
    *to++ = (uint8_t)t->regime;
    *to++ = t->scheme;
    to = pack_u32(to, t->window_milli);
    to = pack_u32(to, t->fee_ppm);
    return pack_u64(to, t->subsidy_sat);
}

uint8_t *slice_record_write(size_t *len, const struct slice_record *s)
{
    size_t room = FIXED + 2 * PACK_VARINT_MAX +
                  s->position_count * (2 * PACK_VARINT_MAX) +
                  s->count * (1 + MINER_ID_MAX + PACK_VARINT_MAX);
    uint8_t *out = mem_new(room), *to = out;
    *to++ = FORM;
    to = pack_u64(to, s->id);
    to = pack_u64(to, s->opened_ms);
    to = pack_u64(to, s->closed_ms);
    *to++ = (uint8_t)s->reason;
    to = pack_u32(to, s->nbits);
    to = pack_bytes(to, s->block.b, 32);
    to = write_terms(to, &s->terms);
    to = write_terms(to, &s->next);
    to = pack_varint(to, s->position_count);
    for (size_t i = 0; i < s->position_count; i++) {
        to = pack_varint(to, s->positions[i].stream);
        to = pack_varint(to, s->positions[i].seq);
    }
    to = pack_varint(to, s->count);
    for (size_t i = 0; i < s->count; i++) {
        size_t id_len = strlen(s->rows[i].miner.text);
        *to++ = (uint8_t)id_len;
        to = pack_bytes(to, s->rows[i].miner.text, id_len);
        to = pack_varint(to, s->rows[i].work);
    }
    *len = (size_t)(to - out);
    return out;
}

static bool read_row(struct slice_record *s, struct unpack *u, size_t i)
{
    struct slice_row *row = &s->rows[i];
    size_t len = *unpack_bytes(u, 1);
    const uint8_t *id = len <= MINER_ID_MAX ? unpack_bytes(u, len) : NULL;
    if (u->is_bad || id == NULL ||
        miner_id_parse(&row->miner, (const char *)id, len) != KZ_OK)
        return false;
    row->work = unpack_varint(u);
    if (u->is_bad || row->work == 0 || row->work > TOTAL_MAX - s->total ||
        (i > 0 && strcmp(s->rows[i - 1].miner.text, row->miner.text) >= 0))
        return false;
    s->total += row->work;
    return true;
}

/* A count that the bytes left cannot hold allocates nothing. */
static size_t read_count(struct unpack *u, size_t least)
{
    uint64_t count = unpack_varint(u);
    if (count > u->rest.len / least)
        u->is_bad = true;
    return u->is_bad ? 0 : (size_t)count;
}

static bool read_parts(struct slice_record *s, struct unpack *u)
{
    s->position_count = read_count(u, 2);
    s->positions = mem_array(s->position_count, sizeof(*s->positions));
    for (size_t i = 0; i < s->position_count; i++) {
        s->positions[i].stream = unpack_varint32(u);
        s->positions[i].seq = unpack_varint(u);
    }
    s->count = read_count(u, 5);
    s->rows = mem_array(s->count, sizeof(*s->rows));
    for (size_t i = 0; i < s->count; i++)
        if (!read_row(s, u, i))
            return false;
    return unpack_is_done(u);
}

static void read_terms(struct slice_terms *t, struct unpack *u)
{
    uint8_t regime = *unpack_bytes(u, 1);
    if (regime >= SLICE_REGIMES)
        u->is_bad = true;
    t->regime = (enum slice_regime)regime;
    t->scheme = *unpack_bytes(u, 1);
    t->window_milli = unpack_u32(u);
    t->fee_ppm = unpack_u32(u);
    t->subsidy_sat = unpack_u64(u);
}

enum kz_err slice_record_read(struct slice_record *out, struct bytes body)
{
    struct unpack u = {.rest = body};
    struct slice_record s = {0};
    uint8_t form = *unpack_bytes(&u, 1);
    s.id = unpack_u64(&u);
    s.opened_ms = unpack_u64(&u);
    s.closed_ms = unpack_u64(&u);
    uint8_t reason = *unpack_bytes(&u, 1);
    s.nbits = unpack_u32(&u);
    unpack_hash(&s.block, &u);
    read_terms(&s.terms, &u);
    read_terms(&s.next, &u);
    if (u.is_bad || form != FORM || reason >= SLICE_REASONS)
        return KZ_PARSE;
    s.reason = (enum slice_reason)reason;
    if (!read_parts(&s, &u)) {
        slice_record_clear(&s);
        return KZ_PARSE;
    }
    *out = s;
    return KZ_OK;
}

/* --- the open slice --------------------------------------------------------------- */

struct slice_open {
    uint64_t opened_ms;
    uint32_t nbits;
    uint64_t total;
    struct slice_row *rows; /* in the order of arrival */
    size_t count, room;
    uint32_t
        *slots; /* index + 1, linear probing; a power of two, at least twice count */
    size_t slot_count;
};

#define SLOTS_LEAST 256

struct slice_open *slice_open_new(void)
{
    struct slice_open *o = mem_new(sizeof(*o));
    o->slot_count = SLOTS_LEAST;
    o->slots = mem_array(o->slot_count, sizeof(*o->slots));
    return o;
}

void slice_open_free(struct slice_open *o)
{
    if (o == NULL)
        return;
    mem_free(o->rows);
    mem_free(o->slots);
    mem_free(o);
}

static uint32_t *slot_of(struct slice_open *o, const struct miner_id *miner)
{
    size_t at = crc32c_of(miner->text, strlen(miner->text)) & (o->slot_count - 1);
    while (o->slots[at] != 0 &&
           !miner_id_equal(&o->rows[o->slots[at] - 1].miner, miner))
        at = (at + 1) & (o->slot_count - 1);
    return &o->slots[at];
}

static void grow(struct slice_open *o)
{
    o->slot_count *= 2;
    mem_free(o->slots);
    o->slots = mem_array(o->slot_count, sizeof(*o->slots));
    for (size_t i = 0; i < o->count; i++)
        *slot_of(o, &o->rows[i].miner) = (uint32_t)i + 1;
}

static struct slice_row *row_of(struct slice_open *o, const struct miner_id *miner)
{
    uint32_t *slot = slot_of(o, miner);
    if (*slot != 0)
        return &o->rows[*slot - 1];
    if (o->count == o->room) {
        o->room = o->room > 0 ? 2 * o->room : 64;
        o->rows = mem_resize(o->rows, o->room * sizeof(*o->rows));
    }
    struct slice_row *row = &o->rows[o->count++];
    memset(row, 0, sizeof(*row));
    row->miner = *miner;
    *slot = (uint32_t)o->count;
    if (2 * o->count > o->slot_count) {
        size_t at = o->count - 1;
        grow(o);
        row = &o->rows[at];
    }
    return row;
}

enum kz_err slice_open_add(struct slice_open *o, const struct slice_share *share)
{
    if (share->work == 0)
        return KZ_OK;
    if (share->work > TOTAL_MAX - o->total)
        return KZ_RANGE;
    if (o->total == 0) {
        o->opened_ms = share->time_ms;
        o->nbits = share->nbits;
    }
    row_of(o, &share->miner)->work += share->work;
    o->total += share->work;
    return KZ_OK;
}

uint64_t slice_open_total(const struct slice_open *o)
{
    return o->total;
}

bool slice_open_is_due(enum slice_reason *why, const struct slice_open *o,
                       uint64_t span, uint32_t nbits, uint64_t now_ms)
{
    if (o->total == 0)
        return false; /* nothing to close: the next share opens it anew */
    bool full = span > 0 && (unsigned __int128)o->total * SLICES_A_SPAN >= span;
    /* A clock that was set back closes nothing by its hour. */
    bool hour = now_ms > o->opened_ms && now_ms - o->opened_ms >= HOUR_MS;
    if (nbits != 0 && nbits != o->nbits)
        *why = SLICE_NBITS;
    else if (now_ms / DAY_MS != o->opened_ms / DAY_MS)
        *why = SLICE_DAY;
    else if (full)
        *why = SLICE_FULL;
    else if (hour)
        *why = SLICE_HOUR;
    else
        return false;
    return true;
}

static int by_miner(const void *a, const void *b)
{
    const struct slice_row *x = a, *y = b;
    return strcmp(x->miner.text, y->miner.text);
}

void slice_open_describe(const struct slice_open *o, struct slice_record *out)
{
    out->opened_ms = o->opened_ms;
    out->nbits = o->nbits;
    out->total = o->total;
    out->count = o->count;
    out->rows = mem_array(o->count, sizeof(*out->rows));
    if (o->count == 0)
        return;
    memcpy(out->rows, o->rows, o->count * sizeof(*out->rows));
    qsort(out->rows, o->count, sizeof(*out->rows), by_miner);
}

void slice_open_reset(struct slice_open *o)
{
    mem_free(o->rows);
    mem_free(o->slots);
    *o = (struct slice_open){.slot_count = SLOTS_LEAST};
    o->slots = mem_array(o->slot_count, sizeof(*o->slots));
}
