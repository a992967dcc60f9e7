#include "pool/registry/lei.h"

#include <stddef.h>
#include <string.h>

#define LEI_LENGTH 20

bool lei_is_valid(const char *text)
{
    unsigned rest = 0;
    if (strlen(text) != LEI_LENGTH)
        return false;
    for (size_t i = 0; i < LEI_LENGTH; i++) {
        char c = text[i];
        bool is_digit = c >= '0' && c <= '9';
        if (is_digit)
            rest = (rest * 10 + (unsigned)(c - '0')) % 97;
        else if (c >= 'A' && c <= 'Z' && i < LEI_LENGTH - 2)
            rest = (rest * 100 + (unsigned)(c - 'A') + 10) % 97;
        else
            return false;
    }
    return rest == 1;
}
