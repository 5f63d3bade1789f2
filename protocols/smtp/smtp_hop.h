#ifndef SMTP_HOP_H
#define SMTP_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/smtp/smtp_reply.h"
#include "proxy/base/addr.h"

struct dialer;
struct io;
struct tls;

/* A connection carries at most so many mails. */
#define SMTP_HOP_MAILS 100

/* What its owner is told. */
enum smtp_hop_event {
	HOP_READY,   /* greeted and EHLO answered, also behind XCLIENT: caps */
	HOP_SAID,    /* the reply to the oldest command: reply */
	HOP_DRAINED, /* all that was sent is with the kernel */
	HOP_LOST     /* it is of no use any more: why; free it */
};

struct smtp_hop;
typedef void smtp_hop_told(
    void *arg, struct smtp_hop *h, enum smtp_hop_event what);

/* The words of next_hop_tls. */
enum smtp_hop_tls {
	HOP_TLS_OFF,
	HOP_TLS_MAY,  /* where it is offered, and in the clear if it fails */
	HOP_TLS_MUST, /* or the hop is of no use */
	HOP_TLS_VERIFY
};

/* Where to and how long; text is borrowed for the hop's life. */
struct smtp_hop_conf {
	const char *host;
	uint16_t port;
	bool lmtp;               /* LHLO for EHLO (RFC 2033) */
	const char *gateway;     /* our name in EHLO */
	int64_t connect_timeout; /* connection, greeting and EHLO, each */
	int64_t timeout;         /* of each reply ... */
	int64_t data_timeout;    /* ... but of the one to the final dot */
	unsigned counted;        /* our protocol, for stats.h */
	enum smtp_hop_tls tls_want;
	struct tls *tls; /* our side; NULL: HOP_TLS_OFF */
};

/*
 * One connection to a next hop.  It knows the order of commands and replies,
 * not what they mean.
 */
#define SMTP_HOP_MAGIC 0x570b0001u
struct smtp_hop {
	uint32_t magic;
	unsigned at;   /* smtp_hop.c: enum at */
	struct io *io; /* NULL while dialling, and while pooled */
	struct dialer *dialer;
	struct dial *dial;
	const struct smtp_hop_conf *conf;
	bool tls_begun;    /* STARTTLS was answered 220 */
	bool tls_given_up; /* it failed, and this is the dial without it */
	smtp_hop_told *told;
	void *arg;
	unsigned owed;    /* replies to commands that were sent */
	unsigned swallow; /* so many of them nobody is told */
	uint64_t sent;    /* bytes when the deadline was set */
	bool telling;     /* its owner is being told */
	bool dead;        /* ... and has freed it meanwhile */

	/* for the owner to read */
	unsigned mails; /* mails it has carried */
	bool idled;     /* it was idle: the hop may have closed it meanwhile */
	bool tainted;   /* it said 5xx or 421: never reused */
	bool ended;     /* the last was a body: no mail is under way there */
	bool unreset;   /* RSET goes out with the next command */
	struct smtp_caps caps;
	struct smtp_reply reply;
	bool introduced;        /* XCLIENT was said */
	bool bound;             /* ... and taken: of no use to another client */
	bool sasl;              /* AUTH was said: long 334 lines may come */
	struct slice challenge; /* of a 334; valid while it is told */
	char why[160];          /* why it is lost, in words for a log */
	char address[ADDR_TEXT];

	void *peer; /* smtp_hops.c's: the next hop it belongs to */
	struct smtp_hop *next;
};

/* Begins to connect; told comes from the loop, never from in here. */
struct smtp_hop *smtp_hop_dial(struct dialer *d,
    const struct smtp_hop_conf *conf, smtp_hop_told *told, void *arg);

void smtp_hop_owner(struct smtp_hop *h, smtp_hop_told *told, void *arg);

/* Sends one command, CRLF included; its reply will come. */
void smtp_hop_ask(struct smtp_hop *h, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with a line as it lies, CRLF not in it. */
void smtp_hop_say(struct smtp_hop *h, struct slice line);

/* XCLIENT with " NAME=... ADDR=...": HOP_READY comes once more, taken or not.
 */
void smtp_hop_introduce(struct smtp_hop *h, const char *attributes);

/* RSET; neither its reply nor those still owed are told. */
void smtp_hop_reset(struct smtp_hop *h);

/* The body follows: what the owner puts to h->io.  One reply is owed. */
void smtp_hop_body(struct smtp_hop *h);

/* Waits ms for the next reply, as option says; 0: for ever. */
void smtp_hop_wait(struct smtp_hop *h, int64_t ms, const char *option);

/* Ready, and no reply is owed. */
bool smtp_hop_quiet(const struct smtp_hop *h);

/* The connection leaves for a pool, and comes back from it. */
struct io *smtp_hop_unplug(struct smtp_hop *h);
void smtp_hop_plug(
    struct smtp_hop *h, struct io *io, smtp_hop_told *told, void *arg);

/* Says QUIT, if there is nothing under way, and closes.  NULL is fine. */
void smtp_hop_free(struct smtp_hop **hp);

#endif
