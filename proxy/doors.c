/*
 * doors: binds what the configuration names, or takes it from systemd.
 */
#include "proxy/doors.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/base/addr.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/child.h"

#define LISTEN_BACKLOG 4096
#define SD_FIRST_FD 3
#define SD_FDS_MAX 32

/* What systemd gave us and no door has taken yet. */
static struct inherited {
	char name[DOOR_NAME];
	int fd;
} inherited[SD_FDS_MAX];
static unsigned inherited_n;

/* The next name of a list apart by colons; "" when there is none. */
static const char *
next_name(const char *list, char *name)
{
	size_t n = strcspn(list, ":");

	snprintf(name, DOOR_NAME, "%.*s", (int)n, list);
	return list[n] == ':' ? list + n + 1 : list + n;
}

void
doors_inherit(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	int n = fds == NULL ? 0 : (int)strtol(fds, NULL, 10);

	if (pid == NULL || strtol(pid, NULL, 10) != (long)getpid())
		n = 0;
	for (int i = 0; i < n && i < SD_FDS_MAX; i++) {
		struct inherited *in = &inherited[inherited_n++];

		in->fd = SD_FIRST_FD + i;
		names = next_name(names == NULL ? "" : names, in->name);
		fcntl(in->fd, F_SETFD, FD_CLOEXEC);
		fcntl(in->fd, F_SETFL, fcntl(in->fd, F_GETFL) | O_NONBLOCK);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

int
door_fd(const struct door *d, unsigned self)
{
	return d->fds[d->shared_fd ? 0 : self - 1];
}

static void
door_close(struct door *d)
{
	for (unsigned i = 0; i < NET_WORKERS_MAX; i++) {
		if (d->fds[i] >= 0)
			close(d->fds[i]);
		d->fds[i] = -1;
	}
}

void
doors_close(struct doors *d)
{
	for (size_t i = 0; i < d->n; i++)
		door_close(&d->list[i]);
	free(d->list);
	*d = (struct doors){0};
}

static struct door *
add_door(struct doors *d, const char *listener, const char *address)
{
	struct door *door;

	d->list = xrealloc(d->list, d->n + 1, sizeof(*d->list));
	door = &d->list[d->n++];
	memset(door, 0, sizeof(*door));
	copy_text(door->listener, sizeof(door->listener), listener);
	snprintf(door->text, sizeof(door->text), "%s %s", listener, address);
	for (unsigned i = 0; i < NET_WORKERS_MAX; i++)
		door->fds[i] = -1;
	return door;
}

static int
set_options(int fd, const struct addr *a)
{
	int on = 1;

	if (a->ss.ss_family == AF_UNIX)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
		return -1;
	if (a->ss.ss_family != AF_INET6)
		return 0;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
}

static int
listen_at(const struct addr *a, struct err *e)
{
	char text[ADDR_TEXT];
	int fd = socket(
	    a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && set_options(fd, a) == 0 &&
	    bind(fd, (const struct sockaddr *)&a->ss, a->len) == 0 &&
	    listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	err_set(
	    e, "cannot listen on %s: %s", addr_text(a, text), strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A socket file that nobody listens at any more is in the way. */
static void
unlink_dead(const struct addr *a)
{
	const char *path = ((const struct sockaddr_un *)&a->ss)->sun_path;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&a->ss, a->len) < 0 &&
	    errno == ECONNREFUSED)
		unlink(path);
	close(fd);
}

/* Nobody else must have it: SO_REUSEPORT alone would let a second gateway of
 * the same user share the address in silence. */
static int
probe_free(const struct addr *a, struct err *e)
{
	char text[ADDR_TEXT];
	int on = 1, rc, saved;
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || addr_port(a) == 0) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ss.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	rc = bind(fd, (const struct sockaddr *)&a->ss, a->len);
	saved = errno;
	close(fd);
	if (rc == 0)
		return 0;
	return err_set(
	    e, "cannot listen on %s: %s", addr_text(a, text), strerror(saved));
}

static int
open_unix(struct door *door, const struct addr *a, struct err *e)
{
	unlink_dead(a);
	door->shared_fd = true;
	door->fds[0] = listen_at(a, e);
	return door->fds[0] < 0 ? -1 : 0;
}

/* Whoever it was opened for: a reload may say another mode. */
static int
own_unix(const struct conf *conf, const struct conf_section *s,
    const char *address, struct err *e)
{
	const char *mode = conf_word(conf, s, OPT_LISTENER_UNIX_MODE);
	const char *path;
	struct addr a;
	struct who who;

	if (addr_parse(address, &a, e) < 0 || who_find(conf, &who, e) < 0)
		return -1;
	if (a.ss.ss_family != AF_UNIX)
		return 0;
	path = ((const struct sockaddr_un *)&a.ss)->sun_path;
	if ((!who.change || chown(path, who.uid, who.gid) == 0) &&
	    chmod(path, (mode_t)strtol(mode, NULL, 8)) == 0)
		return 0;
	return err_set(
	    e, "%s: cannot set unix_mode: %s", address, strerror(errno));
}

/* mode = tproxy: connections to any address come in at this one. */
static int
open_wide(const struct conf *conf, const struct conf_section *s,
    const struct door *door, struct err *e)
{
	int on = 1;

	if (strcmp(conf_word(conf, s, OPT_LISTENER_PROTOCOL), "http") != 0 ||
	    strcmp(conf_word(conf, s, OPT_HTTP_MODE), "tproxy") != 0)
		return 0;
	for (unsigned i = 0; i < NET_WORKERS_MAX; i++) {
		if (door->fds[i] >= 0 &&
		    setsockopt(door->fds[i], IPPROTO_IP, IP_TRANSPARENT, &on,
			sizeof(on)) < 0)
			return err_set(e, "%s: mode: tproxy: %s",
			    conf_origin(conf, s, OPT_HTTP_MODE),
			    strerror(errno));
	}
	return 0;
}

/* Port 0 is any free one: all net workers' sockets then get the same. */
static int
open_inet(struct door *door, struct addr *a, unsigned workers, struct err *e)
{
	struct addr bound = *a;

	if (probe_free(a, e) < 0)
		return -1;
	for (unsigned i = 0; i < workers; i++) {
		door->fds[i] = listen_at(a, e);
		if (door->fds[i] < 0)
			return -1;
		bound.len = sizeof(bound.ss);
		if (getsockname(door->fds[i], (struct sockaddr *)&bound.ss,
			&bound.len) == 0)
			addr_set_port(a, addr_port(&bound));
	}
	return 0;
}

static int
open_address(struct doors *d, struct doors *old, const char *listener,
    const char *address, struct err *e)
{
	struct door *door = add_door(d, listener, address);
	struct addr a;

	for (size_t i = 0; old != NULL && i < old->n; i++) {
		if (old->list[i].fds[0] < 0 ||
		    strcmp(old->list[i].text, door->text) != 0)
			continue;
		*door = old->list[i];
		return 0;
	}
	if (addr_parse(address, &a, e) < 0)
		return -1;
	if (a.ss.ss_family == AF_UNIX)
		return open_unix(door, &a, e);
	return open_inet(door, &a, d->workers, e);
}

/* The sockets systemd has for this listener; false: none. */
static bool
open_inherited(struct doors *d, const char *listener)
{
	bool any = false;

	for (unsigned i = 0; i < inherited_n; i++) {
		struct door *door;
		char text[16];

		if (strcmp(inherited[i].name, listener) != 0)
			continue;
		snprintf(text, sizeof(text), "fd:%d", inherited[i].fd);
		door = add_door(d, listener, text);
		door->shared_fd = true;
		door->fds[0] = fcntl(inherited[i].fd, F_DUPFD_CLOEXEC, 0);
		any = true;
	}
	return any;
}

static int
open_listener(struct doors *d, struct doors *old, const struct conf *conf,
    const struct conf_section *s, struct err *e)
{
	const char *const *list;
	size_t n;

	if (conf_int(conf, s, OPT_LISTENER_ENABLED) == 0)
		return 0;
	if (open_inherited(d, conf_name(s)))
		return 0;
	n = conf_list(conf, s, OPT_LISTENER_ADDRESS, &list);
	for (size_t i = 0; i < n; i++) {
		if (open_address(d, old, conf_name(s), list[i], e) < 0 ||
		    own_unix(conf, s, list[i], e) < 0 ||
		    open_wide(conf, s, &d->list[d->n - 1], e) < 0)
			return -1;
	}
	return 0;
}

/* Is this door one of d's, taken over and not opened? */
static bool
moved_to(const struct doors *d, const struct door *door)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->list[i].fds[0] >= 0 && d->list[i].fds[0] == door->fds[0])
			return true;
	}
	return false;
}

/* Closes those of d that are not other's too. */
static void
close_unshared(struct doors *d, const struct doors *other)
{
	for (size_t i = 0; i < d->n; i++) {
		if (other == NULL || !moved_to(other, &d->list[i]))
			door_close(&d->list[i]);
	}
	free(d->list);
	*d = (struct doors){0};
}

int
doors_open(struct doors *d_r, struct doors *old, const struct conf *conf,
    unsigned workers, struct err *e)
{
	const struct conf_section *s = NULL;

	*d_r = (struct doors){.workers = workers};
	while ((s = conf_next(conf, "listener", s)) != NULL) {
		if (open_listener(d_r, old, conf, s, e) < 0) {
			close_unshared(d_r, old);
			return -1;
		}
	}
	for (unsigned i = 0; old == NULL && i < inherited_n; i++) {
		if (conf_section(conf, "listener", inherited[i].name) == NULL)
			log_warn(0,
			    "socket name=\"%s\" came from systemd, but there "
			    "is no [listener %s]: FileDescriptorName= must "
			    "name one",
			    log_quote(inherited[i].name), inherited[i].name);
	}
	if (old != NULL)
		close_unshared(old, d_r);
	return 0;
}
