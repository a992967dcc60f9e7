/* What json_fast() reads, jansson must read as the same value. */
#include "pool/json_fast.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *fast = json_fast((const char *)data, size);
    if (fast == NULL)
        return 0;
    json_t *slow = json_loadb((const char *)data, size, 0, NULL);
    assert(slow != NULL);
    assert(json_equal(fast, slow));
    json_decref(slow);
    json_decref(fast);
    return 0;
}
