/*
 * leaf_link: one line for all places of a net worker: what is asked of the
 * signer waits in it, some of it is on its way, and all of it is asked again
 * when the signer dies.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/leaf_own.h"
#include "proxy/stats.h"
#include "proxy/tls.h"

/* ---- ends ---- */

/* Its asks hear: tls, or why there is none; then it is gone.  It is in no
 * list any more. */
static void
finish(struct leaf_want *w, struct tls *tls, const char *why)
{
	struct leaf_ask *a;

	if (tls != NULL)
		tls_hold(tls);
	while ((a = w->asks) != NULL) {
		leaf_done *done = a->done;
		void *arg = a->arg;

		w->asks = a->next;
		if (a->next != NULL)
			a->next->link = &w->asks;
		free(a);
		done(arg, tls, why);
	}
	tls_drop(&tls);
	free(w);
}

/* `limit LEAF_TRIES_MAX` and its like. */
void
leaf_count(const char *why)
{
	static const char limit[] = "limit ";

	if (strncmp(why, limit, sizeof(limit) - 1) == 0)
		(void)stats_limit(0, why + sizeof(limit) - 1);
}

static void
fail(struct leaf_want *w, const char *why)
{
	leaf_count(why);
	log_warn(0, "no leaf for=\"%s\" reason=\"%s\"",
	    log_quote(w->names.list[0].text), why);
	finish(w, NULL, why);
}

/* It waits no more. */
static void
leave_line(struct leaf_link *k, struct leaf_want *w)
{
	TAILQ_REMOVE(&k->waiting, w, link);
	k->waiting_n--;
}

/* It is on its way no more. */
static struct leaf_want *
land(struct leaf_link *k, unsigned i)
{
	struct leaf_want *w = k->flying[i];

	k->flying[i] = k->flying[--k->flying_n];
	return w;
}

/* ---- the signer answers ---- */

/* Its place in flying; LEAF_FLYING_MAX: it came too late. */
static unsigned
find_flying(const struct leaf_link *k, uint32_t number)
{
	for (unsigned i = 0; i < k->flying_n; i++) {
		if (k->flying[i]->number == number)
			return i;
	}
	return LEAF_FLYING_MAX;
}

/* False: the signer does not speak as we do. */
static bool
take_reply(struct leaf_link *k, size_t len)
{
	struct leaf_reply r;
	struct leaf_want *w;
	struct tls *tls;
	unsigned i;

	if (leaf_get_reply((struct slice){k->packet, len}, &r) < 0)
		return false;
	i = find_flying(k, r.number);
	if (i == LEAF_FLYING_MAX)
		return true;
	w = land(k, i);
	tls = r.status == LEAF_MADE ? leaf_keep(w, &r) : NULL;
	if (tls != NULL)
		finish(w, tls, NULL);
	else
		fail(w, "the signer could not make it");
	return true;
}

/* ---- the signer dies ---- */

/* What was on its way is in front of the line again. */
static void
take_back(struct leaf_link *k)
{
	while (k->flying_n > 0) {
		struct leaf_want *w = land(k, k->flying_n - 1);

		if (w->tries == LEAF_TRIES_MAX) {
			fail(w, "limit LEAF_TRIES_MAX");
			continue;
		}
		TAILQ_INSERT_HEAD(&k->waiting, w, link);
		k->waiting_n++;
	}
}

static void
lose_signer(struct leaf_link *k)
{
	watch_free(&k->watch);
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	take_back(k);
}

static void
on_signer(void *arg)
{
	struct leaf_link *k = arg;
	ssize_t n;

	IS(k, LEAF_LINK_MAGIC);
	n = recv(k->fd, k->packet, sizeof(k->packet), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		log_info(0, "the signer has gone");
		lose_signer(k);
		return;
	}
	if (!take_reply(k, (size_t)n)) {
		log_error(0, "the signer said what is no leaf");
		lose_signer(k);
	}
	explicit_bzero(k->packet, (size_t)n);
	leaf_link_send(k);
}

/* ---- asking ---- */

/* False: the socket has no room now; a reply will make some. */
static bool
send_one(struct leaf_link *k, struct leaf_want *w)
{
	struct leaf_request q = {.names = w->names};
	struct buf b;
	bool sent;

	q.number = ++k->number;
	buf_init(&b, LEAF_PACKET_MAX);
	MUST(leaf_put_request(&b, &q) == 0);
	sent = send(k->fd, buf_at(&b), b.len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
	buf_free(&b);
	if (!sent)
		return false;
	leave_line(k, w);
	w->number = q.number;
	w->tries++;
	k->flying[k->flying_n++] = w;
	return true;
}

void
leaf_link_send(struct leaf_link *k)
{
	struct leaf_want *w;

	while (k->fd >= 0 && k->flying_n < LEAF_FLYING_MAX &&
	    (w = TAILQ_FIRST(&k->waiting)) != NULL) {
		if (!send_one(k, w))
			return;
	}
}

/* Who hears of it may ask again, and cancel: it begins anew each time. */
static void
fail_late(struct leaf_link *k, int64_t now)
{
	struct leaf_want *w;

	for (unsigned i = 0; i < k->flying_n; i++) {
		if (k->flying[i]->until_ms > now)
			continue;
		fail(land(k, i), "limit LEAF_TIMEOUT_MS");
		i = UINT_MAX;
	}
	w = TAILQ_FIRST(&k->waiting);
	while (w != NULL) {
		if (w->until_ms > now) {
			w = TAILQ_NEXT(w, link);
			continue;
		}
		leave_line(k, w);
		fail(w, "limit LEAF_TIMEOUT_MS");
		w = TAILQ_FIRST(&k->waiting);
	}
}

/* INT64_MAX: there is none. */
static int64_t
next_late(const struct leaf_link *k)
{
	const struct leaf_want *w = TAILQ_FIRST(&k->waiting);
	int64_t soonest = INT64_MAX;

	for (unsigned i = 0; i < k->flying_n; i++) {
		if (k->flying[i]->until_ms < soonest)
			soonest = k->flying[i]->until_ms;
	}
	for (; w != NULL; w = TAILQ_NEXT(w, link)) {
		if (w->until_ms < soonest)
			soonest = w->until_ms;
	}
	return soonest;
}

static void
on_late(void *arg)
{
	struct leaf_link *k = arg;
	int64_t now = clock_ms(), next;

	IS(k, LEAF_LINK_MAGIC);
	fail_late(k, now);
	leaf_link_send(k);
	next = next_late(k);
	if (next < INT64_MAX)
		timer_set(k->late, next > now ? next - now : 1);
}

static bool
is_it(const struct leaf_want *w, const struct leaves *l, const char *key,
    size_t len)
{
	return w->leaves == l && w->key_len == len &&
	    memcmp(w->key, key, len) == 0;
}

struct leaf_want *
leaf_want_find(const struct leaves *l, const char *key, size_t len)
{
	const struct leaf_link *k = l->link;
	struct leaf_want *w = TAILQ_FIRST(&k->waiting);

	for (unsigned i = 0; i < k->flying_n; i++) {
		if (is_it(k->flying[i], l, key, len))
			return k->flying[i];
	}
	while (w != NULL && !is_it(w, l, key, len))
		w = TAILQ_NEXT(w, link);
	return w;
}

struct leaf_want *
leaf_want_new(struct leaves *l, const struct leaf_names *names)
{
	struct leaf_link *k = l->link;
	struct leaf_want *w = xcalloc(1, sizeof(*w));

	w->leaves = l;
	w->until_ms = clock_ms() + LEAF_TIMEOUT_MS;
	w->names = *names;
	w->key_len = leaf_names_key(names, w->key);
	if (k->waiting_n + k->flying_n == 0)
		timer_set(k->late, LEAF_TIMEOUT_MS);
	TAILQ_INSERT_TAIL(&k->waiting, w, link);
	k->waiting_n++;
	return w;
}

void
leaf_link_forget(struct leaf_link *k, const struct leaves *l)
{
	struct leaf_want *w = TAILQ_FIRST(&k->waiting), *next;

	for (unsigned i = k->flying_n; i-- > 0;) {
		if (k->flying[i]->leaves != l)
			continue;
		MUST(k->flying[i]->asks == NULL);
		free(land(k, i));
	}
	for (; w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		if (w->leaves != l)
			continue;
		MUST(w->asks == NULL);
		leave_line(k, w);
		free(w);
	}
}

/* ---- the link ---- */

struct leaf_link *
leaf_link_open(struct loop *loop)
{
	struct leaf_link *k = xcalloc(1, sizeof(*k));

	k->magic = LEAF_LINK_MAGIC;
	k->loop = loop;
	k->fd = -1;
	TAILQ_INIT(&k->waiting);
	k->late = timer_open(loop, on_late, k);
	return k;
}

void
leaf_link_free(struct leaf_link **kp)
{
	struct leaf_link *k = *kp;

	*kp = NULL;
	if (k == NULL)
		return;
	IS(k, LEAF_LINK_MAGIC);
	MUST(k->waiting_n + k->flying_n == 0);
	watch_free(&k->watch);
	if (k->fd >= 0)
		close(k->fd);
	timer_free(&k->late);
	k->magic = 0;
	free(k);
}

void
leaf_link_take(struct leaf_link *k, int fd)
{
	IS(k, LEAF_LINK_MAGIC);
	lose_signer(k);
	k->fd = fd;
	k->watch = loop_watch(k->loop, fd, on_signer, k);
	leaf_link_send(k);
}
