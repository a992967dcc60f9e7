/* stratum/session_list.h - the live sessions of all fronts, as JSON for operators.
 *
 * Each front fills its own part; the last one joins them and calls back.
 * Ownership  a gather frees itself behind its callback.
 * Thread     new: control; part: each front's, once each. */
#ifndef STRATUM_SESSION_LIST_H
#define STRATUM_SESSION_LIST_H

#include "stratum/front.h"

struct gather;

struct gather *gather_new(unsigned fronts, const char *miner, size_t max,
                          void (*on_done)(void *ctx, json_t *sessions), void *ctx);
/* Front `index`'s sessions; `f` NULL: it has none to give (it could not be asked). */
void gather_part(struct gather *g, unsigned index, const struct front *f);

#endif
