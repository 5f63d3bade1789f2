/*
 * t_milter_packet: packets off a stream, however it is cut, and the limits of
 * what is taken.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/milter/milter_packet.h"
#include "protocols/milter/milter_wire.h"

static struct milter_packet p;

static struct slice
bytes(const char *at, size_t len)
{
	return (struct slice){at, len};
}

#define BYTES(text) bytes(text, sizeof(text) - 1)

static void
is_packet(char command, const char *data, size_t len)
{
	assert_int_equal(p.command, command);
	assert_int_equal(p.data.len, len);
	assert_memory_equal(p.data.at, data, len);
	assert_true(p.last);
}

static void
whole_packets(void **state)
{
	struct slice in = BYTES("\0\0\0\1N\0\0\0\6Hname\0\0\0\0\1Q");

	(void)state;
	milter_packet_init(&p);
	assert_int_equal(milter_packet(&p, &in), PACKET_SOME);
	is_packet('N', "", 0);
	assert_int_equal(milter_packet(&p, &in), PACKET_SOME);
	is_packet('H', "name", 5);
	assert_int_equal(milter_packet(&p, &in), PACKET_SOME);
	is_packet('Q', "", 0);
	assert_int_equal(in.len, 0);
	assert_int_equal(milter_packet(&p, &in), PACKET_NONE);
	milter_packet_free(&p);
}

/* Each byte alone gives the same packets. */
static void
byte_by_byte(void **state)
{
	static const char text[] = "\0\0\0\6Hname\0\0\0\0\4Lab\0\0\0\0\1N";
	unsigned packets = 0;

	(void)state;
	milter_packet_init(&p);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		struct slice in = bytes(text + i, 1);

		if (milter_packet(&p, &in) != PACKET_SOME)
			continue;
		packets++;
		if (packets == 1)
			is_packet('H', "name", 5);
		if (packets == 2)
			is_packet('L', "ab", 3);
		assert_int_equal(in.len, 0);
	}
	assert_int_equal(packets, 3);
	is_packet('N', "", 0);
	milter_packet_free(&p);
}

static void
a_body_is_not_held(void **state)
{
	struct slice in = BYTES("\0\0\0\7Babc");

	(void)state;
	milter_packet_init(&p);
	assert_int_equal(milter_packet(&p, &in), PACKET_SOME);
	assert_int_equal(p.data.len, 3);
	assert_false(p.last);
	assert_int_equal(p.held.cap, 0);
	assert_int_equal(milter_packet(&p, &in), PACKET_NONE);
	in = BYTES("def\0\0\0\1E");
	assert_int_equal(milter_packet(&p, &in), PACKET_SOME);
	is_packet('B', "def", 3);
	assert_int_equal(milter_packet(&p, &in), PACKET_SOME);
	is_packet('E', "", 0);
	milter_packet_free(&p);
}

static void
lengths(void **state)
{
	static const struct {
		const char head[5];
		size_t most;
		enum milter_packet_is is;
	} rows[] = {
	    {"\0\0\0\0Q", MILTER_PACKET_MAX, PACKET_EMPTY},
	    {"\0\4\0\1L", MILTER_PACKET_MAX, PACKET_NONE},
	    {"\0\4\0\2L", MILTER_PACKET_MAX, PACKET_LONG},
	    {"\0\4\0\2L", MILTER_PACKET_MAX_1M, PACKET_NONE},
	    {"\0\x10\0\1L", MILTER_PACKET_MAX_1M, PACKET_NONE},
	    {"\0\x10\0\2L", MILTER_PACKET_MAX_1M, PACKET_LONG},
	    {"\xff\xff\xff\xffL", MILTER_PACKET_MAX_1M, PACKET_LONG},
	    {"GET /", MILTER_PACKET_MAX_1M, PACKET_LONG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice in = bytes(rows[i].head, 5);

		milter_packet_init(&p);
		p.most = rows[i].most;
		assert_int_equal(milter_packet(&p, &in), rows[i].is);
		milter_packet_free(&p);
	}
}

static void
the_longest_header(void **state)
{
	static char data[MILTER_PACKET_MAX - 1];
	struct slice in = BYTES("\0\4\0\1L");

	(void)state;
	memset(data, 'x', sizeof(data));
	milter_packet_init(&p);
	assert_int_equal(milter_packet(&p, &in), PACKET_NONE);
	in = bytes(data, 60000);
	assert_int_equal(milter_packet(&p, &in), PACKET_NONE);
	in = bytes(data + 60000, sizeof(data) - 60000);
	assert_int_equal(milter_packet(&p, &in), PACKET_SOME);
	is_packet('L', data, sizeof(data));
	/* what it held goes with the next */
	in = BYTES("\0\0\0\1N");
	assert_int_equal(milter_packet(&p, &in), PACKET_SOME);
	assert_int_equal(p.held.cap, 0);
	milter_packet_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_packets),
	    cmocka_unit_test(byte_by_byte),
	    cmocka_unit_test(a_body_is_not_held),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(the_longest_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
