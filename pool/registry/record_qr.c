#include "pool/registry/record_qr.h"

#include <string.h>
#include <strings.h>

#define HOST_MAX 253

/* A scheme is letters, then letters, digits, + - . up to the colon (RFC 3986 section
 * 3.1), with no blank behind, as "No: 12" has; "//" alone, and "www." at the front, are
 * opened by some programs too. */
static bool looks_like_link(const char *payload)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    const char *colon = payload + strspn(payload, letters);
    bool has_scheme =
        colon > payload && *colon == ':' && colon[1] != ' ' && colon[1] != '\0';
    return has_scheme || strstr(payload, "//") != NULL ||
           strncasecmp(payload, "www.", 4) == 0;
}

static bool is_listed(const struct profile *profile, const char *host)
{
    const struct profile_list *hosts = &profile->certificate.qr_hosts;
    for (size_t i = 0; i < hosts->count; i++)
        if (strcasecmp(hosts->items[i], host) == 0)
            return true;
    return false;
}

enum record_qr record_qr_kind(const char *payload, const struct profile *profile)
{
    static const char https[] = "https://";
    static const char host_letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    char host[HOST_MAX + 1];
    if (!looks_like_link(payload))
        return RECORD_QR_TEXT;
    if (strncasecmp(payload, https, strlen(https)) != 0)
        return RECORD_QR_UNKNOWN_HOST;
    const char *from = payload + strlen(https);
    size_t len = strspn(from, host_letters);
    /* What ends the host must do so for every reader: browsers take a backslash for a
     * slash, and what stands before an @ for a user. */
    if (len == 0 || len > HOST_MAX || strchr("/?#", from[len]) == NULL ||
        strchr(from, '\\') != NULL)
        return RECORD_QR_UNKNOWN_HOST;
    memcpy(host, from, len);
    host[len] = '\0';
    return is_listed(profile, host) ? RECORD_QR_KNOWN_HOST : RECORD_QR_UNKNOWN_HOST;
}
