#ifndef SMTP_NEXT_H
#define SMTP_NEXT_H

#include <stdint.h>

#include "proxy/base/err.h"

enum smtp_next_kind { NEXT_SMTP, NEXT_MAILDIR };

#define SMTP_NEXT_MAX 512

/* One word of next_hop, taken apart. */
struct smtp_next {
	enum smtp_next_kind kind;
	uint16_t port;
	char host[SMTP_NEXT_MAX]; /* without brackets; or maildir's path */
	char text[SMTP_NEXT_MAX +
	    16]; /* whole, for logs: "smtp:127.0.0.1:5000" */
};

/*
 * "smtp:host:port", "smtp:[v6]:port", "host:port" for short, "maildir:/path".
 * 0, or -1 with words.
 */
int smtp_next(const char *text, struct smtp_next *n_r, struct err *e);

#endif
