/* tests/fuzz/fuzz_submit.c - the fast way and the long way of mining.submit agree: what
 * the fast parser takes, jansson takes too, and every field is the same to the byte. */
#include "conf/mem.h"
#include "stratum/submit_fast.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct bytes a, struct bytes b)
{
    assert((a.p == NULL) == (b.p == NULL));
    assert(a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct submit_line fast, slow;
    struct request r;
    size_t used;
    char *text = mem_copy(data, size);
    bool is_fast = submit_fast_parse(&fast, data, size);
    enum request_kind kind = request_parse(&r, &used, text, size);
    if (is_fast) {
        assert(kind == REQUEST_CALL && r.method == METHOD_SUBMIT && used == size);
        assert(submit_from_request(&slow, &r) == KZ_OK);
        same(fast.id, slow.id);
        same(fast.login, slow.login);
        same(fast.job, slow.job);
        same(fast.text.extranonce2, slow.text.extranonce2);
        same(fast.text.ntime, slow.text.ntime);
        same(fast.text.nonce, slow.text.nonce);
        same(fast.text.version_bits, slow.text.version_bits);
    } else if (kind == REQUEST_CALL && r.method == METHOD_SUBMIT &&
               submit_from_request(&slow, &r) == KZ_OK) {
        struct submit s;
        enum kz_err err = submit_parse(&s, &slow.text, 8);
        assert(err != KZ_OK || s.extranonce2_len == 8);
    }
    if (kind == REQUEST_CALL)
        request_clear(&r);
    mem_free(text);
    return 0;
}
