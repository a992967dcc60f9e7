#include "pool/audit/commit.h"

#include "pool/canon.h"

#include <openssl/crypto.h>

enum kz_err commit_make(struct hash256 *out, const uint8_t salt[COMMIT_SALT_SIZE],
                        const json_t *value)
{
    return canon_sha256_tagged(out, COMMIT_TAG, (struct bytes){salt, COMMIT_SALT_SIZE},
                               value);
}

bool commit_opens(const struct hash256 *commitment,
                  const uint8_t salt[COMMIT_SALT_SIZE], const json_t *value)
{
    struct hash256 made;
    return commit_make(&made, salt, value) == KZ_OK &&
           CRYPTO_memcmp(made.b, commitment->b, sizeof(made.b)) == 0;
}
