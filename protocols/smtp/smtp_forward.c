/*
 * smtp_forward: XFORWARD and XCLIENT: who the client is when a peer that we
 * trust says so, and who it is when we say so to a next hop.
 *
 * XFORWARD holds for one mail, XCLIENT for the rest of the session.  To a next
 * hop that takes it XFORWARD is said anew with every mail, every attribute of
 * it: so nothing of one client is left when another uses that connection.  One
 * that takes XCLIENT alone hears that, and no other mail goes over that
 * connection.
 */

#include "protocols/smtp/smtp.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

/* Two commands: each stays below 512 octets (XFORWARD_README, Note 2). */
#define FIRST_PART (1u << WHO_NAME | 1u << WHO_PORT | 1u << WHO_ADDR)
#define COMMAND_MAX 1024

bool
smtp_forward_allowed(const struct session *s)
{
	const struct smtp_own *o = smtp_own(s);
	const struct addr *peer = io_peer(s->client);

	for (size_t i = 0; peer != NULL && i < o->forwarders_n; i++) {
		if (net_has(&o->forwarders[i], peer))
			return true;
	}
	return false;
}

/* ---- the commands ---- */

static struct smtp_who **
which(struct smtp *p, bool xclient)
{
	return xclient ? &p->xclient : &p->xforward;
}

static void
forget(struct smtp_who **wp)
{
	free(*wp);
	*wp = NULL;
}

void
smtp_forward_forget(struct smtp *p)
{
	forget(&p->xforward);
}

void
smtp_forward_close(struct smtp *p)
{
	forget(&p->xforward);
	forget(&p->xclient);
}

static const char *
refusal(enum smtp_who_is is)
{
	switch (is) {
	case WHO_OK:
		return NULL;
	case WHO_SYNTAX:
		return "501 5.5.4 Syntax: attribute=value\r\n";
	case WHO_UNKNOWN:
		return "501 5.5.4 Unknown attribute\r\n";
	default:
		return "501 5.5.4 Bad attribute value\r\n";
	}
}

const char *
smtp_forward_check(struct session *s, struct slice arg, bool xclient)
{
	struct smtp *p = s->state;
	struct smtp_who **wp = which(p, xclient), *w;
	enum smtp_who_is is;

	if (!smtp_forward_allowed(s))
		return "550 5.7.0 xforward_from does not name you\r\n";
	if (p->mail != NULL)
		return "503 5.5.1 A mail is under way\r\n";
	/* Nothing of it stays, if it is refused. */
	w = xcalloc(1, sizeof(*w));
	if (*wp != NULL)
		*w = **wp;
	is = smtp_who(arg, xclient, w);
	if (is == WHO_OK) {
		forget(wp);
		*wp = w;
		return NULL;
	}
	free(w);
	return refusal(is);
}

/* ---- who it is ---- */

static const char *
get(const struct smtp *p, const struct smtp_who *forwarded, enum smtp_who_id id)
{
	const char *value = smtp_who_get(forwarded, id);

	return value != NULL ? value : smtp_who_get(p->xclient, id);
}

/* What XFORWARD says of the mail under way, or of the next one. */
static const struct smtp_who *
forwarded_now(const struct smtp *p)
{
	return p->mail != NULL ? p->mail->who : p->xforward;
}

static const struct addr *
client_of(const struct session *s, const struct smtp_who *forwarded,
    struct addr *room)
{
	const struct smtp *p = s->state;

	if (forwarded != NULL && smtp_who_addr(forwarded, room) == 0)
		return room;
	if (p->xclient != NULL && smtp_who_addr(p->xclient, room) == 0)
		return room;
	return io_peer(s->client);
}

const struct addr *
smtp_forward_client(const struct session *s, struct addr *room)
{
	return client_of(s, forwarded_now(s->state), room);
}

static const char *
helo_of(const struct smtp *p, const struct smtp_who *forwarded)
{
	const char *helo = get(p, forwarded, WHO_HELO);

	return helo != NULL ? helo : p->helo;
}

const char *
smtp_forward_helo(const struct session *s)
{
	return helo_of(s->state, forwarded_now(s->state));
}

void
smtp_forward_facts(struct smtp_mail *m)
{
	const struct smtp *p = m->s->state;
	const char *login = get(p, m->who, WHO_LOGIN);
	char host[ADDR_TEXT];
	struct addr room;

	if (m->who != NULL || p->xclient != NULL) {
		const struct addr *a = client_of(m->s, m->who, &room);

		(void)facts_set(&m->x->facts, FIELD_CLIENT, addr_host(a, host));
	}
	(void)facts_add(&m->x->facts, FIELD_HELO, helo_of(p, m->who));
	if (login != NULL)
		(void)facts_add(&m->x->facts, FIELD_USER, login);
}

/* ---- to a next hop ---- */

static void
say(struct smtp_who *w, enum smtp_who_id id, const char *text)
{
	w->said |= 1u << id;
	copy_text(w->value[id], sizeof(w->value[id]), text);
}

static void
say_address(struct smtp_who *w, const struct addr *a)
{
	char host[ADDR_TEXT], text[ADDR_TEXT + 8];

	if (a == NULL || a->ss.ss_family == AF_UNIX) {
		say(w, WHO_SOURCE, "LOCAL");
		return;
	}
	(void)snprintf(text, sizeof(text), "%s%s",
	    a->ss.ss_family == AF_INET6 ? "IPV6:" : "", addr_host(a, host));
	say(w, WHO_ADDR, text);
	(void)snprintf(text, sizeof(text), "%u", (unsigned)addr_port(a));
	if (addr_port(a) != 0)
		say(w, WHO_PORT, text);
	say(w, WHO_SOURCE, "REMOTE");
}

/* All that is known of the client of m; what was forwarded to us first. */
static void
gather(const struct smtp_mail *m, struct smtp_who *w_r)
{
	const struct smtp *p = m->s->state;
	const char *value;
	struct addr room;

	*w_r = (struct smtp_who){0};
	say(w_r, WHO_PROTO, p->esmtp ? "ESMTP" : "SMTP");
	say(w_r, WHO_IDENT, m->x->id);
	say_address(w_r, smtp_forward_client(m->s, &room));
	say(w_r, WHO_HELO, smtp_forward_helo(m->s));
	for (unsigned i = 0; i < WHO_COUNT; i++) {
		value = get(p, m->who, (enum smtp_who_id)i);
		if (value != NULL)
			say(w_r, (enum smtp_who_id)i, value);
	}
}

bool
smtp_forward_introduce(struct smtp_mail *m)
{
	const struct smtp_caps *caps = &m->hop->caps;
	struct smtp_who w;
	struct buf b;

	/* It would forget who logged in there. */
	if (m->lent || m->hop->introduced || caps->xforward != 0 ||
	    caps->xclient == 0)
		return false;
	gather(m, &w);
	buf_init(&b, COMMAND_MAX);
	smtp_who_put(&b, &w, caps->xclient);
	smtp_hop_introduce(m->hop, buf_text(&b));
	buf_free(&b);
	return true;
}

bool
smtp_forward_say(struct smtp_mail *m, unsigned part)
{
	unsigned ids = m->hop->caps.xforward & WHO_XFORWARD;
	struct smtp_who w;
	struct buf b;

	ids &= part == 0 ? FIRST_PART : ~FIRST_PART;
	if (ids == 0)
		return false;
	gather(m, &w);
	buf_init(&b, COMMAND_MAX);
	smtp_who_put(&b, &w, ids);
	smtp_hop_ask(m->hop, "XFORWARD%s\r\n", buf_text(&b));
	buf_free(&b);
	return true;
}
