/*
 * smtp_param: reads the ESMTP parameters behind a path.  Pure.  A parameter
 * is a row of a table; what is in no row was not offered in EHLO.
 */

#include "protocols/smtp/smtp_param.h"

/* RFC 1870 3: at most 20 digits; 18 are an exabyte and fit an integer. */
#define SIZE_DIGITS 18

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
	else
		return PARAM_BAD;
	return PARAM_OK;
}

static const struct {
	const char *word;
	enum smtp_param_is (*take)(struct slice value, struct smtp_param *p);
} params[] = {
    {"SIZE", param_size},
    {"BODY", param_body},
};

static struct slice
skip_blanks(struct slice s)
{
	while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = slice_skip(s, 1);
	return s;
}

static enum smtp_param_is
take_one(struct slice word, struct smtp_param *p)
{
	const char *eq = memchr(word.at, '=', word.len);
	struct slice key = word, value = {word.at + word.len, 0};

	if (eq != NULL) {
		key.len = (size_t)(eq - word.at);
		value = slice_skip(word, key.len + 1);
	}
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		if (slice_is_word(key, params[i].word))
			return params[i].take(value, p);
	}
	return PARAM_UNKNOWN;
}

enum smtp_param_is
smtp_param_mail(struct slice text, struct smtp_param *p_r)
{
	enum smtp_param_is is;
	struct slice word;

	*p_r = (struct smtp_param){0};
	for (text = skip_blanks(text); text.len > 0; text = skip_blanks(text)) {
		word = (struct slice){text.at, 0};
		while (word.len < text.len && text.at[word.len] != ' ' &&
		    text.at[word.len] != '\t')
			word.len++;
		text = slice_skip(text, word.len);
		is = take_one(word, p_r);
		if (is != PARAM_OK)
			return is;
	}
	return PARAM_OK;
}

enum smtp_param_is
smtp_param_rcpt(struct slice text)
{
	return skip_blanks(text).len == 0 ? PARAM_OK : PARAM_UNKNOWN;
}
