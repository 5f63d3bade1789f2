/*
 * smtp_next: reads one next hop as the configuration names it.  Pure.
 */

#include "protocols/smtp/smtp_next.h"

#include "proxy/base/addr.h"
#include "proxy/base/mem.h"
#include "proxy/base/slice.h"

static int
maildir(const char *path, struct smtp_next *n, struct err *e)
{
	size_t len = strlen(path);

	if (path[0] != '/')
		return err_set(
		    e, "maildir: needs a path from /: maildir:%s", path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	n->kind = NEXT_MAILDIR;
	(void)slice_copy((struct slice){path, len}, n->host, sizeof(n->host));
	(void)snprintf(n->text, sizeof(n->text), "maildir:%s", n->host);
	return 0;
}

static int
port_of(const char *text, uint16_t *port_r)
{
	uint32_t port = 0;

	if (text[0] == '\0' || strlen(text) > 5)
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		port = port * 10 + (uint32_t)(*text - '0');
	}
	if (port == 0 || port > 65535)
		return -1;
	*port_r = (uint16_t)port;
	return 0;
}

/* "[2001:db8::1]:25" or "host:25"; a bare IPv6 address is not guessed at. */
static int
host_port(const char *text, struct smtp_next *n)
{
	const char *colon = strrchr(text, ':');
	struct slice host;

	if (colon == NULL || port_of(colon + 1, &n->port) < 0)
		return -1;
	host = (struct slice){text, (size_t)(colon - text)};
	if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
		host = (struct slice){host.at + 1, host.len - 2};
	else if (memchr(host.at, ':', host.len) != NULL)
		return -1;
	if (host.len == 0 || host.at[0] == '[' || host.at[0] == '/')
		return -1;
	return slice_copy(host, n->host, sizeof(n->host)) ? 0 : -1;
}

static int
lmtp(const char *rest, struct smtp_next *n, struct err *e)
{
	struct addr a;

	n->kind = NEXT_LMTP;
	if (strncmp(rest, "unix:", 5) == 0) {
		if (addr_parse(rest, &a, e) < 0)
			return -1;
		copy_text(n->host, sizeof(n->host), rest);
	} else if (host_port(rest, n) < 0) {
		return err_set(e,
		    "lmtp: needs host:port, [v6]:port or unix:/path: lmtp:%s",
		    rest);
	}
	(void)snprintf(n->text, sizeof(n->text), "lmtp:%s", rest);
	return 0;
}

/* Its words with one blank between them. */
static int
pipe_to(const char *rest, struct smtp_next *n, struct err *e)
{
	size_t len = 0;

	if (rest[0] != '/')
		return err_set(
		    e, "pipe: needs a program from /: pipe:%s", rest);
	n->kind = NEXT_PIPE;
	for (const char *at = rest; *at != '\0'; at++) {
		if (*at == ' ' && (at[1] == ' ' || at[1] == '\0'))
			continue;
		n->text[len++] = *at;
	}
	n->text[len] = '\0';
	(void)snprintf(n->host, sizeof(n->host), "pipe:%.*s",
	    (int)(sizeof(n->host) - 6), n->text);
	copy_text(n->text, sizeof(n->text), n->host);
	return 0;
}

int
smtp_next(const char *text, struct smtp_next *n_r, struct err *e)
{
	const char *rest = text;

	*n_r = (struct smtp_next){.kind = NEXT_SMTP};
	if (strlen(text) > SMTP_NEXT_MAX - 16)
		return err_set(e, "next hop is too long: %.40s...", text);
	if (strncasecmp(text, "maildir:", 8) == 0)
		return maildir(text + 8, n_r, e);
	if (strncasecmp(text, "lmtp:", 5) == 0)
		return lmtp(text + 5, n_r, e);
	if (strncasecmp(text, "pipe:", 5) == 0)
		return pipe_to(text + 5, n_r, e);
	if (strncasecmp(text, "smtp:", 5) == 0)
		rest += 5;
	if (host_port(rest, n_r) < 0)
		return err_set(e,
		    "not a next hop (smtp:host:port, smtp:[v6]:port, "
		    "lmtp:host:port, lmtp:unix:/path, pipe:/program or "
		    "maildir:/path): %s",
		    text);
	(void)snprintf(n_r->text, sizeof(n_r->text), "smtp:%s", rest);
	return 0;
}

size_t
smtp_next_take(
    const char *const *list, size_t n, struct smtp_next *n_r, struct err *e)
{
	char text[SMTP_NEXT_MAX];
	size_t used = 1, len;

	len = (size_t)snprintf(text, sizeof(text), "%s", list[0]);
	while (strncasecmp(list[0], "pipe:", 5) == 0 && used < n &&
	    (list[used][0] == '-' || list[used][0] == '/') &&
	    len < sizeof(text))
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, " %s", list[used++]);
	if (len >= sizeof(text)) {
		(void)err_set(e, "next hop is too long: %.40s...", text);
		return 0;
	}
	return smtp_next(text, n_r, e) == 0 ? used : 0;
}
