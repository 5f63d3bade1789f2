/*
 * where: paths through containers.  Names come from peers: what leaves here is
 * one line, names apart by "/", and short enough to keep on a stack.
 */
#include "scan/where.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* How many bytes the sign of UTF-8 at s has; 0: it is none. */
static size_t
utf8_len(const unsigned char *s)
{
	size_t n = s[0] >= 0xf0 && s[0] < 0xf5 ? 4
	    : s[0] >= 0xe0 && s[0] < 0xf0      ? 3
	    : s[0] >= 0xc2 && s[0] < 0xe0      ? 2
					       : 0;

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	/* RFC 3629 3: no surrogates, no overlong forms, an end. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* One sign of a name; returns how many bytes it took. */
static size_t
put_sign(char *to, size_t size, size_t *at, const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : utf8_len(s);
	bool plain = n > 1 ||
	    (n == 1 && s[0] >= 0x20 && s[0] != 0x7f && s[0] != '/' &&
		s[0] != '%');
	size_t need = plain ? n : 3;

	if (*at + need >= size)
		return 0;
	if (plain)
		memcpy(to + *at, s, n);
	else
		(void)snprintf(to + *at, size - *at, "%%%02X", s[0]);
	*at += need;
	return plain ? n : 1;
}

static void
escape(char *to, size_t size, const char *name)
{
	const unsigned char *s = (const unsigned char *)name;
	size_t at = 0;

	while (*s != '\0') {
		size_t took = put_sign(to, size, &at, s);

		if (took == 0)
			break;
		s += took;
	}
	to[at] = '\0';
}

void
where_start(struct where *w, const char *name)
{
	escape(w->path, sizeof(w->path), name);
}

void
where_join(struct where *w, const struct where *base, const char *name)
{
	char one[WHERE_MAX / 2];

	escape(one, sizeof(one), name);
	where_join_path(w, base, one);
}

void
where_join_path(struct where *w, const struct where *base, const char *path)
{
	char all[2 * WHERE_MAX + 2];
	const char *from = all;
	int len = snprintf(all, sizeof(all), "%s/%s", base->path, path);

	if ((size_t)len >= sizeof(all))
		len = sizeof(all) - 1;
	if (len <= WHERE_MAX) {
		memcpy(w->path, all, (size_t)len + 1);
		return;
	}
	from += len - (WHERE_MAX - 3);
	while ((*from & 0xc0) == 0x80)
		from++;
	(void)snprintf(w->path, sizeof(w->path), "...%s", from);
}
