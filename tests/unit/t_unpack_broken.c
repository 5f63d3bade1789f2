/*
 * t_unpack_broken: a 7z with one wrong byte.  To come to its next member
 * libarchive would read on in the broken one, and libbz2, called again after
 * an error, writes past its own stack: the process was gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scan/unpack.h"
#include "tests/unit/box.h"

struct count {
	unsigned begun, broken;
};

static int
begin(void *arg, const char *name)
{
	struct count *c = arg;

	(void)name;
	c->begun++;
	return 0;
}

static int
data(void *arg, const void *bytes, size_t len)
{
	(void)arg;
	(void)bytes;
	(void)len;
	return 0;
}

static void
end(void *arg, enum unpack_end how)
{
	struct count *c = arg;

	if (how == UNPACK_BROKEN)
		c->broken++;
}

static void
closed(void *arg, const char *name, enum unpack_end why)
{
	(void)arg;
	(void)name;
	(void)why;
}

static const struct unpack_taker taker = {
    .begin = begin, .data = data, .end = end, .closed = closed};

/* Words that bzip2 cannot make much of: several tables and selectors. */
static struct box
solid_pair(void)
{
	static char words[5000];
	struct box b;
	uint64_t x = 1;

	for (size_t i = 0; i < sizeof(words); i++) {
		x = x * UINT64_C(6364136223846793005) +
		    UINT64_C(1442695040888963407);
		words[i] = (char)('a' + (x >> 40) % 23);
	}
	box_open(
	    &b, archive_write_set_format_7zip, NULL, "7zip:compression=bzip2");
	box_put(&b, "a", words, 5000);
	box_put(&b, "b", words, 700);
	box_close(&b);
	return b;
}

static void
it_is_left_at_its_broken_member(void **state)
{
	static const struct {
		size_t at;
		unsigned char byte;
	} breaks[] = {{83, 79}, {86, 242}}; /* in bzip2's selectors */

	(void)state;
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		struct box p = solid_pair();
		struct count c = {0, 0};

		p.bytes[breaks[i].at] = (char)breaks[i].byte;
		assert_int_equal(
		    unpack(FILE_7Z, p.bytes, p.len, &taker, &c), UNPACK_BROKEN);
		assert_int_equal(c.begun, 1);
		assert_int_equal(c.broken, 1);
		box_free(&p);
	}
}

static void
a_sound_one_is_read_to_its_end(void **state)
{
	struct box p = solid_pair();
	struct count c = {0, 0};

	(void)state;
	assert_int_equal(
	    unpack(FILE_7Z, p.bytes, p.len, &taker, &c), UNPACK_WHOLE);
	assert_int_equal(c.begun, 2);
	assert_int_equal(c.broken, 0);
	box_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_left_at_its_broken_member),
	    cmocka_unit_test(a_sound_one_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
