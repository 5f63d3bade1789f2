/*
 * smtp_param: reads the ESMTP parameters behind a path.  Pure.  A parameter
 * is a row of a table; what is in no row was not offered in EHLO.
 */

#include "protocols/smtp/smtp_param.h"

#include <stdio.h>

#include "protocols/smtp/smtp_xtext.h"

/* RFC 1870 3: at most 20 digits; 18 are an exabyte and fit an integer. */
#define SIZE_DIGITS 18

/* ---- of MAIL ---- */

static enum smtp_param_is
param_size(struct slice value, struct smtp_param *p)
{
	if (p->has_size || value.len == 0 || value.len > SIZE_DIGITS)
		return PARAM_BAD;
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return PARAM_BAD;
		p->size = p->size * 10 + (uint64_t)(value.at[i] - '0');
	}
	p->has_size = true;
	return PARAM_OK;
}

static enum smtp_param_is
param_body(struct slice value, struct smtp_param *p)
{
	if (p->body != BODY_UNSAID)
		return PARAM_BAD;
	if (slice_is_word(value, "7BIT"))
		p->body = BODY_7BIT;
	else if (slice_is_word(value, "8BITMIME"))
		p->body = BODY_8BITMIME;
	else if (slice_is_word(value, "BINARYMIME"))
		p->body = BODY_BINARYMIME;
	else
		return PARAM_BAD;
	return PARAM_OK;
}

/* RFC 6531 3.4: it takes no value. */
static enum smtp_param_is
param_utf8(struct slice value, struct smtp_param *p)
{
	if (p->utf8 || value.at != NULL)
		return PARAM_BAD;
	p->utf8 = true;
	return PARAM_OK;
}

static enum smtp_param_is
param_ret(struct slice value, struct smtp_param *p)
{
	if (p->ret != RET_UNSAID)
		return PARAM_BAD;
	if (slice_is_word(value, "FULL"))
		p->ret = RET_FULL;
	else if (slice_is_word(value, "HDRS"))
		p->ret = RET_HDRS;
	else
		return PARAM_BAD;
	return PARAM_OK;
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

/* RFC 3461 4.4: xtext of printable ASCII. */
static enum smtp_param_is
param_envid(struct slice value, struct smtp_param *p)
{
	char said[SMTP_ENVID_MAX + 1];

	if (p->envid[0] != '\0' || value.len == 0 || value.len > SMTP_ENVID_MAX)
		return PARAM_BAD;
	if (smtp_xtext(value, said, sizeof(said)) < 0 || !is_printable(said))
		return PARAM_BAD;
	(void)slice_copy(value, p->envid, sizeof(p->envid));
	return PARAM_OK;
}

/* RFC 4954 5: who has really sent it. */
static enum smtp_param_is
param_auth(struct slice value, struct smtp_param *p)
{
	char said[SMTP_AUTH_MAX + 1];

	if (p->auth[0] != '\0' || value.len == 0 || value.len > SMTP_AUTH_MAX)
		return PARAM_BAD;
	if (!slice_is(value, "<>") && smtp_xtext(value, said, sizeof(said)) < 0)
		return PARAM_BAD;
	(void)slice_copy(value, p->auth, sizeof(p->auth));
	return PARAM_OK;
}

enum of { OF_ALL, OF_DSN, OF_AUTH };

static const struct {
	const char *word;
	enum of of;
	enum smtp_param_is (*take)(struct slice value, struct smtp_param *p);
} params[] = {
    {"SIZE", OF_ALL, param_size},
    {"BODY", OF_ALL, param_body},
    {"SMTPUTF8", OF_ALL, param_utf8},
    {"RET", OF_DSN, param_ret},
    {"ENVID", OF_DSN, param_envid},
    {"AUTH", OF_AUTH, param_auth},
};

static bool
is_offered(struct smtp_param_offer offer, enum of of)
{
	return of == OF_ALL || (of == OF_DSN ? offer.dsn : offer.auth);
}

static struct slice
skip_blanks(struct slice s)
{
	while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = slice_skip(s, 1);
	return s;
}

/* The next "KEY=VALUE" or "KEY" of *text; value at NULL: no '='.  False: no
 * more. */
static bool
next_param(struct slice *text, struct slice *key_r, struct slice *value_r)
{
	struct slice word = {NULL, 0};
	const char *eq;

	*text = skip_blanks(*text);
	word.at = text->at;
	while (word.len < text->len && text->at[word.len] != ' ' &&
	    text->at[word.len] != '\t')
		word.len++;
	if (word.len == 0)
		return false;
	*text = slice_skip(*text, word.len);
	*key_r = word;
	*value_r = (struct slice){NULL, 0};
	eq = memchr(word.at, '=', word.len);
	if (eq != NULL) {
		key_r->len = (size_t)(eq - word.at);
		*value_r = slice_skip(word, key_r->len + 1);
	}
	return true;
}

static enum smtp_param_is
take_one(struct slice key, struct slice value, struct smtp_param_offer offer,
    struct smtp_param *p)
{
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		if (slice_is_word(key, params[i].word) &&
		    is_offered(offer, params[i].of))
			return params[i].take(value, p);
	}
	return PARAM_UNKNOWN;
}

enum smtp_param_is
smtp_param_mail(
    struct slice text, struct smtp_param_offer offer, struct smtp_param *p_r)
{
	enum smtp_param_is is = PARAM_OK;
	struct slice key, value;

	*p_r = (struct smtp_param){0};
	while (is == PARAM_OK && next_param(&text, &key, &value))
		is = take_one(key, value, offer, p_r);
	return is;
}

/* ---- of RCPT ---- */

static const struct {
	const char *word;
	unsigned bit;
} notices[] = {
    {"NEVER", NOTIFY_NEVER},
    {"SUCCESS", NOTIFY_SUCCESS},
    {"FAILURE", NOTIFY_FAILURE},
    {"DELAY", NOTIFY_DELAY},
};

static unsigned
notice(struct slice word)
{
	for (size_t i = 0; i < sizeof(notices) / sizeof(notices[0]); i++) {
		if (slice_is_word(word, notices[i].word))
			return notices[i].bit;
	}
	return 0;
}

/* RFC 3461 4.1: NEVER, or a list of the others. */
static enum smtp_param_is
param_notify(struct slice value, struct smtp_rcpt_param *p)
{
	struct slice word;
	const char *comma;
	unsigned bit;

	if (p->notify != 0 || value.len == 0)
		return PARAM_BAD;
	for (;;) {
		comma = memchr(value.at, ',', value.len);
		word = value;
		if (comma != NULL)
			word.len = (size_t)(comma - value.at);
		bit = notice(word);
		if (bit == 0 || (p->notify & bit) != 0)
			return PARAM_BAD;
		p->notify |= bit;
		if (comma == NULL)
			break;
		value = slice_skip(value, word.len + 1);
	}
	if ((p->notify & NOTIFY_NEVER) != 0 && p->notify != NOTIFY_NEVER)
		return PARAM_BAD;
	return PARAM_OK;
}

static bool
is_atom(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] <= ' ' || s.at[i] > '~' ||
		    strchr("()<>[]:;,\"\\@=+", s.at[i]) != NULL)
			return false;
	}
	return s.len > 0;
}

/* RFC 6533 3: with SMTPUTF8 "utf-8;" may have the characters themselves. */
static bool
is_unitext(struct slice type, struct slice text)
{
	if (!slice_is_word(type, "utf-8") || !smtp_utf8(text))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (c <= ' ' || c == 0x7f || c == '+' || c == '=')
			return false;
	}
	return true;
}

/* RFC 3461 4.2: "rfc822;" and xtext. */
static enum smtp_param_is
param_orcpt(struct slice value, bool utf8, struct smtp_rcpt_param *p)
{
	char said[SMTP_ORCPT_MAX + 1];
	const char *semicolon =
	    value.len == 0 ? NULL : memchr(value.at, ';', value.len);
	struct slice type = value, text;

	if (p->orcpt[0] != '\0' || value.len > SMTP_ORCPT_MAX ||
	    semicolon == NULL)
		return PARAM_BAD;
	type.len = (size_t)(semicolon - value.at);
	text = slice_skip(value, type.len + 1);
	if (!is_atom(type) || text.len == 0)
		return PARAM_BAD;
	if (smtp_xtext(text, said, sizeof(said)) < 0 &&
	    !(utf8 && is_unitext(type, text)))
		return PARAM_BAD;
	(void)slice_copy(value, p->orcpt, sizeof(p->orcpt));
	return PARAM_OK;
}

enum smtp_param_is
smtp_param_rcpt(struct slice text, struct smtp_param_offer offer, bool utf8,
    struct smtp_rcpt_param *p_r)
{
	enum smtp_param_is is = PARAM_OK;
	struct slice key, value;

	*p_r = (struct smtp_rcpt_param){0};
	while (is == PARAM_OK && next_param(&text, &key, &value)) {
		if (offer.dsn && slice_is_word(key, "NOTIFY"))
			is = param_notify(value, p_r);
		else if (offer.dsn && slice_is_word(key, "ORCPT"))
			is = param_orcpt(value, utf8, p_r);
		else
			is = PARAM_UNKNOWN;
	}
	return is;
}

const char *
smtp_rcpt_param_text(
    const struct smtp_rcpt_param *p, char to[SMTP_RCPT_PARAM_TEXT])
{
	const char *lead = " NOTIFY=";
	size_t n = 0;

	to[0] = '\0';
	for (size_t i = 0; i < sizeof(notices) / sizeof(notices[0]); i++) {
		if ((p->notify & notices[i].bit) == 0)
			continue;
		n += (size_t)snprintf(to + n, SMTP_RCPT_PARAM_TEXT - n, "%s%s",
		    lead, notices[i].word);
		lead = ",";
	}
	if (p->orcpt[0] != '\0')
		(void)snprintf(
		    to + n, SMTP_RCPT_PARAM_TEXT - n, " ORCPT=%s", p->orcpt);
	return to;
}
