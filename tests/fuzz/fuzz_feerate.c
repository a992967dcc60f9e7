/* tests/fuzz/fuzz_feerate.c - the fee rate in a node's answer.
 *
 * What is a rate is a JSON number too; written again with 8 places it is the same. */
#include "payout/fee.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feerate r = {-1}, again = {-1};
    enum kz_err err = feerate_parse(&r, (const char *)data, size);
    assert((err == KZ_OK) == (r.sat_per_kvb != -1));
    if (err == KZ_PARSE)
        return 0;
    /* Too large for a real number of jansson is still a number of JSON. */
    json_error_t problem;
    json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY, &problem);
    assert(json != NULL || json_error_code(&problem) == json_error_numeric_overflow);
    json_decref(json);
    if (err != KZ_OK)
        return 0;
    struct amount same;
    char text[AMOUNT_TEXT_SIZE];
    bool fits = amount_from_sat(&same, r.sat_per_kvb);
    assert(fits && r.sat_per_kvb <= FEERATE_MAX);
    amount_format(text, same);
    err = feerate_parse(&again, text, strlen(text));
    assert(err == KZ_OK && feerate_compare(r, again) == 0);
    return 0;
}
