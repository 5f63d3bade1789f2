/*
 * http_listing: servers may say what they like of a directory (RFC 959 4.1.3);
 * most say what ls(1) does.
 */
#include "protocols/http/http_listing.h"

#include <string.h>

#include "protocols/http/http_page.h"
#include "protocols/http/http_style.h"

#define LINE_SHOWN 1024

/* Mode, links, owner, group, size, month, day, year or time; then the name. */
#define FIELDS_BEFORE 8
#define MODE_LEN 10

static bool
is_mode(struct slice s)
{
	if (s.len < MODE_LEN || strchr("-dl", s.at[0]) == NULL)
		return false;
	for (size_t i = 1; i < MODE_LEN; i++) {
		if (strchr("rwxsStT-", s.at[i]) == NULL)
			return false;
	}
	return true;
}

/* What is behind n fields and one blank. */
static struct slice
skip_fields(struct slice s, unsigned n)
{
	while (n-- > 0) {
		while (s.len > 0 && s.at[0] == ' ')
			s = slice_skip(s, 1);
		while (s.len > 0 && s.at[0] != ' ')
			s = slice_skip(s, 1);
	}
	return s.len == 0 ? s : slice_skip(s, 1);
}

struct slice
http_listing_name(struct slice line, bool *dir_r)
{
	static const struct slice none = {NULL, 0};
	struct slice name;
	const char *arrow;

	*dir_r = false;
	if (!is_mode(line))
		return none;
	*dir_r = line.at[0] == 'd';
	name = skip_fields(line, FIELDS_BEFORE);
	arrow = line.at[0] != 'l' || name.len == 0
	    ? NULL
	    : memmem(name.at, name.len, " -> ", 4);
	if (arrow != NULL)
		name.len = (size_t)(arrow - name.at);
	if (name.len == 0 || slice_is(name, ".") || slice_is(name, "..") ||
	    memchr(name.at, '/', name.len) != NULL)
		return none;
	return name;
}

static bool
is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

/* RFC 3986 2.1; "./" in front, so that no colon begins a scheme. */
static int
put_link(struct buf *to, struct slice name, bool dir)
{
	if (buf_puts(to, "<a href=\"./") < 0)
		return -1;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.at[i];

		if (is_unreserved(name.at[i]) ? buf_put(to, &name.at[i], 1) < 0
					      : buf_printf(to, "%%%02X", c) < 0)
			return -1;
	}
	return buf_puts(to, dir ? "/\">" : "\">");
}

static int
put_line(struct buf *to, struct slice line)
{
	bool dir;
	struct slice name = http_listing_name(line, &dir);
	struct slice before = line;

	if (name.at == NULL)
		return http_escape(to, line, LINE_SHOWN) < 0
		    ? -1
		    : buf_puts(to, "\n");
	before.len = (size_t)(name.at - line.at);
	if (http_escape(to, before, LINE_SHOWN) < 0 ||
	    put_link(to, name, dir) < 0 ||
	    http_escape(to, name, LINE_SHOWN) < 0 || buf_puts(to, "</a>") < 0)
		return -1;
	line = slice_skip(line, before.len + name.len);
	return http_escape(to, line, LINE_SHOWN) < 0 ? -1 : buf_puts(to, "\n");
}

int
http_listing_put(struct buf *to, struct slice path, struct slice text)
{
	if (buf_puts(to, HTTP_STYLE_HEAD "<title>") < 0 ||
	    http_escape(to, path, LINE_SHOWN) < 0 ||
	    buf_puts(to, "</title>\n</head>\n<body>\n<h1>") < 0 ||
	    http_escape(to, path, LINE_SHOWN) < 0 ||
	    buf_puts(to, "</h1>\n<p><a href=\"../\">Up</a></p>\n<pre>\n") < 0)
		return -1;
	while (text.len > 0) {
		const char *end = memchr(text.at, '\n', text.len);
		size_t len = end == NULL ? text.len : (size_t)(end - text.at);
		struct slice line = {text.at, len};

		if (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		if (put_line(to, line) < 0)
			return -1;
		text = slice_skip(text, end == NULL ? len : len + 1);
	}
	return buf_puts(to, "</pre>\n</body>\n</html>\n");
}
