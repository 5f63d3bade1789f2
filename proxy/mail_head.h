#ifndef PROXY_MAIL_HEAD_H
#define PROXY_MAIL_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More X-Sallyport fields than this in one mail are no accident. */
#define MAIL_CUTS_MAX 32
#define MAIL_HEAD_NAME_MAX 15
#define MAIL_HEAD_VALUE_MAX 255

/* Bytes of the mail that are not delivered: a whole field with its CRLF. */
struct mail_cut {
	uint64_t from, to;
};

struct mail_head_value {
	size_t len;
	bool seen; /* only the first field of a name counts */
	char text[MAIL_HEAD_VALUE_MAX + 1];
};

/*
 * mail_head: reads a mail's header on the way, a piece at a time.  The header
 * ends at the first empty line, whatever stands before that: a reader that
 * goes on behind a line that is no field must not find our field forged there.
 */
struct mail_head {
	unsigned at;     /* mail_head.c: enum at */
	uint64_t offset; /* of the next byte */
	uint64_t line;   /* where this line began */
	size_t name_len;
	char name[MAIL_HEAD_NAME_MAX + 1]; /* its first bytes */
	bool first_done;
	bool cutting;                  /* in a field that is cut */
	struct mail_head_value *value; /* that this line goes to, or NULL */

	/* what was seen */
	bool over;     /* the header is over */
	bool no_field; /* the first line is neither a field nor empty */
	unsigned received;
	unsigned cuts; /* that were there; past MAIL_CUTS_MAX: refuse */
	struct mail_cut cut[MAIL_CUTS_MAX];
	struct mail_head_value subject, message_id; /* unfolded */
};

void mail_head_init(struct mail_head *h);

/* The mail's next bytes, as they will be kept. */
void mail_head(struct mail_head *h, const char *bytes, size_t len);

/* The mail is over. */
void mail_head_end(struct mail_head *h);

#endif
