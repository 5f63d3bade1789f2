/*
 * t_leaf: leaves as a place gets them, from a signer that is another process:
 * made once, kept, asked for again when the signer dies, and what is said when
 * there is none.
 */
#include "leaf_side.h"

/* ---- the tests ---- */

#define WEEK_MS (INT64_C(7) * 24 * 3600 * 1000)
#define ON "enabled = yes\n"

/* A place with inspection, and a signer that makes its leaves. */
struct scene {
	struct signing s;
	struct house house;
	struct leaves *l;
};

static void
begin(struct scene *c, int64_t lifetime_ms)
{
	start_signer(&c->s, lifetime_ms);
	open_house(&c->house, ON);
	c->l = leaves_open(&c->house.place);
	leaf_link_take(the_link, pair_with(&c->s));
}

static void
end(struct scene *c)
{
	leaves_free(&c->l);
	close_house(&c->house);
	end_signer(&c->s, 0);
}

static void
one_is_made_and_kept(void **state)
{
	struct heard h = {0};
	struct scene c;
	SSL *ssl;

	(void)state;
	begin(&c, WEEK_MS);
	assert_null(ready(c.l, "example.org"));
	(void)ask(c.l, "Example.org", &h);
	assert_int_equal(h.times, 0); /* never from inside */
	hear(&h);
	assert_non_null(h.leaf);
	assert_true(is_for(h.leaf, "example.org"));
	assert_ptr_equal(ready(c.l, "example.ORG."), h.leaf);
	assert_null(ready(c.l, "www.example.org"));
	ssl = shows(h.leaf);
	assert_int_equal(SSL_check_private_key(ssl), 1);
	SSL_free(ssl);
	tls_drop(&h.leaf);
	end(&c);
}

/* By many at a time, in two places of one worker. */
static void
the_same_is_made_once(void **state)
{
	struct heard h = {0}, other = {0};
	struct leaves *l, *m;
	struct signing s;
	struct house house;
	struct tls *leaf;

	(void)state;
	start_signer(&s, WEEK_MS);
	open_house(&house, ON);
	l = leaves_open(&house.place);
	m = leaves_open(&house.place);
	for (int i = 0; i < 50; i++)
		(void)ask(l, "example.org", &h);
	assert_int_equal(the_link->waiting_n + the_link->flying_n, 1);
	(void)ask(m, "example.org", &other);
	leaf_link_take(the_link, pair_with(&s));
	hear(&h);
	hear(&other);
	leaf = ready(l, "example.org");
	assert_ptr_equal(leaf, h.leaf);
	assert_ptr_not_equal(other.leaf, leaf);
	assert_int_equal(ASN1_INTEGER_cmp(serial(other.leaf), serial(leaf)), 0);
	tls_drop(&h.leaf);
	tls_drop(&other.leaf);
	leaves_free(&l);
	leaves_free(&m);
	close_house(&house);
	end_signer(&s, 0);
}

/* What one worker has had made the others get, too. */
static void
one_for_all_workers(void **state)
{
	struct heard h = {0}, g = {0};
	struct leaf_link *first;
	struct leaves *l, *m;
	struct signing s;
	struct house house;

	(void)state;
	start_signer(&s, WEEK_MS);
	open_house(&house, ON);
	l = leaves_open(&house.place);
	leaf_link_take(the_link, pair_with(&s));
	(void)ask(l, "a.example", &h);
	hear(&h);
	first = the_link;
	the_link = leaf_link_open(loop);
	m = leaves_open(&house.place);
	leaf_link_take(the_link, pair_with(&s));
	(void)ask(m, "a.example", &g);
	hear(&g);
	assert_int_equal(ASN1_INTEGER_cmp(serial(h.leaf), serial(g.leaf)), 0);
	tls_drop(&h.leaf);
	tls_drop(&g.leaf);
	leaves_free(&l);
	leaves_free(&m);
	leaf_link_free(&first);
	close_house(&house);
	end_signer(&s, 0);
}

/* Asked before there is a signer, and of one that dies; nobody notices. */
static void
a_signer_that_dies(void **state)
{
	struct heard h = {0};
	struct signing s, t;
	struct leaves *l;
	struct house house;
	char name[32];

	(void)state;
	start_signer(&s, WEEK_MS);
	open_house(&house, ON);
	l = leaves_open(&house.place);
	kill(s.pid, SIGSTOP); /* so that they are on their way to it */
	leaf_link_take(the_link, pair_with(&s));
	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "%d.example", i);
		(void)ask(l, name, &h);
	}
	assert_int_equal(the_link->flying_n, LEAF_FLYING_MAX);
	kill_signer(&s);
	start_signer(&t, WEEK_MS);
	leaf_link_take(the_link, pair_with(&t));
	hear(&h);
	assert_string_equal(h.why, "");
	assert_true(is_for(h.leaf, "39.example"));
	assert_non_null(ready(l, "39.example"));
	tls_drop(&h.leaf);
	leaves_free(&l);
	close_house(&house);
	end_signer(&t, 0);
}

/* A name that kills every signer is not asked for for ever. */
static void
a_name_that_kills(void **state)
{
	struct heard h = {0};
	struct signing s;
	struct leaves *l;
	struct house house;

	(void)state;
	open_house(&house, ON);
	l = leaves_open(&house.place);
	(void)ask(l, "example.org", &h);
	for (int i = 0; i < LEAF_TRIES_MAX; i++) {
		assert_int_equal(h.times, 0);
		start_signer(&s, WEEK_MS);
		kill(s.pid, SIGSTOP);
		leaf_link_take(the_link, pair_with(&s));
		kill_signer(&s);
	}
	hear(&h);
	assert_string_equal(h.why, "limit LEAF_TRIES_MAX");
	leaves_free(&l);
	close_house(&house);
}

static void
what_is_not_made(void **state)
{
	struct heard h = {0};
	struct leaves *l;
	struct house house;

	(void)state;
	open_house(&house, ON);
	l = leaves_open(&house.place);
	(void)ask(l, "*.example.org", &h);
	assert_int_equal(h.times, 0);
	hear(&h);
	assert_string_equal(h.why, "not a host name");
	leaves_free(&l);
	close_house(&house);

	open_house(&house, "");
	l = leaves_open(&house.place);
	(void)ask(l, "example.org", &h);
	hear(&h);
	assert_string_equal(h.why, "inspection is off");
	leaves_free(&l);
	close_house(&house);
}

static void
too_many_wait(void **state)
{
	struct leaf_ask *asks[LEAF_WAITING_MAX];
	struct heard h = {0}, late = {0};
	struct leaves *l;
	struct house house;
	char name[32];

	(void)state;
	open_house(&house, ON);
	l = leaves_open(&house.place);
	for (int i = 0; i < LEAF_WAITING_MAX; i++) {
		(void)snprintf(name, sizeof(name), "%d.example", i);
		asks[i] = ask(l, name, &h);
	}
	(void)ask(l, "late.example", &late);
	hear(&late);
	assert_string_equal(late.why, "limit LEAF_WAITING_MAX");
	for (int i = 0; i < LEAF_WAITING_MAX; i++)
		leaf_cancel(&asks[i]);
	assert_int_equal(h.times, 0);
	leaves_free(&l);
	assert_int_equal(the_link->waiting_n, 0);
	close_house(&house);
}

/* Its time is measured from when it was asked for. */
static void
nobody_answers(void **state)
{
	struct heard h = {0};
	int64_t began = clock_ms();
	struct leaves *l;
	struct house house;

	(void)state;
	open_house(&house, ON);
	l = leaves_open(&house.place);
	(void)ask(l, "example.org", &h);
	TAILQ_FIRST(&the_link->waiting)->until_ms = began + 50;
	timer_set(the_link->late, 50);
	hear(&h);
	assert_string_equal(h.why, "limit LEAF_TIMEOUT_MS");
	assert_true(clock_ms() - began >= 50);
	leaves_free(&l);
	close_house(&house);
}

/* Who has cancelled hears nothing; what was asked for is there all the same. */
static void
who_does_not_want_it_any_more(void **state)
{
	struct heard h = {0}, g = {0}, n = {0};
	struct leaf_ask *a;
	struct scene c;

	(void)state;
	begin(&c, WEEK_MS);
	a = ask(c.l, "a.example", &h);
	leaf_cancel(&a);
	assert_null(a);
	a = ask(c.l, "*", &n);
	leaf_cancel(&a);
	(void)ask(c.l, "b.example", &g);
	hear(&g);
	assert_int_equal(h.times, 0);
	assert_int_equal(n.times, 0);
	assert_non_null(ready(c.l, "a.example"));
	tls_drop(&g.leaf);
	end(&c);
}

/* leaf_cache = 64 for four workers: 16 here; and 16 in the signer. */
static void
no_more_are_kept_than_may_be(void **state)
{
	struct heard h = {0};
	unsigned kept = 0;
	struct scene c;
	char name[32];

	(void)state;
	begin(&c, WEEK_MS);
	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "%d.example", i);
		(void)ask(c.l, name, &h);
	}
	hear(&h);
	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "%d.example", i);
		kept += ready(c.l, name) != NULL;
	}
	assert_int_equal(kept, 16);
	assert_non_null(ready(c.l, "39.example"));
	tls_drop(&h.leaf);
	end(&c);
}

/* A leaf that is good for four seconds is used for two, here and there. */
static void
another_comes_when_half_its_time_is_over(void **state)
{
	struct heard h = {0};
	ASN1_INTEGER *first;
	struct scene c;

	(void)state;
	begin(&c, 4000);
	(void)ask(c.l, "a.example", &h);
	hear(&h);
	first = ASN1_INTEGER_dup(serial(h.leaf));
	while (ready(c.l, "a.example") != NULL)
		usleep(20000);
	do { /* the signer counts in milliseconds, what it tells is seconds */
		usleep(20000);
		(void)ask(c.l, "a.example", &h);
		hear(&h);
	} while (ASN1_INTEGER_cmp(first, serial(h.leaf)) == 0);
	ASN1_INTEGER_free(first);
	tls_drop(&h.leaf);
	end(&c);
}

/* ---- what a worker that was taken over may say ---- */

static void
the_signer_believes_nobody(void **state)
{
	char bytes[4096] = "SPL1 what is this";
	struct signing s;
	struct heard h = {0};
	struct leaves *l;
	struct house house;
	int bad, large;

	(void)state;
	start_signer(&s, WEEK_MS);
	bad = pair_with(&s);
	large = pair_with(&s);
	assert_true(send(bad, bytes, 17, MSG_NOSIGNAL) == 17);
	assert_int_equal(recv(bad, bytes, sizeof(bytes), 0), 0);
	assert_true(send(large, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0);
	assert_int_equal(recv(large, bytes, sizeof(bytes), 0), 0);
	open_house(&house, ON);
	l = leaves_open(&house.place);
	leaf_link_take(the_link, pair_with(&s));
	(void)ask(l, "a.example", &h);
	hear(&h);
	assert_true(is_for(h.leaf, "a.example"));
	close(bad);
	close(large);
	tls_drop(&h.leaf);
	leaves_free(&l);
	close_house(&house);
	end_signer(&s, 0);
}

/* One that asks and never reads does not keep the others waiting. */
static void
one_that_does_not_read(void **state)
{
	struct leaf_request q = {.number = 1};
	struct signing s;
	struct heard h = {0};
	struct leaves *l;
	struct house house;
	struct buf b;
	int deaf;

	(void)state;
	start_signer(&s, WEEK_MS);
	deaf = pair_with(&s);
	fcntl(deaf, F_SETFL, O_NONBLOCK);
	assert_true(leaf_names_add(&q.names, slice_of("a.example")));
	buf_init(&b, 4096);
	assert_int_equal(leaf_put_request(&b, &q), 0);
	open_house(&house, ON);
	l = leaves_open(&house.place);
	leaf_link_take(the_link, pair_with(&s));
	for (int round = 0; round < 20; round++) {
		while (send(deaf, buf_at(&b), b.len, MSG_NOSIGNAL) > 0)
			continue;
		(void)ask(l, round % 2 ? "b.example" : "c.example", &h);
		hear(&h);
	}
	assert_string_equal(h.why, "");
	close(deaf);
	buf_free(&b);
	tls_drop(&h.leaf);
	leaves_free(&l);
	close_house(&house);
	end_signer(&s, 0);
}

static int
make_ca(void **state)
{
	struct buf cert, key;
	struct err e;

	(void)state;
	log_setup(LOG_ERROR_, "t_leaf");
	buf_init(&cert, PEM_MAX);
	buf_init(&key, PEM_MAX);
	if (ca_make("Test CA", (int64_t)time(NULL), &cert, &key, &e) < 0)
		return -1;
	ca = ca_open((struct slice){buf_at(&cert), cert.len}, &e);
	if (ca == NULL ||
	    ca_take_key(ca, (struct slice){buf_at(&key), key.len}, &e) < 0)
		return -1;
	buf_free(&cert);
	buf_free(&key);
	return 0;
}

static int
free_ca(void **state)
{
	(void)state;
	ca_free(&ca);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_is_made_and_kept),
	    cmocka_unit_test(the_same_is_made_once),
	    cmocka_unit_test(one_for_all_workers),
	    cmocka_unit_test(a_signer_that_dies),
	    cmocka_unit_test(a_name_that_kills),
	    cmocka_unit_test(what_is_not_made),
	    cmocka_unit_test(too_many_wait),
	    cmocka_unit_test(nobody_answers),
	    cmocka_unit_test(who_does_not_want_it_any_more),
	    cmocka_unit_test(no_more_are_kept_than_may_be),
	    cmocka_unit_test(another_comes_when_half_its_time_is_over),
	    cmocka_unit_test(the_signer_believes_nobody),
	    cmocka_unit_test(one_that_does_not_read),
	};

	return cmocka_run_group_tests(tests, make_ca, free_ca);
}
