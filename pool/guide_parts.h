/* pool/guide_parts.h - between the files of pool/guide.h, and nobody else: guide.c asks,
 * guide_lines.c reads what is answered, guide_show.c shows it.
 * Thread: one at a time, whichever. */
#ifndef POOL_GUIDE_PARTS_H
#define POOL_GUIDE_PARTS_H

#include "pool/guide.h"

#define GUIDE_LINE_SIZE 4100

/* Without blanks around it. KZ_EMPTY: the end. */
KZ_MUST_USE enum kz_err guide_read_line(char line[GUIDE_LINE_SIZE],
                                        const struct guide *g);
/* Of a full record. */
struct record_checks guide_checks(const struct guide *g);
/* "-- Sites 2"; 0: no number. */
void guide_print_head(const struct guide *g, const char *label, size_t number);

#endif
