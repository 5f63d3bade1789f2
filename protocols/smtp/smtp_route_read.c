/*
 * smtp_route_read: next hops, routes and relay domains of a place, from its
 * configuration.
 */

#include "protocols/smtp/smtp_route.h"
#include "proxy/base/mem.h"
#include "proxy/session.h"

/* "file:line: key: what is wrong" */
static int
wrong(const struct place *p, const struct conf_section *s, enum opt opt,
    const struct err *why, struct err *e)
{
	return err_set(e, "%s: %s: %s", conf_origin(p->conf, s, opt),
	    schema_opt(opt)->key, why->text);
}

/* Each net worker has its part of next_hop_max_connections. */
static unsigned
share(const struct place *p, const struct conf_section *s)
{
	unsigned all =
	    (unsigned)conf_int(p->conf, s, OPT_SMTP_NEXT_HOP_MAX_CONNECTIONS);
	unsigned workers;

	if (p->worker == NULL)
		return 1;
	workers = worker_count(p->worker);
	return (all + workers - 1) / workers;
}

/* What s, a [listener] or a [route], says of its next hops.  Its route's
 * number, or -1 with words. */
static int
add_hops(const struct place *p, const struct conf_section *s,
    struct smtp_hops *hops, struct err *e)
{
	const struct conf *conf = p->conf;
	struct smtp_hops_conf c = {
	    .gateway = p->gateway,
	    .connect_timeout =
		conf_int(conf, s, OPT_SMTP_NEXT_HOP_CONNECT_TIMEOUT),
	    .timeout = conf_int(conf, s, OPT_SMTP_NEXT_HOP_TIMEOUT),
	    .data_timeout = conf_int(conf, s, OPT_SMTP_NEXT_HOP_DATA_TIMEOUT),
	    .retry = conf_int(conf, s, OPT_SMTP_NEXT_HOP_RETRY),
	    .most = share(p, s),
	    .counted = p->counted,
	    .tls_want =
		(enum smtp_hop_tls)conf_int(conf, s, OPT_SMTP_NEXT_HOP_TLS),
	    .tls = p->tls_client,
	};
	const char *const *list;
	size_t n = conf_list(conf, s, OPT_SMTP_NEXT_HOP, &list);
	struct err why;
	int route;

	if (c.tls_want == HOP_TLS_VERIFY && p->tls_kit != NULL &&
	    tls_trust(p->tls_client, conf, p->listener, p->tls_kit, e) < 0)
		return -1;
	route = smtp_hops_add(hops, &c, list, n, &why);
	return route < 0 ? wrong(p, s, OPT_SMTP_NEXT_HOP, &why, e) : route;
}

static int
add_domain(
    struct smtp_routes *r, const char *domain, unsigned route, struct err *e)
{
	if (smtp_route_check(domain, e) < 0)
		return -1;
	for (size_t i = 0; i < r->n; i++) {
		if (strcasecmp(r->list[i].domain, domain) == 0)
			return err_set(e, "%.100s has another [route]", domain);
	}
	r->list = xrealloc(r->list, r->n + 1, sizeof(r->list[0]));
	r->list[r->n++] = (struct smtp_route){.domain = domain, .route = route};
	return 0;
}

static bool
is_for(const struct place *p, const struct conf_section *s)
{
	const char *const *list;
	size_t n = conf_list(p->conf, s, OPT_ROUTE_LISTENER, &list);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], p->name) == 0)
			return true;
	}
	return n == 0;
}

static int
add_route(const struct place *p, const struct conf_section *s,
    struct smtp_hops *hops, struct smtp_routes *r, struct err *e)
{
	const char *name = conf_name(s);
	const char *const *list;
	size_t n = conf_list(p->conf, s, OPT_ROUTE_DOMAIN, &list);
	int route = add_hops(p, s, hops, e);
	struct err why;

	if (route < 0)
		return -1;
	if (n == 0 && add_domain(r, name, (unsigned)route, &why) < 0)
		return err_set(e, "%s: [route %s]: %s",
		    conf_origin(p->conf, s, OPT_SMTP_NEXT_HOP), name, why.text);
	for (size_t i = 0; i < n; i++) {
		if (add_domain(r, list[i], (unsigned)route, &why) < 0)
			return wrong(p, s, OPT_ROUTE_DOMAIN, &why, e);
	}
	return 0;
}

static void
read_relay(const struct place *p, struct smtp_routes *r)
{
	r->relay_n =
	    conf_list(p->conf, p->listener, OPT_SMTP_RELAY_DOMAINS, &r->relay);
	r->relay_all = strcmp(p->direction, "inbound") != 0;
	for (size_t i = 0; i < r->relay_n; i++)
		r->relay_all =
		    r->relay_all || strcasecmp(r->relay[i], "any") == 0;
}

int
smtp_routes_read(const struct place *place, struct smtp_hops *hops,
    struct smtp_routes *r_r, struct err *e)
{
	const struct conf_section *s = NULL;

	*r_r = (struct smtp_routes){.list = NULL};
	read_relay(place, r_r);
	if (add_hops(place, place->listener, hops, e) < 0)
		return -1;
	while ((s = conf_next(place->conf, "route", s)) != NULL) {
		if (!is_for(place, s) || add_route(place, s, hops, r_r, e) == 0)
			continue;
		smtp_routes_forget(r_r);
		return -1;
	}
	return 0;
}

void
smtp_routes_forget(struct smtp_routes *r)
{
	free(r->list);
	r->list = NULL;
	r->n = 0;
}
