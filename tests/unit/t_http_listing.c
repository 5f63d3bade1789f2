/*
 * t_http_listing: directories of FTP servers as pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocols/http/http_listing.h"

static const struct name_case {
	const char *line, *name;
	bool dir;
} names[] = {
    {"-rw-r--r--    1 0        0             460 Nov 23 16:20 a.txt", "a.txt",
	false},
    {"drwxr-xr-x    2 1        1            4096 Nov 23 16:20 sub", "sub",
	true},
    {"-rw-r--r-- 1 u g 1 Jan  1  2020 two  blanks ", "two  blanks ", false},
    {"-rw-r--r-- 1 u g 1 Jan  1  2020  first blank", " first blank", false},
    {"lrwxrwxrwx 1 u g 1 Jan  1  2020 link -> /etc/passwd", "link", false},
    {"-rw-r--r-- 1 u g 1 Jan  1  2020 no -> link", "no -> link", false},
    {"-rwsr-Sr-t 1 u g 1 Jan  1  2020 bits", "bits", false},
    {"drwxr-xr-x 1 u g 1 Jan  1  2020 .", NULL, false},
    {"drwxr-xr-x 1 u g 1 Jan  1  2020 ..", NULL, false},
    {"-rw-r--r-- 1 u g 1 Jan  1  2020 a/b", NULL, false},
    {"-rw-r--r-- 1 u g 1 Jan  1  2020 ", NULL, false},
    {"-rw-r--r-- 1 u g 1 Jan  1  2020", NULL, false},
    {"-rw-r--r--", NULL, false},
    {"brw-r--r-- 1 u g 1 Jan  1  2020 disk", NULL, false},
    {"-rw?r--r-- 1 u g 1 Jan  1  2020 x", NULL, false},
    {"total 12", NULL, false},
    {"01-01-20  10:00AM       <DIR>          sub", NULL, false},
    {"", NULL, false},
};

static void
every_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct name_case *c = &names[i];
		bool dir;
		struct slice s = http_listing_name(slice_of(c->line), &dir);

		if ((s.at == NULL) != (c->name == NULL) ||
		    (s.at != NULL && !slice_is(s, c->name)))
			fail_msg("%s: %.*s", c->line, (int)s.len, s.at);
		if (s.at != NULL)
			assert_int_equal(dir, c->dir);
	}
}

static void
page_of(struct buf *b, const char *path, const char *text)
{
	buf_init(b, 64 * 1024);
	assert_int_equal(
	    http_listing_put(b, slice_of(path), slice_of(text)), 0);
}

static void
pages(void **state)
{
	struct buf b;

	(void)state;
	page_of(&b, "/a<b>/",
	    "total 1\r\ndrwxr-xr-x 1 u g 1 Jan  1  2020 \"x\" y\r\n"
	    "what <script> is this\n"
	    "-rw-r--r-- 1 u<i> g 1 Jan  1  2020 javascript:alert(1)");
	assert_non_null(strstr(buf_text(&b), "<h1>/a&lt;b&gt;/</h1>"));
	assert_non_null(strstr(
	    buf_text(&b), "<a href=\"./%22x%22%20y/\">&quot;x&quot; y</a>\n"));
	assert_non_null(strstr(buf_text(&b), "what &lt;script&gt; is this\n"));
	assert_non_null(strstr(buf_text(&b),
	    "u&lt;i&gt; g 1 Jan  1  2020 "
	    "<a href=\"./javascript%3Aalert%281%29\">"));
	assert_null(strstr(buf_text(&b), "<script"));
	buf_free(&b);

	page_of(&b, "/", "");
	assert_non_null(strstr(buf_text(&b), "<pre>\n</pre>"));
	buf_free(&b);
}

static void
no_room(void **state)
{
	const char *line = "-rw-r--r-- 1 u g 1 Jan  1  2020 abc\n";
	struct buf b;

	(void)state;
	for (size_t limit = 0; limit < 2000; limit += 7) {
		buf_init(&b, limit);
		(void)http_listing_put(&b, slice_of("/"), slice_of(line));
		assert_true(b.len <= limit);
		buf_free(&b);
	}
	buf_init(&b, 100);
	assert_int_equal(
	    http_listing_put(&b, slice_of("/"), slice_of(line)), -1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_name),
	    cmocka_unit_test(pages),
	    cmocka_unit_test(no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
