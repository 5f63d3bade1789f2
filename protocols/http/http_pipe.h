#ifndef HTTP_PIPE_H
#define HTTP_PIPE_H

#include <stdbool.h>

struct http_pipe;
struct http_req;
struct session;

/*
 * http_pipe: requests that a client has sent behind one another go to their
 * origin behind one another, too (RFC 9112 9.3.2): `pipeline` of them at most,
 * GET and HEAD alone, to one origin, on a connection that has answered before.
 * Each has passed what it would have to pass in its turn, and has its turn all
 * the same: its answer is read, judged and delivered when those before it are.
 *
 * Such a connection lives as long as the row of requests does: no other client
 * gets it, and no request of another kind or user.
 */

/*
 * In FETCH: takes one request more from the client's input.  It is sent behind
 * the one that is under way, or waits for its turn if something speaks against
 * it.  False: there is none that could be.
 */
bool http_pipe_take(struct session *s);

/* The turn of the one that was taken first begins; NULL: there is none. */
struct http_req *http_pipe_next(struct session *s);

/*
 * Has the session a connection for q?  The one on which q was sent; or, if q
 * may be sent on one that was used before (again), the one of the row that q
 * goes on with.
 */
bool http_pipe_has(const struct http_req *q, bool again);

/* It becomes that of q->o, which was opened fresh. */
void http_pipe_lend(struct http_req *q);

/* The answer is whole: the connection of q->o stays with the session for a
 * while, if it goes on, and a next request is there. */
void http_pipe_keep(struct http_req *q);

/* What is kept, and was not asked anything, is closed. */
void http_pipe_rest(struct session *s);

/* q ends.  An answer to it that nobody has read is nobody's. */
void http_pipe_left(struct http_req *q);

/* The session ends, and for that reason those that had no turn. */
void http_pipe_free(struct http_pipe **pp, const char *reason);

#endif
