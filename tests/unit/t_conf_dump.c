/*
 * t_conf_dump: a configuration printed reads back as itself, and so does one
 * that went through a memfd.
 */
#include "tests/unit/conf_side.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define RICH \
	HOUSE \
	"[smtp]\nnext_hop = smtp:a:1,\n  smtp:[::1]:25 ; why\n" \
	"reject_text = \"554 ; {id} \"\ntempfail_text = 451 a \"b ; c\"\n" \
	"[rule r]\naction = tag\nfinding = limit encrypted\n" \
	"sender = \"\", \"a b\", *@x.example, \"none\", \";\"\n" \
	"recipient = none\n" \
	"[scan]\nmax_depth = 16\ntimeout = 90s\ncache_size = none\n" \
	"[gateway]\nname = gw.example\n[log l]\noutput = file:/a#b\n" \
	"[route *.x.example]\nnext_hop = \"pipe:/bin/x a\", pipe:/y -b\n" \
	"domain = a.example, *.b.example\nlistener = in\n" \
	"next_hop_retry = 1s\n" \
	"[listener z]\nprotocol = smtp\naddress = 127.0.0.1:9\n" \
	"policy = mail\ntls = require\nmin_version = 1.3\n" \
	"[tls]\ncert_file = /c.pem\nkey_file = /k.pem\n" \
	"[http]\nblock_page = /b.html\nauth_file = /u\n" \
	"parent_proxy_password_file = /p\n"

static void
reads_back(bool changed_only)
{
	struct conf *c = conf_good(RICH), *again;
	char *first = conf_dumped(c, changed_only), *second;

	again = conf_good(first);
	for (enum kind kind = KIND_GATEWAY; kind < KIND_COUNT; kind++)
		assert_true(conf_same(c, again, schema_kind(kind)->word));
	second = conf_dumped(again, changed_only);
	without_origins(first);
	without_origins(second);
	assert_string_equal(first, second);
	free(first);
	free(second);
	conf_free(&c);
	conf_free(&again);
}

static void
a_dump_reads_back(void **state)
{
	(void)state;
	reads_back(false);
	reads_back(true);
}

static void
a_dump_tells_all_and_whence(void **state)
{
	struct conf *c = conf_good(RICH);
	char *text = conf_dumped(c, false);

	(void)state;
	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		const struct opt_row *row = schema_opt(opt);
		char line[80];

		if (row->kind == KIND_RULE &&
		    !conf_given(c, conf_section(c, "rule", "r"), opt))
			continue;
		snprintf(line, sizeof(line), "\n%s = ", row->key);
		if (strstr(text, line) == NULL)
			fail_msg("no %s", row->key);
	}
	assert_non_null(strstr(text, "\nmax_queue = 1000  ; default\n"));
	assert_non_null(
	    strstr(text, "\nnext_hop = smtp:a:1, smtp:[::1]:25  ; t.ini:14\n"));
	assert_non_null(
	    strstr(text, "\nreject_text = \"554 ; {id} \"  ; t.ini:16\n"));
	assert_non_null(strstr(text, "\ncache_size = none  ; t.ini:26\n"));
	free(text);
	conf_free(&c);
}

static void
changed_is_what_is_not_the_default(void **state)
{
	struct conf *c = conf_good(HOUSE "[scan]\nmax_depth = 16\n"
					 "timeout = 1m\ntimeout_rate = 1M\n"
					 "[smtp]\n");
	char *text = conf_dumped(c, true);

	(void)state;
	assert_string_equal(text,
	    "[listener in]\n"
	    "protocol = smtp  ; t.ini:2\n"
	    "address = 127.0.0.1:2500  ; t.ini:3\n"
	    "policy = mail  ; t.ini:4\n"
	    "max_recipients = 7  ; t.ini:5\n"
	    "\n"
	    "[scan]\n"
	    "timeout_rate = 1M  ; t.ini:16\n"
	    "\n"
	    "[engine clamav]\n"
	    "\n"
	    "[policy mail]\n"
	    "encrypted = tag  ; t.ini:8\n"
	    "\n");
	free(text);
	conf_free(&c);
}

static void
an_image_is_the_same(void **state)
{
	struct conf *c = conf_good(RICH), *again;
	char *first = conf_dumped(c, false), *second;
	struct err e;
	int fd = conf_to_fd(c, &e);

	(void)state;
	assert_true(fd >= 0);
	conf_free(&c);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	for (int i = 0; i < 2; i++) {
		again = conf_from_fd(fd, &e);
		assert_non_null(again);
		second = conf_dumped(again, false);
		assert_string_equal(first, second);
		free(second);
		conf_free(&again);
	}
	free(first);
	close(fd);
}

/* The first len bytes of an image, one of them changed. */
static struct conf *
damaged(const char *image, size_t len, size_t at)
{
	int fd = memfd_create("damaged", MFD_CLOEXEC);
	struct conf *c;
	struct err e;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, image, len), len);
	if (at < len)
		assert_int_equal(pwrite(fd, "\x7f", 1, (off_t)at), 1);
	c = conf_from_fd(fd, &e);
	close(fd);
	return c;
}

static void
a_damaged_image_is_refused(void **state)
{
	static char image[65536];
	struct conf *c = conf_good(HOUSE);
	struct err e;
	int fd = conf_to_fd(c, &e);
	ssize_t n = pread(fd, image, sizeof(image), 0);
	size_t len = (size_t)n;

	(void)state;
	assert_in_range(n, 100, sizeof(image) - 1);
	conf_free(&c);
	close(fd);
	for (size_t cut = 0; cut < len; cut++)
		assert_null(damaged(image, cut, len));
	/* Wherever a byte is another one, it is read or refused; no more. */
	for (size_t at = 0; at < len; at++) {
		c = damaged(image, len, at);
		conf_free(&c);
	}
	assert_null(damaged(image, len, 8)); /* its name */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_dump_reads_back),
	    cmocka_unit_test(a_dump_tells_all_and_whence),
	    cmocka_unit_test(changed_is_what_is_not_the_default),
	    cmocka_unit_test(an_image_is_the_same),
	    cmocka_unit_test(a_damaged_image_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
