#ifndef SMTP_ROUTE_H
#define SMTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "protocols/smtp/smtp_addr.h"
#include "protocols/smtp/smtp_hops.h"
#include "proxy/base/err.h"
#include "proxy/base/slice.h"

struct place;

/*
 * smtp_route: which recipients go where, and for whom mail is taken at all.
 */

/* One domain of a [route]; the text lies in the configuration. */
struct smtp_route {
	const char *domain; /* "example.org" or "*.example.org" */
	unsigned route;     /* smtp_hops_add()'s */
};

struct smtp_routes {
	struct smtp_route *list;
	size_t n;
	const char *const *relay; /* relay_domains ... */
	size_t relay_n;
	bool relay_all; /* ... that name any, or do not count here */
};

/*
 * Reads relay_domains, the place's own next_hop, which is route 0, and every
 * [route] that holds for it; adds their next hops to hops.  0, or -1 with
 * `file:line: key: text`.
 */
int smtp_routes_read(const struct place *place, struct smtp_hops *hops,
    struct smtp_routes *r_r, struct err *e);
void smtp_routes_forget(struct smtp_routes *r);

/* Of a recipient; without a domain: 0. */
unsigned smtp_route_of(const struct smtp_routes *r, struct slice domain);

/* May mail for it come in here? */
bool smtp_route_takes(
    const struct smtp_routes *r, const struct smtp_addr *rcpt);

/*
 * How well a domain fits: SIZE_MAX exactly, else the length of what it ends in;
 * 0: not at all.  Case does not count.
 */
size_t smtp_route_fits(const char *pattern, struct slice domain);

/* Is that a domain or *.domain?  0, or -1 with words. */
int smtp_route_check(const char *pattern, struct err *e);

#endif
