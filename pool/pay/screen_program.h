/* pool/pay/screen_program.h - a program of the operator's is asked about a payee.
 *
 * It is run without a shell and without arguments, in our directory, with nothing in its
 * environment but PATH, in a process group of its own that is killed when it has answered.
 * On its input is one JSON object,
 *
 *   {"miner_id": ..., "address": ..., "script": hex, "amount": satoshi, "purpose": ...}
 *
 * and on its output it says `clear`, `match` or `unknown` on one line, behind a blank a
 * reference if it likes; or JSON: {"answer": ..., "reference": ...}. What else it may do
 * (say nothing, too much or anything other, end with another status than 0, or not end)
 * is `unknown`, which is logged. Its standard error is ours.
 *
 * Thread  one, which waits. Source: accounting section 12. */
#ifndef POOL_PAY_SCREEN_PROGRAM_H
#define POOL_PAY_SCREEN_PROGRAM_H

#include "pool/pay/dues.h"

#define SCREEN_LIMIT_MS   10000
#define SCREEN_ANSWER_MAX 4096 /* bytes */

/* `note` (DUES_NOTE_SIZE): what it said, or why it said nothing; printable ASCII. */
enum screen_verdict screen_program_ask(char *note, const char *program,
                                       const struct screen_case *c, int64_t limit_ms);

#endif
