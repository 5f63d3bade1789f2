/*
 * smtp_route: recipients by their domain.  Pure.  Routes are looked at one by
 * one: there are tens of them, not thousands.
 */

#include "protocols/smtp/smtp_route.h"

#include "proxy/base/glob.h"

size_t
smtp_route_fits(const char *pattern, struct slice domain)
{
	struct slice end = slice_of(pattern);
	struct slice tail;

	if (slice_is_word(domain, pattern))
		return SIZE_MAX;
	if (strncmp(pattern, "*.", 2) != 0)
		return 0;
	end = slice_skip(end, 1); /* ".example.org" */
	if (domain.len <= end.len)
		return 0;
	tail = slice_skip(domain, domain.len - end.len);
	return slice_is_word(tail, end.at) ? end.len : 0;
}

int
smtp_route_check(const char *pattern, struct err *e)
{
	const char *bare = pattern + (strncmp(pattern, "*.", 2) == 0 ? 2 : 0);

	if (bare[0] == '\0' || strpbrk(bare, "*?@<> \t") != NULL)
		return err_set(
		    e, "\"%.100s\" is not a domain or *.domain", pattern);
	return 0;
}

unsigned
smtp_route_of(const struct smtp_routes *r, struct slice domain)
{
	size_t best = 0, fits;
	unsigned route = 0;

	for (size_t i = 0; i < r->n && domain.len > 0; i++) {
		fits = smtp_route_fits(r->list[i].domain, domain);
		if (fits <= best)
			continue;
		best = fits;
		route = r->list[i].route;
	}
	return route;
}

/*
 * "user%elsewhere@here", "elsewhere!user@here": the next hop trusts us more
 * than the client, and might take it on to elsewhere.
 */
static bool
routes_itself(struct slice local)
{
	for (size_t i = 0; i < local.len; i++) {
		if (strchr("%!@", local.at[i]) != NULL)
			return true;
	}
	return false;
}

bool
smtp_route_takes(const struct smtp_routes *r, const struct smtp_addr *rcpt)
{
	char domain[SMTP_DOMAIN_MAX + 1];

	/* RFC 5321 4.5.1: <postmaster> is always taken. */
	if (r->relay_all || rcpt->domain.len == 0)
		return true;
	if (!slice_copy(rcpt->domain, domain, sizeof(domain)) ||
	    routes_itself(rcpt->local))
		return false;
	for (size_t i = 0; i < r->relay_n; i++) {
		if (glob_fits(r->relay[i], domain))
			return true;
	}
	return false;
}
