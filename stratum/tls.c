#include "stratum/tls.h"

#include "conf/log.h"

#include <openssl/err.h>
#include <sys/stat.h>

static void log_failure(const char *what, const char *path)
{
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    ERR_clear_error();
    log_error("tls_load_failed", kv_str("what", what), kv_str("file", path),
              kv_str("error", text));
}

static void set_options(SSL_CTX *ctx)
{
    static const unsigned char id[] = "kariz-stratum";
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* Buffers of idle sessions are given back: 34 KB each otherwise. What is left of an
     * answer is written from wherever it lies by then. */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Resumption is by tickets alone: no cache to lock and to bound. One ticket is
     * enough for a rig that opens one connection. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
}

/* Who can read the key can be us. The same rule as for all secrets (conf/secret.h). */
static enum kz_err check_key_mode(const char *key)
{
    struct stat st;
    if (stat(key, &st) == 0 && (st.st_mode & S_IROTH) != 0) {
        log_error("tls_load_failed", kv_str("what", "key"), kv_str("file", key),
                  kv_str("error", "may be read by everybody: chmod o-r"));
        return KZ_IO;
    }
    return KZ_OK;
}

static enum kz_err load_files(SSL_CTX *ctx, const char *certificate, const char *key)
{
    if (check_key_mode(key) != KZ_OK)
        return KZ_IO;
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1) {
        log_failure("certificate", certificate);
        return KZ_IO;
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1) {
        log_failure("key", key);
        return KZ_IO;
    }
    return KZ_OK;
}

static void copy_ticket_keys(SSL_CTX *to, SSL_CTX *from)
{
    unsigned char keys[256];
    long len = SSL_CTX_get_tlsext_ticket_keys(from, NULL, 0);
    if (len > 0 && len <= (long)sizeof(keys) &&
        SSL_CTX_get_tlsext_ticket_keys(from, keys, len) == 1)
        SSL_CTX_set_tlsext_ticket_keys(to, keys, len);
    OPENSSL_cleanse(keys, sizeof(keys));
}

enum kz_err tls_load(SSL_CTX **out, const char *certificate, const char *key,
                     SSL_CTX *old)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL) {
        log_failure("context", "");
        return KZ_IO;
    }
    set_options(ctx);
    enum kz_err err = load_files(ctx, certificate, key);
    if (err != KZ_OK) {
        SSL_CTX_free(ctx);
        return err;
    }
    if (old != NULL)
        copy_ticket_keys(ctx, old);
    *out = ctx;
    return KZ_OK;
}
