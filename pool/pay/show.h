/* pool/pay/show.h - what people see of plans and payouts: JSON for programs, and the same
 * as text.
 *
 * Ownership  JSON is the caller's to json_decref().
 * Thread     one. Prints on standard output. */
#ifndef POOL_PAY_SHOW_H
#define POOL_PAY_SHOW_H

#include "pool/pay/run.h"

json_t *show_plan_json(const struct run *r, const struct payer *p);
void show_plan(const json_t *plan);

json_t *show_list_json(const struct payout_list *l);
void show_list(const json_t *list);

json_t *show_payout_json(const struct payout *o);
void show_payout(const json_t *payout);

/* Debts by age against coins; "ok" is false when they are short. */
KZ_MUST_USE enum kz_err reserves_json(json_t **out, struct payer *p);
void show_reserves(const json_t *reserves);

#endif
