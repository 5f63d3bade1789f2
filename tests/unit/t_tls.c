/*
 * t_tls: which files TLS is made of, what is wrong with them, whom we trust,
 * and who may come back with a ticket.
 */
#include "tls_side.h"

static char words[2048];

/* What reading and checking say; true: all is well. */
static bool
check(const char *beginning)
{
	struct conf *c = tls_conf(beginning);
	FILE *out = fmemopen(words, sizeof(words), "w");
	struct tls_files *f;
	bool well;

	memset(words, 0, sizeof(words));
	f = tls_files_read(c, out);
	well = f != NULL && tls_check(c, f, out) == 0;
	if (well)
		tls_warn(c, f, out);
	fclose(out);
	tls_files_free(&f);
	conf_free(&c);
	return well;
}

static void
says(const char *text)
{
	if (strstr(words, text) == NULL)
		fail_msg("not \"%s\" but: %s", text, words);
}

static enum tls_mode
mode_of(const char *beginning)
{
	struct conf *c = tls_conf(beginning);
	enum tls_mode m = tls_mode(c, conf_section(c, "listener", "in"));

	conf_free(&c);
	return m;
}

static void
test_mode(void **state)
{
	(void)state;
	assert_int_equal(mode_of(LISTENER), TLS_OFF);
	assert_int_equal(mode_of(GOOD), TLS_STARTTLS);
	assert_int_equal(
	    mode_of(LISTENER "cert_file = $/good.pem\n"), TLS_STARTTLS);
	assert_int_equal(mode_of(LISTENER "tls = off\n[tls]\n"
					  "cert_file = $/good.pem\n"),
	    TLS_OFF);
	assert_int_equal(mode_of(LISTENER "tls = require\n"), TLS_REQUIRE);
	assert_int_equal(mode_of(LISTENER "tls = implicit\n"), TLS_IMPLICIT);
}

static void
test_good_files(void **state)
{
	(void)state;
	assert_true(check(GOOD));
	assert_string_equal(words, "");
	assert_true(check(LISTENER));
	assert_true(check(LISTENER "cert_file = $/good.pem\n"
				   "key_file = $/good.key\n"));
}

static void
copy_into(FILE *to, const char *name)
{
	FILE *from = fopen(in_folder(name), "r");
	int c;

	assert_non_null(from);
	while ((c = getc(from)) != EOF)
		putc(c, to);
	fclose(from);
}

static void
test_key_in_cert_file(void **state)
{
	FILE *f = new_file("both.pem");

	(void)state;
	copy_into(f, "good.pem");
	copy_into(f, "other.pem"); /* a chain, as far as anybody asks */
	copy_into(f, "good.key");
	fclose(f);
	assert_true(check(LISTENER "cert_file = $/both.pem\n"));
	assert_string_equal(words, "");
	assert_false(check(LISTENER "cert_file = $/good.pem\n"));
	says("test.ini:5: cert_file: ");
	says("no key in PEM form");
}

static void
test_what_is_wrong(void **state)
{
	(void)state;
	assert_false(check(LISTENER "tls = require\n"));
	says("test.ini:5: tls: [listener in] has no cert_file\n");
	assert_false(check(LISTENER "[tls]\ncert_file = $/good.pem\n"
				    "key_file = $/none.key\n"));
	says("test.ini:7: key_file: ");
	says("/none.key: No such file or directory\n");
	assert_false(check(LISTENER "[tls]\ncert_file = $/good.pem\n"
				    "key_file = $/other.key\n"));
	says("test.ini:7: key_file: ");
	says("the key does not belong to the certificate\n");
	assert_false(check(LISTENER "[tls]\ncert_file = $/good.key\n"
				    "key_file = $/good.key\n"));
	says("test.ini:6: cert_file: ");
	says("no certificate in PEM form\n");
	assert_false(check(LISTENER "ca_bundle = $/none.pem\n"));
	says("test.ini:5: ca_bundle: ");
	fclose(new_file("empty.pem"));
	assert_false(check(LISTENER "cert_file = $/empty.pem\n"));
	says("no certificate in PEM form\n");
}

static void
test_key_with_a_password(void **state)
{
	EVP_PKEY *key = new_key("locked.key");
	FILE *f = new_file("locked.key");

	(void)state;
	assert_int_equal(PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(),
			     (const unsigned char *)"x", 1, NULL, NULL),
	    1);
	fclose(f);
	EVP_PKEY_free(key);
	assert_false(check(LISTENER "[tls]\ncert_file = $/good.pem\n"
				    "key_file = $/locked.key\n"));
	says("one with a password\n");
}

static void
test_out_of_date_is_a_warning(void **state)
{
	(void)state;
	assert_true(check(LISTENER "[tls]\ncert_file = $/old.pem\n"
				   "key_file = $/good.key\n"));
	says("warning: test.ini:6: cert_file: ");
	says("the certificate expired on 20");
	assert_true(check(LISTENER "[tls]\ncert_file = $/early.pem\n"
				   "key_file = $/good.key\n"));
	says("the certificate is good from 20");
}

static void
test_files_reach_another_process(void **state)
{
	struct conf *c = tls_conf(GOOD "ca_bundle = $/other.pem\n");
	struct tls_files *f = tls_files_read(c, stderr), *g;
	const char *key = conf_str(c, NULL, OPT_TLS_KEY_FILE);
	struct slice was, is;
	struct err e;
	int fd;

	(void)state;
	assert_non_null(f);
	fd = tls_files_to_fd(f, &e);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), -1);
	g = tls_files_from_fd(fd, &e);
	assert_non_null(g);
	was = tls_files_get(f, key);
	is = tls_files_get(g, key);
	assert_true(was.len > 100);
	assert_int_equal(was.len, is.len);
	assert_memory_equal(was.at, is.at, was.len);
	assert_non_null(
	    tls_files_get(g, conf_str(c, NULL, OPT_TLS_CA_BUNDLE)).at);
	assert_null(tls_files_get(g, "/none").at);
	close(fd);
	tls_files_free(&g);
	tls_files_free(&f);
	conf_free(&c);
}

static void
test_damaged_files(void **state)
{
	static const uint64_t most = UINT64_MAX, four = 4;
	FILE *f = tmpfile();
	struct tls_files *g;
	struct err e;

	(void)state;
	assert_non_null(f);
	g = tls_files_from_fd(fileno(f), &e);
	assert_non_null(g);
	tls_files_free(&g);
	fwrite(&four, sizeof(four), 1, f);
	fwrite("name", 4, 1, f);
	fflush(f);
	assert_null(tls_files_from_fd(fileno(f), &e));
	fwrite(&most, sizeof(most), 1, f);
	fflush(f);
	assert_null(tls_files_from_fd(fileno(f), &e));
	fclose(f);
}

/* ---- tickets ---- */

static void
test_ticket_text(void **state)
{
	struct tls_ticket_key a, b;
	char text[TLS_TICKET_TEXT];

	(void)state;
	tls_ticket_make(&a);
	tls_ticket_make(&b);
	assert_memory_not_equal(&a, &b, sizeof(a));
	tls_ticket_text(&a, text);
	assert_int_equal(tls_ticket_parse(text, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	text[7] = 'g';
	assert_int_equal(tls_ticket_parse(text, &b), -1);
	text[7] = '\0';
	assert_int_equal(tls_ticket_parse(text, &b), -1);
}

static void
new_ticket_key(void)
{
	struct tls_ticket_key k;

	tls_ticket_make(&k);
	tls_tickets_add(&tickets, &k);
}

/* One connection.  Was it resumed, as both sides see it? */
static bool
comes_back(struct other *o, struct tls *t)
{
	struct side s;
	char got[8];
	bool resumed;

	open_pair(&s);
	s.take = true;
	open_other(o, &s, false);
	io_start_tls(s.io, t, NULL, 0);
	assert_int_equal(shake(o, &s), 1);
	io_puts(s.io, "hello");
	assert_int_equal(other_hears(o, &s, got, 5), 5);
	resumed = SSL_session_reused(o->ssl) == 1;
	assert_int_equal(io_tls_resumed(s.io), resumed);
	SSL_shutdown(o->ssl); /* or the session counts as broken */
	if (SSL_version(o->ssl) == TLS1_2_VERSION)
		on_session(o->ssl, SSL_get1_session(o->ssl));
	end_other(o);
	close_side(&s);
	return resumed;
}

static void
tickets_rotate(int version)
{
	struct tls *t = our_server(GOOD), *other_worker = our_server(GOOD);
	struct other o = {0};

	tickets = (struct tls_tickets){0};
	new_ticket_key();
	o.ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_session_cache_mode(o.ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(o.ctx, on_session);
	SSL_CTX_set_max_proto_version(o.ctx, version);
	assert_false(comes_back(&o, t));
	assert_true(comes_back(&o, other_worker));
	for (int i = 1; i < TLS_TICKET_KEYS; i++)
		new_ticket_key();
	assert_true(comes_back(&o, t)); /* the oldest; a new ticket comes */
	for (int i = 1; i < TLS_TICKET_KEYS; i++)
		new_ticket_key();
	assert_true(comes_back(&o, t));
	for (int i = 0; i < TLS_TICKET_KEYS; i++)
		new_ticket_key();
	assert_false(comes_back(&o, t));
	close_other(&o);
	tls_drop(&t);
	tls_drop(&other_worker);
}

static void
test_tickets_12(void **state)
{
	(void)state;
	tickets_rotate(TLS1_2_VERSION);
}

static void
test_tickets_13(void **state)
{
	(void)state;
	tickets_rotate(TLS1_3_VERSION);
}

/* ---- versions ---- */

static void
speaks(const char *beginning, int version, bool well)
{
	struct tls *t = our_server(beginning);
	struct other o = {.ctx = SSL_CTX_new(TLS_client_method())};
	struct side s;

	SSL_CTX_set_security_level(o.ctx, 0);
	SSL_CTX_set_min_proto_version(o.ctx, version);
	SSL_CTX_set_max_proto_version(o.ctx, version);
	open_pair(&s);
	open_other(&o, &s, false);
	io_start_tls(s.io, t, NULL, 0);
	assert_int_equal(shake(&o, &s) == 1, well);
	assert_non_null(strchr(s.told, well ? 'S' : 'G'));
	assert_int_equal(io_secured(s.io), well);
	if (well)
		assert_string_equal(io_tls_version(s.io),
		    version == TLS1_3_VERSION ? "1.3" : "1.2");
	close_other(&o);
	close_side(&s);
	tls_drop(&t);
}

static void
test_versions(void **state)
{
	(void)state;
	speaks(GOOD, TLS1_3_VERSION, true);
	speaks(GOOD, TLS1_2_VERSION, true);
	speaks(GOOD, TLS1_1_VERSION, false);
	speaks(GOOD "min_version = 1.3\n", TLS1_3_VERSION, true);
	speaks(GOOD "min_version = 1.3\n", TLS1_2_VERSION, false);
}

/* ---- whom we trust ---- */

/* "" when we meet whom we want to meet, else what io says. */
static const char *
meets(const char *bundle, const char *name, unsigned how)
{
	static char trouble[200];
	struct tls *t = our_client(bundle);
	struct other o = {0};
	struct side s;

	open_pair(&s);
	open_other(&o, &s, true);
	io_start_tls(s.io, t, name, how);
	(void)shake(&o, &s);
	turn(&s, 5);
	assert_non_null(strpbrk(s.told, "SG"));
	snprintf(trouble, sizeof(trouble), "%s", io_trouble(s.io));
	assert_int_equal(trouble[0] == '\0', strchr(s.told, 'S') != NULL);
	close_other(&o);
	close_side(&s);
	tls_drop(&t);
	return trouble;
}

#define TRUSTS_GOOD LISTENER "[tls]\nca_bundle = $/good.pem\n"
#define TRUSTS_OTHER LISTENER "[tls]\nca_bundle = $/other.pem\n"

static void
test_trust(void **state)
{
	(void)state;
	assert_string_equal(
	    meets(TRUSTS_GOOD, "gw.example.org", IO_TLS_VERIFY), "");
	assert_string_equal(meets(TRUSTS_GOOD, "127.0.0.1", IO_TLS_VERIFY), "");
	assert_string_equal(meets(TRUSTS_GOOD, "127.0.0.2", IO_TLS_VERIFY),
	    "TLS handshake: IP address mismatch (it is for another address)");
	assert_string_equal(
	    meets(TRUSTS_GOOD, "gw2.example.org", IO_TLS_VERIFY),
	    "TLS handshake: hostname mismatch (it is for another name)");
	assert_string_equal(
	    meets(TRUSTS_OTHER, "gw.example.org", IO_TLS_VERIFY),
	    "TLS handshake: self-signed certificate (nobody vouches for it)");
	assert_string_equal(meets(TRUSTS_OTHER, "any.example.org", 0), "");
	assert_string_equal(meets(TRUSTS_OTHER, NULL, 0), "");
}

static void
test_nobody_to_trust(void **state)
{
	struct conf *c = tls_conf(LISTENER "[tls]\nca_bundle = $/good.key\n");
	struct tls_files *f = tls_files_read(c, stderr);
	struct tls_kit kit = {f, NULL};
	struct tls *t = tls_client(c, NULL);
	struct err e;

	(void)state;
	assert_int_equal(tls_trust(t, c, NULL, &kit, &e), -1);
	assert_non_null(strstr(e.text, "test.ini:6: ca_bundle: "));
	assert_non_null(strstr(e.text, "no certificate in PEM form"));
	tls_drop(&t);
	tls_files_free(&f);
	conf_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mode),
	    cmocka_unit_test(test_good_files),
	    cmocka_unit_test(test_key_in_cert_file),
	    cmocka_unit_test(test_what_is_wrong),
	    cmocka_unit_test(test_key_with_a_password),
	    cmocka_unit_test(test_out_of_date_is_a_warning),
	    cmocka_unit_test(test_files_reach_another_process),
	    cmocka_unit_test(test_damaged_files),
	    cmocka_unit_test(test_ticket_text),
	    cmocka_unit_test(test_tickets_12),
	    cmocka_unit_test(test_tickets_13),
	    cmocka_unit_test(test_versions),
	    cmocka_unit_test(test_trust),
	    cmocka_unit_test(test_nobody_to_trust),
	};

	return cmocka_run_group_tests_name(
	    "tls", tests, make_files, remove_files);
}
