/*
 * place: a listener under one configuration.  It counts who uses it, and goes
 * at the end of a turn of the loop, when nobody can still be inside it.
 */
#include <string.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/place_own.h"

static void
find_protocol(struct place *p, const char *word)
{
	for (unsigned i = 0; protocols[i] != NULL; i++) {
		if (strcmp(protocols[i]->name, word) != 0)
			continue;
		p->protocol = protocols[i];
		p->counted = i + 1;
		return;
	}
}

/* [gateway] name, or the host's. */
static void
name_gateway(struct place_own *o, const struct conf *conf)
{
	const char *name = conf_str(conf, NULL, OPT_GATEWAY_NAME);

	copy_text(o->gateway, sizeof(o->gateway), name);
	if (o->gateway[0] == '\0' &&
	    gethostname(o->gateway, sizeof(o->gateway) - 1) < 0)
		copy_text(o->gateway, sizeof(o->gateway), "localhost");
	o->p.gateway = o->gateway;
}

static void
free_place(struct place_own *o)
{
	admit_free(&o->admit);
	proxied_forget(&o->proxied);
	job_cancel(&o->bury);
	tls_drop(&o->p.tls);
	tls_drop(&o->p.tls_client);
	o->p.magic = 0;
	free(o);
}

static void
bury(void *arg)
{
	struct place_own *o = arg;
	place_gone *gone = o->gone;
	void *gone_arg = o->arg;

	if (o->users > 0)
		return;
	if (o->p.protocol->forget != NULL)
		o->p.protocol->forget(o->p.own);
	free_place(o);
	if (gone != NULL)
		gone(gone_arg);
}

/* 0, or -1 with words when the protocol cannot do what is asked for. */
static int
choose_tls(struct place *p, struct err *e)
{
	p->tls_mode = tls_mode(p->conf, p->listener);
	if (p->protocol->starttls || p->tls_mode == TLS_OFF ||
	    p->tls_mode == TLS_IMPLICIT)
		return 0;
	p->tls_mode = TLS_OFF;
	if (!conf_given(p->conf, p->listener, OPT_LISTENER_TLS))
		return 0;
	return err_set(e,
	    "%s: tls: protocol = %s has no STARTTLS: off or "
	    "implicit",
	    conf_origin(p->conf, p->listener, OPT_LISTENER_TLS),
	    p->protocol->name);
}

static int
open_tls(struct place *p, const struct tls_kit *kit, struct err *e)
{
	p->tls_client = tls_client(p->conf, p->listener);
	p->tls_timeout =
	    conf_int(p->conf, p->listener, OPT_TLS_HANDSHAKE_TIMEOUT);
	p->tls_kit = kit;
	if (kit != NULL && choose_tls(p, e) < 0)
		return -1;
	if (p->tls_mode == TLS_OFF)
		return 0;
	p->tls = tls_server(p->conf, p->listener, kit, e);
	return p->tls == NULL ? -1 : 0;
}

struct place *
place_open(struct worker *w, const struct conf *conf,
    const struct conf_section *listener, const struct policies *policies,
    const struct tls_kit *kit, struct err *e)
{
	struct place_own *o = xcalloc(1, sizeof(*o));
	const char *word = conf_word(conf, listener, OPT_LISTENER_PROTOCOL);

	o->p.magic = PLACE_MAGIC;
	o->p.name = conf_name(listener);
	find_protocol(&o->p, word);
	o->p.conf = conf;
	o->p.listener = listener;
	o->p.direction = conf_word(conf, listener, OPT_LISTENER_DIRECTION);
	o->p.policy = conf_str(conf, listener, OPT_LISTENER_POLICY);
	o->p.policies = policies;
	o->p.worker = w;
	o->users = 1; /* whoever opens it, until place_retire() */
	LIST_INIT(&o->sessions);
	job_init(&o->bury, bury, o);
	name_gateway(o, conf);
	if (o->p.protocol == NULL) {
		free_place(o);
		(void)err_set(e, "no such protocol: %s", word);
		return NULL;
	}
	if (admit_read(&o->admit, conf, listener, e) < 0 ||
	    proxied_read(&o->proxied, conf, listener, e) < 0 ||
	    open_tls(&o->p, kit, e) < 0 ||
	    (o->p.protocol->prepare != NULL &&
		o->p.protocol->prepare(&o->p, &o->p.own, e) < 0)) {
		free_place(o);
		return NULL;
	}
	o->p.tls_kit = NULL;
	return &o->p;
}

void
place_hold(struct place *p)
{
	place_own(p)->users++;
}

void
place_drop(struct place *p)
{
	struct place_own *o = place_own(p);

	MUST(o->users > 0);
	if (--o->users > 0)
		return;
	if (p->worker == NULL)
		bury(o);
	else
		loop_later(worker_loop(p->worker), &o->bury);
}

void
place_retire(struct place **pp, place_gone *gone, void *arg)
{
	struct place_own *o;

	if (*pp == NULL)
		return;
	o = place_own(*pp);
	*pp = NULL;
	o->gone = gone;
	o->arg = arg;
	place_drop(&o->p);
}

const struct admit *
place_admit(const struct place *p)
{
	return &place_own(p)->admit;
}

const struct proxied_conf *
place_proxied(const struct place *p)
{
	return &place_own(p)->proxied;
}

unsigned
place_sessions(const struct place *p)
{
	return place_own(p)->sessions_n;
}

/* A session that ends in here leaves the list; its memory stays for this
 * turn, its link with it, and the place that it holds. */
static void
each_session(struct place *p, void (*what)(struct session *s))
{
	struct session_own *o;

	LIST_FOREACH(o, &place_own(p)->sessions, link)
	{
		if (!o->ended)
			what(&o->s);
	}
}

static void
drain_one(struct session *s)
{
	if (!((struct session_own *)(void *)s)->opened)
		session_end(s); /* its handshake is under way */
	else if (s->place->protocol->drain != NULL)
		s->place->protocol->drain(s);
}

void
place_drain(struct place *p)
{
	each_session(p, drain_one);
}

static void
renew_one(struct session *s)
{
	if (((struct session_own *)(void *)s)->opened)
		s->place->protocol->renew(s);
}

void
place_renew(struct place *p)
{
	if (p->protocol->renew != NULL)
		each_session(p, renew_one);
}

void
place_end_sessions(struct place *p)
{
	each_session(p, session_end);
}
