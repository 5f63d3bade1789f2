/*
 * f_decode: any bytes through every decoder and every variant of it, into
 * room of exactly the promised size.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "scan/decode.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void
all_base64(const char *text, size_t len)
{
	unsigned odd = base64_check(text, len);
	char *plain = malloc(BASE64_ROOM(len));
	char *other = malloc(BASE64_ROOM(len));
	size_t n = base64_decode(text, len, BASE64_PLAIN, plain);

	MUST(n <= BASE64_ROOM(len));
	for (int v = BASE64_STOPS; v < BASE64_VARIANTS; v++) {
		size_t m =
		    base64_decode(text, len, (enum base64_variant)v, other);

		MUST(m <= BASE64_ROOM(len));
		/* nothing odd: all readers agree */
		MUST(odd != 0 || (m == n && memcmp(plain, other, n) == 0));
	}
	free(plain);
	free(other);
}

static void
all_qp(const char *text, size_t len)
{
	unsigned odd = qp_check(text, len);
	char *plain = malloc(len + 1);
	char *other = malloc(len + 1);
	size_t n = qp_decode(text, len, QP_PLAIN, plain);

	MUST(n <= len);
	for (int v = QP_KEEPS_BLANKS; v < QP_JOINS; v++) {
		size_t m = qp_decode(text, len, (enum qp_variant)v, other);

		MUST(m <= len);
		MUST(odd != 0 || (m == n && memcmp(plain, other, n) == 0));
	}
	MUST(qp_decode(text, len, QP_JOINS, other) <= len);
	free(plain);
	free(other);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *text = malloc(size == 0 ? 1 : size);
	char *out = malloc(UU_ROOM(size));

	if (text == NULL || out == NULL)
		abort();
	if (size > 0)
		memcpy(text, data, size);
	all_base64(text, size);
	all_qp(text, size);
	MUST(uu_decode(text, size, out) <= UU_ROOM(size));
	MUST(yenc_decode(text, size, out) <= size);
	free(text);
	free(out);
	return 0;
}
