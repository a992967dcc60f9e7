/* payout/statement.h - what one miner was credited and paid in a period.
 *
 *   start + credited - paid - reversed + adjusted = end
 *
 * Fed with every entry of the ledger, it keeps a line of each that moved the miner's
 * money in [from, to), and the terms' sums. What is owed is the sum of all the miner's
 * accounts, less what is receivable from them; moves between those (a hold, a reserve)
 * are lines that change nothing. `end` is summed by account, the terms by event, so
 * that the equation (I8) can fail.
 *
 * Units      positive: owed to the miner.
 * Ownership  owns its lines: statement_init(), then statement_clear().
 * Errors     KZ_RANGE: a sum outside the range of money; the statement is then void.
 * Thread     one at a time. Pure. */
#ifndef PAYOUT_STATEMENT_H
#define PAYOUT_STATEMENT_H

#include "payout/entry.h"

/* Which term of the equation a kind of entry belongs to; NONE only moves or is not about
 * miners. */
enum statement_term {
    STATEMENT_NONE,
    STATEMENT_CREDITED,
    STATEMENT_PAID,
    STATEMENT_REVERSED,
    STATEMENT_ADJUSTED,
};
enum statement_term statement_term_of(enum entry_kind kind);

/* Where what is owed lies; `receivable` is positive when the miner owes the pool. */
struct statement_holdings {
    struct amount immature, mature, held, reserved, receivable;
};

/* One posting of a miner's account; another's sum. False outside the range of money:
 * `h` is half changed then. */
KZ_MUST_USE bool holdings_post(struct statement_holdings *h, const struct posting *p);
KZ_MUST_USE bool holdings_add(struct statement_holdings *h,
                              const struct statement_holdings *by);

struct statement_line {
    int64_t time_ms;
    enum entry_kind kind;
    char reference[ENTRY_REFERENCE_SIZE]; /* block hash or txid */
    bool has_output;
    uint32_t vout;        /* of that coinbase or transaction */
    struct amount output; /* its value */
    struct amount change; /* of what is owed */
    struct statement_holdings moved;
};

struct statement {
    struct miner_id miner;
    int64_t from_ms, to_ms;
    struct amount start, credited, paid, reversed, adjusted, end;
    struct statement_holdings at_start, at_end;
    struct statement_line *lines;
    size_t line_count, line_room;
};

void statement_init(struct statement *s, const struct miner_id *miner, int64_t from_ms,
                    int64_t to_ms);
void statement_clear(struct statement *s);

/* Each entry once, in any order of time: those that book_apply() answered with KZ_OK. */
KZ_MUST_USE enum kz_err statement_add(struct statement *s, const struct entry *e);

/* Does the equation hold? False is a defect of the ledger, to be said loudly. */
bool statement_is_sound(const struct statement *s);

#endif
