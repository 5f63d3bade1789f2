/*
 * b_filter: a filter for an MTA that looks at nothing and says yes to all:
 * what the filter's interface itself costs the MTA.  Sendmail's packets are
 * a length, a letter and data; whatever need not be answered is not.
 *
 *   b_filter --path SOCKET
 */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/bench/bench.h"

#define PEERS_MAX 512
#define HEAD 5 /* the letter belongs to it */
#define AGREE_LEN 17
#define NO_REPLIES 0x000ff080u /* to anything but the end of the body */

struct peer {
	unsigned char head[HEAD];
	size_t have;
	uint32_t left;       /* of a packet's data */
	unsigned char o[12]; /* data of the offer: version, actions, steps */
	size_t o_n;
};

static struct pollfd fds[PEERS_MAX + 1];
static struct peer peers[PEERS_MAX + 1];
static unsigned n;

static uint32_t
word_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static void
word_to(unsigned char *p, uint32_t w)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(w >> (24 - 8 * i));
}

static void
agree(int fd, const struct peer *p)
{
	unsigned char out[AGREE_LEN] = {0, 0, 0, AGREE_LEN - 4, 'O'};

	memcpy(out + HEAD, p->o, 4);
	word_to(out + HEAD + 8, word_at(p->o + 8) & NO_REPLIES);
	if (write(fd, out, sizeof(out)) != (ssize_t)sizeof(out))
		die("agree", strerror(errno));
}

/* A packet has come.  False: that was the last. */
static bool
answer(int fd, struct peer *p)
{
	static const unsigned char yes[] = {0, 0, 0, 1, 'c'};
	unsigned char letter = p->head[HEAD - 1];

	p->have = 0;
	if (letter == 'O')
		agree(fd, p);
	if (letter == 'E' && write(fd, yes, sizeof(yes)) < 0)
		return false;
	return letter != 'Q';
}

/* What has come of packets.  False: the peer is to go. */
static bool
take(int fd, struct peer *p, const unsigned char *at, size_t len)
{
	while (len > 0) {
		if (p->have < HEAD) {
			p->head[p->have++] = *at++;
			len--;
			if (p->have < HEAD)
				continue;
			p->left = word_at(p->head) - 1;
			p->o_n = 0;
		}
		while (len > 0 && p->left > 0 && p->head[HEAD - 1] == 'O') {
			if (p->o_n < sizeof(p->o))
				p->o[p->o_n++] = *at;
			at++, len--, p->left--;
		}
		if (len < p->left) {
			p->left -= (uint32_t)len;
			return true;
		}
		at += p->left;
		len -= p->left;
		p->left = 0;
		if (!answer(fd, p))
			return false;
	}
	return true;
}

static void
drop(unsigned i)
{
	close(fds[i].fd);
	fds[i] = fds[--n];
	peers[i] = peers[n];
}

static void
serve(void)
{
	static unsigned char bytes[65536];

	for (unsigned i = n; i-- > 1;) {
		ssize_t got;

		if (fds[i].revents == 0)
			continue;
		got = read(fds[i].fd, bytes, sizeof(bytes));
		if (got <= 0 || !take(fds[i].fd, &peers[i], bytes, (size_t)got))
			drop(i);
	}
	if (fds[0].revents != 0 && n <= PEERS_MAX) {
		fds[n].fd = accept(fds[0].fd, NULL, NULL);
		fds[n].events = POLLIN;
		fds[n].revents = 0;
		peers[n] = (struct peer){.have = 0};
		n += fds[n].fd >= 0;
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	signal(SIGPIPE, SIG_IGN);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s",
	    argument(argc, argv, "--path", NULL));
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    chmod(to.sun_path, 0666) < 0 || listen(fd, PEERS_MAX) < 0)
		die(to.sun_path, strerror(errno));
	fds[0] = (struct pollfd){.fd = fd, .events = POLLIN};
	n = 1;
	while (poll(fds, n, -1) >= 0 || errno == EINTR)
		serve();
	return 1;
}
