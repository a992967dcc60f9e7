/* pool/bench/bench_client.h - the rig's side of Stratum V1, for one connection or many.
 *
 * A client goes by itself from link_open() to an authorised session: it sends
 * mining.configure and mining.subscribe together (some pools never answer the first),
 * mining.authorize behind the second's reply, and keeps the session's terms:
 * extranonces, version mask, difficulty. Its owner is told of jobs, replies to submits
 * and changed terms through hooks.
 *
 * Terms hold as rigs treat them: a new difficulty or extranonce1 from the next job on;
 * a lower difficulty and a new mask at once (the owner decides, on_terms tells it).
 * Shares are tested against 0xffff * 2^208 / difficulty, the harder of the two usual
 * readings of difficulty, so they stand at any pool.
 *
 * Ownership  client_group borrows its options and hooks; a client is its owner's storage.
 * Errors     everything that ends a connection comes through on_down, once; a login that
 *            is refused through on_refused, and the connection stays.
 * Thread     the loop's. */
#ifndef POOL_BENCH_CLIENT_H
#define POOL_BENCH_CLIENT_H

#include "pool/bench/bench_link.h"
#include "pool/bench/bench_scan.h"
#include "pool/bench/bench_work.h"

#define CLIENT_TEXT_MAX     128 /* of login (each side of its %d), agent and password */
#define CLIENT_FIRST_SUBMIT 10  /* ids below are the handshake's */

struct client;

struct client_options {
    const char *agent;
    const char *user; /* the first %d becomes the client's number */
    const char *password;
    const char *suggest_difficulty; /* a number as text; NULL: nothing */
    bool version_rolling;
    bool extranonce_subscribe;
    bool resume; /* name the last session's id on a reconnect */
};

enum client_step { CLIENT_CONNECTED, CLIENT_SUBSCRIBED, CLIENT_AUTHORIZED };

struct client_reply {
    uint64_t id;
    bool accepted;
    int code;          /* 0 when accepted or without a number */
    struct bytes text; /* borrowed */
};

struct client_redirect {
    char host[256]; /* "": the same */
    char port[6];   /* "": the same */
    int64_t wait_seconds;
};

/* Those marked * may be NULL. */
struct client_hooks {
    void (*on_step)(struct client *c, enum client_step step, int64_t now_ns);
    void (*on_notify)(struct client *c, const struct scan_notify *n,
                      struct bytes params, int64_t now_ns);
    void (*on_reply)(struct client *c, const struct client_reply *r, int64_t now_ns);
    void (*on_refused)(struct client *c, const struct client_reply *r);
    void (*on_down)(struct client *c, const char *why);
    void (*on_terms)(struct client *c);                                      /* * */
    void (*on_message)(struct client *c, struct bytes text);                 /* * */
    void (*on_redirect)(struct client *c, const struct client_redirect *to); /* * */
};

/* JSON strings made once: with 10,000 clients the handshake is a hot path too. */
struct client_group {
    const struct client_options *options;
    const struct client_hooks *hooks;
    char *agent, *password;          /* owned; with quotes */
    char *user_before, *user_behind; /* owned; around the number, no quotes */
    bool user_has_number;
    struct link_group links;
};

/* KZ_RANGE: agent, user or password too long; KZ_IO: as link_group_init(). */
KZ_MUST_USE enum kz_err client_group_init(struct client_group *g,
                                          char why[LINK_WHY_SIZE],
                                          struct event_base *base,
                                          const struct link_settings *settings,
                                          const struct client_options *options,
                                          const struct client_hooks *hooks);
void client_group_clear(struct client_group *g);

struct client {
    struct client_group *group;
    void *owner;
    uint32_t number;
    bool subscribed, authorized;
    uint8_t extranonce1[WORK_EXTRANONCE1_MAX];
    uint8_t extranonce1_len, extranonce2_size;
    uint32_t version_mask; /* 0: nothing may roll */
    struct difficulty difficulty;
    struct target target; /* of difficulty, pdiff */
    uint64_t next_id;
    char session[2 * WORK_EXTRANONCE1_MAX + 1]; /* to resume; "" */
    struct link link;
};

/* `c` is zeroed storage. */
void client_init(struct client *c, struct client_group *g, uint32_t number,
                 void *owner);
void client_open(struct client *c);
void client_close(struct client *c);

struct client_share {
    struct bytes job_id; /* as the pool wrote it */
    struct bytes extranonce2;
    uint32_t ntime, nonce;
    uint32_t version_bits;
    bool has_version_bits;
};
/* Returns the id its reply will carry. */
uint64_t client_submit(struct client *c, const struct client_share *s);

/* What text a pool sent, for people: at most `size` - 1 bytes, others than printable
 * ASCII as '?'. */
void client_text(char *out, size_t size, struct bytes text);

#endif
