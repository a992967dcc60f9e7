/* pool/registry/lei.h - the Legal Entity Identifier of ISO 17442.
 *
 * 18 of A-Z and 0-9 and two check digits; read as a number with A = 10 to Z = 35, the
 * whole leaves 1 modulo 97 (ISO 7064 MOD 97-10). Thread: any. Pure. */
#ifndef POOL_REGISTRY_LEI_H
#define POOL_REGISTRY_LEI_H

#include <stdbool.h>

bool lei_is_valid(const char *text);

#endif
