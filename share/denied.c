#include "share/denied.h"

#include "conf/mem.h"
#include "share/mix.h"

#include <string.h>

#define HOUR_MS      INT64_C(3600000)
#define GRACE_MS     10000 /* a front's clock is as old as its turn */
#define SOURCE_SLOTS (2 * DENIED_SOURCES_MAX)
#define ALL_ROWS_MAX (DENIED_ROWS_MAX + DENIED_REST_ROWS_MAX)

struct line {
    struct denied_row row;
    bool lacks_source; /* one that found no room */
    uint64_t written;  /* attempts, as they were written last; 0: never */
    int64_t written_ms;
};

/* Two hours are there at once around each hour's end. */
struct hour {
    int64_t hour;
    bool is_used;
    size_t count;                    /* of lines */
    size_t rest;                     /* of them, those without details */
    uint64_t key_hash[ALL_ROWS_MAX]; /* looked through first: 5 KB, no strings */
    uint64_t network_hash[ALL_ROWS_MAX];
    struct line lines[ALL_ROWS_MAX];
    size_t source_count;
    uint64_t sources[SOURCE_SLOTS]; /* hashes of (row, source); 0: free */
};

struct denied {
    uint64_t seed;
    int64_t closed; /* the last hour that was given out */
    uint64_t folded, lost;
    struct hour hours[2];
};

void denied_set_text(char *out, size_t max, const char *text, size_t len)
{
    size_t n = len < max ? len : max;
    for (size_t i = 0; i < n; i++)
        out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    out[n] = '\0';
}

struct denied *denied_new(uint64_t seed)
{
    struct denied *d = mem_new(sizeof(*d));
    d->seed = seed;
    d->closed = INT64_MIN;
    return d;
}

void denied_free(struct denied *d)
{
    mem_free(d);
}

uint64_t denied_folded(const struct denied *d)
{
    return d->folded;
}

uint64_t denied_lost(const struct denied *d)
{
    return d->lost;
}

/* --- keys ------------------------------------------------------------------------- */

static int compare_keys(const struct denied_key *a, const struct denied_key *b)
{
    int c = strcmp(a->reason, b->reason);
    if (c == 0)
        c = strcmp(a->listener, b->listener);
    if (c == 0)
        c = (int)a->login_is - (int)b->login_is;
    if (c == 0)
        c = strcmp(a->login, b->login);
    if (c == 0)
        c = memcmp(a->login_hash, b->login_hash, sizeof(a->login_hash));
    if (c == 0)
        c = (int)a->network_len - (int)b->network_len;
    if (c == 0)
        c = memcmp(a->network, b->network, sizeof(a->network));
    return c != 0 ? c : strcmp(a->software, b->software);
}

int denied_compare(const struct denied_row *a, const struct denied_row *b)
{
    if (a->hour != b->hour)
        return a->hour < b->hour ? -1 : 1;
    return compare_keys(&a->key, &b->key);
}

static uint64_t hash_network(const struct denied *d, const struct denied_key *k)
{
    return mix_bytes(d->seed, k->network, k->network_len);
}

static uint64_t hash_key(const struct denied *d, const struct denied_key *k)
{
    uint64_t h = hash_network(d, k);
    h = mix_text(h, k->listener);
    h = mix_text(h, k->reason);
    h = mix_text(h, k->login);
    h = mix_bytes(h, k->login_hash, sizeof(k->login_hash));
    return mix_text(h, k->software);
}

static struct denied_key without_login(const struct denied_key *k)
{
    struct denied_key out = *k;
    out.login_is = DENIED_NO_LOGIN;
    out.login[0] = out.software[0] = '\0';
    memset(out.login_hash, 0, sizeof(out.login_hash));
    return out;
}

static struct denied_key without_network(const struct denied_key *k)
{
    struct denied_key out = without_login(k);
    out.network_len = 0;
    memset(out.network, 0, sizeof(out.network));
    return out;
}

/* --- rows of an hour ---------------------------------------------------------------- */

static struct line *find(struct hour *h, const struct denied_key *key, uint64_t hash)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->key_hash[i] == hash && compare_keys(&h->lines[i].row.key, key) == 0)
            return &h->lines[i];
    return NULL;
}

static size_t rows_of_network(const struct hour *h, uint64_t hash)
{
    size_t n = 0;
    for (size_t i = 0; i < h->count; i++)
        n += h->network_hash[i] == hash;
    return n;
}

static bool has_room(const struct denied *d, const struct hour *h,
                     const struct denied_key *key, bool is_rest)
{
    if (is_rest)
        return h->rest < DENIED_REST_ROWS_MAX;
    if (h->count - h->rest == DENIED_ROWS_MAX)
        return false;
    /* A network's last places are for what is folded. */
    size_t most = key->login_is != DENIED_NO_LOGIN || key->software[0] != '\0'
                      ? DENIED_NETWORK_ROWS_MAX
                      : 2 * DENIED_NETWORK_ROWS_MAX;
    return rows_of_network(h, hash_network(d, key)) < most;
}

/* NULL: no room. */
static struct line *find_or_add(const struct denied *d, struct hour *h,
                                const struct denied_key *key)
{
    bool is_rest = key->network_len == 0;
    uint64_t hash = hash_key(d, key);
    struct line *l = find(h, key, hash);
    if (l != NULL || !has_room(d, h, key, is_rest))
        return l;
    h->key_hash[h->count] = hash;
    h->network_hash[h->count] = hash_network(d, key);
    h->rest += is_rest;
    l = &h->lines[h->count++];
    *l = (struct line){.row = {.hour = h->hour, .key = *key}};
    return l;
}

static void count_source(const struct denied *d, struct hour *h, struct line *l,
                         uint64_t source)
{
    uint64_t pair[2] = {source, (uint64_t)(l - h->lines)};
    uint64_t hash = mix_bytes(d->seed, pair, sizeof(pair)) | 1; /* 0 is a free slot's */
    size_t at = (size_t)((hash >> 1) % SOURCE_SLOTS);
    for (; h->sources[at] != 0; at = (at + 1) % SOURCE_SLOTS)
        if (h->sources[at] == hash)
            return;
    if (h->source_count == DENIED_SOURCES_MAX) {
        l->lacks_source = true;
        return;
    }
    h->sources[at] = hash;
    h->source_count++;
    l->row.sources++;
}

/* NULL: there is none for that time. */
static struct hour *hour_at(struct denied *d, int64_t hour)
{
    struct hour *h = &d->hours[hour & 1];
    if (hour <= d->closed || (h->is_used && h->hour != hour))
        return NULL;
    h->is_used = true;
    h->hour = hour;
    return h;
}

void denied_add(struct denied *d, const struct denied_key *key, uint64_t source,
                int64_t time_ms)
{
    struct hour *h = hour_at(d, time_ms / HOUR_MS);
    if (h == NULL) {
        d->lost++;
        return;
    }
    struct line *l = find_or_add(d, h, key);
    if (l == NULL) {
        d->folded++;
        struct denied_key less = without_login(key);
        l = find_or_add(d, h, &less);
    }
    if (l == NULL) {
        struct denied_key least = without_network(key);
        l = find_or_add(d, h, &least);
    }
    if (l == NULL) {
        d->lost++;
        return;
    }
    l->row.attempts++;
    count_source(d, h, l, source);
}

/* --- out ---------------------------------------------------------------------------- */

static bool is_due(const struct line *l, int64_t now_ms, bool is_over)
{
    if (l->row.attempts == l->written)
        return false;
    return is_over || l->written == 0 || now_ms - l->written_ms >= DENIED_REWRITE_MS;
}

static size_t take_hour(struct denied_row *rows, size_t max, struct hour *h,
                        int64_t now_ms, bool is_over)
{
    size_t n = 0;
    for (size_t i = 0; i < h->count && n < max; i++) {
        struct line *l = &h->lines[i];
        if (!is_due(l, now_ms, is_over))
            continue;
        l->written = l->row.attempts;
        l->written_ms = now_ms;
        rows[n] = l->row;
        if (l->lacks_source)
            rows[n].sources = 0;
        n++;
    }
    return n;
}

static void close_hour(struct denied *d, struct hour *h)
{
    if (h->hour > d->closed)
        d->closed = h->hour;
    h->is_used = false;
    h->count = h->rest = h->source_count = 0;
    memset(h->sources, 0, sizeof(h->sources));
}

size_t denied_take(struct denied *d, struct denied_row *rows, size_t max,
                   int64_t now_ms, bool at_end)
{
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        struct hour *h = &d->hours[i];
        if (!h->is_used)
            continue;
        bool is_over = now_ms >= (h->hour + 1) * HOUR_MS + GRACE_MS;
        n += take_hour(rows + n, max - n, h, now_ms, is_over || at_end);
        if (is_over && n < max)
            close_hour(d, h);
    }
    return n;
}
