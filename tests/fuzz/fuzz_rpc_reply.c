/* A node's answer: the first byte chooses the status, the rest is the body. */
#include "pool/rpc_reply.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 500, 404, 401, 403, 503, 502, 0};
    if (size == 0)
        return 0;
    struct rpc_answer a = {.outcome = RPC_LOST};
    rpc_reply_parse(&a, statuses[data[0] % 8], (const char *)data + 1, size - 1, 1);
    assert(a.outcome != RPC_LOST);
    assert((a.outcome == RPC_RESULT) == (a.result != NULL));
    assert(a.outcome == RPC_RESULT || memchr(a.message, 0, sizeof(a.message)) != NULL);
    rpc_answer_clear(&a);
    return 0;
}
