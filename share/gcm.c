#include "share/gcm.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

/* All but the tag. */
static bool run(uint8_t *out, EVP_CIPHER_CTX *x, const struct gcm *g, struct bytes in,
                int seal)
{
    int n = 0;
    assert(in.len <= INT_MAX && g->open_text.len <= INT_MAX);
    return EVP_CipherInit_ex(x, EVP_aes_256_gcm(), NULL, g->key, g->nonce, seal) == 1 &&
           EVP_CipherUpdate(x, NULL, &n, g->open_text.p, (int)g->open_text.len) == 1 &&
           EVP_CipherUpdate(x, out, &n, in.p, (int)in.len) == 1 && (size_t)n == in.len;
}

enum kz_err gcm_seal(uint8_t *out, uint8_t tag[GCM_TAG_SIZE], const struct gcm *g,
                     struct bytes in)
{
    uint8_t rest[EVP_MAX_BLOCK_LENGTH]; /* stays empty: the cipher is a stream */
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = x != NULL && run(out, x, g, in, 1) &&
              EVP_CipherFinal_ex(x, rest, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_GET_TAG, GCM_TAG_SIZE, tag) == 1;
    EVP_CIPHER_CTX_free(x);
    return ok ? KZ_OK : KZ_IO;
}

enum kz_err gcm_open(uint8_t *out, const struct gcm *g, struct bytes in,
                     const uint8_t tag[GCM_TAG_SIZE])
{
    uint8_t rest[EVP_MAX_BLOCK_LENGTH], expected[GCM_TAG_SIZE];
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    int n = 0;
    memcpy(expected, tag, sizeof(expected)); /* OpenSSL asks for what it may change */
    bool ok = x != NULL && run(out, x, g, in, 0) &&
              EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_SET_TAG, GCM_TAG_SIZE, expected) == 1;
    bool is_right = ok && EVP_CipherFinal_ex(x, rest, &n) == 1;
    EVP_CIPHER_CTX_free(x);
    return !ok ? KZ_IO : is_right ? KZ_OK : KZ_RANGE;
}
