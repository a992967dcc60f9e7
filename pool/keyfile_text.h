/* pool/keyfile_text.h - a key file's JSON, for keyfile.c alone.
 *
 * Pure: text in, values out. Errors: KZ_PARSE another form, KZ_RANGE values outside what
 * is taken; `problem` says which. */
#ifndef POOL_KEYFILE_TEXT_H
#define POOL_KEYFILE_TEXT_H

#include "pool/keyfile.h"
#include "pool/sealed.h"

/* Both are untouched unless KZ_OK. */
KZ_MUST_USE enum kz_err sealed_parse(struct sealed *s, struct keyfile_public *about,
                                     struct key_problem *problem, const char *text,
                                     size_t len);

/* Both NUL-terminated, the caller's to mem_free(). The first is what is authenticated:
 * every member but ciphertext and tag, in one form only. */
char *sealed_header(const struct sealed *s, const struct keyfile_public *about);
char *sealed_format(const struct sealed *s, const struct keyfile_public *about);

#endif
