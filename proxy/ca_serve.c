/*
 * ca_serve: net workers ask, the CA signs.  What a net worker says is not
 * believed: it may have been taken over by a peer.
 */
#include "proxy/ca_serve.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/fdpass.h"
#include "proxy/base/log.h"
#include "proxy/base/lru.h"
#include "proxy/base/mem.h"
#include "proxy/leaf_wire.h"

#define PEERS_MAX 160     /* net workers, and those that have just died */
#define BACKDATED_S 3600  /* for clients whose clock is slow */
#define REQUEST_SIZE 2048 /* a longer message is no request */

struct peer {
	int fd;
	struct buf late; /* a reply its socket has no room for yet */
};

/* A leaf as it is sent. */
struct made {
	struct buf packet;
	int64_t until_ms;
};

struct server {
	const struct ca *ca;
	const struct ca_plan *plan;
	struct lru *made;
	struct peer peers[PEERS_MAX];
	unsigned n;
	bool parent_gone;
};

static void
made_free(void *value)
{
	struct made *m = value;

	if (m->packet.len > 0)
		explicit_bzero(buf_at(&m->packet), m->packet.len);
	buf_free(&m->packet);
	free(m);
}

/* ---- one leaf ---- */

static int
mint(const struct server *s, const struct leaf_names *names,
    struct ca_leaf *leaf_r)
{
	int64_t now = (int64_t)time(NULL);
	struct err e;

	if (ca_mint(s->ca, names, now - BACKDATED_S,
		now + s->plan->lifetime_ms / 1000, leaf_r, &e) == 0)
		return 0;
	log_error(0, "leaf not made name=\"%s\" error=\"%s\"",
	    log_quote(names->list[0].text), e.text);
	return -1;
}

/* It is used for half of its time. */
static int64_t
use_until(const struct ca_leaf *leaf)
{
	int64_t left_ms = (leaf->to_s - (int64_t)time(NULL)) * 1000;

	return clock_ms() + (left_ms > 0 ? left_ms / 2 : 0);
}

/* NULL: it could not be made. */
static struct made *
make(const struct server *s, const struct leaf_names *names)
{
	struct leaf_reply r = {.status = LEAF_MADE};
	struct ca_leaf leaf;
	struct made *m;

	if (mint(s, names, &leaf) < 0)
		return NULL;
	m = xcalloc(1, sizeof(*m));
	m->until_ms = use_until(&leaf);
	r.cert = (struct slice){(const char *)leaf.cert, leaf.cert_len};
	r.secret = (struct slice){(const char *)leaf.secret, CA_SECRET};
	r.chain_n = ca_chain(s->ca, r.chain);
	buf_init(&m->packet, LEAF_PACKET_MAX);
	if (leaf_put_reply(&m->packet, &r) < 0) {
		log_error(0, "leaf not made: limit LEAF_PACKET_MAX");
		made_free(m);
		m = NULL;
	}
	ca_leaf_free(&leaf);
	return m;
}

static struct made *
find_or_make(struct server *s, const struct leaf_names *names)
{
	char key[LEAF_KEY_MAX];
	size_t len = leaf_names_key(names, key);
	struct made *m = lru_find(s->made, key, len, clock_ms());

	if (m != NULL)
		return m;
	m = make(s, names);
	if (m == NULL)
		return NULL;
	lru_put(s->made, key, len, m, m->until_ms);
	log_debug(0, "leaf made name=\"%s\" names=%u",
	    log_quote(names->list[0].text), names->n);
	return m;
}

/* ---- net workers ---- */

static void
forget_peer(struct server *s, struct peer *p)
{
	close(p->fd);
	buf_free(&p->late);
	*p = s->peers[--s->n];
}

/* False: it has gone.  A worker that does not read is not read from. */
static bool
send_reply(struct peer *p, const char *bytes, size_t len)
{
	ssize_t n = send(p->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0)
		return true;
	if (errno != EAGAIN && errno != EINTR)
		return false;
	return buf_put(&p->late, bytes, len) == 0;
}

static bool
answer(struct server *s, struct peer *p, const struct leaf_request *q)
{
	struct made *m = find_or_make(s, &q->names);
	struct leaf_reply no = {.number = q->number, .status = LEAF_FAILED};
	int64_t left;
	struct buf b;
	bool there;

	if (m != NULL) {
		left = (m->until_ms - clock_ms()) / 1000;
		leaf_readdress(buf_at(&m->packet), q->number,
		    left > 0 ? (uint32_t)left : 0);
		return send_reply(p, buf_at(&m->packet), m->packet.len);
	}
	buf_init(&b, LEAF_PACKET_MAX);
	there =
	    leaf_put_reply(&b, &no) == 0 && send_reply(p, buf_at(&b), b.len);
	buf_free(&b);
	return there;
}

/* One message.  False: it has gone, or does not speak as we do. */
static bool
hear(struct server *s, struct peer *p)
{
	char bytes[REQUEST_SIZE];
	struct leaf_request q;
	ssize_t n = recv(p->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if ((size_t)n <= sizeof(bytes) &&
	    leaf_get_request((struct slice){bytes, (size_t)n}, &q) == 0)
		return answer(s, p, &q);
	log_error(0, "a net worker said what is no request");
	return false;
}

static bool
send_late(struct peer *p)
{
	ssize_t n = send(
	    p->fd, buf_at(&p->late), p->late.len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	buf_clear(&p->late);
	return true;
}

static void
hear_parent(struct server *s)
{
	unsigned char byte;
	unsigned n;
	int fd;
	ssize_t got =
	    fdpass_recv(s->plan->control, &byte, sizeof(byte), &fd, 1, &n);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EMSGSIZE))
		s->parent_gone = true;
	if (got <= 0 || n == 0)
		return;
	if (s->n == PEERS_MAX) {
		log_error(0, "limit PEERS_MAX: a net worker has no signer");
		close(fd);
		return;
	}
	s->peers[s->n].fd = fd;
	buf_init(&s->peers[s->n++].late, LEAF_PACKET_MAX);
}

/* ---- the loop ---- */

static void
turn(struct server *s)
{
	struct pollfd at[1 + PEERS_MAX];
	unsigned n = s->n;
	bool stays;

	at[0] = (struct pollfd){.fd = s->plan->control, .events = POLLIN};
	for (unsigned i = 0; i < n; i++)
		at[i + 1] = (struct pollfd){.fd = s->peers[i].fd,
		    .events = s->peers[i].late.len > 0 ? POLLOUT : POLLIN};
	if (poll(at, n + 1, -1) < 0)
		return;
	/* From behind: one that goes is replaced by the last. */
	for (unsigned i = n; i-- > 0;) {
		if (at[i + 1].revents == 0)
			continue;
		stays = s->peers[i].late.len > 0 ? send_late(&s->peers[i])
						 : hear(s, &s->peers[i]);
		if (!stays)
			forget_peer(s, &s->peers[i]);
	}
	if (at[0].revents != 0)
		hear_parent(s);
}

void
ca_serve(const struct ca *ca, const struct ca_plan *plan)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->ca = ca;
	s->plan = plan;
	s->made = lru_open(plan->cache, made_free);
	while (!s->parent_gone)
		turn(s);
	while (s->n > 0)
		forget_peer(s, &s->peers[0]);
	lru_free(&s->made);
	free(s);
}
