/*
 * b_sink: a next hop that takes every mail and keeps none: PIPELINING,
 * 8BITMIME, SIZE.  It counts mails, and those that say of themselves that they
 * are infected; XSTAT tells.  One process, one loop, so that it is never what
 * is measured.  With --cert and --key it has STARTTLS.  Prints its address,
 * ends when standard input does.
 */

#include <signal.h>

#include "tests/bench/bench_tls.h"

#define READ_MAX (256 * 1024)
#define LINE_KEEP 1024
#define OUT_MAX 4096
#define INFECTED "X-Bench: infected"

struct client {
	struct wire wire;
	bool data;            /* inside a mail */
	bool secure;          /* TLS begins behind what is put */
	char line[LINE_KEEP]; /* what came of a command line, or of ".CRLF" */
	size_t len;
	size_t head; /* bytes of this mail that were searched */
	char out[OUT_MAX];
	size_t out_len;
};

static int epoll;
static uint64_t mails, infected, bytes;
static SSL_CTX *tls; /* NULL: no STARTTLS */

static void
reply(struct client *c, const char *text)
{
	size_t len = strlen(text);

	if (c->out_len + len <= OUT_MAX) {
		memcpy(c->out + c->out_len, text, len);
		c->out_len += len;
	}
}

static bool
is(const char *line, const char *word)
{
	return strncasecmp(line, word, strlen(word)) == 0;
}

/* False: the client has said goodbye. */
static bool
command(struct client *c, const char *line)
{
	char text[128];

	if (is(line, "EHLO")) {
		reply(c,
		    "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
		    "250-ENHANCEDSTATUSCODES\r\n");
		if (tls != NULL && c->wire.ssl == NULL)
			reply(c, "250-STARTTLS\r\n");
		reply(c, "250 SIZE\r\n");
	} else if (is(line, "STARTTLS") && tls != NULL) {
		reply(c, "220 2.0.0 go\r\n");
		c->secure = true;
	} else if (is(line, "DATA")) {
		reply(c, "354 go\r\n");
		c->data = true;
		c->head = 0;
		c->len = 0;
	} else if (is(line, "XSTAT")) {
		snprintf(text, sizeof(text),
		    "250 mails=%" PRIu64 " infected=%" PRIu64 " bytes=%" PRIu64
		    "\r\n",
		    mails, infected, bytes);
		reply(c, text);
	} else {
		reply(c,
		    is(line, "QUIT") ? "221 2.0.0 bye\r\n"
				     : "250 2.0.0 ok\r\n");
	}
	return !is(line, "QUIT");
}

/* Takes one command line off at; returns how many bytes, 0 for goodbye. */
static size_t
eat_command(struct client *c, const char *at, size_t len, bool *go_on)
{
	const char *end = memchr(at, '\n', len);
	size_t n = end == NULL ? len : (size_t)(end - at) + 1;
	size_t fits = n < LINE_KEEP - 1 - c->len ? n : LINE_KEEP - 1 - c->len;

	memcpy(c->line + c->len, at, fits);
	c->len += fits;
	if (end != NULL) {
		c->line[c->len] = '\0';
		c->len = 0;
		*go_on = command(c, c->line);
	}
	return n;
}

/*
 * Takes bytes of a mail.  line holds the last few of what came before, so that
 * an end which is cut in two is found.
 */
static size_t
eat_data(struct client *c, const char *at, size_t len)
{
	static const char dot[] = "\r\n.\r\n";
	char joint[16];
	size_t had = c->len, take = len < 4 ? len : 4;
	const char *end;

	if (c->head < 4096) {
		size_t n = len < 4096 ? len : 4096;

		infected +=
		    memmem(at, n, INFECTED, sizeof(INFECTED) - 1) != NULL;
		c->head += n;
	}
	memcpy(joint, c->line, had);
	memcpy(joint + had, at, take);
	end = memmem(joint, had + take, dot, 5);
	if (end != NULL) {
		len = (size_t)(end - joint) + 5 - had;
	} else if ((end = memmem(at, len, dot, 5)) != NULL) {
		len = (size_t)(end - at) + 5;
	} else if (len >= 4) {
		memcpy(c->line, at + len - 4, 4);
		c->len = 4;
	} else {
		size_t all = had + len, skip = all > 4 ? all - 4 : 0;

		memcpy(c->line, joint + skip, all - skip);
		c->len = all - skip;
	}
	bytes += len;
	if (end == NULL)
		return len;
	mails++;
	c->data = false;
	c->len = 0;
	reply(c, "250 2.0.0 taken\r\n");
	return len;
}

static void
client_free(struct client *c)
{
	wire_close(&c->wire);
	free(c);
}

static void
client_input(struct client *c)
{
	static char in[READ_MAX];
	ssize_t n = wire_recv(&c->wire, in, sizeof(in));
	bool go_on = true;
	size_t at = 0;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		client_free(c);
		return;
	}
	while (at < (size_t)n && go_on) {
		size_t len = (size_t)n - at;

		at += c->data ? eat_data(c, in + at, len)
			      : eat_command(c, in + at, len, &go_on);
	}
	if (c->out_len > 0 &&
	    wire_send(&c->wire, c->out, c->out_len) != (ssize_t)c->out_len)
		go_on = false;
	c->out_len = 0;
	if (c->secure)
		wire_secure(&c->wire, tls, false);
	c->secure = false;
	if (!go_on)
		client_free(c);
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
	if (!watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, c) ||
	    send(fd, "220 sink ESMTP\r\n", 16, MSG_NOSIGNAL) != 16)
		client_free(c);
}

static void
client_ready(void *client, uint32_t events)
{
	(void)events;
	client_input(client);
}

int
main(int argc, char **argv)
{
	const char *cert = argument(argc, argv, "--cert", "");

	signal(SIGPIPE, SIG_IGN);
	if (cert[0] != '\0')
		tls = wire_context(cert, argument(argc, argv, "--key", NULL));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	serve(epoll, argument(argc, argv, "--address", "127.0.0.1:0"),
	    client_accept, client_ready);
	return 0;
}
