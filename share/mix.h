/* share/mix.h - hashes for tables in memory, begun with a seed nobody outside knows.
 *
 * Not for anything that is kept, sent or trusted. Pure; any thread. */
#ifndef SHARE_MIX_H
#define SHARE_MIX_H

#include <stddef.h>
#include <stdint.h>

uint64_t mix_bytes(uint64_t h, const void *p, size_t len);
uint64_t mix_text(uint64_t h, const char *text);

#endif
