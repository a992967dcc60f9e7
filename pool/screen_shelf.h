/* pool/screen_shelf.h - the watch lists of the settings, read when they are asked for and
 * again when a file is another one.
 *
 * Ownership  borrows the settings; lists are borrowed until the next screen_shelf_look().
 * Errors     KZ_EMPTY: no list is set. KZ_IO, KZ_PARSE, KZ_RANGE with `why`: the file, and
 *            what is wrong with it. A list that cannot be read clears nobody.
 * Thread     control. Reads files: what one must be waited for at a desk. */
#ifndef POOL_SCREEN_SHELF_H
#define POOL_SCREEN_SHELF_H

#include "conf/conf.h"
#include "pool/registry/record_names.h"

#define SCREEN_SHELF_WHY_SIZE 400

struct screen_shelf;

struct screen_shelf *screen_shelf_new(const struct conf *conf);
void screen_shelf_free(struct screen_shelf *s); /* accepts NULL */

/* All of them; `lists` has room for CONF_LISTS_MAX. */
KZ_MUST_USE enum kz_err screen_shelf_look(struct record_screen_list *lists,
                                          size_t *count,
                                          char why[SCREEN_SHELF_WHY_SIZE],
                                          struct screen_shelf *s);

#endif
