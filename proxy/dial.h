#ifndef PROXY_DIAL_H
#define PROXY_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/addr.h"

struct dial;
struct dialer;
struct io;
struct loop;

/*
 * dial: from a name or address to a connection.  Names go through c-ares
 * (/etc/hosts counts); the addresses of a name are tried with families in turns
 * and a quarter of a second apart (RFC 8305): the first that answers is it.
 */
struct dialer *dialer_open(struct loop *l); /* one a loop */
void dialer_free(struct dialer **dp);

/* A program that was dialled has not ended yet. */
bool dialer_busy(const struct dialer *d);

/* io is NULL when it failed; then why says it in words for a log. */
typedef void dial_done(void *arg, struct io *io, const char *why);

/* host: a name, an address, "unix:/path", or "pipe:/path words" for a program
 * that program_start() starts (port unused for both).  done is called from the
 * loop, never from in here; the callee owns io. */
struct dial *dial_start(struct dialer *d, const char *host, uint16_t port,
    int64_t timeout_ms, dial_done *done, void *arg);

/*
 * The same, but each address is asked about before it is connected to: one
 * that is not allowed is passed over as if it had not answered, and says
 * DIAL_NOT_ALLOWED when none is left.  allowed_arg lives as long as the dial.
 */
#define DIAL_NOT_ALLOWED "not allowed"
typedef bool dial_allowed(const void *arg, const struct addr *a);
struct dial *dial_start_where(struct dialer *d, const char *host, uint16_t port,
    int64_t timeout_ms, dial_allowed *allowed, const void *allowed_arg,
    dial_done *done, void *arg);

/* Forgets it: done is not called.  NULL is fine. */
void dial_cancel(struct dial **dp);

#endif
