/*
 * mail_head: counts Received: fields, finds the X-Sallyport fields that came
 * with a mail, and takes Subject and Message-ID for the event.  Pure.  Names
 * are read byte by byte, the rest by memchr.
 */

#include "proxy/mail_head.h"

#include <strings.h>

#include "proxy/base/check.h"

enum at {
	AT_LINE,  /* at the start of a line */
	AT_CR,    /* a CR at the start of a line */
	AT_NAME,  /* in what may be a name */
	AT_BLANK, /* in blanks behind a name (RFC 5322 4.5: obsolete) */
	AT_VALUE, /* behind the colon, or in a continuation */
	AT_JUNK   /* in a line that is no field */
};

void
mail_head_init(struct mail_head *h)
{
	*h = (struct mail_head){.at = AT_LINE};
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
named(const struct mail_head *h, const char *name)
{
	return strlen(name) == h->name_len &&
	    strncasecmp(h->name, name, h->name_len) == 0;
}

static void
begin_cut(struct mail_head *h)
{
	h->cutting = true;
	if (h->cuts < MAIL_CUTS_MAX)
		h->cut[h->cuts].from = h->line;
	h->cuts++;
}

/* The field ends before the line that begins at to. */
static void
end_field(struct mail_head *h, uint64_t to)
{
	if (h->cutting && h->cuts <= MAIL_CUTS_MAX)
		h->cut[h->cuts - 1].to = to;
	h->cutting = false;
	h->value = NULL;
}

static void
end_header(struct mail_head *h)
{
	end_field(h, h->line);
	h->first_done = true;
	h->over = true;
}

static void
take_value(struct mail_head *h, struct mail_head_value *v)
{
	if (v->seen)
		return;
	v->seen = true;
	h->value = v;
}

/* The line is a field; its name is over. */
static void
field(struct mail_head *h)
{
	h->at = AT_VALUE;
	h->first_done = true;
	if (named(h, "Received"))
		h->received++;
	else if (named(h, "X-Sallyport"))
		begin_cut(h);
	else if (named(h, "Subject"))
		take_value(h, &h->subject);
	else if (named(h, "Message-ID"))
		take_value(h, &h->message_id);
}

/* The line is no field, and no continuation. */
static void
junk(struct mail_head *h)
{
	h->at = AT_JUNK;
	if (h->first_done)
		return;
	/* All of it is body: our own fields need an empty line behind them. */
	h->no_field = true;
	end_header(h);
}

static void
name_byte(struct mail_head *h, char c)
{
	if (c == ':' && h->name_len > 0) {
		field(h);
	} else if (is_blank(c) && h->name_len > 0) {
		h->at = AT_BLANK;
	} else if (h->at == AT_BLANK || c <= ' ' || c > '~' || c == ':') {
		junk(h);
	} else {
		if (h->name_len < MAIL_HEAD_NAME_MAX)
			h->name[h->name_len] = c;
		h->name_len++;
	}
}

/* What of Subject and Message-ID is kept: no blanks in front. */
static void
keep(struct mail_head_value *v, const char *bytes, size_t len)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < len && v->len < MAIL_HEAD_VALUE_MAX; i++) {
		if (bytes[i] == '\r' || (v->len == 0 && is_blank(bytes[i])))
			continue;
		v->text[v->len++] = bytes[i];
	}
	v->text[v->len] = '\0';
}

static void
first_byte(struct mail_head *h, char c)
{
	h->line = h->offset;
	if (c == '\r') {
		h->at = AT_CR;
	} else if (c == '\n') {
		end_header(h);
	} else if (is_blank(c) && h->first_done) {
		h->at = AT_VALUE; /* goes on; h->value and cutting stay */
		keep(h->value, &c, 1);
	} else {
		end_field(h, h->line);
		h->at = AT_NAME;
		h->name_len = 0;
		name_byte(h, c);
	}
}

/* In a line whose name is known: up to its end.  Returns how many. */
static size_t
rest_of_line(struct mail_head *h, const char *bytes, size_t len)
{
	const char *lf = memchr(bytes, '\n', len);
	size_t n = lf == NULL ? len : (size_t)(lf - bytes);

	if (h->at == AT_VALUE)
		keep(h->value, bytes, n);
	if (lf == NULL)
		return n;
	h->at = AT_LINE;
	return n + 1;
}

/* One byte where every byte counts. */
static void
one(struct mail_head *h, char c)
{
	switch ((enum at)h->at) {
	case AT_LINE:
		first_byte(h, c);
		break;
	case AT_CR:
		if (c == '\n')
			end_header(h);
		else
			junk(h);
		break;
	default:
		if (c != '\n') {
			name_byte(h, c);
			break;
		}
		junk(h);
		h->at = AT_LINE;
		break;
	}
}

void
mail_head(struct mail_head *h, const char *bytes, size_t len)
{
	size_t n;

	while (len > 0 && !h->over) {
		if (h->at == AT_VALUE || h->at == AT_JUNK) {
			n = rest_of_line(h, bytes, len);
		} else {
			one(h, bytes[0]);
			n = 1;
		}
		h->offset += n;
		bytes += n;
		len -= n;
	}
}

void
mail_head_end(struct mail_head *h)
{
	if (h->over)
		return;
	if (!h->first_done && h->at != AT_LINE)
		h->no_field = true;
	end_field(h, h->offset);
	h->over = true;
}
