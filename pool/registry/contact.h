/* pool/registry/contact.h - the form of telephone numbers, addresses of e-mail, and
 * networks.
 *
 * The form alone: whether anybody answers there is not asked. Networks are matched by
 * netaddr_in_block(), which takes a malformed one for no match; so they are checked here
 * before they are kept.
 *
 * Thread: any. Pure. */
#ifndef POOL_REGISTRY_CONTACT_H
#define POOL_REGISTRY_CONTACT_H

#include <stdbool.h>

#define CONTACT_EMAIL_MAX 254

/* E.164: + and 7 to 15 digits, the first no 0; no blanks. */
bool contact_is_phone(const char *text);

/* Something@host.name: one @, no blanks or control characters, at most
 * CONTACT_EMAIL_MAX bytes, a dot within the host. Letters beyond ASCII are taken. */
bool contact_is_email(const char *text);

/* "192.0.2.0/24", "2001:db8::/32"; without "/n" a single address. False also where bits
 * behind the prefix are set: whoever wrote it meant another network. */
bool contact_is_network(const char *text);

#endif
