/*
 * smtp_caps: what a next hop can do, as its EHLO says.  Pure.
 */

#include "protocols/smtp/smtp_caps.h"

#include "protocols/smtp/smtp_who.h"
#include "proxy/base/mem.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The next word of *text; empty: no more. */
static struct slice
next_word(struct slice *text)
{
	struct slice word;

	while (text->len > 0 && text->at[0] == ' ')
		*text = slice_skip(*text, 1);
	word = (struct slice){text->at, 0};
	while (word.len < text->len && word.at[word.len] != ' ')
		word.len++;
	*text = slice_skip(*text, word.len);
	return word;
}

static void
take_size(struct smtp_caps *c, struct slice arg)
{
	struct slice word = next_word(&arg);

	c->has_size = true;
	c->size = 0;
	for (size_t i = 0; i < word.len && i < 18 && is_digit(word.at[i]); i++)
		c->size = c->size * 10 + (uint64_t)(word.at[i] - '0');
}

/* ---- AUTH ---- */

/*
 * What can be said through us.  EXTERNAL and what binds to the TLS channel
 * (-PLUS) mean the connection itself, and there are two.
 */
static bool
is_mech(struct slice word)
{
	if (word.len == 0 || word.len > 20) /* RFC 4422 3.1 */
		return false;
	for (size_t i = 0; i < word.len; i++) {
		char c = word.at[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    !is_digit(c) && c != '-' && c != '_')
			return false;
	}
	if (slice_is_word(word, "EXTERNAL"))
		return false;
	return word.len < 5 ||
	    strncasecmp(word.at + word.len - 5, "-PLUS", 5) != 0;
}

static bool
has_mech(const char *mechs, struct slice mech)
{
	struct slice text = slice_of(mechs), word;

	while ((word = next_word(&text)).len > 0) {
		if (word.len == mech.len &&
		    strncasecmp(word.at, mech.at, mech.len) == 0)
			return true;
	}
	return false;
}

/* Adds it, if there is room. */
static void
add_mech(char *mechs, struct slice word)
{
	size_t n = strlen(mechs), blank = n > 0;

	if (n + blank + word.len > SMTP_MECHS_MAX)
		return;
	if (blank)
		mechs[n++] = ' ';
	memcpy(mechs + n, word.at, word.len);
	mechs[n + word.len] = '\0';
}

static void
take_mechs(struct smtp_caps *c, struct slice arg)
{
	struct slice word;

	while ((word = next_word(&arg)).len > 0) {
		if (is_mech(word) && !has_mech(c->mechs, word))
			add_mech(c->mechs, word);
	}
}

bool
smtp_caps_mech(const struct smtp_caps *c, struct slice mech)
{
	return is_mech(mech) && has_mech(c->mechs, mech);
}

/* ---- all of it ---- */

/* Names of attributes, as their bits. */
static unsigned
attributes(struct slice arg)
{
	struct slice word;
	unsigned bits = 0;

	while ((word = next_word(&arg)).len > 0)
		bits |= smtp_who_bit(word);
	return bits;
}

void
smtp_caps_line(struct smtp_caps *c, struct slice line)
{
	const struct {
		const char *word;
		bool *has;
	} plain[] = {
	    {"PIPELINING", &c->pipelining},
	    {"8BITMIME", &c->eightbit},
	    {"CHUNKING", &c->chunking},
	    {"BINARYMIME", &c->binarymime},
	    {"SMTPUTF8", &c->smtputf8},
	    {"DSN", &c->dsn},
	    {"STARTTLS", &c->starttls},
	};
	struct slice word = next_word(&line);

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (slice_is_word(word, plain[i].word))
			*plain[i].has = true;
	}
	if (slice_is_word(word, "SIZE"))
		take_size(c, line);
	else if (slice_is_word(word, "AUTH"))
		take_mechs(c, line);
	else if (slice_is_word(word, "XFORWARD"))
		c->xforward |= attributes(line) & WHO_XFORWARD;
	else if (slice_is_word(word, "XCLIENT"))
		c->xclient |= attributes(line) & WHO_XCLIENT;
}

static void
least_mechs(struct smtp_caps *c, const struct smtp_caps *other)
{
	char both[SMTP_MECHS_MAX + 1] = "";
	struct slice text = slice_of(c->mechs), word;

	while ((word = next_word(&text)).len > 0) {
		if (has_mech(other->mechs, word))
			add_mech(both, word);
	}
	copy_text(c->mechs, sizeof(c->mechs), both);
}

void
smtp_caps_least(struct smtp_caps *c, const struct smtp_caps *other)
{
	c->known = c->known && other->known;
	c->pipelining = c->pipelining && other->pipelining;
	c->eightbit = c->eightbit && other->eightbit;
	c->chunking = c->chunking && other->chunking;
	c->binarymime = c->binarymime && other->binarymime;
	c->smtputf8 = c->smtputf8 && other->smtputf8;
	c->dsn = c->dsn && other->dsn;
	c->starttls = c->starttls && other->starttls;
	c->has_size = c->has_size && other->has_size;
	if (other->size != 0 && (c->size == 0 || other->size < c->size))
		c->size = other->size;
	c->xforward &= other->xforward;
	c->xclient &= other->xclient;
	least_mechs(c, other);
}
