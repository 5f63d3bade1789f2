/*
 * t_local_packet: frames between the tool and the gateway: what is taken, what
 * is refused, in which order they may come, and what an answer is.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/local/local_packet.h"

static int
take(enum local_side side, const char *bytes, size_t len, struct slice *rest_r,
    struct local_frame *f_r)
{
	*rest_r = (struct slice){bytes, len};
	return local_take(side, rest_r, f_r);
}

static void
a_frame_is_taken_whole(void **state)
{
	static const char bytes[] = "S\0\3a@bR";
	struct local_frame f;
	struct slice rest;

	(void)state;
	assert_int_equal(take(LOCAL_ASK, bytes, 7, &rest, &f), 1);
	assert_int_equal(f.tag, LOCAL_SENDER);
	assert_true(slice_is(f.text, "a@b"));
	assert_int_equal(rest.len, 1);
	for (size_t len = 0; len < 6; len++) {
		assert_int_equal(take(LOCAL_ASK, bytes, len, &rest, &f), 0);
		assert_int_equal(rest.len, len);
	}
}

static void
what_is_no_frame(void **state)
{
	static const struct {
		enum local_side side;
		const char *bytes;
		size_t len;
	} bad[] = {
	    {LOCAL_ASK, "x", 1},          /* no such byte */
	    {LOCAL_ASK, "\0", 1},         /* nor that */
	    {LOCAL_ASK, "A\0\4pass", 7},  /* an answer, asked */
	    {LOCAL_ANSWER, "M\0\1x", 4},  /* a question, answered */
	    {LOCAL_ASK, "E\0\1x", 4},     /* has no text */
	    {LOCAL_ASK, "S\4\1", 3},      /* 1025 */
	    {LOCAL_ASK, "M\x80\1", 3},    /* 32769 */
	    {LOCAL_ANSWER, "I\0\x1b", 3}, /* 27 */
	};
	struct local_frame f;
	struct slice rest;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    take(bad[i].side, bad[i].bytes, bad[i].len, &rest, &f), -1);
}

static void
the_largest_frames_fit(void **state)
{
	static char bytes[LOCAL_FRAME_MAX];
	struct local_frame f;
	struct slice rest;

	(void)state;
	memcpy(bytes, "M\x80\0", 3);
	assert_int_equal(
	    take(LOCAL_ASK, bytes, sizeof(bytes) - 1, &rest, &f), 0);
	assert_int_equal(take(LOCAL_ASK, bytes, sizeof(bytes), &rest, &f), 1);
	assert_int_equal(f.text.len, LOCAL_MAIL_MAX);
	memcpy(bytes, "R\4\0", 3);
	assert_int_equal(take(LOCAL_ASK, bytes, sizeof(bytes), &rest, &f), 1);
	assert_int_equal(f.text.len, LOCAL_TEXT_MAX);
}

static void
what_is_put_is_taken(void **state)
{
	static char text[LOCAL_TEXT_MAX + 100];
	struct local_frame f;
	struct slice in;
	struct buf b;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	buf_init(&b, LOCAL_HEAD + LOCAL_TEXT_MAX);
	assert_int_equal(local_put(&b, LOCAL_WHERE, text), 0);
	in = (struct slice){buf_at(&b), b.len};
	assert_int_equal(local_take(LOCAL_ASK, &in, &f), 1);
	assert_int_equal(f.tag, LOCAL_WHERE);
	assert_int_equal(f.text.len, LOCAL_TEXT_MAX); /* cut */
	assert_int_equal(in.len, 0);
	assert_int_equal(local_put(&b, LOCAL_END, ""), -1);
	assert_int_equal(errno, EFBIG);
	buf_free(&b);
}

/* ---- order ---- */

/* How many of these frames may come, one after the other. */
static size_t
goes(const char *bytes)
{
	static const char letters[] = "VNSRHMEO";
	unsigned at = 0;
	size_t n = 0;

	while (bytes[n] != '\0') {
		const char *letter = strchr(letters, bytes[n]);

		if (!local_may_ask(&at, (enum local_tag)(letter - letters)))
			return n;
		n++;
	}
	return n;
}

static void
the_order_of_what_is_asked(void **state)
{
	(void)state;
	assert_int_equal(goes("VNSRRRHMMMEO"), 12);
	assert_int_equal(goes("VRHSNRE"), 7);
	assert_int_equal(goes("VEO"), 3);
	assert_int_equal(goes("S"), 0);
	assert_int_equal(goes("E"), 0);
	assert_int_equal(goes("VV"), 1);
	assert_int_equal(goes("VSS"), 2);
	assert_int_equal(goes("VHH"), 2);
	assert_int_equal(goes("VMR"), 2);
	assert_int_equal(goes("VMS"), 2);
	assert_int_equal(goes("VO"), 1);
	assert_int_equal(goes("VMO"), 2);
	assert_int_equal(goes("VMEM"), 3);
	assert_int_equal(goes("VMEE"), 3);
	assert_int_equal(goes("VMEOO"), 4);
	assert_int_equal(goes("VMEOV"), 4);
}

/* ---- the answer ---- */

/* 1: whole, 0: not yet, -1: none. */
static int
add(struct local_answer *a, const char *bytes, size_t len)
{
	struct slice in = {bytes, len};
	struct local_frame f;
	int is = 0;

	while (is == 0 && in.len > 0) {
		assert_int_equal(local_take(LOCAL_ANSWER, &in, &f), 1);
		is = local_add_answer(a, &f);
	}
	return is;
}

#define ADD(a, text) add(a, text, sizeof(text) - 1)

static void
an_answer_goes_there_and_back(void **state)
{
	struct local_answer a = {.action = DO_TAG,
	    .verdict = "encrypted",
	    .id = "01ARZ3NDEKTSV4RRFFQ69G5FAV",
	    .text = "no",
	    .mark = "X-Sallyport: clean"};
	struct local_answer b = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(local_put_answer(&out, &a), 0);
	assert_int_equal(add(&b, buf_at(&out), out.len), 1);
	assert_int_equal(b.action, DO_TAG);
	assert_string_equal(b.verdict, a.verdict);
	assert_string_equal(b.id, a.id);
	assert_string_equal(b.text, a.text);
	assert_string_equal(b.mark, a.mark);
	assert_true(local_delivers(&b));
	buf_free(&out);
}

static void
what_is_no_answer(void **state)
{
	struct local_answer a;

	(void)state;
	a = (struct local_answer){0};
	assert_int_equal(ADD(&a, ".\0\0"), -1); /* without an action */
	a = (struct local_answer){0};
	assert_int_equal(ADD(&a, "A\0\4lets"), -1);
	a = (struct local_answer){0};
	assert_int_equal(ADD(&a,
			     "A\0\4pass"
			     "A\0\5block"),
	    -1);
	a = (struct local_answer){0};
	assert_int_equal(ADD(&a,
			     "A\0\4pass"
			     "T\0\3a\nb"),
	    -1);
	a = (struct local_answer){0};
	assert_int_equal(ADD(&a,
			     "A\0\4pass"
			     "T\0\2a\x80"),
	    -1);
	a = (struct local_answer){0};
	/* one field, and ours */
	assert_int_equal(ADD(&a, "K\0\x10X-Sallyport: a\r\n"), -1);
	a = (struct local_answer){0};
	assert_int_equal(ADD(&a, "K\0\12Subject: x"), -1);
	a = (struct local_answer){0};
	assert_int_equal(ADD(&a,
			     "A\0\4pass"
			     "K\0\16X-Sallyport: a"),
	    0);
}

static void
decide(enum action action, struct local_answer *a_r)
{
	struct decision d = {.action = action, .verdict = "malware"};
	const struct local_words w = {"554 5.7.1 Refused: {reason} ({id})",
	    "451 4.7.1 Later ({id})", true, "inbound"};
	struct report r;

	report_init(&r);
	(void)snprintf(d.because.what, sizeof(d.because.what), "A\nB");
	local_answer_of(a_r, &d, &r, "ID", &w);
}

static void
a_decision_becomes_an_answer(void **state)
{
	struct local_answer a;

	(void)state;
	decide(DO_PASS, &a);
	assert_true(local_delivers(&a));
	assert_string_equal(a.mark, "X-Sallyport: malware; none; ID; inbound");
	assert_string_equal(a.text, "");
	decide(DO_TAG, &a);
	assert_string_equal(
	    a.mark, "X-Sallyport: malware A?B; none; ID; inbound");
	decide(DO_DISCARD, &a);
	assert_int_equal(a.action, DO_DISCARD);
	assert_false(local_delivers(&a));
	decide(DO_TEMPFAIL, &a);
	assert_int_equal(a.action, DO_TEMPFAIL);
	assert_string_equal(a.text, "4.7.1 Later (ID)");
	decide(DO_BLOCK, &a);
	assert_int_equal(a.action, DO_BLOCK);
	assert_string_equal(a.text, "5.7.1 Refused: malware A?B (ID)");
	assert_string_equal(a.mark, "");
	/* what we cannot do yet is not delivered */
	decide(DO_STRIP, &a);
	assert_int_equal(a.action, DO_BLOCK);
	decide(DO_QUARANTINE, &a);
	assert_int_equal(a.action, DO_BLOCK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_frame_is_taken_whole),
	    cmocka_unit_test(what_is_no_frame),
	    cmocka_unit_test(the_largest_frames_fit),
	    cmocka_unit_test(what_is_put_is_taken),
	    cmocka_unit_test(the_order_of_what_is_asked),
	    cmocka_unit_test(an_answer_goes_there_and_back),
	    cmocka_unit_test(what_is_no_answer),
	    cmocka_unit_test(a_decision_becomes_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
