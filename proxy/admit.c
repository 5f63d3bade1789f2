/*
 * admit: the limits at the door, in the order in which they cost least.
 */
#include "proxy/admit.h"

#include "proxy/base/mem.h"
#include "proxy/shared.h"
#include "proxy/worker.h"

int
admit_read(struct admit *a_r, const struct conf *conf,
    const struct conf_section *listener, struct err *e)
{
	enum opt opt = OPT_LISTENER_ALLOW_FROM;
	const char *const *list;
	size_t n = conf_list(conf, listener, opt, &list);
	struct err why;

	*a_r = (struct admit){.listener = conf_name(listener)};
	a_r->gateway_max =
	    (uint32_t)conf_int(conf, NULL, OPT_GATEWAY_MAX_SESSIONS);
	a_r->listener_max =
	    (uint32_t)conf_int(conf, listener, OPT_LISTENER_MAX_SESSIONS);
	a_r->client_max = (uint32_t)conf_int(
	    conf, listener, OPT_LISTENER_MAX_SESSIONS_PER_CLIENT);
	a_r->minute_max = (uint32_t)conf_int(
	    conf, listener, OPT_LISTENER_MAX_SESSIONS_PER_MINUTE);
	a_r->nets = xcalloc(n + 1, sizeof(*a_r->nets));
	for (; a_r->n < n; a_r->n++) {
		const char *text = list[a_r->n];

		if (net_parse(text, &a_r->nets[a_r->n], &why) == 0)
			continue;
		admit_free(a_r);
		return err_set(
		    e, "%s: %s", conf_origin(conf, listener, opt), why.text);
	}
	return 0;
}

void
admit_free(struct admit *a)
{
	free(a->nets);
	a->nets = NULL;
	a->n = 0;
}

static bool
allowed(const struct admit *a, const struct addr *peer)
{
	for (size_t i = 0; i < a->n; i++) {
		if (net_has(&a->nets[i], peer))
			return true;
	}
	return false;
}

/* Whoever comes over a unix socket has no address to be counted by. */
static bool
has_address(const struct addr *peer)
{
	return peer->ss.ss_family != AF_UNIX;
}

static const char *
over_limit(const struct admit *a, struct worker *w, const struct addr *peer,
    enum refusal *why_r)
{
	struct shared *sh = worker_shared(w);
	unsigned self = worker_self(w);
	uint32_t clients = 0;
	uint32_t here = shared_listener_enter(sh, self, a->listener);

	if (has_address(peer))
		clients = shared_client_enter(sh, self, peer);
	shared_sessions(sh, self, 1);
	*why_r = REFUSE_BUSY;
	if (shared_session_count(sh) > a->gateway_max)
		return "gateway_max_sessions";
	if (here > a->listener_max)
		return "max_sessions";
	*why_r = REFUSE_CLIENT;
	if (clients > a->client_max)
		return "max_sessions_per_client";
	*why_r = REFUSE_RATE;
	if (a->minute_max > 0 && has_address(peer) &&
	    !shared_client_rate(sh, self, peer, RATE_SESSIONS, a->minute_max))
		return "max_sessions_per_minute";
	return NULL;
}

const char *
admit_enter(const struct admit *a, struct worker *w, const struct addr *peer,
    enum refusal *why_r)
{
	const char *limit;

	if (!allowed(a, peer)) {
		*why_r = REFUSE_NOT_ALLOWED;
		return "allow_from";
	}
	if (worker_draining(w)) {
		*why_r = REFUSE_SHUTDOWN;
		return "drain";
	}
	limit = over_limit(a, w, peer, why_r);
	if (limit != NULL)
		admit_leave(a, w, peer);
	return limit;
}

void
admit_leave(const struct admit *a, struct worker *w, const struct addr *peer)
{
	struct shared *sh = worker_shared(w);
	unsigned self = worker_self(w);

	shared_listener_leave(sh, self, a->listener);
	if (has_address(peer))
		shared_client_leave(sh, self, peer);
	shared_sessions(sh, self, -1);
}
