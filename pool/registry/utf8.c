#include "pool/registry/utf8.h"

#include <assert.h>
#include <string.h>

static uint32_t smallest(size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    return least[len];
}

size_t utf8_read(uint32_t *code_point, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    *code_point = UTF8_BAD;
    if (p[0] >= 0xf8 || (p[0] >= 0x80 && p[0] < 0xc0))
        return 1;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) /* the end, too */
            return 1;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < smallest(len) || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 1;
    *code_point = c;
    return len;
}

void utf8_write(char out[UTF8_SIZE], uint32_t c)
{
    assert(c <= 0x10ffff);
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(len == 1 ? c : (0xf00u >> len & 0xff) | c);
    out[len] = '\0';
}

size_t utf8_cut(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}
