/* pool/registry/record_qr.h - what a certificate's QR code holds, before anyone opens it.
 *
 * The payload is kept as scanned. Forged certificates would lead to a forged page that
 * confirms them; so a link is opened only where its host is one that the profile lists.
 * Of a link only https counts, with nothing before the host (no user) and no port; what
 * looks like a link in any other way has a host we do not know.
 *
 * Thread: any. Pure. Source: registry spec section 3, certificate.qr_payload. */
#ifndef POOL_RECORD_QR_H
#define POOL_RECORD_QR_H

#include "pool/registry/profile.h"

enum record_qr {
    RECORD_QR_TEXT,         /* no link: nothing to open, and no proof */
    RECORD_QR_KNOWN_HOST,   /* may be opened */
    RECORD_QR_UNKNOWN_HOST, /* must not be */
};

enum record_qr record_qr_kind(const char *payload, const struct profile *profile);

#endif
