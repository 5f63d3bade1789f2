#ifndef HTTP_ORIGIN_OWN_H
#define HTTP_ORIGIN_OWN_H

#include "protocols/http/http_origin.h"

/*
 * http_origin_own: what the files that make an answer out of a connection
 * share: http_origin.c, http_parent.c, http_ftp.c.
 */

/* Tells its owner.  False: o has gone. */
bool http_origin_tell(struct http_origin *o, enum http_origin_event what);

/* Nothing more will come.  False, for callers; o may be gone. */
bool http_origin_lost(
    struct http_origin *o, enum http_cause cause, const char *why);

/* It is not late before conf->idle_timeout from now. */
void http_origin_wait(struct http_origin *o);

/* ---- http_origin_read.c ---- */

/* Takes what has come of the answer.  False: nothing more can be done now, or
 * o may be gone. */
bool http_origin_take(struct http_origin *o);

/* The answer has come to its end.  False: o has gone. */
bool http_origin_whole(struct http_origin *o);

/* ---- http_parent.c ---- */

/* Asks the parent, whose connection it is, for a tunnel. */
void http_parent_ask(struct http_origin *o);

enum http_parent_is {
	PARENT_MORE, /* its answer is not whole */
	PARENT_YES,  /* what follows is the server's */
	PARENT_NO    /* o is lost, and may be gone */
};

enum http_parent_is http_parent_take(struct http_origin *o);

/* By the status in o->head.  False. */
bool http_parent_refuses(struct http_origin *o);

/* ---- http_ftp.c ---- */

struct http_ftp;
void http_ftp_free(struct http_ftp **fp);
void http_ftp_pause(struct http_ftp *f, bool pause);

#endif
