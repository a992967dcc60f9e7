/* pool/pay/dues.h - who is due what, and what is in the way.
 *
 * Every miner with a mature balance is one due, with the address that is theirs now, their
 * own minimum, and a reason where nothing may be paid (accounting section 4, registry
 * section 3): a state that holds, no address, one that still waits, a list or a screening
 * program. Texts are for the operator; the payee is never told which list.
 *
 * Ownership  dues_read() fills; dues_clear() releases, accepts a zeroed one.
 * Errors     p->why; KZ_IO Redis is away, KZ_RANGE a list that cannot be used, or an
 *            address that is none of this network's.
 * Thread     one; it may wait for the screening program. */
#ifndef POOL_PAY_DUES_H
#define POOL_PAY_DUES_H

#include "payout/plan.h"
#include "pool/pay/payer.h"

struct screen;

#define DUES_NOTE_SIZE 160

struct dues {
    struct plan_due *rows; /* by miner id */
    size_t count;
    char (*notes)[DUES_NOTE_SIZE];
    char (*addresses)[ADDRESS_TEXT_SIZE];
    json_t *held; /* {miner: {"sat", "why"}}: lies in `held`, and why */
};

KZ_MUST_USE enum kz_err dues_read(struct dues *d, struct payer *p, struct screen *s);
void dues_clear(struct dues *d);
/* The address text of a miner's due. */
const char *dues_address(const struct dues *d, const struct miner_id *miner);

/* --- screening -------------------------------------------------------------------- */

enum screen_verdict { SCREEN_CLEAR, SCREEN_MATCH, SCREEN_UNKNOWN };

struct screen_case {
    const char *miner, *address;
    const struct address *to;
    struct amount amount;
    const char *purpose; /* "plan", "sign" */
};

/* Loads the settings' lists and logs their sums. KZ_RANGE: one cannot be read or used. */
KZ_MUST_USE enum kz_err screen_open(struct screen **out, struct payer *p);
void screen_close(struct screen *s); /* NULL accepted */
/* `note` (DUES_NOTE_SIZE) says which list, or what the program said. */
enum screen_verdict screen_ask(char *note, const struct screen *s,
                               const struct screen_case *c);

#endif
