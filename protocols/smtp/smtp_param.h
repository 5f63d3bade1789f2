#ifndef SMTP_PARAM_H
#define SMTP_PARAM_H

#include <stdint.h>

#include "proxy/base/slice.h"

enum smtp_body { BODY_UNSAID, BODY_7BIT, BODY_8BITMIME };

struct smtp_param {
	bool has_size;
	uint64_t size;
	enum smtp_body body;
};

enum smtp_param_is {
	PARAM_OK,
	PARAM_BAD,    /* known, but not so, or twice: 501 5.5.4 */
	PARAM_UNKNOWN /* 555 5.5.4 (RFC 5321 4.1.1.11) */
};

/* The parameters behind a MAIL path: "SIZE=1000 BODY=8BITMIME"; "" is fine. */
enum smtp_param_is smtp_param_mail(struct slice text, struct smtp_param *p_r);

/* The same behind a RCPT path, where none is known yet. */
enum smtp_param_is smtp_param_rcpt(struct slice text);

#endif
