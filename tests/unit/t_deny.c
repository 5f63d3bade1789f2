/*
 * t_deny: which addresses a client may be taken to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/deny.h"

#define HEAD \
	"[engine clamav]\n[policy web]\nmalware = block\n" \
	"[listener mail]\nprotocol = smtp\naddress = 192.0.2.9:2525\n" \
	"policy = web\n" \
	"[listener web]\nprotocol = http\npolicy = web\n" \
	"address = 0.0.0.0:3128, [::]:3128\n"

static const struct door_case {
	const char *deny, *peer, *local;
	bool open;
} cases[] = {
    {"none", "192.0.2.1:80", "198.51.100.1:4000", true},
    {"none", "127.0.0.1:80", "127.0.0.1:4000", true},
    {"127.0.0.0/8", "127.0.0.1:80", "127.0.0.1:4000", false},
    {"127.0.0.0/8", "127.255.1.2:80", "127.0.0.1:4000", false},
    {"127.0.0.0/8", "[::1]:80", "[::1]:4000", true},
    {"127.0.0.0/8, ::1", "[::1]:80", "[::1]:4000", false},
    {"169.254.0.0/16", "169.254.169.254:80", "198.51.100.1:4000", false},
    {"10.0.0.0/8", "11.0.0.1:80", "198.51.100.1:4000", true},
    /* other ways to write it, and ways that lead there */
    {"169.254.0.0/16", "[::ffff:169.254.169.254]:80", "[::1]:4000", false},
    {"169.254.0.0/16", "[::169.254.169.254]:80", "[::1]:4000", false},
    {"169.254.0.0/16", "[64:ff9b::169.254.169.254]:80", "[::1]:1", false},
    {"169.254.0.0/16", "[64:ff9b:1::169.254.169.254]:80", "[::1]:1", false},
    {"192.0.2.0/24", "[2002:c000:205::1]:80", "[::1]:4000", false},
    {"127.0.0.0/8", "[::ffff:127.0.0.1]:80", "[::1]:4000", false},
    {"127.0.0.0/8", "[64:ff9b::192.0.2.1]:80", "[::1]:4000", true},
    {"127.0.0.0/8", "[2001:db8::7f00:1]:80", "[::1]:4000", true},
    {"10.0.0.0/8", "[::1]:80", "[::1]:4000", true},
    /* nobody's address is this machine's */
    {"none", "0.0.0.0:80", "127.0.0.1:4000", false},
    {"none", "[::]:80", "[::1]:4000", false},
    {"none", "[::ffff:0.0.0.0]:80", "127.0.0.1:4000", false},
    /* a listener's address, whoever connects */
    {"none", "192.0.2.9:2525", "198.51.100.1:4000", false},
    {"none", "192.0.2.9:2526", "198.51.100.1:4000", true},
    {"none", "192.0.2.8:2525", "198.51.100.1:4000", true},
    /* one on every address: we have reached ourselves */
    {"none", "198.51.100.1:3128", "198.51.100.1:4000", false},
    {"none", "127.0.0.1:3128", "127.0.0.1:4000", false},
    {"none", "[2001:db8::1]:3128", "[2001:db8::1]:4000", false},
    {"none", "[2001:db8::2]:3128", "[2001:db8::1]:4000", true},
    {"none", "198.51.100.2:3128", "198.51.100.1:4000", true},
};

static void
look(const struct door_case *c)
{
	char text[1024];
	struct conf *conf;
	struct deny d;
	struct addr peer, local;
	int n = snprintf(
	    text, sizeof(text), HEAD "deny_destinations = %s\n", c->deny);

	conf = conf_from_text("t.ini", text, (size_t)n, false, stderr);
	assert_non_null(conf);
	assert_int_equal(
	    deny_read(&d, conf, conf_section(conf, "listener", "web"),
		OPT_HTTP_DENY_DESTINATIONS, NULL),
	    0);
	assert_int_equal(addr_parse(c->peer, &peer, NULL), 0);
	assert_int_equal(addr_parse(c->local, &local, NULL), 0);
	if (deny_may_use(&d, &peer, &local) != c->open)
		fail_msg("%s with %s", c->peer, c->deny);
	deny_free(&d);
	conf_free(&conf);
}

static void
every_door(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		look(&cases[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_door),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
