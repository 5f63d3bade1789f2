/*
 * t_io_tls: a connection under TLS is what it was without: bytes in order, an
 * end that is told, slow peers; and nothing from before gets across.
 */
#include "tls_side.h"

/* Both have shaken hands. */
static void
begin(struct side *s, struct other *o, struct tls *t)
{
	open_other(o, s, false);
	io_start_tls(s->io, t, NULL, 0);
	assert_int_equal(shake(o, s), 1);
	assert_string_equal(s->told, "S");
	assert_true(io_secured(s->io));
}

static void
end(struct side *s, struct other *o, struct tls **tp)
{
	close_other(o);
	close_side(s);
	tls_drop(tp);
}

/* More than fits between two sockets. */
#define LARGE 12000000

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
	begin(&s, &o, t);
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
	end(&s, &o, &t);
}

static void
test_what_was_put_goes_in_the_clear(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;
	char got[16];

	(void)state;
	open_tcp(&s);
	io_puts(s.io, "220 go\r\n");
	io_start_tls(s.io, t, NULL, 0);
	io_puts(s.io, "not before TLS");
	turn(&s, 5);
	hears(&s, "220 go\r\n");
	open_other(&o, &s, false);
	assert_int_equal(shake(&o, &s), 1);
	io_puts(s.io, "under TLS");
	assert_int_equal(other_hears(&o, &s, got, 9), 9);
	assert_memory_equal(got, "under TLS", 9);
	end(&s, &o, &t);
}

/* However long it takes, the handshake waits. */
static void
test_all_that_was_put_goes_in_the_clear(void **state)
{
	char *large = pattern(LARGE), *got = xcalloc(LARGE, 1);
	struct content *file = content_in_file(large, LARGE);
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;
	size_t have = 0;

	(void)state;
	open_tcp(&s);
	io_feed(s.io, file, 0, LARGE);
	io_start_tls(s.io, t, NULL, 0);
	open_other(&o, &s, false);
	assert_int_equal(SSL_do_handshake(o.ssl), -1); /* a hasty client */
	turn(&s, 100);
	assert_null(strchr(s.told, 'S'));
	for (int i = 0; i < TRIES && have < LARGE; i++) {
		ssize_t n = read(s.peer, got + have, LARGE - have);

		have += n > 0 ? (size_t)n : 0;
		turn(&s, 1);
	}
	assert_int_equal(have, LARGE);
	assert_memory_equal(got, large, LARGE);
	assert_int_equal(shake(&o, &s), 1);
	assert_string_equal(s.told, "DS");
	end(&s, &o, &t);
	content_free(&file);
	free(got);
	free(large);
}

/* CVE-2011-0411. */
static void
test_what_came_before_is_forgotten(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;

	(void)state;
	open_tcp(&s);
	say(&s, "STARTTLS\r\nMAIL FROM:<evil@example.org>\r\nRC");
	run_until(&s, 'I');
	assert_int_equal(io_input(s.io).len, 42);
	io_start_tls(s.io, t, NULL, 0);
	assert_int_equal(io_input(s.io).len, 0);
	s.take = true;
	open_other(&o, &s, false);
	assert_int_equal(shake(&o, &s), 1);
	other_says(&o, &s, "EHLO x\r\n", 8);
	takes(&s, "EHLO x\r\n");
	end(&s, &o, &t);
}

/* What the socket still holds is no TLS: it ends there. */
static void
test_more_in_the_clear_is_the_end(void **state)
{
	struct tls *t = our_server(GOOD);
	struct side s;

	(void)state;
	open_tcp(&s);
	io_start_tls(s.io, t, NULL, 0);
	say(&s, "MAIL FROM:<evil@example.org>\r\n");
	run_until(&s, 'G');
	assert_string_equal(s.told, "G");
	assert_string_equal(
	    io_trouble(s.io), "TLS handshake: wrong version number");
	assert_int_equal(io_error(s.io), EPROTO);
	close_side(&s);
	tls_drop(&t);
}

/* A greeting of TLS that somebody has read already. */
static void
test_kept_input_is_the_handshake(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;

	(void)state;
	open_tcp(&s);
	open_other(&o, &s, false);
	assert_int_equal(SSL_do_handshake(o.ssl), -1);
	run_until(&s, 'I');
	assert_true(io_input(s.io).len > 100);
	io_start_tls(s.io, t, NULL, IO_TLS_KEEP);
	assert_int_equal(shake(&o, &s), 1);
	s.take = true;
	other_says(&o, &s, "hello", 5);
	takes(&s, "hello");
	end(&s, &o, &t);
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
	begin(&s, &o, t);
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
	end(&s, &o, &t);
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
	begin(&s, &o, t);
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
	end(&s, &o, &t);
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
	begin(&s, &o, t);
	other_says(&o, &s, "last", 4);
	assert_int_equal(SSL_shutdown(o.ssl), 0);
	run_until(&s, 'E');
	assert_string_equal(s.told, "SIE");
	assert_false(io_truncated(s.io));
	assert_true(io_ended(s.io));
	io_puts(s.io, "221 bye"); /* it may still read */
	assert_int_equal(other_hears(&o, &s, got, 7), 7);
	end(&s, &o, &t);
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
	begin(&s, &o, t);
	other_says(&o, &s, "cut", 3);
	assert_int_equal(shutdown(s.peer, SHUT_WR), 0);
	run_until(&s, 'E');
	assert_string_equal(s.told, "SIE");
	assert_true(io_truncated(s.io));
	io_puts(s.io, "421 bye");
	assert_int_equal(other_hears(&o, &s, got, 7), 7);
	end(&s, &o, &t);
}

static void
test_a_reset(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {0};
	struct side s;

	(void)state;
	open_tcp(&s);
	begin(&s, &o, t);
	io_pause(s.io);
	end_other(&o);
	reset_peer(&s);
	run_until(&s, 'G');
	assert_string_equal(s.told, "SG");
	assert_int_equal(io_error(s.io), ECONNRESET);
	end(&s, &o, &t);
}

static void
test_gone_in_the_handshake(void **state)
{
	struct tls *t = our_server(GOOD);
	struct side s;

	(void)state;
	open_tcp(&s);
	io_start_tls(s.io, t, NULL, 0);
	turn(&s, 2);
	assert_int_equal(shutdown(s.peer, SHUT_WR), 0);
	run_until(&s, 'G');
	assert_string_equal(
	    io_trouble(s.io), "TLS handshake: connection closed");
	close_side(&s);
	tls_drop(&t);
}

static void
test_a_handshake_has_a_deadline(void **state)
{
	struct tls *t = our_server(GOOD);
	struct side s;

	(void)state;
	open_tcp(&s);
	io_start_tls(s.io, t, NULL, 0);
	io_deadline(s.io, 20, "handshake_timeout");
	run_until(&s, 'L');
	assert_string_equal(s.told, "L");
	assert_string_equal(io_deadline_word(s.io), "handshake_timeout");
	close_side(&s);
	tls_drop(&t);
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
	begin(&s, &o, t);
	io_puts(s.io, "221 bye");
	io_finish(&s.io, 1000);
	assert_int_equal(other_hears(&o, &s, got, sizeof(got)), 7);
	assert_int_equal(SSL_get_shutdown(o.ssl), SSL_RECEIVED_SHUTDOWN);
	assert_int_equal(io_finishing(s.loop), 1);
	assert_true(SSL_shutdown(o.ssl) >= 0);
	assert_int_equal(shutdown(s.peer, SHUT_WR), 0);
	turn(&s, 20);
	assert_int_equal(io_finishing(s.loop), 0);
	end(&s, &o, &t);
}

static void
test_finish_in_the_handshake(void **state)
{
	struct tls *t = our_server(GOOD);
	struct side s;

	(void)state;
	open_tcp(&s);
	io_start_tls(s.io, t, NULL, 0);
	turn(&s, 2);
	io_finish(&s.io, 1000);
	assert_int_equal(io_finishing(s.loop), 0);
	hears(&s, "");
	close_side(&s);
	tls_drop(&t);
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
	begin(&s, &o, t);
	io_pause(s.io);
	assert_int_equal(SSL_write(o.ssl, "one", 3), 3);
	assert_int_equal(SSL_write(o.ssl, "two", 3), 3);
	turn(&s, 20);
	assert_string_equal(s.taken, "");
	io_resume(s.io);
	turn(&s, 20);
	takes(&s, "onetwo");
	end(&s, &o, &t);
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
	begin(&s, &o, t);
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
	end(&s, &o, &t);
	free(large);
}

/* TLS 1.2: the other side may not begin anew. */
static void
test_no_renegotiation(void **state)
{
	struct tls *t = our_server(GOOD);
	struct other o = {.ctx = SSL_CTX_new(TLS_client_method())};
	struct side s;

	(void)state;
	SSL_CTX_set_max_proto_version(o.ctx, TLS1_2_VERSION);
	open_tcp(&s);
	s.take = true;
	begin(&s, &o, t);
	assert_string_equal(io_tls_version(s.io), "1.2");
	assert_int_equal(SSL_renegotiate(o.ssl), 1);
	for (int i = 0; i < 50; i++) {
		(void)SSL_do_handshake(o.ssl);
		turn(&s, 1);
	}
	assert_true(SSL_renegotiate_pending(o.ssl) ||
	    ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_NO_RENEGOTIATION);
	ERR_clear_error();
	assert_null(strchr(s.told + 1, 'S'));
	end(&s, &o, &t);
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
	begin(&s, &o, t);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
		    SSL_key_update(o.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		other_says(&o, &s, "x", 1);
		io_puts(s.io, "y");
		assert_int_equal(other_hears(&o, &s, got, 1), 1);
	}
	takes(&s, "xxxxxxxxxxxxxxxxxxxx");
	end(&s, &o, &t);
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
	end(&s, &o, &t);
}

static void
test_we_are_the_client(void **state)
{
	struct tls *t = our_client(LISTENER "[tls]\nca_bundle = $/good.pem\n");
	struct other o = {0};
	struct side s;
	char got[8];

	(void)state;
	open_tcp(&s);
	s.take = true;
	open_other(&o, &s, true);
	io_start_tls(s.io, t, "gw.example.org", 0);
	assert_int_equal(shake(&o, &s), 1);
	assert_string_equal(
	    SSL_get_servername(o.ssl, TLSEXT_NAMETYPE_host_name),
	    "gw.example.org");
	io_puts(s.io, "EHLO x");
	assert_int_equal(other_hears(&o, &s, got, 6), 6);
	other_says(&o, &s, "250", 3);
	takes(&s, "250");
	end(&s, &o, &t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_ways),
	    cmocka_unit_test(test_what_was_put_goes_in_the_clear),
	    cmocka_unit_test(test_all_that_was_put_goes_in_the_clear),
	    cmocka_unit_test(test_what_came_before_is_forgotten),
	    cmocka_unit_test(test_more_in_the_clear_is_the_end),
	    cmocka_unit_test(test_kept_input_is_the_handshake),
	    cmocka_unit_test(test_contents),
	    cmocka_unit_test(test_unfeed),
	    cmocka_unit_test(test_the_end_is_told),
	    cmocka_unit_test(test_an_end_that_nobody_said),
	    cmocka_unit_test(test_a_reset),
	    cmocka_unit_test(test_gone_in_the_handshake),
	    cmocka_unit_test(test_a_handshake_has_a_deadline),
	    cmocka_unit_test(test_finish_says_the_end),
	    cmocka_unit_test(test_finish_in_the_handshake),
	    cmocka_unit_test(test_pause),
	    cmocka_unit_test(test_slow_owner),
	    cmocka_unit_test(test_no_renegotiation),
	    cmocka_unit_test(test_key_update),
	    cmocka_unit_test(test_freed_when_told),
	    cmocka_unit_test(test_we_are_the_client),
	};
	struct loop *l = loop_open(); /* SIGPIPE is ignored from here on */

	loop_free(&l);
	return cmocka_run_group_tests_name(
	    "io_tls", tests, make_files, remove_files);
}
