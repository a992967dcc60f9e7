/* pool/registry/pattern.h - patterns from a profile: regular expressions that cannot run
 * away.
 *
 * POSIX extended ones, of printable ASCII, at most PATTERN_MAX bytes, with ^ first and $
 * last and nowhere else, and | within groups only. Without what makes matching or
 * compiling slow: no back-references, no repeated groups ("(...)?" is fine), nothing
 * repeated twice, repetitions of at most PATTERN_REPEAT_MAX.
 *
 * Thread: any; one pattern may be matched by several at once. Pure. */
#ifndef POOL_REGISTRY_PATTERN_H
#define POOL_REGISTRY_PATTERN_H

#include "conf/err.h"

#include <stdbool.h>

#define PATTERN_MAX        200
#define PATTERN_REPEAT_MAX 64

struct pattern;

/* KZ_RANGE: `why` is what a pattern has to be, a text that stays. */
KZ_MUST_USE enum kz_err pattern_new(struct pattern **out, const char **why,
                                    const char *text);
void pattern_free(struct pattern *p);

/* NULL fits everything. */
bool pattern_fits(const struct pattern *p, const char *text);

#endif
