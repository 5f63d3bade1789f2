/*
 * t_tls_hello: a ClientHello, made here byte by byte: what is read of it, what
 * is refused, and that neither depends on how it comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "proxy/base/buf.h"
#include "proxy/tls_hello.h"

#define ROOM (64 * 1024)

/* ---- making one ---- */

static void
put_number(struct buf *b, size_t n, unsigned bytes)
{
	while (bytes-- > 0) {
		char c = (char)(n >> (8 * bytes));

		assert_int_equal(buf_put(b, &c, 1), 0);
	}
}

static void
put_extension(struct buf *b, size_t type, const void *bytes, size_t len)
{
	put_number(b, type, 2);
	put_number(b, len, 2);
	assert_int_equal(buf_put(b, bytes, len), 0);
}

static void
put_sni(struct buf *b, unsigned type, const char *name, size_t len)
{
	struct buf body;

	buf_init(&body, ROOM);
	put_number(&body, len + 3, 2);
	put_number(&body, type, 1);
	put_number(&body, len, 2);
	assert_int_equal(buf_put(&body, name, len), 0);
	put_extension(b, 0, buf_at(&body), body.len);
	buf_free(&body);
}

/* The message; ext NULL: it has none. */
static void
put_message(struct buf *b, const struct buf *ext, const char *tail)
{
	size_t len = 2 + 32 + 1 + 4 + 2 + strlen(tail);
	static const char zeros[32];

	len += ext == NULL ? 0 : 2 + ext->len;
	put_number(b, 1, 1);
	put_number(b, len, 3);
	put_number(b, 0x0303, 2);
	assert_int_equal(buf_put(b, zeros, 32), 0);
	put_number(b, 0, 1);
	put_number(b, 0x00021301, 4);
	put_number(b, 0x0100, 2);
	if (ext != NULL) {
		put_number(b, ext->len, 2);
		assert_int_equal(buf_put(b, buf_at(ext), ext->len), 0);
	}
	assert_int_equal(buf_puts(b, tail), 0);
}

static void
put_record(struct buf *b, const char *bytes, size_t len)
{
	put_number(b, 0x160301, 3);
	put_number(b, len, 2);
	assert_int_equal(buf_put(b, bytes, len), 0);
}

/* ---- reading it ---- */

/* In records of so many bytes: each beginning wants more, all of it is OK. */
static struct tls_hello
read_in(const struct buf *message, size_t piece)
{
	struct tls_hello h;
	struct buf b;

	buf_init(&b, ROOM);
	for (size_t at = 0; at < message->len; at += piece) {
		size_t left = message->len - at;

		put_record(
		    &b, buf_at(message) + at, left < piece ? left : piece);
	}
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(tls_hello((struct slice){buf_at(&b), i}, &h),
		    TLS_HELLO_MORE);
	assert_int_equal(
	    tls_hello((struct slice){buf_at(&b), b.len}, &h), TLS_HELLO_OK);
	assert_string_equal(h.bad, "");
	buf_free(&b);
	return h;
}

static struct tls_hello
read_extensions(const struct buf *ext)
{
	struct tls_hello h;
	struct buf m;

	buf_init(&m, ROOM);
	put_message(&m, ext, "");
	(void)read_in(&m, 7);
	h = read_in(&m, m.len);
	buf_free(&m);
	return h;
}

static void
is_bad(const struct buf *ext, const char *tail, const char *want)
{
	struct tls_hello h;
	struct buf m, b;

	buf_init(&m, ROOM);
	buf_init(&b, ROOM);
	put_message(&m, ext, tail);
	put_record(&b, buf_at(&m), m.len);
	assert_int_equal(
	    tls_hello((struct slice){buf_at(&b), b.len}, &h), TLS_HELLO_BAD);
	assert_string_equal(h.bad, want);
	buf_free(&m);
	buf_free(&b);
}

static enum tls_hello_is
what_is(const char *bytes, size_t len)
{
	struct tls_hello h;

	return tls_hello((struct slice){bytes, len}, &h);
}

/* ---- what is in it ---- */

static void
reads_name_versions_and_alpn(void **state)
{
	struct tls_hello h;
	struct buf ext;

	(void)state;
	buf_init(&ext, ROOM);
	put_extension(&ext, 0x1a1a, "", 0);
	put_sni(&ext, 0, "WWW.Example_1.org", 17);
	put_extension(&ext, 16, "\0\014\002h2\010http/1.1", 14);
	put_extension(&ext, 43, "\006\x7a\x7a\003\004\003\003", 7);
	h = read_extensions(&ext);
	assert_string_equal(h.sni, "www.example_1.org");
	assert_int_equal(h.version, 0x0304);
	assert_true(h.has_alpn && h.h2 && h.http1 && !h.ech);
	buf_free(&ext);
}

static void
reads_one_without_any(void **state)
{
	struct tls_hello h = read_extensions(NULL);

	(void)state;
	assert_string_equal(h.sni, "");
	assert_int_equal(h.version, 0x0303);
	assert_true(!h.has_alpn && !h.h2 && !h.http1 && !h.ech);
}

static void
sees_an_encrypted_one(void **state)
{
	struct buf ext;

	(void)state;
	buf_init(&ext, ROOM);
	put_sni(&ext, 0, "public.example", 14);
	put_extension(&ext, 0xfe0d, "\0\0\1\0\1", 5);
	assert_true(read_extensions(&ext).ech);
	buf_free(&ext);
}

/* ---- what is not read ---- */

static void
refuses_names_that_differ_by_reader(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		const char *why;
	} rows[] = {
	    {"a\0b.example", 11, "sni_name"},
	    {"a.example.", 10, "sni_name"},
	    {".example", 8, "sni_name"},
	    {"a b.example", 11, "sni_name"},
	    {"b\303\274cher.example", 14, "sni_name"},
	    {"[::1]", 5, "sni_name"},
	    {"", 0, "sni_length"},
	};
	struct buf ext;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_init(&ext, ROOM);
		put_sni(&ext, 0, rows[i].name, rows[i].len);
		is_bad(&ext, "", rows[i].why);
		buf_free(&ext);
	}
}

static void
refuses_what_says_two_things(void **state)
{
	struct buf ext;

	(void)state;
	buf_init(&ext, ROOM);
	put_sni(&ext, 0, "a.example", 9);
	is_bad(&ext, "x", "extensions");
	put_sni(&ext, 0, "b.example", 9);
	is_bad(&ext, "", "extension_twice");
	buf_clear(&ext);
	put_extension(&ext, 0, "\0\010\0\0\001a\0\0\001b", 10);
	is_bad(&ext, "", "sni");
	buf_clear(&ext);
	put_sni(&ext, 1, "a.example", 9);
	is_bad(&ext, "", "sni");
	buf_clear(&ext);
	put_extension(&ext, 16, "\0\004\002h2", 5);
	is_bad(&ext, "", "alpn");
	buf_clear(&ext);
	put_extension(&ext, 43, "\003\003\004\003", 4);
	is_bad(&ext, "", "supported_versions");
	buf_free(&ext);
}

static void
refuses_what_has_no_end(void **state)
{
	struct buf ext, m, b;
	struct tls_hello h;

	(void)state;
	buf_init(&ext, ROOM);
	for (unsigned i = 0; i < 65; i++)
		put_extension(&ext, 1000 + i, "", 0);
	is_bad(&ext, "", "extensions_many");
	buf_free(&ext);
	assert_int_equal(what_is("\x16\3\1\x40\0\1\0\x40\0", 9), TLS_HELLO_BAD);
	/* a byte a record: the heads count, too */
	buf_init(&m, ROOM);
	buf_init(&b, ROOM);
	for (unsigned i = 0; i < 8000; i++)
		assert_int_equal(buf_puts(&m, "\1"), 0);
	memcpy((char *)(uintptr_t)buf_at(&m), "\1\0\x1f\0", 4);
	for (size_t i = 0; b.len < TLS_HELLO_INPUT; i++)
		put_record(&b, buf_at(&m) + i, 1);
	assert_int_equal(
	    tls_hello((struct slice){buf_at(&b), TLS_HELLO_INPUT - 1}, &h),
	    TLS_HELLO_MORE);
	assert_int_equal(
	    tls_hello((struct slice){buf_at(&b), TLS_HELLO_INPUT}, &h),
	    TLS_HELLO_BAD);
	assert_string_equal(h.bad, "long");
	buf_free(&m);
	buf_free(&b);
}

static void
tells_what_is_no_tls(void **state)
{
	(void)state;
	assert_int_equal(what_is("", 0), TLS_HELLO_MORE);
	assert_int_equal(what_is("G", 1), TLS_HELLO_NOT);
	assert_int_equal(what_is("SSH-2.0-x\r\n", 11), TLS_HELLO_NOT);
	assert_int_equal(what_is("\x80\x2e\1", 3), TLS_HELLO_NOT);
	assert_int_equal(what_is("\x16\2", 2), TLS_HELLO_NOT);
	assert_int_equal(what_is("\x16\3\1\0\0", 5), TLS_HELLO_BAD);
	assert_int_equal(what_is("\x16\3\1\0\1\2", 6), TLS_HELLO_BAD);
	assert_int_equal(
	    what_is("\x16\3\1\0\1\1\x15\3\1\0", 10), TLS_HELLO_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_name_versions_and_alpn),
	    cmocka_unit_test(reads_one_without_any),
	    cmocka_unit_test(sees_an_encrypted_one),
	    cmocka_unit_test(refuses_names_that_differ_by_reader),
	    cmocka_unit_test(refuses_what_says_two_things),
	    cmocka_unit_test(refuses_what_has_no_end),
	    cmocka_unit_test(tells_what_is_no_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
