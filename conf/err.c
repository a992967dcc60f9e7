#include "conf/err.h"

const char *kz_err_text(enum kz_err err)
{
    switch (err) {
    case KZ_OK:
        return "ok";
    case KZ_PARSE:
        return "malformed";
    case KZ_RANGE:
        return "out of range";
    case KZ_EMPTY:
        return "nothing there";
    case KZ_BUSY:
        return "busy";
    case KZ_IO:
        return "input/output failed";
    }
    return "unknown";
}
