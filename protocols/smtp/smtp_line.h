#ifndef SMTP_LINE_H
#define SMTP_LINE_H

#include "proxy/base/slice.h"

/*
 * The longest command line, CRLF not counted.  RFC 5321 4.5.3.1.4 asks for
 * 512 and more for every extension's parameters; 2048 is what Postfix takes.
 */
#define SMTP_LINE_MAX 2048

struct smtp_line {
	struct slice verb; /* letters and digits, at least one */
	struct slice arg;  /* the blanks around it are off; may be empty */
};

/*
 * Takes apart one line, its CRLF already off.  0, or -1: not a command (no
 * verb at the start, a control byte anywhere).  Slices point into line.
 */
int smtp_line(struct slice line, struct smtp_line *l_r);

/*
 * The word in front of arg's first ':' ("FROM", "TO"), which must be word, any
 * case; *rest_r is what follows, blanks skipped.  0 or -1.
 */
int smtp_line_after(struct slice arg, const char *word, struct slice *rest_r);

/* Is text something a client may call itself (HELO)?  Printable ASCII without
 * blanks, 1 to 255 of them: whether it is true is not ours to say. */
bool smtp_line_helo(struct slice arg);

#endif
