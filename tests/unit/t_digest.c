/*
 * t_digest: SHA-256 against the examples of FIPS 180-4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/digest.h"

static void
check(const char *text, size_t piece, const char *want)
{
	struct digest *d = digest_open();
	unsigned char sum[DIGEST_SIZE];
	char hex[DIGEST_TEXT];
	size_t len = strlen(text);

	for (size_t at = 0; at < len; at += piece)
		digest_add(d, text + at, len - at < piece ? len - at : piece);
	digest_end(d, sum);
	digest_free(&d);
	assert_null(d);
	assert_string_equal(digest_text(sum, hex), want);
}

static void
test_known_answers(void **state)
{
	(void)state;
	check("", 1,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8"
	    "55");
	for (size_t piece = 1; piece < 4; piece++)
		check("abc", piece,
		    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff"
		    "61f20015ad");
	check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 5,
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06"
	    "c1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
