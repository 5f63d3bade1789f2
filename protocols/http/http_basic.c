/*
 * http_basic: user and password of the Basic scheme.  Base64 is read in its one
 * right form (RFC 4648 3), so that nobody writes a password in two ways.
 */
#include "protocols/http/http_basic.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char signs[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define PLAIN_MAX (HTTP_USER_MAX + 1 + HTTP_PASSWORD_MAX)
#define CODED_MAX ((PLAIN_MAX + 2) / 3 * 4)

/* The value of a sign; -1: it is none. */
static int
value_of(char sign)
{
	const char *at = sign == '\0' ? NULL : strchr(signs, sign);

	return at == NULL ? -1 : (int)(at - signs);
}

/* How many "=" are at the end: 0 to 2. */
static size_t
padding(struct slice s)
{
	size_t n = 0;

	while (n < 2 && s.len > n && s.at[s.len - 1 - n] == '=')
		n++;
	return n;
}

/* Four signs, of which the last pad count for nothing.  -1: not right. */
static int
decode_four(const char *at, size_t pad, unsigned char to[3])
{
	unsigned n = 0;

	for (size_t i = 0; i < 4; i++) {
		int v = i >= 4 - pad ? 0 : value_of(at[i]);

		if (v < 0)
			return -1;
		n = n << 6 | (unsigned)v;
	}
	to[0] = (unsigned char)(n >> 16);
	to[1] = (unsigned char)(n >> 8);
	to[2] = (unsigned char)n;
	/* bits that nobody would see */
	return (pad == 1 && to[2] != 0) || (pad == 2 && to[1] != 0) ? -1 : 0;
}

/* Into to[PLAIN_MAX + 3].  How many bytes; -1: not base64, or too much. */
static int
decode(struct slice s, unsigned char *to)
{
	size_t pad = padding(s), n = 0;

	if (s.len == 0 || s.len % 4 != 0 || s.len > CODED_MAX)
		return -1;
	for (size_t i = 0; i < s.len; i += 4, n += 3) {
		if (decode_four(s.at + i, i + 4 == s.len ? pad : 0, to + n) < 0)
			return -1;
	}
	return (int)(n - pad);
}

static bool
has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.at[i] < ' ' || s.at[i] == 0x7f)
			return true;
	}
	return false;
}

int
http_basic_read(struct slice value, struct http_basic *b_r)
{
	unsigned char plain[PLAIN_MAX + 3];
	struct slice user, password;
	const char *colon;
	int n;

	if (value.len < 6 || strncasecmp(value.at, "Basic ", 6) != 0)
		return -1;
	value = slice_skip(value, 6);
	while (value.len > 0 && value.at[0] == ' ')
		value = slice_skip(value, 1);
	n = decode(value, plain);
	colon = n < 0 ? NULL : memchr(plain, ':', (size_t)n);
	if (colon == NULL)
		return -1;
	user.at = (const char *)plain;
	user.len = (size_t)(colon - user.at);
	password = (struct slice){colon + 1, (size_t)n - user.len - 1};
	if (user.len == 0 || has_control(user) || has_control(password) ||
	    !slice_copy(user, b_r->user, sizeof(b_r->user)) ||
	    !slice_copy(password, b_r->password, sizeof(b_r->password)))
		return -1;
	return 0;
}

static int
put_three(struct buf *to, const unsigned char *at, size_t len)
{
	unsigned n = (unsigned)at[0] << 16;
	char four[4];

	n |= len > 1 ? (unsigned)at[1] << 8 : 0;
	n |= len > 2 ? at[2] : 0;
	for (unsigned i = 0; i < 4; i++)
		four[i] = i > len ? '=' : signs[n >> (18 - 6 * i) & 63];
	return buf_put(to, four, 4);
}

int
http_basic_put(struct buf *to, const char *user, const char *password)
{
	struct buf plain;
	int rc;

	buf_init(&plain, 2 * PLAIN_MAX);
	rc = buf_printf(&plain, "%s:%s", user, password);
	if (rc == 0)
		rc = buf_puts(to, "Basic ");
	for (size_t i = 0; rc == 0 && i < plain.len; i += 3)
		rc = put_three(to, (const unsigned char *)buf_at(&plain) + i,
		    plain.len - i);
	buf_free(&plain);
	return rc;
}
