/* tests/fuzz/fuzz_submit_text.c - the texts of mining.submit, and the numbers rigs
 * send.
 *
 * The input is lines: extranonce2, ntime, nonce, version bits (may lack). What parses
 * must parse to the same once written out again in full. */
#include "share/check.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes next_line(struct bytes *rest)
{
    struct bytes line = *rest;
    const uint8_t *end = rest->len > 0 ? memchr(rest->p, '\n', rest->len) : NULL;
    if (end == NULL) {
        *rest = (struct bytes){NULL, 0};
        return line;
    }
    line.len = (size_t)(end - rest->p);
    *rest = (struct bytes){end + 1, rest->len - line.len - 1};
    return line;
}

static struct bytes text_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static void try_submit(const struct submit_text *text, size_t extranonce2_size)
{
    struct submit s, again;
    char en2[17], ntime[9], nonce[9], bits[9];
    if (submit_parse(&s, text, extranonce2_size) != KZ_OK)
        return;
    assert(s.extranonce2_len == extranonce2_size);
    hex_encode(en2, s.extranonce2, s.extranonce2_len);
    snprintf(ntime, sizeof(ntime), "%08x", (unsigned)s.ntime);
    snprintf(nonce, sizeof(nonce), "%08x", (unsigned)s.nonce);
    snprintf(bits, sizeof(bits), "%08x", (unsigned)s.version_bits);
    struct submit_text full = {text_of(en2), text_of(ntime), text_of(nonce), {NULL, 0}};
    if (s.has_version_bits)
        full.version_bits = text_of(bits);
    bool is_parsed = submit_parse(&again, &full, extranonce2_size) == KZ_OK;
    assert(is_parsed && memcmp(&s, &again, sizeof(s)) == 0);
}

static void try_numbers(const char *text, size_t len)
{
    struct difficulty d, again;
    struct job_id id;
    struct target t;
    uint64_t work;
    char out[DIFFICULTY_TEXT_SIZE];
    if (job_id_parse(&id, text, len) == KZ_OK)
        assert(len > 0 && len <= 16);
    if (difficulty_parse(&d, text, len) != KZ_OK)
        return;
    difficulty_format(out, d);
    bool is_parsed = difficulty_parse(&again, out, strlen(out)) == KZ_OK;
    assert(is_parsed && difficulty_compare(d, again) == 0);
    target_from_difficulty(&t, d);
    if (target_work(&work, &t, UINT64_C(1) << 22))
        assert(work <= INT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = {data, size};
    struct submit_text text;
    text.extranonce2 = next_line(&rest);
    text.ntime = next_line(&rest);
    text.nonce = next_line(&rest);
    text.version_bits = next_line(&rest);
    for (size_t len = 0; len <= 8; len++)
        try_submit(&text, len);
    try_numbers((const char *)data, size);
    return 0;
}
