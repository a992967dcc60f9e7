#include "pool/blocks.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "share/block_event.h"

#include <stdio.h>
#include <string.h>

/* Blocks whose answers may still come; older ones are in Redis and in the spool. */
#define BLOCKS_KEPT 256
/* Between two tries to have a found block journaled. */
#define RECORD_S 2

struct block {
    struct hash256 hash;
    bool is_pending;
    bool is_recording; /* its event is on the way to the journal */
    json_t *event;     /* owned; not in the journal yet, as far as we were told */
    json_t *record;    /* what nodes say of it, as in Redis */
};

struct blocks {
    struct blocks_parts parts;
    struct block kept[BLOCKS_KEPT]; /* a ring */
    size_t next;
    size_t pending;
    uint64_t found, accepted, rejected;
    struct event *timer;
};

/* A found block on its way from a front thread to control. */
struct note {
    struct blocks *blocks;
    struct found_block found; /* its job is a reference of ours */
    struct job *job;
    int64_t time_ms;
};

static void note_free(void *arg)
{
    struct note *n = arg;
    job_unref(n->job);
    mem_free(n);
}

static struct block *find(struct blocks *b, const struct hash256 *hash)
{
    for (size_t i = 0; i < BLOCKS_KEPT; i++) {
        if (b->kept[i].record != NULL && hash256_equal(&b->kept[i].hash, hash))
            return &b->kept[i];
    }
    return NULL;
}

/* The oldest gives way. Should its answer still be out, it stays "pending" in
 * Redis and the spool keeps its file: nothing is lost but the note in status. */
static struct block *add(struct blocks *b, const struct hash256 *hash, json_t *record)
{
    struct block *slot = &b->kept[b->next++ % BLOCKS_KEPT];
    if (slot->is_pending)
        b->pending--;
    json_decref(slot->record);
    json_decref(slot->event);
    *slot = (struct block){.hash = *hash, .is_pending = true, .record = record};
    b->pending++;
    return slot;
}

static void on_stored(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    (void)ctx;
    json_decref(value);
    if (err != KZ_OK)
        log_error("block_record_failed", kv_str("why", text));
}

static json_t *make_record(const char *hash, uint32_t height)
{
    return json_pack("{s:s, s:I, s:s, s:s}", "hash", hash, "height", (json_int_t)height,
                     "answer", "", "node", "pending");
}

static void store_record(struct blocks *b, const struct block *block)
{
    store_block_note(b->parts.store, json_deep_copy(block->record), on_stored, b);
}

/* The same event as the store makes of the winning share, when it comes to it in the
 * journal; whichever is second changes nothing. This one is for a share that is in no
 * stream: its login was nobody's, or the journal had no space for it. */
static json_t *event_of(const struct blocks *b, const struct note *n)
{
    struct share_record share = {.time_ms = n->time_ms,
                                 .job = n->job->id,
                                 .miner = n->found.miner,
                                 .worker = n->found.worker};
    struct journal_job job = {.id = n->job->id,
                              .snapshot_id = n->job->snapshot_id,
                              .height = n->job->height,
                              .nbits = n->job->nbits,
                              .prev_hash = n->job->prev_hash,
                              .coinb1 = n->job->coinb1,
                              .coinb2 = n->job->coinb2};
    share.extranonce1_len = sizeof(share.extranonce1);
    share.extranonce2_len = JOB_EXTRANONCE_SIZE - sizeof(share.extranonce1);
    memcpy(share.extranonce1, n->found.extranonce, share.extranonce1_len);
    memcpy(share.extranonce2, n->found.extranonce + share.extranonce1_len,
           share.extranonce2_len);
    return block_event(&share, &job, &n->found.hash, b->parts.instance);
}

/* An answer of the store on its way to control. */
struct recorded {
    struct blocks *blocks;
    struct hash256 hash;
    bool is_journaled;
};

static void run_recorded(void *owner, void *arg)
{
    (void)owner;
    struct recorded *r = arg;
    struct block *block = find(r->blocks, &r->hash);
    if (block != NULL) {
        block->is_recording = false;
        if (r->is_journaled) {
            json_decref(block->event);
            block->event = NULL;
        }
    }
    mem_free(r);
}

/* On the store thread. */
static void on_recorded(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct recorded *r = ctx;
    json_decref(value);
    r->is_journaled = store_has_journaled(err, text);
    if (mailbox_post(r->blocks->parts.mailbox,
                     (struct mailbox_call){run_recorded, mem_free, r}) != KZ_OK)
        mem_free(r); /* it is tried again at the next start, from the share */
}

static void record_waiting(struct blocks *b)
{
    for (size_t i = 0; i < BLOCKS_KEPT; i++) {
        struct block *block = &b->kept[i];
        if (block->event == NULL || block->is_recording)
            continue;
        struct recorded *r = mem_new(sizeof(*r));
        *r = (struct recorded){.blocks = b, .hash = block->hash};
        block->is_recording = true;
        store_ledger_put(b->parts.store, EVENT_LEDGER, json_deep_copy(block->event),
                         on_recorded, r);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    record_waiting(arg);
}

static void on_note(void *owner, void *arg)
{
    (void)owner;
    struct note *n = arg;
    struct blocks *b = n->blocks;
    size_t len;
    char *hex = job_block_hex(n->job, n->found.header, n->found.extranonce, &len);
    nodes_submit_block(b->parts.nodes, &n->found.hash, hex, len, n->job->height);
    spool_write(b->parts.spool, &n->found.hash, n->job->height, hex, len);
    mem_free(hex);
    char hash[HASH256_HEX_SIZE];
    hash256_format_display(hash, &n->found.hash);
    log_info("block_found", kv_str("hash", hash), kv_u64("height", n->job->height),
             kv_str("miner", n->found.miner.text),
             kv_str("worker", n->found.worker.text));
    b->found++;
    struct block *block = add(b, &n->found.hash, make_record(hash, n->job->height));
    block->event = event_of(b, n);
    record_waiting(b);
    note_free(n);
}

/* Control is told first, and sends it to the nodes while this thread writes it down: the
 * reply to the rig follows, and from then on a killed daemon must still have the block. */
void blocks_found(struct blocks *b, const struct found_block *found)
{
    struct note *n = mem_new(sizeof(*n));
    struct job *job = job_ref(found->job);
    size_t len;
    *n = (struct note){
        .blocks = b, .found = *found, .job = job_ref(job), .time_ms = clock_utc_ms()};
    if (mailbox_post(b->parts.mailbox, (struct mailbox_call){on_note, note_free, n}) !=
        KZ_OK) {
        log_error("block_not_posted", kv_hex("hash", found->hash.b, 32),
                  kv_str("instead", "written to disk; sent at the next start"));
        note_free(n);
    }
    char *hex = job_block_hex(job, found->header, found->extranonce, &len);
    enum kz_err logged =
        spool_write_now(b->parts.spool, &found->hash, job->height, hex, len);
    (void)logged; /* a full disk: the nodes have it all the same */
    mem_free(hex);
    job_unref(job);
}

void blocks_on_answer(struct blocks *b, const struct hash256 *hash, bool accepted,
                      const char *answer)
{
    struct block *block = find(b, hash);
    if (accepted)
        spool_mark(b->parts.spool, hash, SPOOL_ACCEPTED);
    if (block == NULL || !block->is_pending)
        return;
    json_t *text = json_string(answer);
    if (text != NULL)
        json_object_set_new(block->record, "answer", text);
}

void blocks_on_final(struct blocks *b, const struct hash256 *hash, bool accepted)
{
    struct block *block = find(b, hash);
    spool_mark(b->parts.spool, hash, accepted ? SPOOL_ACCEPTED : SPOOL_REJECTED);
    b->accepted += accepted;
    b->rejected += !accepted;
    if (block == NULL)
        return;
    b->pending -= block->is_pending;
    block->is_pending = false;
    json_object_set_new(block->record, "node",
                        json_string(accepted ? "accepted" : "rejected"));
    store_record(b, block);
}

bool blocks_has_found(const struct blocks *b, const struct hash256 *hash)
{
    for (size_t i = 0; i < BLOCKS_KEPT; i++)
        if (b->kept[i].record != NULL && hash256_equal(&b->kept[i].hash, hash))
            return true;
    return false;
}

size_t blocks_pending(const struct blocks *b)
{
    return b->pending;
}

static void on_unsent(void *ctx, const struct hash256 *hash, uint32_t height,
                      const char *hex, size_t hex_len)
{
    struct blocks *b = ctx;
    char text[HASH256_HEX_SIZE];
    hash256_format_display(text, hash);
    log_warn("block_sent_again", kv_str("hash", text), kv_u64("height", height));
    nodes_submit_block(b->parts.nodes, hash, hex, hex_len, height);
    struct block *block = add(b, hash, make_record(text, height));
    /* Who found it is in the journal, if its share came so far; if not, it is ours still. */
    block->event =
        block_event_of_hex(hex, hex_len, height, clock_utc_ms(), b->parts.instance);
}

void blocks_resume(struct blocks *b)
{
    spool_pending(b->parts.spool, on_unsent, b);
}

struct blocks *blocks_new(const struct blocks_parts *parts)
{
    const struct timeval every = {.tv_sec = RECORD_S};
    struct blocks *b = mem_new(sizeof(*b));
    b->parts = *parts;
    b->timer = event_new(parts->base, -1, EV_PERSIST, on_timer, b);
    if (b->timer != NULL)
        event_add(b->timer, &every);
    return b;
}

void blocks_free(struct blocks *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < BLOCKS_KEPT; i++) {
        json_decref(b->kept[i].record);
        json_decref(b->kept[i].event);
    }
    if (b->timer != NULL)
        event_free(b->timer);
    mem_free(b);
}

json_t *blocks_status(const struct blocks *b)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "found", (json_int_t)b->found, "accepted",
                     (json_int_t)b->accepted, "rejected", (json_int_t)b->rejected,
                     "pending", (json_int_t)b->pending);
}
