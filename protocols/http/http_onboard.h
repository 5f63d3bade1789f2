#ifndef HTTP_ONBOARD_H
#define HTTP_ONBOARD_H

#include <stdbool.h>

#include "proxy/base/buf.h"

/*
 * http_onboard: the page that says how a computer comes to use this gateway,
 * and to trust its CA.  Pure.
 */

struct http_onboard {
	const char *gateway, *contact; /* contact "": nobody is named */
	const char *host;              /* onboarding_host */
	const char *proxy; /* "address:port", where they reached us */
	const char *print; /* the CA's, SHA-256; NULL: there is no CA */
	bool secured;      /* proxy speaks TLS to its clients */
};

/* The page.  0, or -1 EFBIG. */
int http_onboard_put(struct buf *to, const struct http_onboard *o);

#endif
