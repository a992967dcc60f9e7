#include "payout/lots.h"

#include "conf/mem.h"

#include <stdio.h>
#include <string.h>

struct lot_claim {
    char payout[ENTRY_OBJECT_SIZE];
    struct lot_list taken;
};

void lots_clear(struct lots *l)
{
    for (size_t i = 0; i < l->claim_count; i++)
        mem_free(l->claims[i].taken.rows);
    mem_free(l->claims);
    mem_free(l->left.rows);
    *l = (struct lots){.first = 0};
}

static void append(struct lot_list *list, const struct lot *lot)
{
    if (list->count == list->room) {
        list->room = list->room > 0 ? 2 * list->room : 8;
        list->rows = mem_resize(list->rows, list->room * sizeof(*list->rows));
    }
    list->rows[list->count++] = *lot;
}

/* What the entry does to the miner's payable money; false outside the range. */
static bool change_of(struct amount *change, const struct miner_id *miner,
                      const struct entry *e)
{
    *change = amount_zero();
    for (size_t i = 0; i < e->posting_count; i++) {
        const struct posting *p = &e->postings[i];
        if (lots_is_payable(&p->account) && miner_id_equal(&p->account.miner, miner) &&
            !amount_sub(change, *change, p->amount))
            return false;
    }
    return true;
}

/* From the oldest on, into `taken` (NULL: nobody asks). More than there is takes all. */
static void take(struct lots *l, struct amount sat, struct lot_list *taken)
{
    while (l->first < l->left.count && !amount_is_zero(sat)) {
        struct lot *oldest = &l->left.rows[l->first];
        struct lot part = *oldest;
        struct amount rest;
        bool is_whole =
            !amount_sub(&rest, oldest->sat, sat) || !amount_is_negative(rest);
        if (is_whole) {
            part.sat = sat;
            oldest->sat = rest;
            sat = amount_zero();
        } else {
            sat = entry_turned(rest);
        }
        if (!is_whole || amount_is_zero(rest))
            l->first++;
        if (taken != NULL)
            append(taken, &part);
    }
}

static struct lot_claim *claim_of(const struct lots *l, const char *payout)
{
    for (size_t i = 0; i < l->claim_count; i++)
        if (strcmp(l->claims[i].payout, payout) == 0)
            return &l->claims[i];
    return NULL;
}

static struct lot_claim *new_claim(struct lots *l, const char *payout)
{
    if (l->claim_count == l->claim_room) {
        l->claim_room = l->claim_room > 0 ? 2 * l->claim_room : 8;
        l->claims = mem_resize(l->claims, l->claim_room * sizeof(*l->claims));
    }
    struct lot_claim *c = &l->claims[l->claim_count++];
    memset(c, 0, sizeof(*c));
    snprintf(c->payout, sizeof(c->payout), "%s", payout);
    return c;
}

/* A payout that was given up: its lots are the oldest again. */
static void give_back(struct lots *l, const char *payout)
{
    struct lot_claim *c = claim_of(l, payout);
    struct lot_list merged = {.count = 0};
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->taken.count; i++)
        append(&merged, &c->taken.rows[i]);
    for (size_t i = l->first; i < l->left.count; i++)
        append(&merged, &l->left.rows[i]);
    mem_free(l->left.rows);
    mem_free(c->taken.rows);
    l->left = merged;
    l->first = 0;
    *c = l->claims[--l->claim_count];
}

void lots_apply(struct lots *l, const struct entry *e, struct amount change)
{
    if (e->key.kind == ENTRY_PAYOUT_ABANDONED) {
        give_back(l, e->key.object);
    } else if (e->key.kind == ENTRY_PAYOUT_RESERVED && amount_is_negative(change)) {
        struct lot_claim *c = new_claim(l, e->key.object);
        take(l, entry_turned(change), &c->taken);
    } else if (amount_is_negative(change)) {
        take(l, entry_turned(change), NULL);
    } else if (!amount_is_zero(change)) {
        struct lot lot = {.time_ms = e->time_ms, .sat = change};
        const char *name = e->reference[0] != '\0' ? e->reference : e->key.object;
        snprintf(lot.reference, sizeof(lot.reference), "%s", name);
        append(&l->left, &lot);
    }
}

bool lots_is_payable(const struct account *a)
{
    return a->name == ACCOUNT_MATURE || a->name == ACCOUNT_HELD;
}

enum kz_err lots_follow(struct lots *l, const struct miner_id *miner,
                        const struct entry *e)
{
    struct amount change;
    if (!change_of(&change, miner, e))
        return KZ_RANGE;
    lots_apply(l, e, change);
    return KZ_OK;
}

const struct lot *lots_left(const struct lots *l, size_t *count)
{
    *count = l->left.count - l->first;
    return *count > 0 ? l->left.rows + l->first : NULL;
}

const struct lot *lots_of_payout(const struct lots *l, const char *payout,
                                 size_t *count)
{
    const struct lot_claim *c = claim_of(l, payout);
    *count = c != NULL ? c->taken.count : 0;
    return *count > 0 ? c->taken.rows : NULL;
}
