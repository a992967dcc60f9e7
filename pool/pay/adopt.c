/* What a lost journal reserved.
 *
 * Nobody here can know whether it was signed there, and sent. Signing it again is safe:
 * the same coins go to the same outputs, so at most one of the two confirms. Giving it up
 * is not. The reserve is journaled again, whole, since the journal that had it is gone:
 * its entry is known by its key now, and is applied should Redis lose its data. */
#include "pool/pay/payer.h"

#include "conf/fault.h"
#include "conf/log.h"
#include "conf/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define NOTE "adopted: its journal is gone, and may have signed it"

static json_t *adopt_event(const struct payout *o, const struct payer *p)
{
    char *plan = payout_plan_text(o, p->lease.token);
    json_t *marks = json_array(), *event = json_pack("{s:o}", "marks", marks);
    json_array_append_new(marks, payout_mark(&o->id, "plan", plan));
    json_array_append_new(marks, payout_mark(&o->id, "state", "exported"));
    json_array_append_new(marks, payout_mark(&o->id, "note", NOTE));
    json_array_append_new(marks, payout_mark(&o->id, "n", "0"));
    json_array_append_new(
        marks, json_pack("[s, s, s, s]", "pos", o->id.text, "exported", "keep"));
    purse_use_marks(marks, o, "held");
    free(plan); /* allowed: jansson's */
    if (o->has_reserve) {
        struct entry e;
        char *text = entry_format(&o->reserve);
        json_array_append_new(marks, payout_mark(&o->id, "reserve", text));
        mem_free(text);
        entry_copy(&e, &o->reserve);
        json_object_set_new(event, "entries", json_pack("[o]", pay_entry(&e)));
    }
    return event;
}

static enum kz_err take_over(struct payout *o, struct payer *p)
{
    snprintf(o->journal, sizeof(o->journal), "%s", journal_id(p->journal));
    enum kz_err err = pay_write(p, EVENT_LEDGER, adopt_event(o, p));
    FAULT_POINT("adopted");
    if (err != KZ_OK)
        return err;
    o->state = PAYOUT_EXPORTED;
    snprintf(o->note, sizeof(o->note), "%s", NOTE);
    log_warn("payout_adopted", kv_str("payout", o->id.text));
    return store_settle(p->store) == KZ_IO
               ? pay_fail(p, KZ_IO, "Redis did not say that its file is synced")
               : KZ_OK;
}

enum kz_err adopt_payout(struct payout *o, struct payer *p)
{
    if (pay_is_ours(o, p))
        return pay_fail(p, KZ_RANGE, "payout %s is of this machine's journal",
                        o->id.text);
    if (o->state != PAYOUT_RESERVED)
        return pay_fail(p, KZ_RANGE,
                        "payout %s is %s: it is followed without being adopted",
                        o->id.text, payout_state_name(o->state));
    enum kz_err err = take_over(o, p);
    if (err != KZ_OK || !wallet_can_sign(p->wallet))
        return err; /* exported, it is signed elsewhere */
    err = step_sign(o, p);
    return err == KZ_OK ? step_send(o, p) : err;
}
