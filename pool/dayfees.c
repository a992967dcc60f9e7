#include "pool/dayfees.h"

#include "conf/mem.h"
#include "payout/block_value.h"
#include "payout/coinbase.h"
#include "payout/pps.h"
#include "share/network.h"

#include <assert.h>
#include <inttypes.h>

#define RETRY_MS 2000
#define DAY_S    INT64_C(86400)
/* The day's last block is 6 deep when so many stand above the first behind it. */
#define ABOVE_NEXT 4
#define DEPTH      6

enum state {
    IDLE,    /* no day, or it is not over on the chain */
    LOOKING, /* for the first block behind the day */
    WALKING, /* over the day's blocks */
};

/* What the answer under way is to. */
enum question { NOTHING, HASH, HEADER, BLOCK };

struct dayfees {
    struct nodes *nodes;
    struct accounts *accounts;
    const struct network *network;
    struct event *timer;
    uint32_t tip; /* 0: not known yet */
    uint32_t day; /* 0: none */
    enum state state;
    enum question asked;
    bool is_stale;       /* the answer under way is to be dropped */
    uint32_t low, high;  /* LOOKING: low lies before the day's end, high does not */
    uint32_t at;         /* the height asked about */
    struct hash256 hash; /* the block asked about */
    struct amount *fees; /* owned; newest first */
    size_t count, room;
    uint64_t failures;
};

static int64_t day_end(const struct dayfees *d)
{
    return ((int64_t)d->day + 1) * DAY_S;
}

static void give_up(struct dayfees *d)
{
    mem_free(d->fees);
    d->fees = NULL;
    d->count = d->room = 0;
    d->state = IDLE;
}

static void begin(struct dayfees *d);
static void ask_hash(struct dayfees *d, uint32_t height);
static void ask_header(struct dayfees *d);
static void ask_block(struct dayfees *d);

/* Is this answer still of use? One that failed is asked for again by the timer; when the
 * block is not known any more the chain is another one. */
static bool takes(struct dayfees *d, enum kz_err err)
{
    bool is_stale = d->is_stale;
    enum question asked = d->asked;
    d->is_stale = false;
    d->asked = NOTHING;
    if (is_stale) {
        begin(d);
        return false;
    }
    if (err == KZ_OK)
        return true;
    d->failures++;
    if (err == KZ_EMPTY || asked == HASH)
        give_up(d);
    return false;
}

/* --- looking ------------------------------------------------------------------------ */

static void look_on(struct dayfees *d)
{
    if (d->high - d->low > 1)
        ask_hash(d, d->low + (d->high - d->low) / 2);
    else
        ask_hash(d, d->high);
}

static void looked_at(struct dayfees *d, const struct node_header *h)
{
    bool is_behind = h->median_time >= day_end(d);
    if (h->height != d->at) {
        give_up(d);
        return;
    }
    if (d->high == 0) { /* the first question: is the day over? */
        if (!is_behind) {
            give_up(d);
            return;
        }
        d->high = d->at;
    } else if (d->high - d->low == 1) { /* the last: `at` is high again */
        if (!is_behind) {
            give_up(d);
            return;
        }
        d->state = WALKING;
        d->hash = h->prev;
        d->at--;
        ask_header(d);
        return;
    } else if (is_behind) {
        d->high = d->at;
    } else {
        d->low = d->at;
    }
    look_on(d);
}

/* --- walking ------------------------------------------------------------------------ */

/* A day has about 144 blocks, and never more than six a second: the median of eleven
 * times moves at least once in six blocks. So this grows no further than 4 MiB. */
static void keep_fees(struct dayfees *d, struct amount fees)
{
    if (d->count == d->room) {
        d->room = d->room > 0 ? 2 * d->room : 256;
        d->fees = mem_resize(d->fees, d->room * sizeof(*d->fees));
    }
    d->fees[d->count++] = fees;
}

static void finish(struct dayfees *d)
{
    struct amount *fees = d->fees;
    size_t count = d->count;
    char date[PPS_DATE_SIZE];
    pps_date_format(date, d->day);
    log_info("day_fees_read", kv_str("day", date), kv_u64("blocks", count),
             kv_u64("first_height", d->at + 1));
    d->fees = NULL;
    accounts_day_fees_take(d->accounts, d->day, fees, count);
    d->day = 0; /* wanted again if it did not arrive */
    give_up(d);
}

static void walked_to(struct dayfees *d, const struct node_header *h)
{
    bool is_first = d->count == 0;
    if (h->height != d->at || h->confirmations < (is_first ? DEPTH : 1) ||
        h->median_time >= day_end(d)) {
        give_up(d);
        return;
    }
    if (h->median_time < (int64_t)d->day * DAY_S || d->at == 0)
        finish(d);
    else
        ask_block(d);
}

static void on_block(void *ctx, enum kz_err err, const char *hex, size_t len)
{
    struct dayfees *d = ctx;
    struct block_value v;
    if (!takes(d, err))
        return;
    if (block_value_read(&v, hex, len) != KZ_OK || !hash256_equal(&v.id, &d->hash)) {
        char text[HASH256_HEX_SIZE];
        hash256_format_display(text, &d->hash);
        log_error("block_not_understood", kv_str("hash", text));
        d->failures++;
        give_up(d);
        return;
    }
    keep_fees(d, block_value_fees(v.outputs, coinbase_subsidy(d->at, d->network)));
    d->hash = v.prev;
    d->at--;
    ask_header(d);
}

/* --- questions ---------------------------------------------------------------------- */

static void on_header(void *ctx, enum kz_err err, const struct node_header *h)
{
    struct dayfees *d = ctx;
    if (!takes(d, err))
        return;
    if (d->state == LOOKING)
        looked_at(d, h);
    else
        walked_to(d, h);
}

static void on_hash(void *ctx, enum kz_err err, const struct hash256 *hash)
{
    struct dayfees *d = ctx;
    if (!takes(d, err))
        return;
    d->hash = *hash;
    ask_header(d);
}

static void ask_hash(struct dayfees *d, uint32_t height)
{
    d->at = height;
    d->asked = HASH;
    nodes_block_hash(d->nodes, height, on_hash, d);
}

static void ask_header(struct dayfees *d)
{
    d->asked = HEADER;
    nodes_header(d->nodes, &d->hash, on_header, d);
}

static void ask_block(struct dayfees *d)
{
    d->asked = BLOCK;
    nodes_block(d->nodes, &d->hash, on_block, d);
}

static void begin(struct dayfees *d)
{
    if (d->day == 0 || d->tip <= ABOVE_NEXT + 1 || d->asked != NOTHING)
        return;
    give_up(d);
    d->state = LOOKING;
    d->low = d->high = 0; /* the first block of all is older than any day of ours */
    ask_hash(d, d->tip - ABOVE_NEXT);
}

/* What failed is asked again; what was given up begins anew. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct dayfees *d = arg;
    (void)fd;
    (void)what;
    if (d->asked != NOTHING || d->day == 0)
        return;
    if (d->state == IDLE)
        begin(d);
    else
        ask_header(d);
}

/* --- from outside ------------------------------------------------------------------- */

enum kz_err dayfees_start(struct dayfees **out, struct event_base *base,
                          struct nodes *nodes, struct accounts *accounts,
                          const struct network *network)
{
    struct timeval every = {.tv_sec = RETRY_MS / 1000};
    struct dayfees *d = mem_new(sizeof(*d));
    d->nodes = nodes;
    d->accounts = accounts;
    d->network = network;
    d->timer = event_new(base, -1, EV_PERSIST, on_timer, d);
    if (d->timer == NULL || event_add(d->timer, &every) != 0) {
        dayfees_stop(d);
        return KZ_IO;
    }
    *out = d;
    return KZ_OK;
}

void dayfees_stop(struct dayfees *d)
{
    if (d == NULL)
        return;
    if (d->timer != NULL)
        event_free(d->timer);
    mem_free(d->fees);
    mem_free(d);
}

void dayfees_want(struct dayfees *d, uint32_t day)
{
    if (day == d->day)
        return;
    give_up(d);
    d->day = day;
    d->is_stale = d->asked != NOTHING;
    begin(d);
}

void dayfees_on_tip(struct dayfees *d, uint32_t height)
{
    d->tip = height;
    if (d->state == IDLE)
        begin(d);
}

json_t *dayfees_status(const struct dayfees *d)
{
    static const char *const names[] = {
        [IDLE] = "waiting", [LOOKING] = "asking", [WALKING] = "asking"};
    char date[PPS_DATE_SIZE];
    json_t *o = json_pack("{s:n, s:s, s:I, s:I}", "day", "state",
                          d->day == 0 ? "idle" : names[d->state], "blocks",
                          (json_int_t)d->count, "failures", (json_int_t)d->failures);
    if (d->day != 0) {
        pps_date_format(date, d->day);
        json_object_set_new(o, "day", json_string(date));
    }
    return o;
}
