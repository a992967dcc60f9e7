/* stratum/submit_fast.h - mining.submit, the line that comes all day, without a JSON
 * tree.
 *
 * submit_fast_parse() reads lines of the ordinary form and answers false to anything
 * unusual (escapes, numbers for hex, extra members, other methods), which then goes the
 * long way through request_parse() and submit_from_request(). Where the fast way
 * accepts, both must agree to the byte; fuzz_submit holds them to it.
 *
 * Ownership  results borrow from the input or the request. Thread: any. Pure. */
#ifndef STRATUM_SUBMIT_FAST_H
#define STRATUM_SUBMIT_FAST_H

#include "share/check.h"
#include "stratum/request.h"

#define SUBMIT_NUMBER_SIZE 24

struct submit_line {
    struct bytes id, login, job;
    struct submit_text text;
    /* Hex or decimal of what came as a JSON number: job, extranonce2, ntime, nonce,
     * bits. */
    char number[5][SUBMIT_NUMBER_SIZE];
};

bool submit_fast_parse(struct submit_line *s, const uint8_t *p, size_t len);

/* KZ_PARSE: fewer than five parameters, or one of a type that cannot be meant. */
KZ_MUST_USE enum kz_err submit_from_request(struct submit_line *s,
                                            const struct request *r);

#endif
