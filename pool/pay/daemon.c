#include "pool/pay/daemon.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TURN_MS  3000
#define RETRY_MS 600000

struct turns {
    struct payer *p;
    struct run_order order;
    struct monotime retry_at; /* not before; 0: at once */
    uint64_t short_at;        /* the height at which a run lacked coins; 0: it did not */
    uint32_t looked_at;       /* the height at which coins to join were counted last */
    char said[PAY_TEXT_SIZE]; /* the last complaint: once each */
};

static void complain(struct turns *t, const char *event)
{
    if (strcmp(t->said, t->p->why) != 0)
        log_error(event, kv_str("why", t->p->why));
    snprintf(t->said, sizeof(t->said), "%s", t->p->why);
}

/* --- when to pay ------------------------------------------------------------------ */

struct ran {
    uint64_t day, height; /* of the last run */
};

static enum kz_err read_number(uint64_t *out, struct payer *p, const char *field)
{
    json_t *text = NULL;
    enum kz_err err = store_read_field(&text, p->store, KEY_FENCE, field);
    *out = err == KZ_OK ? decimal_of(json_string_value(text)) : 0;
    json_decref(text);
    return err == KZ_EMPTY ? KZ_OK : err;
}

static enum kz_err note_run(struct payer *p, const struct ran *now)
{
    char day[24], height[24];
    snprintf(day, sizeof(day), "%" PRIu64, now->day);
    snprintf(height, sizeof(height), "%" PRIu64, now->height);
    return pay_write(p, EVENT_LEDGER,
                     json_pack("{s:[[s, s, s, s], [s, s, s, s]]}", "marks", "fence",
                               "ran_day", day, "keep", "fence", "ran_height", height,
                               "keep"));
}

/* "HH:MM" as minutes of the day; the settings have checked it. */
static int64_t minute_of(const char *at)
{
    return ((at[0] - '0') * 10 + (at[1] - '0')) * 60 + (at[3] - '0') * 10 +
           (at[4] - '0');
}

static bool is_due(const struct conf_pay *pay, const struct ran *last,
                   const struct ran *now, int64_t minute)
{
    bool by_clock =
        pay->at[0] != '\0' && now->day > last->day && minute >= minute_of(pay->at);
    bool by_height = pay->every_blocks > 0 &&
                     now->height / pay->every_blocks > last->height / pay->every_blocks;
    return by_clock || by_height;
}

/* A pool's coins are about what it owes: while a payout is under way, its change is what
 * the last of a large run wait for. Their run is not over before it came. */
static bool change_will_come(struct turns *t)
{
    struct payout_list l = {.count = 0};
    if (t->order.short_of_coins == 0)
        return false;
    enum kz_err err = pay_list(&l, t->p, PAY_OPEN);
    bool comes = err != KZ_OK;
    for (size_t i = 0; i < l.count; i++)
        comes = comes || l.rows[i].state != PAYOUT_CONFIRMED; /* that one's came */
    payout_list_clear(&l);
    return comes;
}

static void pay_if_due(struct turns *t)
{
    struct payer *p = t->p;
    struct ran last, now;
    int64_t minutes = clock_utc_ms() / 60000;
    if (monotime_ms_between(t->retry_at, clock_now()) < 0 ||
        read_number(&last.day, p, "ran_day") != KZ_OK ||
        read_number(&last.height, p, "ran_height") != KZ_OK)
        return;
    now = (struct ran){(uint64_t)(minutes / 1440), chain_tip(p->chain).height};
    if (!is_due(&p->conf->pay, &last, &now, minutes % 1440) || t->short_at == now.height)
        return;
    t->order.paid = 0;
    enum kz_err err = run_pay(p, &t->order);
    if (err == KZ_OK || err == KZ_EMPTY) {
        log_info("run_ended", kv_u64("payouts", t->order.paid),
                 kv_str("note", err == KZ_OK ? "" : p->why));
        t->said[0] = '\0';
        t->short_at = change_will_come(t) ? now.height : 0;
        if (t->short_at > 0)
            return; /* again at the next block */
        enum kz_err noted = note_run(p, &now);
        (void)noted; /* then it runs again: nobody is due twice */
        return;
    }
    complain(t, "run_waits");
    t->retry_at = monotime_add_ms(clock_now(), RETRY_MS);
}

static void join_if_due(struct turns *t)
{
    uint32_t height = chain_tip(t->p->chain).height;
    if (!wallet_can_sign(t->p->wallet) || height == t->looked_at ||
        monotime_ms_between(t->retry_at, clock_now()) < 0)
        return;
    struct purse u = {.count = 0};
    size_t *places, count = 0;
    if (purse_read(&u, t->p) != KZ_OK)
        return;
    struct coin *coins = purse_free(&places, &count, &u);
    mem_free(coins);
    mem_free(places);
    purse_clear(&u);
    t->looked_at = height; /* all coins that ever were are read for it */
    if (count <= t->p->conf->pay.coins_max)
        return;
    enum kz_err err = run_join(t->p, &t->order);
    if (err != KZ_OK)
        t->retry_at = monotime_add_ms(clock_now(), RETRY_MS);
}

/* --- turns ------------------------------------------------------------------------ */

static void turn(struct turns *t)
{
    struct payer *p = t->p;
    enum kz_err err = pay_look_again(p);
    if (err == KZ_OK && chain_refresh(p->chain) != KZ_OK)
        err = pay_fail(p, KZ_IO, "%s", chain_why(p->chain));
    if (err == KZ_OK)
        err = pay_hold_lease(p);
    if (err == KZ_OK)
        err = pay_resolve(p);
    if (err == KZ_OK)
        err = follow_all(p);
    if (err == KZ_OK)
        err = run_finish(p, &t->order);
    if (err != KZ_OK) {
        complain(t, "payouts_wait");
        return;
    }
    pay_if_due(t);
    join_if_due(t);
}

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

enum kz_err daemon_block_signals(struct payer *p)
{
    sigset_t stops;
    stop_signals(&stops);
    return sigprocmask(SIG_BLOCK, &stops, NULL) == 0
               ? KZ_OK
               : pay_fail(p, KZ_IO, "signals: %s", strerror(errno));
}

enum kz_err daemon_run(struct payer *p, const struct passphrase_source *passphrase)
{
    struct turns t = {.p = p, .order = {.passphrase = passphrase}};
    sigset_t stops;
    stop_signals(&stops);
    struct pollfd wait = {.fd = signalfd(-1, &stops, SFD_CLOEXEC), .events = POLLIN};
    if (wait.fd < 0)
        return pay_fail(p, KZ_IO, "signals: %s", strerror(errno));
    log_info("payout_ready", kv_str("version", KARIZ_VERSION));
    if (run_warning(p) != NULL)
        log_warn("coinbase_elsewhere", kv_str("why", run_warning(p)));
    int got;
    do {
        turn(&t);
        got = poll(&wait, 1, TURN_MS); /* allowed: this program may wait */
    } while (got == 0 || (got < 0 && errno == EINTR));
    close(wait.fd);
    log_info("payout_stopped");
    return KZ_OK;
}
