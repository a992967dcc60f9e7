#include "stratum/proxy_header.h"

#include <string.h>

#define V1_MAX       107
#define V1_MIN       15 /* "PROXY UNKNOWN" and CR LF */
#define V2_FIXED     16
#define V2_COMMAND   12
#define V2_FAMILY    13
#define V2_LENGTH    14
#define V2_TCP4      0x11
#define V2_TCP6      0x21
#define V2_TCP4_SIZE 12
#define V2_TCP6_SIZE 36

static const uint8_t v2_signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                         0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
static const uint8_t v1_signature[6] = {'P', 'R', 'O', 'X', 'Y', ' '};

bool proxy_header_may_begin(uint8_t first)
{
    return first == v1_signature[0] || first == v2_signature[0];
}

static size_t less(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool parse_port(uint16_t *port, const char *text, size_t len)
{
    uint32_t v = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (uint32_t)(text[i] - '0');
    }
    *port = (uint16_t)v;
    return v <= 65535;
}

/* The word at *at, which moves behind the space that follows it. */
static struct bytes next_word(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *start = *at;
    const uint8_t *space =
        start < end ? memchr(start, ' ', (size_t)(end - start)) : NULL;
    const uint8_t *stop = space != NULL ? space : end;
    *at = space != NULL ? space + 1 : end;
    return (struct bytes){start, (size_t)(stop - start)};
}

static bool word_is(struct bytes word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.p, text, word.len) == 0;
}

/* `text` is the line behind "PROXY ", without its end. */
static enum kz_err v1_addresses(struct proxy_header *h, const uint8_t *text, size_t len)
{
    const uint8_t *at = text, *end = text + len;
    struct bytes family = next_word(&at, end);
    if (word_is(family, "UNKNOWN"))
        return KZ_OK;
    if (!word_is(family, "TCP4") && !word_is(family, "TCP6"))
        return KZ_PARSE;
    struct bytes source = next_word(&at, end), destination = next_word(&at, end);
    struct bytes source_port = next_word(&at, end), port = next_word(&at, end);
    struct netaddr a, other;
    uint16_t number, other_number;
    if (at != end || netaddr_parse(&a, (const char *)source.p, source.len) != KZ_OK ||
        netaddr_parse(&other, (const char *)destination.p, destination.len) != KZ_OK ||
        !parse_port(&number, (const char *)source_port.p, source_port.len) ||
        !parse_port(&other_number, (const char *)port.p, port.len))
        return KZ_PARSE;
    a.port = number;
    h->source = a;
    h->has_address = true;
    return KZ_OK;
}

static enum kz_err v1_parse(struct proxy_header *h, size_t *need, const uint8_t *p,
                            size_t len)
{
    const uint8_t *newline = memchr(p, '\n', less(len, V1_MAX));
    if (newline == NULL) {
        /* Byte by byte once the shortest form is there: what follows is not ours. */
        *need = len < V1_MIN ? V1_MIN - len : 1;
        return len >= V1_MAX ? KZ_PARSE : KZ_EMPTY;
    }
    size_t line = (size_t)(newline - p);
    if (line < sizeof(v1_signature) + 1 || p[line - 1] != '\r')
        return KZ_PARSE;
    h->len = line + 1;
    return v1_addresses(h, p + sizeof(v1_signature), line - 1 - sizeof(v1_signature));
}

static uint16_t read_be16(const uint8_t *p)
{
    return (uint16_t)((p[0] << 8) | p[1]);
}

static enum kz_err v2_parse(struct proxy_header *h, size_t *need, const uint8_t *p,
                            size_t len)
{
    if (len < V2_FIXED) {
        *need = V2_FIXED - len;
        return KZ_EMPTY;
    }
    size_t body = read_be16(p + V2_LENGTH);
    if ((p[V2_COMMAND] & 0xf0) != 0x20 || body + V2_FIXED > PROXY_HEADER_MAX)
        return KZ_PARSE;
    if (len < V2_FIXED + body) {
        *need = V2_FIXED + body - len;
        return KZ_EMPTY;
    }
    unsigned command = p[V2_COMMAND] & 0x0f;
    const uint8_t *a = p + V2_FIXED;
    if (command > 1)
        return KZ_PARSE;
    h->len = V2_FIXED + body;
    if (command == 0)
        return KZ_OK; /* LOCAL: the balancer itself, a health check */
    if (p[V2_FAMILY] == V2_TCP4 && body >= V2_TCP4_SIZE) {
        netaddr_from_ipv4(&h->source, a, read_be16(a + 8));
        h->has_address = true;
    } else if (p[V2_FAMILY] == V2_TCP6 && body >= V2_TCP6_SIZE) {
        memcpy(h->source.ip, a, sizeof(h->source.ip));
        h->source.port = read_be16(a + 32);
        h->has_address = true;
    } else if (p[V2_FAMILY] == V2_TCP4 || p[V2_FAMILY] == V2_TCP6) {
        return KZ_PARSE; /* too short for its own family */
    }
    return KZ_OK;
}

enum kz_err proxy_header_parse(struct proxy_header *h, size_t *need, const uint8_t *p,
                               size_t len)
{
    struct proxy_header found = {0};
    enum kz_err err = KZ_RANGE;
    if (len == 0)
        return KZ_RANGE;
    if (memcmp(p, v1_signature, less(len, sizeof(v1_signature))) == 0)
        err = v1_parse(&found, need, p, len);
    else if (memcmp(p, v2_signature, less(len, sizeof(v2_signature))) == 0)
        err = v2_parse(&found, need, p, len);
    if (err == KZ_OK)
        *h = found;
    return err;
}
