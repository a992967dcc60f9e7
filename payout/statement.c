#include "payout/statement.h"

#include "conf/mem.h"

#include <string.h>

#define ROOM_FIRST 16

enum statement_term statement_term_of(enum entry_kind kind)
{
    switch (kind) {
    case ENTRY_BLOCK_ACCEPTED:
    case ENTRY_BLOCK_REVIVED:
    case ENTRY_PPS_ACCRUAL:
        return STATEMENT_CREDITED;
    case ENTRY_BLOCK_ORPHANED:
        return STATEMENT_REVERSED;
    case ENTRY_BLOCK_MATURED:
    case ENTRY_PAYOUT_CONFIRMED:
    case ENTRY_PAYOUT_UNCONFIRMED:
        return STATEMENT_PAID;
    case ENTRY_CORRECTION:
    case ENTRY_OVERPAYMENT_FOUND:
    case ENTRY_OVERPAYMENT_NETTED:
        return STATEMENT_ADJUSTED;
    case ENTRY_HOLD:
    case ENTRY_RELEASE:
    case ENTRY_PAYOUT_RESERVED:
    case ENTRY_PAYOUT_ABANDONED:
    case ENTRY_CAPITAL_IN:
    case ENTRY_CAPITAL_OUT:
    case ENTRY_PAYOUT_FEE:
    case ENTRY_PAYOUT_FEE_BACK:
    case ENTRY_KINDS:
        break;
    }
    return STATEMENT_NONE;
}

void statement_init(struct statement *s, const struct miner_id *miner, int64_t from_ms,
                    int64_t to_ms)
{
    memset(s, 0, sizeof(*s));
    s->miner = *miner;
    s->from_ms = from_ms;
    s->to_ms = to_ms;
}

void statement_clear(struct statement *s)
{
    mem_free(s->lines);
    memset(s, 0, sizeof(*s));
}

static bool add(struct amount *sum, struct amount a)
{
    return amount_add(sum, *sum, a);
}

bool holdings_post(struct statement_holdings *h, const struct posting *p)
{
    struct amount owed = entry_turned(p->amount);
    switch ((int)p->account.name) {
    case ACCOUNT_IMMATURE:
        return add(&h->immature, owed);
    case ACCOUNT_MATURE:
        return add(&h->mature, owed);
    case ACCOUNT_HELD:
        return add(&h->held, owed);
    case ACCOUNT_RESERVED:
        return add(&h->reserved, owed);
    default:
        return add(&h->receivable, p->amount);
    }
}

bool holdings_add(struct statement_holdings *h, const struct statement_holdings *by)
{
    return add(&h->immature, by->immature) && add(&h->mature, by->mature) &&
           add(&h->held, by->held) && add(&h->reserved, by->reserved) &&
           add(&h->receivable, by->receivable);
}

static bool sum_of(struct amount *owed, const struct statement_holdings *h)
{
    struct amount sum = h->immature;
    if (!add(&sum, h->mature) || !add(&sum, h->held) || !add(&sum, h->reserved) ||
        !amount_sub(&sum, sum, h->receivable))
        return false;
    *owed = sum;
    return true;
}

/* How often the miner occurs is `found`. */
static bool read_entry(struct statement_line *line, size_t *found,
                       const struct statement *s, const struct entry *e)
{
    for (size_t i = 0; i < e->posting_count; i++) {
        const struct posting *p = &e->postings[i];
        if (!account_has_miner(p->account.name) ||
            !miner_id_equal(&p->account.miner, &s->miner))
            continue;
        (*found)++;
        if (!holdings_post(&line->moved, p))
            return false;
    }
    return sum_of(&line->change, &line->moved);
}

static bool count_term(struct statement *s, const struct statement_line *line)
{
    switch (statement_term_of(line->kind)) {
    case STATEMENT_CREDITED:
        return add(&s->credited, line->change);
    case STATEMENT_ADJUSTED:
        return add(&s->adjusted, line->change);
    case STATEMENT_PAID:
        return amount_sub(&s->paid, s->paid, line->change);
    case STATEMENT_REVERSED:
        return amount_sub(&s->reversed, s->reversed, line->change);
    case STATEMENT_NONE:
        break;
    }
    return true;
}

static void keep_line(struct statement *s, const struct statement_line *line)
{
    if (s->line_count == s->line_room) {
        s->line_room = s->line_room == 0 ? ROOM_FIRST : 2 * s->line_room;
        s->lines = mem_resize(s->lines, s->line_room * sizeof(*s->lines));
    }
    s->lines[s->line_count++] = *line;
}

static void describe(struct statement_line *line, const struct statement *s,
                     const struct entry *e)
{
    const struct entry_output *output = entry_output_of(e, &s->miner);
    line->time_ms = e->time_ms;
    line->kind = e->key.kind;
    memcpy(line->reference, e->reference, sizeof(line->reference));
    if (output == NULL)
        return;
    line->has_output = true;
    line->vout = output->vout;
    line->output = output->value;
}

enum kz_err statement_add(struct statement *s, const struct entry *e)
{
    struct statement_line line;
    size_t found = 0;
    memset(&line, 0, sizeof(line));
    if (e->time_ms >= s->to_ms)
        return KZ_OK;
    if (!read_entry(&line, &found, s, e))
        return KZ_RANGE;
    /* A hold of nothing is a line too: it says from when. */
    if (found == 0 && !miner_id_equal(&e->key.miner, &s->miner))
        return KZ_OK;
    describe(&line, s, e);
    if (!holdings_add(&s->at_end, &line.moved) || !sum_of(&s->end, &s->at_end))
        return KZ_RANGE;
    if (e->time_ms < s->from_ms)
        return holdings_add(&s->at_start, &line.moved) &&
                       sum_of(&s->start, &s->at_start)
                   ? KZ_OK
                   : KZ_RANGE;
    if (!count_term(s, &line))
        return KZ_RANGE;
    keep_line(s, &line);
    return KZ_OK;
}

bool statement_is_sound(const struct statement *s)
{
    struct amount sum = s->start;
    return add(&sum, s->credited) && amount_sub(&sum, sum, s->paid) &&
           amount_sub(&sum, sum, s->reversed) && add(&sum, s->adjusted) &&
           amount_compare(sum, s->end) == 0;
}
