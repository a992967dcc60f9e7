/* pool/bench/bench_load_parts.h - what the files of `kariz-bench load` share.
 *
 *   bench_load.c         start, the ramp, the measured time, the end
 *   bench_load_share.c   shares out, replies in
 *   bench_load_logins.c  the same by login and difficulty (--logins)
 *   bench_load_report.c  what it came to
 *
 * Thread: the loop's, all of it. */
#ifndef POOL_BENCH_LOAD_PARTS_H
#define POOL_BENCH_LOAD_PARTS_H

#include "pool/bench/bench_hist.h"
#include "pool/bench/bench_load_options.h"
#include "pool/bench/bench_pick.h"
#include "pool/bench/bench_tips.h"

#include <jansson.h>
#include <sys/resource.h>

#define LOAD_UNDER_WAY 16 /* shares of one connection that wait for replies */
#define LOAD_CODES     16
#define LOAD_PROBLEMS  16
#define LOAD_LEVELS    8 /* difficulties of one connection that are told apart */

struct load;

/* Shares of one difficulty: the one in force when their job came. */
struct load_level {
    struct difficulty difficulty; /* 0/0: of any that came when there were too many */
    uint64_t submitted, accepted, rejected, unanswered;
};

struct load_conn {
    struct client client;
    struct load *load;
    struct picker picker;
    struct tips_session tips;
    int64_t opened_ns;
    int64_t sent_ns[LOAD_UNDER_WAY]; /* by id; 0: none under way there */
    unsigned under_way;
    bool is_ready, is_over;
    bool was_ready;             /* once, so it counts among the ready ones */
    int64_t again_ns, again_ms; /* --reconnect: when; how long after the next loss */

    struct load_level
        *levels; /* owned; LOAD_LEVELS of them; NULL: --logins is not on */
    uint8_t level_count, level; /* level: of the present job */
    uint8_t sent_level[LOAD_UNDER_WAY];
};

struct load_code {
    int code;
    char text[64]; /* the first seen with this code */
    uint64_t count;
};

struct load_problem {
    char text[LINK_WHY_SIZE];
    uint64_t count;
};

enum load_phase { LOAD_RAMP, LOAD_MEASURE, LOAD_DRAIN };

struct load {
    struct load_options options;
    struct pick_rules rules;
    enum load_phase phase;
    struct event_base *base;
    struct event *ramp, *rate, *phase_end, *on_int, *on_term;
    struct event *again; /* --reconnect */
    struct client_group group;
    struct load_conn *conns; /* owned; options.connections of them */
    struct pick_cache cache;
    struct tips *tips;
    struct node_caller *node;
    struct node_blocks blocks;

    uint64_t opened, ready;
    uint64_t over, over_unready; /* down: of the ready ones; before they were */
    uint64_t reconnects;
    uint64_t under_way;
    uint64_t next_conn;         /* whose turn it is, at a rate */
    int64_t begin_ns, ready_ns; /* of the ramp, first connect to last first job */
    int64_t measure_ns, measured_ns, due_ns;
    struct rusage usage_before, usage_behind;

    uint64_t submitted, accepted, rejected, missed, unanswered;
    struct load_code codes[LOAD_CODES];
    size_t code_count;
    struct load_problem problems[LOAD_PROBLEMS];
    size_t problem_count;
    struct hist connect, subscribe, authorize, first_job; /* since the connect began */
    struct hist reply; /* since the share was written */
    struct hist late;  /* written, since it was due; at a rate */
    char failure[LINK_WHY_SIZE];
};

/* Counts by text, for the report. */
void load_problem(struct load *l, const char *text);
/* Ends the run with a reason. */
void load_fail(struct load *l, const char *why);

void load_share_begin(struct load *l);       /* the measured time begins */
void load_share_job(struct load_conn *conn); /* a job came in */
void load_share_reply(struct load_conn *conn, const struct client_reply *r,
                      int64_t now_ns);
void load_share_lost(struct load_conn *conn); /* its connection ended */
void load_share_due(struct load *l);          /* the rate's timer */

/* Nothing happens in these unless --logins is on. */
void load_level_job(struct load_conn *conn);                 /* a job came in */
void load_level_sent(struct load_conn *conn, uint64_t slot); /* of sent_ns[] */
void load_level_reply(struct load_conn *conn, uint64_t slot, bool accepted);
void load_level_lost(struct load_conn *conn, uint64_t slot); /* never answered */
/* A list of objects, one a login. The caller owns. */
json_t *load_logins_report(const struct load *l);

void load_print_report(struct load *l);

#endif
