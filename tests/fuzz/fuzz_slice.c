/* A slice's bytes, from the journal or Redis: what is read writes back to the same. */
#include "conf/mem.h"
#include "share/slice.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice_record s, again;
    size_t len, len2;
    if (slice_record_read(&s, (struct bytes){data, size}) != KZ_OK)
        return 0;
    uint64_t total = 0;
    for (size_t i = 0; i < s.count; i++)
        total += s.rows[i].work;
    if (total != s.total)
        abort();
    /* Numbers may have been written longer than need be: once more is the same. */
    uint8_t *bytes = slice_record_write(&len, &s);
    if (slice_record_read(&again, (struct bytes){bytes, len}) != KZ_OK)
        abort();
    uint8_t *bytes2 = slice_record_write(&len2, &again);
    if (len != len2 || memcmp(bytes, bytes2, len) != 0)
        abort();
    mem_free(bytes);
    mem_free(bytes2);
    slice_record_clear(&s);
    slice_record_clear(&again);
    return 0;
}
