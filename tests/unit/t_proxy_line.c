/*
 * t_proxy_line: the PROXY protocol's header, byte by byte: what is taken, what
 * is refused, and how much of the input it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "proxy/proxy_line.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"

/* What is read, in one word or as the client's address. */
static const char *
read_one(const char *bytes, size_t len, char *to)
{
	struct proxy_line line;

	switch (proxy_line((struct slice){bytes, len}, &line)) {
	case PROXY_LINE_MORE:
		return "more";
	case PROXY_LINE_BAD:
		return "bad";
	case PROXY_LINE_OK:
		break;
	}
	assert_true(line.used <= len);
	return line.carried ? addr_text(&line.client, to) : "peer";
}

/* A literal, NULs and all: every beginning of it wants more, and what stands
 * behind it does not count. */
static void
fits_bytes(const char *bytes, size_t len, const char *want)
{
	char text[ADDR_TEXT], longer[PROXY_LINE_MAX + 16];
	struct proxy_line line;

	for (size_t i = 0; i < len; i++)
		assert_string_equal(read_one(bytes, i, text), "more");
	assert_string_equal(read_one(bytes, len, text), want);
	assert_true(len + 5 < sizeof(longer));
	memset(longer, ' ', sizeof(longer));
	memcpy(longer, bytes, len);
	assert_string_equal(read_one(longer, len + 5, text), want);
	assert_int_equal(
	    proxy_line((struct slice){longer, len + 5}, &line), PROXY_LINE_OK);
	assert_int_equal(line.used, len);
}

static void
bad_bytes(const char *bytes, size_t len)
{
	char text[ADDR_TEXT];

	assert_string_equal(read_one(bytes, len, text), "bad");
}

#define FITS(text, want) fits_bytes(text, sizeof(text) - 1, want)
#define BAD(text) bad_bytes(text, sizeof(text) - 1)

static void
test_version_1(void **state)
{
	(void)state;
	FITS("PROXY TCP4 192.0.2.1 192.0.2.9 1025 25\r\n", "192.0.2.1:1025");
	FITS("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
	    "255.255.255.255:65535");
	FITS("PROXY TCP4 192.0.2.1 192.0.2.9 0 25\r\n", "192.0.2.1:0");
	FITS("PROXY TCP6 2001:db8::1 2001:db8::2 1025 25\r\n",
	    "[2001:db8::1]:1025");
	FITS("PROXY TCP6 ::ffff:192.0.2.1 ::1 1025 25\r\n", "192.0.2.1:1025");
	FITS("PROXY UNKNOWN\r\n", "peer");
	FITS("PROXY UNKNOWN 1.2.3.4 whatever  \r\n", "peer");
	FITS("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    "peer");
}

static void
test_version_1_that_is_not(void **state)
{
	char longest[PROXY_V1_MAX + 1];
	int n = PROXY_V1_MAX - 16;

	(void)state;
	BAD("EHLO client.example\r\n");
	BAD("E");
	BAD("proxy TCP4 192.0.2.1 192.0.2.9 1025 25\r\n");
	BAD("PROXY\r\n");
	BAD("PROXY \r\n");
	BAD("PROXY TCP4\r\n");
	BAD("PROXY TCP5 192.0.2.1 192.0.2.9 1025 25\r\n");
	BAD("PROXY UNKNOWNX\r\n");
	BAD("PROXY TCP4 192.0.2.1 192.0.2.9 1025 25\n");
	BAD("PROXY TCP4 192.0.2.1 192.0.2.9 1025\r25\r\n");
	BAD("PROXY TCP4 192.0.2.1 192.0.2.9 1025 25 \r\n");
	BAD("PROXY TCP4 192.0.2.1 192.0.2.9 1025 25 9\r\n");
	BAD("PROXY TCP4  192.0.2.1 192.0.2.9 1025 25\r\n");
	BAD("PROXY  TCP4 192.0.2.1 192.0.2.9 1025 25\r\n");
	BAD("PROXY TCP4 192.0.2.1 192.0.2.9 1025\r\n");
	BAD("PROXY TCP4 192.0.2.1 192.0.2.9 01025 25\r\n");
	BAD("PROXY TCP4 192.0.2.1 192.0.2.9 65536 25\r\n");
	BAD("PROXY TCP4 192.0.2.1 192.0.2.9 +1 25\r\n");
	BAD("PROXY TCP4 192.0.2.1 192.0.2.9 1025 655360\r\n");
	BAD("PROXY TCP4 192.0.2.1 192.0.2.9 1025 \r\n");
	BAD("PROXY TCP4 192.0.2 192.0.2.9 1025 25\r\n");
	BAD("PROXY TCP4 192.0.2.1 mail.example 1025 25\r\n");
	BAD("PROXY TCP4 192.0.2.1\0.9 192.0.2.9 1025 25\r\n");
	BAD("PROXY TCP4 ::1 ::1 1025 25\r\n");
	BAD("PROXY TCP6 192.0.2.1 192.0.2.9 1025 25\r\n");
	(void)snprintf(longest, sizeof(longest), "PROXY UNKNOWN %*c", n, 'x');
	longest[PROXY_V1_MAX - 2] = '\r';
	longest[PROXY_V1_MAX - 1] = '\n';
	fits_bytes(longest, PROXY_V1_MAX, "peer");
	longest[PROXY_V1_MAX - 2] = 'x';
	longest[PROXY_V1_MAX - 1] = '\r';
	bad_bytes(longest, PROXY_V1_MAX);
	longest[PROXY_V1_MAX] = '\n';
	bad_bytes(longest, PROXY_V1_MAX + 1);
}

#define FOUR "\xc0\x00\x02\x01\xc0\x00\x02\x09\x04\x01\x00\x19"
#define SIX \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x04\x01\x00\x19"
#define MAPPED \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01" \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x09\x04\x01\x00\x19"

static void
test_version_2(void **state)
{
	char with_unix[16 + 216] = SIG "\x21\x31\x00\xd8/run/client";

	(void)state;
	FITS(SIG "\x21\x11\x00\x0c" FOUR, "192.0.2.1:1025");
	FITS(SIG "\x21\x21\x00\x24" SIX, "[2001:db8::1]:1025");
	FITS(SIG "\x21\x21\x00\x24" MAPPED, "192.0.2.1:1025");
	/* TLVs: NOOP, UNIQUE_ID; and some that are none */
	FITS(SIG "\x21\x11\x00\x13" FOUR "\x04\x00\x00\x05\x00\x01x",
	    "192.0.2.1:1025");
	FITS(SIG "\x21\x11\x00\x0e" FOUR "\x04\xff", "192.0.2.1:1025");
	FITS(SIG "\x20\x00\x00\x00", "peer");
	FITS(SIG "\x20\x11\x00\x0c" FOUR, "peer");
	FITS(SIG "\x20\xff\x00\x01x", "peer");
	FITS(SIG "\x21\x00\x00\x00", "peer");
	FITS(SIG "\x21\x00\x00\x03xyz", "peer");
	FITS(SIG "\x21\x12\x00\x0c" FOUR, "peer");
	fits_bytes(with_unix, sizeof(with_unix), "peer");
}

static void
test_version_2_that_is_not(void **state)
{
	char longest[PROXY_LINE_MAX + 16] = SIG "\x21\x00\x0f\xf0";

	(void)state;
	BAD(SIG "\x11\x11\x00\x0c" FOUR);
	BAD(SIG "\x31\x11\x00\x0c" FOUR);
	BAD(SIG "\x22\x11\x00\x0c" FOUR);
	BAD(SIG "\x21\x41\x00\x0c" FOUR);
	BAD(SIG "\x21\x13\x00\x0c" FOUR);
	BAD(SIG "\x21\x11\x00\x0b" FOUR);
	BAD(SIG "\x21\x21\x00\x0c" FOUR);
	BAD("\r\n\r\n\0\r\nQUIX\n\x21\x11\x00\x0c" FOUR);
	BAD("\r\n\r\nEHLO");
	fits_bytes(longest, PROXY_LINE_MAX, "peer");
	longest[15]++;
	bad_bytes(longest, sizeof(longest));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_version_1),
	    cmocka_unit_test(test_version_1_that_is_not),
	    cmocka_unit_test(test_version_2),
	    cmocka_unit_test(test_version_2_that_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
