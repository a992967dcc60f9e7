/* Bodies of the event stream, and a block's hex from a file: the first byte says which. */
#include "share/block_event.h"
#include "share/event.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_refusals(struct bytes body)
{
    struct tally_refusal refusals[TALLY_REFUSALS_MAX];
    size_t count;
    if (event_refusals_read(refusals, &count, body) != KZ_OK)
        return;
    for (size_t i = 0; i < count; i++)
        if (strlen(refusals[i].reason) > TALLY_REASON_MAX)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 'r')
        read_refusals((struct bytes){data + 1, size - 1});
    else
        json_decref(block_event_of_hex((const char *)data + 1, size - 1, 1, 0, "one"));
    return 0;
}
