/* Payouts, as kariz-payout keeps them: read here, never written. */
#include "pool/inquiry_parts.h"
#include "pool/pay/show.h"

enum kz_err inquiry_payouts(json_t **value, char text[INQUIRY_TEXT_SIZE],
                            struct inquiry *i, const json_t *arguments)
{
    struct payer p = {.store = i->parts.store};
    struct payout_list l = {.count = 0};
    bool open_only = json_is_true(json_object_get(arguments, "open"));
    enum kz_err err = pay_list(&l, &p, open_only ? PAY_OPEN : PAY_NEWEST);
    if (err == KZ_OK)
        *value = show_list_json(&l);
    payout_list_clear(&l);
    return err == KZ_OK ? KZ_OK : inquiry_say(text, err, "%s", p.why);
}

enum kz_err inquiry_payout(json_t **value, char text[INQUIRY_TEXT_SIZE],
                           struct inquiry *i, const json_t *arguments)
{
    struct payer p = {.store = i->parts.store};
    struct payout o = {.version_count = 0};
    const char *name = json_string_value(json_object_get(arguments, "payout"));
    enum kz_err err = pay_find(&o, &p, name != NULL ? name : "");
    if (err == KZ_OK)
        *value = show_payout_json(&o);
    payout_clear(&o);
    return err == KZ_OK ? KZ_OK : inquiry_say(text, err, "%s", p.why);
}
