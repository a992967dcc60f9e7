#include "payout/psbt_parts.h"

#include "conf/mem.h"

#include <stdlib.h>
#include <string.h>

bool psbt_take(struct bytes *out, struct bytes *from, size_t len)
{
    if (from->len < len)
        return false;
    *out = (struct bytes){from->p, len};
    *from = (struct bytes){from->p + len, from->len - len};
    return true;
}

bool psbt_take_compact(uint64_t *v, struct bytes *from)
{
    size_t used = 0;
    if (from->len == 0 || compact_size_read(v, &used, *from) != KZ_OK)
        return false;
    *from = (struct bytes){from->p + used, from->len - used};
    return true;
}

bool psbt_take_sized(struct bytes *out, struct bytes *from)
{
    uint64_t len = 0;
    struct bytes rest = *from;
    if (!psbt_take_compact(&len, &rest) || len > rest.len ||
        !psbt_take(out, &rest, (size_t)len))
        return false;
    *from = rest;
    return true;
}

bool psbt_read_output(struct tx_output *out, struct bytes in)
{
    struct bytes value, script;
    struct tx_output read;
    if (!psbt_take(&value, &in, 8) || !psbt_take_sized(&script, &in) || in.len > 0)
        return false;
    uint64_t sat = read_le64(value.p);
    if (sat > INT64_MAX || !amount_from_sat(&read.value, (int64_t)sat))
        return false;
    read.script = (struct tx_bytes){(uint8_t *)script.p, script.len};
    *out = read;
    return true;
}

bool psbt_is_same_output(const struct tx_output *a, const struct tx_output *b)
{
    return amount_compare(a->value, b->value) == 0 && a->script.len == b->script.len &&
           (a->script.len == 0 || memcmp(a->script.p, b->script.p, a->script.len) == 0);
}

struct bytes psbt_key_data(const struct psbt_record *record)
{
    return (struct bytes){record->p + record->type_len,
                          record->key_len - record->type_len};
}

struct bytes psbt_value(const struct psbt_record *record)
{
    return (struct bytes){record->p + record->key_len, record->value_len};
}

static struct psbt_record record_make(uint64_t type, struct bytes key_data,
                                      struct bytes value)
{
    uint8_t start[9];
    struct psbt_record r = {.type = type, .value_len = value.len};
    r.type_len = compact_size_write(start, type);
    r.key_len = r.type_len + key_data.len;
    r.p = mem_new(r.key_len + r.value_len);
    memcpy(r.p, start, r.type_len);
    if (key_data.len > 0)
        memcpy(r.p + r.type_len, key_data.p, key_data.len);
    if (value.len > 0)
        memcpy(r.p + r.key_len, value.p, value.len);
    return r;
}

static void insert(struct psbt_map *map, size_t at, struct psbt_record r)
{
    if (map->count == map->room) {
        map->room = map->room == 0 ? 4 : 2 * map->room;
        map->records = mem_resize(map->records, map->room * sizeof(*map->records));
    }
    if (at < map->count)
        memmove(map->records + at + 1, map->records + at,
                (map->count - at) * sizeof(*map->records));
    map->records[at] = r;
    map->count++;
}

/* Where the first record of a higher type is. */
static size_t place_behind(const struct psbt_map *map, uint64_t type)
{
    size_t at = map->count;
    while (at > 0 && map->records[at - 1].type > type)
        at--;
    return at;
}

static struct psbt_record *find(const struct psbt_map *map, uint64_t type,
                                struct bytes key_data)
{
    for (size_t i = 0; i < map->count; i++) {
        struct bytes data = psbt_key_data(&map->records[i]);
        if (map->records[i].type == type && data.len == key_data.len &&
            (data.len == 0 || memcmp(data.p, key_data.p, data.len) == 0))
            return &map->records[i];
    }
    return NULL;
}

bool psbt_get(struct bytes *value, const struct psbt_map *map, uint64_t type,
              struct bytes key_data)
{
    const struct psbt_record *r = find(map, type, key_data);
    *value = r != NULL ? psbt_value(r) : (struct bytes){NULL, 0};
    return r != NULL;
}

bool psbt_has(const struct psbt_map *map, uint64_t type)
{
    for (size_t i = 0; i < map->count; i++)
        if (map->records[i].type == type)
            return true;
    return false;
}

void psbt_put(struct psbt_map *map, uint64_t type, struct bytes key_data,
              struct bytes value)
{
    struct psbt_record *old = find(map, type, key_data);
    struct psbt_record r = record_make(type, key_data, value);
    if (old != NULL) {
        mem_free(old->p);
        *old = r;
    } else {
        insert(map, place_behind(map, type), r);
    }
}

void psbt_map_clear(struct psbt_map *map)
{
    for (size_t i = 0; i < map->count; i++)
        mem_free(map->records[i].p);
    mem_free(map->records);
    *map = (struct psbt_map){0};
}

void psbt_map_copy(struct psbt_map *to, const struct psbt_map *from)
{
    *to = (struct psbt_map){0};
    for (size_t i = 0; i < from->count; i++)
        insert(to, i,
               record_make(from->records[i].type, psbt_key_data(&from->records[i]),
                           psbt_value(&from->records[i])));
}

void psbt_map_drop(struct psbt_map *map, bool (*drop)(const struct psbt_record *))
{
    size_t kept = 0;
    for (size_t i = 0; i < map->count; i++) {
        if (drop(&map->records[i]))
            mem_free(map->records[i].p);
        else
            map->records[kept++] = map->records[i];
    }
    map->count = kept;
}

static int compare_keys(const void *a, const void *b)
{
    const struct psbt_record *x = *(struct psbt_record *const *)a;
    const struct psbt_record *y = *(struct psbt_record *const *)b;
    if (x->key_len != y->key_len)
        return x->key_len < y->key_len ? -1 : 1;
    return memcmp(x->p, y->p, x->key_len);
}

/* The records are still as they came, so addresses tell which was first. */
static int compare_arrival(const void *a, const void *b)
{
    const struct psbt_record *x = *(struct psbt_record *const *)a;
    const struct psbt_record *y = *(struct psbt_record *const *)b;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    return x < y ? -1 : x > y ? 1 : 0;
}

static bool has_duplicates(struct psbt_record **order, size_t count)
{
    qsort(order, count, sizeof(struct psbt_record *), compare_keys);
    for (size_t i = 1; i < count; i++)
        if (compare_keys(&order[i - 1], &order[i]) == 0)
            return true;
    return false;
}

/* Sorted by type. False: a key is there twice. */
static bool sort_map(struct psbt_map *map)
{
    if (map->count < 2)
        return true;
    struct psbt_record **order = mem_array(map->count, sizeof(struct psbt_record *));
    struct psbt_record *sorted = mem_array(map->count, sizeof(*sorted));
    for (size_t i = 0; i < map->count; i++)
        order[i] = &map->records[i];
    bool unique = !has_duplicates(order, map->count);
    qsort(order, map->count, sizeof(struct psbt_record *), compare_arrival);
    for (size_t i = 0; i < map->count; i++)
        sorted[i] = *order[i];
    mem_free(order);
    mem_free(map->records);
    map->records = sorted;
    map->room = map->count;
    return unique;
}

const char *psbt_map_read(struct psbt_map *map, struct bytes *from)
{
    struct bytes key, value;
    for (;;) {
        if (from->len == 0)
            return "the map is missing, or has no end";
        if (!psbt_take_sized(&key, from))
            return "a key is longer than what is there";
        if (key.len == 0)
            break;
        uint64_t type = 0;
        if (!psbt_take_compact(&type, &key))
            return "a key without a proper type";
        if (!psbt_take_sized(&value, from))
            return "a value is longer than what is there";
        if (map->count == PSBT_RECORDS_MAX)
            return "more records than are taken";
        insert(map, map->count, record_make(type, key, value));
    }
    return sort_map(map) ? NULL : "the same key twice";
}

static void make_room(struct psbt_buffer *b, size_t more)
{
    if (b->room - b->len >= more)
        return;
    b->room = 2 * b->room + more;
    b->p = mem_resize(b->p, b->room);
}

void psbt_add(struct psbt_buffer *b, struct bytes in)
{
    if (in.len == 0)
        return;
    make_room(b, in.len);
    memcpy(b->p + b->len, in.p, in.len);
    b->len += in.len;
}

void psbt_add_compact(struct psbt_buffer *b, uint64_t v)
{
    uint8_t size[9];
    psbt_add(b, (struct bytes){size, compact_size_write(size, v)});
}

void psbt_add_sized(struct psbt_buffer *b, struct bytes in)
{
    psbt_add_compact(b, in.len);
    psbt_add(b, in);
}

void psbt_map_write(struct psbt_buffer *b, const struct psbt_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct psbt_record *r = &map->records[i];
        psbt_add_sized(b, (struct bytes){r->p, r->key_len});
        psbt_add_sized(b, psbt_value(r));
    }
    psbt_add_compact(b, 0);
}
