/*
 * http_parent: another proxy between us and the web, where it has to make us a
 * tunnel (RFC 9110 9.3.6).  What it says about itself is no client's business.
 */
#include <string.h>

#include "protocols/http/http_origin_own.h"
#include "proxy/io.h"

void
http_parent_ask(struct http_origin *o)
{
	const char *line = o->conf->parent->authorization;
	char target[HTTP_KEY_MAX];

	(void)snprintf(target, sizeof(target),
	    strchr(o->host, ':') != NULL ? "[%s]:%u" : "%s:%u", o->host,
	    o->port);
	o->is = ORIGIN_PARENT;
	http_response_head_init(&o->head, HTTP_CONNECT);
	io_resume(o->io);
	io_printf(o->io, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", target,
	    target, line == NULL ? "" : line);
	io_deadline(o->io, o->conf->connect_timeout, "connect_timeout");
}

bool
http_parent_refuses(struct http_origin *o)
{
	char why[64];

	(void)snprintf(
	    why, sizeof(why), "parent_proxy says %u", o->head.status);
	return http_origin_lost(o,
	    o->head.status == 504 ? HTTP_CAUSE_TIMEOUT : HTTP_CAUSE_REFUSED,
	    why);
}

/* An answer that says only that another will come (RFC 9110 15.2). */
static bool
is_interim(struct http_origin *o)
{
	if (o->head.status >= 200)
		return false;
	io_eat(o->io, o->head.head.size);
	http_response_head_init(&o->head, HTTP_CONNECT);
	return true;
}

enum http_parent_is
http_parent_take(struct http_origin *o)
{
	enum http_head_is is;

	do
		is = http_response_head(
		    &o->head, io_input(o->io), o->conf->max_header);
	while (is == HTTP_HEAD_DONE && is_interim(o));
	if (is == HTTP_HEAD_MORE)
		return PARENT_MORE;
	if (is == HTTP_HEAD_BAD) {
		(void)http_origin_lost(
		    o, HTTP_CAUSE_REFUSED, "parent_proxy speaks no HTTP");
		return PARENT_NO;
	}
	io_eat(o->io, o->head.head.size);
	if (o->head.status < 300)
		return PARENT_YES;
	(void)http_parent_refuses(o);
	return PARENT_NO;
}
