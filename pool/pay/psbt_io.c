/* Signing elsewhere: files out, files in.
 *
 * A payout is `exported` before its file exists: from then on a signature may exist that
 * we do not know of, so its debt is released by a spent anchor alone. */
#include "pool/pay/payer.h"

#include "conf/fault.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "payout/psbt_roles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 512

/* --- describing ------------------------------------------------------------------- */

/* The transaction that made a coin, whole. It is in the block that the node says the coin
 * is of. */
static enum kz_err previous_of(struct tx *out, struct payer *p,
                               const struct tx_outpoint *from)
{
    struct chain_coin coin;
    struct hash256 block;
    uint32_t tip = chain_tip(p->chain).height;
    enum kz_err err = chain_txout(&coin, p->chain, from, false);
    if (err == KZ_OK &&
        (!coin.is_unspent || coin.confirmations == 0 || coin.confirmations > tip + 1))
        err = KZ_EMPTY;
    if (err == KZ_OK)
        err = chain_block_hash(&block, p->chain, tip - coin.confirmations + 1);
    if (err == KZ_OK)
        err = chain_transaction(out, p->chain, &from->txid, &block);
    return err == KZ_OK ? KZ_OK
                        : pay_fail(p, KZ_IO,
                                   "the node did not give the transaction that "
                                   "made a coin");
}

static void describe(struct psbt_scripts *out,
                     struct psbt_origin origins[DESCRIPTOR_KEYS_MAX],
                     const struct descriptor_output *o)
{
    bool is_taproot = o->type == DESCRIPTOR_TR;
    for (size_t i = 0; i < o->key_count; i++) {
        struct bytes key = {o->keys[i].pubkey, PUBKEY_SIZE};
        if (is_taproot)
            key = (struct bytes){o->keys[i].pubkey + 1, XONLY_SIZE};
        origins[i] = (struct psbt_origin){.path = o->keys[i].origin.path,
                                          .path_len = o->keys[i].origin.count,
                                          .pubkey = key};
        memcpy(origins[i].fingerprint, o->keys[i].origin.fingerprint,
               sizeof(origins[i].fingerprint));
    }
    *out = (struct psbt_scripts){.redeem = script_bytes(&o->redeem),
                                 .witness_script = script_bytes(&o->witness),
                                 .origins = origins,
                                 .origin_count = o->key_count};
    if (is_taproot)
        out->internal_key = origins[0].pubkey;
}

static enum kz_err describe_input(struct psbt *psbt, struct payer *p, size_t input,
                                  const struct payout_coin *c)
{
    struct descriptor_output out;
    struct psbt_origin origins[DESCRIPTOR_KEYS_MAX];
    struct psbt_problem problem = {.what = ""};
    struct tx previous;
    size_t len;
    enum kz_err err = previous_of(&previous, p, &c->from);
    if (err != KZ_OK)
        return err;
    uint8_t *bytes = tx_format(&len, &previous, false);
    tx_clear(&previous);
    struct psbt_coin coin = {
        .spent = {.value = c->value, .script = {(uint8_t *)c->script.b, c->script.len}},
        .previous_tx = {bytes, len}};
    err = wallet_output(&out, p->wallet, &c->place);
    if (err == KZ_OK) {
        describe(&coin.scripts, origins, &out);
        err = psbt_describe_input(psbt, &problem, input, &coin);
    }
    mem_free(bytes);
    return err == KZ_OK ? KZ_OK
                        : pay_fail(p, KZ_RANGE, "input %zu: %s", input, problem.what);
}

static enum kz_err describe_change(struct psbt *psbt, struct payer *p,
                                   const struct payout *o)
{
    struct descriptor_output out;
    struct psbt_origin origins[DESCRIPTOR_KEYS_MAX];
    struct psbt_scripts scripts;
    const struct wallet_place place = {WALLET_CHANGE, o->change_index};
    if (!o->has_change)
        return KZ_OK;
    enum kz_err err = wallet_output(&out, p->wallet, &place);
    if (err != KZ_OK)
        return pay_fail(p, err, "payout %s: no change address", o->id.text);
    describe(&scripts, origins, &out);
    psbt_describe_output(psbt, o->change_at, &scripts);
    return KZ_OK;
}

/* The PSBT that goes out. The caller's to psbt_clear(). */
static enum kz_err make_psbt(struct psbt *psbt, struct payer *p, const struct payout *o)
{
    struct tx t;
    step_build(&t, o, p);
    psbt_init(psbt, &t);
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < t.input_count && err == KZ_OK; i++)
        err = describe_input(psbt, p, i, &o->coins[i]);
    if (err == KZ_OK)
        err = describe_change(psbt, p, o);
    tx_clear(&t);
    if (err != KZ_OK)
        psbt_clear(psbt);
    return err;
}

/* --- out -------------------------------------------------------------------------- */

/* Beside it first, then in its place: never half a file. */
static enum kz_err write_file(struct payer *p, const char *path, const char *text)
{
    char beside[PATH_SIZE + 8];
    size_t len = strlen(text);
    snprintf(beside, sizeof(beside), "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        done = false;
    if (done && rename(beside, path) == 0)
        return KZ_OK;
    return pay_fail(p, KZ_IO, "%s: %s", path, strerror(errno));
}

static enum kz_err export_one(struct payout *o, struct payer *p, const char *dir)
{
    struct psbt psbt;
    char path[PATH_SIZE];
    if (snprintf(path, sizeof(path), "%s/%s.psbt", dir, o->id.text) >=
        (int)sizeof(path))
        return pay_fail(p, KZ_RANGE, "%s: too long a path", dir);
    enum kz_err err = make_psbt(&psbt, p, o);
    if (err != KZ_OK)
        return err;
    char *text = psbt_format_base64(&psbt);
    psbt_clear(&psbt);
    err = step_state(o, p, PAYOUT_EXPORTED, "waits for signatures", NULL);
    FAULT_POINT("exported");
    if (err == KZ_OK)
        err = write_file(p, path, text);
    mem_free(text);
    return err;
}

enum kz_err psbt_export_all(struct payer *p, const char *dir, size_t *count)
{
    struct payout_list l = {.count = 0};
    enum kz_err err = pay_list(&l, p, PAY_OPEN);
    *count = 0;
    if (err == KZ_OK && store_settle(p->store) == KZ_IO)
        err = pay_fail(p, KZ_IO, "Redis did not say that its file is synced");
    for (size_t i = 0; i < l.count && err == KZ_OK; i++) {
        struct payout *o = &l.rows[i];
        if (!pay_is_ours(o, p) ||
            (o->state != PAYOUT_RESERVED && o->state != PAYOUT_EXPORTED))
            continue;
        err = export_one(o, p, dir);
        *count += err == KZ_OK;
    }
    payout_list_clear(&l);
    return err;
}

/* --- in --------------------------------------------------------------------------- */

static enum kz_err read_file(uint8_t **bytes, size_t *len, struct payer *p,
                             const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        enum kz_err err = pay_fail(p, KZ_IO, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return err;
    }
    if (!S_ISREG(st.st_mode) || st.st_size < 5 || st.st_size > 2 * PSBT_BYTES_MAX) {
        close(fd);
        return pay_fail(p, KZ_RANGE, "%s: no PSBT has such a size", path);
    }
    *bytes = mem_new((size_t)st.st_size + 1);
    ssize_t n = read(fd, *bytes, (size_t)st.st_size);
    close(fd);
    if (n == (ssize_t)st.st_size) {
        *len = (size_t)n;
        return KZ_OK;
    }
    mem_free(*bytes);
    return pay_fail(p, KZ_IO, "%s: it could not be read whole", path);
}

/* Binary, or base64 with line ends behind it. */
static enum kz_err read_psbt(struct psbt *out, struct payer *p, const char *path)
{
    struct psbt_problem problem = {.what = ""};
    char text[PAY_TEXT_SIZE / 2];
    uint8_t *bytes;
    size_t len;
    enum kz_err err = read_file(&bytes, &len, p, path);
    if (err != KZ_OK)
        return err;
    if (memcmp(bytes, "psbt\xff", 5) == 0) {
        err = psbt_parse(out, &problem, (struct bytes){bytes, len});
    } else {
        while (len > 0 && strchr(" \r\n", (char)bytes[len - 1]) != NULL)
            len--;
        err = psbt_parse_base64(out, &problem, (const char *)bytes, len);
    }
    mem_free(bytes);
    if (err == KZ_OK)
        return KZ_OK;
    psbt_problem_format(text, sizeof(text), &problem);
    return pay_fail(p, KZ_RANGE, "%s: %s", path, text);
}

/* The exported payout whose transaction it is. */
static enum kz_err find_exported(struct payout *o, struct payer *p,
                                 const struct psbt *in, const char *path)
{
    struct payout_list l = {.count = 0};
    enum kz_err err = pay_list(&l, p, PAY_OPEN);
    bool found = false;
    for (size_t i = 0; i < l.count && !found; i++) {
        struct tx t;
        if (l.rows[i].state != PAYOUT_EXPORTED)
            continue;
        step_build(&t, &l.rows[i], p);
        found = step_is_same(&t, &in->tx);
        tx_clear(&t);
        if (!found)
            continue;
        *o = l.rows[i];
        l.rows[i] = (struct payout){.version_count = 0};
    }
    payout_list_clear(&l);
    if (err == KZ_OK && !found)
        return pay_fail(p, KZ_RANGE,
                        "%s: its transaction is none that was exported and waits for "
                        "signatures",
                        path);
    return err;
}

static enum kz_err check_spent(struct psbt_problem *problem, const struct psbt *in,
                               const struct payout *o, const struct payer *p)
{
    struct tx t;
    struct tx_output *spent = mem_array(o->planned_count, sizeof(*spent));
    for (size_t i = 0; i < o->planned_count; i++)
        spent[i] = (struct tx_output){
            .value = o->coins[i].value,
            .script = {o->coins[i].script.b, o->coins[i].script.len}};
    step_build(&t, o, p);
    enum kz_err err = psbt_check_against(in, problem, &t, spent);
    tx_clear(&t);
    mem_free(spent);
    return err;
}

/* Into the PSBT that went out, whose records win; then finished and taken out. */
static enum kz_err finish(struct tx *out, struct payer *p, const struct psbt *in,
                          const struct payout *o)
{
    struct psbt_problem problem = {.what = ""};
    const struct sign_context *c = wallet_context(p->wallet);
    struct psbt ours;
    char text[PAY_TEXT_SIZE / 2];
    enum kz_err err = make_psbt(&ours, p, o);
    if (err != KZ_OK)
        return err;
    err = check_spent(&problem, in, o, p);
    if (err == KZ_OK)
        err = psbt_combine(&ours, &problem, in);
    if (err == KZ_OK)
        err = psbt_check_signatures(&ours, &problem, c);
    if (err == KZ_OK)
        err = psbt_finalise(&ours, &problem, c);
    if (err == KZ_OK)
        err = psbt_extract(out, &problem, &ours, c);
    psbt_clear(&ours);
    if (err == KZ_OK)
        return KZ_OK;
    psbt_problem_format(text, sizeof(text), &problem);
    return pay_fail(p, KZ_RANGE, "payout %s: %s", o->id.text, text);
}

enum kz_err psbt_import(struct payer *p, const char *path, struct payout_id *id)
{
    struct psbt in;
    struct payout o = {.version_count = 0};
    struct tx t;
    enum kz_err err = read_psbt(&in, p, path);
    if (err != KZ_OK)
        return err;
    err = find_exported(&o, p, &in, path);
    if (err == KZ_OK) {
        *id = o.id;
        err = finish(&t, p, &in, &o);
    }
    psbt_clear(&in);
    if (err == KZ_OK) {
        err = step_keep(&o, p, &t, VERSION_PAYS);
        tx_clear(&t);
    }
    if (err == KZ_OK)
        err = step_send(&o, p);
    payout_clear(&o);
    return err;
}
