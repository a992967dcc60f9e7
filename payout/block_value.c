#include "payout/block_value.h"

#include <string.h>

#define HEADER_SIZE 80
#define SCRIPT_MAX  4000000 /* no block has room for more */

/* Hex, read from the front. */
struct reader {
    const char *hex;
    size_t len; /* digits left */
};

static bool take(uint8_t *out, struct reader *r, size_t len)
{
    if (r->len / 2 < len || hex_decode(out, len, r->hex, 2 * len) != KZ_OK)
        return false;
    r->hex += 2 * len;
    r->len -= 2 * len;
    return true;
}

static bool skip(struct reader *r, uint64_t len)
{
    if (r->len / 2 < len)
        return false;
    r->hex += 2 * len;
    r->len -= 2 * len;
    return true;
}

static bool take_size(uint64_t *v, struct reader *r)
{
    uint8_t b[9];
    size_t more, used;
    if (!take(b, r, 1))
        return false;
    more = b[0] < 0xfd ? 0 : (size_t)2 << (b[0] - 0xfd);
    return take(b + 1, r, more) &&
           compact_size_read(v, &used, (struct bytes){b, 1 + more}) == KZ_OK;
}

static bool skip_script(struct reader *r)
{
    uint64_t len;
    return take_size(&len, r) && len <= SCRIPT_MAX && skip(r, len);
}

/* Up to the number of outputs; with a witness there is a marker before the inputs. */
static bool skip_input(struct reader *r)
{
    static const uint8_t nothing[36] = {[32] = 0xff, 0xff, 0xff, 0xff};
    uint8_t from[36], flag;
    uint64_t inputs;
    if (!skip(r, 4) || !take_size(&inputs, r))
        return false;
    if (inputs == 0 && (!take(&flag, r, 1) || flag != 1 || !take_size(&inputs, r)))
        return false;
    return inputs == 1 && take(from, r, 36) &&
           memcmp(from, nothing, sizeof(from)) == 0 && skip_script(r) && skip(r, 4);
}

static bool add_output(struct amount *sum, struct reader *r)
{
    uint8_t b[8];
    struct amount value;
    if (!take(b, r, 8) || read_le64(b) > (uint64_t)AMOUNT_MAX_SAT ||
        !amount_from_sat(&value, (int64_t)read_le64(b)))
        return false;
    return amount_add(sum, *sum, value) && skip_script(r);
}

enum kz_err block_value_read(struct block_value *out, const char *hex, size_t len)
{
    struct reader r = {hex, len};
    struct block_value v = {.outputs = amount_zero()};
    uint8_t header[HEADER_SIZE];
    uint64_t count;
    if (!take(header, &r, HEADER_SIZE) || !take_size(&count, &r) || count == 0 ||
        !skip_input(&r) || !take_size(&count, &r))
        return KZ_PARSE;
    for (uint64_t i = 0; i < count; i++)
        if (!add_output(&v.outputs, &r)) /* a count too large ends with the text */
            return KZ_PARSE;
    hash256_double(&v.id, header, sizeof(header));
    memcpy(v.prev.b, header + 4, sizeof(v.prev.b));
    *out = v;
    return KZ_OK;
}

struct amount block_value_fees(struct amount outputs, struct amount subsidy)
{
    struct amount fees;
    if (!amount_sub(&fees, outputs, subsidy) || amount_is_negative(fees))
        return amount_zero();
    return fees;
}
