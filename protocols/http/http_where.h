#ifndef HTTP_WHERE_H
#define HTTP_WHERE_H

#include "protocols/http/http_origin.h"
#include "protocols/http/http_target.h"

struct http_req;
struct place;

/*
 * http_where: whom a request is for, and where it is connected to: what the
 * URL says (forward), where the client was going (redirect, tproxy), or one
 * server for all (reverse).
 */
enum http_mode { MODE_FORWARD, MODE_REDIRECT, MODE_TPROXY, MODE_REVERSE };

struct http_where {
	enum http_mode mode;
	struct http_host origin;   /* of MODE_REVERSE */
	struct http_parent parent; /* host.is HTTP_HOST_NONE: there is none */
	struct deny fixed;         /* for those two, whom the operator named */
};

int http_where_read(
    struct http_where *w, const struct place *place, struct err *e);
void http_where_free(struct http_where *w);

/* Whom connections go to is not what clients ask for. */
bool http_where_is_fixed(const struct http_where *w);

/* Sets scheme, host and to of q by its head. */
void http_where_find(struct http_req *q);

/* Why it cannot go there, whatever it asks; NULL: it can.  *cause_r says what
 * the client sees. */
const char *http_where_refuses(
    const struct http_req *q, enum http_cause *cause_r);

#endif
