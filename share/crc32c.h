/* share/crc32c.h - CRC-32C (Castagnoli), the checksum of the journal.
 *
 * Finds every single flipped bit, every burst up to 32 bits and all but one in 2^32 of
 * anything else. Where the processor has an instruction for it (SSE 4.2), that is used.
 *
 * Pure: no I/O, lock, clock or allocation; any thread. */
#ifndef SHARE_CRC32C_H
#define SHARE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c_of(const void *p, size_t len);

/* Of what `crc` is the checksum of, followed by `p`; `crc` 0 begins. */
uint32_t crc32c_add(uint32_t crc, const void *p, size_t len);

/* The same by table, whatever the processor: for its test. */
uint32_t crc32c_add_portable(uint32_t crc, const void *p, size_t len);

#endif
