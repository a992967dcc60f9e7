/* conf/conf.h - the settings: one JSON file, loaded whole or refused with a reason.
 *
 * Every option is one row of the table in conf/options.c: name, type, default, bounds,
 * unit, whether it can change live, text. Loading, checking, `--help` and the tables of
 * conf/README.md all come from those rows. Secrets are never in the file, only paths to
 * files that must not be world-readable (conf/secret.h).
 *
 * Ownership  struct conf is plain data, no pointers out of it but to itself; const once
 *            loaded and swapped whole. Release with conf_free(), which accepts NULL.
 * Errors     conf_load() fills struct conf_problem: its reader has an editor open.
 * Thread     any. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "conf/err.h"
#include "conf/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_NODES_MAX     8
#define CONF_LISTENERS_MAX 16
#define CONF_PEERS_MAX     16
#define CONF_SENTINELS_MAX 16
#define CONF_OPERATORS_MAX 64
#define CONF_TEXT_MAX      255
#define CONF_LINE_MAX      1023 /* path, address or file: line length of a text value */

enum conf_network {
    CONF_MAIN,
    CONF_TEST,
    CONF_TESTNET4,
    CONF_SIGNET,
    CONF_REGTEST,
};

enum conf_log_format { CONF_LOG_TEXT, CONF_LOG_JSON };

enum conf_redis_mode {
    CONF_REDIS_EMBEDDED,
    CONF_REDIS_UNIX,
    CONF_REDIS_TCP,
    CONF_REDIS_SENTINEL, /* TCP to whichever server the sentinels name */
};

struct conf_host {
    char host[CONF_TEXT_MAX + 1]; /* name or address, without brackets */
    uint16_t port;
};

struct conf_node {
    char url[CONF_TEXT_MAX + 1];         /* http://host:port */
    char cookie_file[CONF_TEXT_MAX + 1]; /* or: */
    char user[CONF_TEXT_MAX + 1];
    char password_file[CONF_TEXT_MAX + 1];
};

/* The coinbase a listener's sessions get: by what the rig's agent takes, or always that
 * of one firmware class (payout/direct.h, in its order). */
enum conf_form {
    CONF_FORM_AUTO,
    CONF_FORM_SMALL,
    CONF_FORM_ANTMINER,
    CONF_FORM_S21,
    CONF_FORM_LARGE,
    CONF_FORM_LARGEST,
};

/* In the order of payout/scheme.h. */
enum conf_scheme {
    CONF_PPLNS,
    CONF_TIDES,
    CONF_PROP,
    CONF_PPS,
    CONF_FPPS,
    CONF_PPS_PLUS,
    CONF_SOLO,
};

struct conf_listener {
    char address[CONF_TEXT_MAX + 1]; /* 0.0.0.0:3333, [::]:3333, host:port */
    bool tls;
    double difficulty; /* start; 0 in no loaded conf */
    double minimum;    /* bounds of this listener, default vardiff's */
    double maximum;
    uint32_t extranonce2_size; /* 4 to 8 */
    bool proxy_protocol;
    char proxy_peers[CONF_PEERS_MAX][64]; /* addresses or CIDR that may send it */
    size_t proxy_peer_count;
    enum conf_form form;
};

/* Every bound a session or a front thread lives under; printed at start. */
struct conf_limits {
    uint32_t line_bytes;            /* 16384 */
    uint32_t output_bytes;          /* 262144: a slow reader is closed */
    uint32_t first_request_seconds; /* 20 */
    uint32_t authorize_seconds;     /* 60 */
    uint32_t idle_seconds;          /* 3600: least; grows with difficulty / hash rate */
    uint32_t sessions;              /* of all front threads */
    uint32_t sessions_per_address;  /* 0: none */
    uint32_t sessions_per_miner;    /* 0: none */
    uint32_t connects_per_second;   /* per address; 0: none */
    uint32_t logins_per_session;    /* 256: proxies */
    uint32_t ban_score;             /* malformed lines until a ban */
    uint32_t ban_seconds;
    uint32_t shares_per_job; /* per front thread: size of the duplicate set */
    uint32_t jobs;           /* live jobs kept */
};

struct conf_stratum {
    struct conf_listener listen[CONF_LISTENERS_MAX];
    size_t listen_count;
    uint32_t threads; /* 0: one a core */
    char tls_certificate[CONF_TEXT_MAX + 1];
    char tls_key[CONF_TEXT_MAX + 1];
    double shares_per_minute;
    double minimum; /* vardiff */
    double maximum;
    uint32_t version_mask;
    uint32_t job_seconds;    /* how long a job of the current tip stays valid: 600 */
    uint32_t resend_seconds; /* silence before a job is sent again: 30 */
    uint32_t resume_seconds; /* an ended session's extranonce1 is kept: 600 */
    struct conf_limits limits;
};

/* How long tallies stay in Redis. */
struct conf_tally {
    uint32_t minutes_hours, hours_days, days_months, workers_days;
};

enum conf_fee_payer { CONF_FEE_POOL, CONF_FEE_PAYEES };

#define CONF_LISTS_MAX    16
#define CONF_JOURNALS_MAX 15 /* of other instances */

/* Of kariz-payout. Fee rates in satoshi per kvB (1,000 virtual bytes). */
struct conf_pay {
    char key_file[CONF_TEXT_MAX + 1];
    char receive[CONF_LINE_MAX + 1]; /* descriptors, where there is no key file */
    char change[CONF_LINE_MAX + 1];
    char at[6];            /* "HH:MM", UTC; "": not by the clock */
    uint32_t every_blocks; /* 0: not by blocks */
    uint32_t confirmations;
    uint32_t outputs;    /* of one transaction, its change included */
    uint32_t fee_target; /* blocks */
    int64_t fee_floor, fee_ceiling, fee_fallback;
    enum conf_fee_payer fee_payer;
    uint32_t fee_max_share_ppm;
    uint32_t bump_after;                  /* blocks */
    int64_t cap_payout, cap_run, cap_day; /* satoshi; 0: none */
    uint32_t coins_max;
    int64_t consolidate_below;
    uint32_t lease_seconds, takeover_seconds;
    char lists[CONF_LISTS_MAX][CONF_TEXT_MAX + 1];
    size_t list_count;
    char screen[CONF_TEXT_MAX + 1];
};

/* Amounts in satoshi: struct amount is of a folder above this one. */
struct conf_payout {
    enum conf_scheme scheme;
    uint32_t window_milli; /* thousandths of a block's work; 0: the scheme's own */
    uint32_t fee_ppm;
    int64_t minimum_sat;
    uint32_t maturity; /* blocks */
    int64_t pps_reserve_sat;
    uint32_t fpps_trim_ppm;
    bool direct; /* jobs' coinbases pay miners */
    int64_t direct_minimum_sat;
    uint32_t direct_outputs; /* payees; 0: no further limit */
};

/* Who may change the registry, by the user at the other end of the control socket. */
enum conf_role { CONF_ROLE_OPERATOR, CONF_ROLE_OFFICER };

struct conf_operator {
    char name[65]; /* in the audit chain for ever: a name or a staff number */
    uint32_t uid;
    enum conf_role role; /* an officer may do what an operator may */
};

struct conf {
    char path[CONF_LINE_MAX + 1];
    char instance[33];
    uint32_t instance_number; /* its part of the extranonce1 space, 0 to 255 */
    enum conf_network network;
    char data_dir[CONF_TEXT_MAX + 1];

    struct conf_node nodes[CONF_NODES_MAX];
    size_t node_count;
    uint32_t template_refresh_seconds;
    uint32_t node_timeout_seconds;
    uint32_t node_behind_blocks; /* this far below the best known height: not used */

    enum conf_redis_mode redis_mode;
    char redis_path[CONF_TEXT_MAX + 1]; /* Unix socket */
    char redis_host[CONF_TEXT_MAX + 1];
    uint16_t redis_port;
    uint32_t redis_db;
    char redis_password_file[CONF_TEXT_MAX + 1];
    struct conf_host redis_sentinels[CONF_SENTINELS_MAX];
    size_t redis_sentinel_count;
    char redis_master[65]; /* what the sentinels call the set of servers */
    char redis_sentinel_password_file[CONF_TEXT_MAX + 1];
    char redis_server[CONF_TEXT_MAX + 1]; /* program for the embedded mode */
    uint32_t flush_ms;                    /* shares to Redis, at least this often */

    uint32_t journal_segment_mb;
    uint32_t journal_sync_ms; /* 0: replies wait for the disk */
    uint32_t journal_keep_hours;
    struct conf_tally tally;

    struct conf_stratum stratum;

    char coinbase_tag[65];
    char coinbase_address[128]; /* where the pool is paid: this or the other is "" */
    char coinbase_descriptor[CONF_LINE_MAX + 1]; /* block H pays its script number H */
    struct conf_payout payout;
    struct conf_pay pay;

    char backup_dir[CONF_LINE_MAX + 1]; /* "": none are made daily */
    char backup_at[6];                  /* "HH:MM", UTC */
    uint32_t backup_keep;               /* how many stay there */

    char jurisdiction[33];
    char profiles[CONF_LINE_MAX + 1];                    /* directory */
    char vault[CONF_LINE_MAX + 1];                       /* directory */
    char watch_lists[CONF_LISTS_MAX][CONF_TEXT_MAX + 1]; /* files of names */
    size_t watch_list_count;
    struct conf_operator operators[CONF_OPERATORS_MAX];
    size_t operator_count; /* 0: whoever may use the control socket is one */
    bool four_eyes;
    uint32_t address_wait_hours; /* until a new address of a miner is paid */
    char operator_name[CONF_TEXT_MAX + 1];
    char report_dir[CONF_TEXT_MAX + 1]; /* "": none makes itself */
    char report_key_file[CONF_TEXT_MAX + 1];
    char report_journals[CONF_JOURNALS_MAX][CONF_TEXT_MAX + 1];
    size_t report_journal_count;

    char http_listen[CONF_TEXT_MAX + 1]; /* ""; or host:port */
    char http_url[CONF_TEXT_MAX + 1]; /* "", or how others reach it, no slash behind */
    char http_proxies[CONF_PEERS_MAX][64];
    size_t http_proxy_count;

    char control_socket[108];
    char control_group[33]; /* group that may use it; "" keeps the daemon's */

    enum log_level log_level;
    enum conf_log_format log_format;
};

struct conf_problem {
    char file[CONF_LINE_MAX + 1];
    int line; /* 0: unknown */
    char key[128];
    char expected[CONF_LINE_MAX + 1];
};

/* KZ_IO: the file cannot be read. KZ_PARSE: not JSON, unknown key, wrong type.
 * KZ_RANGE: a value out of bounds or an impossible combination. */
KZ_MUST_USE enum kz_err conf_load(struct conf **out, struct conf_problem *problem,
                                  const char *path);
void conf_free(struct conf *c);

/* The line of `key` in the file, for problems found by a higher layer; 0: unknown. */
int conf_line_of(const char *path, const char *key);

/* "FILE:LINE: KEY: EXPECTED" on `to`. */
void conf_problem_print(FILE *to, const struct conf_problem *p);

/* What differs between the two that cannot change live: names of the options, joined by
 * ", ", or "" when everything can. `out` of `size` bytes. */
void conf_needs_restart(char *out, size_t size, const struct conf *old,
                        const struct conf *new_conf);

/* One line an option, for people (`karizd --help`), and the tables of conf/README.md. */
void conf_print_help(FILE *to);
void conf_print_markdown(FILE *to);

/* Where a folder of the program's own data ("jurisdictions") lies: installed, or, where it
 * was not installed, in the sources it was built from. Absolute. */
void conf_data_folder(char *out, size_t size, const char *name);

const char *conf_network_name(enum conf_network n);

#endif
