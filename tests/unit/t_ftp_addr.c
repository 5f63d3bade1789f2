/*
 * t_ftp_addr: addresses of data connections, read and written.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocols/ftp/ftp_addr.h"

typedef int reader(struct slice text, struct addr *a_r);

static void
reads(reader *read, const char *text, const char *is)
{
	char to[ADDR_TEXT];
	struct addr a;

	assert_int_equal(read(slice_of(text), &a), 0);
	assert_string_equal(addr_text(&a, to), is);
}

static void
port(void **state)
{
	static const char *const bad[] = {"", "1,2,3,4,5", "1,2,3,4,5,6,7",
	    "1,2,3,4,5,256", "256,2,3,4,5,6", "1,2,3,4,5,", "1,2,3,4,,6",
	    "1.2.3.4,5,6", " 1,2,3,4,5,6", "1,2,3,4,5,6 ", "-1,2,3,4,5,6",
	    "1,2,3,4,5,0000006", "a,2,3,4,5,6"};
	char to[FTP_ADDR_TEXT];
	struct addr a;

	(void)state;
	reads(ftp_addr_port, "192,0,2,1,195,80", "192.0.2.1:50000");
	reads(ftp_addr_port, "0,0,0,0,0,0", "0.0.0.0:0");
	reads(
	    ftp_addr_port, "255,255,255,255,255,255", "255.255.255.255:65535");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ftp_addr_port(slice_of(bad[i]), &a), -1);
	assert_int_equal(addr_number("192.0.2.1", 50000, &a), 0);
	assert_string_equal(ftp_addr_text_port(&a, to), "192,0,2,1,195,80");
}

static void
eprt(void **state)
{
	static const char *const bad[] = {"", "|", "|1|192.0.2.1|5|x",
	    "|1|192.0.2.1|", "|1|192.0.2.1||", "|1|::1|5|", "|2|192.0.2.1|5|",
	    "|1|localhost|5|", "|1|192.0.2.1|0|", "|1|192.0.2.1|65536|",
	    "|1|192.0.2.1|123456|", "1192.0.2.115", " 1 192.0.2.1 5 ",
	    "|1|192.0.2.1|5|\r"};
	char to[FTP_ADDR_TEXT];
	struct addr a;

	(void)state;
	reads(ftp_addr_eprt, "|1|192.0.2.1|50000|", "192.0.2.1:50000");
	reads(ftp_addr_eprt, "|2|2001:db8::1|5|", "[2001:db8::1]:5");
	reads(ftp_addr_eprt, "!1!192.0.2.1!5!", "192.0.2.1:5");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(ftp_addr_eprt(slice_of(bad[i]), &a) < 0);
	assert_int_equal(ftp_addr_eprt(slice_of("|3|x|5|"), &a), -2);
	assert_int_equal(addr_number("2001:db8::1", 50000, &a), 0);
	assert_string_equal(
	    ftp_addr_text_eprt(&a, to), "|2|2001:db8::1|50000|");
	assert_int_equal(addr_number("192.0.2.1", 5, &a), 0);
	assert_string_equal(ftp_addr_text_eprt(&a, to), "|1|192.0.2.1|5|");
}

static void
replies(void **state)
{
	static const char *const bad[] = {"", "Entering Passive Mode",
	    "(1,2,3,4,5)", "(1,2,3,4,0,0)", "(1,2,3,4,5,300)"};
	static const char *const bad6[] = {"", "(|||)", "(|||0|)",
	    "(|||65536|)", "(||1|5|)", "|||5|", "(|||5|", "(|||5", "(aaa5a)"};
	uint16_t n = 0;
	struct addr a;

	(void)state;
	reads(ftp_addr_227, "Entering Passive Mode (192,0,2,1,195,80).",
	    "192.0.2.1:50000");
	/* servers that use no brackets (RFC 1123 4.1.2.6) */
	reads(ftp_addr_227, "=192,0,2,1,195,80", "192.0.2.1:50000");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ftp_addr_227(slice_of(bad[i]), &a), -1);
	assert_int_equal(
	    ftp_addr_229(slice_of("Extended Passive (|||50000|)"), &n), 0);
	assert_int_equal(n, 50000);
	assert_int_equal(ftp_addr_229(slice_of("(!!!5!)"), &n), 0);
	for (size_t i = 0; i < sizeof(bad6) / sizeof(bad6[0]); i++)
		assert_int_equal(ftp_addr_229(slice_of(bad6[i]), &n), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(port),
	    cmocka_unit_test(eprt),
	    cmocka_unit_test(replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
