/* pool/report/catalogue.h - the words of one language: conf/catalogues/{tk,ru,en}.json.
 *
 * Sections of keys and texts: columns (by the name of pool/report/columns.h), reports (by
 * id), codes (what cells of CELL_CODE hold), headings, units, format, verify (the lines of
 * how to verify, by number); and those of pool/words.h, which may lack: fields, desk, rules,
 * declarations, todo, reasons. Members that begin with _ are notes for translators.
 *
 * Ownership  owns its texts; catalogue_free() accepts NULL. Texts are borrowed.
 * Errors     KZ_IO: cannot be read; KZ_PARSE: not such a file. `why` then names the file
 *            and what is wrong.
 * Thread     reading from any; loading does I/O. */
#ifndef POOL_REPORT_CATALOGUE_H
#define POOL_REPORT_CATALOGUE_H

#include "conf/err.h"

#include <stddef.h>

#define CATALOGUE_WHY_SIZE 256

struct catalogue;

KZ_MUST_USE enum kz_err catalogue_load(struct catalogue **out,
                                       char why[CATALOGUE_WHY_SIZE], const char *path);
void catalogue_free(struct catalogue *c);

const char *catalogue_language(const struct catalogue *c); /* BCP 47: "tk" */
/* The key itself where the catalogue has no such text: a new word is better read in
 * English than not at all. */
const char *catalogue_text(const struct catalogue *c, const char *section,
                           const char *key);

/* As the language has them; `out` is cut to `size`. */
/* "-1234567.05" to "-1 234 567,05". */
void catalogue_number(const struct catalogue *c, char *out, size_t size,
                      const char *number);
/* "2026-10-31" to "31.10.2026"; what stands behind the date ("2026-10-31 12:00") stays. */
void catalogue_date(const struct catalogue *c, char *out, size_t size,
                    const char *date);

#endif
