/* stratum/extranonce.h - which extranonce1 values are taken, on one front thread.
 *
 * An extranonce1 begins with 4 bytes that no other live or resumable session of any
 * instance has: instance_number (8 bits), then 24 bits of which the remainder by the
 * number of fronts is the front's index. So a value tells which front's table knows
 * it, and fronts never have to agree. Longer ones end in zeros.
 * With one front there are 2^24 values; they are handed out in turn, so one that ended
 * stays unused for as long as possible.
 *
 * Thread: the front's. Pure. */
#ifndef STRATUM_EXTRANONCE_H
#define STRATUM_EXTRANONCE_H

#include "conf/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXTRANONCE1_MAX 8
#define EXTRANONCE_BITS 24

struct extranonces;

struct extranonces *extranonces_new(unsigned front, unsigned fronts);
void extranonces_free(struct extranonces *e);

/* KZ_BUSY: all are taken. */
KZ_MUST_USE enum kz_err extranonces_take(struct extranonces *e, uint32_t *value);
void extranonces_give_back(struct extranonces *e, uint32_t value);

/* The front that hands out `value` (24 bits). */
unsigned extranonce_front(uint32_t value, unsigned fronts);

/* Big-endian instance and value, then zeros up to `len` (4 to EXTRANONCE1_MAX). */
void extranonce1_write(uint8_t *out, size_t len, uint32_t instance, uint32_t value);
/* KZ_RANGE: another instance's. */
KZ_MUST_USE enum kz_err extranonce1_read(uint32_t *value, const uint8_t first[4],
                                         uint32_t instance);

#endif
