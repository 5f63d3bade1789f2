#ifndef SMTP_PARAM_H
#define SMTP_PARAM_H

#include <stdint.h>

#include "proxy/base/slice.h"

#define SMTP_ENVID_MAX 100 /* RFC 3461 4.4 */
#define SMTP_ORCPT_MAX 500 /* RFC 3461 4.2 */
#define SMTP_AUTH_MAX 500  /* RFC 4954 5 */

enum smtp_body { BODY_UNSAID, BODY_7BIT, BODY_8BITMIME, BODY_BINARYMIME };
enum smtp_ret { RET_UNSAID, RET_FULL, RET_HDRS };

/* What stands behind a MAIL path.  Texts are kept as they came, once they were
 * looked at: they go on so; "" where there was none. */
struct smtp_param {
	bool has_size;
	uint64_t size;
	enum smtp_body body;
	bool utf8; /* SMTPUTF8 */
	enum smtp_ret ret;
	char envid[SMTP_ENVID_MAX + 1];
	char auth[SMTP_AUTH_MAX + 1]; /* of AUTH=: xtext, or "<>" */
};

#define NOTIFY_NEVER 1u
#define NOTIFY_SUCCESS 2u
#define NOTIFY_FAILURE 4u
#define NOTIFY_DELAY 8u

struct smtp_rcpt_param {
	unsigned notify; /* 0: not given */
	char orcpt[SMTP_ORCPT_MAX + 1];
};

enum smtp_param_is {
	PARAM_OK,
	PARAM_BAD,    /* known, but not so, or twice: 501 5.5.4 */
	PARAM_UNKNOWN /* 555 5.5.4 (RFC 5321 4.1.1.11) */
};

/* What was offered in EHLO; a parameter of what was not is unknown.  BODY and
 * SMTPUTF8 are always known: a hop without them refuses the mail itself. */
struct smtp_param_offer {
	bool dsn, auth;
};

/* The parameters behind a MAIL path: "SIZE=1000 BODY=8BITMIME"; "" is fine. */
enum smtp_param_is smtp_param_mail(
    struct slice text, struct smtp_param_offer offer, struct smtp_param *p_r);

/* The same behind a RCPT path; utf8: the mail has SMTPUTF8. */
enum smtp_param_is smtp_param_rcpt(struct slice text,
    struct smtp_param_offer offer, bool utf8, struct smtp_rcpt_param *p_r);

/* As they are said to a next hop, a blank before each, in to[size]. */
#define SMTP_RCPT_PARAM_TEXT (SMTP_ORCPT_MAX + 64)
const char *smtp_rcpt_param_text(
    const struct smtp_rcpt_param *p, char to[SMTP_RCPT_PARAM_TEXT]);

#endif
