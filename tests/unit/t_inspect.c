/*
 * t_inspect: the whole pipeline over real archives and mails with the built-in
 * signature: what is found and where, and that no limit is met in silence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "proxy/base/buf.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/tree.h"
#include "scan/inspect.h"
#include "tests/unit/pack.h"

#define EICAR_NAME "Eicar-Test-Signature.UNOFFICIAL"
#define MIB ((size_t)1 << 20)

static char dir[] = "/tmp/t_inspect.XXXXXX";
static struct inspector *inspector;
static struct report r;
static struct buf tree; /* "0 mail mail.eml\n1 zip mail.eml/a.zip\n" */
static int64_t late_ms; /* how much of the time has been spent already */

/* ---- how it is asked -------------------------------------------------------
 */

static void
open_with(const char *limits)
{
	char text[512];
	struct conf *conf;
	struct err e = {""};
	int n = snprintf(text, sizeof(text),
	    "[engine clamav]\ntype = clamav\ndatabase = /nonexistent\n"
	    "[scan]\n%s",
	    limits);

	inspector_close(&inspector);
	conf = conf_from_text("test", text, (size_t)n, false, stderr);
	assert_non_null(conf);
	inspector = inspector_open(conf, &e);
	assert_non_null(inspector);
	conf_free(&conf);
	assert_int_equal(inspector_enter(inspector, dir, &e), 0);
}

static int
with_defaults(void **state)
{
	(void)state;
	late_ms = 0;
	open_with("");
	return 0;
}

static int
with_small_limits(void **state)
{
	(void)state;
	late_ms = 0;
	open_with("max_depth = 3\nmax_members = 6\nmax_unpacked_size = 12M\n"
		  "max_scan_size = 4M\n");
	return 0;
}

static void
note_member(void *arg, const char *where, const char *type, uint64_t size,
    unsigned depth)
{
	(void)arg;
	(void)size;
	(void)buf_printf(&tree, "%u %s %s\n", depth, type, where);
}

static void
look(enum content_kind kind, const char *name, const void *bytes, size_t len)
{
	struct spool *s = spool_over(bytes, len);
	struct content *c = content_over(&s, kind, name);
	struct budget b = inspector_budget(inspector, len);

	b.deadline_ms -= late_ms;
	buf_clear(&tree);
	inspect(inspector, c, b, note_member, NULL, &r);
	content_free(&c);
}

static void
look_into(const char *name, struct packed p)
{
	look(CONTENT_FILE, name, p.bytes, p.len);
	free(p.bytes);
}

static const struct finding *
find(enum finding_kind kind, const char *what)
{
	for (unsigned i = 0; i < r.n; i++) {
		if (r.found[i].kind == kind &&
		    strncmp(r.found[i].what, what, strlen(what)) == 0)
			return &r.found[i];
	}
	for (unsigned i = 0; i < r.n; i++)
		print_error("found %s %s (%s) by %s\n",
		    finding_word(r.found[i].kind), r.found[i].what,
		    r.found[i].where, r.found[i].engine);
	return NULL;
}

static void
expect(enum finding_kind kind, const char *what, const char *where)
{
	const struct finding *f = find(kind, what);

	assert_non_null(f);
	assert_string_equal(f->where, where);
}

/*
 * Its halves come first, apart: whatever packs by repeating what was there
 * does not store the string as it stands, where the engine would see it.
 */
static struct packed
eicar_in(const char *how, const char *filter, const char *options)
{
	char text[2048];
	size_t half = 34;

	memset(text, 'a', sizeof(text));
	memcpy(text, eicar() + half, half);
	memcpy(text + 100, eicar(), half);
	memcpy(text + sizeof(text) - 2 * half, eicar(), 2 * half);
	return pack_one(how, filter, options, "x.exe", text, sizeof(text));
}

static void
base64(struct buf *to, const unsigned char *s, size_t len)
{
	static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
				    "qrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t x = (uint32_t)s[i] << 16;

		x |= i + 1 < len ? (uint32_t)s[i + 1] << 8 : 0;
		x |= i + 2 < len ? s[i + 2] : 0;
		(void)buf_printf(to, "%c%c%c%c%s", signs[x >> 18],
		    signs[x >> 12 & 63], i + 1 < len ? signs[x >> 6 & 63] : '=',
		    i + 2 < len ? signs[x & 63] : '=',
		    i % 57 == 54 ? "\r\n" : "");
	}
}

/* A mail with one attachment. */
static void
look_into_mail(const char *name, struct packed p)
{
	struct buf mail;

	buf_init(&mail, 64 * MIB);
	(void)buf_printf(&mail,
	    "From: a@example.com\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
	    "--b\r\nContent-Type: application/octet-stream\r\n"
	    "Content-Disposition: attachment; filename=%s\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n",
	    name);
	base64(&mail, (const unsigned char *)p.bytes, p.len);
	(void)buf_puts(&mail, "\r\n--b--\r\n");
	look(CONTENT_MAIL, "", buf_at(&mail), mail.len);
	buf_free(&mail);
	free(p.bytes);
}

/* ---- what is found, and where ----------------------------------------------
 */

static void
what_is_clean_has_an_empty_report(void **state)
{
	(void)state;
	look(CONTENT_FILE, "a.txt", "hello world\n", 12);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.unscanned_bytes, 0);
	assert_int_equal(r.members, 1);
	assert_memory_equal(r.engines, "clamav/", 7);
	assert_string_equal(buf_text(&tree), "0 text a.txt\n");
	look_into_mail("a.zip",
	    pack_one("zip", NULL, NULL, "b.txt", "nothing at all", 14));
	assert_int_equal(r.n, 0);
	assert_int_equal(r.unscanned_bytes, 0);
}

static void
nothing_is_clean(void **state)
{
	(void)state;
	look(CONTENT_BODY, "", "", 0);
	assert_int_equal(r.n, 0);
	assert_string_equal(buf_text(&tree), "0 data body\n");
}

static void
eicar_is_found(void **state)
{
	(void)state;
	look(CONTENT_FILE, "e.com", eicar(), 68);
	expect(FOUND_MALWARE, EICAR_NAME, "e.com");
	assert_string_equal(r.found[0].engine, "clamav");
}

static void
eicar_is_found_again(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		look_into("a.zip", eicar_in("zip", NULL, NULL));
		expect(FOUND_MALWARE, EICAR_NAME, "a.zip/x.exe");
	}
}

static void
a_mail_is_known_by_its_path(void **state)
{
	(void)state;
	look_into_mail("a.zip", eicar_in("zip", NULL, NULL));
	expect(FOUND_MALWARE, EICAR_NAME, "mail.eml/a.zip/x.exe");
	assert_string_equal(buf_text(&tree),
	    "0 mail mail.eml\n1 text mail.eml/attachment\n"
	    "1 zip mail.eml/a.zip\n2 text mail.eml/a.zip/x.exe\n");
}

static void
an_archive_in_an_archive(void **state)
{
	struct packed in = eicar_in("zip", NULL, NULL);
	struct packed mid =
	    pack_one("gnutar", "gzip", NULL, "in.zip", in.bytes, in.len);

	(void)state;
	look_into(
	    "o.zip", pack_one("zip", NULL, NULL, "m.tgz", mid.bytes, mid.len));
	assert_non_null(find(FOUND_MALWARE, EICAR_NAME));
	assert_non_null(strstr(r.found[0].where, "in.zip/x.exe"));
	free(mid.bytes);
	free(in.bytes);
}

/* None of these is opened by the engine: it would pass them as clean. */
static void
what_the_engine_cannot_open_is_opened(void **state)
{
	(void)state;
	look_into("a.7z", eicar_in("7zip", NULL, "7zip:compression=bzip2"));
	expect(FOUND_MALWARE, EICAR_NAME, "a.7z/x.exe");
	look_into("a.tar.zst", eicar_in("gnutar", "zstd", NULL));
	expect(FOUND_MALWARE, EICAR_NAME, "a.tar.zst/part 1/x.exe");
	look_into("a.lz4", eicar_in("raw", "lz4", NULL));
	expect(FOUND_MALWARE, EICAR_NAME, "a.lz4/part 1");
	look_into("a.lz", eicar_in("raw", "lzip", NULL));
	expect(FOUND_MALWARE, EICAR_NAME, "a.lz/part 1");
	look_into("a.lzma", eicar_in("raw", "lzma", NULL));
	expect(FOUND_MALWARE, EICAR_NAME, "a.lzma/part 1");
	look_into("a.Z", eicar_in("raw", "compress", NULL));
	expect(FOUND_MALWARE, EICAR_NAME, "a.Z/part 1");
	look_into_mail("a.lz", eicar_in("raw", "lzip", NULL));
	expect(FOUND_MALWARE, EICAR_NAME, "mail.eml/a.lz/part 1");
}

static void
ours_in_theirs_in_ours(void **state)
{
	struct packed in = eicar_in("raw", "zstd", NULL);
	struct packed mid =
	    pack_one("zip", NULL, NULL, "in.zst", in.bytes, in.len);

	(void)state;
	look_into(
	    "o.lz4", pack_one("raw", "lz4", NULL, "", mid.bytes, mid.len));
	expect(FOUND_MALWARE, EICAR_NAME, "o.lz4/part 1/in.zst/part 1");
	free(mid.bytes);
	free(in.bytes);
}

static void
every_reading_of_a_mail_is_looked_at(void **state)
{
	char mail[600];
	int n = snprintf(mail, sizeof(mail),
	    "From: a@example.com\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=one\r\n"
	    "Content-Type: multipart/mixed; boundary=two\r\n\r\n"
	    "--one\r\nContent-Type: text/plain\r\n\r\nhello\r\n--one--\r\n"
	    "--two\r\nContent-Type: text/plain\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "=58%s\r\n--two--\r\n",
	    eicar() + 1);

	(void)state;
	look(CONTENT_MAIL, "", mail, (size_t)n);
	assert_non_null(find(FOUND_MALWARE, EICAR_NAME));
}

static void
an_odd_mail_is_ambiguous(void **state)
{
	static const char mail[] =
	    "From: a@example.com\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=one\r\n"
	    "Content-Type: multipart/mixed; boundary=two\r\n\r\n"
	    "--one\r\nContent-Type: text/plain\r\n\r\nhello\r\n--one--\r\n"
	    "--two\r\nContent-Type: text/plain\r\n\r\nworld\r\n--two--\r\n";

	(void)state;
	look(CONTENT_MAIL, "", mail, sizeof(mail) - 1);
	expect(FOUND_AMBIGUOUS, "duplicate content-type", "mail.eml");
	assert_false(report_has(&r, FOUND_MALWARE));
	/* The same bytes as a file are read as they stand. */
	look(CONTENT_FILE, "a", "hello\r\n--one--\r\n", 16);
	assert_false(report_has(&r, FOUND_AMBIGUOUS));
}

/* ---- what could not be looked at -------------------------------------------
 */

static void
a_locked_archive_is_encrypted(void **state)
{
	(void)state;
	look_into("a.zip", eicar_in("zip", NULL, "zip:encryption=aes256"));
	assert_true(report_has(&r, FOUND_ENCRYPTED));
	assert_false(report_has(&r, FOUND_MALWARE));
	look_into_mail(
	    "a.zip", eicar_in("zip", NULL, "zip:encryption=traditional"));
	assert_true(report_has(&r, FOUND_ENCRYPTED));
}

static void
an_archive_nobody_knows_is_a_limit(void **state)
{
	(void)state;
	look(CONTENT_FILE, "a.img", "hsqs and more of it", 19);
	expect(FOUND_LIMIT, "unsupported_format:squashfs", "a.img");
	look_into("a.zip",
	    pack_one("zip", NULL, NULL, "in.wim", "MSWIM\0\0\0 and more", 17));
	expect(FOUND_LIMIT, "unsupported_format:wim", "a.zip/in.wim");
}

static void
a_cut_archive_is_malformed(void **state)
{
	struct packed p = eicar_in("raw", "zstd", NULL);

	(void)state;
	p.len -= 6;
	look_into("a.zst", p);
	assert_true(report_has(&r, FOUND_MALFORMED));
}

static void
a_bomb_is_a_limit(void **state)
{
	char *zeros = calloc(1, 96 * MIB);
	struct packed p = pack_one("zip", NULL, NULL, "zeros", zeros, 96 * MIB);
	struct packed q = pack_one("raw", "zstd", NULL, "", zeros, 96 * MIB);

	(void)state;
	free(zeros);
	look_into("bomb.zip", p);
	assert_non_null(find(FOUND_LIMIT, "max_ratio"));
	assert_true(r.unscanned_bytes > 0);
	look_into("bomb.zst", q);
	expect(FOUND_LIMIT, "max_ratio", "bomb.zst/part 1");
	assert_true(r.unscanned_bytes > 0);
}

/* The engine cuts what is too long for it and calls the rest clean. */
static void
what_lies_behind_a_limit_is_not_clean(void **state)
{
	size_t len = 32 * MIB;
	char *text = calloc(1, len);

	(void)state;
	memcpy(text + len - 68, eicar(), 68);
	look_into("a.zip", pack_one("zip", NULL, NULL, "x", text, len));
	assert_true(
	    report_has(&r, FOUND_LIMIT) || report_has(&r, FOUND_MALWARE));
	free(text);
}

static void
too_many_bytes_are_a_limit(void **state)
{
	static char noise[3 * MIB];
	uint32_t x = 1;
	struct entry list[5];

	(void)state;
	for (size_t i = 0; i < sizeof(noise); i++) {
		/* Half of it compresses: far from max_ratio. */
		x = x * 1103515245 + 12345;
		noise[i] = i % 16 != 0 ? 'a' : (char)(x >> 24);
	}
	for (int i = 0; i < 5; i++)
		list[i] = (struct entry){"n", noise, sizeof(noise)};
	look_into("a.zip", pack_all("zip", NULL, NULL, list, 5));
	assert_non_null(find(FOUND_LIMIT, "max_unpacked_size"));
}

static struct packed
nest(unsigned levels)
{
	struct packed p = eicar_in("zip", NULL, NULL);

	while (levels-- > 1) {
		struct packed in = p;

		p = pack_one("zip", NULL, NULL, "in.zip", in.bytes, in.len);
		free(in.bytes);
	}
	return p;
}

static void
too_deep_is_a_limit(void **state)
{
	(void)state;
	look_into("a.zip", nest(3));
	expect(FOUND_MALWARE, EICAR_NAME, "a.zip/in.zip/in.zip/x.exe");
	assert_false(report_has(&r, FOUND_LIMIT));
	look_into("a.zip", nest(4));
	assert_non_null(find(FOUND_LIMIT, "max_depth"));
}

static void
too_deep_counts_what_both_open(void **state)
{
	struct packed in = nest(2), p;

	(void)state;
	p = pack_one("raw", "zstd", NULL, "", in.bytes, in.len);
	look_into("a.zst", p);
	expect(FOUND_MALWARE, EICAR_NAME, "a.zst/part 1/in.zip/x.exe");
	free(in.bytes);
	in = nest(3);
	p = pack_one("raw", "zstd", NULL, "", in.bytes, in.len);
	look_into("a.zst", p);
	assert_non_null(find(FOUND_LIMIT, "max_depth"));
	free(in.bytes);
}

static void
too_many_members_are_a_limit(void **state)
{
	struct entry list[7];

	(void)state;
	for (int i = 0; i < 7; i++)
		list[i] = (struct entry){"n", "some words", 10};
	look_into("a.zip", pack_all("zip", NULL, NULL, list, 6));
	assert_false(report_has(&r, FOUND_LIMIT));
	assert_int_equal(r.members, 7);
	look_into("a.zip", pack_all("zip", NULL, NULL, list, 7));
	assert_non_null(find(FOUND_LIMIT, "max_members"));
}

static void
too_large_is_a_limit(void **state)
{
	char *zeros = calloc(1, 5 * MIB);

	(void)state;
	look(CONTENT_FILE, "z", zeros, 5 * MIB);
	expect(FOUND_LIMIT, "max_scan_size", "z");
	assert_int_equal(r.unscanned_bytes, 5 * MIB);
	free(zeros);
}

static void
too_late_is_a_failure(void **state)
{
	(void)state;
	late_ms = 3600 * 1000;
	look(CONTENT_FILE, "e.com", eicar(), 68);
	expect(FOUND_FAILED, "timeout", "e.com");
}

static void
without_a_folder_for_files_it_is_a_failure(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(inspector_enter(inspector, "/nonexistent/x", &e), 0);
	look_into("a.zip", eicar_in("zip", NULL, NULL));
	assert_true(report_has(&r, FOUND_FAILED));
}

static int
open_all(void **state)
{
	(void)state;
	/* The library says aloud what it cannot write. */
	log_setup(LOG_ERROR_, "t_inspect");
	buf_init(&tree, 64 * 1024);
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
close_all(void **state)
{
	struct err e;

	(void)state;
	inspector_close(&inspector);
	buf_free(&tree);
	return tree_remove(dir, &e);
}

#define T(test) cmocka_unit_test_setup(test, with_defaults)
#define SMALL(test) cmocka_unit_test_setup(test, with_small_limits)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(what_is_clean_has_an_empty_report),
	    T(nothing_is_clean),
	    T(eicar_is_found),
	    T(eicar_is_found_again),
	    T(a_mail_is_known_by_its_path),
	    T(an_archive_in_an_archive),
	    T(what_the_engine_cannot_open_is_opened),
	    T(ours_in_theirs_in_ours),
	    T(every_reading_of_a_mail_is_looked_at),
	    T(an_odd_mail_is_ambiguous),
	    T(a_locked_archive_is_encrypted),
	    T(an_archive_nobody_knows_is_a_limit),
	    T(a_cut_archive_is_malformed),
	    T(a_bomb_is_a_limit),
	    T(what_lies_behind_a_limit_is_not_clean),
	    SMALL(too_many_bytes_are_a_limit),
	    SMALL(too_deep_is_a_limit),
	    SMALL(too_deep_counts_what_both_open),
	    SMALL(too_many_members_are_a_limit),
	    SMALL(too_large_is_a_limit),
	    T(too_late_is_a_failure),
	    T(without_a_folder_for_files_it_is_a_failure),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
