/* Suspended miners: what is payable to them lies in `held` until a person releases it.
 *
 * Nothing is remembered between the registry's change and the entry: whoever is on hold
 * and has something payable gets a hold, whoever is not and has something held gets a
 * release. So a crash in between, an orphan that returned money, or a change made by
 * another daemon all end the same way. So does a payout that reserved what a hold had looked
 * at: mature is in debit then and held has too much, and as much as that goes back. */
#include "pool/accounts_parts.h"

#include "conf/clock.h"
#include "pool/registry/registry_record.h"
#include "share/bytes.h"
#include "share/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "<holds> <releases>" */
static void read_counts(uint64_t counts[2], const json_t *marks, const char *miner)
{
    const char *text = json_string_value(json_object_get(marks, miner));
    counts[0] = counts[1] = 0;
    for (size_t i = 0; text != NULL && i < 2; i++) {
        counts[i] = decimal_take(&text);
        text += *text == ' ';
    }
}

/* A revoked miner's, once two persons have released it to its owner. */
static bool may_release(const struct accounts *a, const json_t *record)
{
    return accounts_may(a, record).is_paid;
}

/* `why` NULL: the registration's. */
static bool move(struct accounts *a, const struct miner_id *miner, int64_t sat,
                 bool is_hold, const json_t *marks, const char *why)
{
    uint64_t counts[2];
    char text[48];
    struct entry e;
    const json_t *record = json_object_get(a->miners, miner->text);
    struct entry_basis basis = {.reason = ""};
    const char *note =
        json_string_value(json_object_get(json_object_get(record, "basis"), "note"));
    const char *actor = record_text(record, "actor");
    if (why != NULL)
        note = why;
    snprintf(basis.reason, sizeof(basis.reason), "%.400s", note != NULL ? note : "");
    if (basis.reason[0] == '\0')
        snprintf(basis.reason, sizeof(basis.reason), "the registration's state is %s",
                 miner_state_name(record_state(record)));
    snprintf(basis.by[0], sizeof(basis.by[0]), "%.60s", actor != NULL ? actor : "");
    read_counts(counts, marks, miner->text);
    struct postings_hold h = {.miner = *miner,
                              .n = ++counts[is_hold ? 0 : 1],
                              .document = "",
                              .basis = &basis,
                              .time_ms = clock_utc_ms()};
    if (!amount_from_sat(&h.amount, sat) ||
        (is_hold ? postings_hold(&e, &h) : postings_release(&e, &h)) != KZ_OK) {
        accounts_raise(a, "hold_not_made", "a hold or release makes no entry");
        return true;
    }
    snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, counts[0], counts[1]);
    log_info("balance_moved", kv_str("miner", miner->text), kv_i64("sat", sat),
             kv_str("to", is_hold ? "held" : "mature"));
    a->accounts_changed = true;
    return accounts_write(a, json_pack("{s:[o], s:[[s, s, s]]}", "entries",
                                       accounts_entry(&e), "marks", "holds",
                                       miner->text, text));
}

static bool move_all(struct accounts *a, const json_t *balances, bool is_hold,
                     const json_t *marks)
{
    const char *id;
    json_t *text;
    struct miner_id miner;
    json_object_foreach((json_t *)balances, id, text)
    {
        int64_t sat = accounts_number(balances, id);
        const json_t *record = json_object_get(a->miners, id);
        if (sat <= 0 || record == NULL ||
            miner_id_parse(&miner, id, strlen(id)) != KZ_OK)
            continue;
        bool held = accounts_is_held(a, &miner);
        if (is_hold ? !held : held || !may_release(a, record))
            continue;
        if (!move(a, &miner, sat, is_hold, marks, NULL))
            return false;
    }
    return true;
}

/* Miners whose mature balance is in debit and whose held one is not released anyway: each is
 * moved once a step, since the marks count what was booked before it. */
static bool settle_debits(struct accounts *a, const json_t *mature, const json_t *held,
                          const json_t *marks)
{
    const char *id;
    json_t *text;
    struct miner_id miner;
    json_object_foreach((json_t *)mature, id, text)
    {
        int64_t debit = -accounts_number(mature, id), there = accounts_number(held, id);
        const json_t *record = json_object_get(a->miners, id);
        if (debit <= 0 || there <= 0 || record == NULL ||
            miner_id_parse(&miner, id, strlen(id)) != KZ_OK ||
            (!accounts_is_held(a, &miner) && may_release(a, record)))
            continue;
        if (!move(a, &miner, debit < there ? debit : there, false, marks,
                  "a payout had reserved what was held"))
            return false;
    }
    return true;
}

void holds_step(struct accounts *a)
{
    json_t *mature = NULL, *held = NULL, *marks = NULL;
    /* The marks first: what another instance books meanwhile then has the number of ours, and
     * the ledger takes one of them. */
    bool done = store_read_hash(&marks, a->store, KEY_HOLDS) == KZ_OK &&
                store_read_hash(&mature, a->store, KEY_MATURE) == KZ_OK &&
                store_read_hash(&held, a->store, KEY_HELD) == KZ_OK &&
                move_all(a, mature, true, marks) && move_all(a, held, false, marks) &&
                settle_debits(a, mature, held, marks);
    a->balances_changed |= !done;
    json_decref(mature);
    json_decref(held);
    json_decref(marks);
}
