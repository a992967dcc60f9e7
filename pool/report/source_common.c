#include "pool/report/source_common.h"

#include <stdarg.h>
#include <stdio.h>

enum kz_err source_fail(char why[SOURCE_WHY_SIZE], enum kz_err err, const char *format,
                        ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, SOURCE_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

enum kz_err source_report(struct report **out, char why[SOURCE_WHY_SIZE],
                          enum report_id id, const struct report_source *s)
{
    return report_new(out, id, &s->header) == KZ_OK
               ? KZ_OK
               : source_fail(why, KZ_RANGE, "%s is not given at the level %s",
                             report_kind_of(id)->name,
                             disclosure_name(s->header.disclosure));
}

enum kz_err source_set_text(struct report *r, char why[SOURCE_WHY_SIZE],
                            const char *name, const char *text)
{
    return report_set_text(r, name, text) == KZ_OK
               ? KZ_OK
               : source_fail(why, KZ_RANGE, "%s: a text that no report may hold", name);
}

enum kz_err source_set_number(struct report *r, char why[SOURCE_WHY_SIZE],
                              const char *name, int64_t number)
{
    return report_set_number(r, name, number) == KZ_OK
               ? KZ_OK
               : source_fail(why, KZ_RANGE, "%s: out of the range of reports", name);
}

enum kz_err source_add_totals(struct report *r, char why[SOURCE_WHY_SIZE])
{
    return report_add_totals(r) == KZ_OK
               ? KZ_OK
               : source_fail(why, KZ_RANGE, "a total out of the range of reports");
}

enum kz_err source_read_ledger(char why[SOURCE_WHY_SIZE], const struct report_source *s,
                               ledger_take_fn *take, void *ctx)
{
    why[0] = '\0';
    enum kz_err err = ledger_read(s->store, take, ctx);
    if (err == KZ_OK || why[0] != '\0')
        return err;
    return source_fail(why, err, "%s",
                       err == KZ_IO ? "Redis is away"
                                    : "the ledger cannot be read: karizctl ledger "
                                      "verify says where");
}
