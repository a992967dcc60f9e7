/* payout/window.h - slices of the share order, and the window of them that a block pays.
 *
 * A slice is a closed stretch of the pool's share order: who did how much work in it. It
 * never changes once closed. A window is filled by walking back from the newest slice
 * that the block may count: slices are taken whole while they fit the span; of the first
 * that does not, what is missing is shared out over that slice's works. When history
 * ends first, what exists is the window. With one share a slice this is the classic
 * rule with a partial oldest share. Accounting section 2.
 *
 * The same struct gathers a PROP round, with WINDOW_ROUND as span: the caller stops at
 * the slice that the previous block of the pool closed.
 *
 *     window_init(&w, span, WINDOW_BLOCK);
 *     while (!window_is_full(&w) && <next older slice>)
 *         err = window_take(&w, &slice);
 *
 * Units      work in the network's units.
 * Ownership  init/clear: the caller's storage, rows and ids inside owned by the struct.
 *            window_take() copies. share/slice.h has slices as they are recorded;
 *            here is what a window needs of one.
 * Errors     on anything but KZ_OK the window is untouched.
 * Thread     one at a time each. Pure: slices come through the caller's hands. */
#ifndef PAYOUT_WINDOW_H
#define PAYOUT_WINDOW_H

#include "payout/works.h"
#include "share/slice.h"
#include "share/target.h"

struct slice {
    uint64_t id; /* newer slices have higher ids */
    enum slice_regime regime;
    struct works works; /* owned: slice_clear() */
};

void slice_clear(struct slice *s);

#define WINDOW_SPAN_MAX (UINT64_C(1) << 62)
/* No span: all that is taken counts. No round comes near it: 2^63 units are the work of
 * 1 EH/s for more than a year, or of 90 blocks at difficulty 10^14. */
#define WINDOW_ROUND INT64_MAX

/* floor(window_milli * 2^256 / (1000 * (T + 1) * unit)): `window_milli` thousandths of a
 * block's work. KZ_RANGE: above WINDOW_SPAN_MAX. KZ_EMPTY: less than one unit. */
KZ_MUST_USE enum kz_err window_span(uint64_t *span, const struct target *t,
                                    uint32_t window_milli, uint64_t unit);

enum window_kind {
    WINDOW_BLOCK, /* what whole blocks are split over: SPLIT slices */
    WINDOW_FEES,  /* what a block's fees are split over: SPLIT and PPS_PLUS slices */
};

struct window {
    uint64_t span;
    enum window_kind kind;
    struct works counted; /* total <= span */
    uint64_t *ids;        /* slices that counted, newest first */
    size_t id_count, id_room;
    uint64_t cut; /* units taken from the last of them; 0 when it was taken whole */
    uint64_t last_id;
    bool has_last;
};

/* 0 < span <= INT64_MAX. */
void window_init(struct window *w, uint64_t span, enum window_kind kind);
void window_clear(struct window *w);

/* Counts the next older slice as far as it fits; one that the kind does not count, an
 * empty one, and all once the window is full change nothing. KZ_RANGE: not older than
 * the slice before it, so that a slice can never count twice. */
KZ_MUST_USE enum kz_err window_take(struct window *w, const struct slice *s);

bool window_is_full(const struct window *w);

#endif
