#include "pool/audit/chain.h"

#include "pool/canon.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LABEL_SIZE 128

static enum kz_err hash_event(struct hash256 *out, const struct hash256 *before,
                              const json_t *event)
{
    return canon_sha256_tagged(out, CHAIN_TAG,
                               (struct bytes){before->b, sizeof(before->b)}, event);
}

static const char *text_of(const json_t *event, const char *name)
{
    return json_string_value(json_object_get(event, name));
}

/* Of an event that was checked: none of these can hold anything but plain letters. */
static void label(char out[LABEL_SIZE], const json_t *event)
{
    const char *miner = text_of(event, "miner");
    snprintf(out, LABEL_SIZE, "event %" PRIu64 " (%s, %s%s)", audit_event_seq(event),
             text_of(event, "time"), miner != NULL ? "miner " : "no miner",
             miner != NULL ? miner : "");
}

/* --- making ----------------------------------------------------------------------- */

enum kz_err chain_append(json_t **entry, struct chain_head *head,
                         char why[AUDIT_WHY_SIZE], const struct audit_event *event)
{
    struct chain_head next = {head->seq + 1, event->time_ms, {{0}}};
    char hex[HASH256_HEX_SIZE];
    json_t *made = NULL;
    enum kz_err err = audit_event_build(&made, why, event, next.seq);
    if (err != KZ_OK)
        return err;
    if (hash_event(&next.hash, &head->hash, made) != KZ_OK) {
        json_decref(made);
        return audit_refuse(why, "event: has no canonical form");
    }
    hex_encode(hex, next.hash.b, sizeof(next.hash.b));
    *entry = json_pack("{s:o, s:s}", "event", made, "hash", hex);
    *head = next;
    return KZ_OK;
}

/* --- reading one entry ------------------------------------------------------------ */

struct link {
    const json_t *event; /* borrowed, and checked */
    struct hash256 hash; /* as stated */
    uint64_t seq;
    int64_t time_ms;
};

static enum kz_err read_link(struct link *l, char why[AUDIT_WHY_SIZE],
                             const json_t *entry)
{
    const json_t *event = json_object_get(entry, "event");
    const json_t *hash = json_object_get(entry, "hash");
    const char *hex = json_string_value(hash);
    if (event == NULL || hash == NULL || json_object_size(entry) != 2)
        return audit_refuse(why, "entry: must be an object of event and hash");
    enum kz_err err = audit_event_check(why, event);
    if (err != KZ_OK)
        return err;
    /* Hex in one form only, so that an entry has one form only. */
    if (hex == NULL || strspn(hex, "0123456789abcdef") != json_string_length(hash) ||
        hex_decode(l->hash.b, sizeof(l->hash.b), hex, strlen(hex)) != KZ_OK)
        return audit_refuse(why, "hash: must be 64 hex digits in lower case");
    l->event = event;
    l->seq = audit_event_seq(event);
    l->time_ms = audit_event_time_ms(event);
    return KZ_OK;
}

enum kz_err chain_head_of(struct chain_head *head, char why[AUDIT_WHY_SIZE],
                          const json_t *entry)
{
    struct link l;
    enum kz_err err = read_link(&l, why, entry);
    if (err == KZ_OK)
        *head = (struct chain_head){l.seq, l.time_ms, l.hash};
    return err;
}

/* --- checking --------------------------------------------------------------------- */

void chain_check_init(struct chain_check *c, const struct chain_head *from,
                      const struct chain_head *expect)
{
    *c = (struct chain_check){0};
    if (from != NULL)
        c->head = *from;
    if (expect != NULL)
        c->expect = *expect;
    /* The caller vouches for where it begins. */
    if (c->head.seq == c->expect.seq && hash256_equal(&c->head.hash, &c->expect.hash))
        c->expect.seq = 0;
}

static enum kz_err check_place(const struct chain_check *c, char why[AUDIT_WHY_SIZE],
                               const struct link *l, const char *name)
{
    uint64_t next = c->head.seq + 1;
    if (l->seq < next)
        return audit_refuse(
            why, "%s: stands where %" PRIu64 " must follow: put in, repeated or moved",
            name, next);
    if (l->seq == next + 1)
        return audit_refuse(why, "%s: event %" PRIu64 " before it is missing", name,
                            next);
    if (l->seq > next)
        return audit_refuse(
            why, "%s: events %" PRIu64 " to %" PRIu64 " before it are missing", name,
            next, l->seq - 1);
    if (c->instance[0] != '\0' &&
        strcmp(c->instance, text_of(l->event, "instance")) != 0)
        return audit_refuse(why, "%s: of instance %s, the chain is that of %s", name,
                            text_of(l->event, "instance"), c->instance);
    return KZ_OK;
}

static enum kz_err check_hash(const struct chain_check *c, char why[AUDIT_WHY_SIZE],
                              const struct link *l, const char *name)
{
    struct hash256 made;
    char stated_hex[HASH256_HEX_SIZE], made_hex[HASH256_HEX_SIZE];
    if (hash_event(&made, &c->head.hash, l->event) != KZ_OK)
        return audit_refuse(why, "%s: has no canonical form", name);
    hex_encode(stated_hex, l->hash.b, sizeof(l->hash.b));
    if (!hash256_equal(&made, &l->hash)) {
        hex_encode(made_hex, made.b, sizeof(made.b));
        return audit_refuse(
            why,
            "%s: its hash is %s, but its content behind the hash before "
            "makes %s: it or that hash was altered",
            name, stated_hex, made_hex);
    }
    if (l->seq == c->expect.seq && !hash256_equal(&c->expect.hash, &l->hash)) {
        hex_encode(made_hex, c->expect.hash.b, sizeof(c->expect.hash.b));
        return audit_refuse(
            why,
            "%s: its hash is %s, but %s was noted for it: it or what is "
            "before it was made anew",
            name, stated_hex, made_hex);
    }
    return KZ_OK;
}

static void note_time(struct chain_check *c, const struct link *l)
{
    int64_t back = c->head.seq > 0 ? c->head.time_ms - l->time_ms : 0;
    if (back <= CHAIN_STEP_MS)
        return;
    c->steps_back++;
    if (back > c->worst_step_ms) {
        c->worst_step_ms = back;
        c->worst_step_seq = l->seq;
    }
}

enum kz_err chain_check_feed(struct chain_check *c, char why[AUDIT_WHY_SIZE],
                             const json_t *entry)
{
    struct link l;
    char name[LABEL_SIZE], inner[AUDIT_WHY_SIZE];
    if (read_link(&l, inner, entry) != KZ_OK)
        return audit_refuse(why, "behind event %" PRIu64 ": %s", c->head.seq, inner);
    label(name, l.event);
    enum kz_err err = check_place(c, why, &l, name);
    if (err == KZ_OK)
        err = check_hash(c, why, &l, name);
    if (err != KZ_OK)
        return err;
    note_time(c, &l);
    c->head = (struct chain_head){l.seq, l.time_ms, l.hash};
    c->events++;
    snprintf(c->instance, sizeof(c->instance), "%s", text_of(l.event, "instance"));
    return KZ_OK;
}

enum kz_err chain_check_finish(const struct chain_check *c, char why[AUDIT_WHY_SIZE])
{
    /* What is before the first entry was not seen: nothing says whether it was right. */
    if (c->expect.seq > 0 && c->head.seq - c->events >= c->expect.seq)
        return audit_refuse(why,
                            "event %" PRIu64
                            ", for which a hash was noted, is before the "
                            "first one given",
                            c->expect.seq);
    if (c->head.seq < c->expect.seq)
        return audit_refuse(why,
                            "the chain ends with event %" PRIu64
                            ", but a hash of event "
                            "%" PRIu64 " was noted: its end was cut off",
                            c->head.seq, c->expect.seq);
    if (c->events == 0) {
        audit_refuse(why, "there is no event");
        return KZ_EMPTY;
    }
    return KZ_OK;
}
