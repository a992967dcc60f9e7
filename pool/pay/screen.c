/* Lists first, since they need nobody; then the program. */
#include "conf/log.h"
#include "conf/mem.h"
#include "payout/watchlist.h"
#include "pool/pay/screen_program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct screen {
    const struct conf *conf;
    struct watchlist *lists[CONF_LISTS_MAX]; /* in the settings' order */
    size_t count;
};

/* --- lists ------------------------------------------------------------------------ */

/* One byte more than a list may have is read, so that a longer one is noticed. KZ_IO:
 * errno. */
static enum kz_err read_all(char *text, size_t *len, int fd)
{
    ssize_t n = 1;
    for (*len = 0; n != 0 && *len <= WATCHLIST_BYTES_MAX; *len += (size_t)n) {
        n = read(fd, text + *len, WATCHLIST_BYTES_MAX + 1 - *len);
        if (n < 0)
            return KZ_IO;
    }
    return KZ_OK;
}

/* The caller's to mem_free(). A pipe or a device could keep us waiting, or never end. */
static enum kz_err read_file(char **out, size_t *len, struct payer *p, const char *path)
{
    struct stat st;
    enum kz_err err = KZ_OK;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return pay_fail(p, KZ_RANGE, "%s: %s", path, strerror(errno));
    char *text = mem_array(WATCHLIST_BYTES_MAX + 1, 1);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        err = pay_fail(p, KZ_RANGE, "%s: not a file", path);
    else if (read_all(text, len, fd) != KZ_OK)
        err = pay_fail(p, KZ_RANGE, "%s: %s", path, strerror(errno));
    close(fd);
    if (err == KZ_OK)
        *out = text;
    else
        mem_free(text);
    return err;
}

static enum kz_err load(struct screen *s, struct payer *p, const char *path)
{
    char *text = NULL;
    size_t len = 0;
    struct watchlist *list = NULL;
    struct watchlist_problem problem = {.line = 0};
    enum kz_err err = read_file(&text, &len, p, path);
    if (err != KZ_OK)
        return err;
    err = watchlist_parse(&list, &problem, p->network, text, len);
    mem_free(text);
    if (err != KZ_OK && problem.line == 0)
        return pay_fail(p, KZ_RANGE, "%s: %s", path, problem.text);
    if (err != KZ_OK)
        return pay_fail(p, KZ_RANGE, "%s:%zu: %s", path, problem.line, problem.text);
    log_info("screen_list_loaded", kv_str("file", path),
             kv_u64("entries", watchlist_count(list)),
             kv_hex("sha256", watchlist_sha256(list), sizeof(struct hash256)));
    s->lists[s->count++] = list;
    return KZ_OK;
}

enum kz_err screen_open(struct screen **out, struct payer *p)
{
    struct screen *s = mem_new(sizeof(*s));
    enum kz_err err = KZ_OK;
    s->conf = p->conf;
    for (size_t i = 0; i < p->conf->pay.list_count && err == KZ_OK; i++)
        err = load(s, p, p->conf->pay.lists[i]);
    if (err == KZ_OK)
        *out = s;
    else
        screen_close(s);
    return err;
}

void screen_close(struct screen *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        watchlist_free(s->lists[i]);
    mem_free(s);
}

/* --- asking ----------------------------------------------------------------------- */

static enum screen_verdict look(char *note, const struct screen *s,
                                const struct screen_case *c)
{
    const struct bytes script = {c->to->script, c->to->script_len};
    note[0] = '\0';
    for (size_t i = 0; i < s->count; i++) {
        if (watchlist_has(s->lists[i], script)) {
            snprintf(note, DUES_NOTE_SIZE, "on list %s", s->conf->pay.lists[i]);
            return SCREEN_MATCH;
        }
    }
    if (s->conf->pay.screen[0] == '\0')
        return SCREEN_CLEAR;
    return screen_program_ask(note, s->conf->pay.screen, c, SCREEN_LIMIT_MS);
}

enum screen_verdict screen_ask(char *note, const struct screen *s,
                               const struct screen_case *c)
{
    enum screen_verdict v = look(note, s, c);
    if (v != SCREEN_CLEAR)
        log_warn("payee_screened", kv_str("miner", c->miner),
                 kv_str("address", c->address), kv_str("purpose", c->purpose),
                 kv_str("note", note));
    return v;
}
