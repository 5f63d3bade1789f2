/*
 * smtp_mail: one mail transaction, from MAIL to its end: what it holds, and
 * that all of it is given back and told in one event, however it ends.
 */

#include "protocols/smtp/smtp.h"
#include "proxy/base/addr.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"

struct smtp_mail *
smtp_mail_open(struct session *s, const struct smtp_addr *sender,
    const struct smtp_param *param)
{
	struct smtp *p = s->state;
	struct smtp_mail *m = xcalloc(1, sizeof(*m));

	m->magic = SMTP_MAIL_MAGIC;
	m->s = s;
	m->own = smtp_own(s);
	m->param = *param;
	m->last = &m->first;
	m->in_before = io_bytes_in(s->client);
	m->out_before = io_bytes_out(s->client);
	buf_init(&m->refusal, SMTP_ANSWER_MAX);
	(void)slice_copy(sender->whole, m->sender, sizeof(m->sender));
	m->x = exchange_open(s);
	m->who = p->xforward;
	p->xforward = NULL;
	smtp_forward_facts(m);
	(void)facts_add(&m->x->facts, FIELD_SENDER, m->sender);
	return m;
}

void
smtp_mail_drop_hop(struct smtp_mail *m, bool good)
{
	smtp_hops_cancel(&m->want);
	if (m->lent && m->s != NULL)
		smtp_auth_back(m->s, &m->hop, good);
	else
		smtp_hops_give(&m->hop, good && !m->lent);
}

static void
count_bytes(struct smtp_mail *m)
{
	if (m->s == NULL)
		return;
	m->in = io_bytes_in(m->s->client) - m->in_before;
	m->out = io_bytes_out(m->s->client) - m->out_before;
}

void
smtp_mail_end(struct smtp_mail **mp, const char *result, const char *reason,
    const char *reply)
{
	struct smtp_mail *m = *mp;
	char address[ADDR_TEXT] = "";
	struct exchange_end end = {.result = result,
	    .reason = reason,
	    .reply = reply,
	    .hop_address = address};

	*mp = NULL;
	IS(m, SMTP_MAIL_MAGIC);
	count_bytes(m);
	end.bytes_in = m->in;
	end.bytes_out = m->out;
	end.delivery_began_ms = m->began_ms;
	if (m->accepted > 0)
		end.next_hop =
		    smtp_hops_next(m->own->hops, m->want.index)->text;
	if (m->hop != NULL)
		copy_text(address, sizeof(address), m->hop->address);
	if (m->hop != NULL && m->hop->io != NULL) {
		end.hop_tls_version = io_tls_version(m->hop->io);
		end.hop_tls_cipher = io_tls_cipher(m->hop->io);
		end.hop_tls_resumed = io_tls_resumed(m->hop->io);
	}
	smtp_mail_drop_hop(
	    m, m->phase == PHASE_ENVELOPE || m->phase == PHASE_HELD);
	smtp_rcpts_forget(m);
	free(m->who);
	buf_free(&m->refusal);
	/* The last: the place may go with it. */
	exchange_finish(&m->x, &end);
	m->magic = 0;
	free(m);
}

void
smtp_mail_orphan(struct smtp_mail **mp)
{
	struct smtp_mail *m = *mp;

	IS(m, SMTP_MAIL_MAGIC);
	if (m->phase != PHASE_DOT || m->hop == NULL) {
		/* Cutting it off is possible and right: the client has heard
		 * no 250 and comes again. */
		smtp_mail_end(mp, "aborted", "client_gone", NULL);
		return;
	}
	count_bytes(m);
	m->s = NULL;
	*mp = NULL;
}
