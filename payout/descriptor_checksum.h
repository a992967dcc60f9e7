/* payout/descriptor_checksum.h - the eight characters behind a descriptor (BIP380).
 *
 * Pure; any thread. */
#ifndef PAYOUT_DESCRIPTOR_CHECKSUM_H
#define PAYOUT_DESCRIPTOR_CHECKSUM_H

#include "conf/err.h"

#include <stddef.h>

#define DESCRIPTOR_CHECKSUM_SIZE 9

/* Of a text without '#'. KZ_PARSE: a character that no descriptor has, at *bad_at. */
KZ_MUST_USE enum kz_err descriptor_checksum(char out[DESCRIPTOR_CHECKSUM_SIZE],
                                            size_t *bad_at, const char *text,
                                            size_t len);

#endif
