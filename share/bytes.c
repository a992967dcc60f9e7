#include "share/bytes.h"

uint16_t read_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | (unsigned)p[1] << 8);
}

uint32_t read_le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t read_le64(const uint8_t *p)
{
    return read_le32(p) | (uint64_t)read_le32(p + 4) << 32;
}

void write_le16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

void write_le32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

void write_le64(uint8_t *p, uint64_t v)
{
    write_le32(p, (uint32_t)v);
    write_le32(p + 4, (uint32_t)(v >> 32));
}

size_t compact_size_len(uint64_t v)
{
    if (v < 0xfd)
        return 1;
    if (v <= 0xffff)
        return 3;
    return v <= 0xffffffff ? 5 : 9;
}

size_t compact_size_write(uint8_t out[9], uint64_t v)
{
    size_t len = compact_size_len(v);
    if (len == 1) {
        out[0] = (uint8_t)v;
    } else if (len == 3) {
        out[0] = 0xfd;
        write_le16(out + 1, (uint16_t)v);
    } else if (len == 5) {
        out[0] = 0xfe;
        write_le32(out + 1, (uint32_t)v);
    } else {
        out[0] = 0xff;
        write_le64(out + 1, v);
    }
    return len;
}

enum kz_err compact_size_read(uint64_t *v, size_t *used, struct bytes in)
{
    if (in.len < 1)
        return KZ_PARSE;
    uint8_t first = in.p[0];
    size_t len = first < 0xfd ? 1 : first == 0xfd ? 3 : first == 0xfe ? 5 : 9;
    if (in.len < len)
        return KZ_PARSE;
    uint64_t value = len == 1   ? first
                     : len == 3 ? read_le16(in.p + 1)
                     : len == 5 ? read_le32(in.p + 1)
                                : read_le64(in.p + 1);
    if (compact_size_len(value) != len)
        return KZ_PARSE;
    *v = value;
    *used = len;
    return KZ_OK;
}

void hex_encode(char *out, const void *p, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = p;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    out[2 * len] = '\0';
}

/* A digit's value plus one, so that 0 means "no digit" and the table stays sparse. */
static const uint8_t hex_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
    ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool hex_is_valid(const char *text, size_t text_len)
{
    /* No early end: a branch a byte would triple the time of a template's megabytes. */
    unsigned bad = 0;
    for (size_t i = 0; i < text_len; i++)
        bad |= hex_values[(uint8_t)text[i]] == 0;
    return bad == 0 && text_len % 2 == 0;
}

enum kz_err hex_decode(uint8_t *out, size_t len, const char *text, size_t text_len)
{
    /* Two passes, so that a bad digit leaves `out` untouched: checked, then written. */
    if (text_len / 2 != len || !hex_is_valid(text, text_len))
        return KZ_PARSE;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)((hex_values[(uint8_t)text[2 * i]] - 1) << 4 |
                           (hex_values[(uint8_t)text[2 * i + 1]] - 1));
    return KZ_OK;
}

enum kz_err hex_decode_some(uint8_t *out, size_t *len, size_t max, const char *text,
                            size_t text_len)
{
    if (text_len % 2 != 0)
        return KZ_PARSE;
    if (text_len / 2 > max)
        return KZ_RANGE;
    enum kz_err err = hex_decode(out, text_len / 2, text, text_len);
    if (err == KZ_OK)
        *len = text_len / 2;
    return err;
}

enum kz_err hex_u32(uint32_t *v, const char *text, size_t text_len, bool prefix_ok)
{
    if (prefix_ok && text_len >= 2 && text[0] == '0' &&
        (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        text_len -= 2;
    }
    if (text_len < 1 || text_len > 8)
        return KZ_PARSE;
    uint32_t value = 0;
    for (size_t i = 0; i < text_len; i++) {
        unsigned digit = hex_values[(uint8_t)text[i]];
        if (digit == 0)
            return KZ_PARSE;
        value = value << 4 | (digit - 1);
    }
    *v = value;
    return KZ_OK;
}

uint64_t decimal_take(const char **text)
{
    uint64_t v = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        unsigned digit = (unsigned)(**text - '0');
        v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
    }
    return v;
}

uint64_t decimal_of(const char *text)
{
    return text != NULL ? decimal_take(&text) : 0;
}

bool decimal_read(uint64_t *v, const char *text, uint64_t max)
{
    const char *end = text;
    uint64_t found = decimal_take(&end);
    if (end == text || *end != '\0' || found > max)
        return false;
    *v = found;
    return true;
}
