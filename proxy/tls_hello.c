/*
 * tls_hello: reads a ClientHello.  Its records are put together first, then it
 * is taken apart by a cursor that remembers that it ran over an end, so that
 * the walk itself needs to ask only where it matters.
 */
#include "proxy/tls_hello.h"

#include <string.h>

#define RECORD_HEAD 5
#define RECORD_HANDSHAKE 22
#define RECORD_MAX (16 * 1024) /* RFC 8446 5.1 */
#define MESSAGE_HEAD 4
#define CLIENT_HELLO 1

/* Extensions there may be: more is nobody's client. */
#define EXTENSIONS_MAX 64

enum extension {
	EXT_SERVER_NAME = 0,
	EXT_ALPN = 16,
	EXT_SUPPORTED_VERSIONS = 43,
	EXT_ECH = 0xfe0d
};

struct cursor {
	const unsigned char *at;
	size_t left;
	bool over; /* more was asked for than there is */
};

static enum tls_hello_is
bad(struct tls_hello *h, const char *why)
{
	h->bad = why;
	return TLS_HELLO_BAD;
}

/* ---- the records ---- */

/* What a record's head says so far; OK: *size_r is its body. */
static enum tls_hello_is
record(const unsigned char *at, size_t left, bool first, size_t *size_r,
    struct tls_hello *h)
{
	if (left > 0 && at[0] != RECORD_HANDSHAKE)
		return first ? TLS_HELLO_NOT : bad(h, "record_type");
	if (left > 1 && at[1] != 3)
		return first ? TLS_HELLO_NOT : bad(h, "record_version");
	if (left < RECORD_HEAD)
		return TLS_HELLO_MORE;
	*size_r = (size_t)at[3] << 8 | at[4];
	if (*size_r == 0 || *size_r > RECORD_MAX)
		return bad(h, "record_size");
	return TLS_HELLO_OK;
}

/* How long the message is, once its head is there; 0: not yet. */
static enum tls_hello_is
message_size(
    const unsigned char *msg, size_t have, size_t *size_r, struct tls_hello *h)
{
	*size_r = 0;
	if (have > 0 && msg[0] != CLIENT_HELLO)
		return bad(h, "message_type");
	if (have < MESSAGE_HEAD)
		return TLS_HELLO_MORE;
	*size_r = MESSAGE_HEAD +
	    ((size_t)msg[1] << 16 | (size_t)msg[2] << 8 | msg[3]);
	if (*size_r > TLS_HELLO_MAX)
		return bad(h, "long");
	return have < *size_r ? TLS_HELLO_MORE : TLS_HELLO_OK;
}

/* Puts the message together.  OK: it is whole, *size_r bytes. */
static enum tls_hello_is
gather(struct slice in, unsigned char msg[TLS_HELLO_MAX], size_t *size_r,
    struct tls_hello *h)
{
	const unsigned char *at = (const unsigned char *)in.at;
	size_t left = in.len, have = 0, body = 0, n = 0;
	enum tls_hello_is is = TLS_HELLO_MORE;

	while (is == TLS_HELLO_MORE) {
		is = record(at, left, left == in.len, &body, h);
		if (is != TLS_HELLO_OK)
			return is;
		at += RECORD_HEAD;
		left -= RECORD_HEAD;
		n = body < left ? body : left;
		if (n > TLS_HELLO_MAX - have)
			n = TLS_HELLO_MAX - have;
		memcpy(msg + have, at, n);
		have += n;
		is = message_size(msg, have, size_r, h);
		if (n < body)
			break;
		at += n;
		left -= n;
	}
	/* RFC 8446 5.1: nothing else stands in its last record */
	if (is == TLS_HELLO_OK && (n < body || have > *size_r))
		return bad(h, "record_end");
	return is;
}

/* ---- the message ---- */

static struct cursor
part(struct cursor *c, size_t n)
{
	struct cursor p = {c->at, n, false};

	if (n > c->left) {
		c->over = true;
		n = p.left = c->left;
		p.over = true;
	}
	c->at += n;
	c->left -= n;
	return p;
}

static size_t
number(struct cursor *c, unsigned bytes)
{
	struct cursor p = part(c, bytes);
	size_t n = 0;

	while (p.left > 0) {
		n = n << 8 | *p.at++;
		p.left--;
	}
	return p.over ? 0 : n;
}

/* What follows its own length of so many bytes. */
static struct cursor
vector(struct cursor *c, unsigned bytes)
{
	size_t n = number(c, bytes);

	return part(c, n);
}

static bool
is_host_byte(unsigned char b)
{
	return (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '-' ||
	    b == '_' || b == '.';
}

/* RFC 6066 3: no dot at its end; what a name is made of as in our URLs. */
static const char *
take_name(struct cursor name, char sni[TLS_HELLO_NAME])
{
	if (name.left == 0 || name.left >= TLS_HELLO_NAME)
		return "sni_length";
	for (size_t i = 0; i < name.left; i++) {
		unsigned char b = name.at[i];

		if (b >= 'A' && b <= 'Z')
			b = (unsigned char)(b + 'a' - 'A');
		if (!is_host_byte(b))
			return "sni_name";
		sni[i] = (char)b;
	}
	sni[name.left] = '\0';
	return sni[0] == '.' || sni[name.left - 1] == '.' ? "sni_name" : NULL;
}

static const char *
take_server_name(struct cursor c, struct tls_hello *h)
{
	struct cursor list = vector(&c, 2), name;
	size_t type = number(&list, 1);

	name = vector(&list, 2);
	/* one name of one kind, or readers differ */
	if (c.over || list.over || c.left > 0 || list.left > 0 || type != 0)
		return "sni";
	return take_name(name, h->sni);
}

static bool
is_word(struct cursor c, const char *word)
{
	return c.left == strlen(word) && memcmp(c.at, word, c.left) == 0;
}

static const char *
take_alpn(struct cursor c, struct tls_hello *h)
{
	struct cursor list = vector(&c, 2);

	if (c.over || c.left > 0)
		return "alpn";
	h->has_alpn = true;
	while (list.left > 0) {
		struct cursor word = vector(&list, 1);

		if (list.over || word.left == 0)
			return "alpn";
		h->http1 = h->http1 || is_word(word, "http/1.1");
		h->h2 = h->h2 || is_word(word, "h2");
	}
	return NULL;
}

/* RFC 8701: values that mean nothing, so that servers skip what they do not
 * know. */
static bool
is_grease(size_t version)
{
	return (version & 0x0f0f) == 0x0a0a;
}

static const char *
take_versions(struct cursor c, struct tls_hello *h)
{
	struct cursor list = vector(&c, 1);

	if (c.over || c.left > 0 || list.left == 0)
		return "supported_versions";
	h->version = 0; /* RFC 8446 4.2.1: it counts alone */
	while (list.left > 0) {
		size_t v = number(&list, 2);

		if (list.over)
			return "supported_versions";
		if (!is_grease(v) && v > h->version)
			h->version = (uint16_t)v;
	}
	return NULL;
}

static const char *
take_extension(size_t type, struct cursor body, struct tls_hello *h)
{
	switch (type) {
	case EXT_SERVER_NAME:
		return take_server_name(body, h);
	case EXT_ALPN:
		return take_alpn(body, h);
	case EXT_SUPPORTED_VERSIONS:
		return take_versions(body, h);
	case EXT_ECH:
		h->ech = true;
		return NULL;
	default:
		return NULL;
	}
}

/* RFC 8446 4.2: none comes twice. */
static const char *
take_extensions(struct cursor c, struct tls_hello *h)
{
	uint16_t seen[EXTENSIONS_MAX];
	unsigned n = 0;

	while (c.left > 0) {
		size_t type = number(&c, 2);
		struct cursor body = vector(&c, 2);
		const char *why;

		if (c.over)
			return "extensions";
		for (unsigned i = 0; i < n; i++) {
			if (seen[i] == type)
				return "extension_twice";
		}
		if (n == EXTENSIONS_MAX)
			return "extensions_many";
		seen[n++] = (uint16_t)type;
		why = take_extension(type, body, h);
		if (why != NULL)
			return why;
	}
	return NULL;
}

static const char *
take_message(struct cursor c, struct tls_hello *h)
{
	struct cursor extensions;

	h->version = (uint16_t)number(&c, 2);
	(void)part(&c, 32);  /* random */
	(void)vector(&c, 1); /* session id */
	(void)vector(&c, 2); /* cipher suites */
	(void)vector(&c, 1); /* compression methods */
	if (c.over)
		return "short";
	if (c.left == 0) /* TLS 1.2 may have none */
		return NULL;
	extensions = vector(&c, 2);
	if (c.over || c.left > 0)
		return "extensions";
	return take_extensions(extensions, h);
}

enum tls_hello_is
tls_hello(struct slice in, struct tls_hello *h_r)
{
	unsigned char msg[TLS_HELLO_MAX];
	enum tls_hello_is is;
	const char *why;
	size_t size;

	*h_r = (struct tls_hello){.bad = ""};
	is = gather(in, msg, &size, h_r);
	if (is == TLS_HELLO_MORE && in.len >= TLS_HELLO_INPUT)
		return bad(h_r, "long");
	if (is != TLS_HELLO_OK)
		return is;
	why = take_message(
	    (struct cursor){msg + MESSAGE_HEAD, size - MESSAGE_HEAD, false},
	    h_r);
	return why == NULL ? TLS_HELLO_OK : bad(h_r, why);
}
