/*
 * t_mime: the walk over a mail: that an ordinary one has one reading, that an
 * odd one has all of them, and that every limit has its name.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scan/mime.h"

#define TOP "From: a@example.org\r\nMIME-Version: 1.0\r\n"
#define MULTI TOP "Content-Type: multipart/mixed; boundary=foo\r\n\r\n"
#define TEXT "--foo\r\nContent-Type: text/plain\r\n\r\nhi\r\n"
#define FILE_HEAD \
	"--foo\r\nContent-Type: application/octet-stream; name=\"a.bin\"\r\n"
#define B64 "Content-Transfer-Encoding: base64\r\n"
#define FILE_PART FILE_HEAD B64 "\r\nTUFSSw==\r\n" /* MARK */
#define CLOSE "--foo--\r\n"

/* All parts of a walk, "where=bytes" each, in one text. */
struct parts {
	char text[4096];
	size_t n;
	bool seen, other;
	unsigned count;
};

static int
note_part(void *arg, const struct mime_part *p)
{
	struct parts *s = arg;
	const void *bytes;
	size_t len;
	int got;

	assert_int_equal(mime_part_bytes(p, &bytes, &len), 0);
	assert_memory_equal(
	    bytes, p->head, p->head_len < len ? p->head_len : len);
	got = snprintf(s->text + s->n, sizeof(s->text) - s->n, "%s=%.*s|",
	    p->where, (int)len, (const char *)bytes);
	assert_true(got > 0 && (size_t)got < sizeof(s->text) - s->n);
	s->n += (size_t)got;
	s->seen &= p->seen_by_engine;
	s->other |= p->other_reading;
	s->count++;
	return 0;
}

static struct mime_result
walk(const char *mail, size_t len, struct parts *s)
{
	struct mime_result r;

	*s = (struct parts){.seen = true};
	print_message("%.300s\n", len < 1000 ? mail : "...");
	assert_int_equal(mime_walk(mail, len, NULL, note_part, s, &r), 0);
	assert_int_equal(r.parts, s->count);
	print_message("%.300s %x\n", s->text, r.odd);
	return r;
}

/* ---- ordinary mails ---------------------------------------------------------
 */

static const struct {
	const char *mail, *parts;
} plain[] = {
    {TOP "\r\nhello\r\n", "part 1=hello\r\n|"},
    {TOP "Content-Type: text/html; charset=\"utf-8\"\r\n"
	 "Content-Transfer-Encoding: quoted-printable\r\n\r\na=3Db=\r\nc\r\n",
	"part 1=a=bc\r\n|"},
    {MULTI TEXT FILE_PART CLOSE, "part 1=hi|a.bin=MARK|"},
    /* no closing delimiter, a preamble, an epilogue, LF alone */
    {MULTI TEXT FILE_PART, "part 1=hi|a.bin=MARK|"},
    {MULTI
	"This is a multi-part message in MIME format.\r\n" TEXT FILE_PART CLOSE
	"_____\r\na list\r\n",
	"part 1=hi|a.bin=MARK|"},
    {"From: a@example.org\nContent-Type: multipart/related;\n\ttype=\"x/y\";\n"
     "\tboundary=\"----=_Part_1\"\n\n------=_Part_1\n\nhi\n------=_Part_1--\n",
	"part 1=hi|"},
    /* a part without a header, and one with nothing in it */
    {MULTI "--foo\r\n\r\nhi\r\n--foo\r\nContent-Type: text/plain\r\n\r\n"
	   "\r\n" CLOSE,
	"part 1=hi|"},
    {"Received: by a\r\nContent-Type: multipart/mixed; boundary=\"a\"\r\n\r\n"
     "--a\r\nContent-Type: multipart/alternative; boundary=\"b\"\r\n\r\n"
     "--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\ntwo\r\n--b--\r\n"
     "\r\n--a\r\nContent-Disposition: attachment; "
     "filename=x.txt\r\n\r\nthree\r\n"
     "--a--\r\n",
	"part 1=one|part 2=two|x.txt=three|"},
    /* names: RFC 2231, RFC 2047, and what may not stand in a path */
    {TOP "Content-Disposition: attachment; filename*=utf-8''a%2Fb%25.txt\r\n"
	 "\r\nx\r\n",
	"a%2Fb%25.txt=x\r\n|"},
    {TOP "Content-Disposition: attachment; filename*0=long; filename*1=er\r\n"
	 "\r\nx\r\n",
	"longer=x\r\n|"},
    {TOP "Content-Type: text/plain; name=\"=?utf-8?Q?a_b?= =?us-ascii?B?Yw==?="
	 "\"\r\n\r\nx\r\n",
	"a b c=x\r\n|"},
    /* a mail in the mail, encoded or not */
    {TOP "Content-Type: message/rfc822; name=in.eml\r\n\r\n" MULTI TEXT
	    FILE_PART CLOSE,
	"in.eml/part 1=hi|in.eml/a.bin=MARK|"},
    {TOP "Content-Type: message/rfc822\r\n" B64 "\r\nRnJvbTogYUBiDQoNCmhp\r\n",
	"message/part 1=hi|"},
    /* uuencode in the text */
    {TOP "\r\nsee:\r\nbegin 644 a.bin\r\n$34%22P\r\n`\r\nend\r\nbye\r\n",
	"part 1=see:\r\nbegin 644 a.bin\r\n$34%22P\r\n`\r\nend\r\nbye\r\n|"
	"a.bin=MARK|"},
    {TOP "\r\nbegin with this\r\nbegin 64 x\r\n",
	"part 1=begin with this\r\nbegin 64 x\r\n|"},
};

static void
an_ordinary_mail_has_one_reading(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		struct parts s;
		struct mime_result r =
		    walk(plain[i].mail, strlen(plain[i].mail), &s);

		assert_string_equal(s.text, plain[i].parts);
		assert_true(r.plain);
		assert_int_equal(r.odd, 0);
		assert_true(s.seen);
		assert_false(s.other);
	}
}

/* ---- odd mails that are read in one way -------------------------------------
 */

/* What the engine's parser may miss, and no reading of ours disagrees on. */
static const char *const unseen[] = {
    TOP "Content-Type: multipart/parallel; boundary=foo\r\n\r\n" TEXT FILE_PART
	CLOSE,
    TOP
    "Content-Type: multipart/signed; boundary=foo\r\n\r\n" TEXT FILE_PART CLOSE,
    TOP
    "Content-Type: multipart/x-y; boundary=foo\r\n\r\n" TEXT FILE_PART CLOSE,
    MULTI TEXT
    "--foo \r\nContent-Type: application/octet-stream; name=a.bin\r\n" B64
    "\r\nTUFSSw==\r\n" CLOSE,
    "Content-Type: multipart/mixed; boundary=foo\r\n\r\n" TEXT FILE_PART CLOSE,
    "X-A: b\r\nContent-Type: multipart/mixed; boundary=foo\r\n\r\n" TEXT
	FILE_PART CLOSE,
    MULTI TEXT FILE_HEAD B64 "\r\nTUFSSw\r\n" CLOSE,
};

static void
what_the_engine_may_miss_is_no_plain_mail(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
		struct parts s;
		struct mime_result r = walk(unseen[i], strlen(unseen[i]), &s);

		assert_string_equal(s.text, "part 1=hi|a.bin=MARK|");
		assert_false(r.plain);
		assert_false(s.seen);
		assert_int_equal(r.odd, 0);
	}
}

/* ---- two readings
 * ------------------------------------------------------------ */

#define BIT(odd) (1U << MIME_##odd)

static const struct {
	uint32_t odd;
	const char *mail;
} two[] = {
    {BIT(TWO_CTES),
	MULTI TEXT FILE_HEAD B64
	"Content-Transfer-Encoding: 7bit\r\n\r\nTUFSSw==\r\n" CLOSE},
    {BIT(TWO_CTES),
	MULTI TEXT FILE_HEAD "Content-Transfer-Encoding: 7bit\r\n" B64
			     "\r\nTUFSSw==\r\n" CLOSE},
    {BIT(ODD_CTE),
	MULTI TEXT FILE_HEAD
	"Content-Transfer-Encoding: bas(x)e64\r\n\r\nTUFSSw==\r\n" CLOSE},
    {BIT(ODD_CTE),
	MULTI TEXT FILE_HEAD
	"Content-Transfer-Encoding: xyz\r\n\r\nTUFSSw==\r\n" CLOSE},
    {BIT(TWO_TYPES),
	TOP "Content-Type: text/plain\r\n"
	    "Content-Type: multipart/mixed; boundary=foo\r\n\r\n" TEXT FILE_PART
		CLOSE},
    {BIT(ODD_FIELD),
	MULTI TEXT FILE_HEAD
	"Content-Transfer-Encoding : base64\r\n\r\nTUFSSw==\r\n" CLOSE},
    {BIT(ODD_FIELD),
	MULTI TEXT FILE_HEAD
	" Content-Transfer-Encoding: base64\r\n\r\nTUFSSw==\r\n" CLOSE},
    {BIT(ODD_FIELD),
	MULTI TEXT FILE_HEAD
	"Content-Transfer-Encoding base64\r\n\r\nTUFSSw==\r\n" CLOSE},
    {BIT(ODD_HEADER),
	MULTI TEXT FILE_HEAD "  \r\n" B64 "\r\nTUFSSw==\r\n" CLOSE},
    {BIT(ODD_BOUNDARY),
	TOP
	"Content-Type: multipart/mixed; boundary=bar; boundary=foo\r\n\r\n" TEXT
	    FILE_PART CLOSE},
    {BIT(ODD_BOUNDARY),
	TOP "Content-Type: multipart/mixed; boundary*0=f; "
	    "boundary*1=oo\r\n\r\n" TEXT FILE_PART CLOSE},
    {BIT(NO_BOUNDARY),
	TOP "Content-Type: multipart/mixed\r\n\r\n" TEXT FILE_PART CLOSE},
    {BIT(NOT_MULTIPART),
	TOP
	"Content-Type: text/plain; boundary=foo\r\n\r\n" TEXT FILE_PART CLOSE},
    {BIT(ODD_DELIMITER), MULTI TEXT " " FILE_PART CLOSE},
    {BIT(ODD_DELIMITER),
	MULTI TEXT "--foo x\r\nContent-Type: a/b; name=a.bin\r\n" B64
		   "\r\nTUFSSw==\r\n" CLOSE},
    {BIT(AFTER_CLOSE), MULTI TEXT CLOSE FILE_PART CLOSE},
    {BIT(PREAMBLE),
	MULTI "Content-Type: a/b; name=a.bin\r\n" B64
	      "\r\nTUFSSw==\r\n" TEXT CLOSE},
    {BIT(EPILOGUE),
	MULTI TEXT CLOSE "Content-Type: a/b; name=a.bin\r\n" B64
			 "\r\nTUFSSw==\r\n"},
    {BIT(CTE_MULTIPART),
	TOP "Content-Type: multipart/mixed; boundary=foo\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n" TEXT
	    "=2D-foo\r\nContent-Type: a/b; name=3Da.bin\r\n\r\nMA=52K\r\n"
	    "--foo--\r\n"},
    {BIT(ODD_BASE64), MULTI TEXT FILE_HEAD B64 "\r\nTU.FSSw==\r\n" CLOSE},
    {BIT(ODD_QP),
	MULTI TEXT FILE_HEAD "Content-Transfer-Encoding: "
			     "quoted-printable\r\n\r\n=4D==41RK\r\n" CLOSE},
};

static void
every_reading_is_handed_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++) {
		struct parts s;
		struct mime_result r =
		    walk(two[i].mail, strlen(two[i].mail), &s);

		assert_non_null(strstr(s.text, "=MARK"));
		assert_int_equal(r.odd & two[i].odd, two[i].odd);
		assert_false(r.plain);
		assert_false(s.seen);
		assert_true(s.other);
	}
}

/* Written twice, or oddly, and still saying one thing: no finding. */
static const char *const same[] = {
    MULTI TEXT FILE_HEAD B64 B64 "\r\nTUFSSw==\r\n" CLOSE,
    /* junk behind all there is */
    MULTI TEXT FILE_HEAD B64 "\r\nTUFSSw==\r\n.\r\n" CLOSE,
    /* a boundary that begins like the one around it */
    MULTI "--foo\r\nContent-Type: multipart/mixed; boundary=foobar\r\n\r\n"
	  "--foobar\r\n\r\nhi\r\n--foobar\r\n"
	  "Content-Type: a/b; name=a.bin\r\n" B64
	  "\r\nTUFSSw==\r\n--foobar--\r\n" CLOSE,
};

static void
one_meaning_is_no_finding(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct parts s;
		struct mime_result r = walk(same[i], strlen(same[i]), &s);

		assert_string_equal(s.text, "part 1=hi|a.bin=MARK|");
		assert_int_equal(r.odd, 0);
	}
}

/* ---- bytes
 * -------------------------------------------------------------------- */

static void
line_ends_are_read_in_every_way(void **state)
{
	static const char mail[] = MULTI TEXT FILE_PART CLOSE;
	char text[sizeof(mail)];
	size_t n = 0;
	struct parts s;
	struct mime_result r;

	(void)state;
	for (size_t i = 0; i < sizeof(mail) - 1; i++) {
		if (mail[i] != '\n')
			text[n++] = mail[i];
	}
	r = walk(text, n, &s);
	assert_non_null(strstr(s.text, "a.bin=MARK"));
	assert_true((r.odd & BIT(BARE_CR)) != 0);

	memcpy(text, mail, sizeof(mail));
	*strstr(text, "\r\n--foo--") = '\n'; /* LF LF: a bare one among CRLF */
	r = walk(text, sizeof(mail) - 1, &s);
	assert_non_null(strstr(s.text, "a.bin=MARK"));
	assert_true((r.odd & BIT(BARE_LF)) != 0);

	memcpy(text, mail, sizeof(mail));
	*strstr(text, "hi") = '\0';
	r = walk(text, sizeof(mail) - 1, &s);
	assert_true((r.odd & BIT(NUL)) != 0);
}

static void
a_long_line_is_noted(void **state)
{
	char text[2048] = TOP "\r\n";
	size_t n = strlen(text);
	struct parts s;

	(void)state;
	memset(text + n, 'x', 998);
	assert_true(walk(text, n + 998, &s).plain);
	memset(text + n, 'x', 999);
	assert_int_equal(walk(text, n + 999, &s).odd, BIT(LONG_LINE));
}

/* ---- limits
 * ------------------------------------------------------------------- */

static int
count(void *arg, const struct mime_part *p)
{
	const void *bytes;
	size_t len;

	(void)mime_part_bytes(p, &bytes, &len);
	return ++*(int *)arg == 100;
}

static uint32_t
odd_of(const char *mail, struct mime_limits limits)
{
	struct mime_result r;
	int n = 0;

	assert_int_equal(
	    mime_walk(mail, strlen(mail), &limits, count, &n, &r), 0);
	return r.odd;
}

static void
limits_have_names(void **state)
{
	static const char mail[] = MULTI TEXT FILE_PART CLOSE;
	static const char odd[] = MULTI TEXT " " FILE_PART CLOSE;

	(void)state;
	assert_int_equal(
	    odd_of(mail, (struct mime_limits){.parts = 1}), BIT(MANY_PARTS));
	assert_int_equal(odd_of(mail, (struct mime_limits){.readings = 1}),
	    BIT(MANY_READINGS));
	assert_int_equal(
	    odd_of(mail, (struct mime_limits){.bytes = 3}), BIT(BYTES));
	assert_true((odd_of(odd, (struct mime_limits){.readings = 2}) &
			BIT(MANY_READINGS)) != 0);
	assert_int_equal(odd_of(MULTI "--foo\r\nContent-Type: multipart/mixed;"
				      " boundary=b\r\n\r\n--b\r\n\r\nx\r\n",
			     (struct mime_limits){.depth = 1}),
	    BIT(DEEP));
	assert_int_equal(
	    odd_of(TOP "Content-Type: message/partial; id=1; number=1; total=2"
		       "\r\n\r\nFrom: a\r\n\r\nx\r\n",
		(struct mime_limits){0}),
	    BIT(PARTIAL));
}

static void
nesting_without_end_is_refused(void **state)
{
	struct mime_result r;
	char *mail = calloc(1, 400000);
	size_t n = 0;

	(void)state;
	assert_non_null(mail);
	for (int i = 0; i < 5000; i++) {
		n += (size_t)snprintf(mail + n, 400000 - n,
		    "Content-Type: multipart/mixed; "
		    "boundary=b%d\r\n\r\n--b%d\r\n",
		    i, i);
	}
	assert_int_equal(mime_walk(mail, n, NULL, NULL, NULL, &r), 0);
	assert_true((r.odd & BIT(DEEP)) != 0);
	free(mail);
}

/* Half a megabyte that is all delimiters, fields and begin lines. */
static void
work_has_an_end(void **state)
{
	static const struct {
		const char *line;
		uint32_t odd;
	} all[] = {
	    {" --foo x\r\n", BIT(MANY_PARTS)},
	    {"Content-Type: multipart/mixed; boundary=foo; boundary=fo\r\n",
		BIT(MANY_READINGS)},
	    {"begin 644 x\r\n", BIT(MANY_READINGS)},
	    {"Content-Type: message/rfc822\r\n\r\n--foo\r\n", BIT(MANY_PARTS)},
	};
	char *mail = calloc(1, 600000);

	(void)state;
	assert_non_null(mail);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct mime_result r;
		size_t n =
		    (size_t)snprintf(mail, 600000, "%s", MULTI "--foo\r\n");
		size_t len = strlen(all[i].line);
		int parts = 0;

		while (n + len < 500000) {
			memcpy(mail + n, all[i].line, len);
			n += len;
		}
		(void)mime_walk(mail, n, NULL, count, &parts, &r);
		assert_int_equal(r.odd & all[i].odd, all[i].odd);
	}
	free(mail);
}

static int
stop(void *arg, const struct mime_part *p)
{
	(void)p;
	++*(int *)arg;
	return 7;
}

static void
the_callback_can_stop(void **state)
{
	static const char mail[] = MULTI TEXT FILE_PART CLOSE;
	struct mime_result r;
	int n = 0;

	(void)state;
	assert_int_equal(
	    mime_walk(mail, sizeof(mail) - 1, NULL, stop, &n, &r), 7);
	assert_int_equal(n, 1);
	assert_int_equal(mime_walk("", 0, NULL, stop, &n, &r), 0);
	assert_int_equal(r.parts, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_ordinary_mail_has_one_reading),
	    cmocka_unit_test(what_the_engine_may_miss_is_no_plain_mail),
	    cmocka_unit_test(every_reading_is_handed_out),
	    cmocka_unit_test(one_meaning_is_no_finding),
	    cmocka_unit_test(line_ends_are_read_in_every_way),
	    cmocka_unit_test(a_long_line_is_noted),
	    cmocka_unit_test(limits_have_names),
	    cmocka_unit_test(nesting_without_end_is_refused),
	    cmocka_unit_test(work_has_an_end),
	    cmocka_unit_test(the_callback_can_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
