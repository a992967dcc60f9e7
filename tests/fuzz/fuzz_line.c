/* tests/fuzz/fuzz_line.c - bytes to lines to requests: framing, guessing, JSON-RPC. */
#include "conf/mem.h"
#include "stratum/line.h"
#include "stratum/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A reply is one line of JSON whatever the id was. */
static void check_reply(const struct request *r)
{
    struct out o = {0};
    reply_error(&o, r->id, "null", 20, "Other");
    json_t *reply =
        json_loadb(o.p, o.len, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    assert(reply != NULL);
    assert(memchr(o.p, '\n', o.len) == o.p + o.len - 1);
    json_decref(reply);
    out_clear(&o);
}

static void parse_objects(struct bytes line)
{
    char *text = mem_copy(line.p, line.len);
    for (size_t at = 0; at < line.len;) {
        struct request r;
        size_t used;
        if (request_parse(&r, &used, text + at, line.len - at) == REQUEST_CALL) {
            assert(json_is_array(r.params));
            check_reply(&r);
            request_clear(&r);
        }
        assert(used > 0 && used <= line.len - at);
        at += used;
    }
    mem_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes line;
    line_guess(data, size);
    for (size_t at = 0; at < size;) {
        size_t used = line_take(&line, data + at, size - at);
        if (used == 0)
            break;
        assert(used <= size - at && line.len < used);
        parse_objects(line);
        at += used;
    }
    return 0;
}
