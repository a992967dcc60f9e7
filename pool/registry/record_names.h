/* pool/registry/record_names.h - whom a record names: who applies, its representative and
 * its owners, compared with lists.
 *
 * Names are the official and the Latin one, the trade names, the representative's and the
 * owners', of a full record. What is found is told by list, line and field, never by name:
 * "un.csv line 17: representative.name, another birth date".
 *
 * Ownership  what comes out is the caller's. Thread any. Pure. Source: registry spec
 * section 3, screening. */
#ifndef POOL_RECORD_NAMES_H
#define POOL_RECORD_NAMES_H

#include "pool/registry/screen_list.h"

#define RECORD_HITS_MAX 64 /* told; further ones are not */

struct record_screen_list {
    const char *name; /* of the file, without its folder */
    const struct screen_list *list;
};

/* What record_screen() takes: {lists, result, hits}. `lists` have the files' names and
 * SHA-256; the result is flag where something was found, else clear. */
json_t *record_names_screen(const json_t *full, const struct record_screen_list *lists,
                            size_t count);

#endif
