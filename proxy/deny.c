/*
 * deny: where no client may be taken: deny_destinations, and our own
 * listeners.  It is asked about the very address that is connected to, so a
 * name that means another address the next time gains nothing.
 */
#include "proxy/deny.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/mem.h"

static int
read_nets(struct deny *d, const struct conf *c,
    const struct conf_section *listener, enum opt opt, struct err *e)
{
	const char *const *list;
	size_t n = conf_list(c, listener, opt, &list);
	struct err why;

	d->nets = xcalloc(n + 1, sizeof(*d->nets));
	for (; d->n < n; d->n++) {
		if (net_parse(list[d->n], &d->nets[d->n], &why) < 0)
			return err_set(e, "%s: %s: %s",
			    conf_origin(c, listener, opt), schema_opt(opt)->key,
			    why.text);
	}
	return 0;
}

static void
add_own(struct deny *d, const char *text)
{
	struct addr a;

	if (addr_parse(text, &a, NULL) < 0 || a.ss.ss_family == AF_UNIX)
		return;
	d->own = xrealloc(d->own, d->own_n + 1, sizeof(*d->own));
	d->own[d->own_n++] = a;
}

void
deny_read_own(struct deny *d_r, const struct conf *c)
{
	const struct conf_section *s = NULL;
	const char *const *list;

	*d_r = (struct deny){.nets = NULL};
	while ((s = conf_next(c, "listener", s)) != NULL) {
		size_t n = conf_list(c, s, OPT_LISTENER_ADDRESS, &list);

		for (size_t i = 0; i < n; i++)
			add_own(d_r, list[i]);
	}
}

int
deny_read(struct deny *d_r, const struct conf *c,
    const struct conf_section *listener, enum opt opt, struct err *e)
{
	deny_read_own(d_r, c);
	if (read_nets(d_r, c, listener, opt, e) == 0)
		return 0;
	deny_free(d_r);
	return -1;
}

void
deny_free(struct deny *d)
{
	free(d->nets);
	free(d->own);
	*d = (struct deny){.nets = NULL};
}

/* The host alone. */
static bool
same_host(const struct addr *a, const struct addr *b)
{
	unsigned char x[16], y[16];

	addr_key(a, x);
	addr_key(b, y);
	return memcmp(x, y, sizeof(x)) == 0;
}

/* 0.0.0.0 or ::. */
static bool
is_any(const struct addr *a)
{
	struct net any4, any6;

	return (net_parse("0.0.0.0/32", &any4, NULL) == 0 &&
		   net_has(&any4, a)) ||
	    (net_parse("::/128", &any6, NULL) == 0 && net_has(&any6, a));
}

static bool
is_denied(const struct deny *d, const struct addr *peer)
{
	/* connect(2) takes it for this machine itself */
	if (is_any(peer))
		return true;
	for (size_t i = 0; i < d->n; i++) {
		if (net_has(&d->nets[i], peer))
			return true;
	}
	return false;
}

bool
deny_may_dial(const void *arg, const struct addr *peer)
{
	const struct deny *d = arg;
	struct addr inner;

	return !is_denied(d, peer) &&
	    (!addr_inner(peer, &inner) || !is_denied(d, &inner));
}

bool
deny_may_use(
    const struct deny *d, const struct addr *peer, const struct addr *local)
{
	if (!deny_may_dial(d, peer))
		return false;
	for (size_t i = 0; i < d->own_n; i++) {
		const struct addr *own = &d->own[i];

		if (addr_port(own) != addr_port(peer))
			continue;
		/* on every address of this machine: whoever reaches himself
		 * has the same address at both ends */
		if (same_host(own, peer) ||
		    (is_any(own) && same_host(local, peer)))
			return false;
	}
	return true;
}
