/* tests/fuzz/fuzz_record.c - JSON as a miner's record: given by people, or damaged in Redis.
 *
 * Whatever it is, it is judged without harm: checked, drafted, split and merged, moved,
 * changed. What the check finds can be told as JSON; a split leaves nothing personal. */
#include "conf/mem.h"
#include "pool/registry/record_change.h"
#include "pool/registry/record_may.h"
#include "pool/registry/record_proposal.h"
#include "pool/registry/record_split.h"
#include "tests/fuzz/profile_fixture.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drop(json_t **out, struct record_happened *happened, enum kz_err err)
{
    if (err != KZ_OK)
        return;
    json_decref(*out);
    json_decref(happened->detail);
}

static void try_check(const json_t *record, const struct record_act *act,
                      bool is_stored)
{
    struct record_findings found = {.count = 0};
    struct record_checks with = record_checks_of(act);
    with.is_stored = is_stored;
    record_check(&found, record, &with);
    size_t total = found.of[0] + found.of[1] + found.of[2];
    assert(found.count == (total < RECORD_FINDINGS_MAX ? total : RECORD_FINDINGS_MAX));
    json_t *list = record_findings_json(&found);
    assert(json_array_size(list) == found.count);
    json_decref(list);
    record_findings_clear(&found);
}

static void try_split(const json_t *record)
{
    json_t *rest, *taken;
    record_split(&rest, &taken, record);
    for (const struct record_field *f = record_fields(); f->name != NULL; f++)
        assert(!record_field_is_personal(f, record) ||
               json_object_get(rest, f->name) == NULL);
    json_decref(rest);
    json_decref(taken);
}

static void try_moves(const json_t *record, struct record_act *act)
{
    char why[RECORD_WHY_SIZE];
    struct record_happened happened;
    json_t *out = NULL;
    for (int to = 0; to < MINER_STATES; to++) {
        const struct record_proposal p = {.what = RECORD_PROPOSE_STATE,
                                          .to = (enum miner_state)to};
        act->reason = "matter_settled";
        drop(&out, &happened,
             record_apply(&out, &happened, why, record, (enum miner_state)to, act));
        drop(&out, &happened, record_propose(&out, &happened, why, record, &p, act));
    }
    drop(&out, &happened, record_confirm(&out, &happened, why, record, act));
    drop(&out, &happened, record_confirm_suspension(&out, &happened, why, record, act));
    drop(&out, &happened, record_withdraw(&out, &happened, why, record, act));
    act->reason = "suspicion";
    drop(&out, &happened, record_freeze(&out, &happened, why, record, act));
    act->reason = "applied";
    drop(&out, &happened, record_draft(&out, &happened, why, record, act));
}

/* With parts of the record itself as what is given. */
static void try_changes(const json_t *record, struct record_act *act)
{
    static const struct {
        record_change_fn *how;
        const char *part;
    } rows[] = {
        {record_add_equipment, "equipment"},
        {record_end_equipment, "equipment"},
        {record_add_site, "sites"},
        {record_end_site, "sites"},
        {record_set_certificate, "certificate"},
        {record_screen, "screening"},
        {record_verify_certificate, "certificate"},
        {record_review, "risk"},
        {record_declare, "declarations"},
        {record_set_networks, "allowed_networks"},
    };
    act->reason = "correction";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char why[RECORD_WHY_SIZE];
        struct record_happened happened;
        json_t *out = NULL, *part = json_object_get(record, rows[i].part);
        const json_t *first = json_array_get(part, 0);
        drop(&out, &happened, rows[i].how(&out, &happened, why, record, part, act));
        drop(&out, &happened, rows[i].how(&out, &happened, why, record, first, act));
    }
}

static void try_now(const json_t *record, const struct record_act *act)
{
    const struct record_view view = {.profile = act->profile,
                                     .stop_orders = json_object_get(record, "sites"),
                                     .now_ms = act->now_ms};
    struct record_may may = record_may(record, &view);
    struct record_happened happened = {.word = AUDIT_APPLIED};
    json_t *out = NULL;
    assert(may.may_mine == (may.refusal == NULL));
    assert(!may.is_paid || may.hold_reason == NULL);
    if (record_due(&out, &happened, record, &view) == RECORD_DUE_SUSPENSION)
        assert(record_state(out) == MINER_SUSPENDED && !may.may_mine);
    json_decref(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile profile;
    json_t *record = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
    if (record == NULL)
        return 0;
    struct conf *conf = mem_new(sizeof(*conf));
    conf->network = CONF_REGTEST;
    fill_profile(&profile);
    json_t *basis = json_object_get(record, "basis");
    struct record_act act = {.by = "officer-1",
                             .role = AUDIT_OFFICER,
                             .basis = basis,
                             .profile = &profile,
                             .conf = conf,
                             .now_ms = NOW_MS};
    try_check(record, &act, true);
    try_check(record, &act, false);
    try_moves(record, &act);
    try_now(record, &act);
    if (json_is_object(record)) {
        try_split(record);
        try_changes(record, &act);
    }
    json_decref(record);
    mem_free(conf);
    return 0;
}
