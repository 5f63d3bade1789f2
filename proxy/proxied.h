#ifndef PROXY_PROXIED_H
#define PROXY_PROXIED_H

#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "proxy/base/addr.h"
#include "proxy/base/err.h"

struct loop;

/*
 * proxied: connections from a proxy, which says first for whom it speaks
 * (proxy_line).  Not a byte behind that is taken from the socket, so that what
 * follows may be TLS as well as words.
 */

/* What a listener says about it. */
struct proxied_conf {
	struct net *nets; /* of proxy_protocol_from */
	size_t n;
	int64_t timeout_ms;
};

int proxied_read(struct proxied_conf *c_r, const struct conf *conf,
    const struct conf_section *listener, struct err *e);
void proxied_forget(struct proxied_conf *c);

/* Must this peer speak it? */
bool proxied_must(const struct proxied_conf *c, const struct addr *peer);

struct proxied;

/*
 * The end of the wait, from the loop; *pp is gone then.  why NULL: *fdp is the
 * callee's, and client is who is there.  Else words for a log, and the
 * connection is closed.
 */
typedef void proxied_done(
    void *arg, int *fdp, const struct addr *client, const char *why);

/* All that wait at one door. */
struct proxied_list {
	struct proxied *first;
	size_t n;
};

/* Takes an accepted, non-blocking socket over. */
void proxied_wait(struct proxied_list *list, struct loop *l,
    const struct proxied_conf *c, int *fdp, const struct addr *peer,
    proxied_done *done, void *arg);

/* Closes all of them without a word. */
void proxied_drop(struct proxied_list *list);

#endif
