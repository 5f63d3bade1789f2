/*
 * b_origin: a web server that does nothing but send: GET /FILE/LENGTH/SERIAL
 * is the body that bench_web.h makes of them.  Keep-alive, no pipelining; with
 * --cert and --key under TLS.  One process, one loop.  Prints its address, ends
 * when standard input does.
 */

#include <signal.h>
#include <sys/uio.h>

#include "tests/bench/bench_tls.h"
#include "tests/bench/bench_web.h"

#define IN_MAX 4096
#define HEAD_MAX 256
#define PIECES 8

struct client {
	struct wire wire;
	char in[IN_MAX];
	size_t in_len;
	char head[HEAD_MAX];
	size_t head_len;
	struct body body;
	uint64_t sent; /* of head and body together */
	bool answering, writing;
};

static int epoll;
static struct corpus corpus;
static SSL_CTX *tls; /* NULL: in the clear */

static void
client_free(struct client *c)
{
	wire_close(&c->wire);
	free(c);
}

static void
want_write(struct client *c, bool on)
{
	if (c->writing == on)
		return;
	c->writing = on;
	watch(epoll, EPOLL_CTL_MOD, c->wire.fd, on ? EPOLLOUT : EPOLLIN, c);
}

/* The path of "GET /..." or "GET http://HOST/...". */
static const char *
path_of(const char *line)
{
	const char *at = strstr(line, "://");
	const char *end = strchr(line, '\r');

	if (at == NULL || at > end)
		return strchr(line, '/');
	return strchr(at + 3, '/');
}

/* Makes the answer ready; false: it is no request of ours. */
static bool
answer(struct client *c)
{
	const char *path = path_of(c->in), *slash;
	const struct mail *file;
	const char *type;
	uint64_t length;
	char *end;

	if (path == NULL || (slash = strchr(path + 1, '/')) == NULL)
		return false;
	file = corpus_find(&corpus, path + 1, (size_t)(slash - path) - 1);
	if (file == NULL)
		return false;
	length = strtoull(slash + 1, &end, 10);
	if (length == 0)
		length = file->len;
	body_begin(&c->body, file, length,
	    *end == '/' ? strtoull(end + 1, NULL, 16) : 0);
	type = strstr(file->name, ".html") == NULL ? "application/octet-stream"
						   : "text/html";
	c->head_len = (size_t)snprintf(c->head, HEAD_MAX,
	    "HTTP/1.1 200 OK\r\nServer: b_origin\r\n"
	    "Date: Mon, 02 Nov 2026 10:00:00 GMT\r\n"
	    "Content-Type: %s\r\nContent-Length: %" PRIu64 "\r\n\r\n",
	    type, length);
	c->sent = 0;
	return true;
}

/* What is to be sent next. */
static int
pieces(const struct client *c, struct iovec *v)
{
	uint64_t at = c->sent;
	int n = 0;

	if (at < c->head_len) {
		v[n++] = (struct iovec){
		    (char *)(uintptr_t)c->head + at, c->head_len - (size_t)at};
		at = c->head_len;
	}
	for (; n < PIECES && at - c->head_len < c->body.length; n++) {
		const char *p;

		v[n].iov_len = body_piece(&c->body, at - c->head_len, &p);
		v[n].iov_base = (char *)(uintptr_t)p;
		at += v[n].iov_len;
	}
	return n;
}

static void
client_send(struct client *c)
{
	struct iovec v[PIECES];
	ssize_t sent;
	int n;

	while ((n = pieces(c, v)) > 0) {
		sent = c->wire.ssl == NULL
		    ? writev(c->wire.fd, v, n)
		    : wire_send(&c->wire, v[0].iov_base, v[0].iov_len);
		if (sent < 0 && errno == EAGAIN) {
			want_write(c, true);
			return;
		}
		if (sent < 0) {
			client_free(c);
			return;
		}
		c->sent += (uint64_t)sent;
	}
	c->answering = false;
	want_write(c, false);
}

static void
client_input(struct client *c)
{
	ssize_t n =
	    wire_recv(&c->wire, c->in + c->in_len, IN_MAX - 1 - c->in_len);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		client_free(c);
		return;
	}
	c->in_len += (size_t)n;
	c->in[c->in_len] = '\0';
	if (strstr(c->in, "\r\n\r\n") == NULL)
		return;
	if (c->answering || !answer(c)) {
		client_free(c);
		return;
	}
	c->in_len = 0;
	c->answering = true;
	client_send(c);
}

static void
client_accept(int listener)
{
	int fd = listener_take(listener);
	struct client *c;

	if (fd < 0)
		return;
	c = xcalloc(1, sizeof(*c));
	c->wire.fd = fd;
	if (tls != NULL)
		wire_secure(&c->wire, tls, false);
	if (!watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, c))
		client_free(c);
}

static void
client_ready(void *client, uint32_t events)
{
	if ((events & EPOLLOUT) != 0)
		client_send(client);
	else
		client_input(client);
}

int
main(int argc, char **argv)
{
	const char *cert = argument(argc, argv, "--cert", "");

	signal(SIGPIPE, SIG_IGN);
	if (cert[0] != '\0')
		tls = wire_context(cert, argument(argc, argv, "--key", NULL));
	corpus_read(&corpus, argument(argc, argv, "--corpus", NULL));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	serve(epoll, argument(argc, argv, "--address", "127.0.0.1:0"),
	    client_accept, client_ready);
	return 0;
}
