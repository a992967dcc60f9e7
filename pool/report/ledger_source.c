#include "pool/report/ledger_source.h"

#include "pool/report/source_common.h"

#define ASK_EACH 4096 /* entries: some 30 ms */

struct reading {
    const struct ledger_readers *readers;
    int64_t until_ms;
    size_t failed;
    uint64_t entries;
};

static bool goes_on(struct reading *r)
{
    const struct ledger_readers *all = r->readers;
    return all->goes_on == NULL || ++r->entries % ASK_EACH != 0 ||
           all->goes_on(all->ctx);
}

static enum kz_err take_entry(void *ctx, const struct entry *e,
                              const struct ledger_changes *changes)
{
    struct reading *r = ctx;
    if (!goes_on(r))
        return KZ_BUSY;
    if (e->time_ms >= r->until_ms)
        return KZ_OK;
    for (size_t i = 0; i < r->readers->count; i++) {
        const struct ledger_reader *one = &r->readers->list[i];
        enum kz_err err = one->source->take(one->making, e, changes);
        if (err != KZ_OK) {
            r->failed = i;
            return err;
        }
    }
    return KZ_OK;
}

enum kz_err ledger_sources_read(char why[SOURCE_WHY_SIZE], size_t *failed,
                                const struct report_source *s,
                                const struct ledger_readers *readers)
{
    struct reading r = {readers, fill_instant(s), readers->count, 0};
    why[0] = '\0';
    enum kz_err err = ledger_read(s->store, take_entry, &r);
    *failed = r.failed;
    if (err == KZ_OK || err == KZ_BUSY || why[0] != '\0')
        return err;
    return source_fail(why, err, "%s",
                       err == KZ_IO ? "Redis is away"
                                    : "the ledger cannot be read, or a sum is outside "
                                      "the range of money: karizctl ledger verify says "
                                      "where");
}
