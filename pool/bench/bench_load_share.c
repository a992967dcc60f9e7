#include "conf/clock.h"
#include "pool/bench/bench_load_parts.h"

#include <string.h>

/* So many at one go, then the loop reads again. */
#define SHARES_A_TURN 256

/* False when this connection cannot take one now. */
static bool send_share(struct load_conn *conn)
{
    struct load *l = conn->load;
    struct client *c = &conn->client;
    int64_t *sent_ns = &conn->sent_ns[c->next_id % LOAD_UNDER_WAY];
    struct client_share s;
    uint8_t extranonce2[WORK_EXTRANONCE2_MAX];
    if (!conn->is_ready || conn->is_over || *sent_ns != 0)
        return false;
    enum kz_err err = pick_share(&s, extranonce2, &conn->picker, &l->rules, c);
    if (err == KZ_RANGE)
        load_fail(l,
                  l->rules.valid
                      ? "no valid share is to be found: the difficulty is too high, or "
                        "each would be a block (see --blocks-ok)"
                      : "no share is to be found that is above its target");
    if (err != KZ_OK)
        return false;
    *sent_ns = clock_now().ns;
    conn->under_way++;
    l->under_way++;
    l->submitted++;
    load_level_sent(conn, c->next_id % LOAD_UNDER_WAY);
    client_submit(c, &s); /* may end the connection, which takes all of it back */
    return true;
}

void load_share_begin(struct load *l)
{
    l->due_ns = l->measure_ns;
    if (!l->options.saturate)
        return;
    for (uint64_t i = 0; i < l->options.connections; i++)
        send_share(&l->conns[i]);
}

void load_share_job(struct load_conn *conn)
{
    struct load *l = conn->load;
    if (l->phase == LOAD_MEASURE && l->options.saturate && conn->under_way == 0)
        send_share(conn);
}

static void count_code(struct load *l, const struct client_reply *r)
{
    size_t i = 0;
    while (i < l->code_count && l->codes[i].code != r->code)
        i++;
    if (i == LOAD_CODES)
        return;
    if (i == l->code_count) {
        client_text(l->codes[i].text, sizeof(l->codes[i].text), r->text);
        l->codes[i].code = r->code;
        l->code_count++;
    }
    l->codes[i].count++;
}

void load_share_reply(struct load_conn *conn, const struct client_reply *r,
                      int64_t now_ns)
{
    struct load *l = conn->load;
    int64_t *sent_ns = &conn->sent_ns[r->id % LOAD_UNDER_WAY];
    if (*sent_ns == 0) {
        load_problem(l, "a reply to nothing that was under way");
        return;
    }
    hist_add(&l->reply, now_ns - *sent_ns);
    *sent_ns = 0;
    conn->under_way--;
    l->under_way--;
    load_level_reply(conn, r->id % LOAD_UNDER_WAY, r->accepted);
    if (r->accepted) {
        l->accepted++;
    } else {
        l->rejected++;
        count_code(l, r);
    }
    if (l->phase == LOAD_MEASURE && l->options.saturate)
        send_share(conn);
}

void load_share_lost(struct load_conn *conn)
{
    struct load *l = conn->load;
    l->under_way -= conn->under_way;
    l->unanswered += conn->under_way;
    conn->under_way = 0;
    for (uint64_t slot = 0; slot < LOAD_UNDER_WAY; slot++)
        if (conn->sent_ns[slot] != 0)
            load_level_lost(conn, slot);
    memset(conn->sent_ns, 0, sizeof(conn->sent_ns));
    pick_clear(&conn->picker);
}

/* The next connection in turn that can take a share. */
static bool send_next(struct load *l)
{
    for (uint64_t i = 0; i < l->options.connections; i++) {
        struct load_conn *conn = &l->conns[l->next_conn];
        l->next_conn = (l->next_conn + 1) % l->options.connections;
        if (send_share(conn))
            return true;
        if (l->failure[0] != '\0')
            return false;
    }
    return false;
}

/* The clock says when a share is due, whatever became of those before: a pool that
 * stalls is not spared the shares that would have come meanwhile. */
void load_share_due(struct load *l)
{
    int64_t step_ns = (int64_t)(1000000000 / l->options.rate);
    int64_t now = clock_now().ns;
    if (l->phase != LOAD_MEASURE)
        return;
    if (step_ns == 0)
        step_ns = 1;
    for (int i = 0; i < SHARES_A_TURN && l->due_ns <= now; i++) {
        if (send_next(l))
            hist_add(&l->late, now - l->due_ns);
        else
            l->missed++;
        if (l->failure[0] != '\0')
            return;
        l->due_ns += step_ns;
    }
    now = clock_now().ns;
    int64_t wait_us = l->due_ns > now ? (l->due_ns - now) / 1000 : 0;
    struct timeval tv = {.tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000};
    event_add(l->rate, &tv);
}
