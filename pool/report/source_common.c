#include "pool/report/source_common.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool source_is_asked(const struct report_source *s, const char *miner)
{
    return s->subject == NULL || (miner != NULL && strcmp(miner, s->subject) == 0);
}

enum kz_err source_fail(char why[SOURCE_WHY_SIZE], enum kz_err err, const char *format,
                        ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, SOURCE_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

struct reading {
    int64_t until_ms;
    ledger_take_fn *take;
    void *ctx;
};

static enum kz_err take_earlier(void *ctx, const struct entry *e,
                                const struct ledger_changes *changes)
{
    const struct reading *r = ctx;
    return e->time_ms < r->until_ms ? r->take(r->ctx, e, changes) : KZ_OK;
}

enum kz_err source_read_ledger(char why[SOURCE_WHY_SIZE], const struct report_source *s,
                               ledger_take_fn *take, void *ctx)
{
    struct reading r = {fill_instant(s), take, ctx};
    why[0] = '\0';
    enum kz_err err = ledger_read(s->store, take_earlier, &r);
    if (err == KZ_OK || why[0] != '\0')
        return err;
    return source_fail(why, err, "%s",
                       err == KZ_IO ? "Redis is away"
                                    : "the ledger cannot be read, or a sum is outside "
                                      "the range of money: karizctl ledger verify says "
                                      "where");
}
