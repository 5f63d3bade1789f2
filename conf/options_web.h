#ifndef CONF_OPTIONS_WEB_H
#define CONF_OPTIONS_WEB_H

/*
 * options_web: the rows of options.h that are about the web.  They stand in
 * files of their own for their length alone.
 */

/* clang-format off */
#define OPTIONS_HTTP(X) \
	X(HTTP, MODE, "mode", WORD, "", "forward", 0, 0, \
	    "forward redirect tproxy reverse", "forward: clients know that it " \
	    "is a proxy; redirect, tproxy: the packet filter turns their " \
	    "connections here, and they go on to where they went; reverse: " \
	    "all go to origin.") \
	X(HTTP, ORIGIN, "origin", STRING, "", "none", 0, 0, "", \
	    "host:port of the server for mode = reverse.") \
	X(HTTP, PARENT_PROXY, "parent_proxy", STRING, "", "none", 0, 0, "", \
	    "Another proxy through which all of the web is reached: " \
	    "http://[user@]host:port.  Names are looked up there, so " \
	    "deny_destinations holds for numbers only.") \
	X(HTTP, PARENT_PROXY_PASSWORD_FILE, "parent_proxy_password_file", \
	    PATH, "", UNSET, 0, 0, "", "The password for it is the first " \
	    "line of this file.  Only the parent process reads it.") \
	X(HTTP, AUTH, "auth", WORD, "", "none", 0, 0, "none basic", \
	    "basic: clients of mode forward say a user and a password.") \
	X(HTTP, AUTH_FILE, "auth_file", PATH, "", UNSET, 0, 0, "", \
	    "Lines of user:hash, as htpasswd -B writes them (bcrypt; also " \
	    "scrypt and yescrypt of crypt(5)).  Only the parent process " \
	    "reads it.") \
	X(HTTP, BLOCK_PAGE, "block_page", PATH, "", UNSET, 0, 0, "", \
	    "A page of one's own with {{tags}} for all refusals; when not " \
	    "given the built-in one.") \
	X(HTTP, CONTACT, "contact", STRING, "", "none", 0, 0, "", \
	    "Whom a page names for questions.") \
	X(HTTP, ONBOARDING_HOST, "onboarding_host", STRING, "", \
	    "sallyport.internal", 0, 0, "", "The host under which the " \
	    "gateway itself answers, with proxy.pac and wpad.dat.") \
	X(HTTP, CONNECT_PORTS, "connect_ports", LIST, "", "443, 8443", 0, 0, \
	    "", "Ports that CONNECT may reach.") \
	X(HTTP, DENY_DESTINATIONS, "deny_destinations", NETWORKS, "", \
	    "127.0.0.0/8, ::1, 0.0.0.0/8, 169.254.0.0/16, fe80::/10, " \
	    "100.100.100.200, 168.63.129.16, fd00:ec2::254, fd20:ce::254, " \
	    "fd00:c1::a9fe:a9fe", 0, 0, "", \
	    "What no client reaches through the gateway, asked of each " \
	    "address before it is connected to.  Its own listeners are " \
	    "always among them.") \
	X(HTTP, REQUEST_TIMEOUT, "request_timeout", TIME, "time", "30s", 100, \
	    UNIT_H, "", "For the whole header of a request; and how long a " \
	    "client may be silent inside a body.") \
	X(HTTP, CONNECT_TIMEOUT, "connect_timeout", TIME, "time", "10s", 100, \
	    UNIT_H, "", "For the connection to a server, its name included.") \
	X(HTTP, IDLE_TIMEOUT, "idle_timeout", TIME, "time", "2m", 100, UNIT_D, \
	    "", "How long a connection may rest between two requests, a " \
	    "server may take for its answer, and a tunnel may be silent.") \
	X(HTTP, PIPELINE, "pipeline", INT, "requests", "4", 0, 16, "", \
	    "So many GET and HEAD requests that a client has sent behind one " \
	    "another are under way to their origin on one connection; 0 or 1: " \
	    "one is.") \
	X(HTTP, MAX_HEADER, "max_header", SIZE, "bytes", "64k", UNIT_K, \
	    64 * UNIT_K, "", "The header of a request or a response.") \
	X(HTTP, MAX_REQUEST_BODY, "max_request_body", SIZE, "bytes", "1G", 0, \
	    1024 * UNIT_G, "", "A larger body of a request gets 413.") \
	X(HTTP, MAX_RESPONSE_BODY, "max_response_body", SIZE, "bytes", "4G", \
	    0, 1024 * UNIT_G, "", "A larger body of a response is refused; " \
	    "above max_scan_size it is finding limit.") \
	X(HTTP, DELIVERY, "delivery", WORD, "", "trickle", 0, 0, \
	    "hold trickle hold-tail", "While a body is fetched and scanned " \
	    "the client gets nothing; or, where it is larger than hold, after " \
	    "trickle_after a few bytes a second; or all of a beginning that a " \
	    "scan has passed but its last tail bytes, which is the fastest " \
	    "and what a padded file can use: see docs/web.md.") \
	X(HTTP, HOLD, "hold", SIZE, "bytes", "4M", 0, 1024 * UNIT_G, "", \
	    "Whatever the delivery, of a body up to this size no byte leaves " \
	    "before its verdict.") \
	X(HTTP, TAIL, "tail", SIZE, "bytes", "256k", UNIT_K, UNIT_G, "", \
	    "See delivery.") \
	X(HTTP, TRICKLE_AFTER, "trickle_after", TIME, "time", "5s", 100, \
	    UNIT_H, "", "See delivery.") \
	X(HTTP, TRICKLE_RATE, "trickle_rate", SIZE, "bytes a second", "1k", 1, \
	    64 * UNIT_K, "", "See delivery.") \
	X(HTTP, SCAN_DEADLINE, "scan_deadline", TIME, "time", "5m", 100, \
	    UNIT_H, "", "From the end of a body to its verdict, waiting " \
	    "included.") \
	X(HTTP, RANGE_REQUESTS, "range_requests", WORD, "", "full", 0, 0, \
	    "full deny pass", "A client that asks for a part: all is " \
	    "fetched, scanned and cut; all is delivered; the part alone is " \
	    "fetched and scanned.") \
	X(HTTP, RANGE_KEEP, "range_keep", TIME, "time", "5m", 0, UNIT_D, "", \
	    "With range_requests full: what was fetched for a part serves, so " \
	    "long and no longer than its server allows, other parts of it to " \
	    "those who may have it, and those who wait meanwhile; 0: each is " \
	    "fetched anew.  Each net worker keeps its own.") \
	X(HTTP, RANGE_KEEP_SIZE, "range_keep_size", SIZE, "bytes", "1G", 0, \
	    1024 * UNIT_G, "", "All that a net worker keeps so, in the spool; " \
	    "the oldest goes first.") \
	X(HTTP, WEBSOCKET, "websocket", WORD, "", "pass", 0, 0, "pass block", \
	    "What is said over a WebSocket is not inspected.") \
	X(HTTP, EVENT_STREAM, "event_stream", WORD, "", "pass", 0, 0, \
	    "pass block", "An endless answer of text/event-stream, which the " \
	    "client has asked for by that name: flows, scanned in windows; " \
	    "or is refused.") \
	X(HTTP, MEDIA_STREAM, "media_stream", WORD, "", "hold", 0, 0, \
	    "hold pass", "An answer of audio/* or video/* without a length: " \
	    "held like any other body, so that endless radio never comes; or " \
	    "it flows, scanned in windows.") \
	X(HTTP, INFECTED_URL_BLOCK, "infected_url_block", TIME, "time", "4h", \
	    0, 365 * UNIT_D, "", "A URL under which a virus was found is " \
	    "refused for so long without being fetched; 0: never.  Each net " \
	    "worker has its own memory of them.") \
	X(HTTP, BLOCK_QUIC, "block_quic", BOOL, "", "yes", 0, 1, "", \
	    "Takes Alt-Svc off answers, so that browsers do not go past the " \
	    "gateway.")

#define OPTIONS_TLS_INSPECTION(X) \
	X(TLS_INSPECTION, ENABLED, "enabled", BOOL, "", "no", 0, 1, "", \
	    "Whether there is a signer, a process that has the CA's key and " \
	    "makes certificates with it.") \
	X(TLS_INSPECTION, CA_CERT_FILE, "ca_cert_file", PATH, "", \
	    SYSCONFDIR "/ca/ca.pem", 0, 0, "", \
	    "PEM: the CA that clients trust, and those between it and its " \
	    "root.  sallyport ca create makes one.") \
	X(TLS_INSPECTION, CA_KEY_FILE, "ca_key_file", PATH, "", \
	    SYSCONFDIR "/ca/ca.key", 0, 0, "", \
	    "PEM: its key, without a password.  Only the signer reads it; a " \
	    "file that [gateway] user could read is an error.") \
	X(TLS_INSPECTION, LEAF_LIFETIME, "leaf_lifetime", TIME, "time", "7d", \
	    UNIT_H, 397 * UNIT_D, "", \
	    "How long a certificate for a server is good.  Another one is " \
	    "made when half of it is over.") \
	X(TLS_INSPECTION, LEAF_CACHE, "leaf_cache", INT, "certificates", \
	    "4096", 16, 1000000, "", \
	    "So many certificates the signer keeps, and so many all net " \
	    "workers together; the longest unused one goes first.") \
	X(TLS_INSPECTION, BYPASS, "bypass", LIST, "", "none", 0, 0, "", \
	    "Patterns for hosts whose TLS is passed on and not looked into, " \
	    "such as *.example.org.") \
	X(TLS_INSPECTION, AUTO_BYPASS, "auto_bypass", TIME, "time", "0", 0, \
	    UNIT_D, "", "A client that would have nothing of our certificate " \
	    "is let through uninspected to that host for so long; 0: never.") \
	X(TLS_INSPECTION, HTTP2, "http2", BOOL, "", "yes", 0, 1, "", \
	    "Whether HTTP/2 is spoken, too, with clients and with servers; " \
	    "each side for itself.")
/* clang-format on */

#endif
