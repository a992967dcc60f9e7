#include "pool/registry/contact.h"

#include "share/bytes.h"
#include "stratum/netaddr.h"

#include <string.h>

bool contact_is_phone(const char *text)
{
    size_t digits = strlen(text) > 0 ? strspn(text + 1, "0123456789") : 0;
    return text[0] == '+' && text[1] != '0' && digits >= 7 && digits <= 15 &&
           text[1 + digits] == '\0';
}

static bool is_host(const char *host)
{
    size_t len = strlen(host);
    const char *dot = strchr(host, '.');
    return dot != NULL && host[0] != '.' && host[len - 1] != '.' &&
           strstr(host, "..") == NULL;
}

bool contact_is_email(const char *text)
{
    const char *at = strchr(text, '@');
    size_t len = strlen(text);
    if (at == NULL || at == text || strchr(at + 1, '@') != NULL ||
        len > CONTACT_EMAIL_MAX || !is_host(at + 1))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f ||
            strchr("<>,;:\"()[]\\", text[i]) != NULL)
            return false;
    return true;
}

static bool has_bits_behind(const struct netaddr *a, unsigned prefix)
{
    for (unsigned bit = prefix; bit < 128; bit++)
        if ((a->ip[bit / 8] >> (7 - bit % 8) & 1) != 0)
            return true;
    return false;
}

bool contact_is_network(const char *text)
{
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    struct netaddr base;
    uint64_t prefix;
    if (netaddr_parse(&base, text, len) != KZ_OK)
        return false;
    if (slash == NULL)
        return true;
    bool is_ipv4 = memchr(text, ':', len) == NULL;
    if (strlen(slash + 1) > 3 || !decimal_read(&prefix, slash + 1, is_ipv4 ? 32 : 128))
        return false;
    return !has_bits_behind(&base, (unsigned)prefix + (is_ipv4 ? 96 : 0));
}
