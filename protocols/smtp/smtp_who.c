/*
 * smtp_who: see its header.  Pure.  Values go into headers and logs, so what
 * is not printable is not kept.
 */

#include "protocols/smtp/smtp_who.h"

#include "protocols/smtp/smtp_xtext.h"
#include "proxy/base/mem.h"

#define UNAVAILABLE "[UNAVAILABLE]"
#define PROTO_MAX 64

/* clang-format off */
static const struct {
	const char *word;
	bool in[2]; /* XFORWARD, XCLIENT */
} names[] = {
#define X(id, xforward, xclient) {#id, {xforward, xclient}},
	SMTP_WHO(X)
#undef X
};
/* clang-format on */

unsigned
smtp_who_bit(struct slice name)
{
	for (unsigned i = 0; i < WHO_COUNT; i++) {
		if (slice_is_word(name, names[i].word))
			return 1u << i;
	}
	return 0;
}

const char *
smtp_who_names(bool xclient)
{
	return xclient ? "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
		       : "NAME ADDR PORT PROTO HELO IDENT SOURCE";
}

/* ---- values ---- */

static bool
port_of(const char *text, uint16_t *port_r)
{
	uint32_t port = 0;

	if (text[0] == '\0' || strlen(text) > 5)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		port = port * 10 + (uint32_t)(*text - '0');
	}
	*port_r = (uint16_t)port;
	return port <= UINT16_MAX;
}

/* "192.0.2.1", "IPV6:2001:db8::1" */
static bool
address_of(const char *text, struct addr *a_r)
{
	bool six = strncasecmp(text, "IPV6:", 5) == 0;

	if (addr_number(six ? text + 5 : text, 0, a_r) < 0)
		return false;
	return a_r->ss.ss_family == (six ? AF_INET6 : AF_INET);
}

static bool
fits(enum smtp_who_id id, const char *value)
{
	struct addr a;
	uint16_t port;

	switch (id) {
	case WHO_ADDR:
	case WHO_DESTADDR:
		return address_of(value, &a);
	case WHO_PORT:
	case WHO_DESTPORT:
		return port_of(value, &port);
	case WHO_PROTO:
		return strlen(value) <= PROTO_MAX;
	case WHO_SOURCE:
		return strcasecmp(value, "LOCAL") == 0 ||
		    strcasecmp(value, "REMOTE") == 0;
	default:
		return true;
	}
}

static void
make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text > '~')
			*text = '?';
	}
}

static bool
is_unknown(enum smtp_who_id id, struct slice value)
{
	return value.len == 0 || slice_is_word(value, UNAVAILABLE) ||
	    (id == WHO_NAME && slice_is_word(value, "[TEMPUNAVAIL]"));
}

static enum smtp_who_is
take(struct smtp_who *w, enum smtp_who_id id, struct slice value)
{
	char said[SMTP_WHO_MAX + 1] = "";

	if (!is_unknown(id, value)) {
		if (smtp_xtext(value, said, sizeof(said)) < 0 ||
		    !fits(id, said))
			return WHO_BAD;
		make_printable(said);
	}
	w->said |= 1u << id;
	copy_text(w->value[id], sizeof(w->value[id]), said);
	return WHO_OK;
}

/* ---- the command ---- */

static enum smtp_who_is
take_word(struct smtp_who *w, struct slice word, bool xclient)
{
	const char *eq = memchr(word.at, '=', word.len);
	struct slice name = word;

	if (eq == NULL || eq == word.at)
		return WHO_SYNTAX;
	name.len = (size_t)(eq - word.at);
	for (unsigned i = 0; i < WHO_COUNT; i++) {
		if (slice_is_word(name, names[i].word) && names[i].in[xclient])
			return take(w, (enum smtp_who_id)i,
			    slice_skip(word, name.len + 1));
	}
	return WHO_UNKNOWN;
}

enum smtp_who_is
smtp_who(struct slice arg, bool xclient, struct smtp_who *w)
{
	enum smtp_who_is is = WHO_SYNTAX;
	struct smtp_who next = *w;
	struct slice word;

	for (;;) {
		while (arg.len > 0 && (arg.at[0] == ' ' || arg.at[0] == '\t'))
			arg = slice_skip(arg, 1);
		if (arg.len == 0)
			break;
		word = (struct slice){arg.at, 0};
		while (word.len < arg.len && word.at[word.len] != ' ' &&
		    word.at[word.len] != '\t')
			word.len++;
		arg = slice_skip(arg, word.len);
		is = take_word(&next, word, xclient);
		if (is != WHO_OK)
			return is;
	}
	if (is == WHO_OK)
		*w = next;
	return is;
}

const char *
smtp_who_get(const struct smtp_who *w, enum smtp_who_id id)
{
	if (w == NULL || (w->said & 1u << id) == 0 || w->value[id][0] == '\0')
		return NULL;
	return w->value[id];
}

int
smtp_who_addr(const struct smtp_who *w, struct addr *a_r)
{
	const char *host = smtp_who_get(w, WHO_ADDR);
	const char *port = smtp_who_get(w, WHO_PORT);
	uint16_t n;

	if (host == NULL || !address_of(host, a_r))
		return -1;
	if (port != NULL && port_of(port, &n))
		addr_set_port(a_r, n);
	return 0;
}

/* ---- to a next hop ---- */

static void
put_value(struct buf *b, const char *value)
{
	struct buf coded;

	buf_init(&coded, SMTP_WHO_MAX);
	smtp_xtext_put(&coded, value == NULL ? "" : value);
	/* What did not fit whole is worse than nothing. */
	if (coded.len == 0 || coded.len + 3 > SMTP_WHO_MAX)
		(void)buf_puts(b, UNAVAILABLE);
	else
		(void)buf_put(b, buf_at(&coded), coded.len);
	buf_free(&coded);
}

void
smtp_who_put(struct buf *b, const struct smtp_who *w, unsigned ids)
{
	for (unsigned i = 0; i < WHO_COUNT; i++) {
		if ((ids & 1u << i) == 0)
			continue;
		(void)buf_printf(b, " %s=", names[i].word);
		put_value(b, smtp_who_get(w, (enum smtp_who_id)i));
	}
}
