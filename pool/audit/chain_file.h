/* pool/audit/chain_file.h - an audit chain as a text file: one canonical entry a line.
 *
 * The form in which a chain is given to others and kept outside. Each line is an entry of
 * pool/audit/chain.h in canonical form and nothing else, ended by a line feed; so one chain
 * has one file, byte for byte.
 *
 * Ownership  streams are the caller's and stay open.
 * Errors     KZ_RANGE with `why`: "line 7: ..." and what is wrong. KZ_EMPTY: no line.
 *            KZ_IO: cannot be read or written, errno's text in `why`.
 * Thread     any; reads and writes its stream, which may wait. */
#ifndef POOL_CHAIN_FILE_H
#define POOL_CHAIN_FILE_H

#include "pool/audit/chain.h"

#include <stdio.h>

#define CHAIN_LINE_MAX 32768 /* without its end; an event's largest is below */

/* `check` is begun with chain_check_init(), and holds the result on KZ_OK. */
KZ_MUST_USE enum kz_err chain_file_verify(struct chain_check *check,
                                          char why[AUDIT_WHY_SIZE], FILE *from);

KZ_MUST_USE enum kz_err chain_file_write(FILE *to, char why[AUDIT_WHY_SIZE],
                                         const json_t *entry);

#endif
