#include "share/event.h"

#include "share/pack.h"

#include <assert.h>
#include <string.h>

enum kz_err event_target(enum journal_target *target, uint8_t kind)
{
    switch (kind) {
    case EVENT_SLICE:
    case EVENT_REFUSALS:
        *target = JOURNAL_TALLY;
        return KZ_OK;
    case EVENT_LEDGER:
    case EVENT_RESERVE:
    case EVENT_DECIDED:
        *target = JOURNAL_LEDGER;
        return KZ_OK;
    case EVENT_MINER:
    case EVENT_AUDIT:
        *target = JOURNAL_REGISTRY;
        return KZ_OK;
    case EVENT_DENIED:
    case EVENT_RIGS:
        *target = JOURNAL_NONE;
        return KZ_OK;
    default:
        return KZ_RANGE;
    }
}

size_t event_refusals_write(uint8_t out[EVENT_REFUSALS_MAX],
                            const struct tally_refusal *refusals, size_t count)
{
    assert(count <= TALLY_REFUSALS_MAX);
    uint8_t *to = pack_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        const struct tally_refusal *f = &refusals[i];
        size_t len = strlen(f->reason);
        to = pack_varint(to, (uint64_t)f->hour);
        to = pack_varint(to, f->count);
        *to++ = (uint8_t)len;
        to = pack_bytes(to, f->reason, len);
    }
    return (size_t)(to - out);
}

enum kz_err event_refusals_read(struct tally_refusal refusals[TALLY_REFUSALS_MAX],
                                size_t *count, struct bytes body)
{
    struct unpack u = {.rest = body};
    uint64_t n = unpack_varint(&u);
    if (n > TALLY_REFUSALS_MAX)
        return KZ_PARSE;
    for (size_t i = 0; i < n; i++) {
        struct tally_refusal f = {.reason = ""};
        f.hour = (int64_t)unpack_varint(&u);
        f.count = unpack_varint(&u);
        size_t len = *unpack_bytes(&u, 1);
        const uint8_t *reason = len <= TALLY_REASON_MAX ? unpack_bytes(&u, len) : NULL;
        if (u.is_bad || reason == NULL)
            return KZ_PARSE;
        memcpy(f.reason, reason, len);
        refusals[i] = f;
    }
    if (!unpack_is_done(&u))
        return KZ_PARSE;
    *count = (size_t)n;
    return KZ_OK;
}
