/*
 * t_io_tls: a connection under TLS is what it was without: bytes in order, an
 * end that is told, slow peers.
 */
#include "tls_side.h"

static void
test_both_ways(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;
	char got[16] = "";

	(void)state;
	open_tcp(&s);
	s.take = true;
	begin_tls(&s, &o, t);
	assert_string_equal(io_tls_version(s.io), "1.3");
	assert_string_equal(io_tls_cipher(s.io), "TLS_AES_256_GCM_SHA384");
	assert_false(io_tls_resumed(s.io));
	other_says(&o, &s, "hello", 5);
	takes(&s, "hello");
	assert_int_equal(io_bytes_in(s.io), 5);
	io_puts(s.io, "250 ");
	io_puts(s.io, "Ok\r\n");
	run_until(&s, 'D');
	assert_int_equal(SSL_read(o.ssl, got, 15), 8); /* in one record */
	assert_string_equal(got, "250 Ok\r\n");
	assert_int_equal(io_bytes_out(s.io), 8);
	assert_string_equal(s.told, "SID");
	end_tls(&s, &o, &t);
}

/* Bytes, a file, memory and bytes arrive in this order, however slow it is. */
static void
test_contents(void **state)
{
	char *large = pattern(LARGE), *got = xcalloc(LARGE + 1000010, 1);
	struct content *file = content_in_file(large, LARGE);
	struct content *memory = content_in_memory(large, 1000000);
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;

	(void)state;
	open_tcp(&s);
	begin_tls(&s, &o, t);
	io_puts(s.io, "begin");
	io_feed(s.io, file, 5, LARGE);
	io_feed(s.io, memory, 0, 1000000);
	io_puts(s.io, "ended");
	turn(&s, 100);
	assert_null(strchr(s.told, 'D')); /* nobody reads */
	assert_int_equal(
	    other_hears(&o, &s, got, LARGE + 1000005), LARGE + 1000005);
	for (int i = 0; i < TRIES && strchr(s.told, 'D') == NULL; i++)
		turn(&s, 1);
	assert_string_equal(s.told, "SD");
	assert_int_equal(io_bytes_out(s.io), LARGE + 1000005);
	assert_memory_equal(got, "begin", 5);
	assert_memory_equal(got + 5, large + 5, LARGE - 5);
	assert_memory_equal(got + LARGE, large, 1000000);
	assert_memory_equal(got + LARGE + 1000000, "ended", 5);
	end_tls(&s, &o, &t);
	content_free(&file);
	content_free(&memory);
	free(large);
	free(got);
}

/* What has begun to go out as a record is not taken back. */
static void
test_unfeed(void **state)
{
	char *large = pattern(LARGE), *got = xcalloc(LARGE, 1);
	struct content *file = content_in_file(large, LARGE);
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;
	size_t n;

	(void)state;
	open_tcp(&s);
	begin_tls(&s, &o, t);
	io_feed(s.io, file, 0, LARGE);
	turn(&s, 100);
	io_unfeed(s.io);
	content_free(&file);
	io_puts(s.io, "the end");
	io_end(s.io);
	n = other_hears(&o, &s, got, LARGE);
	assert_true(n > 100000 && n < LARGE - 100000);
	assert_memory_equal(got, large, n - 7);
	assert_memory_equal(got + n - 7, "the end", 7);
	assert_int_equal(SSL_get_shutdown(o.ssl), SSL_RECEIVED_SHUTDOWN);
	end_tls(&s, &o, &t);
	free(large);
	free(got);
}

static void
test_the_end_is_told(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;
	char got[8];

	(void)state;
	open_tcp(&s);
	s.take = true;
	begin_tls(&s, &o, t);
	other_says(&o, &s, "last", 4);
	assert_int_equal(SSL_shutdown(o.ssl), 0);
	run_until(&s, 'E');
	assert_string_equal(s.told, "SIE");
	assert_false(io_truncated(s.io));
	assert_true(io_ended(s.io));
	io_puts(s.io, "221 bye"); /* it may still read */
	assert_int_equal(other_hears(&o, &s, got, 7), 7);
	end_tls(&s, &o, &t);
}

static void
test_an_end_that_nobody_said(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;
	char got[8];

	(void)state;
	open_tcp(&s);
	s.take = true;
	begin_tls(&s, &o, t);
	other_says(&o, &s, "cut", 3);
	assert_int_equal(shutdown(s.peer, SHUT_WR), 0);
	run_until(&s, 'E');
	assert_string_equal(s.told, "SIE");
	assert_true(io_truncated(s.io));
	io_puts(s.io, "421 bye");
	assert_int_equal(other_hears(&o, &s, got, 7), 7);
	end_tls(&s, &o, &t);
}

static void
test_a_reset(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;

	(void)state;
	open_tcp(&s);
	begin_tls(&s, &o, t);
	io_pause(s.io);
	end_other(&o);
	reset_peer(&s);
	run_until(&s, 'G');
	assert_string_equal(s.told, "SG");
	assert_int_equal(io_error(s.io), ECONNRESET);
	end_tls(&s, &o, &t);
}

static void
test_finish_says_the_end(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;
	char got[16];

	(void)state;
	open_tcp(&s);
	begin_tls(&s, &o, t);
	io_puts(s.io, "221 bye");
	io_finish(&s.io, 1000);
	assert_int_equal(other_hears(&o, &s, got, sizeof(got)), 7);
	assert_int_equal(SSL_get_shutdown(o.ssl), SSL_RECEIVED_SHUTDOWN);
	assert_int_equal(io_finishing(s.loop), 1);
	assert_true(SSL_shutdown(o.ssl) >= 0);
	assert_int_equal(shutdown(s.peer, SHUT_WR), 0);
	turn(&s, 20);
	assert_int_equal(io_finishing(s.loop), 0);
	end_tls(&s, &o, &t);
}

/* What TLS has read ahead waits without an edge of its own. */
static void
test_pause(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;

	(void)state;
	open_tcp(&s);
	s.take = true;
	begin_tls(&s, &o, t);
	io_pause(s.io);
	assert_int_equal(SSL_write(o.ssl, "one", 3), 3);
	assert_int_equal(SSL_write(o.ssl, "two", 3), 3);
	turn(&s, 20);
	assert_string_equal(s.taken, "");
	io_resume(s.io);
	turn(&s, 20);
	takes(&s, "onetwo");
	end_tls(&s, &o, &t);
}

/* An owner that eats little makes the other side wait. */
static void
test_slow_owner(void **state)
{
	char *large = pattern(1000000);
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;
	size_t wrote = 0, ate = 0;

	(void)state;
	open_tcp(&s);
	begin_tls(&s, &o, t);
	for (int i = 0; i < 4000 && ate < 1000000; i++) {
		struct slice in;
		size_t left = 1000000 - wrote;
		int n = left == 0 ? 0
				  : SSL_write(o.ssl, large + wrote,
					(int)(left < 65536 ? left : 65536));

		if (n > 0)
			wrote += (size_t)n;
		turn(&s, 1);
		in = io_input(s.io);
		assert_true(in.len <= 65536);
		if (i < 200) /* it is full by then */
			continue;
		assert_memory_equal(in.at, large + ate, in.len);
		ate += in.len;
		io_eat(s.io, in.len);
	}
	assert_int_equal(ate, 1000000);
	ERR_clear_error();
	end_tls(&s, &o, &t);
	free(large);
}

/* TLS 1.3: new keys in the middle, and an answer to them. */
static void
test_key_update(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;
	char got[8];

	(void)state;
	open_tcp(&s);
	s.take = true;
	begin_tls(&s, &o, t);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
		    SSL_key_update(o.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		other_says(&o, &s, "x", 1);
		io_puts(s.io, "y");
		assert_int_equal(other_hears(&o, &s, got, 1), 1);
	}
	takes(&s, "xxxxxxxxxxxxxxxxxxxx");
	end_tls(&s, &o, &t);
}

static void
test_freed_when_told(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;

	(void)state;
	open_tcp(&s);
	s.free_at = 'S';
	open_other(&o, &s, false);
	io_start_tls(s.io, t, NULL, 0);
	for (int i = 0; i < TRIES && s.io != NULL; i++) {
		(void)SSL_do_handshake(o.ssl);
		turn(&s, 1);
	}
	assert_null(s.io);
	end_tls(&s, &o, &t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_ways),
	    cmocka_unit_test(test_contents),
	    cmocka_unit_test(test_unfeed),
	    cmocka_unit_test(test_the_end_is_told),
	    cmocka_unit_test(test_an_end_that_nobody_said),
	    cmocka_unit_test(test_a_reset),
	    cmocka_unit_test(test_finish_says_the_end),
	    cmocka_unit_test(test_pause),
	    cmocka_unit_test(test_slow_owner),
	    cmocka_unit_test(test_key_update),
	    cmocka_unit_test(test_freed_when_told),
	};
	struct loop *l = loop_open(); /* SIGPIPE is ignored from here on */

	loop_free(&l);
	return cmocka_run_group_tests_name(
	    "io_tls", tests, make_files, remove_files);
}
