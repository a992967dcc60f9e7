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
