/*
 * t_io_tls_hands: where TLS begins: what was put goes before it, nothing that
 * came before gets across, and a handshake that does not come to its end.
 */
#include "tls_side.h"

static void
test_what_was_put_goes_in_the_clear(void **state)
{
	struct talk k;
	char got[16];

	(void)state;
	open_talk(&k);
	io_puts(k.s.io, "220 go\r\n");
	io_start_tls(k.s.io, k.t, NULL, 0);
	io_puts(k.s.io, "not before TLS");
	turn(&k.s, 5);
	hears(&k.s, "220 go\r\n");
	open_other(&k.o, &k.s, false);
	assert_int_equal(shake(&k.o, &k.s), 1);
	io_puts(k.s.io, "under TLS");
	assert_int_equal(other_hears(&k.o, &k.s, got, 9), 9);
	assert_memory_equal(got, "under TLS", 9);
	end_talk(&k);
}

/* However long it takes, the handshake waits. */
static void
test_all_that_was_put_goes_in_the_clear(void **state)
{
	char *large = pattern(LARGE), *got = xcalloc(LARGE, 1);
	struct content *file = content_in_file(large, LARGE);
	struct talk k;
	size_t have = 0;

	(void)state;
	open_talk(&k);
	io_feed(k.s.io, file, 0, LARGE);
	io_start_tls(k.s.io, k.t, NULL, 0);
	open_other(&k.o, &k.s, false);
	assert_int_equal(SSL_do_handshake(k.o.ssl), -1); /* a hasty client */
	turn(&k.s, 100);
	assert_null(strchr(k.s.told, 'S'));
	for (int i = 0; i < TRIES && have < LARGE; i++) {
		ssize_t n = read(k.s.peer, got + have, LARGE - have);

		have += n > 0 ? (size_t)n : 0;
		turn(&k.s, 1);
	}
	assert_int_equal(have, LARGE);
	assert_memory_equal(got, large, LARGE);
	assert_int_equal(shake(&k.o, &k.s), 1);
	assert_string_equal(k.s.told, "DS");
	end_talk(&k);
	content_free(&file);
	free(got);
	free(large);
}

/* CVE-2011-0411. */
static void
test_what_came_before_is_forgotten(void **state)
{
	struct talk k;

	(void)state;
	open_talk(&k);
	say(&k.s, "STARTTLS\r\nMAIL FROM:<evil@example.org>\r\nRC");
	run_until(&k.s, 'I');
	assert_int_equal(io_input(k.s.io).len, 42);
	io_start_tls(k.s.io, k.t, NULL, 0);
	assert_int_equal(io_input(k.s.io).len, 0);
	k.s.take = true;
	open_other(&k.o, &k.s, false);
	assert_int_equal(shake(&k.o, &k.s), 1);
	other_says(&k.o, &k.s, "EHLO x\r\n", 8);
	takes(&k.s, "EHLO x\r\n");
	end_talk(&k);
}

/* What the socket still holds is no TLS: it ends there. */
static void
test_more_in_the_clear_is_the_end(void **state)
{
	struct talk k;

	(void)state;
	open_talk(&k);
	io_start_tls(k.s.io, k.t, NULL, 0);
	say(&k.s, "MAIL FROM:<evil@example.org>\r\n");
	run_until(&k.s, 'G');
	assert_string_equal(k.s.told, "G");
	assert_string_equal(
	    io_trouble(k.s.io), "TLS handshake: wrong version number");
	assert_int_equal(io_error(k.s.io), EPROTO);
	end_talk(&k);
}

/* A greeting of TLS that somebody has read already. */
static void
test_kept_input_is_the_handshake(void **state)
{
	struct talk k;

	(void)state;
	open_talk(&k);
	open_other(&k.o, &k.s, false);
	assert_int_equal(SSL_do_handshake(k.o.ssl), -1);
	run_until(&k.s, 'I');
	assert_true(io_input(k.s.io).len > 100);
	io_start_tls(k.s.io, k.t, NULL, IO_TLS_KEEP);
	assert_int_equal(shake(&k.o, &k.s), 1);
	k.s.take = true;
	other_says(&k.o, &k.s, "hello", 5);
	takes(&k.s, "hello");
	end_talk(&k);
}

static void
test_gone_in_the_handshake(void **state)
{
	struct talk k;

	(void)state;
	open_talk(&k);
	io_start_tls(k.s.io, k.t, NULL, 0);
	turn(&k.s, 2);
	assert_int_equal(shutdown(k.s.peer, SHUT_WR), 0);
	run_until(&k.s, 'G');
	assert_string_equal(
	    io_trouble(k.s.io), "TLS handshake: connection closed");
	end_talk(&k);
}

static void
test_a_handshake_has_a_deadline(void **state)
{
	struct talk k;

	(void)state;
	open_talk(&k);
	io_start_tls(k.s.io, k.t, NULL, 0);
	io_deadline(k.s.io, 20, "handshake_timeout");
	run_until(&k.s, 'L');
	assert_string_equal(k.s.told, "L");
	assert_string_equal(io_deadline_word(k.s.io), "handshake_timeout");
	end_talk(&k);
}

static void
test_finish_in_the_handshake(void **state)
{
	struct talk k;

	(void)state;
	open_talk(&k);
	io_start_tls(k.s.io, k.t, NULL, 0);
	turn(&k.s, 2);
	io_finish(&k.s.io, 1000);
	assert_int_equal(io_finishing(k.s.loop), 0);
	hears(&k.s, "");
	end_talk(&k);
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
	begin_tls(&s, &o, t);
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
	end_tls(&s, &o, &t);
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
	end_tls(&s, &o, &t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_was_put_goes_in_the_clear),
	    cmocka_unit_test(test_all_that_was_put_goes_in_the_clear),
	    cmocka_unit_test(test_what_came_before_is_forgotten),
	    cmocka_unit_test(test_more_in_the_clear_is_the_end),
	    cmocka_unit_test(test_kept_input_is_the_handshake),
	    cmocka_unit_test(test_gone_in_the_handshake),
	    cmocka_unit_test(test_a_handshake_has_a_deadline),
	    cmocka_unit_test(test_finish_in_the_handshake),
	    cmocka_unit_test(test_no_renegotiation),
	    cmocka_unit_test(test_we_are_the_client),
	};
	struct loop *l = loop_open(); /* SIGPIPE is ignored from here on */

	loop_free(&l);
	return cmocka_run_group_tests_name(
	    "io_tls_hands", tests, make_files, remove_files);
}
