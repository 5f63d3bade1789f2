#ifndef HTTP_FLOW_H
#define HTTP_FLOW_H

struct http_req;

/*
 * http_flow: what of a large answer leaves before its verdict: bytes of a
 * beginning of it that a scan has passed, and nothing else.
 */
struct http_flow;

/* The answer's content is open, and nothing of it has come.  NULL: it is held
 * whole, whatever its size. */
struct http_flow *http_flow_open(struct http_req *q);
void http_flow_free(struct http_flow **fp);

/* More of it has come. */
void http_flow_came(struct http_flow *f);

/* The client has taken all it was given. */
void http_flow_drained(struct http_flow *f);

/* The client has waited for a while (trickle). */
void http_flow_tick(struct http_flow *f);

/* The verdict is there: from now on its owner sends. */
void http_flow_stop(struct http_flow *f);

#endif
