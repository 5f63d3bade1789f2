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
#define ACTION_WORDS "pass tag discard tempfail block quarantine"
#define FINDING_WORDS \
	"malware encrypted limit ambiguous malformed failed url name type"

#include "conf/options_ftp.h"
#include "conf/options_web.h"

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
	    "Mail: what holds for every listener that takes mail (protocol " \
	    "smtp, milter, local) and does not say otherwise itself.") \
	X(MILTER,	"milter",	false, \
	    "The filter interface of Sendmail and Postfix; its limits and " \
	    "texts are those of [smtp].") \
	X(FTP,		"ftp",		false, \
	    "Files: what holds for every listener with protocol ftp that " \
	    "does not say otherwise itself.") \
	X(HTTP,		"http",		false, \
	    "The web: what holds for every listener with protocol http that " \
	    "does not say otherwise itself.") \
	X(TLS,		"tls",		false, \
	    "Certificates and trust.  Any of these may also stand in a " \
	    "[listener], and wins there.") \
	X(TLS_INSPECTION, "tls-inspection", false, \
	    "Looking inside the TLS of web clients, which have to trust our " \
	    "CA for it.") \
	X(ROUTE,	"route",	true, \
	    "Another next hop for recipients in the domain it is named " \
	    "after (*.example.org: its subdomains; an exact name goes before " \
	    "a longer pattern, that before a shorter one).  It needs a " \
	    "next_hop; the other next_hop_ keys of [smtp] may stand here, and " \
	    "win here.  A mail takes the route of its first accepted " \
	    "recipient; for those of another route the sender comes back.") \
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
	X(QUARANTINE,	"quarantine",	false, \
	    "What a policy answers with quarantine is refused, and a copy " \
	    "of it is kept here with its event.") \
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
	OPTIONS_ROUTE(X) \
	OPTIONS_MILTER(X) \
	OPTIONS_FTP(X) \
	OPTIONS_HTTP(X) \
	OPTIONS_TLS(X) \
	OPTIONS_TLS_INSPECTION(X) \
	OPTIONS_SCAN(X) \
	OPTIONS_ENGINE(X) \
	OPTIONS_POLICY(X) \
	OPTIONS_RULE(X) \
	OPTIONS_QUARANTINE(X) \
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
	X(LISTENER, PROTOCOL, "protocol", WORD, "", REQUIRED, 0, 0, \
	    "smtp milter local ftp http", \
	    "What is spoken here.") \
	X(LISTENER, ADDRESS, "address", ADDRESSES, "", REQUIRED, 0, 0, "", \
	    "Where it listens: 192.0.2.1:25, [2001:db8::1]:25 (IPv6 only) or " \
	    "unix:/path.") \
	X(LISTENER, POLICY, "policy", STRING, "", REQUIRED, 0, 0, "", \
	    "The name of the [policy] that judges what comes in here.") \
	X(LISTENER, DIRECTION, "direction", WORD, "", "inbound", 0, 0, \
	    "inbound outbound", "For rules and logs.") \
	X(LISTENER, TLS, "tls", WORD, "", UNSET, 0, 0, \
	    "off starttls require implicit", "Towards clients: not at all; " \
	    "offered; demanded before anything else; from the first byte.  " \
	    "When not given: starttls where there is a cert_file and the " \
	    "protocol knows it (smtp), else off.") \
	X(LISTENER, ALLOW_FROM, "allow_from", NETWORKS, "", "any", 0, 0, "", \
	    "Who may connect; others are turned away with a reply.") \
	X(LISTENER, PROXY_PROTOCOL_FROM, "proxy_protocol_from", NETWORKS, "", \
	    "none", 0, 0, "", "Proxies that name the client first, by the PROXY " \
	    "protocol (version 1 or 2): they alone may, and they must.") \
	X(LISTENER, PROXY_PROTOCOL_TIMEOUT, "proxy_protocol_timeout", TIME, \
	    "time", "5s", 100, UNIT_H, "", "How long they may take over that.") \
	X(LISTENER, UNIX_MODE, "unix_mode", WORD, "", "0666", 0, 0, \
	    "0600 0660 0666", "Who may connect to a unix:/path: the user and " \
	    "group of [gateway] own it.") \
	X(LISTENER, XFORWARD_FROM, "xforward_from", NETWORKS, "", "none", 0, \
	    0, "", "Mail servers that may say who their client is, by " \
	    "XFORWARD or XCLIENT.") \
	X(LISTENER, MAX_SESSIONS, "max_sessions", INT, "sessions", "1000", 1, \
	    1000000, "", "Connections at one time on this listener.") \
	X(LISTENER, MAX_SESSIONS_PER_CLIENT, "max_sessions_per_client", INT, \
	    "sessions", "50", 1, 1000000, "", \
	    "The same from one client address.") \
	X(LISTENER, MAX_SESSIONS_PER_MINUTE, "max_sessions_per_minute", INT, \
	    "sessions", "0", 0, 1000000, "", \
	    "Sessions that one client address may begin in a minute; 0: any.") \
	X(LISTENER, ENABLED, "enabled", BOOL, "", "yes", 0, 1, "", \
	    "no: checked, but not listened on.")

#define OPTIONS_SMTP(X) \
	X(SMTP, NEXT_HOP, "next_hop", LIST, "", "smtp:127.0.0.1:5000", 0, 0, \
	    "", "Where mail goes: smtp:host:port, lmtp:host:port, " \
	    "lmtp:unix:/path, pipe:/usr/sbin/sendmail -bs or maildir:/path.  " \
	    "Of several the next one is tried when one cannot be reached.  " \
	    "lmtp: takes one recipient a mail: senders come back with the " \
	    "others.  pipe: is a program that speaks SMTP and runs as [gateway] " \
	    "user; where one of its words begins with neither - nor /, double " \
	    "quotes stand around all of it.") \
	X(SMTP, NEXT_HOP_RETRY, "next_hop_retry", TIME, "time", "30s", 0, \
	    UNIT_H, "", "One that could not be reached is passed over for so " \
	    "long, where another one can be.") \
	X(SMTP, NEXT_HOP_TLS, "next_hop_tls", WORD, "", "opportunistic", 0, 0, \
	    "off opportunistic require verify", "Towards the next hop: never; " \
	    "where it offers STARTTLS, and in the clear where that fails; " \
	    "always; always, and its certificate has to be good for its " \
	    "name.") \
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
	    "To one next hop of a route at one time, over all net workers.") \
	X(SMTP, RELAY_DOMAINS, "relay_domains", LIST, "", "any", 0, 0, "", \
	    "Domains and patterns such as *.example.org that mail comes in " \
	    "for: with direction = inbound other recipients get 550 5.7.1.") \
	X(SMTP, MAX_MESSAGE_SIZE, "max_message_size", SIZE, "bytes", "50M", \
	    UNIT_K, 1024 * UNIT_G, "", "A larger mail is refused with 552.") \
	X(SMTP, MAX_RECIPIENTS, "max_recipients", INT, "recipients", "1000", \
	    1, 100000, "", "Of one mail; the next RCPT gets 452.") \
	X(SMTP, MAX_RECEIVED, "max_received", INT, "fields", "50", 1, 1000, \
	    "", "More Received: fields than this are a loop: 554 5.4.6.") \
	X(SMTP, MAX_MESSAGES_PER_MINUTE, "max_messages_per_minute", INT, \
	    "messages", "0", 0, 1000000, "", "Mails that one client address " \
	    "may begin in a minute; 0: any.  The next MAIL gets 450.") \
	X(SMTP, MAX_ERRORS, "max_errors", INT, "errors", "20", 1, 10000, "", \
	    "Errors of a client in one session before 421 ends it.") \
	X(SMTP, AUTH_WITHOUT_TLS, "auth_without_tls", BOOL, "", "no", 0, 1, \
	    "", "yes: a client may say AUTH in the clear.  What it says is " \
	    "carried through to the next hop, which has to offer it.") \
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
	X(SMTP, ADDRESS_TAG, "address_tag", STRING, "", "none", 0, 0, "", \
	    "What an MTA puts behind an address to send the mail here " \
	    "(.scan-me); taken off sender and recipients.") \
	X(SMTP, ADD_HEADERS, "add_headers", BOOL, "", "yes", 0, 1, "", \
	    "Adds X-Sallyport: with verdict, engine, id, direction on top.") \
	X(SMTP, REJECT_TEXT, "reject_text", STRING, "", \
	    "554 5.7.1 Refused: {reason} ({id})", 0, 0, "", \
	    "The reply to a refused mail.") \
	X(SMTP, TEMPFAIL_TEXT, "tempfail_text", STRING, "", \
	    "451 4.7.1 Scanner not available, try again ({id})", 0, 0, "", \
	    "The reply when the policy says tempfail.")

#define OPTIONS_MILTER(X) \
	X(MILTER, MTA_TIMEOUT, "mta_timeout", TIME, "time", "121m", 100, \
	    UNIT_D, "", "How long an MTA may be silent on a connection; it " \
	    "holds one for as long as its own client is there.") \
	X(MILTER, MTA_PROGRESS, "mta_progress", TIME, "time", "5s", 100, UNIT_H, "", \
	    "How often an MTA hears that its mail is still scanned; less than " \
	    "its own time limit for a filter's answer.")

#define OPTIONS_TLS(X) \
	X(TLS, CERT_FILE, "cert_file", PATH, "", UNSET, 0, 0, "", \
	    "PEM: our certificate, and those between it and its root.") \
	X(TLS, KEY_FILE, "key_file", PATH, "", UNSET, 0, 0, "", \
	    "PEM: its key, without a password; when not given it stands in " \
	    "cert_file.  Only the parent process reads it.") \
	X(TLS, MIN_VERSION, "min_version", WORD, "", "1.2", 0, 0, "1.2 1.3", \
	    "The oldest TLS that is spoken, to both sides.") \
	X(TLS, CA_BUNDLE, "ca_bundle", PATH, "", \
	    "/etc/ssl/certs/ca-certificates.crt", 0, 0, "", \
	    "PEM: whom we trust where a certificate is verified.") \
	X(TLS, HANDSHAKE_TIMEOUT, "handshake_timeout", TIME, "time", "30s", \
	    100, UNIT_H, "", "How long a client's TLS handshake may take.")

#define OPTIONS_ROUTE(X) \
	X(ROUTE, DOMAIN, "domain", LIST, "", UNSET, 0, 0, "", \
	    "Domains and patterns such as *.example.org; not given: the " \
	    "section's name.") \
	X(ROUTE, LISTENER, "listener", LIST, "", UNSET, 0, 0, "", \
	    "Names of listeners it holds for; not given: all.")

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
	    "shared by all workers; 0: none are kept, and no scan worker " \
	    "remembers the members it found clean.") \
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
	    "The scanner could not look, or not in time.") \
	X(POLICY, BLOCKED_URLS, "blocked_urls", LIST, "", "none", 0, 0, "", \
	    "Patterns for addresses on the web: all of one " \
	    "(http://*.example.net/*), what follows its scheme " \
	    "(example.net/files/*), or its host alone (*.example.net).") \
	X(POLICY, BLOCKED_NAMES, "blocked_names", LIST, "", "none", 0, 0, "", \
	    "Patterns for names of files on the web and by FTP, such as " \
	    "*.scr; of a file in an archive or in a mail the name does not " \
	    "count.") \
	X(POLICY, BLOCKED_TYPES, "blocked_types", LIST, "", "none", 0, 0, "", \
	    "What contents may not be: words for what their bytes are (exe " \
	    "dll msi elf zip ...), or patterns for what they are declared to " \
	    "be (application/x-*).  What is in an archive or in a mail does " \
	    "not count.") \
	X(POLICY, ON_BLOCKED, "on_blocked", WORD, "", "block", 0, 0, \
	    ACTION_WORDS, "What is done about those three.")

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
	X(RULE, USER, "user", LIST, "", UNSET, 0, 0, "", \
	    "Patterns for who has logged in.") \
	X(RULE, HOST, "host", LIST, "", UNSET, 0, 0, "", \
	    "Patterns for the host of an address on the web, such as " \
	    "*.example.net.") \
	X(RULE, URL, "url", LIST, "", UNSET, 0, 0, "", \
	    "Patterns for addresses, as in blocked_urls.") \
	X(RULE, METHOD, "method", LIST, "", UNSET, 0, 0, "", \
	    "Methods of HTTP, such as POST or CONNECT.") \
	X(RULE, NAME, "name", LIST, "", UNSET, 0, 0, "", \
	    "Patterns for names of files, as in blocked_names.") \
	X(RULE, TYPE, "type", LIST, "", UNSET, 0, 0, "", \
	    "What a content is or is declared to be, as in blocked_types.") \
	X(RULE, FINDING, "finding", LIST, "", UNSET, 0, 0, FINDING_WORDS, \
	    "Kinds of finding; not given: clean contents too.") \
	X(RULE, SIGNATURE, "signature", LIST, "", UNSET, 0, 0, "", \
	    "Patterns for what was found, such as Heuristics.*.") \
	X(RULE, WHERE, "where", LIST, "", UNSET, 0, 0, "", \
	    "Patterns for where it was found, such as *.zip/*.") \
	X(RULE, ACTION, "action", WORD, "", REQUIRED, 0, 0, \
	    ACTION_WORDS " tunnel inspect", \
	    "What is done.  tunnel and inspect speak of CONNECT alone, not of " \
	    "contents: its bytes are passed on as they are; or its TLS is " \
	    "looked into where [tls-inspection] bypass says otherwise.")

#define OPTIONS_QUARANTINE(X) \
	X(QUARANTINE, PATH, "path", PATH, "", UNSET, 0, 0, "", \
	    "The folder, for the user of [gateway] alone; when not given " \
	    "quarantine below state_dir.") \
	X(QUARANTINE, MAX_SIZE, "max_size", SIZE, "bytes", "10G", UNIT_K, \
	    1024 * UNIT_G, "", "All copies together; beyond it no more are " \
	    "kept, and what should have been is refused all the same.") \
	X(QUARANTINE, MAX_AGE, "max_age", TIME, "time", "30d", 0, \
	    36500 * UNIT_D, "", "Older copies are deleted; 0: none is.")

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
