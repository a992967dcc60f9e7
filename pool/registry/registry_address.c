#include "pool/registry/registry_address.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "payout/address.h"
#include "payout/base64.h"

#include <string.h>

#define HOUR_MS INT64_C(3600000)

/* --- finding ---------------------------------------------------------------------- */

static bool is_live(const json_t *address)
{
    const json_t *to = json_object_get(address, "to");
    return to == NULL || json_is_null(to);
}

const json_t *record_newest_address(const json_t *record)
{
    const json_t *list = json_object_get(record, "payout_addresses");
    for (size_t i = json_array_size(list); i > 0; i--)
        if (is_live(json_array_get(list, i - 1)))
            return json_array_get(list, i - 1);
    return NULL;
}

bool record_address_waits(const json_t *address, int64_t now_ms)
{
    const char *from = record_text(address, "payable_from");
    int64_t at;
    return from != NULL &&
           (clock_utc_parse(&at, from, strlen(from)) != KZ_OK || at > now_ms);
}

static json_t *find_live(const json_t *list, const char *text)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)list, i, one)
    {
        const char *known = record_text(one, "address");
        if (known != NULL && is_live(one) && strcmp(known, text) == 0)
            return one;
    }
    return NULL;
}

static size_t count_live(const json_t *list)
{
    size_t i, count = 0;
    json_t *one;
    json_array_foreach((json_t *)list, i, one) count += is_live(one);
    return count;
}

/* --- adding, ending --------------------------------------------------------------- */

static bool is_pools_own(const struct address *a, const struct conf *conf)
{
    struct address own;
    struct address_problem problem;
    const char *text = conf->coinbase_address;
    return address_parse(&own, &problem, network_of(conf->network), text,
                         strlen(text)) == KZ_OK &&
           own.script_len == a->script_len &&
           memcmp(own.script, a->script, a->script_len) == 0;
}

/* `text` as addresses are kept. */
static enum kz_err read_payable(char text[ADDRESS_TEXT_SIZE], struct address *a,
                                char why[RECORD_WHY_SIZE],
                                const struct record_address_change *c)
{
    struct address_problem problem = {.fault = ADDRESS_IS_EMPTY};
    const char *given = c->address;
    if (address_normalise(text, given, strlen(given)) != KZ_OK ||
        address_parse(a, &problem, network_of(c->conf->network), text, strlen(text)) !=
            KZ_OK ||
        address_check_payable(a, &problem) != KZ_OK)
        return record_refuse(why, "address: \"%.100s\": %s", given,
                             address_fault_text(problem.fault));
    if (is_pools_own(a, c->conf))
        return record_refuse(why, "address: \"%.100s\" is the pool's own", given);
    return KZ_OK;
}

static void set_time(json_t *o, const char *key, int64_t utc_ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_utc_format(text, utc_ms);
    json_object_set_new(o, key, json_string(text));
}

enum kz_err record_add_address(json_t *list, char why[RECORD_WHY_SIZE],
                               const struct record_address_change *c, int64_t wait_ms)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address a;
    if (read_payable(text, &a, why, c) != KZ_OK)
        return KZ_RANGE;
    if (find_live(list, text) != NULL)
        return record_refuse(why, "address: \"%.100s\" is there twice", c->address);
    json_t *one = json_pack("{s:s, s:s, s:n}", "address", text, "type",
                            address_type_name(a.type), "to");
    set_time(one, "from", c->now_ms);
    if (wait_ms > 0)
        set_time(one, "payable_from", c->now_ms + wait_ms);
    json_array_append_new(list, one);
    return KZ_OK;
}

enum kz_err record_with_address(json_t **out, char why[RECORD_WHY_SIZE],
                                const json_t *record,
                                const struct record_address_change *c)
{
    json_t *changed = json_deep_copy(record);
    json_t *list = json_object_get(changed, "payout_addresses");
    int64_t wait_ms = c->conf->address_wait_hours * HOUR_MS;
    enum kz_err err = KZ_OK;
    if (json_array_size(list) >= RECORD_ADDRESSES_KEPT)
        err = record_refuse(why, "address: %d were registered; no more are kept",
                            RECORD_ADDRESSES_KEPT);
    if (err == KZ_OK && count_live(list) >= RECORD_ADDRESSES_MAX)
        err = record_refuse(why, "address: %d are live; end one first",
                            RECORD_ADDRESSES_MAX);
    if (err == KZ_OK)
        err = record_add_address(list, why, c, wait_ms);
    if (err == KZ_OK)
        *out = changed;
    else
        json_decref(changed);
    return err;
}

/* The live address of `changed` that `c` names; NULL: `why`. */
static json_t *need_live(const json_t *changed, char why[RECORD_WHY_SIZE],
                         const char *given)
{
    char text[ADDRESS_TEXT_SIZE];
    json_t *one = NULL;
    if (address_normalise(text, given, strlen(given)) == KZ_OK)
        one = find_live(json_object_get(changed, "payout_addresses"), text);
    if (one == NULL &&
        record_refuse(why, "address: \"%.100s\" is no live address of this miner",
                      given) != KZ_OK)
        return NULL;
    return one;
}

/* A copy of the record to be changed, and in it the live address; NULL: `why`. */
static json_t *open_live(json_t **one, char why[RECORD_WHY_SIZE], const json_t *record,
                         const char *address)
{
    json_t *changed = json_deep_copy(record);
    *one = need_live(changed, why, address);
    if (*one != NULL)
        return changed;
    json_decref(changed);
    return NULL;
}

enum kz_err record_without_address(json_t **out, char why[RECORD_WHY_SIZE],
                                   const json_t *record,
                                   const struct record_address_change *c)
{
    json_t *one, *changed = open_live(&one, why, record, c->address);
    if (changed == NULL)
        return KZ_RANGE;
    set_time(one, "to", c->now_ms);
    json_object_del(one, "challenge");
    *out = changed;
    return KZ_OK;
}

/* --- proving ---------------------------------------------------------------------- */

enum kz_err record_with_challenge(json_t **out, char why[RECORD_WHY_SIZE],
                                  const json_t *record,
                                  const struct record_address_change *c)
{
    json_t *one, *changed = open_live(&one, why, record, c->address);
    if (changed == NULL)
        return KZ_RANGE;
    json_t *challenge = json_pack("{s:s}", "nonce", c->nonce);
    int64_t expires_ms = c->now_ms + RECORD_CHALLENGE_HOURS * HOUR_MS;
    set_time(challenge, "expires",
             expires_ms - expires_ms % 1000); /* as it is signed */
    json_object_set_new(one, "challenge", challenge);
    *out = changed;
    return KZ_OK;
}

/* What Redis has is not taken for well formed. */
static enum kz_err read_challenge(char message[PROOF_MESSAGE_SIZE], int64_t *expires_ms,
                                  const json_t *record, const json_t *one,
                                  const struct conf *conf)
{
    const json_t *challenge = json_object_get(one, "challenge");
    const char *nonce = record_text(challenge, "nonce"),
               *expires = record_text(challenge, "expires"),
               *id = record_text(record, "miner_id");
    struct proof_binding b = {.network = network_of(conf->network),
                              .address = record_text(one, "address"),
                              .nonce = nonce};
    if (nonce == NULL || strlen(nonce) > PROOF_NONCE_MAX || expires == NULL ||
        clock_utc_parse(expires_ms, expires, strlen(expires)) != KZ_OK || id == NULL ||
        miner_id_parse(&b.miner, id, strlen(id)) != KZ_OK)
        return KZ_EMPTY;
    b.expires_s = *expires_ms / 1000;
    proof_message(message, &b);
    return KZ_OK;
}

enum kz_err record_challenge_message(char out[PROOF_MESSAGE_SIZE], const json_t *record,
                                     const char *address, const struct conf *conf)
{
    char why[RECORD_WHY_SIZE];
    int64_t expires_ms;
    const json_t *one = need_live(record, why, address);
    return one != NULL ? read_challenge(out, &expires_ms, record, one, conf) : KZ_EMPTY;
}

static enum kz_err verify(char why[RECORD_WHY_SIZE], const json_t *one,
                          const char *message, const struct record_address_change *c)
{
    struct address a;
    struct address_problem problem;
    const char *text = record_text(one, "address");
    if (address_parse(&a, &problem, network_of(c->conf->network), text, strlen(text)) !=
        KZ_OK)
        return record_refuse(why, "address: %s", address_fault_text(problem.fault));
    const struct proof_claim claim = {
        .script = {a.script, a.script_len},
        .message = {(const uint8_t *)message, strlen(message)},
        .text = c->signature,
        .text_len = strlen(c->signature)};
    struct sign_context *context = sign_context_new();
    struct proof_answer answer = proof_check(context, &claim);
    sign_context_free(context);
    switch (answer.verdict) {
    case PROOF_VALID:
        return KZ_OK;
    case PROOF_INVALID:
        return record_refuse(why, "signature: %s", answer.reason);
    case PROOF_INCONCLUSIVE:
        break;
    }
    return record_refuse(why, "signature: %s: a person decides", answer.reason);
}

/* Of a valid one. No witness that is evaluated has the length of an older form, and
 * letters in front are no base64 of it. */
static const char *method_of(const char *signature)
{
    uint8_t *p = NULL;
    size_t len = 0;
    bool is_older = base64_decode(&p, &len, signature, strlen(signature),
                                  RECOVERABLE_SIZE) == KZ_OK &&
                    len == RECOVERABLE_SIZE;
    mem_free(p);
    return is_older ? "legacy" : "bip322";
}

static enum kz_err prove(json_t *changed, json_t *one, char why[RECORD_WHY_SIZE],
                         const struct record_address_change *c)
{
    char message[PROOF_MESSAGE_SIZE];
    int64_t expires_ms;
    if (read_challenge(message, &expires_ms, changed, one, c->conf) != KZ_OK)
        return record_refuse(why, "address: no challenge is open: ask for one");
    if (c->now_ms >= expires_ms)
        return record_refuse(why,
                             "address: the challenge has expired: ask for another");
    if (c->signature == NULL)
        return record_refuse(why, "signature: is missing");
    if (verify(why, one, message, c) != KZ_OK)
        return KZ_RANGE;
    json_t *proof =
        json_pack("{s:s, s:s, s:s, s:s}", "method", method_of(c->signature), "message",
                  message, "signature", c->signature, "actor", c->actor);
    set_time(proof, "at", c->now_ms);
    json_object_set_new(one, "proof", proof);
    json_object_del(one, "challenge");
    return KZ_OK;
}

enum kz_err record_with_proof(json_t **out, char why[RECORD_WHY_SIZE],
                              const json_t *record,
                              const struct record_address_change *c)
{
    json_t *one, *changed = open_live(&one, why, record, c->address);
    if (changed == NULL)
        return KZ_RANGE;
    if (prove(changed, one, why, c) != KZ_OK) {
        json_decref(changed);
        return KZ_RANGE;
    }
    *out = changed;
    return KZ_OK;
}
