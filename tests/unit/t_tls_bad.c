/*
 * t_tls_bad: each error has one meaning, which fits behind OpenSSL's words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509_vfy.h>

#include "proxy/tls_bad.h"

#define ERRORS 100
#define ROOM (128 + 15) /* in tls_link.c, with what goes before */

static void
some(void **state)
{
	(void)state;
	assert_string_equal(tls_bad_means(X509_V_ERR_HOSTNAME_MISMATCH),
	    "it is for another name");
	assert_string_equal(tls_bad_means(X509_V_ERR_CERT_HAS_EXPIRED), "");
	assert_string_equal(tls_bad_means(X509_V_OK), "");
	assert_string_equal(tls_bad_means(-1), "");
	assert_string_equal(tls_bad_means(1L << 40), "");
}

static void
all_fit(void **state)
{
	unsigned n = 0;

	(void)state;
	for (long e = 0; e < ERRORS; e++) {
		const char *words = X509_verify_cert_error_string(e);
		const char *means = tls_bad_means(e);

		n += means[0] != '\0';
		assert_true(strlen("TLS handshake: ") + strlen(words) +
			strlen(" ()") + strlen(means) <
		    ROOM);
	}
	assert_true(n > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(some),
	    cmocka_unit_test(all_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
