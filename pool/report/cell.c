#include "pool/report/cell.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "payout/amount.h"
#include "pool/canon.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WORK_DIGITS_MAX 38 /* what always fits 128 bits */
#define CODE_MAX        64
#define LETTERS         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HASH_DIGITS     64
#define TIME_MAX_MS     INT64_C(253402300799999) /* the end of the year 9999 */

typedef unsigned __int128 u128;

void cell_clear(struct cell *c)
{
    mem_free(c->text);
    *c = (struct cell){0};
}

void cell_copy(struct cell *to, const struct cell *from)
{
    char *text = from->text == NULL ? NULL : mem_text(from->text);
    cell_clear(to);
    *to = (struct cell){from->is_set, from->number, text};
}

bool cell_equal(const struct cell *a, const struct cell *b)
{
    if (a->is_set != b->is_set || a->number != b->number)
        return false;
    if (a->text == NULL || b->text == NULL)
        return a->text == b->text;
    return strcmp(a->text, b->text) == 0;
}

/* --- text ----------------------------------------------------------------------------- */

/* Bytes of the character at `p`, 0 where there is none that XML 1.0 may carry: control
 * characters, surrogates, what is not the shortest form, U+FFFE and U+FFFF. */
static size_t character_length(const uint8_t *p)
{
    if (p[0] < 0x80)
        return p[0] >= 0x20 ? p[0] != 0x7f : p[0] == '\n' || p[0] == '\t';
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t point = p[0] & (0xffu >> (len + 1));
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (p[i] & 0x3f);
    }
    if (point < least[len] || point > 0x10ffff ||
        (point >= 0xd800 && point <= 0xdfff) || (point >= 0x80 && point < 0xa0) ||
        (point & 0xfffe) == 0xfffe)
        return 0;
    return len;
}

bool cell_text_is_clean(const char *text)
{
    const uint8_t *p = (const uint8_t *)text;
    while (*p != 0) {
        size_t len = character_length(p);
        if (len == 0)
            return false;
        p += len;
    }
    return (size_t)(p - (const uint8_t *)text) <= CELL_TEXT_MAX;
}

char *cell_text_clean(const char *text)
{
    static const char instead[] = "\xef\xbf\xbd"; /* U+FFFD */
    char *clean = mem_new(CELL_TEXT_MAX + 1);
    size_t used = 0;
    for (const char *p = text; *p != '\0';) {
        size_t len = character_length((const uint8_t *)p);
        const char *piece = len > 0 ? p : instead;
        size_t piece_len = len > 0 ? len : sizeof(instead) - 1;
        if (used + piece_len > CELL_TEXT_MAX)
            break;
        memcpy(clean + used, piece, piece_len);
        used += piece_len;
        p += len > 0 ? len : 1;
    }
    clean[used] = '\0';
    return clean;
}

static bool is_made_of(const char *text, const char *characters, size_t min, size_t max)
{
    size_t len = strlen(text);
    return len >= min && len <= max && strspn(text, characters) == len;
}

static bool is_date(const char *text)
{
    int64_t ms;
    size_t len = strlen(text);
    return len == 10 && clock_utc_parse(&ms, text, len) == KZ_OK;
}

static bool text_fits(enum cell_type type, const char *text)
{
    switch (type) {
    case CELL_TEXT:
        return cell_text_is_clean(text);
    case CELL_CODE:
        return is_made_of(text, LETTERS "0123456789_.-", 1, CODE_MAX);
    case CELL_WORK:
        return is_made_of(text, "0123456789", 1, WORK_DIGITS_MAX) &&
               (text[0] != '0' || text[1] == '\0');
    case CELL_DATE:
        return is_date(text);
    case CELL_HASH:
        return is_made_of(text, "0123456789abcdef", HASH_DIGITS, HASH_DIGITS);
    case CELL_INTEGER:
    case CELL_SAT:
    case CELL_DECIMAL:
    case CELL_TIME:
    case CELL_BOOL:
        break;
    }
    assert(false); /* a type that is kept as a number */
    return false;
}

enum kz_err cell_set_text(struct cell *c, enum cell_type type, const char *text)
{
    if (!text_fits(type, text))
        return KZ_RANGE;
    char *copy = mem_text(text);
    cell_clear(c);
    *c = (struct cell){.is_set = true, .text = copy};
    return KZ_OK;
}

/* --- numbers -------------------------------------------------------------------------- */

/* The JSON master holds it as a number. */
#define INTEGER_MAX CANON_INTEGER_MAX

static bool number_fits(enum cell_type type, int64_t number)
{
    switch (type) {
    case CELL_INTEGER:
        return number >= -INTEGER_MAX && number <= INTEGER_MAX;
    case CELL_SAT:
        return number >= -AMOUNT_MAX_SAT && number <= AMOUNT_MAX_SAT;
    case CELL_DECIMAL:
        return number > INT64_MIN;
    case CELL_TIME:
        return number >= 0 && number <= TIME_MAX_MS;
    case CELL_BOOL:
        return number == 0 || number == 1;
    case CELL_TEXT:
    case CELL_CODE:
    case CELL_WORK:
    case CELL_DATE:
    case CELL_HASH:
        break;
    }
    assert(false); /* a type that is kept as text */
    return false;
}

enum kz_err cell_set_number(struct cell *c, enum cell_type type, int64_t number)
{
    if (!number_fits(type, number))
        return KZ_RANGE;
    cell_clear(c);
    *c = (struct cell){.is_set = true, .number = number};
    return KZ_OK;
}

static u128 work_value(const struct cell *c)
{
    u128 value = 0;
    for (const char *p = c->is_set ? c->text : ""; *p != '\0'; p++)
        value = value * 10 + (unsigned)(*p - '0');
    return value;
}

static enum kz_err add_work(struct cell *to, const struct cell *from)
{
    char digits[CELL_FORMAT_SIZE], *p = digits + sizeof(digits) - 1;
    u128 sum = work_value(to) + work_value(from); /* both below 10^38 < 2^127 */
    *p = '\0';
    do {
        *--p = (char)('0' + (int)(sum % 10));
        sum /= 10;
    } while (sum > 0);
    return cell_set_text(to, CELL_WORK, p);
}

enum kz_err cell_add(struct cell *to, enum cell_type type, const struct cell *from)
{
    int64_t sum;
    if (!from->is_set)
        return KZ_OK;
    if (type == CELL_WORK)
        return add_work(to, from);
    if (__builtin_add_overflow(to->number, from->number, &sum))
        return KZ_RANGE;
    return cell_set_number(to, type, sum);
}

/* --- writing -------------------------------------------------------------------------- */

static void format_decimal(char buffer[CELL_FORMAT_SIZE], int64_t millionths)
{
    uint64_t size = millionths < 0 ? -(uint64_t)millionths : (uint64_t)millionths;
    int n = snprintf(buffer, CELL_FORMAT_SIZE, "%s%" PRIu64 ".%06" PRIu64,
                     millionths < 0 ? "-" : "", size / CELL_MILLIONTHS,
                     size % CELL_MILLIONTHS);
    while (buffer[n - 1] == '0')
        buffer[--n] = '\0';
    if (buffer[n - 1] == '.')
        buffer[n - 1] = '\0';
}

const char *cell_format(char buffer[CELL_FORMAT_SIZE], const struct cell *c,
                        enum cell_type type)
{
    if (!c->is_set)
        return NULL;
    switch (type) {
    case CELL_TEXT:
    case CELL_CODE:
    case CELL_WORK:
    case CELL_DATE:
    case CELL_HASH:
        return c->text;
    case CELL_BOOL:
        return c->number != 0 ? "true" : "false";
    case CELL_TIME:
        clock_utc_format(buffer, c->number);
        return buffer;
    case CELL_DECIMAL:
        format_decimal(buffer, c->number);
        return buffer;
    case CELL_INTEGER:
    case CELL_SAT:
        snprintf(buffer, CELL_FORMAT_SIZE, "%" PRId64, c->number);
        return buffer;
    }
    return NULL;
}

const char *cell_format_btc(char buffer[CELL_FORMAT_SIZE], const struct cell *c)
{
    struct amount a;
    if (!c->is_set)
        return NULL;
    bool fits = amount_from_sat(&a, c->number);
    assert(fits);
    amount_format(buffer, a);
    return buffer;
}

enum kz_err decimal_parse(int64_t *millionths, const char *text)
{
    bool is_negative = text[0] == '-';
    const char *p = text + is_negative;
    size_t whole = strspn(p, "0123456789");
    size_t part = p[whole] == '.' ? strspn(p + whole + 1, "0123456789") : 0;
    size_t used = whole + (p[whole] == '.') + part;
    if (whole == 0 || p[used] != '\0' || (p[whole] == '.' && part == 0))
        return KZ_PARSE;
    if (whole > 12 || part > 6)
        return KZ_RANGE;
    int64_t value = 0;
    for (size_t i = 0; i < used; i++)
        if (p[i] != '.')
            value = value * 10 + (p[i] - '0');
    for (size_t i = part; i < 6; i++)
        value *= 10;
    *millionths = is_negative ? -value : value;
    return KZ_OK;
}
