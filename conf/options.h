#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

/*
 * options: every section and every option there is, in one table.  What is
 * read, checked, printed back, shipped and written in sallyport.ini(5) comes
 * from here; an option of tomorrow is a row here and nothing else in conf/.
 *
 * An option that stands in no row is an unknown key.  An option that does
 * nothing is a lie: its row comes with the code that heeds it.
 */

#define UNIT_K INT64_C(1024)
#define UNIT_M (1024 * UNIT_K)
#define UNIT_G (1024 * UNIT_M)
#define UNIT_S INT64_C(1000)
#define UNIT_MIN (60 * UNIT_S)
#define UNIT_H (60 * UNIT_MIN)
#define UNIT_D (24 * UNIT_H)

/* What stands in the column of defaults where there is none. */
#define REQUIRED NULL /* every section of that kind has to say it */
#define UNSET ""      /* not given means: this is not asked for */

/* What a [policy] may answer; words of scan/policy.h. */
#define ACTION_WORDS "pass tag discard tempfail block"
#define FINDING_WORDS "malware encrypted limit ambiguous malformed failed"

/* clang-format off */
/*	id		section		has a name?	about */
#define SECTIONS(X) \
	X(INCLUDE,	"include",	false, \
	    "More files, read as if they stood in this one.") \
	X(GATEWAY,	"gateway",	false, \
	    "The program as a whole.") \
	X(LISTENER,	"listener",	true, \
	    "Where clients come in.  Any key of the section of its protocol " \
	    "may also stand here, and wins here.") \
	X(SMTP,		"smtp",		false, \
	    "Mail: what holds for every listener with protocol smtp that " \
	    "does not say otherwise itself.") \
	X(SCAN,		"scan",		false, \
	    "What is looked at, how deep, and for how long.") \
	X(ENGINE,	"engine",	true, \
	    "A scanner that [scan] engines can name.") \
	X(POLICY,	"policy",	true, \
	    "What is done about each kind of finding.") \
	X(RULE,		"rule",		true, \
	    "Goes before the policy.  The first rule in file order whose " \
	    "every key fits holds; of several values of a key any one may " \
	    "fit.") \
	X(LOG,		"log",		true, \
	    "Where events and messages are written.")

/*
 * X(section, id, key, type, unit, default, least, most, words, sentence)
 * type: see TYPES in schema.h.  least and most: of a number, in bytes or
 * milliseconds where it is a size or a time.  words: of a WORD or a LIST.
 */
#define OPTIONS(X) \
	OPTIONS_INCLUDE(X) \
	OPTIONS_GATEWAY(X) \
	OPTIONS_LISTENER(X) \
	OPTIONS_SMTP(X) \
	OPTIONS_SCAN(X) \
	OPTIONS_ENGINE(X) \
	OPTIONS_POLICY(X) \
	OPTIONS_RULE(X) \
	OPTIONS_LOG(X)

#define OPTIONS_INCLUDE(X) \
	X(INCLUDE, PATH, "path", LIST, "", "none", 0, 0, "", \
	    "Files or patterns such as conf.d/*.ini, read in sorted order.  " \
	    "A file so read includes no others.")

#define OPTIONS_GATEWAY(X) \
	X(GATEWAY, NAME, "name", STRING, "", UNSET, 0, 0, "", \
	    "Its name in greetings, Received: fields and logs; when not " \
	    "given the host's.") \
	X(GATEWAY, WORKERS, "workers", INT, "net workers", "0", 0, 64, "", \
	    "Processes that hold connections; 0: one for each CPU.") \
	X(GATEWAY, USER, "user", STRING, "", "_sallyport", 0, 0, "", \
	    "Who the children run as when the parent was started by root.") \
	X(GATEWAY, GROUP, "group", STRING, "", "_sallyport", 0, 0, "", \
	    "The group of the same.") \
	X(GATEWAY, STATE_DIR, "state_dir", PATH, "", STATEDIR, 0, 0, "", \
	    "What outlives a restart lies here.") \
	X(GATEWAY, RUNTIME_DIR, "runtime_dir", PATH, "", RUNTIMEDIR, 0, 0, "", \
	    "What does not outlive a restart lies here; best a tmpfs.") \
	X(GATEWAY, SPOOL_DIR, "spool_dir", PATH, "", STATEDIR "/spool", 0, 0, \
	    "", "Contents larger than spool_memory lie here, in unlinked " \
	    "files.") \
	X(GATEWAY, SPOOL_MEMORY, "spool_memory", SIZE, "bytes", "256k", 0, \
	    64 * UNIT_M, "", "A content up to this size stays in memory.") \
	X(GATEWAY, SPOOL_MEMORY_TOTAL, "spool_memory_total", SIZE, "bytes", \
	    "256M", UNIT_M, 1024 * UNIT_G, "", \
	    "All contents in memory together; beyond it they go to spool_dir.") \
	X(GATEWAY, SPOOL_MAX_SIZE, "spool_max_size", SIZE, "bytes", "20G", \
	    UNIT_M, 1024 * UNIT_G, "", "All contents in spool_dir together; " \
	    "beyond it reading pauses, then clients are asked to try later.") \
	X(GATEWAY, SPOOL_MIN_FREE, "spool_min_free", PERCENT, "percent", "5%", \
	    0, 90, "", "How much of the file system of spool_dir stays free.") \
	X(GATEWAY, MAX_SESSIONS, "max_sessions", INT, "sessions", "10000", 1, \
	    1000000, "", "Client connections at one time, over all listeners.") \
	X(GATEWAY, DRAIN_TIMEOUT, "drain_timeout", TIME, "time", "60s", 0, \
	    UNIT_D, "", "At a stop, how long what has begun may take to end.")

#define OPTIONS_LISTENER(X) \
	X(LISTENER, PROTOCOL, "protocol", WORD, "", REQUIRED, 0, 0, "smtp", \
	    "What is spoken here.") \
	X(LISTENER, ADDRESS, "address", ADDRESSES, "", REQUIRED, 0, 0, "", \
	    "Where it listens: 192.0.2.1:25, [2001:db8::1]:25 (IPv6 only) or " \
	    "unix:/path.") \
	X(LISTENER, POLICY, "policy", STRING, "", REQUIRED, 0, 0, "", \
	    "The name of the [policy] that judges what comes in here.") \
	X(LISTENER, DIRECTION, "direction", WORD, "", "inbound", 0, 0, \
	    "inbound outbound", "For rules and logs.") \
	X(LISTENER, ALLOW_FROM, "allow_from", NETWORKS, "", "any", 0, 0, "", \
	    "Who may connect; others are turned away with a reply.") \
	X(LISTENER, MAX_SESSIONS, "max_sessions", INT, "sessions", "1000", 1, \
	    1000000, "", "Connections at one time on this listener.") \
	X(LISTENER, MAX_SESSIONS_PER_CLIENT, "max_sessions_per_client", INT, \
	    "sessions", "50", 1, 1000000, "", \
	    "The same from one client address.") \
	X(LISTENER, ENABLED, "enabled", BOOL, "", "yes", 0, 1, "", \
	    "no: checked, but not listened on.")

#define OPTIONS_SMTP(X) \
	X(SMTP, NEXT_HOP, "next_hop", LIST, "", "smtp:127.0.0.1:5000", 0, 0, \
	    "", "Where mail goes: smtp:host:port or maildir:/path.  Of several " \
	    "the next one is tried when one cannot be reached.") \
	X(SMTP, NEXT_HOP_CONNECT_TIMEOUT, "next_hop_connect_timeout", TIME, \
	    "time", "30s", 100, UNIT_H, "", \
	    "For the connection to the next hop and its greeting.") \
	X(SMTP, NEXT_HOP_TIMEOUT, "next_hop_timeout", TIME, "time", "5m", 100, \
	    UNIT_D, "", "For each of its replies but the last one of a mail.") \
	X(SMTP, NEXT_HOP_DATA_TIMEOUT, "next_hop_data_timeout", TIME, "time", \
	    "10m", 100, UNIT_D, "", "For its reply to the final dot (RFC 5321 " \
	    "4.5.3.2.6: less makes mail arrive twice).") \
	X(SMTP, NEXT_HOP_MAX_CONNECTIONS, "next_hop_max_connections", INT, \
	    "connections", "50", 1, 100000, "", \
	    "To one next hop at one time, over all net workers.") \
	X(SMTP, MAX_MESSAGE_SIZE, "max_message_size", SIZE, "bytes", "50M", \
	    UNIT_K, 1024 * UNIT_G, "", "A larger mail is refused with 552.") \
	X(SMTP, MAX_RECIPIENTS, "max_recipients", INT, "recipients", "1000", \
	    1, 100000, "", "Of one mail; the next RCPT gets 452.") \
	X(SMTP, MAX_RECEIVED, "max_received", INT, "fields", "50", 1, 1000, \
	    "", "More Received: fields than this are a loop: 554 5.4.6.") \
	X(SMTP, MAX_ERRORS, "max_errors", INT, "errors", "20", 1, 10000, "", \
	    "Errors of a client in one session before 421 ends it.") \
	X(SMTP, COMMAND_TIMEOUT, "command_timeout", TIME, "time", "5m", 100, \
	    UNIT_D, "", "How long a client may be silent between commands.") \
	X(SMTP, DATA_TIMEOUT, "data_timeout", TIME, "time", "3m", 100, UNIT_D, \
	    "", "How long a client may be silent inside a mail.") \
	X(SMTP, SCAN_DEADLINE, "scan_deadline", TIME, "time", "90s", 100, \
	    UNIT_H, "", "From the end of a mail to its verdict, waiting " \
	    "included; Postfix gives a filter 100 seconds.") \
	X(SMTP, BARE_NEWLINE, "bare_newline", WORD, "", "reject", 0, 0, \
	    "reject normalize", "A CR or LF alone inside a mail: 554 5.6.0 " \
	    "after the dot, or made a CRLF; the one setting that changes a " \
	    "mail's bytes.") \
	X(SMTP, ADD_HEADERS, "add_headers", BOOL, "", "yes", 0, 1, "", \
	    "Adds X-Sallyport: with verdict, engine and id on top.") \
	X(SMTP, REJECT_TEXT, "reject_text", STRING, "", \
	    "554 5.7.1 Refused: {reason} ({id})", 0, 0, "", \
	    "The reply to a refused mail.") \
	X(SMTP, TEMPFAIL_TEXT, "tempfail_text", STRING, "", \
	    "451 4.7.1 Scanner not available, try again ({id})", 0, 0, "", \
	    "The reply when the policy says tempfail.")

#define OPTIONS_SCAN(X) \
	X(SCAN, ENGINES, "engines", LIST, "", "clamav", 0, 0, "", \
	    "The names of [engine] sections, in the order they look.") \
	X(SCAN, WORKERS, "workers", INT, "scan workers", "0", 0, 128, "", \
	    "Processes that scan; 0: one for each CPU.") \
	X(SCAN, TIMEOUT, "timeout", TIME, "time", "60s", 100, UNIT_H, "", \
	    "What one scan may take, and size / timeout_rate more; past it " \
	    "the worker is killed: finding failed.") \
	X(SCAN, TIMEOUT_RATE, "timeout_rate", SIZE, "bytes a second", "10M", \
	    UNIT_K, UNIT_G, "", "See timeout.") \
	X(SCAN, MAX_SCAN_SIZE, "max_scan_size", SIZE, "bytes", "2047M", \
	    UNIT_K, 2047 * UNIT_M, "", \
	    "A larger content is finding limit as soon as that is known.") \
	X(SCAN, MAX_QUEUE, "max_queue", INT, "jobs", "1000", 1, 100000, "", \
	    "Contents that wait for a scan worker; one more gets tempfail.") \
	X(SCAN, MAX_UNPACKED_SIZE, "max_unpacked_size", SIZE, "bytes", "400M", \
	    UNIT_M, 1024 * UNIT_G, "", \
	    "All that comes out of a content: more is finding limit.") \
	X(SCAN, MAX_RATIO, "max_ratio", INT, "times", "250", 2, 100000, "", \
	    "Unpacked bytes to packed ones: more is finding limit.") \
	X(SCAN, MAX_DEPTH, "max_depth", INT, "levels", "16", 1, 64, "", \
	    "Contents in contents: deeper is finding limit.") \
	X(SCAN, MAX_MEMBERS, "max_members", INT, "members", "10000", 1, \
	    1000000, "", "All members of a content: more is finding limit.") \
	X(SCAN, CACHE_SIZE, "cache_size", SIZE, "bytes", "64M", 0, \
	    64 * UNIT_G, "", "Verdicts by SHA-256 and signature version, " \
	    "shared by all workers; 0: none are kept.") \
	X(SCAN, CACHE_TTL, "cache_ttl", TIME, "time", "1h", UNIT_S, 7 * UNIT_D, \
	    "", "How long a kept verdict holds.") \
	X(SCAN, TEMPORARY, "temporary", WORD, "", "auto", 0, 0, \
	    "auto mount directory", "Temporary files of the engines: a tmpfs " \
	    "of its own for each worker, or a directory below runtime_dir; " \
	    "auto: the first where it is allowed.") \
	X(SCAN, TEMPORARY_SIZE, "temporary_size", SIZE, "bytes", "1G", \
	    16 * UNIT_M, 1024 * UNIT_G, "", \
	    "All temporary files of one scan worker.")

#define OPTIONS_ENGINE(X) \
	X(ENGINE, TYPE, "type", WORD, "", "clamav", 0, 0, "clamav", \
	    "clamav: libclamav in the scan workers.") \
	X(ENGINE, DATABASE, "database", PATH, "", "/var/lib/clamav", 0, 0, "", \
	    "Its signatures.  None there: the built-in test signatures " \
	    "(EICAR) and a warning.") \
	X(ENGINE, WATCH, "watch", TIME, "time", "10s", 0, UNIT_D, "", \
	    "How often it is looked for a changed database, which is loaded " \
	    "by itself; 0: never.") \
	X(ENGINE, RELOAD, "reload", WORD, "", "overlap", 0, 0, "overlap lean", \
	    "A changed database: loaded beside the old one (no pause, for a " \
	    "moment twice the memory), or after it (jobs wait).") \
	X(ENGINE, MIN_SIGNATURES, "min_signatures", INT, "signatures", "0", 0, \
	    INT64_C(1000000000), "", \
	    "A database with fewer is not taken: the old one stays.") \
	X(ENGINE, ENABLED, "enabled", BOOL, "", "yes", 0, 1, "", \
	    "no: checked, but not used.")

#define OPTIONS_POLICY(X) \
	X(POLICY, MALWARE, "malware", WORD, "", "block", 0, 0, ACTION_WORDS, \
	    "A signature matched.") \
	X(POLICY, ENCRYPTED, "encrypted", WORD, "", "pass", 0, 0, \
	    ACTION_WORDS, "A member nobody could look into.") \
	X(POLICY, LIMIT, "limit", WORD, "", "block", 0, 0, ACTION_WORDS, \
	    "Larger, deeper or more than is looked at.") \
	X(POLICY, AMBIGUOUS, "ambiguous", WORD, "", "pass", 0, 0, \
	    ACTION_WORDS, "Two readers may differ; both readings were scanned.") \
	X(POLICY, MALFORMED, "malformed", WORD, "", "block", 0, 0, \
	    ACTION_WORDS, "A reading that could not be followed to its end.") \
	X(POLICY, FAILED, "failed", WORD, "", "tempfail", 0, 0, ACTION_WORDS, \
	    "The scanner could not look, or not in time.")

#define OPTIONS_RULE(X) \
	X(RULE, POLICY, "policy", LIST, "", UNSET, 0, 0, "", \
	    "Names of policies it goes before; not given: all.") \
	X(RULE, DIRECTION, "direction", WORD, "", UNSET, 0, 0, \
	    "inbound outbound", "Of the listener.") \
	X(RULE, SENDER, "sender", LIST, "", UNSET, 0, 0, "", \
	    "Patterns for the sender, such as *@example.org.") \
	X(RULE, RECIPIENT, "recipient", LIST, "", UNSET, 0, 0, "", \
	    "Patterns for a recipient; of several recipients one that fits " \
	    "is enough.") \
	X(RULE, CLIENT, "client", NETWORKS, "", UNSET, 0, 0, "", \
	    "Networks of clients.") \
	X(RULE, FINDING, "finding", LIST, "", UNSET, 0, 0, FINDING_WORDS, \
	    "Kinds of finding; not given: clean contents too.") \
	X(RULE, SIGNATURE, "signature", LIST, "", UNSET, 0, 0, "", \
	    "Patterns for what was found, such as Heuristics.*.") \
	X(RULE, WHERE, "where", LIST, "", UNSET, 0, 0, "", \
	    "Patterns for where it was found, such as *.zip/*.") \
	X(RULE, ACTION, "action", WORD, "", REQUIRED, 0, 0, ACTION_WORDS, \
	    "What is done.")

#define OPTIONS_LOG(X) \
	X(LOG, FORMAT, "format", WORD, "", "text", 0, 0, "text json", \
	    "One line for each event: for people, or JSON with ECS names.") \
	X(LOG, OUTPUT, "output", STRING, "", "stderr", 0, 0, "", \
	    "stderr, stdout or file:/path; USR1 opens files anew.") \
	X(LOG, EVENTS, "events", WORD, "", "blocked", 0, 0, \
	    "none blocked decisions all", "What was not delivered as it came; " \
	    "or each decision and its outcome; or also what ended without " \
	    "one.") \
	X(LOG, LEVEL, "level", WORD, "", "info", 0, 0, \
	    "none error warn info debug", \
	    "Messages about the gateway itself, down to this level.")
/* clang-format on */

#endif
