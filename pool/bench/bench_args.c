#include "pool/bench/bench_args.h"

#include <stdio.h>
#include <string.h>

/* No more than 19 digits, so the sum cannot overflow 64 bits. */
static bool parse_decimal(uint64_t *out, const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 19)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    *out = v;
    return true;
}

bool args_number(uint64_t *out, const char *option, const char *text, uint64_t min,
                 uint64_t max)
{
    uint64_t v;
    if (!parse_decimal(&v, text) || v < min || v > max) {
        fprintf(stderr, "%s: expected a whole number from %llu to %llu, not '%s'\n",
                option, (unsigned long long)min, (unsigned long long)max, text);
        return false;
    }
    *out = v;
    return true;
}

bool args_difficulty(struct difficulty *out, const char *option, const char *text)
{
    if (difficulty_parse(out, text, strlen(text)) == KZ_OK)
        return true;
    fprintf(stderr, "%s: expected a difficulty such as 1024 or 0.001, not '%s'\n",
            option, text);
    return false;
}
