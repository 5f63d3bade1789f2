#ifndef UNIT_LEAF_SIDE_H
#define UNIT_LEAF_SIDE_H

/*
 * leaf_side: a place that has leaves made by a signer in a process of its own,
 * without its jail; and who asks, and what they hear.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/clock.h"
#include "proxy/base/fdpass.h"
#include "proxy/base/log.h"
#include "proxy/ca_serve.h"
#include "proxy/leaf.h"
#include "proxy/leaf_own.h"
#include "proxy/loop.h"
#include "proxy/session.h"
#include "proxy/tls_own.h"

#define PEM_MAX 65536
#define PATIENCE_MS 20000

/* ---- a worker that has a link and nothing else ---- */

static struct loop *loop;
static struct leaf_link *the_link;

struct leaf_link *
worker_leaf_link(const struct worker *w)
{
	(void)w;
	return the_link;
}

unsigned
worker_count(const struct worker *w)
{
	(void)w;
	return 4;
}

/* ---- a signer in a process of its own, without its jail ---- */

struct signing {
	pid_t pid;
	int control;
};

static struct ca *ca;

static inline void
start_signer(struct signing *s, int64_t lifetime_ms)
{
	struct ca_plan plan = {.lifetime_ms = lifetime_ms, .cache = 16};
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		close(pair[0]);
		plan.control = pair[1];
		ca_serve(ca, &plan);
		_exit(0);
	}
	close(pair[1]);
	s->control = pair[0];
}

/* What the parent does for each net worker.  The worker's end. */
static inline int
pair_with(const struct signing *s)
{
	unsigned char byte = 0;
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fdpass_send(s->control, &byte, 1, &pair[0], 1), 0);
	close(pair[0]);
	return pair[1];
}

static inline void
end_signer(struct signing *s, int status)
{
	int is;

	close(s->control);
	assert_int_equal(waitpid(s->pid, &is, 0), s->pid);
	assert_int_equal(is, status);
}

static inline void
kill_signer(struct signing *s)
{
	kill(s->pid, SIGKILL);
	end_signer(s, SIGKILL);
}

/* ---- a place ---- */

struct house {
	struct conf *conf;
	struct tls_tickets tickets;
	struct tls_kit kit;
	struct place place;
};

#define TEXT \
	"[listener web]\nprotocol = http\naddress = 127.0.0.1:1\npolicy = p\n" \
	"[policy p]\n[engine clamav]\n[tls-inspection]\nleaf_cache = 64\n"

static inline void
open_house(struct house *h, const char *more)
{
	char text[1024];

	memset(h, 0, sizeof(*h));
	(void)snprintf(text, sizeof(text), "%s%s", TEXT, more);
	h->conf = conf_from_text("t.ini", text, strlen(text), false, stderr);
	assert_non_null(h->conf);
	h->kit.tickets = &h->tickets;
	h->place.conf = h->conf;
	h->place.name = "web";
	h->place.listener = conf_section(h->conf, "listener", "web");
	h->place.worker = (struct worker *)h; /* nobody looks inside */
	h->place.tls_kit = &h->kit;
	loop = loop_open();
	the_link = leaf_link_open(loop);
}

static inline void
close_house(struct house *h)
{
	leaf_link_free(&the_link);
	loop_free(&loop);
	conf_free(&h->conf);
}

/* ---- asking ---- */

struct heard {
	unsigned times;
	unsigned wanted;  /* then the loop stops */
	struct tls *leaf; /* the last one, held */
	char why[64];
};

static inline void
on_leaf(void *arg, struct tls *leaf, const char *why)
{
	struct heard *h = arg;

	h->times++;
	tls_drop(&h->leaf);
	if (leaf != NULL) {
		assert_null(why);
		tls_hold(leaf);
		h->leaf = leaf;
	} else
		(void)snprintf(h->why, sizeof(h->why), "%s", why);
	if (h->times == h->wanted)
		loop_stop(loop);
}

static inline void
on_too_late(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

/* Turns the loop until all that is wanted was heard. */
static inline void
hear(struct heard *h)
{
	struct timer *t = timer_open(loop, on_too_late, NULL);

	timer_set(t, PATIENCE_MS);
	if (h->times < h->wanted)
		loop_run(loop);
	timer_free(&t);
	assert_int_equal(h->times, h->wanted);
}

static inline struct leaf_ask *
ask(struct leaves *l, const char *name, struct heard *h)
{
	h->wanted++;
	return leaf_ask(l, &name, 1, on_leaf, h);
}

static inline struct tls *
ready(struct leaves *l, const char *name)
{
	return leaf_ready(l, &name, 1);
}

/* What a client would see: the caller frees it. */
static inline SSL *
shows(struct tls *t)
{
	SSL *ssl = SSL_new(t->ctx);

	assert_non_null(ssl);
	tls_show(ssl, t->shown);
	return ssl;
}

/* It lives as t does. */
static inline X509 *
shown(struct tls *t)
{
	SSL *ssl = shows(t);
	X509 *cert = SSL_get_certificate(ssl);

	SSL_free(ssl);
	return cert;
}

static inline bool
is_for(struct tls *t, const char *name)
{
	X509 *cert = shown(t);

	return X509_check_host(cert, name, 0, 0, NULL) == 1;
}

static inline ASN1_INTEGER *
serial(struct tls *t)
{
	return X509_get_serialNumber(shown(t));
}

#endif
