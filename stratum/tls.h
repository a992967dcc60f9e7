/* stratum/tls.h - the TLS side of listeners: one SSL_CTX for all front threads.
 *
 * TLS 1.2 and 1.3, the full chain of the certificate file, session resumption by
 * tickets. Because the context is shared, a ticket from one front is good on every
 * other, and tls_reload() hands the ticket keys on, so rigs resume across a new
 * certificate too.
 *
 * Ownership  SSL_CTX is counted by OpenSSL: release with SSL_CTX_free().
 * Errors     KZ_IO: a file cannot be read or does not fit the other; logged here.
 * Thread     control; the context itself: any. */
#ifndef STRATUM_TLS_H
#define STRATUM_TLS_H

#include "conf/err.h"

#include <openssl/ssl.h>

/* `old` may be NULL; its ticket keys go on in the new one. */
KZ_MUST_USE enum kz_err tls_load(SSL_CTX **out, const char *certificate,
                                 const char *key, SSL_CTX *old);

#endif
