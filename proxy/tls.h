#ifndef PROXY_TLS_H
#define PROXY_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "proxy/base/addr.h"
#include "proxy/base/err.h"
#include "proxy/base/slice.h"
#include "proxy/tls_files.h"
#include "proxy/tls_ticket.h"

/*
 * tls: what one side of TLS connections has in common: the certificate of a
 * [listener], or whom we trust as a client.  tls.c and tls_link.c are the
 * files that speak OpenSSL's SSL; no protocol has its own.
 */
struct tls;

/* Files and tickets as this process has them; tickets may be NULL. */
struct tls_kit {
	const struct tls_files *files;
	const struct tls_tickets *tickets;
};

/* The listener's side.  tickets are borrowed for as long as any connection
 * lives.  NULL with `file:line: text`. */
struct tls *tls_server(const struct conf *c,
    const struct conf_section *listener, const struct tls_kit *kit,
    struct err *e);

/* Our side as a client, with what stands in s (NULL: [tls]). */
struct tls *tls_client(const struct conf *c, const struct conf_section *s);

/* A client's connections can verify: reads ca_bundle.  0, or -1 with
 * `file:line: text`. */
int tls_trust(struct tls *t, const struct conf *c, const struct conf_section *s,
    const struct tls_kit *kit, struct err *e);

/* Connections hold it, too. */
void tls_hold(struct tls *t);
void tls_drop(struct tls **tp);

/*
 * Looks at the certificates and keys of every [listener].  What is wrong is
 * printed as `file:line: text`; 0, or -1.  One that is out of date is no
 * error: tls_warn() prints `warning: file:line: text`.
 */
int tls_check(const struct conf *c, const struct tls_files *f, FILE *out);
void tls_warn(const struct conf *c, const struct tls_files *f, FILE *out);

/* ---- one connection, for io alone ---- */

struct tls_link;

enum tls_is {
	TLS_OK,
	TLS_WANT_READ, /* the socket is empty */
	TLS_WANT_WRITE,
	TLS_BYE,   /* the peer has said that it sends no more */
	TLS_CUT,   /* it sends no more, and has not said so */
	TLS_BROKEN /* tls_link_error(), tls_link_trouble() */
};

/*
 * name: whom a client wants to meet: NULL or a host's name or address; verify:
 * and it has to prove that (tls_trust() was called).  early: bytes of the peer
 * that were read already.  fd stays the caller's.
 */
struct tls_link *tls_link_open(
    struct tls *t, int fd, const char *name, bool verify, struct slice early);
void tls_link_free(struct tls_link **kp);

/* A client, before the handshake: sessions that the server at peer gave to
 * such a link (same name, same verify, same side) may go on in this one, and
 * what it gives now in another. */
void tls_link_again(struct tls_link *k, const struct addr *peer);

/* Before the handshake.  A client: goes on with the session of from, behind
 * whose handshake this is; the server may refuse that.  A server: gives its
 * client no ticket, so that one who only sends need not read. */
void tls_link_resume(struct tls_link *k, const struct tls_link *from);
void tls_link_no_ticket(struct tls_link *k);

/* Before the handshake: HTTP/2 is offered in front of HTTP/1.1; behind it: is
 * that what was chosen (RFC 7301, RFC 9113 3.2)? */
void tls_link_offer_h2(struct tls_link *k);
bool tls_link_speaks_h2(const struct tls_link *k);

/* The handshake; again and again until it is TLS_OK. */
enum tls_is tls_link_hands(struct tls_link *k);

/* TLS_OK: *n_r bytes, at least one.  What ended it is said each time. */
enum tls_is tls_link_read(
    struct tls_link *k, char *to, size_t size, size_t *n_r);

/* At most TLS_PIECE bytes.  After TLS_WANT_WRITE it MUST be called again with
 * the same ones. */
#define TLS_PIECE ((size_t)16384)
enum tls_is tls_link_write(
    struct tls_link *k, const char *bytes, size_t len, size_t *n_r);

/* Says that we send no more. */
enum tls_is tls_link_bye(struct tls_link *k);

/* errno, or EPROTO; and words for a log, "" for none. */
int tls_link_error(const struct tls_link *k);
const char *tls_link_trouble(const struct tls_link *k);

/* It failed because the peer's certificate proves nothing to us; the number of
 * the alert that the peer has sent (RFC 8446 6), but for close_notify: 0. */
bool tls_link_distrusts(const struct tls_link *k);
int tls_link_alert(const struct tls_link *k);

/* Behind the handshake: "1.3"; the cipher by its name in RFCs (both static);
 * was it a session from before? */
const char *tls_link_version(const struct tls_link *k);
const char *tls_link_cipher(const struct tls_link *k);
bool tls_link_resumed(const struct tls_link *k);

#endif
