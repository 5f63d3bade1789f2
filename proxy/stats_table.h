#ifndef PROXY_STATS_TABLE_H
#define PROXY_STATS_TABLE_H

#include "scan/policy.h"
#include "scan/report.h"

/*
 * stats_table: everything that is counted, and the words that tell the series
 * of one counter apart.  Names are as Prometheus would have them, behind
 * "sallyport_"; docs/counters.md is the reference.
 */

/* clang-format off */

/*
 * The limits that turn somebody away or end what is under way, by their names
 * in the log.  Who counts them: CALL the place itself (stats_limit()), REASON
 * the end of an exchange that has this reason, FINDING the decision about a
 * report in which it is.
 */
#define STATS_LIMITS(X) \
	X("gateway_max_sessions",	LIMIT_CALL) \
	X("max_sessions",		LIMIT_CALL) \
	X("max_sessions_per_client",	LIMIT_CALL) \
	X("max_sessions_per_minute",	LIMIT_CALL) \
	X("allow_from",			LIMIT_CALL) \
	X("proxy_protocol_from",	LIMIT_CALL) \
	X("drain",			LIMIT_REASON) \
	X("nofile",			LIMIT_CALL) \
	X("memory",			LIMIT_CALL) \
	X("handshake_timeout",		LIMIT_CALL) \
	X("max_errors",			LIMIT_CALL) \
	X("max_messages_per_minute",	LIMIT_CALL) \
	X("max_recipients",		LIMIT_REASON) \
	X("max_message_size",		LIMIT_REASON) \
	X("max_received",		LIMIT_REASON) \
	X("x_sallyport_fields",		LIMIT_REASON) \
	X("command_timeout",		LIMIT_REASON) \
	X("data_timeout",		LIMIT_REASON) \
	X("mta_timeout",		LIMIT_REASON) \
	X("packet_size",		LIMIT_REASON) \
	X("spool",			LIMIT_REASON) \
	X("request_timeout",		LIMIT_REASON) \
	X("idle_timeout",		LIMIT_REASON) \
	X("max_request_body",		LIMIT_REASON) \
	X("max_response_body",		LIMIT_REASON) \
	X("long_start",			LIMIT_REASON) \
	X("long_field",			LIMIT_REASON) \
	X("long_head",			LIMIT_REASON) \
	X("many_fields",		LIMIT_REASON) \
	X("auth_tries",			LIMIT_REASON) \
	X("auth_queue",			LIMIT_REASON) \
	X("range_keep_size",		LIMIT_CALL) \
	X("connect_timeout",		LIMIT_CALL) \
	X("next_hop_max_connections",	LIMIT_CALL) \
	X("next_hop_connect_timeout",	LIMIT_CALL) \
	X("next_hop_timeout",		LIMIT_CALL) \
	X("next_hop_data_timeout",	LIMIT_REASON) \
	X("max_file_size",		LIMIT_REASON) \
	X("listing",			LIMIT_CALL) \
	X("passive_ports",		LIMIT_CALL) \
	X("upload_reply_within",	LIMIT_REASON) \
	X("drain_timeout",		LIMIT_CALL) \
	X("h2_streams",			LIMIT_CALL) \
	X("h2_header_list",		LIMIT_CALL) \
	X("h2_resets",			LIMIT_CALL) \
	X("h2_frames",			LIMIT_CALL) \
	X("h2_links",			LIMIT_CALL) \
	X("h2_continuations",		LIMIT_CALL) \
	X("LEAF_WAITING_MAX",		LIMIT_CALL) \
	X("LEAF_TRIES_MAX",		LIMIT_CALL) \
	X("LEAF_TIMEOUT_MS",		LIMIT_CALL) \
	X("PROGRAM_LINES_MAX",		LIMIT_CALL) \
	X("PROGRAM_END_MS",		LIMIT_CALL) \
	X("PROGRAM_KILL_MS",		LIMIT_CALL) \
	X("IO_OUT_HARD",		LIMIT_CALL) \
	X("IO_PIPES_MAX",		LIMIT_CALL) \
	X("pipes",			LIMIT_CALL) \
	X("max_queue",			LIMIT_FINDING) \
	X("queue",			LIMIT_FINDING) \
	X("descriptor",			LIMIT_FINDING) \
	X("timeout",			LIMIT_FINDING) \
	X("max_scan_size",		LIMIT_FINDING) \
	X("max_unpacked_size",		LIMIT_FINDING) \
	X("max_ratio",			LIMIT_FINDING) \
	X("max_depth",			LIMIT_FINDING) \
	X("max_members",		LIMIT_FINDING)

enum stats_limit_by { LIMIT_CALL, LIMIT_REASON, LIMIT_FINDING };

/* How an exchange ends, as its last event says it. */
#define STATS_RESULTS(X) \
	X("delivered") X("refused") X("deferred") X("discarded") \
	X("quarantined") X("aborted") X("none")

/* How we came by a connection to a server. */
#define STATS_DIALS(X) \
	X(NEW, "new") X(REUSED, "reused") X(FAILED, "failed")

/* How a handshake ended; one that goes on with an old session is resumed. */
#define STATS_HANDS(X) \
	X(FULL, "full") X(RESUMED, "resumed") X(FAILED, "failed")

/* What became of a reload. */
#define STATS_RELOADS(X) \
	X(APPLIED, "applied") X(REFUSED, "refused")

/* Lines of the event log, in the order of enum event_kind. */
#define STATS_LINES(X) \
	X("decision") X("outcome") X("ended")

/* Why a scan worker was lost with a job. */
#define STATS_LOSSES(X) \
	X("crash") X("timeout") X("cancelled") X("confused")

/* What became of a copy for the quarantine: docs/quarantine.md. */
#define STATS_COPIES(X) \
	X("kept") X("max_size") X("spool_min_free") X("no_space") X("timeout") \
	X("queue") X("aborted") X("not_whole") X("error")

/* The sets of words: the label's key, and a list of its words. */
#define STATS_SETS(X) \
	X(NONE,		"") \
	X(LIMIT,	"limit") \
	X(RESULT,	"result") \
	X(VERDICT,	"verdict") \
	X(ACTION,	"action") \
	X(FINDING,	"finding") \
	X(DIAL,		"how") \
	X(HANDS,	"how") \
	X(RELOAD,	"result") \
	X(LINE,		"line") \
	X(LOSS,		"why") \
	X(COPY,		"how")

/* A label that most have besides: number 0 is the gateway itself, the others
 * are the protocols in the order of main.c. */
#define STATS_PROTOCOLS 8

/*
 *	counter, kind, name, set of its label, has it `protocol`, what it counts
 * A row without a group's name belongs to the group of the row above.
 */
#define STATS(X) \
	X(SESSIONS, GAUGE, "open_sessions", NONE, STATS_PROTOCOLS, "sessions", \
	    "Sessions with clients that are open.") \
	X(SESSIONS_TOTAL, COUNTER, "sessions_total", NONE, STATS_PROTOCOLS, \
	    "", "Sessions that were let in.") \
	X(LIMITS, COUNTER, "limits_total", LIMIT, STATS_PROTOCOLS, "", \
	    "Times that a limit turned somebody away, or ended or changed " \
	    "what was under way.") \
	X(CLIENT_IN, COUNTER, "client_received_bytes_total", NONE, \
	    STATS_PROTOCOLS, "", "Bytes from clients, inside TLS.") \
	X(CLIENT_OUT, COUNTER, "client_sent_bytes_total", NONE, \
	    STATS_PROTOCOLS, "", "Bytes to clients, inside TLS.") \
	X(EXCHANGES, COUNTER, "exchanges_total", RESULT, STATS_PROTOCOLS, \
	    "exchanges", \
	    "Mail transactions, requests and transfers that ended so.") \
	X(DECISIONS, COUNTER, "decisions_total", VERDICT, STATS_PROTOCOLS, "", \
	    "Decisions by what the content is.") \
	X(ACTIONS, COUNTER, "actions_total", ACTION, STATS_PROTOCOLS, "", \
	    "Decisions by what is done about it.") \
	X(FINDINGS, COUNTER, "findings_total", FINDING, 1, "", \
	    "Findings in the reports that were decided about.") \
	X(CONTENT_BYTES, COUNTER, "content_bytes_total", NONE, \
	    STATS_PROTOCOLS, "", "Bytes of the contents that were decided " \
	    "about.") \
	X(COPIES, COUNTER, "quarantine_total", COPY, STATS_PROTOCOLS, "", \
	    "Contents that a copy was to be kept of, by what became of it.") \
	X(CACHE_HITS, COUNTER, "cache_hits_total", NONE, 1, "scan", \
	    "Contents whose report was in the verdict cache.") \
	X(CACHE_MISSES, COUNTER, "cache_misses_total", NONE, 1, "", \
	    "Contents that were looked for there and not found.") \
	X(CACHE_STORES, COUNTER, "cache_stores_total", NONE, 1, "", \
	    "Reports that were put there.") \
	X(SCAN_QUEUE, GAUGE, "scan_queue", NONE, 1, "", \
	    "Contents that wait for a scan worker.") \
	X(SCAN_JOBS, COUNTER, "scan_jobs_total", NONE, 1, "", \
	    "Contents that were given to a scan worker.") \
	X(SCAN_LOST, COUNTER, "scan_workers_lost_total", LOSS, 1, "", \
	    "Scan workers that were lost with a job.") \
	X(SCAN_WORKERS, COUNTER, "scan_worker_starts_total", NONE, 1, "", \
	    "Scan workers that were started.") \
	X(GENERATIONS, COUNTER, "signature_loads_total", NONE, 1, "", \
	    "Times that signatures came into force.") \
	X(DIALS, COUNTER, "server_connections_total", DIAL, 1, "servers", \
	    "Connections to servers that were wanted.") \
	X(SERVER_IN, COUNTER, "server_received_bytes_total", NONE, 1, "", \
	    "Bytes from servers, inside TLS.") \
	X(SERVER_OUT, COUNTER, "server_sent_bytes_total", NONE, 1, "", \
	    "Bytes to servers, inside TLS.") \
	X(SPLICED, COUNTER, "spliced_bytes_total", NONE, 1, "", \
	    "Bytes of tunnels, both ways, that were not copied.") \
	X(TLS_CLIENT, COUNTER, "client_tls_handshakes_total", HANDS, 1, "tls", \
	    "TLS handshakes with clients.") \
	X(TLS_SERVER, COUNTER, "server_tls_handshakes_total", HANDS, 1, "", \
	    "TLS handshakes with servers.") \
	X(LINES, COUNTER, "event_lines_total", LINE, 1, "log", \
	    "Events for the log; each is a line in every log that wants it.") \
	X(LINES_LOST, COUNTER, "event_lines_lost_total", LINE, 1, "", \
	    "Events that a log which wants them could not take.") \
	X(NETS, GAUGE, "net_workers", NONE, 1, "processes", \
	    "Net workers that run.") \
	X(NETS_LOST, COUNTER, "net_workers_lost_total", NONE, 1, "", \
	    "Net workers that died and were replaced.") \
	X(RELOADS, COUNTER, "reloads_total", RELOAD, 1, "", \
	    "Reloads of the configuration.")

/* How many rows: each adds 1. */
#define STATS_ONE(...) +1 /* NOLINT(bugprone-macro-parentheses) */
enum {
	STATS_LIMIT_N = STATS_LIMITS(STATS_ONE),
	SET_NONE_N = 1,
	SET_LIMIT_N = STATS_LIMIT_N,
	SET_RESULT_N = STATS_RESULTS(STATS_ONE),
	SET_VERDICT_N = FOUND_KINDS + 1, /* the last is "clean" */
	SET_ACTION_N = DO_ACTIONS,
	SET_FINDING_N = FOUND_KINDS,
	SET_DIAL_N = STATS_DIALS(STATS_ONE),
	SET_HANDS_N = STATS_HANDS(STATS_ONE),
	SET_RELOAD_N = STATS_RELOADS(STATS_ONE),
	SET_LINE_N = STATS_LINES(STATS_ONE),
	SET_LOSS_N = STATS_LOSSES(STATS_ONE),
	SET_COPY_N = STATS_COPIES(STATS_ONE)
};

/* Where the series of a counter begin: one for each word of its label, and in
 * each one for each protocol. */
enum counter {
#define X(id, kind, name, set, wide, group, text) \
	STAT_##id, STAT_##id##_END = STAT_##id + SET_##set##_N * (wide) - 1,
	STATS(X)
#undef X
	STATS_SERIES
};

enum stats_set {
#define X(set, key) SET_##set,
	STATS_SETS(X)
#undef X
	STATS_SETS_N
};

enum stats_dial {
#define X(id, word) DIAL_##id,
	STATS_DIALS(X)
#undef X
};

enum stats_hands {
#define X(id, word) HANDS_##id,
	STATS_HANDS(X)
#undef X
};

enum stats_reload {
#define X(id, word) RELOAD_##id,
	STATS_RELOADS(X)
#undef X
};
/* clang-format on */

#endif
