/*
 * t_inspect: the whole pipeline, with real signatures: what is found where,
 * what is a limit, and that nothing is passed over in silence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/clock.h"
#include "scan/inspect.h"
#include "tests/unit/box.h"
#include "tests/unit/scan_house.h"

#define PAYLOAD MARK MARK MARK MARK MARK MARK
#define CLEAN "nothing to see here, whoever looks at it\n"

static struct scan_house house;
static struct report r;
static char tree[4000]; /* "where type depth;" for each member */

static void
on_member(void *arg, const char *where, const char *type, uint64_t size,
    unsigned depth)
{
	size_t at = strlen(tree);

	(void)arg;
	(void)size;
	(void)snprintf(
	    tree + at, sizeof(tree) - at, "%s %s %u;", where, type, depth);
}

static void
scan_with(struct budget b, enum content_kind kind, const char *name,
    const void *bytes, size_t len)
{
	struct spool *s = spool_over(bytes, len);
	struct content *c = content_over(&s, kind, name);

	tree[0] = '\0';
	inspect(house.inspector, c, b, on_member, NULL, &r);
	content_free(&c);
}

static void
scan(enum content_kind kind, const char *name, const void *bytes, size_t len)
{
	scan_with(
	    inspector_budget(house.inspector, len), kind, name, bytes, len);
}

static bool
found(enum finding_kind kind, const char *what, const char *where)
{
	for (unsigned i = 0; i < r.n; i++) {
		if (r.found[i].kind == kind &&
		    strcmp(r.found[i].what, what) == 0 &&
		    strcmp(r.found[i].where, where) == 0)
			return true;
	}
	for (unsigned i = 0; i < r.n; i++)
		print_message("has %s %s (%s)\n", finding_word(r.found[i].kind),
		    r.found[i].what, r.found[i].where);
	return false;
}

/* One member in a 7z with a method that only we can read, or a zip. */
static void
pack(struct box *b, bool zip, const char *name, const void *bytes, size_t len)
{
	if (zip)
		box_open(b, archive_write_set_format_zip, NULL, NULL);
	else
		box_open(b, archive_write_set_format_7zip, NULL,
		    "compression=bzip2");
	box_put(b, name, bytes, len);
	box_close(b);
}

static void
a_clean_file(void **state)
{
	(void)state;
	scan(CONTENT_FILE, "a.txt", CLEAN, sizeof(CLEAN) - 1);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.members, 1);
	assert_int_equal(r.unscanned_bytes, 0);
	assert_string_equal(r.engines, inspector_version(house.inspector));
	assert_string_equal(tree, "a.txt text 0;");
	scan(CONTENT_BODY, "", "", 0);
	assert_int_equal(r.n, 0);
	assert_string_equal(tree, "body data 0;");
}

static void
the_engine_unpacks_what_it_can(void **state)
{
	struct box b;

	(void)state;
	pack(&b, true, "x.com", PAYLOAD, sizeof(PAYLOAD) - 1);
	scan(CONTENT_FILE, "a.zip", b.bytes, b.len);
	assert_true(found(FOUND_MALWARE, MARK_NAME, "a.zip/x.com"));
	assert_int_equal(r.n, 1);
	assert_string_equal(tree, "a.zip zip 0;a.zip/x.com text 1;");
	box_free(&b);
}

static void
we_unpack_the_rest(void **state)
{
	struct box b;

	(void)state;
	pack(&b, false, "dir/x.com", PAYLOAD, sizeof(PAYLOAD) - 1);
	scan(CONTENT_FILE, "a.7z", b.bytes, b.len);
	assert_true(found(FOUND_MALWARE, MARK_NAME, "a.7z/dir%2Fx.com"));
	assert_string_equal(tree, "a.7z 7z 0;a.7z/dir%2Fx.com text 1;");
	box_free(&b);
}

static void
what_the_engine_saw_is_not_unpacked_again(void **state)
{
	struct box b;

	(void)state;
	pack(&b, true, "clean.txt", CLEAN, sizeof(CLEAN) - 1);
	scan(CONTENT_FILE, "a.zip", b.bytes, b.len);
	assert_int_equal(r.n, 0);
	assert_string_equal(tree, "a.zip zip 0;a.zip/clean.txt text 1;");
	box_free(&b);
}

static void
ours_in_theirs_in_ours(void **state)
{
	struct box a, b, c;

	(void)state;
	pack(&a, false, "x.com", PAYLOAD, sizeof(PAYLOAD) - 1);
	pack(&b, true, "a.7z", a.bytes, a.len);
	pack(&c, false, "b.zip", b.bytes, b.len);
	scan(CONTENT_FILE, "c.7z", c.bytes, c.len);
	assert_true(found(FOUND_MALWARE, MARK_NAME, "c.7z/b.zip/a.7z/x.com"));
	assert_string_equal(tree,
	    "c.7z 7z 0;c.7z/b.zip zip 1;c.7z/b.zip/a.7z 7z 2;"
	    "c.7z/b.zip/a.7z/x.com text 3;");
	box_free(&a);
	box_free(&b);
	box_free(&c);
}

#define FIELDS \
	"From: a@example.org\r\nTo: b@example.net\r\nSubject: x\r\n" \
	"MIME-Version: 1.0\r\n"

static void
a_mail_with_a_part_in_base64(void **state)
{
	static const char mail[] = FIELDS
	    "Content-Type: application/octet-stream; name=\"note.bin\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n"
	    /* MARK, four times */
	    "U2FsbHlwb3J0IHVuaXQgbWFya2VyLiBTYWxseXBvcnQgdW5pdCBtYXJrZXIuIFNh"
	    "bGx5cG9ydCB1\r\nbml0IG1hcmtlci4gU2FsbHlwb3J0IHVuaXQgbWFya2VyLiA="
	    "\r\n";

	(void)state;
	scan(CONTENT_MAIL, "", mail, sizeof(mail) - 1);
	assert_true(found(FOUND_MALWARE, MARK_NAME, "mail.eml/note.bin"));
	assert_int_equal(r.n, 1);
}

static void
a_reading_that_the_engine_does_not_make(void **state)
{
	/* No field but this one: libclamav takes it for a text. */
	static const char mail[] =
	    "Content-Transfer-Encoding: base64\r\n\r\n"
	    "U2FsbHlwb3J0IHVuaXQgbWFya2VyLiBTYWxseXBvcnQgdW5pdCBtYXJrZXIuIFNh"
	    "bGx5cG9ydCB1\r\nbml0IG1hcmtlci4gU2FsbHlwb3J0IHVuaXQgbWFya2VyLiA="
	    "\r\n";

	(void)state;
	scan(CONTENT_MAIL, "", mail, sizeof(mail) - 1);
	assert_true(report_has(&r, FOUND_MALWARE));
}

static void
too_deep_is_a_limit(void **state)
{
	struct box b[4];
	struct budget budget;

	(void)state;
	pack(&b[0], true, "x.txt", CLEAN, sizeof(CLEAN) - 1);
	for (int i = 1; i < 4; i++)
		pack(&b[i], i % 2 == 0, "in", b[i - 1].bytes, b[i - 1].len);
	budget = inspector_budget(house.inspector, b[3].len);
	budget.depth = 4;
	scan_with(budget, CONTENT_FILE, "o", b[3].bytes, b[3].len);
	assert_int_equal(r.n, 0);
	budget.depth = 3;
	scan_with(budget, CONTENT_FILE, "o", b[3].bytes, b[3].len);
	assert_true(found(FOUND_LIMIT, "max_depth", "o/in/in/in/x.txt"));
	assert_int_equal(r.unscanned_bytes, sizeof(CLEAN) - 1);
	budget.depth = 0;
	scan_with(budget, CONTENT_FILE, "o", b[3].bytes, b[3].len);
	assert_true(found(FOUND_LIMIT, "max_depth", "o/in"));
	for (int i = 0; i < 4; i++)
		box_free(&b[i]);
}

static void
make_many(struct box *b, bool zip, unsigned n)
{
	if (zip)
		box_open(b, archive_write_set_format_zip, NULL, NULL);
	else
		box_open(b, archive_write_set_format_7zip, NULL,
		    "compression=bzip2");
	for (unsigned i = 0; i < n; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%u.txt", i);
		box_put(b, name, CLEAN, sizeof(CLEAN) - 1);
	}
	box_close(b);
}

static void
too_many_members_are_a_limit(void **state)
{
	(void)state;
	for (int zip = 0; zip <= 1; zip++) {
		struct budget budget;
		struct box b;

		make_many(&b, zip == 1, 12);
		budget = inspector_budget(house.inspector, b.len);
		budget.members = 12;
		scan_with(budget, CONTENT_FILE, "o", b.bytes, b.len);
		assert_int_equal(r.n, 0);
		assert_int_equal(r.members, 13);
		budget.members = 11;
		scan_with(budget, CONTENT_FILE, "o", b.bytes, b.len);
		assert_true(found(FOUND_LIMIT, "max_members", "o/11.txt"));
		box_free(&b);
	}
}

static void
too_many_bytes_are_a_limit(void **state)
{
	char *big = xcalloc(1, 1u << 20);

	(void)state;
	memset(big, 'b', 1u << 20);
	for (int zip = 0; zip <= 1; zip++) {
		struct budget budget;
		struct box b;

		pack(&b, zip == 1, "big.txt", big, 1u << 20);
		budget = inspector_budget(house.inspector, b.len);
		budget.bytes = 1u << 20;
		scan_with(budget, CONTENT_FILE, "o", b.bytes, b.len);
		assert_int_equal(r.n, 0);
		budget.bytes--;
		scan_with(budget, CONTENT_FILE, "o", b.bytes, b.len);
		assert_true(
		    found(FOUND_LIMIT, "max_unpacked_size", "o/big.txt"));
		assert_int_equal(r.found[0].kind, FOUND_LIMIT);
		box_free(&b);
	}
	free(big);
}

static void
a_bomb_is_a_limit(void **state)
{
	size_t len = 12u << 20;
	char *zeros = xcalloc(1, len);

	(void)state;
	for (int zip = 0; zip <= 1; zip++) {
		struct box b;

		pack(&b, zip == 1, "zeros", zeros, len);
		assert_true(b.len < len / 250);
		scan(CONTENT_FILE, "o", b.bytes, b.len);
		assert_true(found(FOUND_LIMIT, "max_ratio", "o/zeros"));
		assert_true(r.unscanned_bytes > 0);
		box_free(&b);
	}
	free(zeros);
}

static void
too_large_is_a_limit(void **state)
{
	struct scan_house own;
	struct inspector *before = house.inspector;
	char *big = xcalloc(1, 3000);

	(void)state;
	house_open(&own, "max_scan_size = 2k\n");
	house.inspector = own.inspector;
	memcpy(big, PAYLOAD, sizeof(PAYLOAD));
	scan(CONTENT_FILE, "o", big, 2048);
	assert_true(report_has(&r, FOUND_MALWARE));
	scan(CONTENT_FILE, "o", big, 2049);
	assert_true(found(FOUND_LIMIT, "max_scan_size", "o"));
	assert_int_equal(r.n, 1);
	assert_int_equal(r.unscanned_bytes, 2049);
	house.inspector = before;
	house_close(&own);
	free(big);
}

static void
no_time_is_failed(void **state)
{
	struct budget b = inspector_budget(house.inspector, 100);

	(void)state;
	b.deadline_ms = clock_ms() - 1;
	scan_with(b, CONTENT_FILE, "o", PAYLOAD, sizeof(PAYLOAD));
	assert_true(found(FOUND_FAILED, "timeout", "o"));
}

static void
time_runs_out_in_the_middle(void **state)
{
	(void)state;
	for (int zip = 0; zip <= 1; zip++) {
		struct budget budget;
		struct box b;

		make_many(&b, zip == 1, 3000);
		budget = inspector_budget(house.inspector, b.len);
		budget.deadline_ms = clock_ms() + 5;
		scan_with(budget, CONTENT_FILE, "o", b.bytes, b.len);
		assert_true(report_has(&r, FOUND_FAILED));
		assert_true(r.members < 3001);
		box_free(&b);
	}
}

static void
what_came_as_a_mail_may_be_an_archive(void **state)
{
	struct box b;

	(void)state;
	pack(&b, false, "x.com", PAYLOAD, sizeof(PAYLOAD) - 1);
	scan(CONTENT_MAIL, "", b.bytes, b.len);
	assert_true(found(FOUND_MALWARE, MARK_NAME, "mail.eml/x.com"));
	box_free(&b);
}

static void
what_nobody_can_read_is_a_limit(void **state)
{
	static const char wim[64] = "MSWIM\0\0\0";
	struct box b;

	(void)state;
	scan(CONTENT_FILE, "a.wim", wim, sizeof(wim));
	assert_true(found(FOUND_LIMIT, "unsupported_format:wim", "a.wim"));
	pack(&b, true, "a.wim", wim, sizeof(wim));
	scan(CONTENT_FILE, "a.zip", b.bytes, b.len);
	assert_true(
	    found(FOUND_LIMIT, "unsupported_format:wim", "a.zip/a.wim"));
	box_free(&b);
}

static void
a_damaged_one_is_malformed(void **state)
{
	struct box b;

	(void)state;
	pack(&b, false, "x.com", PAYLOAD, sizeof(PAYLOAD) - 1);
	scan(CONTENT_FILE, "a.7z", b.bytes, b.len - 5);
	assert_true(found(FOUND_MALFORMED, "broken 7z", "a.7z"));
	box_free(&b);
}

static void
an_archive_behind_a_stub(void **state)
{
	char stub[4096] = "MZ";
	struct box b;
	char *all;

	(void)state;
	pack(&b, false, "x.com", PAYLOAD, sizeof(PAYLOAD) - 1);
	all = xcalloc(1, sizeof(stub) + b.len);
	memcpy(all, stub, sizeof(stub));
	memcpy(all + sizeof(stub), b.bytes, b.len);
	scan(CONTENT_FILE, "setup.exe", all, sizeof(stub) + b.len);
	assert_true(found(FOUND_MALWARE, MARK_NAME, "setup.exe/x.com"));
	/* A magic number alone is no archive, and no finding. */
	memset(all + sizeof(stub) + 8, 'x', b.len - 8);
	scan(CONTENT_FILE, "setup.exe", all, sizeof(stub) + b.len);
	assert_false(report_has(&r, FOUND_MALWARE));
	assert_false(report_has(&r, FOUND_LIMIT));
	free(all);
	box_free(&b);
}

static void
names_of_members_are_one_line(void **state)
{
	struct box b;

	(void)state;
	pack(&b, true, "a\nb\x01.com", PAYLOAD, sizeof(PAYLOAD) - 1);
	scan(CONTENT_FILE, "o\r\n", b.bytes, b.len);
	assert_true(found(FOUND_MALWARE, MARK_NAME, "o%0D%0A/a%0Ab%01.com"));
	box_free(&b);
}

static void
the_budget_grows_with_the_size(void **state)
{
	int64_t began = clock_ms(), took;
	struct budget small = inspector_budget(house.inspector, 0);
	struct budget large =
	    inspector_budget(house.inspector, UINT64_C(100) << 20);

	(void)state;
	took = clock_ms() - began;
	assert_int_equal(small.depth, 16);
	assert_int_equal(small.members, 10000);
	assert_int_equal(small.ratio, 250);
	assert_int_equal(small.bytes, UINT64_C(400) << 20);
	assert_in_range(large.deadline_ms - small.deadline_ms, 10000,
	    10000 + (uintmax_t)took);
}

static int
setup(void **state)
{
	(void)state;
	house_open(&house, "");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	house_close(&house);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_clean_file),
	    cmocka_unit_test(the_engine_unpacks_what_it_can),
	    cmocka_unit_test(we_unpack_the_rest),
	    cmocka_unit_test(what_the_engine_saw_is_not_unpacked_again),
	    cmocka_unit_test(ours_in_theirs_in_ours),
	    cmocka_unit_test(a_mail_with_a_part_in_base64),
	    cmocka_unit_test(a_reading_that_the_engine_does_not_make),
	    cmocka_unit_test(too_deep_is_a_limit),
	    cmocka_unit_test(too_many_members_are_a_limit),
	    cmocka_unit_test(too_many_bytes_are_a_limit),
	    cmocka_unit_test(a_bomb_is_a_limit),
	    cmocka_unit_test(too_large_is_a_limit),
	    cmocka_unit_test(no_time_is_failed),
	    cmocka_unit_test(time_runs_out_in_the_middle),
	    cmocka_unit_test(what_came_as_a_mail_may_be_an_archive),
	    cmocka_unit_test(what_nobody_can_read_is_a_limit),
	    cmocka_unit_test(a_damaged_one_is_malformed),
	    cmocka_unit_test(an_archive_behind_a_stub),
	    cmocka_unit_test(names_of_members_are_one_line),
	    cmocka_unit_test(the_budget_grows_with_the_size),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
