/* pool/pay/screen_answer.h - what the screening program said: outside bytes.
 *
 * One line, "clear", "match" or "unknown" with a reference behind it, or a JSON object
 * with "answer" and "reference". Anything else is no answer.
 *
 * Thread  any. Pure. */
#ifndef POOL_PAY_SCREEN_ANSWER_H
#define POOL_PAY_SCREEN_ANSWER_H

#include "pool/pay/dues.h"

#define SCREEN_REFERENCE_SIZE 81
#define SCREEN_WHY_SIZE       100

struct screen_reply {
    enum screen_verdict verdict;
    char reference[SCREEN_REFERENCE_SIZE]; /* printable ASCII */
    char why[SCREEN_WHY_SIZE];             /* it gave none */
};

const char *screen_verdict_name(enum screen_verdict v);

/* `text` has room for a zero byte behind `len`, and is written to. KZ_PARSE: no answer;
 * `why` is filled. */
KZ_MUST_USE enum kz_err screen_answer_read(struct screen_reply *r, char *text,
                                           size_t len);

#endif
