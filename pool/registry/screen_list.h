/* pool/registry/screen_list.h - a list of names that must not be dealt with unseen.
 *
 * A file of somebody else's: a name on each line, # begins a comment; or a table
 * (pool/csv_read.h) whose first row has a column "name", and maybe "country" (ISO 3166-1)
 * and "birth_date" (2026-01-31). Further columns are passed over.
 *
 * Names are compared as eyes and ears take them (pool/registry/fold.h), in any order of
 * their words. A listed name hits where all its words are words of the name asked about,
 * or the other way round; one word alone hits only where the whole name is that word. A
 * birth date or country that differs makes it no other person: it is told, and a person
 * decides. So the rules rather find too much than too little.
 *
 * A hit says where in which list, and never the name.
 *
 * Ownership  a list owns all it has; the text is borrowed for the call.
 * Errors     KZ_PARSE, KZ_RANGE with `why`: the line, and what is wrong with it. One bad
 *            row and there is no list: half a list would clear what it should not.
 * Thread     immutable once parsed: any. Pure. Source: registry spec section 3. */
#ifndef POOL_SCREEN_LIST_H
#define POOL_SCREEN_LIST_H

#include "pool/csv_read.h"
#include "share/hash256.h"

#include <jansson.h>

#define SCREEN_LIST_BYTES_MAX (32u << 20)
#define SCREEN_LIST_ROWS_MAX  500000
#define SCREEN_NAME_MAX       800 /* bytes; as much of a longer one is compared */

struct screen_list;

/* Release with screen_list_free(), which accepts NULL. */
KZ_MUST_USE enum kz_err screen_list_parse(struct screen_list **out,
                                          char why[CSV_WHY_SIZE], const char *text,
                                          size_t len);
void screen_list_free(struct screen_list *list);

size_t screen_list_count(const struct screen_list *list);
/* Of the text, byte by byte: which list it was that cleared somebody. */
const struct hash256 *screen_list_sha256(const struct screen_list *list);

/* Who is looked for; NULL: not known. */
struct screen_person {
    const char *name, *country, *birth_date;
};

enum screen_match { SCREEN_UNKNOWN, SCREEN_SAME, SCREEN_OTHER };

struct screen_hit {
    size_t line;
    enum screen_match country, birth_date;
};

/* Fills at most `max` hits, in the order of the file; returns how many there are. */
size_t screen_list_find(const struct screen_list *list, struct screen_hit *hits,
                        size_t max, const struct screen_person *person);

#endif
