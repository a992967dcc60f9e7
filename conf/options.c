#include "conf/options.h"

#define IN_CONF(field) offsetof(struct conf, field), sizeof(((struct conf *)0)->field)
#define IN_OPERATOR(field)                                                             \
    offsetof(struct conf_operator, field), sizeof(((struct conf_operator *)0)->field)
#define IN_NODE(field)                                                                 \
    offsetof(struct conf_node, field), sizeof(((struct conf_node *)0)->field)
#define IN_LISTENER(field)                                                             \
    offsetof(struct conf_listener, field), sizeof(((struct conf_listener *)0)->field)

#define SATOSHI_MAX 2.1e15

/* clang-format off: a row a group of lines, in the order of the fields. */
static const char *const network_names[] = {"main",   "test",    "testnet4",
                                            "signet", "regtest", NULL};
static const char *const form_names[] = {"auto",  "small",   "antminer", "s21",
                                         "large", "largest", NULL};
static const char *const scheme_names[] = {"pplns", "tides",    "prop", "pps",
                                           "fpps",  "pps_plus", "solo", NULL};
static const char *const fee_payer_names[] = {"pool", "payees", NULL};
static const char *const level_names[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_names[] = {"text", "json", NULL};

static const struct option node_rows[] = {
    {"url", OPTION_TEXT, IN_NODE(url), NULL, 0, 0, "", false,
     "where its RPC server is: http://host:port"},
    {"cookie_file", OPTION_TEXT, IN_NODE(cookie_file), "\"\"", 0, 0, "", false,
     "the node's .cookie file; read again after the node refused it"},
    {"user", OPTION_TEXT, IN_NODE(user), "\"\"", 0, 0, "", false,
     "instead of a cookie: rpcuser"},
    {"password_file", OPTION_TEXT, IN_NODE(password_file), "\"\"", 0, 0, "", false,
     "instead of a cookie: file with rpcpassword, not world-readable"},
    {.name = NULL},
};

static const char *const role_names[] = {"operator", "officer", NULL};

static const struct option operator_rows[] = {
    {"name", OPTION_TEXT, IN_OPERATOR(name), NULL, 0, 0, "", false,
     "how the audit chain names that person"},
    {"uid", OPTION_U32, IN_OPERATOR(uid), NULL, 0, 4294967294, "", false,
     "number of the user as whom that person runs karizctl"},
    {"role", OPTION_CHOICE, IN_OPERATOR(role), "\"operator\"", 0, 0, "", false,
     "an officer decides; an operator prepares", .names = role_names},
    {.name = NULL},
};

static const struct option listener_rows[] = {
    {"address", OPTION_TEXT, IN_LISTENER(address), NULL, 0, 0, "", false,
     "host:port or [IPv6]:port; port 0 takes a free one"},
    {"tls", OPTION_BOOL, IN_LISTENER(tls), "false", 0, 0, "", false,
     "TLS 1.2 and 1.3 with stratum.tls.certificate"},
    {"difficulty", OPTION_REAL, IN_LISTENER(difficulty), "null", 1e-10, 1e15, "", true,
     "start difficulty; default 8192, moved into the listener's bounds"},
    {"minimum", OPTION_REAL, IN_LISTENER(minimum), "null", 1e-10, 1e15, "", true,
     "least difficulty on this listener; default stratum.vardiff.minimum"},
    {"maximum", OPTION_REAL, IN_LISTENER(maximum), "null", 1e-10, 1e15, "", true,
     "greatest difficulty on this listener; default stratum.vardiff.maximum"},
    {"extranonce2_size", OPTION_U32, IN_LISTENER(extranonce2_size), "8", 4, 8, "bytes",
     false, "bytes a rig may roll; extranonce1 takes what is left of 12"},
    {"proxy_protocol", OPTION_BOOL, IN_LISTENER(proxy_protocol), "false", 0, 0, "",
     false, "read a PROXY v1 or v2 header first; only from proxy_peers"},
    {"proxy_peers", OPTION_TEXT_LIST, IN_LISTENER(proxy_peers), "[]", 0, CONF_PEERS_MAX,
     "", false, "addresses or networks (10.0.0.0/8) that may send that header",
     .count_offset = offsetof(struct conf_listener, proxy_peer_count)},
    {"coinbase", OPTION_CHOICE, IN_LISTENER(form), "\"auto\"", 0, 0, "", true,
     "size of the coinbase its new sessions get when payout.direct pays miners: by the "
     "rig's agent, or always up to 499, 750, 2250, 6500 or 16000 bytes",
     .names = form_names},
    {.name = NULL},
};

const struct option option_table[] = {
    {"instance", OPTION_TEXT, IN_CONF(instance), "\"front-1\"", 0, 0, "", false,
     "name of this karizd in Redis keys: [a-z0-9-], unique among those that share one "
     "Redis"},
    {"instance_number", OPTION_U32, IN_CONF(instance_number), "0", 0, 255, "", false,
     "its part of the extranonce1 space, unique among instances with the same rigs"},
    {"network", OPTION_CHOICE, IN_CONF(network), "\"main\"", 0, 0, "", false,
     "the Bitcoin network", .names = network_names},
    {"data_dir", OPTION_TEXT, IN_CONF(data_dir), "\"/var/lib/kariz\"", 0, 0, "", false,
     "journal, found blocks, embedded Redis; made with mode 0750"},

    {"nodes", OPTION_ARRAY, offsetof(struct conf, nodes), sizeof(struct conf_node),
     "null", 1, CONF_NODES_MAX, "", false,
     "Bitcoin nodes in order of preference; default one on 127.0.0.1 at the network's "
     "port, with its cookie under /var/lib/bitcoin",
     .rows = node_rows, .count_offset = offsetof(struct conf, node_count)},
    {"template_refresh_seconds", OPTION_U32, IN_CONF(template_refresh_seconds), "10", 1,
     300, "s", false, "how often a template is asked for beside the long poll"},
    {"node_timeout_seconds", OPTION_U32, IN_CONF(node_timeout_seconds), "10", 1, 120,
     "s", false, "a node that takes longer to answer is unreachable"},
    {"node_behind_blocks", OPTION_U32, IN_CONF(node_behind_blocks), "1", 1, 100,
     "blocks", false, "a node this far below the best known height is not used"},

    {"redis", OPTION_REDIS, 0, 0, "\"embedded\"", 0, 0, "", false,
     "\"embedded\", \"unix:///path\", \"redis://host:port/db\", or an object with url, "
     "password_file, server (program for the embedded mode); or with sentinels, "
     "master, "
     "password_file, sentinel_password_file"},
    {"flush_ms", OPTION_U32, IN_CONF(flush_ms), "500", 20, 60000, "ms", false,
     "shares are written to Redis at least this often"},

    {"journal.segment_mb", OPTION_U32, IN_CONF(journal_segment_mb), "16", 1, 1024,
     "MiB", false,
     "size of one file of the journal in data_dir/journal; two a front thread are "
     "there from the start"},
    {"journal.sync_ms", OPTION_U32, IN_CONF(journal_sync_ms), "200", 0, 10000, "ms",
     false,
     "shares are on the disk after so long at most; 0: before they are answered"},
    {"journal.keep_hours", OPTION_U32, IN_CONF(journal_keep_hours), "168", 0, 87600,
     "h", false,
     "shares' files are kept at least so long; and until Redis has saved them"},

    {"tally.minutes_hours", OPTION_U32, IN_CONF(tally.minutes_hours), "3", 1, 168, "h",
     false, "work of each minute stays in Redis; some 700 bytes a miner and hour"},
    {"tally.hours_days", OPTION_U32, IN_CONF(tally.hours_days), "62", 2, 400, "days",
     false,
     "figures of each hour stay, of which reports make the days of their time zone; "
     "some "
     "750 bytes a miner and day"},
    {"tally.days_months", OPTION_U32, IN_CONF(tally.days_months), "13", 1, 120,
     "months", false, "figures of each day stay; some 880 bytes a miner and month"},
    {"tally.workers_days", OPTION_U32, IN_CONF(tally.workers_days), "30", 1, 400,
     "days", false, "a worker's record stays so long behind its last share"},

    {"stratum.listen", OPTION_ARRAY, offsetof(struct conf, stratum.listen),
     sizeof(struct conf_listener), "[{\"address\":\"0.0.0.0:3333\"}]", 1,
     CONF_LISTENERS_MAX, "", false, "where rigs connect", .rows = listener_rows,
     .count_offset = offsetof(struct conf, stratum.listen_count)},
    {"stratum.threads", OPTION_U32, IN_CONF(stratum.threads), "0", 0, 64, "", false,
     "front threads; 0: one a core"},
    {"stratum.tls.certificate", OPTION_TEXT, IN_CONF(stratum.tls_certificate), "\"\"",
     0, 0, "", true, "PEM file with the whole chain; read again on reload"},
    {"stratum.tls.key", OPTION_TEXT, IN_CONF(stratum.tls_key), "\"\"", 0, 0, "", true,
     "PEM file, not world-readable; read again on reload"},
    {"stratum.vardiff.shares_per_minute", OPTION_REAL,
     IN_CONF(stratum.shares_per_minute), "18", 0.1, 600, "per minute", true,
     "what each rig's difficulty aims at"},
    {"stratum.vardiff.minimum", OPTION_REAL, IN_CONF(stratum.minimum), "512", 1e-10,
     1e15, "", true, "least difficulty"},
    {"stratum.vardiff.maximum", OPTION_REAL, IN_CONF(stratum.maximum), "1099511627776",
     1e-10, 1e15, "", true, "greatest difficulty"},
    {"stratum.version_mask", OPTION_HEX32, IN_CONF(stratum.version_mask),
     "\"1fffe000\"", 0, 0x1fffffe0, "", true,
     "header version bits a rig may roll (BIP310); within 1fffffe0"},
    {"stratum.job_seconds", OPTION_U32, IN_CONF(stratum.job_seconds), "600", 60, 3600,
     "s", true, "how long a job of the current tip is accepted"},
    {"stratum.resend_seconds", OPTION_U32, IN_CONF(stratum.resend_seconds), "30", 5, 55,
     "s", true, "silence after which a rig is sent its job again"},
    {"stratum.resume_seconds", OPTION_U32, IN_CONF(stratum.resume_seconds), "600", 0,
     3600, "s", true, "how long an ended session's extranonce1 can be taken up again"},

    {"stratum.limits.line_bytes", OPTION_U32, IN_CONF(stratum.limits.line_bytes),
     "16384", 1024, 1048576, "bytes", true,
     "longest line; a longer one ends the session"},
    {"stratum.limits.output_bytes", OPTION_U32, IN_CONF(stratum.limits.output_bytes),
     "262144", 16384, 16777216, "bytes", true,
     "unsent output of a session; a slower reader is closed"},
    {"stratum.limits.first_request_seconds", OPTION_U32,
     IN_CONF(stratum.limits.first_request_seconds), "20", 1, 600, "s", true,
     "time for a first valid request"},
    {"stratum.limits.authorize_seconds", OPTION_U32,
     IN_CONF(stratum.limits.authorize_seconds), "60", 1, 3600, "s", true,
     "time to authorize"},
    {"stratum.limits.idle_seconds", OPTION_U32, IN_CONF(stratum.limits.idle_seconds),
     "3600", 60, 604800, "s", true,
     "least silence before a session is closed; grows with difficulty / hash rate"},
    {"stratum.limits.sessions", OPTION_U32, IN_CONF(stratum.limits.sessions), "100000",
     1, 1000000, "", true, "sessions in all; further connections are closed"},
    {"stratum.limits.sessions_per_address", OPTION_U32,
     IN_CONF(stratum.limits.sessions_per_address), "0", 0, 1000000, "", true,
     "0: no limit, since whole farms sit behind one address"},
    {"stratum.limits.sessions_per_miner", OPTION_U32,
     IN_CONF(stratum.limits.sessions_per_miner), "0", 0, 1000000, "", true,
     "0: no limit"},
    {"stratum.limits.connects_per_second", OPTION_U32,
     IN_CONF(stratum.limits.connects_per_second), "0", 0, 100000, "", true,
     "new connections a second from one address; 0: no limit"},
    {"stratum.limits.logins_per_session", OPTION_U32,
     IN_CONF(stratum.limits.logins_per_session), "256", 1, 4096, "", true,
     "logins one connection (a proxy) may authorize"},
    {"stratum.limits.ban_score", OPTION_U32, IN_CONF(stratum.limits.ban_score), "20", 1,
     1000, "", true, "malformed lines until the address and login together are banned"},
    {"stratum.limits.ban_seconds", OPTION_U32, IN_CONF(stratum.limits.ban_seconds),
     "300", 1, 86400, "s", true, "how long that lasts"},
    {"stratum.limits.shares_per_job", OPTION_U32,
     IN_CONF(stratum.limits.shares_per_job), "1000000", 1000, 100000000, "", true,
     "a front thread's duplicate set of one job; further shares are refused"},
    {"stratum.limits.jobs", OPTION_U32, IN_CONF(stratum.limits.jobs), "128", 8, 1024,
     "", true, "live jobs kept; the oldest goes first"},

    {"coinbase.tag", OPTION_TEXT, IN_CONF(coinbase_tag), "\"/Kariz/\"", 0, 0, "", false,
     "put into the coinbase of each block; up to 64 bytes"},
    {"coinbase.address", OPTION_TEXT, IN_CONF(coinbase_address), "\"\"", 0, 0, "",
     false,
     "the pool's own address, on the right network: rewards go there; this or "
     "coinbase.descriptor must be given"},
    {"coinbase.descriptor", OPTION_TEXT, IN_CONF(coinbase_descriptor), "\"\"", 0, 0, "",
     false,
     "instead of an address: a descriptor with public keys, such as wpkh(xpub.../0/*); "
     "a block at height H pays its address number H"},

    {"payout.scheme", OPTION_CHOICE, IN_CONF(payout.scheme), "\"pplns\"", 0, 0, "",
     false, "how rewards are shared", .names = scheme_names},
    {"payout.window", OPTION_SCALED, IN_CONF(payout.window_milli), "null", 0.001, 1000,
     "blocks' work", false,
     "what a block pays under pplns, tides and pps_plus; up to 3 "
     "decimals; default 4, for tides 8",
     .scale = 1000},
    {"payout.fee_percent", OPTION_SCALED, IN_CONF(payout.fee_ppm), "1.0", 0, 100, "%",
     false, "the pool's part of what miners earn; up to 4 decimals", .scale = 10000},
    {"payout.minimum", OPTION_I64, IN_CONF(payout.minimum_sat), "100000", 0,
     SATOSHI_MAX, "satoshi", false, "least payment; what is below stays owed"},
    {"payout.maturity", OPTION_U32, IN_CONF(payout.maturity), "100", 100, 100000,
     "blocks", false, "depth at which a found block's reward is the miners'"},
    {"payout.pps_reserve", OPTION_I64, IN_CONF(payout.pps_reserve_sat), "0", 0,
     SATOSHI_MAX, "satoshi", false,
     "of the pool's own, kept for pps, fpps and pps_plus, which owe before they earn; "
     "below it status warns, below 0 new work is paid by pplns"},
    {"payout.fpps_trim_ppm", OPTION_U32, IN_CONF(payout.fpps_trim_ppm), "0", 0, 499999,
     "ppm", false, "of a day's blocks, left out at either end of fpps's average fee"},
    {"payout.direct", OPTION_BOOL, IN_CONF(payout.direct), "false", 0, 0, "", true,
     "miners are paid by outputs of the coinbase itself, largest debts first; the rest "
     "goes to the pool"},
    {"payout.direct_minimum", OPTION_I64, IN_CONF(payout.direct_minimum_sat), "1048576",
     0, SATOSHI_MAX, "satoshi", true, "least such output"},
    {"payout.direct_outputs", OPTION_U32, IN_CONF(payout.direct_outputs), "0", 0, 10000,
     "", true,
     "most such outputs; 0: as many as the rig's firmware and the block take"},

    {"payout.wallet.key_file", OPTION_TEXT, IN_CONF(pay.key_file), "\"\"", 0, 0, "",
     false,
     "kariz-payout's encrypted key (kariz-payout key create); empty: it signs nothing"},
    {"payout.wallet.receive", OPTION_TEXT, IN_CONF(pay.receive), "\"\"", 0, 0, "",
     false,
     "without a key file: descriptor of the addresses that coinbases pay, with public "
     "keys"},
    {"payout.wallet.change", OPTION_TEXT, IN_CONF(pay.change), "\"\"", 0, 0, "", false,
     "without a key file: descriptor of the addresses that take change"},
    {"payout.at", OPTION_TEXT, IN_CONF(pay.at), "\"\"", 0, 0, "", false,
     "time of day in UTC, \"HH:MM\", at which the daemon kariz-payout pays; empty: "
     "never "
     "by the clock"},
    {"payout.every_blocks", OPTION_U32, IN_CONF(pay.every_blocks), "0", 0, 100000,
     "blocks", false,
     "it pays when the height is a multiple of this; 0: never by blocks"},
    {"payout.confirmations", OPTION_U32, IN_CONF(pay.confirmations), "6", 1, 100,
     "blocks", false, "depth at which a payment is booked"},
    {"payout.outputs", OPTION_U32, IN_CONF(pay.outputs), "2000", 2, 2000, "", false,
     "most outputs of a payment's transaction, change included; more payees than that "
     "are paid by several"},
    {"payout.fee.target", OPTION_U32, IN_CONF(pay.fee_target), "6", 1, 1008, "blocks",
     false, "within which a payment is to confirm: the node estimates its rate"},
    {"payout.fee.floor", OPTION_I64, IN_CONF(pay.fee_floor), "100", 0, 100000000,
     "satoshi per kvB", false, "least fee rate; never below the node's own minima"},
    {"payout.fee.ceiling", OPTION_I64, IN_CONF(pay.fee_ceiling), "100000", 100,
     100000000, "satoshi per kvB", false, "above this rate payments wait"},
    {"payout.fee.fallback", OPTION_I64, IN_CONF(pay.fee_fallback), "5000", 100,
     100000000, "satoshi per kvB", false, "rate while the node has no estimate"},
    {"payout.fee.paid_by", OPTION_CHOICE, IN_CONF(pay.fee_payer), "\"pool\"", 0, 0, "",
     false, "who pays network fees: the pool, or payees in proportion to what they get",
     .names = fee_payer_names},
    {"payout.fee.max_share_ppm", OPTION_U32, IN_CONF(pay.fee_max_share_ppm), "50000", 1,
     1000000, "ppm", false,
     "of a payment: a payee whose part of the fee is more waits"},
    {"payout.fee.bump_after", OPTION_U32, IN_CONF(pay.bump_after), "6", 0, 1000,
     "blocks", false, "unconfirmed for so long: the fee is raised; 0: only by hand"},
    {"payout.cap.payout", OPTION_I64, IN_CONF(pay.cap_payout), "0", 0, SATOSHI_MAX,
     "satoshi", false, "one transaction pays at most this; 0: no limit"},
    {"payout.cap.run", OPTION_I64, IN_CONF(pay.cap_run), "0", 0, SATOSHI_MAX, "satoshi",
     false, "a run that pays more waits for an operator (--confirm); 0: none"},
    {"payout.cap.day", OPTION_I64, IN_CONF(pay.cap_day), "0", 0, SATOSHI_MAX, "satoshi",
     false, "the same for a UTC day; 0: none"},
    {"payout.coins_max", OPTION_U32, IN_CONF(pay.coins_max), "200", 2, 100000, "",
     false, "more coins than this are joined while fees are low"},
    {"payout.consolidate_below", OPTION_I64, IN_CONF(pay.consolidate_below), "3000", 0,
     100000000, "satoshi per kvB", false, "fee rate below which coins are joined"},
    {"payout.lease_seconds", OPTION_U32, IN_CONF(pay.lease_seconds), "30", 1, 3600, "s",
     false,
     "one kariz-payout pays at a time; one that is silent for so long may be "
     "followed by another"},
    {"payout.takeover_seconds", OPTION_U32, IN_CONF(pay.takeover_seconds), "600", 0,
     86400, "s", false, "later, if the other's journal is on another machine"},
    {"payout.lists", OPTION_TEXT_LIST, IN_CONF(pay.lists), "[]", 0, CONF_LISTS_MAX, "",
     false, "files of addresses that are never paid: one a line, # begins a comment",
     .count_offset = offsetof(struct conf, pay.list_count)},
    {"payout.screen", OPTION_TEXT, IN_CONF(pay.screen), "\"\"", 0, 0, "", false,
     "program asked about each payee: JSON on its input, clear, match or unknown back"},

    {"registry.jurisdiction", OPTION_TEXT, IN_CONF(jurisdiction), "\"tm\"", 0, 0, "",
     false, "whose law holds: profiles/CODE.json; residency is relative to it"},
    {"registry.profiles", OPTION_TEXT, IN_CONF(profiles), "\"\"", 0, 0, "", false,
     "directory of the jurisdictions' profiles; default where they were installed"},
    {"registry.vault", OPTION_TEXT, IN_CONF(vault), "\"\"", 0, 0, "", false,
     "directory of personal data, encrypted; default data_dir/vault"},
    {"registry.watch_lists", OPTION_TEXT_LIST, IN_CONF(watch_lists), "[]", 0,
     CONF_LISTS_MAX, "", false,
     "files of names that screening compares with: one a line, or a table with name, "
     "country, birth_date",
     .count_offset = offsetof(struct conf, watch_list_count)},
    {"registry.operators", OPTION_ARRAY, offsetof(struct conf, operators),
     sizeof(struct conf_operator), "[]", 0, CONF_OPERATORS_MAX, "", true,
     "who may change the registry, by the user at the control socket; empty: whoever "
     "may "
     "use the socket",
     .rows = operator_rows, .count_offset = offsetof(struct conf, operator_count)},
    {"registry.four_eyes", OPTION_BOOL, IN_CONF(four_eyes), "true", 0, 0, "", false,
     "what the rules mark as needing two people needs two; false on regtest only"},
    {"registry.operator", OPTION_TEXT, IN_CONF(operator_name), "\"\"", 0, 0, "", false,
     "name of the pool's operator, shown in status"},
    {"registry.address_wait_hours", OPTION_U32, IN_CONF(address_wait_hours), "24", 0,
     8760, "h", false,
     "a miner's new address is paid after so long, and until then none is; 0: at once"},

    {"report.dir", OPTION_TEXT, IN_CONF(report_dir), "\"\"", 0, 0, "", false,
     "directory in which packages of reports make themselves when their period is "
     "over; default none does"},
    {"report.key_file", OPTION_TEXT, IN_CONF(report_key_file), "\"\"", 0, 0, "", false,
     "key that signs them (karizctl report key create); its passphrase is the "
     "credential kariz-report"},
    {"report.journals", OPTION_TEXT_LIST, IN_CONF(report_journals), "[]", 0,
     CONF_JOURNALS_MAX, "", false,
     "directories of the journals of all other instances at the same Redis, readable "
     "here: reports are made of them too",
     .count_offset = offsetof(struct conf, report_journal_count)},

    {"backup.dir", OPTION_TEXT, IN_CONF(backup_dir), "\"\"", 0, 0, "", false,
     "folder, not below data_dir, into which a backup is made daily; empty: none is"},
    {"backup.at", OPTION_TEXT, IN_CONF(backup_at), "\"02:00\"", 0, 0, "", false,
     "time of day in UTC, \"HH:MM\", at which it is made; one that was missed is made "
     "at once"},
    {"backup.keep", OPTION_U32, IN_CONF(backup_keep), "14", 1, 10000, "", false,
     "so many stay there; the oldest goes once a newer one was made and proved"},

    {"http.listen", OPTION_TEXT, IN_CONF(http_listen), "\"\"", 0, 0, "", false,
     "where the watcher pages are, 127.0.0.1:8080 or [::1]:8080: plain HTTP, for a TLS "
     "proxy in front; port 0 takes a free one; empty: off"},
    {"http.url", OPTION_TEXT, IN_CONF(http_url), "\"\"", 0, 0, "", false,
     "how others reach it (https://pool.example): karizctl puts it before a watcher's "
     "address"},
    {"http.proxies", OPTION_TEXT_LIST, IN_CONF(http_proxies), "[]", 0, CONF_PEERS_MAX,
     "", false,
     "addresses or networks of the proxy in front: what it says of its client "
     "(X-Forwarded-For, the last one) is believed",
     .count_offset = offsetof(struct conf, http_proxy_count)},

    {"control.socket", OPTION_TEXT, IN_CONF(control_socket),
     "\"/run/kariz/control.sock\"", 0, 0, "", false,
     "Unix socket for karizctl, mode 0660"},
    {"control.group", OPTION_TEXT, IN_CONF(control_group), "\"\"", 0, 0, "", false,
     "group that may use it; default the daemon's"},

    {"log.level", OPTION_CHOICE, IN_CONF(log_level), "\"info\"", 0, 0, "", true,
     "least urgent level that is written", .names = level_names},
    {"log.format", OPTION_CHOICE, IN_CONF(log_format), "\"text\"", 0, 0, "", true,
     "text, or one JSON object a line", .names = format_names},
    {.name = NULL},
};
/* clang-format on */
