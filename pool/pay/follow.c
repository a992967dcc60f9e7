/* What became of payouts: the node is asked, never believed to have said no when it said
 * nothing. The anchor tells: every version spends it, so while it is unspent none has
 * confirmed, and once it is spent the block that did says which (accounting section 9). */
#include "pool/pay/payer.h"

#include "conf/clock.h"
#include "conf/fault.h"
#include "conf/log.h"
#include "payout/postings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINAL_CONFIRMATIONS 100
#define LOOK_BEFORE         10
/* A cancellation sets debts free, which the other version would pay: whatever the settings
 * say, it is buried deeper than reorganisations go. */
#define CANCEL_CONFIRMATIONS 6

/* --- where a payout is ------------------------------------------------------------ */

enum where {
    AT_NOWHERE,  /* no version is known to the node, the anchor is unspent */
    AT_MEMPOOL,  /* the newest version is there */
    AT_OLDER,    /* an older version is */
    AT_STRANGER, /* an unconfirmed transaction of somebody else spends the anchor */
    AT_CHAIN,    /* `seen` */
    AT_LOST,     /* the anchor is change of a transaction that another beat for good */
    AT_TAKEN,    /* a stranger's transaction in the chain spent the anchor */
};

struct sight {
    enum where where;
    struct payout_seen seen;
    int64_t confirmations;
    struct hash256 stranger;
};

static bool version_of(size_t *out, const struct payout *o, const struct hash256 *txid)
{
    for (size_t i = 0; i < o->version_count; i++)
        if (hash256_equal(&o->versions[i].txid, txid)) {
            *out = i;
            return true;
        }
    return false;
}

/* The transaction of a block that spends the anchor. */
struct hunt {
    const struct tx_outpoint *anchor;
    struct hash256 txid;
    bool found;
};

static bool hunt_one(void *ctx, const struct tx *t)
{
    struct hunt *h = ctx;
    h->found = tx_spends(t, h->anchor);
    if (h->found)
        tx_id(&h->txid, t);
    return !h->found;
}

/* Blocks since the reservation, oldest first: before it the anchor was unspent. A few more,
 * since a reorganisation may have put other blocks there. */
static enum kz_err find_spender(struct sight *s, const struct payout *o,
                                struct payer *p)
{
    uint32_t from = o->height > LOOK_BEFORE ? o->height - LOOK_BEFORE : 1;
    uint32_t tip = chain_tip(p->chain).height;
    struct hunt h = {.anchor = &o->coins[0].from};
    struct hash256 block;
    enum kz_err err = KZ_OK;
    for (uint32_t height = from; height <= tip && err == KZ_OK; height++) {
        err = chain_block_hash(&block, p->chain, height);
        if (err == KZ_OK)
            err = chain_block_walk(p->chain, &block, hunt_one, &h);
        if (err != KZ_OK || !h.found)
            continue;
        s->seen = (struct payout_seen){.height = height, .block = block};
        s->confirmations = (int64_t)tip - height + 1;
        s->where = version_of(&s->seen.version, o, &h.txid) ? AT_CHAIN : AT_TAKEN;
        s->stranger = h.txid;
        return KZ_OK;
    }
    return err == KZ_OK || err == KZ_EMPTY ? KZ_IO : err; /* a block came meanwhile */
}

static enum kz_err look_in_mempool(struct sight *s, const struct payout *o,
                                   struct payer *p)
{
    enum kz_err err = KZ_OK;
    bool is_there = false;
    for (size_t i = o->version_count; i > 0 && err == KZ_OK && !is_there; i--) {
        err = chain_is_in_mempool(&is_there, p->chain, &o->versions[i - 1].txid);
        if (err == KZ_OK && is_there)
            s->where = i == o->version_count ? AT_MEMPOOL : AT_OLDER;
    }
    if (err != KZ_OK || is_there)
        return err;
    struct chain_coin anchor;
    err = chain_txout(&anchor, p->chain, &o->coins[0].from, true);
    if (err != KZ_OK || anchor.is_unspent)
        return err;
    err = chain_mempool_spender(&s->stranger, p->chain, &o->coins[0].from);
    if (err == KZ_OK && !version_of(&s->seen.version, o, &s->stranger))
        s->where = AT_STRANGER;
    return err == KZ_EMPTY ? KZ_IO : err; /* it left meanwhile: look again later */
}

/* What the chain can say of an anchor that it does not have. */
enum anchor {
    ANCHOR_SPENT,   /* or its block is gone: whoever spent it is in a block */
    ANCHOR_TO_COME, /* change of a payout that is not in the chain yet */
    ANCHOR_LOST,    /* change of a version that lost, and that is buried */
};

/* Change of another payout: of which version did the chain take? A debt is released only
 * when that is final; where nobody is paid, there is nothing to be careful with. */
static enum kz_err judge_anchor(enum anchor *out, const struct payout *o,
                                struct payer *p)
{
    struct payout parent = {.version_count = 0};
    char txid[HASH256_HEX_SIZE];
    hash256_format_display(txid, &o->coins[0].from.txid);
    *out = ANCHOR_SPENT;
    enum kz_err err = pay_find(&parent, p, txid);
    if (err == KZ_EMPTY)
        return KZ_OK;
    if (err != KZ_OK)
        return err;
    size_t version = 0;
    bool is_its = version_of(&version, &parent, &o->coins[0].from.txid) &&
                  version == parent.seen.version;
    bool is_buried = parent.state == PAYOUT_FINAL || parent.state == PAYOUT_CANCELLED ||
                     (parent.state == PAYOUT_CONFIRMED && o->recipient_count == 0);
    if (parent.seen.height == 0)
        *out = ANCHOR_TO_COME;
    else if (!is_its)
        *out = is_buried ? ANCHOR_LOST : ANCHOR_TO_COME;
    payout_clear(&parent);
    return KZ_OK;
}

static enum kz_err look_behind_anchor(struct sight *s, const struct payout *o,
                                      struct payer *p)
{
    enum anchor anchor;
    enum kz_err err = judge_anchor(&anchor, o, p);
    if (err != KZ_OK)
        return err;
    switch (anchor) {
    case ANCHOR_SPENT:
        return find_spender(s, o, p);
    case ANCHOR_TO_COME:
        return look_in_mempool(s, o, p);
    case ANCHOR_LOST:
        s->where = AT_LOST;
        return KZ_OK;
    }
    return KZ_OK;
}

/* KZ_IO: not known now. */
static enum kz_err look_for(struct sight *s, const struct payout *o, struct payer *p)
{
    struct chain_coin anchor;
    enum kz_err err;
    *s = (struct sight){.where = AT_NOWHERE};
    if (o->seen.height > 0) {
        err = chain_confirmations(&s->confirmations, p->chain, &o->seen.block);
        if (err == KZ_OK && s->confirmations >= 1) {
            s->where = AT_CHAIN;
            s->seen = o->seen;
            return KZ_OK;
        }
        if (err != KZ_OK && err != KZ_EMPTY)
            return err;
    }
    err = chain_txout(&anchor, p->chain, &o->coins[0].from, false);
    if (err != KZ_OK)
        return err;
    return anchor.is_unspent ? look_in_mempool(s, o, p) : look_behind_anchor(s, o, p);
}

/* --- steps by what was seen ------------------------------------------------------- */

static enum kz_err keep_seen(struct payout *o, struct payer *p, const struct sight *s)
{
    if (o->seen.height == s->seen.height && o->seen.version == s->seen.version &&
        hash256_equal(&o->seen.block, &s->seen.block) && o->state >= PAYOUT_BROADCAST)
        return KZ_OK;
    char *text = payout_seen_text(&s->seen);
    json_t *marks = json_array();
    json_array_append_new(marks, payout_mark(&o->id, "seen", text));
    free(text); /* allowed: jansson's */
    enum kz_err err = step_state(o, p, PAYOUT_BROADCAST, "", marks);
    if (err == KZ_OK)
        o->seen = s->seen;
    return err;
}

static enum kz_err step_in_chain(struct payout *o, struct payer *p,
                                 const struct sight *s)
{
    enum kz_err err = keep_seen(o, p, s);
    bool cancels = o->versions[s->seen.version].why == VERSION_CANCELS;
    bool is_deep = s->confirmations >= (int64_t)p->conf->pay.confirmations;
    if (err != KZ_OK || !is_deep)
        return err;
    if (cancels && s->confirmations < CANCEL_CONFIRMATIONS)
        return KZ_OK;
    if (cancels)
        return step_cancelled(o, p);
    /* Booked already, and a replay of another journal has set the state back. */
    return o->has_confirm ? step_state(o, p, PAYOUT_CONFIRMED, "", NULL)
                          : step_confirm(o, p);
}

static enum kz_err step_conflicted(struct payout *o, struct payer *p,
                                   const struct sight *s)
{
    char note[PAYOUT_NOTE_SIZE], txid[HASH256_HEX_SIZE];
    hash256_format_display(txid, &s->stranger);
    snprintf(note, sizeof(note), "its anchor was spent by %s, which is not ours", txid);
    if (o->state != PAYOUT_CONFLICTED)
        log_error("payout_conflicted", kv_str("payout", o->id.text),
                  kv_str("by", txid));
    return step_state(o, p, PAYOUT_CONFLICTED, note, NULL);
}

/* Gone, or never seen: the stored bytes again. A reorganisation may have taken a block
 * that we had written down. */
static enum kz_err send_again(struct payout *o, struct payer *p)
{
    enum kz_err err = KZ_OK;
    if (o->seen.height > 0) {
        json_t *marks = json_array();
        json_array_append_new(marks, payout_mark(&o->id, "seen", ""));
        err = step_state(o, p, o->state, "a reorganisation took its block", marks);
        o->seen = (struct payout_seen){.height = 0};
    }
    if (err == KZ_OK)
        err = step_send(o, p);
    bool is_to_bump = bump_is_too_cheap(o) && bump_is_late(o, p);
    return err == KZ_OK && is_to_bump ? bump_late(o, p) : err;
}

/* The note of one that is late stays until it is not: a step each time would be two. */
static enum kz_err step_in_mempool(struct payout *o, struct payer *p)
{
    if (o->state == PAYOUT_BROADCAST && bump_is_late(o, p))
        return bump_late(o, p);
    return step_state(o, p, PAYOUT_BROADCAST, "", NULL);
}

static enum kz_err note_stranger(struct payout *o, struct payer *p,
                                 const struct sight *s)
{
    char note[PAYOUT_NOTE_SIZE], txid[HASH256_HEX_SIZE];
    hash256_format_display(txid, &s->stranger);
    snprintf(note, sizeof(note), "conflict: unconfirmed %s spends its anchor", txid);
    if (strcmp(o->note, note) != 0)
        log_error("payout_conflict", kv_str("payout", o->id.text), kv_str("by", txid));
    return step_state(o, p, o->state, note, NULL);
}

/* Nobody else has the key, so a transaction that spends the anchor under another id may
 * well be ours: signed outside, or with signatures that somebody on the way wrote in
 * another form (of P2PKH the id depends on them). It is if all but those is the same. */
static bool is_ours(enum payout_why *why, const struct payout *o, struct payer *p,
                    const struct tx *t)
{
    struct tx known;
    step_build(&known, o, p);
    bool is = step_is_same(t, &known);
    tx_clear(&known);
    *why = VERSION_PAYS;
    for (size_t i = 0; i < o->version_count && !is; i++) {
        step_version_tx(&known, &o->versions[i]);
        is = step_is_same(t, &known);
        *why = o->versions[i].why;
        tx_clear(&known);
    }
    if (!is && step_is_cancel(t, o, p)) { /* signed elsewhere, and sent by them */
        *why = VERSION_CANCELS;
        is = true;
    }
    return is;
}

static enum kz_err take_outside(struct payout *o, struct payer *p,
                                const struct sight *s)
{
    bool in_chain = s->where == AT_TAKEN;
    enum payout_why why;
    struct tx t;
    if (chain_transaction(&t, p->chain, &s->stranger,
                          in_chain ? &s->seen.block : NULL) != KZ_OK)
        return KZ_OK;
    enum kz_err err;
    if (is_ours(&why, o, p, &t))
        err = step_keep(o, p, &t, why);
    else
        err = in_chain ? step_conflicted(o, p, s) : note_stranger(o, p, s);
    tx_clear(&t);
    return err;
}

static enum kz_err step_lost(struct payout *o, struct payer *p)
{
    log_warn("payout_lost", kv_str("payout", o->id.text));
    return step_abandon(o, p, "what made its coin lost against another transaction");
}

static enum kz_err follow_sent(struct payout *o, struct payer *p)
{
    struct sight s;
    enum kz_err err = look_for(&s, o, p);
    if (err != KZ_OK)
        return KZ_OK; /* nothing is known: nothing is done */
    switch (s.where) {
    case AT_CHAIN:
        return step_in_chain(o, p, &s);
    case AT_TAKEN:
    case AT_STRANGER:
        return take_outside(o, p, &s);
    case AT_LOST:
        return step_lost(o, p);
    case AT_MEMPOOL:
        return step_in_mempool(o, p);
    case AT_OLDER:
    case AT_NOWHERE:
        return send_again(o, p);
    }
    return KZ_OK;
}

/* A node that never had the block says nothing of it; what it has at that height tells. */
static bool is_block_gone(const struct payout *o, struct payer *p)
{
    struct hash256 there;
    return chain_block_hash(&there, p->chain, o->seen.height) == KZ_OK &&
           !hash256_equal(&there, &o->seen.block);
}

/* Booked as paid: is it still? */
static enum kz_err follow_confirmed(struct payout *o, struct payer *p)
{
    int64_t confirmations = 0;
    enum kz_err err = chain_confirmations(&confirmations, p->chain, &o->seen.block);
    if (err == KZ_OK && confirmations >= FINAL_CONFIRMATIONS)
        return step_state(o, p, PAYOUT_FINAL, "", NULL);
    if ((err == KZ_OK && confirmations < 0) ||
        (err == KZ_EMPTY && is_block_gone(o, p))) {
        err = step_unconfirm(o, p);
        return err == KZ_OK ? follow_sent(o, p) : err;
    }
    return KZ_OK;
}

/* The anchor is unspent again: a reorganisation took what had spent it. */
static enum kz_err follow_conflicted(struct payout *o, struct payer *p)
{
    struct chain_coin anchor;
    struct sight s;
    enum kz_err err = chain_txout(&anchor, p->chain, &o->coins[0].from, false);
    if (err != KZ_OK)
        return KZ_OK;
    if (anchor.is_unspent)
        return step_state(o, p,
                          o->version_count > 0 ? PAYOUT_BROADCAST : PAYOUT_EXPORTED,
                          "its anchor is unspent again", NULL);
    if (look_for(&s, o, p) == KZ_OK && s.where == AT_CHAIN)
        return step_in_chain(o, p, &s);
    return KZ_OK;
}

static enum kz_err follow_exported(struct payout *o, struct payer *p)
{
    struct sight s;
    if (look_for(&s, o, p) != KZ_OK || s.where == AT_NOWHERE)
        return KZ_OK;
    if (s.where == AT_LOST)
        return step_lost(o, p);
    enum kz_err err = take_outside(o, p, &s);
    return err == KZ_OK && o->state == PAYOUT_SIGNED ? follow_sent(o, p) : err;
}

static enum kz_err follow_one(struct payout *o, struct payer *p)
{
    switch (o->state) {
    case PAYOUT_SIGNED:
    case PAYOUT_BROADCAST:
        return follow_sent(o, p);
    case PAYOUT_CONFIRMED:
        return follow_confirmed(o, p);
    case PAYOUT_CONFLICTED:
        return follow_conflicted(o, p);
    case PAYOUT_EXPORTED: /* a signer outside may have sent it */
        return follow_exported(o, p);
    case PAYOUT_RESERVED: /* pay_finish()'s */
    case PAYOUT_FINAL:
    case PAYOUT_ABANDONED:
    case PAYOUT_CANCELLED:
    case PAYOUT_STATES:
        break;
    }
    return KZ_OK;
}

enum kz_err follow_all(struct payer *p)
{
    struct payout_list l;
    enum kz_err err = pay_list(&l, p, PAY_OPEN);
    if (err != KZ_OK)
        return err;
    for (size_t i = 0; i < l.count && err == KZ_OK; i++) {
        err = pay_hold_lease(p);
        if (err == KZ_OK)
            err = follow_one(&l.rows[i], p);
    }
    payout_list_clear(&l);
    return err;
}
