/*
 * http_pipe: what is sent ahead, and the connection it was sent on.  That
 * connection has a number, and so has each request that was sent ahead on it:
 * an answer is read only for the request whose number is that of the
 * connection.  A request that has lost its connection is sent once more, on a
 * new one and with nothing behind it.
 */
#include "protocols/http/http_pipe.h"

#include <stdlib.h>

#include "protocols/http/http.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

/* The answer on a connection waits so long for its turn; then the request is
 * sent once more, in its turn.  Longer than that servers do not wait. */
#define KEPT_MS 15000

#define HTTP_PIPE_MAGIC 0x47790017u
struct http_pipe {
	uint32_t magic;
	TAILQ_HEAD(http_ahead, http_req)
	ahead; /* taken, and not had their turn */
	unsigned n;
	unsigned last; /* number given to a connection */

	/* between two requests */
	struct io *io;
	unsigned is; /* its number */
	struct http_host host, to;
	enum http_scheme scheme;
	char *user; /* who has asked there; "": it was not asked */
};

static struct http_pipe *
pipe_of(const struct session *s)
{
	const struct http *p = s->state;

	if (p->pipe != NULL)
		IS(p->pipe, HTTP_PIPE_MAGIC);
	return p->pipe;
}

/* Is the connection that is kept the one q was sent on? */
static bool
is_on(const struct http_pipe *p, const struct http_req *q)
{
	return q != NULL && q->ahead_on != 0 && p->io != NULL &&
	    p->is == q->ahead_on;
}

/* ---- what may be sent ahead ---- */

/* Nothing that acts, has a body, asks for another protocol, for a part, or by
 * who it is that asks. */
static bool
is_plain(const struct http_request_head *r)
{
	static const uint64_t never = HTTP_FIELD_BIT(AUTHORIZATION) |
	    HTTP_FIELD_BIT(EXPECT) | HTTP_FIELD_BIT(IF_RANGE) |
	    HTTP_FIELD_BIT(RANGE) | HTTP_FIELD_BIT(UPGRADE);

	return (r->method == HTTP_GET || r->method == HTTP_HEAD) &&
	    r->head.minor == 1 && r->head.goes_on &&
	    r->head.framing.is == HTTP_BODY_NONE && (r->head.has & never) == 0;
}

/* The origin of one is that of the other, however it is found. */
static bool
is_same_place(
    const struct http_request_head *a, const struct http_request_head *b)
{
	return a->target.form == b->target.form &&
	    a->target.scheme == b->target.scheme &&
	    http_host_same(&a->target.host, &b->target.host, 0) &&
	    http_host_same(&a->host, &b->host, 0);
}

/* Who says what has been found right a moment ago is not asked again. */
static bool
is_same_user(const struct http_head *a, const struct http_head *b)
{
	struct slice was = http_value(a, HTTP_FIELD_PROXY_AUTHORIZATION);
	struct slice is = http_value(b, HTTP_FIELD_PROXY_AUTHORIZATION);

	if (was.at == NULL || is.at == NULL)
		return was.at == is.at;
	return was.len == is.len && memcmp(was.at, is.at, is.len) == 0;
}

/* Behind q? */
static bool
may_follow(const struct http_req *q, const struct http_request_head *r)
{
	return is_plain(r) && is_same_place(&q->head, r) &&
	    is_same_user(&q->head.head, &r->head) &&
	    !http_via_has(&r->head, q->s->place->gateway);
}

/* Can anything be sent behind the one that is under way?  The last that was
 * taken has to be sent itself, or order is lost. */
static bool
may_precede(const struct http_pipe *p, const struct http_req *q)
{
	const struct http_req *last;

	if (q->o == NULL || q->close || !is_plain(&q->head) ||
	    !http_origin_may_pipeline(q->o))
		return false;
	last = p == NULL ? NULL : TAILQ_LAST(&p->ahead, http_ahead);
	return last == NULL ||
	    (last->ahead_on != 0 && last->ahead_on == q->o->piped);
}

/* What the turn of q will ask of it, and that is not the same for all that
 * goes to one place. */
static bool
is_refused(const struct http_req *q)
{
	const char *url = facts_get(&q->x->facts, FIELD_URL, 0);
	enum http_cause cause;
	struct decision d;

	if (http_where_refuses(q, &cause) != NULL || url == NULL ||
	    http_urls_find(q->own->urls, url) != NULL)
		return true;
	policy_decide(q->s->place->policies, q->s->place->policy, &q->x->facts,
	    &q->x->report, &d);
	return d.action != DO_PASS && d.action != DO_TAG;
}

/* ---- it is sent ---- */

static struct http_pipe *
pipe_open(struct session *s)
{
	struct http *p = s->state;

	if (p->pipe != NULL)
		return p->pipe;
	p->pipe = xcalloc(1, sizeof(*p->pipe));
	p->pipe->magic = HTTP_PIPE_MAGIC;
	TAILQ_INIT(&p->pipe->ahead);
	return p->pipe;
}

/* Behind the request of o, unless it will be refused in its turn. */
static void
send_ahead(struct http_pipe *p, struct http_req *q, struct http_origin *o)
{
	if (is_refused(q) || !http_request_put(q, o))
		return;
	if (o->piped == 0)
		o->piped = ++p->last;
	q->ahead_on = o->piped;
	http_request_hop(q, o);
	log_debug(q->s->id, "http pipelined id=%s origin=%s", q->x->id, o->key);
}

static void
take(struct session *s, struct http_req *first, struct http_request_head *r)
{
	struct http_pipe *p = pipe_open(s);
	struct http_req *q = http_request_open(s);
	const char *user = facts_get(&first->x->facts, FIELD_USER, 0);

	q->head = *r;
	http_request_eat(q);
	if (user != NULL)
		(void)facts_set(&q->x->facts, FIELD_USER, user);
	http_request_learn(q);
	TAILQ_INSERT_TAIL(&p->ahead, q, ahead);
	p->n++;
	send_ahead(p, q, first->o);
}

bool
http_pipe_take(struct session *s)
{
	struct http *h = s->state;
	struct http_pipe *p = pipe_of(s);
	struct http_req *q = h->req;
	struct http_request_head r;

	if (q == NULL || io_input(s->client).len == 0 || !may_precede(p, q))
		return false;
	if ((p == NULL ? 0 : p->n) + 1 >= q->own->pipeline)
		return false;
	http_request_head_init(&r);
	if (http_request_head(&r, io_input(s->client), q->own->max_header) !=
		HTTP_HEAD_DONE ||
	    !may_follow(q, &r))
		return false;
	take(s, q, &r);
	return true;
}

/* ---- its turn ---- */

struct http_req *
http_pipe_next(struct session *s)
{
	struct http_pipe *p = pipe_of(s);
	struct http_req *q;

	if (p == NULL || p->n == 0)
		return NULL;
	q = TAILQ_FIRST(&p->ahead);
	TAILQ_REMOVE(&p->ahead, q, ahead);
	p->n--;
	q->out_before = io_bytes_out(s->client);
	return q;
}

static const char *
user_of(const struct http_req *q)
{
	const char *user = facts_get(&q->x->facts, FIELD_USER, 0);

	return user == NULL ? "" : user;
}

/* Can q, which was sent nowhere, go on where others have ended? */
static bool
may_go_on(const struct http_pipe *p, const struct http_req *q)
{
	return TAILQ_EMPTY(&p->ahead) && is_plain(&q->head) &&
	    q->scheme == p->scheme && http_host_same(&q->host, &p->host, 0) &&
	    http_host_same(&q->to, &p->to, 0) &&
	    strcmp(user_of(q), p->user) == 0;
}

bool
http_pipe_has(const struct http_req *q, bool again)
{
	const struct http_pipe *p = pipe_of(q->s);

	if (p == NULL || p->io == NULL)
		return false;
	return q->ahead_on != 0 ? is_on(p, q) : again && may_go_on(p, q);
}

void
http_pipe_lend(struct http_req *q)
{
	struct http_pipe *p = pipe_of(q->s);

	http_origin_lend(q->o, &p->io, p->is, q->ahead_on != 0);
	q->ahead_on = 0; /* from here on its answer is q->o's business */
	q->lent = true;
}

/* Paused it says only that it is lost, or that it has waited too long. */
static void
kept_says(void *arg, struct io *io, enum io_event what)
{
	struct http_pipe *p = arg;

	(void)io;
	IS(p, HTTP_PIPE_MAGIC);
	if (what != IO_DRAINED)
		io_free(&p->io);
}

/* Is there what the connection of q->o could be kept for? */
static bool
goes_on(const struct http_pipe *p, const struct http_req *q)
{
	const struct http_req *next = TAILQ_FIRST(&p->ahead);

	if (next != NULL)
		return next->ahead_on == q->o->piped;
	/* what is here already can be the answer to nothing */
	return io_input(q->s->client).len > 0 && io_input(q->o->io).len == 0;
}

void
http_pipe_keep(struct http_req *q)
{
	struct http_pipe *p = pipe_of(q->s);

	if (q->o->piped == 0)
		return;
	MUST(p != NULL && p->io == NULL);
	if (!goes_on(p, q))
		return;
	p->io = http_origin_keep(q->o);
	if (p->io == NULL)
		return;
	p->is = q->o->piped;
	p->host = q->host;
	p->to = q->to;
	p->scheme = q->scheme;
	free(p->user);
	p->user = xstrdup(user_of(q));
	io_owner(p->io, kept_says, p);
	io_deadline(p->io, KEPT_MS, "pipeline");
}

void
http_pipe_rest(struct session *s)
{
	struct http_pipe *p = pipe_of(s);

	if (p != NULL && TAILQ_EMPTY(&p->ahead))
		io_free(&p->io);
}

void
http_pipe_left(struct http_req *q)
{
	struct http_pipe *p = pipe_of(q->s);

	if (p != NULL && is_on(p, q))
		io_free(&p->io);
}

void
http_pipe_free(struct http_pipe **pp, const char *reason)
{
	struct http_pipe *p = *pp;
	struct http_req *q;

	if (p == NULL)
		return;
	IS(p, HTTP_PIPE_MAGIC);
	io_free(&p->io);
	while ((q = TAILQ_FIRST(&p->ahead)) != NULL) {
		TAILQ_REMOVE(&p->ahead, q, ahead);
		q->out_before = io_bytes_out(q->s->client);
		http_request_end(&q, "aborted", reason);
	}
	*pp = NULL;
	p->magic = 0;
	free(p->user);
	free(p);
}
