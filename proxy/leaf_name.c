/*
 * leaf_name: host names and addresses for certificates.  What is refused and
 * why is in tests/unit/t_leaf_name.c.
 */
#include "proxy/leaf_name.h"

#include <arpa/inet.h>
#include <string.h>

#include "proxy/base/mem.h"

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* An underscore is in no host's name by RFC 952, and in some URLs. */
static bool
is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

/* Puts small letters in place of large ones. */
static void
to_small(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text + ('a' - 'A'));
	}
}

/* Not empty, not too long, no hyphen at an end. */
static bool
is_label(const char *at, size_t len)
{
	if (len == 0 || len > LABEL_MAX || at[0] == '-' || at[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_label_char(at[i]))
			return false;
	}
	return true;
}

/* A browser takes what ends in a number for an IPv4 address in another form
 * (127.1, 0x7f.1): it is no name. */
static bool
is_number(const char *label)
{
	if (label[0] == '0' && label[1] == 'x')
		return label[2 + strspn(label + 2, "0123456789abcdef")] == '\0';
	return label[strspn(label, "0123456789")] == '\0';
}

static bool
is_dns(const char *text)
{
	const char *at = text, *dot;

	while ((dot = strchr(at, '.')) != NULL) {
		if (!is_label(at, (size_t)(dot - at)))
			return false;
		at = dot + 1;
	}
	return is_label(at, strlen(at)) && !is_number(at);
}

/* False: it is no address.  The text comes out in its one form. */
static bool
take_address(struct leaf_name *n, int family, unsigned char len)
{
	if (inet_pton(family, n->text, n->ip) != 1)
		return false;
	n->ip_len = len;
	(void)inet_ntop(family, n->ip, n->text, sizeof(n->text));
	return true;
}

bool
leaf_name_read(struct slice host, struct leaf_name *name_r)
{
	bool brackets =
	    host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';

	memset(name_r, 0, sizeof(*name_r));
	if (brackets)
		host = (struct slice){host.at + 1, host.len - 2};
	else if (host.len > 1 && host.at[host.len - 1] == '.')
		host.len--;
	if (host.len > LEAF_NAME_MAX || memchr(host.at, '\0', host.len) != NULL)
		return false;
	(void)slice_copy(host, name_r->text, sizeof(name_r->text));
	to_small(name_r->text);
	if (take_address(name_r, AF_INET6, 16))
		return true;
	if (brackets)
		return false;
	return take_address(name_r, AF_INET, 4) || is_dns(name_r->text);
}

bool
leaf_names_add(struct leaf_names *ns, struct slice host)
{
	struct leaf_name name;

	if (!leaf_name_read(host, &name))
		return false;
	for (unsigned i = 0; i < ns->n; i++) {
		if (strcmp(ns->list[i].text, name.text) == 0)
			return true;
	}
	if (ns->n == LEAF_NAMES_MAX)
		return false;
	ns->list[ns->n++] = name;
	return true;
}

size_t
leaf_names_key(const struct leaf_names *ns, char key_r[LEAF_KEY_MAX])
{
	size_t len = 0;

	for (unsigned i = 0; i < ns->n; i++) {
		if (i > 0)
			key_r[len++] = '\n';
		len += copy_text(
		    key_r + len, LEAF_KEY_MAX - len, ns->list[i].text);
	}
	key_r[len] = '\0';
	return len;
}
