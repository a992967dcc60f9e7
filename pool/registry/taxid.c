#include "pool/registry/taxid.h"

#include <stddef.h>
#include <string.h>

const char *const taxid_checksum_names[TAXID_CHECKSUMS] = {
    [TAXID_NONE] = "none",
    [TAXID_KZ_IIN_BIN] = "kz_iin_bin",
    [TAXID_RU_INN] = "ru_inn",
};

/* Zeros alone have the right check digits and are nobody's number. */
static bool is_digits(const char *text, size_t count)
{
    return strlen(text) == count && strspn(text, "0123456789") == count &&
           strspn(text, "0") < count;
}

static int digit(char c)
{
    return c - '0';
}

static int weigh(const char *text, const int *weights, size_t count)
{
    int sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += digit(text[i]) * weights[i];
    return sum;
}

static bool fits_kz(const char *text)
{
    static const int first[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const int second[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2};
    if (!is_digits(text, 12))
        return false;
    int check = weigh(text, first, 11) % 11;
    if (check == 10)
        check = weigh(text, second, 11) % 11;
    return check == digit(text[11]); /* never where it is 10 again */
}

static bool fits_ru(const char *text)
{
    /* One row of weights for all three check digits, begun one later for each that is
     * shorter. */
    static const int weights[] = {3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8};
    if (is_digits(text, 10))
        return weigh(text, weights + 2, 9) % 11 % 10 == digit(text[9]);
    return is_digits(text, 12) &&
           weigh(text, weights + 1, 10) % 11 % 10 == digit(text[10]) &&
           weigh(text, weights, 11) % 11 % 10 == digit(text[11]);
}

bool taxid_fits(enum taxid_checksum checksum, const char *text)
{
    switch (checksum) {
    case TAXID_KZ_IIN_BIN:
        return fits_kz(text);
    case TAXID_RU_INN:
        return fits_ru(text);
    case TAXID_NONE:
    case TAXID_CHECKSUMS:
        break;
    }
    return true;
}
