#include "share/rigs.h"

#include "conf/mem.h"
#include "share/mix.h"
#include "share/pack.h"

#include <assert.h>
#include <string.h>

#define DAY_MS     INT64_C(86400000)
#define START_ROOM 64

/* A miner's kinds are numbered 0, 1, 2, ... and found by the miner and that number. */
struct kind {
    struct rigs_row row;
    size_t nth;
};

struct rigs {
    uint64_t seed;
    int64_t day;
    struct kind *kinds;
    size_t count, room;
    size_t taken;     /* of kinds, those given out */
    size_t of_before; /* of kinds, those of an earlier day: in no slot */
    uint32_t *slot;   /* index + 1, 0: free; 2 * room slots, linear probing */
    uint64_t dropped;
};

/* --- names ------------------------------------------------------------------------ */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool begins_version(const char *text)
{
    if (*text == 'v' || *text == 'V')
        text++;
    return is_digit(*text);
}

static size_t name_length(const char *agent)
{
    size_t n = 0;
    for (; agent[n] != '\0' && agent[n] != '/'; n++) {
        bool is_gap = agent[n] == ' ' || agent[n] == '-';
        if (is_gap && n > 0 && begins_version(agent + n + 1))
            break;
    }
    return n;
}

static char plain(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c >= 0x20 && c < 0x7f ? c : '?';
}

void rigs_software(char out[RIGS_SOFTWARE_MAX + 1], const char *agent)
{
    while (*agent == ' ')
        agent++;
    size_t len = name_length(agent);
    if (len > RIGS_SOFTWARE_MAX)
        len = RIGS_SOFTWARE_MAX;
    while (len > 0 && agent[len - 1] == ' ')
        len--;
    for (size_t i = 0; i < len; i++)
        out[i] = plain(agent[i]);
    out[len] = '\0';
}

/* --- the table -------------------------------------------------------------------- */

/* Where that one is, or would be. */
static uint32_t *slot_of(const struct rigs *r, const struct miner_id *miner, size_t nth)
{
    size_t at = (size_t)(mix_text(r->seed + nth, miner->text) % (2 * r->room));
    for (; r->slot[at] != 0; at = (at + 1) % (2 * r->room)) {
        const struct kind *k = &r->kinds[r->slot[at] - 1];
        if (k->nth == nth && miner_id_equal(&k->row.miner, miner))
            break;
    }
    return &r->slot[at];
}

static void make_room(struct rigs *r, size_t room)
{
    r->room = room;
    r->kinds = mem_resize(r->kinds, room * sizeof(*r->kinds));
    mem_free(r->slot);
    r->slot = mem_array(2 * room, sizeof(*r->slot));
    for (size_t i = r->of_before; i < r->count; i++)
        *slot_of(r, &r->kinds[i].row.miner, r->kinds[i].nth) = (uint32_t)(i + 1);
}

struct rigs *rigs_new(uint64_t seed)
{
    struct rigs *r = mem_new(sizeof(*r));
    r->seed = seed;
    r->day = INT64_MIN;
    make_room(r, START_ROOM);
    return r;
}

void rigs_free(struct rigs *r)
{
    if (r == NULL)
        return;
    mem_free(r->kinds);
    mem_free(r->slot);
    mem_free(r);
}

uint64_t rigs_dropped(const struct rigs *r)
{
    return r->dropped;
}

static void append(struct rigs *r, const struct rigs_row *row, size_t nth)
{
    if (r->count == r->room)
        make_room(r, 2 * r->room);
    r->kinds[r->count++] = (struct kind){*row, nth};
    *slot_of(r, &row->miner, nth) = (uint32_t)r->count;
}

/* What was not given out yet is kept for that. */
static void begin_day(struct rigs *r, int64_t day)
{
    size_t left = r->count - r->taken;
    memmove(r->kinds, r->kinds + r->taken, left * sizeof(*r->kinds));
    r->day = day;
    r->count = r->of_before = left;
    r->taken = 0;
    make_room(r, left > START_ROOM ? left : START_ROOM);
}

void rigs_add(struct rigs *r, const struct miner_id *miner, const char *agent,
              int64_t time_ms)
{
    struct rigs_row row = {.time_ms = time_ms, .miner = *miner};
    size_t nth = 0;
    rigs_software(row.software, agent);
    if (row.software[0] == '\0')
        return;
    if (time_ms / DAY_MS > r->day)
        begin_day(r, time_ms / DAY_MS);
    else if (time_ms / DAY_MS < r->day) /* another front saw midnight first */
        row.time_ms = r->day * DAY_MS;
    for (uint32_t at; (at = *slot_of(r, miner, nth)) != 0; nth++)
        if (strcmp(r->kinds[at - 1].row.software, row.software) == 0)
            return;
    if (nth == RIGS_KINDS_MAX || r->count == RIGS_ROWS_MAX)
        r->dropped++;
    else
        append(r, &row, nth);
}

size_t rigs_take(struct rigs *r, struct rigs_row *rows, size_t max, int64_t now_ms)
{
    size_t n = 0;
    while (n < max && r->taken < r->count)
        rows[n++] = r->kinds[r->taken++].row;
    if (n < max && r->day != now_ms / DAY_MS)
        begin_day(r, now_ms / DAY_MS);
    return n;
}

/* --- the event -------------------------------------------------------------------- */

static uint8_t *pack_text(uint8_t *to, const char *text)
{
    size_t len = strlen(text);
    return pack_bytes(pack_varint(to, len), text, len);
}

size_t rigs_event_write(uint8_t out[RIGS_EVENT_MAX], const struct rigs_row *rows,
                        size_t count)
{
    assert(count <= RIGS_EVENT_ROWS);
    uint8_t *to = pack_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        to = pack_varint(to, (uint64_t)rows[i].time_ms);
        to = pack_text(to, rows[i].miner.text);
        to = pack_text(to, rows[i].software);
    }
    return (size_t)(to - out);
}

static void read_row(struct rigs_row *r, struct unpack *u)
{
    uint64_t time_ms = unpack_varint(u);
    struct bytes miner = unpack_part(u), software = unpack_part(u);
    if (u->is_bad || time_ms > INT64_MAX || software.len == 0 ||
        software.len > RIGS_SOFTWARE_MAX ||
        miner_id_parse(&r->miner, (const char *)miner.p, miner.len) != KZ_OK) {
        u->is_bad = true;
        return;
    }
    r->time_ms = (int64_t)time_ms;
    for (size_t i = 0; i < software.len; i++) {
        u->is_bad |= software.p[i] < 0x20 || software.p[i] >= 0x7f;
        r->software[i] = (char)software.p[i];
    }
}

enum kz_err rigs_event_read(struct rigs_row rows[RIGS_EVENT_ROWS], size_t *count,
                            struct bytes body)
{
    struct unpack u = {.rest = body};
    uint64_t n = unpack_varint(&u);
    if (n > RIGS_EVENT_ROWS)
        return KZ_PARSE;
    for (size_t i = 0; i < n && !u.is_bad; i++) {
        rows[i] = (struct rigs_row){.time_ms = 0};
        read_row(&rows[i], &u);
    }
    if (!unpack_is_done(&u))
        return KZ_PARSE;
    *count = (size_t)n;
    return KZ_OK;
}
