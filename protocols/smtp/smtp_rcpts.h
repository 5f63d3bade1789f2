#ifndef SMTP_RCPTS_H
#define SMTP_RCPTS_H

#include "protocols/smtp/smtp.h"

/*
 * smtp_rcpts: the RCPTs of a mail that wait for their answers, in the order
 * they came, and what we answer between them.  Whatever else a client is told
 * meanwhile stands in this line, too: replies never overtake each other.
 */
enum smtp_rcpt_is {
	RCPT_OURS,  /* no recipient: text is an answer of ours */
	RCPT_WAITS, /* the next hop has not been asked */
	RCPT_SENT,
	RCPT_APART /* it cannot be in one transaction with those before it */
};

struct smtp_rcpt {
	struct smtp_rcpt *next;
	enum smtp_rcpt_is is;
	unsigned route;
	const char *param; /* behind text: " NOTIFY=..." or "" */
	char text[];       /* an answer of ours, or the address */
};

/* One more that waits for the next hop of route. */
void smtp_rcpts_add(struct smtp_mail *m, struct slice address,
    const char *param, unsigned route);

/* Answers the first one, then our own answers behind it; all of them; those at
 * the front that wait for the mail's route.  The mail stays. */
void smtp_rcpts_first(struct smtp_mail *m, const char *line);
void smtp_rcpts_all(struct smtp_mail *m, const char *line);
void smtp_rcpts_of_route(struct smtp_mail *m, const char *line);

/* Our own answers at the front can go out now. */
void smtp_rcpts_say_ours(struct smtp_mail *m);

/* What was sent has to be sent again, elsewhere. */
void smtp_rcpts_unsend(struct smtp_mail *m);

#endif
