/*
 * proxied: reads what a proxy says first, and no byte more: it is looked at in
 * the socket, and only what belongs to it is taken out.
 */
#include "proxy/proxied.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/mem.h"
#include "proxy/loop.h"
#include "proxy/proxy_line.h"

struct proxied {
	struct proxied_list *list;
	struct proxied *next;
	int fd;
	struct addr peer;
	struct watch *watch;
	struct timer *timer;
	proxied_done *done;
	void *arg;
	size_t have;
	char bytes[PROXY_LINE_MAX];
};

int
proxied_read(struct proxied_conf *c_r, const struct conf *conf,
    const struct conf_section *listener, struct err *e)
{
	enum opt opt = OPT_LISTENER_PROXY_PROTOCOL_FROM;
	const char *const *list;
	size_t n = conf_list(conf, listener, opt, &list);
	struct err why;

	*c_r = (struct proxied_conf){.timeout_ms = conf_int(conf, listener,
					 OPT_LISTENER_PROXY_PROTOCOL_TIMEOUT)};
	c_r->nets = xcalloc(n + 1, sizeof(*c_r->nets));
	for (; c_r->n < n; c_r->n++) {
		if (net_parse(list[c_r->n], &c_r->nets[c_r->n], &why) == 0)
			continue;
		proxied_forget(c_r);
		return err_set(
		    e, "%s: %s", conf_origin(conf, listener, opt), why.text);
	}
	return 0;
}

void
proxied_forget(struct proxied_conf *c)
{
	free(c->nets);
	*c = (struct proxied_conf){0};
}

bool
proxied_must(const struct proxied_conf *c, const struct addr *peer)
{
	for (size_t i = 0; i < c->n; i++) {
		if (net_has(&c->nets[i], peer))
			return true;
	}
	return false;
}

static void
free_one(struct proxied *p)
{
	watch_free(&p->watch);
	timer_free(&p->timer);
	if (p->fd >= 0)
		(void)close(p->fd);
	free(p);
}

static void
bury(struct proxied *p)
{
	struct proxied **link = &p->list->first;

	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	p->list->n--;
	free_one(p);
}

static void
fail(struct proxied *p, const char *why)
{
	proxied_done *done = p->done;
	void *arg = p->arg;
	struct addr peer = p->peer;
	int none = -1;

	bury(p);
	done(arg, &none, &peer, why);
}

static void
succeed(struct proxied *p, const struct proxy_line *line)
{
	struct addr client = line->carried ? line->client : p->peer;
	proxied_done *done = p->done;
	void *arg = p->arg;
	int fd = p->fd;

	p->fd = -1;
	bury(p);
	done(arg, &fd, &client, NULL);
}

/* Takes n bytes out of the socket that were seen in it. */
static bool
take(struct proxied *p, size_t n)
{
	if (recv(p->fd, p->bytes + p->have, n, 0) != (ssize_t)n)
		return false;
	p->have += n;
	return true;
}

static void
on_input(void *arg)
{
	struct proxied *p = arg;
	size_t room = sizeof(p->bytes) - p->have, had = p->have;
	struct proxy_line line;
	enum proxy_line_is is;
	ssize_t n = recv(p->fd, p->bytes + p->have, room, MSG_PEEK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail(p, n == 0 ? "connection closed" : strerror(errno));
		return;
	}
	is = proxy_line((struct slice){p->bytes, had + (size_t)n}, &line);
	if (is == PROXY_LINE_BAD)
		fail(p, "not the PROXY protocol");
	else if (!take(p, is == PROXY_LINE_OK ? line.used - had : (size_t)n))
		fail(p, "cannot be read");
	else if (is == PROXY_LINE_OK)
		succeed(p, &line);
}

static void
on_time(void *arg)
{
	fail(arg, "proxy_protocol_timeout exceeded");
}

void
proxied_wait(struct proxied_list *list, struct loop *l,
    const struct proxied_conf *c, int *fdp, const struct addr *peer,
    proxied_done *done, void *arg)
{
	struct proxied *p = xcalloc(1, sizeof(*p));

	p->list = list;
	p->next = list->first;
	list->first = p;
	list->n++;
	p->fd = *fdp;
	*fdp = -1;
	p->peer = *peer;
	p->done = done;
	p->arg = arg;
	p->watch = loop_watch(l, p->fd, on_input, p);
	p->timer = timer_open(l, on_time, p);
	timer_set(p->timer, c->timeout_ms);
}

void
proxied_drop(struct proxied_list *list)
{
	struct proxied *p;

	while ((p = list->first) != NULL) {
		list->first = p->next;
		free_one(p);
	}
	list->n = 0;
}
