#ifndef TESTS_BENCH_BENCH_NET_H
#define TESTS_BENCH_BENCH_NET_H

/*
 * bench_net: sockets of the benchmark's own servers and clients.
 */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "proxy/base/addr.h"
#include "tests/bench/bench.h"

/* A listening socket, whose address is printed. */
static inline int
listener_open(const char *address)
{
	char text[ADDR_TEXT];
	struct addr a;
	struct err e;
	int fd, one = 1;

	if (addr_parse(address, &a, &e) < 0)
		die(address, e.text);
	fd = socket(a.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a.ss, a.len) < 0 ||
	    listen(fd, 4096) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die(address, strerror(errno));
	a.len = sizeof(a.ss);
	getsockname(fd, (struct sockaddr *)&a.ss, &a.len);
	printf("%s\n", addr_text(&a, text));
	fflush(stdout);
	return fd;
}

/* The next client; -1: none. */
static inline int
listener_take(int listener)
{
	int fd, one = 1;

	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* A socket on its way to a, non-blocking. */
static inline int
socket_to(const struct addr *a)
{
	int one = 1, fd;

	fd = socket(
	    a->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    (connect(fd, (const struct sockaddr *)&a->ss, a->len) < 0 &&
		errno != EINPROGRESS))
		die("connect", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Has epoll tell of fd, or tell otherwise; true: it does. */
static inline bool
watch(int epoll, int op, int fd, uint32_t events, void *arg)
{
	struct epoll_event e = {.events = events, .data.ptr = arg};

	return epoll_ctl(epoll, op, fd, &e) == 0;
}

/* Serves there until standard input ends, for then nobody wants it any more:
 * accepts() is for the listener, ready() for what is watched besides. */
static inline void
serve(int epoll, const char *address, void (*accepts)(int listener),
    void (*ready)(void *client, uint32_t events))
{
	static char listening, input;
	int listener = listener_open(address);
	struct epoll_event e[256];

	watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, &listening);
	watch(epoll, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, &input);
	for (;;) {
		int n = epoll_wait(epoll, e, 256, -1);

		for (int i = 0; i < n; i++) {
			if (e[i].data.ptr == &input)
				return;
			if (e[i].data.ptr == &listening)
				accepts(listener);
			else
				ready(e[i].data.ptr, e[i].events);
		}
	}
}

#endif
