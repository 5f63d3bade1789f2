/*
 * f_tls_hello: a ClientHello in arbitrary pieces.  What is said early holds
 * whatever follows, and the same message in records of three bytes means the
 * same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "proxy/base/check.h"
#include "proxy/tls_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same(const struct tls_hello *a, const struct tls_hello *b)
{
	MUST(strcmp(a->sni, b->sni) == 0 && a->version == b->version);
	MUST(a->has_alpn == b->has_alpn && a->http1 == b->http1);
	MUST(a->h2 == b->h2 && a->ech == b->ech);
}

/* One record, whole: the same in many. */
static void
cut_up(const uint8_t *data, size_t size, const struct tls_hello *h)
{
	static char bytes[TLS_HELLO_INPUT];
	struct tls_hello again;
	size_t len = 0;

	if (size > TLS_HELLO_INPUT / 4)
		return;
	for (size_t at = 5; at < size; at += 3) {
		size_t n = size - at < 3 ? size - at : 3;

		memcpy(bytes + len, "\x16\x03\x03\x00", 4);
		bytes[len + 4] = (char)n;
		memcpy(bytes + len + 5, data + at, n);
		len += 5 + n;
	}
	MUST(tls_hello((struct slice){bytes, len}, &again) == TLS_HELLO_OK);
	same(h, &again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data;
	struct tls_hello h, part;
	enum tls_hello_is is = tls_hello((struct slice){at, size}, &h), early;

	MUST((is == TLS_HELLO_BAD) == (h.bad[0] != '\0'));
	MUST(is != TLS_HELLO_MORE || size < TLS_HELLO_INPUT);
	MUST(strlen(h.sni) < sizeof(h.sni));
	for (size_t i = 0; i < size && i < 4096; i++) {
		early = tls_hello((struct slice){at, i}, &part);
		if (early == TLS_HELLO_MORE)
			continue;
		MUST(early == is);
		if (is == TLS_HELLO_OK)
			same(&h, &part);
		break;
	}
	if (is == TLS_HELLO_OK && size == 5u + data[3] * 256u + data[4])
		cut_up(data, size, &h);
	return 0;
}
