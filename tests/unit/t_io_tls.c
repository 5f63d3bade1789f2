/*
 * t_io_tls: a connection under TLS is what it was without: bytes in order, an
 * end that is told, slow peers.
 */
#include "tls_side.h"

static void
test_both_ways(void **state)
{
	struct talk k;
	char got[16] = "";

	(void)state;
	begin_talk(&k, true);
	assert_string_equal(io_tls_version(k.s.io), "1.3");
	assert_string_equal(io_tls_cipher(k.s.io), "TLS_AES_256_GCM_SHA384");
	assert_false(io_tls_resumed(k.s.io));
	other_says(&k.o, &k.s, "hello", 5);
	takes(&k.s, "hello");
	assert_int_equal(io_bytes_in(k.s.io), 5);
	io_puts(k.s.io, "250 ");
	io_puts(k.s.io, "Ok\r\n");
	run_until(&k.s, 'D');
	assert_int_equal(SSL_read(k.o.ssl, got, 15), 8); /* in one record */
	assert_string_equal(got, "250 Ok\r\n");
	assert_int_equal(io_bytes_out(k.s.io), 8);
	assert_string_equal(k.s.told, "SID");
	end_talk(&k);
}

/* Bytes, a file, memory and bytes arrive in this order, however slow it is. */
static void
test_contents(void **state)
{
	char *large = pattern(LARGE), *got = xcalloc(LARGE + 1000010, 1);
	struct content *file = content_in_file(large, LARGE);
	struct content *memory = content_in_memory(large, 1000000);
	struct talk k;

	(void)state;
	begin_talk(&k, false);
	io_puts(k.s.io, "begin");
	io_feed(k.s.io, file, 5, LARGE);
	io_feed(k.s.io, memory, 0, 1000000);
	io_puts(k.s.io, "ended");
	turn(&k.s, 100);
	assert_null(strchr(k.s.told, 'D')); /* nobody reads */
	assert_int_equal(
	    other_hears(&k.o, &k.s, got, LARGE + 1000005), LARGE + 1000005);
	for (int i = 0; i < TRIES && strchr(k.s.told, 'D') == NULL; i++)
		turn(&k.s, 1);
	assert_string_equal(k.s.told, "SD");
	assert_int_equal(io_bytes_out(k.s.io), LARGE + 1000005);
	assert_memory_equal(got, "begin", 5);
	assert_memory_equal(got + 5, large + 5, LARGE - 5);
	assert_memory_equal(got + LARGE, large, 1000000);
	assert_memory_equal(got + LARGE + 1000000, "ended", 5);
	end_talk(&k);
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
	struct talk k;
	size_t n;

	(void)state;
	begin_talk(&k, false);
	io_feed(k.s.io, file, 0, LARGE);
	turn(&k.s, 100);
	io_unfeed(k.s.io);
	content_free(&file);
	io_puts(k.s.io, "the end");
	io_end(k.s.io);
	n = other_hears(&k.o, &k.s, got, LARGE);
	assert_true(n > 100000 && n < LARGE - 100000);
	assert_memory_equal(got, large, n - 7);
	assert_memory_equal(got + n - 7, "the end", 7);
	assert_int_equal(SSL_get_shutdown(k.o.ssl), SSL_RECEIVED_SHUTDOWN);
	end_talk(&k);
	free(large);
	free(got);
}

static void
test_the_end_is_told(void **state)
{
	struct talk k;
	char got[8];

	(void)state;
	begin_talk(&k, true);
	other_says(&k.o, &k.s, "last", 4);
	assert_int_equal(SSL_shutdown(k.o.ssl), 0);
	run_until(&k.s, 'E');
	assert_string_equal(k.s.told, "SIE");
	assert_false(io_truncated(k.s.io));
	assert_true(io_ended(k.s.io));
	io_puts(k.s.io, "221 bye"); /* it may still read */
	assert_int_equal(other_hears(&k.o, &k.s, got, 7), 7);
	end_talk(&k);
}

static void
test_an_end_that_nobody_said(void **state)
{
	struct talk k;
	char got[8];

	(void)state;
	begin_talk(&k, true);
	other_says(&k.o, &k.s, "cut", 3);
	assert_int_equal(shutdown(k.s.peer, SHUT_WR), 0);
	run_until(&k.s, 'E');
	assert_string_equal(k.s.told, "SIE");
	assert_true(io_truncated(k.s.io));
	io_puts(k.s.io, "421 bye");
	assert_int_equal(other_hears(&k.o, &k.s, got, 7), 7);
	end_talk(&k);
}

static void
test_a_reset(void **state)
{
	struct talk k;

	(void)state;
	begin_talk(&k, false);
	io_pause(k.s.io);
	end_other(&k.o);
	reset_peer(&k.s);
	run_until(&k.s, 'G');
	assert_string_equal(k.s.told, "SG");
	assert_int_equal(io_error(k.s.io), ECONNRESET);
	end_talk(&k);
}

static void
test_finish_says_the_end(void **state)
{
	struct talk k;
	char got[16];

	(void)state;
	begin_talk(&k, false);
	io_puts(k.s.io, "221 bye");
	io_finish(&k.s.io, 1000);
	assert_int_equal(other_hears(&k.o, &k.s, got, sizeof(got)), 7);
	assert_int_equal(SSL_get_shutdown(k.o.ssl), SSL_RECEIVED_SHUTDOWN);
	assert_int_equal(io_finishing(k.s.loop), 1);
	assert_true(SSL_shutdown(k.o.ssl) >= 0);
	assert_int_equal(shutdown(k.s.peer, SHUT_WR), 0);
	turn(&k.s, 20);
	assert_int_equal(io_finishing(k.s.loop), 0);
	end_talk(&k);
}

/* What TLS has read ahead waits without an edge of its own. */
static void
test_pause(void **state)
{
	struct talk k;

	(void)state;
	begin_talk(&k, true);
	io_pause(k.s.io);
	assert_int_equal(SSL_write(k.o.ssl, "one", 3), 3);
	assert_int_equal(SSL_write(k.o.ssl, "two", 3), 3);
	turn(&k.s, 20);
	assert_string_equal(k.s.taken, "");
	io_resume(k.s.io);
	turn(&k.s, 20);
	takes(&k.s, "onetwo");
	end_talk(&k);
}

/* An owner that eats little makes the other side wait. */
static void
test_slow_owner(void **state)
{
	char *large = pattern(1000000);
	struct talk k;
	size_t wrote = 0, ate = 0;

	(void)state;
	begin_talk(&k, false);
	for (int i = 0; i < 4000 && ate < 1000000; i++) {
		struct slice in;
		size_t left = 1000000 - wrote;
		int n = left == 0 ? 0
				  : SSL_write(k.o.ssl, large + wrote,
					(int)(left < 65536 ? left : 65536));

		if (n > 0)
			wrote += (size_t)n;
		turn(&k.s, 1);
		in = io_input(k.s.io);
		assert_true(in.len <= 65536);
		if (i < 200) /* it is full by then */
			continue;
		assert_memory_equal(in.at, large + ate, in.len);
		ate += in.len;
		io_eat(k.s.io, in.len);
	}
	assert_int_equal(ate, 1000000);
	ERR_clear_error();
	end_talk(&k);
	free(large);
}

/* TLS 1.3: new keys in the middle, and an answer to them. */
static void
test_key_update(void **state)
{
	struct talk k;
	char got[8];

	(void)state;
	begin_talk(&k, true);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
		    SSL_key_update(k.o.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		other_says(&k.o, &k.s, "x", 1);
		io_puts(k.s.io, "y");
		assert_int_equal(other_hears(&k.o, &k.s, got, 1), 1);
	}
	takes(&k.s, "xxxxxxxxxxxxxxxxxxxx");
	end_talk(&k);
}

static void
test_freed_when_told(void **state)
{
	struct talk k;

	(void)state;
	open_talk(&k);
	k.s.free_at = 'S';
	open_other(&k.o, &k.s, false);
	io_start_tls(k.s.io, k.t, NULL, 0);
	for (int i = 0; i < TRIES && k.s.io != NULL; i++) {
		(void)SSL_do_handshake(k.o.ssl);
		turn(&k.s, 1);
	}
	assert_null(k.s.io);
	end_talk(&k);
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
