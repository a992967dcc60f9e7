/* pool/registry/countries.h - ISO 3166-1 alpha-2: the closed list of assigned country codes.
 *
 * User-assigned codes (AA, QM-QZ, XA-XZ, ZZ) and reserved ones are not in it.
 * Pure; any thread. */
#ifndef POOL_COUNTRIES_H
#define POOL_COUNTRIES_H

#include <stdbool.h>

/* Two upper-case letters. */
bool country_is_assigned(const char *code);

#endif
