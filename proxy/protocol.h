#ifndef PROXY_PROTOCOL_H
#define PROXY_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/err.h"
#include "proxy/io.h"

struct place;
struct session;

/* Why the gateway itself must turn a peer away. */
enum refusal {
	REFUSE_BUSY,        /* max_sessions */
	REFUSE_CLIENT,      /* max_sessions_per_client */
	REFUSE_NOT_ALLOWED, /* allow_from */
	REFUSE_RATE,        /* max_sessions_per_minute */
	REFUSE_SHUTDOWN     /* TERM: we drain */
};

/*
 * A protocol turns bytes into contents and decisions into bytes.  It owns no
 * socket, timer or thread: it is told what happens, it reads and writes
 * through struct io, it brings contents to the gate through an exchange.
 *
 * To add one: write protocols/NAME/, list it in proxy/main.c, and give it
 * tests/scenes/NAME/.
 */
struct protocol {
	const char *name;  /* also the word in [listener] protocol */
	bool starttls;     /* tls = starttls and require mean something */
	size_t state_size; /* bytes at s->state, zeroed before open() */

	/*
	 * Once per net worker, listener and configuration: reads its options
	 * and begins what it learns ahead (a next hop's EHLO).  *own_r comes
	 * back as place->own.  0, or -1 with words; sallyportd --check calls
	 * it too, with place->worker NULL: then it only checks.
	 */
	int (*prepare)(struct place *place, void **own_r, struct err *e);
	void (*forget)(void *own); /* no session uses it any more */

	void (*open)(struct session *s); /* a client is there: greet it */

	/* Of s->client; IO_GONE is followed by close(). */
	void (*client)(struct session *s, enum io_event what);

	/* The gateway drains: end when nothing is under way. */
	void (*drain)(struct session *s);

	/* Another configuration is in force: end between two exchanges, so
	 * that the next one is under that.  NULL: sessions keep theirs. */
	void (*renew)(struct session *s);

	/* Says no in this protocol's own words, before open(). */
	void (*refuse)(
	    struct io *client, const char *gateway, enum refusal why);

	void (*close)(struct session *s); /* free what state holds */
};

extern const struct protocol *const protocols[]; /* main.c; NULL ends it */

#endif
