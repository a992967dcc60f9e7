#include "payout/txsign.h"

#include "conf/mem.h"

#include <assert.h>

static enum kz_err sign_input(struct tx *t, const char **why,
                              const struct sign_context *c,
                              const struct spend_place *at,
                              const struct txsign_coin *coin)
{
    struct spend s;
    struct spend_signed made[SPEND_KEYS_MAX];
    struct spend_signature list[SPEND_KEYS_MAX];
    enum kz_err err =
        spend_read(&s, why, &coin->spent, coin->redeem, coin->witness_script);
    size_t count = 0;
    for (; err == KZ_OK && count < s.needed && count < coin->key_count; count++) {
        err = spend_sign(&made[count], why, c, &s, at, coin->keys[count], coin->aux);
        list[count] = (struct spend_signature){
            {made[count].pubkey, PUBKEY_SIZE},
            {made[count].signature, made[count].len},
        };
    }
    if (err != KZ_OK)
        return err;
    *why = "fewer keys than signatures are needed";
    return spend_finish(t, at->input, &s, list, count);
}

enum kz_err txsign_check(struct txsign_problem *problem, const struct sign_context *c,
                         const struct tx *t, const struct tx_output *spent)
{
    for (size_t i = 0; i < t->input_count; i++) {
        struct spend_place at = {t, i, spent};
        enum kz_err err = spend_check_final(&problem->what, c, &at);
        problem->input = i;
        if (err != KZ_OK)
            return err;
    }
    return KZ_OK;
}

enum kz_err txsign_all(struct tx *t, struct txsign_problem *problem,
                       const struct sign_context *c, const struct txsign_coin *coins)
{
    struct tx done;
    enum kz_err err = KZ_OK;
    assert(t->input_count > 0);
    struct tx_output *spent = mem_array(t->input_count, sizeof(*spent));
    for (size_t i = 0; i < t->input_count; i++)
        spent[i] = coins[i].spent;
    tx_copy(&done, t);
    for (size_t i = 0; err == KZ_OK && i < t->input_count; i++) {
        struct spend_place at = {t, i, spent};
        problem->input = i;
        err = sign_input(&done, &problem->what, c, &at, &coins[i]);
    }
    if (err == KZ_OK)
        err = txsign_check(problem, c, &done, spent);
    mem_free(spent);
    if (err != KZ_OK) {
        tx_clear(&done);
        return err;
    }
    tx_clear(t);
    *t = done;
    return KZ_OK;
}
