/* pool/registry/countries.h - ISO 3166: the closed list of assigned country codes (part 1,
 * alpha-2), and the form of a region's code (part 2).
 *
 * User-assigned codes (AA, QM-QZ, XA-XZ, ZZ) and reserved ones are not in it.
 * Pure; any thread. */
#ifndef POOL_COUNTRIES_H
#define POOL_COUNTRIES_H

#include <stdbool.h>

/* Two upper-case letters. */
bool country_is_assigned(const char *code);

/* "TM-A": an assigned country, and 1 to 3 of A-Z and 0-9. Which of them there are is for
 * the profile to list. */
bool country_is_region_code(const char *code);

#endif
