/* A chain of a few events about one miner, the same at each call. */
#ifndef TESTS_AUDIT_FIXTURE_H
#define TESTS_AUDIT_FIXTURE_H

#include "pool/audit/chain.h"

#include <string.h>

#define FIXTURE_EVENTS 8
#define FIXTURE_TIME   INT64_C(1795694400123) /* 2026-11-26T12:00:00.123Z */

static inline json_t *fixture_basis(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:n, s:s}", "code", "order", "authority",
                     "T\xc3\xbcrkmenistany\xc5\x88 Merkezi banky", "document", "12/345",
                     "date", "2026-11-20", "sha256", "note", "as \"written\" there");
}

/* Event `n` from 0. Basis and detail are the caller's to json_decref(). */
static inline struct audit_event fixture_event(size_t n, struct hash256 states[2])
{
    static const enum audit_word words[FIXTURE_EVENTS] = {
        AUDIT_APPLIED,       AUDIT_SUBMITTED, AUDIT_CERTIFICATE_VERIFIED,
        AUDIT_ADDRESS_ADDED, AUDIT_PROPOSED,  AUDIT_ACTIVATED,
        AUDIT_REPORT_MADE,   AUDIT_SUSPENDED};
    memset(&states[0], (int)n, sizeof(states[0]));
    memset(&states[1], (int)n + 1, sizeof(states[1]));
    bool has_miner = words[n] != AUDIT_REPORT_MADE;
    return (struct audit_event){
        .time_ms = FIXTURE_TIME + (int64_t)n * 60000,
        .instance = "front-1",
        .word = words[n],
        .miner = has_miner ? "alice" : NULL,
        .actor = n == 0 ? "alice" : "g\xc3\xb6zel",
        .role = n == 0 ? AUDIT_APPLICANT : AUDIT_OFFICER,
        .second = words[n] == AUDIT_ACTIVATED ? "oraz" : NULL,
        .reason = words[n] == AUDIT_SUSPENDED ? "authority_order" : NULL,
        .basis = words[n] == AUDIT_SUSPENDED ? fixture_basis() : NULL,
        .before = has_miner && n > 0 ? &states[0] : NULL,
        .after = has_miner ? &states[1] : NULL,
        .detail = json_pack("{s:[i,s,b], s:{s:s}}", "list", (int)n,
                            "\xf0\x9f\x98\x80 \xee\x80\x80", 1, "\xee\x80\x80",
                            "\xf0\x9f\x98\x80", "key order")};
}

/* Appends event `n`; NULL with `why` where that is refused. */
static inline json_t *fixture_append(struct chain_head *head, char why[AUDIT_WHY_SIZE],
                                     size_t n)
{
    struct hash256 states[2];
    json_t *entry = NULL;
    struct audit_event event = fixture_event(n, states);
    bool is_made = chain_append(&entry, head, why, &event) == KZ_OK;
    json_decref((json_t *)event.basis);
    json_decref((json_t *)event.detail);
    return is_made ? entry : NULL;
}

/* All of them, in an array. */
static inline json_t *fixture_chain(struct chain_head *head)
{
    char why[AUDIT_WHY_SIZE];
    json_t *chain = json_array();
    *head = (struct chain_head){0};
    for (size_t i = 0; i < FIXTURE_EVENTS; i++)
        if (json_array_append_new(chain, fixture_append(head, why, i)) != 0)
            return NULL;
    return chain;
}

#endif
