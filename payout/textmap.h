/* payout/textmap.h - values found by text: accounts, keys, miners.
 *
 * Open addressing over a list in the order of arrival, so that walking it is the same
 * on every machine. Nothing is taken out. Values are zeroed when made and never move.
 *
 * Ownership  textmap_put() copies the text; the map owns the values' bytes, not what
 *            they point to. textmap_free() accepts NULL.
 * Thread     one at a time. Pure. */
#ifndef PAYOUT_TEXTMAP_H
#define PAYOUT_TEXTMAP_H

#include <stddef.h>

struct textmap;

struct textmap *textmap_new(size_t value_size);
void textmap_free(struct textmap *m);

void *textmap_get(const struct textmap *m, const char *text); /* NULL: not there */
void *textmap_put(struct textmap *m, const char *text);       /* made if need be */

size_t textmap_count(const struct textmap *m);
const char *textmap_text(const struct textmap *m, size_t i); /* i < count */
void *textmap_value(const struct textmap *m, size_t i);

#endif
