#ifndef CONF_OPTIONS_FTP_H
#define CONF_OPTIONS_FTP_H

/*
 * options_ftp: the rows of options.h that are about files.  They stand in files
 * of their own for their length alone.
 */

/* clang-format off */
#define OPTIONS_FTP(X) \
	X(FTP, MODE, "mode", WORD, "", "forward", 0, 0, \
	    "forward reverse redirect", "forward: the client names the server " \
	    "(USER user@host[:port], or OPEN host before it); reverse: it is " \
	    "always default_server; redirect: it is where the client was " \
	    "going when the packet filter turned it to us.") \
	X(FTP, DEFAULT_SERVER, "default_server", STRING, "", "none", 0, 0, "", \
	    "host or host:port: where clients that name no server go.") \
	X(FTP, PASSIVE_PORTS, "passive_ports", LIST, "", "50000-50999", 0, 0, \
	    "", "Ports that clients find us listening on for data: one, or " \
	    "a range.") \
	X(FTP, PASSIVE_ADDRESS, "passive_address", STRING, "", "auto", 0, 0, \
	    "", "The IPv4 address in the reply to PASV, where clients see " \
	    "another one than we do; auto: where they connected to.") \
	X(FTP, SERVER_MODE, "server_mode", WORD, "", "passive", 0, 0, \
	    "passive active same", "Who opens data connections towards the " \
	    "server: we, the server, or whoever does towards the client.") \
	X(FTP, SERVER_TLS, "server_tls", WORD, "", "opportunistic", 0, 0, \
	    "off opportunistic require verify", "Towards the server: never; " \
	    "where it can, else in the clear; always, for files too; and with " \
	    "a certificate that is good for its name.  See docs/ftp.md.") \
	X(FTP, CONNECT_TIMEOUT, "connect_timeout", TIME, "time", "30s", 100, \
	    UNIT_H, "", "For a connection to the server and its greeting.") \
	X(FTP, COMMAND_TIMEOUT, "command_timeout", TIME, "time", "5m", 100, \
	    UNIT_D, "", "How long a client may be silent between commands, " \
	    "and the server over a reply.") \
	X(FTP, DATA_TIMEOUT, "data_timeout", TIME, "time", "5m", 100, UNIT_D, \
	    "", "How long a data connection may not come, or not move.") \
	X(FTP, MAX_FILE_SIZE, "max_file_size", SIZE, "bytes", "4G", UNIT_K, \
	    1024 * UNIT_G, "", "A larger file is refused with 552.") \
	X(FTP, RESUME, "resume", WORD, "", "full", 0, 0, "full deny", \
	    "A transfer that begins inside a file (REST, APPE): the whole " \
	    "file is judged, and the piece passed on; or it is refused.") \
	X(FTP, DENY_DESTINATIONS, "deny_destinations", NETWORKS, "", \
	    "127.0.0.0/8, ::1, 169.254.0.0/16, fe80::/10", 0, 0, "", \
	    "Where no client is taken, by the address that is connected to.") \
	X(FTP, SERVER_PORTS, "server_ports", LIST, "", "21, 990, 1024-65535", \
	    0, 0, "", "Ports of servers that clients may name.") \
	X(FTP, SCAN_DEADLINE, "scan_deadline", TIME, "time", "5m", 100, \
	    UNIT_H, "", "From the end of a file to its verdict, waiting " \
	    "included.") \
	X(FTP, UPLOAD_REPLY_WITHIN, "upload_reply_within", TIME, "time", \
	    "50s", 0, UNIT_D, "", "An upload's reply follows its last byte " \
	    "by then: the server's own, or 451 and nothing on the server; " \
	    "0: whenever it comes.") \
	X(FTP, DELIVERY, "delivery", WORD, "", "hold", 0, 0, "hold hold-tail", \
	    "Nothing of a download before its verdict; or, of one larger than " \
	    "hold, a scanned beginning but its last tail bytes.") \
	X(FTP, HOLD, "hold", SIZE, "bytes", "4M", 0, 1024 * UNIT_G, "", \
	    "Whatever the delivery, of a file up to this size no byte leaves " \
	    "before its verdict.") \
	X(FTP, TAIL, "tail", SIZE, "bytes", "256k", UNIT_K, UNIT_G, "", \
	    "See delivery.") \
	X(FTP, PROGRESS, "progress", TIME, "time", "10s", 0, UNIT_H, "", \
	    "A 150- line this often while a file is fetched and scanned; 0: " \
	    "never.") \
	X(FTP, COMMANDS, "commands", LIST, "", \
	    "USER PASS ACCT CWD CDUP QUIT REIN PORT PASV EPRT EPSV TYPE MODE " \
	    "STRU RETR STOR STOU APPE REST RNFR RNTO ABOR DELE RMD MKD PWD " \
	    "LIST NLST MLSD MLST SIZE MDTM FEAT SYST STAT HELP NOOP OPTS " \
	    "AUTH PBSZ PROT SITE HASH OPEN XPWD XCWD XCUP XMKD XRMD MFMT " \
	    "CLNT", 0, 0, "", \
	    "Commands there are; all others are answered with 502.")
/* clang-format on */

#endif
