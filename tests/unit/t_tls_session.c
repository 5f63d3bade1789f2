/*
 * Sessions of TLS that go on towards servers: with whom, how often, how long.
 */
#include "tls_side.h"

#include "proxy/tls_own.h"

#define TRUSTS_GOOD LISTENER "[tls]\nca_bundle = $/good.pem\n"

/* Who is met, and how it ends. */
struct meeting {
	struct tls *ours;
	const char *address, *name;
	unsigned how;
	bool cut; /* the server is gone in the middle of it */
};

static SSL_CTX *
a_server(int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_non_null(ctx);
	SSL_CTX_set_max_proto_version(ctx, version);
	return ctx;
}

/* The server's side of an end: 1.3 would hear nothing of the tickets else. */
static void
talk(struct other *o, struct side *s)
{
	char got[8];

	other_says(o, s, "hello", 5);
	takes(s, "hello");
	io_puts(s->io, "bye");
	assert_int_equal(other_hears(o, s, got, 3), 3);
}

/* One connection.  Did a session go on, as both see it? */
static bool
resumes(SSL_CTX *server, const struct meeting *m)
{
	struct other o = {.ctx = server};
	struct addr to;
	struct side s;
	int fds[2];
	bool is;

	assert_int_equal(addr_parse(m->address, &to, NULL), 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	open_over(&s, fds[0], fds[1], &to);
	s.take = true;
	open_other(&o, &s, true);
	io_start_tls(s.io, m->ours, m->name, m->how);
	assert_int_equal(shake(&o, &s), 1);
	talk(&o, &s);
	is = SSL_session_reused(o.ssl) == 1;
	assert_int_equal(io_tls_resumed(s.io), is);
	if (!m->cut) {
		io_end(s.io);
		turn(&s, 5);
	}
	end_other(&o);
	close_side(&s);
	return is;
}

#define HERE "127.0.0.1:25"

static void
goes_on(int version)
{
	struct meeting m = {our_client(TRUSTS_GOOD), HERE, "gw.example.org",
	    IO_TLS_AGAIN | IO_TLS_VERIFY, false};
	SSL_CTX *server = a_server(version);

	assert_false(resumes(server, &m));
	for (int i = 0; i < 6; i++)
		assert_true(resumes(server, &m));
	SSL_CTX_free(server);
	/* one that gives no ticket but behind a full handshake, as Postfix */
	server = a_server(version);
	assert_false(resumes(server, &m));
	(void)SSL_CTX_set_num_tickets(server, 0);
	for (int i = 0; i < 6; i++)
		assert_true(resumes(server, &m));
	SSL_CTX_free(server);
	/* one that has lost its keys: a full handshake, and all is well */
	server = a_server(version);
	assert_false(resumes(server, &m));
	assert_true(resumes(server, &m));
	SSL_CTX_free(server);
	tls_drop(&m.ours);
}

static void
test_goes_on_12(void **state)
{
	(void)state;
	goes_on(TLS1_2_VERSION);
}

static void
test_goes_on_13(void **state)
{
	(void)state;
	goes_on(TLS1_3_VERSION);
}

/* Only with the same: whoever differs in one thing begins anew. */
static void
test_with_nobody_else(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	const struct meeting all[] = {
	    {NULL, HERE, "gw.example.org", IO_TLS_AGAIN, false},
	    {NULL, HERE, "gw.example.org", IO_TLS_AGAIN | IO_TLS_VERIFY, false},
	    {NULL, HERE, "gw2.example.org", IO_TLS_AGAIN, false},
	    {NULL, HERE, NULL, IO_TLS_AGAIN, false},
	    {NULL, "127.0.0.1:26", "gw.example.org", IO_TLS_AGAIN, false},
	    {NULL, "127.0.0.2:25", "gw.example.org", IO_TLS_AGAIN, false},
	};

	(void)state;
	for (size_t v = 0; v < 2; v++) {
		SSL_CTX *server = a_server(versions[v]);
		struct tls *ours = our_client(TRUSTS_GOOD);
		struct tls *later = our_client(TRUSTS_GOOD);
		struct meeting m;

		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			m = all[i];
			m.ours = ours;
			assert_false(resumes(server, &m));
			assert_true(resumes(server, &m));
		}
		m = all[0];
		m.ours = later; /* another place */
		assert_false(resumes(server, &m));
		m.ours = ours;
		assert_true(resumes(server, &m));
		m.how = 0; /* who did not ask for it */
		assert_false(resumes(server, &m));
		tls_drop(&ours);
		tls_drop(&later);
		SSL_CTX_free(server);
	}
}

/* RFC 5246 7.2.1 as OpenSSL has it: what broke off does not go on. */
static void
test_not_behind_a_cut(void **state)
{
	struct meeting m = {
	    our_client(TRUSTS_GOOD), HERE, NULL, IO_TLS_AGAIN, true};
	SSL_CTX *server = a_server(TLS1_2_VERSION);

	(void)state;
	assert_false(resumes(server, &m));
	assert_false(resumes(server, &m));
	m.cut = false;
	assert_false(resumes(server, &m));
	assert_true(resumes(server, &m));
	tls_drop(&m.ours);
	SSL_CTX_free(server);
}

/* ---- the list ---- */

/* One that looks as if it could go on. */
static SSL_SESSION *
a_session(unsigned char id)
{
	SSL_SESSION *s = SSL_SESSION_new();

	assert_non_null(s);
	assert_int_equal(SSL_SESSION_set1_id(s, &id, 1), 1);
	assert_true(SSL_SESSION_is_resumable(s));
	return s;
}

/* Its id; -1: there is none. */
static int
take(struct tls_sessions *ss, const char *peer, int64_t now)
{
	int64_t since = -1;
	SSL_SESSION *s = tls_sessions_take(ss, peer, now, &since);
	unsigned len;
	int id;

	if (s == NULL)
		return -1;
	id = SSL_SESSION_get_id(s, &len)[0];
	assert_int_equal(since, 1000 + id);
	SSL_SESSION_free(s);
	return id;
}

static void
put(struct tls_sessions *ss, const char *peer, unsigned char id)
{
	tls_sessions_put(ss, peer, a_session(id), 1000 + id);
}

static void
test_the_newest_first_and_once(void **state)
{
	struct tls_sessions *ss = tls_sessions_open();

	(void)state;
	put(ss, "a", 1);
	put(ss, "b", 2);
	put(ss, "a", 3);
	assert_int_equal(take(ss, "a", 2000), 3);
	assert_int_equal(take(ss, "a", 2000), 1);
	assert_int_equal(take(ss, "a", 2000), -1);
	assert_int_equal(take(ss, "c", 2000), -1);
	put(ss, "a", 4);
	tls_sessions_put_back(ss, "a", a_session(5), 1005);
	assert_int_equal(take(ss, "a", 2000), 4);
	assert_int_equal(take(ss, "a", 2000), 5);
	put(ss, "a", 4);
	tls_sessions_forget(ss, "b");
	assert_int_equal(take(ss, "b", 2000), -1);
	assert_int_equal(take(ss, "a", 2000), 4);
	tls_sessions_free(&ss);
	assert_null(ss);
}

/* OpenSSL takes a session back when its connection breaks off. */
static void
test_not_one_that_was_taken_back(void **state)
{
	struct tls_sessions *ss = tls_sessions_open();
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL_SESSION *bad = a_session(2);

	(void)state;
	put(ss, "a", 1);
	tls_sessions_put(ss, "a", bad, 1002);
	(void)SSL_CTX_remove_session(ctx, bad);
	assert_false(SSL_SESSION_is_resumable(bad));
	assert_int_equal(take(ss, "a", 2000), 1);
	SSL_CTX_free(ctx);
	tls_sessions_free(&ss);
}

static void
test_not_for_ever(void **state)
{
	struct tls_sessions *ss = tls_sessions_open();

	(void)state;
	put(ss, "a", 1);
	put(ss, "a", 2);
	assert_int_equal(take(ss, "a", 1001 + TLS_SESSION_LIFE_MS), 2);
	assert_int_equal(take(ss, "a", 1001 + TLS_SESSION_LIFE_MS), -1);
	assert_int_equal(take(ss, "a", 1001), -1); /* it was not kept */
	tls_sessions_free(&ss);
}

static void
test_not_too_many(void **state)
{
	struct tls_sessions *ss = tls_sessions_open();
	char peer[16];

	(void)state;
	for (unsigned char i = 0; i < TLS_SESSIONS_OF_ONE + 2; i++)
		put(ss, "a", i);
	for (int i = TLS_SESSIONS_OF_ONE + 1; i >= 2; i--)
		assert_int_equal(take(ss, "a", 2000), i);
	assert_int_equal(take(ss, "a", 2000), -1);
	for (unsigned char i = 0; i < TLS_SESSIONS_MAX + 2; i++) {
		snprintf(peer, sizeof(peer), "%u", i);
		put(ss, peer, i);
	}
	assert_int_equal(take(ss, "0", 2000), -1);
	assert_int_equal(take(ss, "1", 2000), -1);
	assert_int_equal(take(ss, "2", 2000), 2);
	tls_sessions_free(&ss);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_goes_on_12),
	    cmocka_unit_test(test_goes_on_13),
	    cmocka_unit_test(test_with_nobody_else),
	    cmocka_unit_test(test_not_behind_a_cut),
	    cmocka_unit_test(test_the_newest_first_and_once),
	    cmocka_unit_test(test_not_one_that_was_taken_back),
	    cmocka_unit_test(test_not_for_ever),
	    cmocka_unit_test(test_not_too_many),
	};

	return cmocka_run_group_tests_name(
	    "tls_session", tests, make_files, remove_files);
}
