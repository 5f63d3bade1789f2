/*
 * check: what only two values together can be wrong about: names that name
 * nothing, two listeners at one door.
 */
#include <string.h>

#include "conf/inside.h"
#include "conf/value.h"
#include "proxy/base/addr.h"
#include "proxy/base/err.h"

/* The value of opt in s, its own or the default; for its place. */
static const struct value *
value_of(const struct conf *c, const struct conf_section *s, enum opt opt)
{
	const struct value *v = conf_own(s, opt);

	return v != NULL ? v : &c->defaults[opt];
}

/* Says that opt of s names a section of kind that there is not. */
static void
check_name(const struct conf *c, struct sheet *sh, const struct conf_section *s,
    enum opt opt, const char *kind, const char *name)
{
	const struct conf_section *each = NULL;
	char title[SHEET_VARIABLE_MAX];
	struct nearest near;
	struct err e;

	if (conf_section(c, kind, name) != NULL)
		return;
	nearest_to(&near, name);
	while ((each = conf_next(c, kind, each)) != NULL)
		nearest_offer(&near, conf_name(each));
	sheet_title(s->kind, s->name, title);
	err_set(&e, "%s %s: there is no [%s %.60s]", title,
	    schema_opt(opt)->key, kind, name);
	value_did_you_mean(&e, &near);
	sheet_wrong(sh, &value_of(c, s, opt)->at, "%s", e.text);
}

static void
check_names(const struct conf *c, struct sheet *sh,
    const struct conf_section *s, enum opt opt, const char *kind)
{
	const char *const *list;
	size_t n = conf_list(c, s, opt, &list);

	for (size_t i = 0; i < n; i++)
		check_name(c, sh, s, opt, kind, list[i]);
}

static bool
address_in(const struct addr *a, const char *const *list, size_t n)
{
	struct addr other;

	for (size_t i = 0; i < n; i++) {
		if (addr_parse(list[i], &other, NULL) == 0 &&
		    addr_same(a, &other))
			return true;
	}
	return false;
}

/* One address of s against those of s before it and of earlier listeners. */
static void
check_address(const struct conf *c, struct sheet *sh,
    const struct conf_section *s, const char *const *mine, size_t nth)
{
	const struct conf_section *o = NULL;
	const char *const *list;
	struct addr a;

	if (addr_parse(mine[nth], &a, NULL) < 0)
		return;
	while ((o = conf_next(c, "listener", o)) != NULL) {
		size_t n = conf_list(c, o, OPT_LISTENER_ADDRESS, &list);

		if (o != s && conf_int(c, o, OPT_LISTENER_ENABLED) != 1)
			continue;
		if (address_in(&a, list, o == s ? nth : n))
			sheet_wrong(sh,
			    &value_of(c, s, OPT_LISTENER_ADDRESS)->at,
			    "[listener %s] address: %s is already that of "
			    "[listener %s] (%s)",
			    s->name, mine[nth], o->name,
			    conf_origin(c, o, OPT_LISTENER_ADDRESS));
		if (o == s)
			return;
	}
}

/* Of [smtp], what a listener with protocol milter heeds too. */
static const enum opt of_any_mail[] = {OPT_SMTP_MAX_MESSAGE_SIZE,
    OPT_SMTP_MAX_RECIPIENTS, OPT_SMTP_MAX_RECEIVED, OPT_SMTP_SCAN_DEADLINE,
    OPT_SMTP_ADD_HEADERS, OPT_SMTP_REJECT_TEXT, OPT_SMTP_TEMPFAIL_TEXT};

static bool
is_heeded(bool milter, enum opt opt)
{
	enum kind home = schema_opt(opt)->kind;

	if (home == KIND_MILTER)
		return milter;
	if (home != KIND_SMTP || !milter)
		return true;
	for (size_t i = 0; i < sizeof(of_any_mail) / sizeof(of_any_mail[0]);
	     i++) {
		if (of_any_mail[i] == opt)
			return true;
	}
	return false;
}

/* A key that its protocol has no use for is a mistake, and not ignored. */
static void
check_heeded(
    const struct conf *c, struct sheet *sh, const struct conf_section *s)
{
	const char *protocol = conf_word(c, s, OPT_LISTENER_PROTOCOL);
	bool milter = strcmp(protocol, "milter") == 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct value *v = &s->values[i];

		if (!is_heeded(milter, v->opt))
			sheet_wrong(sh, &v->at,
			    "[listener %s] %s: does nothing with protocol %s",
			    s->name, schema_opt(v->opt)->key, protocol);
	}
}

static void
check_listener(
    const struct conf *c, struct sheet *sh, const struct conf_section *s)
{
	const struct value *v = conf_own(s, OPT_LISTENER_ADDRESS);
	const char *const *list;
	size_t n = conf_list(c, s, OPT_LISTENER_ADDRESS, &list);

	check_heeded(c, sh, s);
	if (conf_own(s, OPT_LISTENER_POLICY) != NULL)
		check_name(c, sh, s, OPT_LISTENER_POLICY, "policy",
		    conf_str(c, s, OPT_LISTENER_POLICY));
	if (v != NULL && strcmp(v->text, "none") == 0)
		sheet_wrong(sh, &v->at,
		    "[listener %s] address: a listener "
		    "needs at least one",
		    s->name);
	if (conf_int(c, s, OPT_LISTENER_ENABLED) != 1)
		return;
	for (size_t i = 0; i < n; i++)
		check_address(c, sh, s, list, i);
}

static void
check_log(const struct conf *c, struct sheet *sh, const struct conf_section *s)
{
	const struct value *v = value_of(c, s, OPT_LOG_OUTPUT);

	if (strcmp(v->text, "stderr") != 0 && strcmp(v->text, "stdout") != 0 &&
	    strncmp(v->text, "file:/", 6) != 0)
		sheet_wrong(sh, &v->at,
		    "output: \"%.60s\" is none of: stderr, stdout, file:/path",
		    v->text);
}

static void
check_gateway(const struct conf *c, struct sheet *sh)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	const struct conf_section *s = conf_section(c, "gateway", "");
	const struct value *name = conf_own(s, OPT_GATEWAY_NAME);

	if (name != NULL &&
	    (name->text[0] == '\0' ||
		name->text[strspn(name->text, good)] != '\0'))
		sheet_wrong(sh, &name->at,
		    "name: \"%.60s\" is not a host's name", name->text);
	if (conf_int(c, NULL, OPT_GATEWAY_SPOOL_MEMORY) >
	    conf_int(c, NULL, OPT_GATEWAY_SPOOL_MEMORY_TOTAL))
		sheet_wrong(sh, &value_of(c, s, OPT_GATEWAY_SPOOL_MEMORY)->at,
		    "spool_memory is more than spool_memory_total (%s)",
		    conf_origin(c, NULL, OPT_GATEWAY_SPOOL_MEMORY_TOTAL));
}

static void
check_route(
    const struct conf *c, struct sheet *sh, const struct conf_section *s)
{
	check_names(c, sh, s, OPT_ROUTE_LISTENER, "listener");
	if (conf_own(s, OPT_SMTP_NEXT_HOP) == NULL)
		sheet_wrong(sh, &s->at,
		    "[route %s] has no next_hop, and needs one", s->name);
}

void
conf_check(const struct conf *c, struct sheet *sh)
{
	const struct conf_section *s = NULL;

	check_gateway(c, sh);
	check_names(
	    c, sh, conf_section(c, "scan", ""), OPT_SCAN_ENGINES, "engine");
	while ((s = conf_next(c, "listener", s)) != NULL)
		check_listener(c, sh, s);
	while ((s = conf_next(c, "route", s)) != NULL)
		check_route(c, sh, s);
	while ((s = conf_next(c, "rule", s)) != NULL)
		check_names(c, sh, s, OPT_RULE_POLICY, "policy");
	while ((s = conf_next(c, "log", s)) != NULL)
		check_log(c, sh, s);
}
