/*
 * t_wire: jobs, reports and members as bytes: what goes in comes out, and what
 * does not fit is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan/wire.h"

static void
put_job(struct buf *b, const struct wire_job *job)
{
	buf_init(b, WIRE_JOB_MAX);
	assert_int_equal(wire_put_job(b, job), 0);
}

/* A job of len bytes from an allocation of just that size, so that ASan sees
 * a read past its end. */
static int
get_job(const void *bytes, size_t len, struct wire_job *job_r)
{
	char *copy = malloc(len == 0 ? 1 : len);
	int got;

	memcpy(copy, bytes, len);
	got = wire_get_job(copy, len, job_r);
	free(copy);
	return got;
}

static void
a_job_with_its_bytes(void **state)
{
	const struct wire_job job = {.number = 0x80000001,
	    .kind = CONTENT_MAIL,
	    .budget_ms = 60000,
	    .size = 5,
	    .name = "mail.eml",
	    .codings = "gzip, br",
	    .type = "multipart/form-data; boundary=x",
	    .inline_bytes = "a\0b\0c"};
	struct wire_job back;
	struct buf b;

	(void)state;
	put_job(&b, &job);
	assert_int_equal(wire_get_job(buf_at(&b), b.len, &back), 0);
	assert_int_equal(back.number, job.number);
	assert_int_equal(back.kind, CONTENT_MAIL);
	assert_int_equal(back.budget_ms, 60000);
	assert_int_equal(back.size, 5);
	assert_string_equal(back.name, "mail.eml");
	assert_string_equal(back.codings, "gzip, br");
	assert_string_equal(back.type, "multipart/form-data; boundary=x");
	assert_memory_equal(back.inline_bytes, "a\0b\0c", 5);
	buf_free(&b);
}

static void
a_job_with_a_descriptor(void **state)
{
	const struct wire_job job = {
	    .kind = CONTENT_FILE, .size = UINT64_C(1) << 40};
	struct wire_job back;
	struct buf b;

	(void)state;
	put_job(&b, &job);
	assert_int_equal(wire_get_job(buf_at(&b), b.len, &back), 0);
	assert_null(back.inline_bytes);
	assert_int_equal(back.size, UINT64_C(1) << 40);
	assert_string_equal(back.name, "");
	buf_free(&b);
}

static void
an_empty_content_travels_inline(void **state)
{
	const struct wire_job job = {.inline_bytes = ""};
	struct wire_job back;
	struct buf b;

	(void)state;
	put_job(&b, &job);
	assert_int_equal(wire_get_job(buf_at(&b), b.len, &back), 0);
	assert_non_null(back.inline_bytes);
	assert_int_equal(back.size, 0);
	buf_free(&b);
}

static void
the_largest_job_fits_and_one_more_byte_does_not(void **state)
{
	static char bytes[WIRE_INLINE + 1];
	struct wire_job job = {.size = WIRE_INLINE, .inline_bytes = bytes};
	struct buf b;

	(void)state;
	memset(job.name, 'n', CONTENT_NAME_MAX);
	put_job(&b, &job);
	assert_true(b.len <= WIRE_JOB_MAX);
	buf_clear(&b);
	job.size++;
	assert_int_equal(wire_put_job(&b, &job), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void
a_full_buf_takes_nothing(void **state)
{
	const struct wire_job job = {.size = 3, .inline_bytes = "abc"};
	struct report r;
	struct buf b;

	(void)state;
	report_init(&r);
	buf_init(&b, 20);
	assert_int_equal(wire_put_job(&b, &job), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(wire_put_report(&b, 1, &r), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void
a_job_cut_anywhere_is_none(void **state)
{
	const struct wire_job job = {
	    .size = 3, .name = "name", .inline_bytes = "abc"};
	struct wire_job back;
	struct buf b;

	(void)state;
	put_job(&b, &job);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(get_job(buf_at(&b), len, &back), -1);
	assert_int_equal(get_job(buf_at(&b), b.len, &back), 0);
	assert_int_equal(buf_puts(&b, "x"), 0);
	assert_int_equal(get_job(buf_at(&b), b.len, &back), -1);
	buf_free(&b);
}

/* Offsets: magic 0, number 4, kind 8, inline 9, budget 10, size 14, name 22 */
static void
a_job_out_of_range_is_none(void **state)
{
	static const struct {
		size_t at;
		char byte;
	} changes[] = {
	    {0, 'X'},           /* another magic */
	    {8, CONTENT_KINDS}, /* no such kind */
	    {9, 2},             /* neither inline nor not */
	    {9, 0},             /* bytes, but not inline */
	    {14, 1},            /* far larger than what is there */
	    {21, 2},            /* smaller than what is there */
	    {22, 1},            /* a name longer than the message */
	    {25, '\0'},         /* NUL inside the name */
	};
	const struct wire_job job = {
	    .size = 3, .name = "name", .inline_bytes = "abc"};
	struct wire_job back;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		put_job(&b, &job);
		buf_at(&b)[changes[i].at] = changes[i].byte;
		assert_int_equal(get_job(buf_at(&b), b.len, &back), -1);
		buf_free(&b);
	}
}

static void
a_name_of_256_bytes_is_refused(void **state)
{
	struct wire_job job = {.size = 1, .inline_bytes = "x"}, back;
	char bytes[WIRE_JOB_MAX];
	struct buf b;

	(void)state;
	memset(job.name, 'n', CONTENT_NAME_MAX);
	put_job(&b, &job);
	/* One more n, and the length says so. */
	memcpy(bytes, buf_at(&b), 24);
	memset(bytes + 24, 'n', CONTENT_NAME_MAX + 1);
	bytes[22] = 1;
	bytes[23] = 0;
	bytes[24 + CONTENT_NAME_MAX + 1] = 'x';
	assert_int_equal(get_job(bytes, 24 + CONTENT_NAME_MAX + 2, &back), -1);
	buf_free(&b);
}

static void
fill(struct report *r, unsigned n)
{
	char where[FINDING_WHERE_MAX + 1];

	report_init(r);
	memset(where, 'w', FINDING_WHERE_MAX);
	where[FINDING_WHERE_MAX] = '\0';
	for (unsigned i = 0; i < n; i++)
		report_add(r, FOUND_MALWARE, "an-engine-with-a-name-as-long-as",
		    where, "%0*u", FINDING_WHAT_MAX, i);
	r->msec = 7;
	r->members = 9;
	r->unscanned_bytes = UINT64_C(1) << 33;
	memset(r->engines, 'e', REPORT_ENGINES_MAX);
}

static void
the_largest_report_comes_back_whole(void **state)
{
	struct report r, back;
	uint32_t number;
	struct buf b;

	(void)state;
	fill(&r, REPORT_MAX + 3);
	assert_int_equal(r.n, REPORT_MAX);
	buf_init(&b, WIRE_REPORT_MAX);
	assert_int_equal(wire_put_report(&b, 42, &r), 0);
	assert_int_equal(wire_get_report(buf_at(&b), b.len, &number, &back), 0);
	assert_int_equal(number, 42);
	assert_int_equal(back.n, r.n);
	assert_int_equal(back.seen, r.seen);
	assert_int_equal(back.msec, 7);
	assert_int_equal(back.members, 9);
	assert_true(back.unscanned_bytes == r.unscanned_bytes);
	assert_string_equal(back.engines, r.engines);
	for (unsigned i = 0; i < r.n; i++) {
		assert_int_equal(back.found[i].kind, FOUND_MALWARE);
		assert_string_equal(back.found[i].engine, r.found[i].engine);
		assert_string_equal(back.found[i].what, r.found[i].what);
		assert_string_equal(back.found[i].where, r.found[i].where);
	}
	buf_free(&b);
}

static void
a_report_cut_anywhere_is_none(void **state)
{
	struct report r, back;
	uint32_t number;
	struct buf b;

	(void)state;
	report_init(&r);
	report_add(&r, FOUND_LIMIT, "e", "where", "what");
	buf_init(&b, WIRE_REPORT_MAX);
	assert_int_equal(wire_put_report(&b, 1, &r), 0);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(
		    wire_get_report(buf_at(&b), len, &number, &back), -1);
	assert_int_equal(buf_puts(&b, "x"), 0);
	assert_int_equal(
	    wire_get_report(buf_at(&b), b.len, &number, &back), -1);
	buf_free(&b);
}

/* Offsets: magic 0, number 4, msec 8, members 12, unscanned 16, seen 24,
 * n 28, engines 29, then kind 31 */
static void
a_report_out_of_range_is_none(void **state)
{
	static const struct {
		size_t at;
		char byte;
	} changes[] = {
	    {0, 'X'},          /* another magic */
	    {27, 0},           /* fewer were seen than are there */
	    {28, 0},           /* seen, but none to judge by */
	    {28, 2},           /* more than are there */
	    {28, 127},         /* more than a report holds */
	    {31, FOUND_KINDS}, /* no such kind */
	    {32, 1},           /* an engine's name too long */
	    {34, '\0'},        /* NUL inside it */
	};
	struct report r, back;
	uint32_t number;
	struct buf b;

	(void)state;
	report_init(&r);
	report_add(&r, FOUND_MALWARE, "e", "where", "what");
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		buf_init(&b, WIRE_REPORT_MAX);
		assert_int_equal(wire_put_report(&b, 1, &r), 0);
		buf_at(&b)[changes[i].at] = changes[i].byte;
		assert_int_equal(
		    wire_get_report(buf_at(&b), b.len, &number, &back), -1);
		assert_int_equal(back.n, 0);
		buf_free(&b);
	}
}

static void
members_come_back(void **state)
{
	const struct wire_member m = {.size = 1234567890123,
	    .depth = 3,
	    .where = "mail.eml/a.zip/x",
	    .type = "zip"};
	struct wire_member back;
	struct buf b;

	(void)state;
	buf_init(&b, WIRE_MEMBER_MAX);
	assert_int_equal(wire_put_member(&b, &m), 0);
	assert_int_equal(wire_get_member(buf_at(&b), b.len, &back), 0);
	assert_true(back.size == m.size);
	assert_int_equal(back.depth, 3);
	assert_string_equal(back.where, m.where);
	assert_string_equal(back.type, m.type);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(wire_get_member(buf_at(&b), len, &back), -1);
	buf_free(&b);
}

static void
one_kind_is_not_taken_for_another(void **state)
{
	const struct wire_job job = {.size = 1, .inline_bytes = "x"};
	struct wire_member m;
	struct report r;
	uint32_t number;
	struct buf b;

	(void)state;
	put_job(&b, &job);
	assert_int_equal(wire_get_report(buf_at(&b), b.len, &number, &r), -1);
	assert_int_equal(wire_get_member(buf_at(&b), b.len, &m), -1);
	buf_free(&b);
}

static void
the_bytes_may_follow_the_head(void **state)
{
	const struct wire_job job = {.number = 4,
	    .size = 5,
	    .name = "n",
	    .type = "text/plain",
	    .inline_bytes = "bytes"};
	struct buf whole, parts;

	(void)state;
	put_job(&whole, &job);
	buf_init(&parts, WIRE_JOB_MAX);
	assert_int_equal(wire_put_job_head(&parts, &job), 0);
	assert_int_equal(parts.len, whole.len - 5);
	assert_int_equal(buf_put(&parts, "bytes", 5), 0);
	assert_memory_equal(buf_at(&parts), buf_at(&whole), whole.len);
	buf_free(&whole);
	buf_free(&parts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_job_with_its_bytes),
	    cmocka_unit_test(a_job_with_a_descriptor),
	    cmocka_unit_test(an_empty_content_travels_inline),
	    cmocka_unit_test(the_largest_job_fits_and_one_more_byte_does_not),
	    cmocka_unit_test(a_full_buf_takes_nothing),
	    cmocka_unit_test(a_job_cut_anywhere_is_none),
	    cmocka_unit_test(a_job_out_of_range_is_none),
	    cmocka_unit_test(a_name_of_256_bytes_is_refused),
	    cmocka_unit_test(the_largest_report_comes_back_whole),
	    cmocka_unit_test(a_report_cut_anywhere_is_none),
	    cmocka_unit_test(a_report_out_of_range_is_none),
	    cmocka_unit_test(members_come_back),
	    cmocka_unit_test(one_kind_is_not_taken_for_another),
	    cmocka_unit_test(the_bytes_may_follow_the_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
