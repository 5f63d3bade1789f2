#ifndef SCAN_CONTROL_H
#define SCAN_CONTROL_H

#include <stddef.h>
#include <stdint.h>

/*
 * control: what the parent and the armoury say to each other, one message each
 * over a SOCK_SEQPACKET pair.  Both are one build of one program and neither
 * reads a peer's bytes, but a message that does not fit is refused all the
 * same.
 *
 * The armoury is started as
 *   sallyport-armoury --serve --generation N --net K --first-slot S
 * with the descriptors below, as the unprivileged user already.  It makes
 * pairs for net workers 1..K at once; for those that do not live the parent
 * closes what it gets and sends NET_NEW when they do.  It uses the slots S to
 * S + M - 1 for its M workers.  Standard error is for log lines.
 *
 * It ends with 0 when its last worker has gone after RETIRE, or when the
 * parent's end is closed (its workers are killed then); with ARMOURY_FAILED
 * after FAILED was sent.  When it dies otherwise its scan workers go on until
 * every one of their pairs has been closed.
 */
#define ARMOURY_CONTROL_FD 3 /* this socket */
#define ARMOURY_CONF_FD 4    /* conf_to_fd() */
#define ARMOURY_WORDS_FD 5   /* words_fd() */
#define ARMOURY_FAILED 69    /* exit status; EX_UNAVAILABLE */

/* clang-format off */
enum control_kind {
	/* armoury to parent */
	CONTROL_PAIR = 1, /* 2 descriptors: a pair's end, the worker's pidfd */
	CONTROL_READY,    /* all pairs have come; text: its version */
	CONTROL_CHANGED,  /* the database: once for every state it settles in */
	CONTROL_FAILED,   /* it ends now, never having been ready; text: why */
	/* parent to armoury */
	CONTROL_NET_NEW,  /* net was started: pairs with every worker for it */
	CONTROL_NET_GONE, /* net has died: what it had claimed is killed */
	CONTROL_RETIRE,   /* a new generation serves: end with the last worker */
	CONTROL_KINDS
};
/* clang-format on */

#define CONTROL_TEXT 256

struct control {
	uint32_t kind;       /* enum control_kind */
	uint32_t generation; /* of the armoury; always */
	uint32_t slot;       /* PAIR: in the table of words ... */
	uint32_t sequence;   /* ... and of the worker in it */
	uint32_t net;        /* PAIR, NET_NEW, NET_GONE: from 1 */
	uint32_t workers;    /* READY: how many */
	char text[CONTROL_TEXT];
};

#define CONTROL_FDS 2

/*
 * Sends m with n descriptors, which stay the caller's.  It waits while the
 * kernel has too many descriptors on their way.  0, or -1 with errno.
 */
int control_send(int sock, const struct control *m, const int *fds, unsigned n);

/* The same with a message of another kind. */
int control_pass(
    int sock, const void *bytes, size_t len, const int *fds, unsigned n);

/*
 * Takes one message and its descriptors (fds[CONTROL_FDS], *n_r of them; the
 * caller's from then on).  Returns 1, 0 at end of file, or -1 with errno;
 * EBADMSG: it did not fit and its descriptors were closed.
 */
int control_recv(int sock, struct control *m_r, int *fds, unsigned *n_r);

#endif
