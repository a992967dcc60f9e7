#include "share/mix.h"

#include <string.h>

uint64_t mix_bytes(uint64_t h, const void *p, size_t len)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < len; i++)
        h = (h ^ b[i]) * UINT64_C(0x100000001b3);
    return (h ^ (h >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
}

uint64_t mix_text(uint64_t h, const char *text)
{
    return mix_bytes(h, text, strlen(text));
}
