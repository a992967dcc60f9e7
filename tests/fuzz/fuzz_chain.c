/* tests/fuzz/fuzz_chain.c - an audit chain's file from who knows where.
 *
 * Never more than a refusal with a reason. And each line that is an event, or
 * an entry with one, makes a chain that is right once its hash is. */
#include "pool/audit/chain_file.h"

#include "pool/canon.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum kz_err verify(struct chain_check *check, const uint8_t *data, size_t size)
{
    char why[AUDIT_WHY_SIZE] = "";
    FILE *from = size > 0 ? fmemopen((void *)data, size, "r") : fopen("/dev/null", "r");
    assert(from != NULL);
    chain_check_init(check, NULL, NULL);
    enum kz_err err = chain_file_verify(check, why, from);
    assert((err == KZ_OK) == (why[0] == '\0'));
    fclose(from);
    return err;
}

static void link_alone(const json_t *event)
{
    struct chain_check check;
    char why[AUDIT_WHY_SIZE] = "", hex[HASH256_HEX_SIZE];
    struct chain_head from = {.seq = audit_event_seq(event) - 1};
    struct hash256 hash;
    bool hashes = canon_sha256_tagged(&hash, CHAIN_TAG, (struct bytes){from.hash.b, 32},
                                      event) == KZ_OK;
    assert(hashes);
    hex_encode(hex, hash.b, sizeof(hash.b));
    json_t *entry = json_pack("{s:O, s:s}", "event", event, "hash", hex);
    chain_check_init(&check, &from, NULL);
    bool is_right = chain_check_feed(&check, why, entry) == KZ_OK &&
                    chain_check_finish(&check, why) == KZ_OK;
    assert(is_right);
    json_decref(entry);
}

static void try_line(const char *line, size_t len)
{
    char why[AUDIT_WHY_SIZE] = "";
    json_t *value =
        json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const json_t *event = json_object_get(value, "event");
    if (!json_is_object(event))
        event = value;
    if (value != NULL && audit_event_check(why, event) == KZ_OK)
        link_alone(event);
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chain_check check;
    const char *p = (const char *)data, *end = p + size;
    if (verify(&check, data, size) == KZ_OK)
        assert(check.events > 0 && data[size - 1] == '\n');
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (stop == NULL)
            stop = end;
        try_line(p, (size_t)(stop - p));
        p = stop + 1;
    }
    return 0;
}
