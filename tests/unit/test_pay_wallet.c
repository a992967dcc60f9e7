/* The pool's wallet: which outputs are its own, who may open it, and its signatures. */
#include "pool/pay/wallet.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "payout/wif.h"
#include "pool/keyfile.h"
#include "pool/pay/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RIGHT         "correct horse"
#define NEWEST_HEIGHT 800000

struct bed {
    char folder[64], path[128];
    struct conf conf;
    struct sign_context *context;
    struct bip32_key master;
    struct wallet *wallet;
    char why[WALLET_WHY_SIZE];
};

static void bed_init(struct bed *b)
{
    uint8_t seed[32];
    *b = (struct bed){.folder = "/tmp/kariz-wallet-XXXXXX"};
    log_setup(LOG_ERROR, false);
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->path, sizeof(b->path), "%s/wallet.key", b->folder);
    b->conf.network = CONF_REGTEST;
    b->context = sign_context_new();
    memset(seed, 0x5a, sizeof(seed));
    assert_int_equal(
        bip32_from_seed(&b->master, true, (struct bytes){seed, sizeof(seed)}), KZ_OK);
}

static void bed_clear(struct bed *b)
{
    wallet_close(b->wallet);
    sign_context_free(b->context);
    unlink(b->path);
    rmdir(b->folder);
}

/* A file descriptor with a line to read once, as a shell or a service gives it. */
static struct passphrase_source pipe_of(const char *line)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], line, strlen(line)), (ssize_t)strlen(line));
    assert_int_equal(write(fds[1], "\n", 1), 1);
    close(fds[1]);
    return (struct passphrase_source){.fd = fds[0]};
}

static enum kz_err unlock_with(struct bed *b, const char *line)
{
    struct passphrase_source from = pipe_of(line);
    enum kz_err err = wallet_unlock(b->wallet, b->why, &from);
    close(from.fd);
    return err;
}

static void describe(struct bed *b, struct keyfile_public *about,
                     enum descriptor_type type)
{
    about->network = network_of(b->conf.network);
    about->created_ms = 1767225600000;
    assert_int_equal(
        descriptor_of_account(about->receive, b->context, &b->master, type, 0, 0),
        KZ_OK);
    assert_int_equal(
        descriptor_of_account(about->change, b->context, &b->master, type, 0, 1),
        KZ_OK);
}

static void make_file(struct bed *b, const struct keyfile_public *about,
                      enum keyfile_kind kind, struct bytes secret)
{
    struct key_problem problem = {""};
    const struct keyfile_plan plan = {.about = about,
                                      .kind = kind,
                                      .secret = secret,
                                      .passphrase = {(const uint8_t *)RIGHT, 13},
                                      .scrypt_n = KEYFILE_N_MIN};
    unlink(b->path);
    if (keyfile_create(b->path, &problem, &plan) != KZ_OK)
        fail_msg("%s", problem.text);
    snprintf(b->conf.pay.key_file, sizeof(b->conf.pay.key_file), "%s", b->path);
    if (wallet_open(&b->wallet, b->why, &b->conf) != KZ_OK)
        fail_msg("%s", b->why);
}

/* By the master's own text. */
static void make_xprv_file(struct bed *b, enum descriptor_type type)
{
    struct keyfile_public *about = mem_new(sizeof(*about));
    char text[BIP32_TEXT_SIZE];
    describe(b, about, type);
    bip32_format(text, &b->master);
    make_file(b, about, KEYFILE_XPRV,
              (struct bytes){(const uint8_t *)text, strlen(text)});
    mem_free(about);
}

static void make_seed_file(struct bed *b, enum descriptor_type type, uint8_t byte)
{
    struct keyfile_public *about = mem_new(sizeof(*about));
    uint8_t seed[32];
    describe(b, about, type);
    memset(seed, byte, sizeof(seed));
    make_file(b, about, KEYFILE_SEED, (struct bytes){seed, sizeof(seed)});
    mem_free(about);
}

/* --- signing ---------------------------------------------------------------------- */

/* A transaction that spends a coin at each of the places. */
struct spending {
    struct tx t;
    struct tx_output spent[4];
    struct descriptor_output out[4];
    size_t count;
};

static void spend_init(struct spending *s, const struct bed *b,
                       const struct wallet_place *places, size_t count)
{
    static const uint8_t to[] = {0x51};
    struct amount value;
    s->count = count;
    tx_init(&s->t, 2, 0);
    for (size_t i = 0; i < count; i++) {
        const struct tx_outpoint from = {.vout = (uint32_t)i};
        tx_add_input(&s->t, &from, TX_SEQUENCE_RBF);
        assert_int_equal(wallet_output(&s->out[i], b->wallet, &places[i]), KZ_OK);
        assert_true(amount_from_sat(&s->spent[i].value, 100000 + (int64_t)i));
        s->spent[i].script =
            (struct tx_bytes){s->out[i].script.b, s->out[i].script.len};
    }
    assert_true(amount_from_sat(&value, 90000));
    tx_add_output(&s->t, value, (struct bytes){to, sizeof(to)});
}

static const struct wallet_place some_places[4] = {{WALLET_RECEIVE, 0},
                                                   {WALLET_RECEIVE, NEWEST_HEIGHT},
                                                   {WALLET_CHANGE, 0},
                                                   {WALLET_CHANGE, 70}};

static void must_sign(struct bed *b, size_t count)
{
    struct spending s;
    struct txsign_problem problem = {.what = ""};
    spend_init(&s, b, some_places, count);
    if (wallet_sign(&s.t, b->why, b->wallet, some_places, s.spent) != KZ_OK)
        fail_msg("%s", b->why);
    if (txsign_check(&problem, wallet_context(b->wallet), &s.t, s.spent) != KZ_OK)
        fail_msg("input %zu: %s", problem.input, problem.what);
    /* Another value was not signed for. */
    assert_true(amount_from_sat(&s.spent[0].value, 99999));
    bool is_legacy = b->wallet != NULL && s.out[0].type == DESCRIPTOR_PKH;
    assert_int_equal(txsign_check(&problem, wallet_context(b->wallet), &s.t, s.spent) ==
                         KZ_OK,
                     is_legacy);
    tx_clear(&s.t);
}

static void every_kind_of_file_signs_every_type(void **state)
{
    (void)state;
    static const enum descriptor_type types[] = {DESCRIPTOR_PKH, DESCRIPTOR_WPKH,
                                                 DESCRIPTOR_SH_WPKH, DESCRIPTOR_TR};
    for (size_t i = 0; i < 4; i++) {
        struct bed b;
        bed_init(&b);
        if (i % 2 == 0)
            make_seed_file(&b, types[i], 0x5a);
        else
            make_xprv_file(&b, types[i]);
        assert_true(wallet_can_sign(b.wallet));
        assert_int_equal(unlock_with(&b, RIGHT), KZ_OK);
        must_sign(&b, 4);
        bed_clear(&b);
    }
}

static void a_single_key_signs_for_its_one_address(void **state)
{
    (void)state;
    struct bed b;
    struct keyfile_public *about = mem_new(sizeof(*about));
    uint8_t key[PRIVATE_KEY_SIZE], pubkey[PUBKEY_SIZE];
    char text[WIF_TEXT_SIZE], hex[2 * PUBKEY_SIZE + 1];
    bed_init(&b);
    memset(key, 0x11, sizeof(key));
    assert_int_equal(sign_public_key(pubkey, b.context, key), KZ_OK);
    hex_encode(hex, pubkey, sizeof(pubkey));
    describe(&b, about, DESCRIPTOR_WPKH);
    snprintf(about->receive, sizeof(about->receive), "wpkh(%s)", hex);
    snprintf(about->change, sizeof(about->change), "wpkh(%s)", hex);
    wif_format(text, about->network, key, true);
    make_file(&b, about, KEYFILE_WIF,
              (struct bytes){(const uint8_t *)text, strlen(text)});
    assert_int_equal(unlock_with(&b, RIGHT), KZ_OK);
    must_sign(&b, 4); /* whatever the index */
    mem_free(about);
    bed_clear(&b);
}

static void a_file_whose_key_is_another_signs_nothing(void **state)
{
    (void)state;
    struct bed b;
    struct spending s;
    bed_init(&b);
    make_seed_file(&b, DESCRIPTOR_WPKH, 0x77); /* the descriptors are of 5a... */
    assert_int_equal(unlock_with(&b, RIGHT), KZ_OK);
    spend_init(&s, &b, some_places, 2);
    assert_int_equal(wallet_sign(&s.t, b.why, b.wallet, some_places, s.spent),
                     KZ_RANGE);
    assert_non_null(strstr(b.why, "input 0: the key in the file is not the one of"));
    assert_int_equal(s.t.inputs[0].script.len, 0);
    tx_clear(&s.t);
    bed_clear(&b);
}

/* --- opening and closing ---------------------------------------------------------- */

static void a_wrong_passphrase_opens_nothing(void **state)
{
    (void)state;
    struct bed b;
    struct spending s;
    bed_init(&b);
    make_seed_file(&b, DESCRIPTOR_WPKH, 0x5a);
    assert_int_equal(unlock_with(&b, "wrong horse"), KZ_RANGE);
    assert_non_null(strstr(b.why, b.path));
    assert_null(strstr(b.why, "horse"));
    spend_init(&s, &b, some_places, 1);
    assert_int_equal(wallet_sign(&s.t, b.why, b.wallet, some_places, s.spent),
                     KZ_RANGE);
    tx_clear(&s.t);
    bed_clear(&b);
}

/* A pipe gives the passphrase once; the key is opened for each run and each bump. */
static void a_pipe_opens_it_as_often_as_it_takes(void **state)
{
    (void)state;
    struct bed b;
    struct spending s;
    bed_init(&b);
    make_seed_file(&b, DESCRIPTOR_WPKH, 0x5a);
    struct passphrase_source from = pipe_of(RIGHT);
    for (int i = 0; i < 2; i++) {
        if (wallet_unlock(b.wallet, b.why, &from) != KZ_OK)
            fail_msg("%s", b.why);
        must_sign(&b, 1);
        wallet_lock(b.wallet);
        spend_init(&s, &b, some_places, 1);
        assert_int_equal(wallet_sign(&s.t, b.why, b.wallet, some_places, s.spent),
                         KZ_RANGE);
        tx_clear(&s.t);
    }
    close(from.fd);
    bed_clear(&b);
}

static void a_file_must_be_of_the_network(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b);
    make_seed_file(&b, DESCRIPTOR_WPKH, 0x5a);
    wallet_close(b.wallet);
    b.wallet = NULL;
    b.conf.network = CONF_TESTNET4;
    assert_int_equal(wallet_open(&b.wallet, b.why, &b.conf), KZ_RANGE);
    assert_non_null(strstr(b.why, "it is a key for network \"regtest\""));
    bed_clear(&b);
}

/* --- descriptors alone ------------------------------------------------------------ */

static void watch(struct bed *b, enum descriptor_type type)
{
    struct keyfile_public *about = mem_new(sizeof(*about));
    describe(b, about, type);
    snprintf(b->conf.pay.receive, sizeof(b->conf.pay.receive), "%s", about->receive);
    snprintf(b->conf.pay.change, sizeof(b->conf.pay.change), "%s", about->change);
    mem_free(about);
}

static void descriptors_watch_and_do_not_sign(void **state)
{
    (void)state;
    struct bed b;
    struct spending s;
    bed_init(&b);
    watch(&b, DESCRIPTOR_TR);
    assert_int_equal(wallet_open(&b.wallet, b.why, &b.conf), KZ_OK);
    assert_false(wallet_can_sign(b.wallet));
    assert_int_equal(wallet_form(b.wallet, WALLET_CHANGE).kind, INPUT_P2TR);
    assert_int_not_equal(unlock_with(&b, RIGHT), KZ_OK);
    spend_init(&s, &b, some_places, 1);
    assert_int_equal(wallet_sign(&s.t, b.why, b.wallet, some_places, s.spent),
                     KZ_RANGE);
    assert_non_null(strstr(b.why, "signed elsewhere"));
    tx_clear(&s.t);
    bed_clear(&b);
}

static void both_descriptors_must_be_there_and_public(void **state)
{
    (void)state;
    struct bed b;
    char text[BIP32_TEXT_SIZE];
    bed_init(&b);
    assert_int_equal(wallet_open(&b.wallet, b.why, &b.conf), KZ_EMPTY);
    watch(&b, DESCRIPTOR_WPKH);
    b.conf.pay.change[0] = '\0';
    assert_int_equal(wallet_open(&b.wallet, b.why, &b.conf), KZ_EMPTY);
    snprintf(b.conf.pay.change, sizeof(b.conf.pay.change), "wpkh(nothing)");
    assert_int_equal(wallet_open(&b.wallet, b.why, &b.conf), KZ_RANGE);
    assert_non_null(strstr(b.why, "change descriptor"));
    bip32_format(text, &b.master);
    snprintf(b.conf.pay.change, sizeof(b.conf.pay.change), "wpkh(%s/1/*)", text);
    assert_int_equal(wallet_open(&b.wallet, b.why, &b.conf), KZ_RANGE);
    assert_non_null(strstr(b.why, "it has a private key"));
    assert_null(strstr(b.why, text));
    bed_clear(&b);
}

static void a_coinbase_is_found_at_its_height_or_among_the_first(void **state)
{
    (void)state;
    struct bed b;
    struct descriptor_output out;
    struct wallet_place place;
    bed_init(&b);
    watch(&b, DESCRIPTOR_WPKH);
    assert_int_equal(wallet_open(&b.wallet, b.why, &b.conf), KZ_OK);
    static const struct {
        uint32_t index, height;
        bool found;
    } cases[] = {
        {0, 0, true},
        {0, 800000, true},
        {999, 5, true},
        {1000, 1000, true},
        {1000, 1001, false},
        {800000, 800000, true},
        {800000, 799999, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct wallet_place at = {WALLET_RECEIVE, cases[i].index};
        assert_int_equal(wallet_output(&out, b.wallet, &at), KZ_OK);
        enum kz_err err =
            wallet_find(&place, b.wallet, script_bytes(&out.script), cases[i].height);
        assert_int_equal(err, cases[i].found ? KZ_OK : KZ_EMPTY);
        assert_true(err != KZ_OK || place.index == cases[i].index);
    }
    /* Change is found by what its payout wrote down, never so. */
    const struct wallet_place change = {WALLET_CHANGE, 0};
    assert_int_equal(wallet_output(&out, b.wallet, &change), KZ_OK);
    assert_int_equal(wallet_find(&place, b.wallet, script_bytes(&out.script), 0),
                     KZ_EMPTY);
    assert_int_equal(wallet_find(&place, b.wallet, (struct bytes){NULL, 0}, 0),
                     KZ_EMPTY);
    bed_clear(&b);
}

/* --- key files by kariz-payout key ------------------------------------------------- */

/* What `line` holds makes a key file that opens and checks. */
static int create(struct bed *b, const char *line, enum descriptor_type type)
{
    struct passphrase_source key = pipe_of(line), passphrase = pipe_of(RIGHT),
                             again = pipe_of(RIGHT);
    struct key_order order = {.network = network_of(CONF_REGTEST),
                              .path = b->path,
                              .type = type,
                              .passphrase = passphrase,
                              .key_fd = key.fd,
                              .scrypt_n = KEYFILE_N_MIN};
    unlink(b->path);
    int status = key_create(&order);
    order.passphrase = again;
    if (status == 0)
        assert_int_equal(key_check(&order), 0);
    close(key.fd);
    close(passphrase.fd);
    close(again.fd);
    return status;
}

static void given_keys_are_taken_in_each_form(void **state)
{
    (void)state;
    struct bed b;
    char text[BIP32_TEXT_SIZE], wif[WIF_TEXT_SIZE];
    uint8_t key[PRIVATE_KEY_SIZE];
    bed_init(&b);
    memset(key, 0x11, sizeof(key));
    bip32_format(text, &b.master);
    wif_format(wif, network_of(CONF_REGTEST), key, true);
    assert_int_equal(create(&b, text, DESCRIPTOR_TR), 0);
    assert_int_equal(create(&b, wif, DESCRIPTOR_SH_WPKH), 0);
    assert_int_equal(create(&b, "000102030405060708090a0b0c0d0e0f", DESCRIPTOR_PKH), 0);
    assert_int_not_equal(create(&b, "0001", DESCRIPTOR_PKH), 0);
    assert_int_not_equal(create(&b, "xprvnothing", DESCRIPTOR_PKH), 0);
    wif_format(wif, network_of(CONF_MAIN), key, true);
    assert_int_not_equal(create(&b, wif, DESCRIPTOR_WPKH), 0);
    wif_format(wif, network_of(CONF_REGTEST), key, false); /* its coins lie elsewhere */
    assert_int_not_equal(create(&b, wif, DESCRIPTOR_WPKH), 0);
    bed_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_file_signs_every_type),
        cmocka_unit_test(a_single_key_signs_for_its_one_address),
        cmocka_unit_test(a_file_whose_key_is_another_signs_nothing),
        cmocka_unit_test(a_wrong_passphrase_opens_nothing),
        cmocka_unit_test(a_pipe_opens_it_as_often_as_it_takes),
        cmocka_unit_test(a_file_must_be_of_the_network),
        cmocka_unit_test(descriptors_watch_and_do_not_sign),
        cmocka_unit_test(both_descriptors_must_be_there_and_public),
        cmocka_unit_test(a_coinbase_is_found_at_its_height_or_among_the_first),
        cmocka_unit_test(given_keys_are_taken_in_each_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
