/* tests/unit/history_fixture.h - a journal with a registry's changes in it, at any time.
 * Include after cmocka.h. */
#ifndef TESTS_HISTORY_FIXTURE_H
#define TESTS_HISTORY_FIXTURE_H

#include "pool/audit/chain.h"
#include "pool/registry/registry_record.h"
#include "share/denied.h"
#include "share/event.h"
#include "share/refusal_keys.h"
#include "share/rigs.h"
#include "tests/unit/journal_bed.h"

struct history_bed {
    struct bed *bed; /* its journal is ours to open and close */
    struct chain_head head;
    const char *instance;
    json_t *records;   /* miner -> the newest record */
    json_t *revisions; /* miner -> its revision */
};

static inline void history_append(struct history_bed *h, uint8_t kind, int64_t at,
                                  struct bytes body)
{
    struct journal_stream *s = journal_stream(h->bed->j, JOURNAL_EVENTS);
    struct journal_record r = {.time_ms = at, .kind = kind, .body = body};
    enum kz_err err = event_target(&r.target, kind);
    assert_int_equal(err, KZ_OK);
    err = journal_stream_append(s, &r);
    if (err == KZ_BUSY) { /* the next segment is missing */
        assert_int_equal(journal_stream_prepare(s), KZ_OK);
        err = journal_stream_append(s, &r);
    }
    assert_int_equal(err, KZ_OK);
    assert_int_equal(journal_stream_prepare(s), KZ_OK);
}

static inline void history_append_json(struct history_bed *h, uint8_t kind, int64_t at,
                                       json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    history_append(h, kind, at, (struct bytes){(const uint8_t *)text, strlen(text)});
    free(text);
    json_decref(body);
}

static inline json_t *history_link(struct history_bed *h, const struct audit_event *e)
{
    char why[AUDIT_WHY_SIZE];
    json_t *entry = NULL;
    if (chain_append(&entry, &h->head, why, e) != KZ_OK)
        fail_msg("%s", why);
    return entry;
}

/* The record from then on; takes it. */
static inline void history_put(struct history_bed *h, int64_t at, enum audit_word word,
                               json_t *record)
{
    struct hash256 before, after;
    const char *id = record_text(record, "miner_id");
    const json_t *known = json_object_get(h->records, id);
    json_int_t revision = json_integer_value(json_object_get(h->revisions, id)) + 1;
    struct audit_event e = {.time_ms = at,
                            .instance = h->instance,
                            .word = word,
                            .miner = id,
                            .actor = "maral",
                            .role = AUDIT_OFFICER,
                            .reason = "check_made",
                            .basis = json_object_get(record, "basis"),
                            .after = &after};
    assert_int_equal(audit_record_hash(&after, record), KZ_OK);
    if (known != NULL) {
        assert_int_equal(audit_record_hash(&before, known), KZ_OK);
        e.before = &before;
    }
    json_t *entry = history_link(h, &e);
    json_object_set(h->records, id, record);
    json_object_set_new(h->revisions, id, json_integer(revision));
    history_append_json(h, EVENT_MINER, at,
                        json_pack("{s:i, s:I, s:o, s:o}", "number", 1, "revision",
                                  revision, "record", record, "audit", entry));
}

/* An event about no miner. */
static inline void history_note(struct history_bed *h, int64_t at, enum audit_word word)
{
    struct audit_event e = {.time_ms = at,
                            .instance = h->instance,
                            .word = word,
                            .actor = "maral",
                            .role = AUDIT_OFFICER};
    history_append_json(
        h, EVENT_AUDIT, at,
        json_pack("{s:o, s:{}}", "audit", history_link(h, &e), "facts"));
}

/* What an officer decided of an alert. */
static inline void history_decide(struct history_bed *h, int64_t at, const char *rule,
                                  const char *miner, const char *decision)
{
    json_t *detail = json_pack("{s:s, s:s}", "rule", rule, "decision", decision);
    struct audit_event e = {.time_ms = at,
                            .instance = h->instance,
                            .word = AUDIT_ALERT_DECIDED,
                            .miner = miner,
                            .actor = "maral",
                            .role = AUDIT_OFFICER,
                            .detail = detail};
    history_append_json(
        h, EVENT_AUDIT, at,
        json_pack("{s:o, s:{}}", "audit", history_link(h, &e), "facts"));
    json_decref(detail);
}

static inline void history_refuse(struct history_bed *h, int64_t at, const char *reason,
                                  uint64_t count)
{
    static uint8_t body[EVENT_REFUSALS_MAX];
    struct tally_refusal r = {.hour = at / 3600000, .count = count};
    snprintf(r.reason, sizeof(r.reason), "%s", reason);
    size_t len = event_refusals_write(body, &r, 1);
    history_append(h, EVENT_REFUSALS, at, (struct bytes){body, len});
}

/* A row with details; `login` as DENIED_MINER has it, "" for none. */
static inline struct denied_row history_denied(int64_t at, const char *reason,
                                               const char *login, uint8_t network,
                                               uint64_t attempts, uint64_t sources)
{
    struct denied_row r = {
        .hour = at / 3600000, .attempts = attempts, .sources = sources};
    struct denied_key *k = &r.key;
    snprintf(k->listener, sizeof(k->listener), "0.0.0.0:3333");
    snprintf(k->reason, sizeof(k->reason), "%s", reason);
    snprintf(k->login, sizeof(k->login), "%s", login);
    snprintf(k->software, sizeof(k->software), "cgminer/4.11");
    k->login_is = login[0] != '\0' ? DENIED_MINER : DENIED_NO_LOGIN;
    k->network_len = DENIED_NETWORK_IPV4;
    memcpy(k->network, (const uint8_t[3]){192, 0, network}, 3);
    return r;
}

static inline void history_deny(struct history_bed *h, uint64_t run,
                                const struct denied_row *row)
{
    static uint8_t body[DENIED_EVENT_MAX], event[DENIED_SEAL_MAX];
    static const uint8_t nonce[GCM_NONCE_SIZE] = {1};
    char why[REFUSAL_KEYS_WHY_SIZE];
    const struct denied_seal_key *key;
    struct refusal_keys *keys = refusal_keys_new(h->bed->journal);
    size_t len = denied_event_write(body, run, row, 1);
    if (refusal_keys_need(&key, keys, why, row->hour / 24) != KZ_OK)
        fail_msg("%s", why);
    assert_int_equal(
        denied_seal_write(event, &len, key, nonce, (struct bytes){body, len}), KZ_OK);
    refusal_keys_free(keys);
    history_append(h, EVENT_DENIED, row->hour * 3600000, (struct bytes){event, len});
}

static inline void history_rig(struct history_bed *h, int64_t at, const char *miner,
                               const char *software)
{
    static uint8_t body[RIGS_EVENT_MAX];
    struct rigs_row row = {.time_ms = at};
    snprintf(row.miner.text, sizeof(row.miner.text), "%s", miner);
    snprintf(row.software, sizeof(row.software), "%s", software);
    size_t len = rigs_event_write(body, &row, 1);
    history_append(h, EVENT_RIGS, at, (struct bytes){body, len});
}

static inline void history_begin(struct history_bed *h, struct bed *bed)
{
    const struct journal_options o = {.dir = bed->journal,
                                      .shares = 1,
                                      .segment_bytes = 65536,
                                      .events_bytes = 65536};
    *h = (struct history_bed){.bed = bed,
                              .instance = "front-1",
                              .records = json_object(),
                              .revisions = json_object()};
    assert_int_equal(journal_open(&bed->j, &bed->damage, &o), KZ_OK);
}

/* What is written is on the disk, and may be read. */
static inline void history_sync(struct history_bed *h)
{
    assert_int_equal(journal_sync(h->bed->j), KZ_OK);
}

static inline void history_end(struct history_bed *h)
{
    bed_close(h->bed);
    json_decref(h->records);
    json_decref(h->revisions);
}

#endif
