#ifndef FTP_LINE_H
#define FTP_LINE_H

#include <stdbool.h>

#include "proxy/base/slice.h"

#define FTP_LINE_MAX 4096 /* octets of a command, CRLF not counted */
#define FTP_VERB_MAX 4

struct ftp_line {
	char verb[FTP_VERB_MAX + 1]; /* in capitals */
	struct slice arg;            /* behind one blank; as it came */
};

/*
 * Takes one command line apart, its end not included.  Telnet's commands (RFC
 * 854) go; what is left must be a verb of letters and an argument without
 * control bytes.  line's bytes are moved in room[FTP_LINE_MAX], where arg
 * lies.  0, or -1: not a command.
 */
int ftp_line(struct slice line, char *room, struct ftp_line *l_r);

/* Is there a whole line in input that says ABOR? */
bool ftp_line_has_abort(struct slice input);

#endif
