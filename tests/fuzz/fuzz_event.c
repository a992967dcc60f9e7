/* Bodies of the event stream, and a block's hex from a file: the first byte says which. */
#include "share/block_event.h"
#include "share/denied_seal.h"
#include "share/event.h"
#include "share/rigs.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_refusals(struct bytes body)
{
    struct tally_refusal refusals[TALLY_REFUSALS_MAX];
    size_t count;
    if (event_refusals_read(refusals, &count, body) != KZ_OK)
        return;
    for (size_t i = 0; i < count; i++)
        if (strlen(refusals[i].reason) > TALLY_REASON_MAX)
            abort();
}

static void must_hold(bool what)
{
    if (!what)
        abort();
}

static bool is_plain(const char *text, size_t max)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < 0x20 || *p >= 0x7f)
            return false;
    return strlen(text) <= max;
}

/* What was read is written as bytes that say the same. */
static void read_denied(struct bytes body)
{
    static struct denied_row rows[DENIED_EVENT_ROWS], again[DENIED_EVENT_ROWS];
    static uint8_t out[DENIED_EVENT_MAX];
    size_t count, second;
    uint64_t run, same;
    if (denied_event_read(rows, &count, &run, body) != KZ_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct denied_key *k = &rows[i].key;
        must_hold(is_plain(k->listener, DENIED_LISTENER_MAX));
        must_hold(is_plain(k->reason, TALLY_REASON_MAX));
        must_hold(is_plain(k->login, DENIED_LOGIN_MAX));
        must_hold(is_plain(k->software, DENIED_SOFTWARE_MAX));
        must_hold(k->network_len <= DENIED_NETWORK_IPV6);
    }
    size_t len = denied_event_write(out, run, rows, count);
    must_hold(denied_event_read(again, &second, &same, (struct bytes){out, len}) ==
              KZ_OK);
    must_hold(second == count && same == run);
    for (size_t i = 0; i < count; i++)
        must_hold(denied_compare(&rows[i], &again[i]) == 0 &&
                  rows[i].attempts == again[i].attempts);
}

/* The envelope as it came, which opens under no key of ours; and the same as the body of
 * one that does. */
static void read_sealed(struct bytes event)
{
    static struct denied_row rows[DENIED_EVENT_ROWS];
    static uint8_t out[DENIED_SEAL_MAX];
    static const uint8_t nonce[GCM_NONCE_SIZE] = {1};
    struct denied_seal_key key = {.day = 20783, .key = {7}};
    struct denied_seal s;
    size_t count = 0, len;
    uint64_t run;
    denied_seal_set_id(&key);
    if (denied_seal_read(&s, event) == KZ_OK) {
        enum kz_err err = denied_seal_open(rows, &count, &run, &s, &key);
        must_hold(err != KZ_IO && (err != KZ_OK || denied_seal_is_under(&s, &key)));
    }
    if (event.len > DENIED_EVENT_MAX)
        return;
    must_hold(denied_seal_write(out, &len, &key, nonce, event) == KZ_OK);
    must_hold(denied_seal_read(&s, (struct bytes){out, len}) == KZ_OK);
    must_hold(denied_seal_is_under(&s, &key));
    if (denied_seal_open(rows, &count, &run, &s, &key) != KZ_OK)
        return;
    for (size_t i = 0; i < count; i++)
        must_hold(rows[i].hour / 24 == key.day);
}

static void read_rigs(struct bytes body)
{
    struct rigs_row rows[RIGS_EVENT_ROWS];
    size_t count;
    if (rigs_event_read(rows, &count, body) != KZ_OK)
        return;
    for (size_t i = 0; i < count; i++)
        must_hold(is_plain(rows[i].software, RIGS_SOFTWARE_MAX) &&
                  rows[i].software[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 'r')
        read_refusals((struct bytes){data + 1, size - 1});
    else if (data[0] == 'd')
        read_denied((struct bytes){data + 1, size - 1});
    else if (data[0] == 's')
        read_sealed((struct bytes){data + 1, size - 1});
    else if (data[0] == 'k')
        read_rigs((struct bytes){data + 1, size - 1});
    else
        json_decref(block_event_of_hex((const char *)data + 1, size - 1, 1, 0, "one"));
    return 0;
}
