/*
 * http_url: URLs as policies, rules and events see them: the many ways of
 * writing one address are one (RFC 3986 6.2.2).  Pure.
 */

#include "protocols/http/http_target.h"

/* RFC 3986 2.3: their escapes mean the same as they do. */
static bool
is_unreserved(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

/*
 * A "%" that begins no escape is one itself: as it stands it could become one
 * when what follows it is decoded ("%%34%31").
 */
static int
put_escapes(struct buf *to, struct slice text)
{
	static const char digit[] = "0123456789ABCDEF";

	while (text.len > 0) {
		int c = slice_escape(text);
		size_t n = c >= 0 ? 3 : 1;
		bool plain;
		char out[3];

		if (c < 0)
			c = (unsigned char)text.at[0];
		plain = n == 1 ? c != '%' : is_unreserved(c);
		out[0] = plain ? (char)c : '%';
		out[1] = digit[c / 16];
		out[2] = digit[c % 16];
		if (buf_put(to, out, plain ? 1 : 3) < 0)
			return -1;
		text = slice_skip(text, n);
	}
	return 0;
}

/* Up to its next slash; *rest begins with it then. */
static struct slice
segment(struct slice *rest)
{
	const char *slash = memchr(rest->at, '/', rest->len);
	size_t n = slash == NULL ? rest->len : (size_t)(slash - rest->at);
	struct slice s = {rest->at, n};

	*rest = slice_skip(*rest, n);
	return s;
}

/* Back over the last "/segment" of len bytes at path. */
static size_t
one_up(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	return len > 0 ? len - 1 : 0;
}

/*
 * Takes dot segments out of path in place (RFC 3986 5.2.4); it begins with
 * "/".  Returns its length now.
 */
static size_t
without_dots(char *path, size_t len)
{
	struct slice rest = {path, len}, s;
	size_t out = 0;

	while (rest.len > 0) {
		bool last;

		rest = slice_skip(rest, 1); /* its slash */
		s = rest.len == 0 ? rest : segment(&rest);
		last = rest.len == 0;
		if (slice_is(s, "..") || slice_is(s, ".")) {
			if (s.len == 2)
				out = one_up(path, out);
			if (last)
				path[out++] = '/';
			continue;
		}
		path[out++] = '/';
		memmove(path + out, s.at, s.len);
		out += s.len;
	}
	return out;
}

int
http_path_put(struct buf *to, struct slice path)
{
	size_t before = to->len, len;

	if (path.len == 0)
		return buf_puts(to, "/");
	if (put_escapes(to, path) < 0) {
		to->len = before;
		return -1;
	}
	if (path.at[0] != '/')
		return 0;
	len = without_dots(buf_at(to) + before, to->len - before);
	to->len = before + len;
	return 0;
}

int
http_query_put(struct buf *to, struct slice query)
{
	return put_escapes(to, query);
}

int
http_url_put(struct buf *to, struct slice text, const struct http_target *t,
    enum http_scheme scheme, const struct http_host *host)
{
	struct slice path = {text.at + t->path.at, t->path.len};
	struct slice query = {text.at + t->query.at, t->query.len};

	if (t->form == HTTP_FORM_AUTHORITY)
		return http_host_put(to, &t->host, 0);
	if (t->form == HTTP_FORM_ABSOLUTE) {
		scheme = t->scheme;
		host = &t->host;
	}
	if (host != NULL && host->is != HTTP_HOST_NONE &&
	    (buf_printf(to, "%s://", http_scheme_word(scheme)) < 0 ||
		http_host_put(to, host, http_scheme_port(scheme)) < 0))
		return -1;
	if (t->form == HTTP_FORM_ASTERISK)
		return buf_puts(to, "/*");
	if (http_path_put(to, path) < 0)
		return -1;
	if (!t->has_query)
		return 0;
	return buf_puts(to, "?") < 0 ? -1 : http_query_put(to, query);
}
