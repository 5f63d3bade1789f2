#ifndef SMTP_NEXT_H
#define SMTP_NEXT_H

#include <stddef.h>
#include <stdint.h>

#include "proxy/base/err.h"

/* clang-format off */
/*	kind		word		what it is */
#define SMTP_NEXT_KINDS(X) \
	X(SMTP,		"smtp",		"smtp:host:port, or host:port") \
	X(LMTP,		"lmtp",		"lmtp:host:port or lmtp:unix:/path") \
	X(PIPE,		"pipe",		"pipe:/path words: a program") \
	X(MAILDIR,	"maildir",	"maildir:/path")

enum smtp_next_kind {
#define X(kind, word, text) NEXT_##kind,
	SMTP_NEXT_KINDS(X)
#undef X
};
/* clang-format on */

#define SMTP_NEXT_MAX 512

/* One next hop of the configuration, taken apart. */
struct smtp_next {
	enum smtp_next_kind kind;
	uint16_t port;
	/* as dial_start() takes it: a name or address without brackets,
	 * "unix:/path", "pipe:/path words"; or maildir's path */
	char host[SMTP_NEXT_MAX];
	char text[SMTP_NEXT_MAX + 16]; /* whole: "smtp:127.0.0.1:5000" */
};

/* Reads one.  0, or -1 with words. */
int smtp_next(const char *text, struct smtp_next *n_r, struct err *e);

/*
 * Reads the first one of a list, whose entries a blank has parted: the words of
 * a pipe: are those behind it that begin with - or /.  Returns how many entries
 * it is; 0 with words.
 */
size_t smtp_next_take(
    const char *const *list, size_t n, struct smtp_next *n_r, struct err *e);

#endif
