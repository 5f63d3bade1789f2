/*
 * words: patterns of rules and policies.  What they are compared with comes
 * from peers; the comparison knows no more than glob_fits() does.
 */

#include "scan/words.h"

#include "proxy/base/glob.h"
#include "proxy/base/mem.h"

void
words_read(struct words *to, const struct conf *c, const struct conf_section *s,
    enum opt opt)
{
	const char *const *from;

	to->n = conf_list(c, s, opt, &from);
	to->list = xcalloc(to->n + 1, sizeof(*to->list));
	for (size_t i = 0; i < to->n; i++)
		to->list[i] = xstrdup(from[i]);
}

void
words_free(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->list[i]);
	free(w->list);
	*w = (struct words){NULL, 0};
}

/* "<>" is how an operator writes the empty reverse path (RFC 5321 4.5.5). */
static bool
pattern_fits(const char *pattern, const char *text)
{
	if (strcmp(pattern, "<>") == 0)
		return *text == '\0';
	return glob_fits(pattern, text);
}

const char *
words_find(const struct words *w, const char *text)
{
	for (size_t i = 0; i < w->n; i++) {
		if (pattern_fits(w->list[i], text))
			return w->list[i];
	}
	return NULL;
}

/* What is behind "scheme://"; CONNECT's "host:port" has none. */
static const char *
behind_scheme(const char *url)
{
	const char *at = strstr(url, "://");

	return at == NULL ? url : at + 3;
}

/* "example.org" of "example.org:81/path", "[::1]" of "[::1]:81". */
static char *
host_of(const char *rest)
{
	size_t len = strcspn(rest, "/?");
	const char *colon = memrchr(rest, ':', len);
	const char *bracket = memrchr(rest, ']', len);

	if (colon != NULL && (bracket == NULL || colon > bracket))
		len = (size_t)(colon - rest);
	return xstrndup(rest, len);
}

const char *
words_find_url(const struct words *w, const char *url)
{
	const char *rest = behind_scheme(url), *found = NULL;
	char *host = w->n == 0 ? NULL : host_of(rest);

	for (size_t i = 0; i < w->n && found == NULL; i++) {
		const char *pattern = w->list[i], *text = host;

		if (strstr(pattern, "://") != NULL)
			text = url;
		else if (strchr(pattern, '/') != NULL)
			text = rest;
		if (glob_fits(pattern, text))
			found = pattern;
	}
	free(host);
	return found;
}
