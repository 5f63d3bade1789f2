/*
 * t_leaf_wire: requests and replies come back as they went, and nothing else
 * is taken for one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/leaf_wire.h"

static struct slice
all(const struct buf *b)
{
	return (struct slice){buf_at(b), b->len};
}

static struct leaf_request
request(uint32_t number, const char *first, const char *second)
{
	struct leaf_request q = {.number = number};

	assert_true(leaf_names_add(&q.names, slice_of(first)));
	if (second != NULL)
		assert_true(leaf_names_add(&q.names, slice_of(second)));
	return q;
}

static void
a_request(void **state)
{
	struct leaf_request q = request(0x01020304, "example.org", "::1"), r;
	struct buf b;

	(void)state;
	buf_init(&b, LEAF_PACKET_MAX);
	assert_int_equal(leaf_put_request(&b, &q), 0);
	assert_int_equal(leaf_get_request(all(&b), &r), 0);
	assert_int_equal(r.number, 0x01020304);
	assert_int_equal(r.names.n, 2);
	assert_string_equal(r.names.list[0].text, "example.org");
	assert_int_equal(r.names.list[0].ip_len, 0);
	assert_string_equal(r.names.list[1].text, "::1");
	assert_int_equal(r.names.list[1].ip_len, 16);
	buf_free(&b);
}

/* Cut anywhere, or with a byte more, it is none. */
static void
a_part_of_a_request(void **state)
{
	struct leaf_request q = request(1, "example.org", "192.0.2.1"), r;
	struct buf b;

	(void)state;
	buf_init(&b, LEAF_PACKET_MAX);
	assert_int_equal(leaf_put_request(&b, &q), 0);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(
		    leaf_get_request((struct slice){buf_at(&b), n}, &r), -1);
	assert_int_equal(buf_put(&b, "x", 1), 0);
	assert_int_equal(leaf_get_request(all(&b), &r), -1);
	buf_free(&b);
}

static int
get(const char *bytes, size_t len)
{
	struct leaf_request r;

	return leaf_get_request((struct slice){bytes, len}, &r);
}

#define GET(text) get(text, sizeof(text) - 1)
#define HEAD "SPL1\0\0\0\7"

static void
what_is_no_request(void **state)
{
	(void)state;
	assert_int_equal(GET(HEAD "\1\0\1a"), 0);
	assert_int_equal(GET("SPL2\0\0\0\7\1\0\1a"), -1);
	assert_int_equal(GET(HEAD "\0"), -1);
	assert_int_equal(GET(HEAD "\5\0\1a\0\1b\0\1c\0\1d\0\1e"), -1);
	assert_int_equal(GET(HEAD "\2\0\1a\0\1b"), 0);
	assert_int_equal(GET(HEAD "\2\0\1a\0\1a"), -1); /* twice */
	assert_int_equal(GET(HEAD "\1\0\1A"), -1);      /* another form */
	assert_int_equal(GET(HEAD "\1\0\2a."), -1);
	assert_int_equal(GET(HEAD "\1\0\5[::1]"), -1);
	assert_int_equal(GET(HEAD "\1\0\4*.ab"), -1);
	assert_int_equal(GET(HEAD "\1\0\0"), -1);
	assert_int_equal(GET(HEAD "\1\377\377a"), -1);
}

#define SECRET "this is a number of 32 bytes...."

static struct leaf_reply
reply(void)
{
	struct leaf_reply r = {.number = 9,
	    .status = LEAF_MADE,
	    .good_s = 3600,
	    .cert = slice_of("CERT"),
	    .secret = slice_of(SECRET),
	    .chain_n = 2,
	    .chain = {slice_of("ONE"), slice_of("")}};

	return r;
}

static void
a_reply(void **state)
{
	struct leaf_reply q = reply(), r;
	struct buf b;

	(void)state;
	buf_init(&b, LEAF_PACKET_MAX);
	assert_int_equal(leaf_put_reply(&b, &q), 0);
	leaf_readdress(buf_at(&b), 0xfffefdfc, 77);
	assert_int_equal(leaf_get_reply(all(&b), &r), 0);
	assert_true(r.number == 0xfffefdfc);
	assert_int_equal(r.status, LEAF_MADE);
	assert_int_equal(r.good_s, 77);
	assert_true(slice_is(r.cert, "CERT"));
	assert_true(slice_is(r.secret, SECRET));
	assert_int_equal(r.chain_n, 2);
	assert_true(slice_is(r.chain[0], "ONE"));
	assert_true(slice_is(r.chain[1], ""));
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(
		    leaf_get_reply((struct slice){buf_at(&b), n}, &r), -1);
	assert_int_equal(buf_put(&b, "x", 1), 0);
	assert_int_equal(leaf_get_reply(all(&b), &r), -1);
	buf_free(&b);
}

static void
a_reply_that_says_no(void **state)
{
	struct leaf_reply q = {.number = 5, .status = LEAF_FAILED}, r;
	struct buf b;

	(void)state;
	buf_init(&b, LEAF_PACKET_MAX);
	assert_int_equal(leaf_put_reply(&b, &q), 0);
	assert_int_equal(b.len, 9);
	assert_int_equal(leaf_get_reply(all(&b), &r), 0);
	assert_int_equal(r.number, 5);
	assert_int_equal(r.status, LEAF_FAILED);
	buf_at(&b)[8] = LEAF_STATUSES;
	assert_int_equal(leaf_get_reply(all(&b), &r), -1);
	buf_free(&b);
}

/* A leaf without a certificate or a key is none; nor is too long a chain. */
static void
what_is_no_reply(void **state)
{
	struct leaf_reply q = reply(), r;
	struct buf b;

	(void)state;
	buf_init(&b, LEAF_PACKET_MAX);
	q.secret = slice_of("31 bytes are not a key for it..");
	assert_int_equal(leaf_put_reply(&b, &q), 0);
	assert_int_equal(leaf_get_reply(all(&b), &r), -1);
	buf_clear(&b);
	q = reply();
	q.cert = slice_of("");
	assert_int_equal(leaf_put_reply(&b, &q), 0);
	assert_int_equal(leaf_get_reply(all(&b), &r), -1);
	buf_clear(&b);
	q = reply();
	q.chain_n = 0;
	assert_int_equal(leaf_put_reply(&b, &q), 0);
	buf_at(&b)[b.len - 1] = LEAF_CHAIN_MAX + 1;
	for (unsigned i = 0; i <= LEAF_CHAIN_MAX; i++)
		assert_int_equal(buf_put(&b, "\0\1x", 3), 0);
	assert_int_equal(leaf_get_reply(all(&b), &r), -1);
	buf_free(&b);
}

static void
a_small_buf(void **state)
{
	struct leaf_request q = request(1, "example.org", NULL);
	struct leaf_reply r = reply();
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(leaf_put_request(&b, &q), -1);
	buf_clear(&b);
	assert_int_equal(leaf_put_reply(&b, &r), -1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request),
	    cmocka_unit_test(a_part_of_a_request),
	    cmocka_unit_test(what_is_no_request),
	    cmocka_unit_test(a_reply),
	    cmocka_unit_test(a_reply_that_says_no),
	    cmocka_unit_test(what_is_no_reply),
	    cmocka_unit_test(a_small_buf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
