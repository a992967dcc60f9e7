/* pool/registry/zone.h - what this machine's zone table says of a time zone today.
 *
 * Read from the last line of a TZif file (RFC 8536), which is the rule for all times to
 * come, as POSIX writes it: "<+05>-5", or "CET-1CEST,M3.5.0,M10.5.0/3".
 *
 * Errors  KZ_EMPTY: no such zone here, or no table. KZ_PARSE: a table unlike that.
 * Thread  any; reads a file. */
#ifndef POOL_REGISTRY_ZONE_H
#define POOL_REGISTRY_ZONE_H

#include "conf/err.h"

#include <stdbool.h>
#include <stdint.h>

struct zone {
    int32_t offset_minutes; /* east of Greenwich, in winter */
    bool has_daylight_saving;
};

/* `name` is an IANA name like "Asia/Ashgabat". */
KZ_MUST_USE enum kz_err zone_read(struct zone *out, const char *name);

/* The rule alone. */
KZ_MUST_USE enum kz_err zone_parse_rule(struct zone *out, const char *rule);

#endif
