/* Signing elsewhere: files out, files in.
 *
 * A payout is `exported` before its file exists: from then on a signature may exist that
 * we do not know of, so its debt is released by a spent anchor alone. */
#include "pool/pay/payer.h"

#include "conf/fault.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "payout/psbt_roles.h"

#include <assert.h>
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
    bool is_confirmed = err == KZ_OK && coin.is_unspent && coin.confirmations > 0 &&
                        coin.confirmations <= tip + 1;
    if (is_confirmed)
        err = chain_block_hash(&block, p->chain, tip - coin.confirmations + 1);
    if (err == KZ_OK) /* else of a child's parent, which is in the mempool */
        err =
            chain_transaction(out, p->chain, &from->txid, is_confirmed ? &block : NULL);
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
                                   const struct payout *o, size_t at)
{
    struct descriptor_output out;
    struct psbt_origin origins[DESCRIPTOR_KEYS_MAX];
    struct psbt_scripts scripts;
    enum kz_err err = step_change(&out, o, p);
    if (err != KZ_OK)
        return pay_fail(p, err, "payout %s: no change address", o->id.text);
    describe(&scripts, origins, &out);
    psbt_describe_output(psbt, at, &scripts);
    return KZ_OK;
}

/* The PSBT of a transaction that pays or cancels `o`. The caller's to psbt_clear(). */
static enum kz_err make_psbt(struct psbt *psbt, struct payer *p, const struct payout *o,
                             const struct tx *t)
{
    bool cancels = step_is_cancel(t, o, p);
    enum kz_err err = KZ_OK;
    psbt_init(psbt, t);
    for (size_t i = 0; i < t->input_count && err == KZ_OK; i++)
        err = describe_input(psbt, p, i, step_coin_of(o, &t->inputs[i].from));
    if (err == KZ_OK && (cancels || o->has_change))
        err = describe_change(psbt, p, o, cancels ? 0 : o->change_at);
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

static enum kz_err path_of(char path[PATH_SIZE], struct payer *p, const char *dir,
                           const struct payout *o, const char *suffix)
{
    int len = snprintf(path, PATH_SIZE, "%s/%s%s.psbt", dir, o->id.text, suffix);
    return len < PATH_SIZE ? KZ_OK : pay_fail(p, KZ_RANGE, "%s: too long a path", dir);
}

static enum kz_err export_one(struct payout *o, struct payer *p, const char *dir)
{
    struct psbt psbt;
    struct tx t;
    char path[PATH_SIZE];
    enum kz_err err = path_of(path, p, dir, o, "");
    if (err != KZ_OK)
        return err;
    step_build(&t, o, p);
    err = make_psbt(&psbt, p, o, &t);
    tx_clear(&t);
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

enum kz_err psbt_export_cancel(const struct payout *o, struct payer *p,
                               const struct tx *t, const char *dir)
{
    struct psbt psbt;
    char path[PATH_SIZE];
    enum kz_err err = path_of(path, p, dir, o, "-cancel");
    if (err == KZ_OK)
        err = make_psbt(&psbt, p, o, t);
    if (err != KZ_OK)
        return err;
    char *text = psbt_format_base64(&psbt);
    psbt_clear(&psbt);
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

static bool is_planned(const struct payout *o, const struct tx *t,
                       const struct payer *p)
{
    struct tx ours;
    step_build(&ours, o, p);
    bool is = step_is_same(&ours, t);
    tx_clear(&ours);
    return is;
}

/* What a transaction would be to a payout. False: nothing. */
static bool fits(enum payout_why *why, const struct payout *o, const struct tx *t,
                 const struct payer *p)
{
    bool is_exported = o->state == PAYOUT_EXPORTED;
    bool is_open =
        is_exported || o->state == PAYOUT_SIGNED || o->state == PAYOUT_BROADCAST;
    if (is_exported && is_planned(o, t, p)) { /* first: it may be a payment to itself */
        *why = VERSION_PAYS;
        return true;
    }
    *why = VERSION_CANCELS;
    return is_open && step_is_cancel(t, o, p);
}

/* The payout whose transaction it is, and what it does. */
static enum kz_err find_exported(struct payout *o, enum payout_why *why,
                                 struct payer *p, const struct psbt *in,
                                 const char *path)
{
    struct payout_list l = {.count = 0};
    enum kz_err err = pay_list(&l, p, PAY_OPEN);
    bool found = false;
    for (size_t i = 0; i < l.count && !found; i++) {
        found = fits(why, &l.rows[i], &in->tx, p);
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

/* The outputs that it says are spent are the ledger's coins. */
static enum kz_err check_spent(struct psbt_problem *problem, const struct psbt *in,
                               const struct payout *o)
{
    struct tx_output *spent = mem_array(in->tx.input_count, sizeof(*spent));
    for (size_t i = 0; i < in->tx.input_count; i++) {
        const struct payout_coin *c = step_coin_of(o, &in->tx.inputs[i].from);
        assert(c != NULL); /* fits() has seen that */
        spent[i] = (struct tx_output){
            .value = c->value, .script = {(uint8_t *)c->script.b, c->script.len}};
    }
    enum kz_err err = psbt_check_against(in, problem, &in->tx, spent);
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
    enum kz_err err = make_psbt(&ours, p, o, &in->tx);
    if (err != KZ_OK)
        return err;
    err = check_spent(&problem, in, o);
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
    enum payout_why why;
    enum kz_err err = read_psbt(&in, p, path);
    if (err != KZ_OK)
        return err;
    err = find_exported(&o, &why, p, &in, path);
    if (err == KZ_OK) {
        *id = o.id;
        err = finish(&t, p, &in, &o);
    }
    psbt_clear(&in);
    if (err == KZ_OK) {
        err = step_keep(&o, p, &t, why);
        tx_clear(&t);
    }
    if (err == KZ_OK)
        err = step_send(&o, p);
    payout_clear(&o);
    return err;
}
