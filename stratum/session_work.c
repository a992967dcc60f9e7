#include "stratum/session.h"

#include <math.h>
#include <string.h>

/* The range of difficulty_from_double(), well inside. */
#define DIFFICULTY_LEAST 1e-12
#define DIFFICULTY_MOST  4e18

struct difficulty session_difficulty_of(double d)
{
    if (d >= 1.0 && d < 9e15 && d == floor(d))
        return (struct difficulty){(uint64_t)d, 1};
    return difficulty_from_double(d);
}

/* The network's difficulty bounds a share's, since a harder share than a block makes no
 * sense to anybody. Below 1 (regtest, young test networks) it says nothing, and a
 * listener's minimum stands in any case. */
static double network_bound(struct front *f)
{
    const struct live_job *l = jobs_newest(f->jobs);
    double d =
        l != NULL ? target_difficulty(&job_set_any(&l->forms)->network_target) : 0.0;
    return d >= 1.0 ? floor(d) : DIFFICULTY_MOST;
}

struct vardiff_rules session_rules(const struct session *s)
{
    const struct conf_stratum *conf = &s->front->conf;
    const struct conf_listener *l = &conf->listen[s->listener];
    double maximum = fmin(l->maximum, network_bound(s->front));
    double minimum = fmax(l->minimum, DIFFICULTY_LEAST);
    maximum = fmax(maximum, minimum);
    return (struct vardiff_rules){.per_minute = conf->shares_per_minute,
                                  .minimum = fmin(fmax(minimum, s->minimum), maximum),
                                  .maximum = maximum};
}

static struct difficulty clamp(const struct session *s, struct difficulty d)
{
    struct vardiff_rules rules = session_rules(s);
    double v = difficulty_to_double(d);
    if (v < rules.minimum)
        return session_difficulty_of(rules.minimum);
    if (v > rules.maximum)
        return session_difficulty_of(rules.maximum);
    /* Some firmware cuts the fraction off; the target is made from what is sent. */
    if (v >= 1.0 && d.den != 1)
        return session_difficulty_of(floor(v));
    return d;
}

static void take_difficulty(struct session *s, struct difficulty d)
{
    if (difficulty_compare(d, s->difficulty) == 0)
        return;
    s->difficulty = d;
    s->due_difficulty = true;
    s->due_job = true;
    if (s->vardiff.has_shares)
        vardiff_changed(&s->vardiff, difficulty_to_double(d), s->front->now);
    else
        vardiff_init(&s->vardiff, difficulty_to_double(d), s->front->now);
}

void session_set_difficulty(struct session *s, struct difficulty d)
{
    take_difficulty(s, clamp(s, d));
}

void session_start_difficulty(struct session *s)
{
    const struct conf_listener *l = &s->front->conf.listen[s->listener];
    s->difficulty = clamp(s, session_difficulty_of(l->difficulty));
    vardiff_init(&s->vardiff, difficulty_to_double(s->difficulty), s->front->now);
}

/* Vardiff's wish, rounded; within the bounds even so. */
void session_adjust(struct session *s)
{
    double wanted;
    struct vardiff_rules rules = session_rules(s);
    if (s->is_fixed || !vardiff_wants(&s->vardiff, &rules, s->front->now, &wanted))
        return;
    take_difficulty(s, clamp(s, difficulty_from_double(wanted)));
}

static void send_difficulty(struct session *s)
{
    char text[DIFFICULTY_TEXT_SIZE];
    struct out *o = &s->front->out;
    difficulty_format(text, s->difficulty);
    out_text(o, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[");
    out_text(o, text);
    out_text(o, "]}\n");
    offers_retarget(&s->offers, s->difficulty);
    s->due_difficulty = false;
}

/* clean_jobs for the first job of a new previous block that this session gets, and for
 * no other: rigs throw away good work otherwise. */
static void session_send_job(struct session *s)
{
    struct front *f = s->front;
    const struct live_job *l = jobs_newest(f->jobs);
    uint8_t generation =
        offers_send(&s->offers, l->serial, s->difficulty, jobs_oldest_serial(f->jobs));
    struct bytes line =
        jobs_notify(f->jobs, s->class, generation, s->tip != l->tip, f->now);
    if (s->tip == 0) /* until now the rig had nothing to work on */
        vardiff_init(&s->vardiff, difficulty_to_double(s->difficulty), f->now);
    s->tip = l->tip;
    s->job_sent = f->now;
    s->due_job = false;
    stats_add(&f->stats, STAT(jobs_sent), 1);
    if (f->out.len > 0)
        out_add(&f->out, line.p, line.len);
    else
        conn_send(&s->conn, line);
}

void session_settle(struct session *s)
{
    if (!s->is_subscribed || s->move_to != 0 || s->conn.closing != CLOSE_NONE)
        return;
    if (s->due_difficulty)
        send_difficulty(s);
    if (s->due_job && jobs_newest(s->front->jobs) != NULL)
        session_send_job(s);
}
