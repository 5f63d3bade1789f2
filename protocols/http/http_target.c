/*
 * http_target: takes apart a request target.  Pure.  What it refuses and why
 * is in tests/unit/t_http_target.c.
 */

#include "protocols/http/http_target.h"

static const struct {
	const char *word;
	uint16_t port;
} schemes[] = {
    [HTTP_SCHEME_NONE] = {"", 80},
    [HTTP_SCHEME_HTTP] = {"http", 80},
    [HTTP_SCHEME_HTTPS] = {"https", 443},
    [HTTP_SCHEME_FTP] = {"ftp", 21},
};

const char *
http_scheme_word(enum http_scheme scheme)
{
	return schemes[scheme].word;
}

uint16_t
http_scheme_port(enum http_scheme scheme)
{
	return schemes[scheme].port;
}

/*
 * A backslash is a slash to some servers, and the rest stands in no URL.  What
 * else a browser sends as it is ("|", "{", "^") has one meaning.
 */
static bool
is_target_byte(char c)
{
	return c > ' ' && c < 0x7f && strchr("#\\\"<>", c) == NULL;
}

static bool
is_target(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (!is_target_byte(text.at[i]))
			return false;
	}
	return text.len > 0;
}

/* The path and the query, which begin at offset at. */
static void
split_path(struct slice text, size_t at, struct http_target *t)
{
	struct slice rest = slice_skip(text, at);
	const char *mark =
	    rest.len == 0 ? NULL : memchr(rest.at, '?', rest.len);
	size_t len = mark == NULL ? rest.len : (size_t)(mark - rest.at);

	t->path = (struct http_span){(uint32_t)at, (uint32_t)len};
	t->has_query = mark != NULL;
	if (mark == NULL)
		return;
	t->query.at = (uint32_t)(at + len + 1);
	t->query.len = (uint32_t)(rest.len - len - 1);
}

/* "http://" and so on; 0: none that is known. */
static size_t
scheme_of(struct slice text, enum http_scheme *scheme_r)
{
	for (int i = HTTP_SCHEME_HTTP; i <= HTTP_SCHEME_FTP; i++) {
		const char *word = http_scheme_word((enum http_scheme)i);
		size_t n = strlen(word);

		if (text.len < n + 3 ||
		    !slice_is_word((struct slice){text.at, n}, word) ||
		    memcmp(text.at + n, "://", 3) != 0)
			continue;
		*scheme_r = (enum http_scheme)i;
		return n + 3;
	}
	return 0;
}

/* RFC 9110 4.2.4: a user name in an http URL is there to deceive. */
static enum http_bad
take_user(struct slice *authority, size_t at, struct http_target *t)
{
	const char *end = memchr(authority->at, '@', authority->len);

	if (end == NULL)
		return HTTP_BAD_NONE;
	if (t->scheme != HTTP_SCHEME_FTP)
		return HTTP_BAD_USERINFO;
	t->user.at = (uint32_t)at;
	t->user.len = (uint32_t)(end - authority->at);
	*authority = slice_skip(*authority, t->user.len + 1);
	return HTTP_BAD_NONE;
}

static enum http_bad
absolute(struct slice text, struct http_target *t)
{
	size_t at = scheme_of(text, &t->scheme), len = 0;
	struct slice authority;
	enum http_bad bad;

	if (at == 0)
		return memmem(text.at, text.len, "://", 3) == NULL
		    ? HTTP_BAD_TARGET
		    : HTTP_BAD_SCHEME;
	t->form = HTTP_FORM_ABSOLUTE;
	while (at + len < text.len && text.at[at + len] != '/' &&
	    text.at[at + len] != '?')
		len++;
	if (len == 0)
		return HTTP_BAD_AUTHORITY;
	authority = (struct slice){text.at + at, len};
	bad = take_user(&authority, at, t);
	if (bad == HTTP_BAD_NONE)
		bad = http_host(authority, &t->host);
	split_path(text, at + len, t);
	return bad;
}

static enum http_bad
authority_form(struct slice text, struct http_target *t)
{
	enum http_bad bad;

	if (text.at[0] == '/' || slice_is(text, "*") ||
	    scheme_of(text, &t->scheme) > 0)
		return HTTP_BAD_FORM;
	t->form = HTTP_FORM_AUTHORITY;
	bad = http_host(text, &t->host);
	if (bad == HTTP_BAD_NONE && t->host.port == 0)
		return HTTP_BAD_AUTHORITY; /* RFC 9110 9.3.6 */
	return bad;
}

enum http_bad
http_target(struct slice text, bool connect, struct http_target *t_r)
{
	*t_r = (struct http_target){.form = HTTP_FORM_ORIGIN};
	if (!is_target(text))
		return HTTP_BAD_TARGET;
	if (connect)
		return authority_form(text, t_r);
	if (slice_is(text, "*")) {
		t_r->form = HTTP_FORM_ASTERISK;
		return HTTP_BAD_NONE;
	}
	if (text.at[0] != '/')
		return absolute(text, t_r);
	split_path(text, 0, t_r);
	return HTTP_BAD_NONE;
}
