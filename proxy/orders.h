#ifndef PROXY_ORDERS_H
#define PROXY_ORDERS_H

#include <stdint.h>

/*
 * orders: what the parent tells a net worker, one message each over a
 * SOCK_SEQPACKET pair, with descriptors.  Neither side reads a peer's bytes.
 */
/* clang-format off */
enum order_kind {
	ORDER_PAIR = 1,   /* fds: pair's end, pidfd; a b c: generation slot sequence */
	ORDER_SIGNER,     /* fds: a pair's end: there is a new one */
	ORDER_GENERATION, /* a: all its pairs have come; text: its version */
	ORDER_CONF,       /* fds: the configuration, tls_files; doors follow, then APPLY */
	ORDER_DOOR,       /* fds: a listening socket; text: listener and address */
	ORDER_APPLY,      /* a: for its UP; doors not named again are closed */
	ORDER_LOGS,       /* a: bit i set: fds has the file of sink i, in order */
	ORDER_DRAIN,
	ORDER_TICKET,     /* text: a key for TLS session tickets */
	/* net worker to parent */
	ORDER_UP,         /* it accepts connections; a: that of the APPLY, or 0 */
	ORDER_KINDS
};
/* clang-format on */

#define ORDER_TEXT 320
#define ORDER_FDS 9

struct order {
	uint32_t kind;
	uint32_t a, b, c;
	char text[ORDER_TEXT];
};

/* The descriptors stay the caller's.  0, or -1 with errno; EAGAIN when the
 * pair does not block and is full. */
int order_send(int sock, const struct order *o, const int *fds, unsigned n);

/* 1, 0 at end of file, -1 with errno (EBADMSG: not an order).  fds[ORDER_FDS]
 * are the caller's from then on. */
int order_recv(int sock, struct order *o_r, int *fds, unsigned *n_r);

#endif
