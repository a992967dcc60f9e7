/* Stratum over TLS: versions, resumption across fronts, a certificate read again. */
#include "stratum/tls.h"
#include "stratum_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

static char directory[] = "/tmp/kariz-tls-XXXXXX";
static char certificate[64], key[64];

/* A self-signed certificate for `name`. */
static void write_certificate(const char *name)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *x = X509_new();
    assert_non_null(pkey);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, pkey);
    X509_NAME *n = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                               -1, 0);
    X509_set_issuer_name(x, n);
    assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
    FILE *f = fopen(certificate, "w");
    assert_non_null(f);
    PEM_write_X509(f, x);
    fclose(f);
    f = fopen(key, "w");
    assert_non_null(f);
    PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    assert_int_equal(chmod(key, 0600), 0);
    X509_free(x);
    EVP_PKEY_free(pkey);
}

static int make_files(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(certificate, sizeof(certificate), "%s/cert.pem", directory);
    snprintf(key, sizeof(key), "%s/key.pem", directory);
    write_certificate("first.example");
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(certificate);
    unlink(key);
    return rmdir(directory);
}

/* Listener 0 plain, listener 1 TLS. */
static struct fixture *fixture_tls(void)
{
    struct fixture *f = fixture_new();
    struct conf_stratum *s = &f->conf->stratum;
    add_listener(s)->tls = true;
    snprintf(s->tls_certificate, sizeof(s->tls_certificate), "%s", certificate);
    snprintf(s->tls_key, sizeof(s->tls_key), "%s", key);
    fixture_start(f);
    publish_roster(f, true, true);
    publish_job(f, '1', HARD_NBITS, true);
    return f;
}

struct tls_rig {
    SSL_CTX *ctx;
    SSL *ssl;
    struct rig rig; /* the socket */
};

static void tls_connect(struct tls_rig *t, struct fixture *f, int version,
                        SSL_SESSION *session)
{
    t->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(t->ctx, version);
    SSL_CTX_set_max_proto_version(t->ctx, version);
    t->ssl = SSL_new(t->ctx);
    if (session != NULL)
        SSL_set_session(t->ssl, session);
    rig_connect(&t->rig, f, 1);
    SSL_set_fd(t->ssl, t->rig.fd);
    assert_int_equal(SSL_connect(t->ssl), 1);
}

static void tls_close(struct tls_rig *t)
{
    SSL_shutdown(t->ssl);
    SSL_free(t->ssl);
    SSL_CTX_free(t->ctx);
    rig_close(&t->rig);
}

/* Sends a request and reads until `until` was seen. */
static void tls_ask(struct tls_rig *t, const char *text, const char *until)
{
    char in[LINE_ROOM];
    size_t len = 0;
    assert_int_equal(SSL_write(t->ssl, text, (int)strlen(text)), (int)strlen(text));
    do {
        int n = SSL_read(t->ssl, in + len, (int)(sizeof(in) - 1 - len));
        assert_true(n > 0);
        len += (size_t)n;
        in[len] = '\0';
    } while (strstr(in, until) == NULL);
}

static void a_rig_is_served_over_both_versions(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct fixture *f = fixture_tls();
    for (size_t i = 0; i < 2; i++) {
        struct tls_rig t;
        tls_connect(&t, f, versions[i], NULL);
        tls_ask(
            &t,
            "{\"id\":1,\"method\":\"mining.subscribe\"}\n"
            "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"alice\",\"\"]}\n",
            "mining.notify\",\"params\"");
        assert_int_equal(stats_now(f).tls_sessions, 1);
        publish_job(f, '1', HARD_NBITS, false);
        tls_ask(&t, "{\"id\":3,\"method\":\"mining.ping\"}\n", "pong");
        tls_close(&t);
        WAIT_FOR(f, st.tls_sessions == 0 && st.sessions == 0);
    }
    fixture_stop(f);
}

static void many_requests_in_large_records_are_all_answered(void **state)
{
    (void)state;
    struct fixture *f = fixture_tls();
    struct tls_rig t;
    struct out {
        char text[60000];
    } *all = mem_new(sizeof(*all));
    size_t n = 0;
    tls_connect(&t, f, TLS1_3_VERSION, NULL);
    while (n + 100 < sizeof(all->text))
        n +=
            (size_t)snprintf(all->text + n, 100, "{\"id\":1,\"method\":\"nothing\"}\n");
    snprintf(all->text + n, 100, "{\"id\":1,\"method\":\"mining.ping\"}\n");
    size_t len = strlen(all->text), at = 0, seen = 0, lines = 0;
    char in[4096];
    while (at < len)
        at += (size_t)SSL_write(t.ssl, all->text + at, (int)(len - at));
    for (bool is_last = false; !is_last;) { /* line by line up to the pong */
        assert_int_equal(SSL_read(t.ssl, in + seen, 1), 1);
        if (in[seen++] != '\n')
            continue;
        is_last = memmem(in, seen, "pong", 4) != NULL;
        lines++;
        seen = 0;
    }
    assert_int_equal(lines, stats_now(f).lines);
    mem_free(all);
    tls_close(&t);
    fixture_stop(f);
}

/* Several in a row, so that every front was met. */
static bool is_served_as(struct fixture *f, const char *subject)
{
    bool all = true;
    for (int i = 0; i < 6; i++) {
        struct tls_rig t;
        char name[128];
        tls_connect(&t, f, TLS1_3_VERSION, NULL);
        X509 *x = SSL_get1_peer_certificate(t.ssl);
        X509_NAME_oneline(X509_get_subject_name(x), name, sizeof(name));
        all = all && strcmp(name, subject) == 0;
        X509_free(x);
        tls_close(&t);
    }
    return all;
}

static void sessions_resume_on_any_front_and_after_a_new_certificate(void **state)
{
    (void)state;
    struct fixture *f = fixture_tls();
    struct tls_rig t;
    tls_connect(&t, f, TLS1_2_VERSION, NULL);
    tls_ask(&t, "{\"id\":3,\"method\":\"mining.ping\"}\n", "pong");
    SSL_SESSION *session = SSL_get1_session(t.ssl);
    tls_close(&t);
    for (int i = 0; i < 8; i++) { /* two fronts: both are met */
        tls_connect(&t, f, TLS1_2_VERSION, session);
        assert_true(SSL_session_reused(t.ssl));
        tls_close(&t);
    }
    write_certificate("second.example");
    assert_int_equal(stratum_reload(f->server, f->conf), KZ_OK);
    WAIT_FOR(f, is_served_as(f, "/CN=second.example"));
    tls_connect(&t, f, TLS1_2_VERSION, session);
    assert_true(SSL_session_reused(t.ssl));
    tls_close(&t);
    SSL_SESSION_free(session);
    fixture_stop(f);
}

static void a_bad_certificate_keeps_the_old_one(void **state)
{
    (void)state;
    struct fixture *f = fixture_tls();
    struct tls_rig t;
    FILE *file = fopen(certificate, "w");
    assert_non_null(file);
    fputs("nothing\n", file);
    fclose(file);
    assert_int_equal(stratum_reload(f->server, f->conf), KZ_IO);
    tls_connect(&t, f, TLS1_3_VERSION, NULL);
    tls_ask(&t, "{\"id\":3,\"method\":\"mining.ping\"}\n", "pong");
    tls_close(&t);
    fixture_stop(f);
    write_certificate("first.example");
}

static void a_key_that_everybody_may_read_is_refused(void **state)
{
    (void)state;
    SSL_CTX *ctx = NULL;
    assert_int_equal(chmod(key, 0644), 0);
    assert_int_equal(tls_load(&ctx, certificate, key, NULL), KZ_IO);
    assert_null(ctx);
    assert_int_equal(chmod(key, 0640), 0);
    assert_int_equal(tls_load(&ctx, certificate, key, NULL), KZ_OK);
    SSL_CTX_free(ctx);
}

static void plain_text_on_a_tls_port_is_closed(void **state)
{
    (void)state;
    struct fixture *f = fixture_tls();
    struct rig r;
    rig_connect(&r, f, 1);
    rig_send(&r, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n");
    assert_true(rig_is_closed(&r));
    WAIT_FOR(f, st.closed_tls_failed == 1);
    rig_close(&r);
    fixture_stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rig_is_served_over_both_versions),
        cmocka_unit_test(many_requests_in_large_records_are_all_answered),
        cmocka_unit_test(sessions_resume_on_any_front_and_after_a_new_certificate),
        cmocka_unit_test(a_bad_certificate_keeps_the_old_one),
        cmocka_unit_test(a_key_that_everybody_may_read_is_refused),
        cmocka_unit_test(plain_text_on_a_tls_port_is_closed),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
