/*
 * t_event: the lines of events, field by field: they are an interface.  Then
 * what a hostile peer can do to them: nothing but one line of at most
 * EVENT_LINE_MAX bytes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/event.h"

#define WALL INT64_C(1795425153123) /* 2026-11-23T09:12:33.123Z */
#define ID "01KATE0000ZZZZZZZZZZZZZZZZ"

static struct facts facts;
static struct report report;
static struct decision verdict;

static int
setup(void **state)
{
	(void)state;
	facts_init(&facts, 1 << 20);
	report_init(&report);
	verdict = (struct decision){
	    .action = DO_PASS, .verdict = "clean", .rule = "policy/mail"};
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	facts_free(&facts);
	return 0;
}

static void
mail_facts(void)
{
	facts_add(&facts, FIELD_PROTOCOL, "smtp");
	facts_add(&facts, FIELD_LISTENER, "mail-in");
	facts_add(&facts, FIELD_DIRECTION, "inbound");
	facts_add(&facts, FIELD_CLIENT, "192.0.2.1:4711");
	facts_add(&facts, FIELD_HELO, "mx.example.net");
	facts_add(&facts, FIELD_SENDER, "a@example.net");
	facts_add(&facts, FIELD_RECIPIENT, "b@example.org");
	facts_add(&facts, FIELD_RECIPIENT, "c@example.org");
	facts_add(&facts, FIELD_SUBJECT, "Hello there");
	facts_add(&facts, FIELD_MESSAGE_ID, "<1@example.net>");
}

static struct event
decision_event(void)
{
	return (struct event){.kind = EVENT_DECISION,
	    .id = ID,
	    .session = 0x1f,
	    .facts = &facts,
	    .content = CONTENT_MAIL,
	    .size = 1234,
	    .sha256 = "00ff",
	    .report = &report,
	    .decision = &verdict,
	    .ms_queued = 2,
	    .ms_scanned = 5};
}

static struct event
outcome_event(void)
{
	struct event ev = decision_event();

	ev.kind = EVENT_OUTCOME;
	ev.result = "delivered";
	ev.next_hop = "smtp:mail.example.org:25";
	ev.hop_address = "[2001:db8::25]:25";
	ev.reply = "250 2.0.0 Ok: queued as \"7\"\r\n";
	ev.reason = "";
	ev.bytes_in = 1500;
	ev.bytes_out = 200;
	ev.ms_delivered = 9;
	ev.ms_total = 20;
	return ev;
}

static void
found_eicar(void)
{
	report_add(&report, FOUND_MALWARE, "clamav", "mail.eml/a b.zip/x.exe",
	    "Eicar-Test-Signature");
	report.msec = 5;
	report.members = 3;
	snprintf(report.engines, sizeof(report.engines), "clamav/1.4.6/27815");
	verdict = (struct decision){.action = DO_BLOCK,
	    .verdict = "malware",
	    .rule = "policy/mail",
	    .because = report.found[0]};
}

typedef void form(struct buf *b, const struct event *ev, int64_t wall_ms);

static void
looks(form *f, const struct event *ev, const char *line)
{
	struct buf b;

	buf_init(&b, EVENT_LINE_MAX);
	f(&b, ev, WALL);
	assert_string_equal(buf_text(&b), line);
	buf_free(&b);
}

static void
a_decision_as_text(void **state)
{
	struct event ev = decision_event();

	(void)state;
	mail_facts();
	found_eicar();
	looks(event_text, &ev,
	    "2026-11-23T09:12:33.123Z decision id=" ID
	    " action=block verdict=malware what=Eicar-Test-Signature"
	    " where=\"mail.eml/a b.zip/x.exe\" engine=clamav"
	    " from=<a@example.net> to=<b@example.org>,<c@example.org>"
	    " recipients=2 client=192.0.2.1:4711 size=1234 ms=7 queued=2"
	    " cached=no rule=policy/mail protocol=smtp listener=mail-in"
	    " direction=inbound helo=mx.example.net subject=\"Hello there\""
	    " message_id=<1@example.net> session=000000000000001f"
	    " sha256=00ff findings=1 members=3 unscanned_bytes=0"
	    " engines=clamav/1.4.6/27815\n");
}

static void
a_decision_as_json(void **state)
{
	struct event ev = decision_event();

	(void)state;
	mail_facts();
	found_eicar();
	looks(event_json, &ev,
	    "{\"@timestamp\":\"2026-11-23T09:12:33.123Z\","
	    "\"ecs\":{\"version\":\"8.11.0\"},"
	    "\"event\":{\"kind\":\"alert\",\"category\":[\"email\"],"
	    "\"type\":[\"denied\"],\"action\":\"decision\","
	    "\"outcome\":\"success\",\"id\":\"" ID "\"},"
	    "\"network\":{\"protocol\":\"smtp\",\"direction\":\"inbound\"},"
	    "\"observer\":{\"ingress\":{\"interface\":{\"name\":\"mail-in\"}}"
	    "},\"client\":{\"address\":\"192.0.2.1:4711\","
	    "\"ip\":\"192.0.2.1\",\"port\":4711},"
	    "\"email\":{\"from\":{\"address\":[\"a@example.net\"]},"
	    "\"to\":{\"address\":[\"b@example.org\",\"c@example.org\"]},"
	    "\"subject\":\"Hello there\","
	    "\"message_id\":\"<1@example.net>\"},"
	    "\"file\":{\"size\":1234,\"hash\":{\"sha256\":\"00ff\"}},"
	    "\"rule\":{\"name\":\"policy/mail\"},"
	    "\"sallyport\":{\"session\":\"000000000000001f\","
	    "\"smtp\":{\"helo\":\"mx.example.net\"},\"recipients\":2,"
	    "\"content\":\"mail\",\"verdict\":\"malware\","
	    "\"action\":\"block\",\"because\":{\"kind\":\"malware\","
	    "\"engine\":\"clamav\",\"what\":\"Eicar-Test-Signature\","
	    "\"where\":\"mail.eml/a b.zip/x.exe\"},\"findings\":1,"
	    "\"finding\":[{\"kind\":\"malware\",\"engine\":\"clamav\","
	    "\"what\":\"Eicar-Test-Signature\","
	    "\"where\":\"mail.eml/a b.zip/x.exe\"}],"
	    "\"engines\":\"clamav/1.4.6/27815\",\"members\":3,"
	    "\"unscanned_bytes\":0,\"cached\":false,"
	    "\"ms\":{\"queued\":2,\"scanned\":5}}}\n");
}

static void
has(form *f, const struct event *ev, const char *words)
{
	struct buf b;

	buf_init(&b, EVENT_LINE_MAX);
	f(&b, ev, WALL);
	assert_non_null(strstr(buf_text(&b), words));
	buf_free(&b);
}

static void
whether_it_was_kept(void **state)
{
	struct event ev = decision_event();

	(void)state;
	mail_facts();
	found_eicar();
	verdict.action = DO_QUARANTINE;
	ev.quarantine = "kept";
	has(event_json, &ev,
	    "\"action\":\"quarantine\",\"quarantine\":\"kept\",");
	has(event_text, &ev, " engines=clamav/1.4.6/27815 quarantine=kept\n");
	ev = outcome_event();
	ev.quarantine = "max_size";
	has(event_json, &ev,
	    "\"action\":\"quarantine\",\"quarantine\":\"max_size\",");
	has(event_text, &ev, " quarantine=max_size\n");
}

static void
an_outcome_as_text(void **state)
{
	struct event ev = outcome_event();

	(void)state;
	mail_facts();
	looks(event_text, &ev,
	    "2026-11-23T09:12:33.123Z outcome id=" ID
	    " result=delivered action=pass verdict=clean"
	    " reply=\"250 2.0.0 Ok: queued as \\\"7\\\"\\x0d\\x0a\""
	    " next_hop=smtp:mail.example.org:25 hop=[2001:db8::25]:25"
	    " from=<a@example.net> to=<b@example.org>,<c@example.org>"
	    " recipients=2 client=192.0.2.1:4711 size=1234 bytes_in=1500"
	    " bytes_out=200 ms=20 delivered=9 protocol=smtp"
	    " listener=mail-in direction=inbound helo=mx.example.net"
	    " subject=\"Hello there\" message_id=<1@example.net>"
	    " session=000000000000001f\n");
}

static void
an_outcome_as_json(void **state)
{
	struct event ev = outcome_event();

	(void)state;
	facts_add(&facts, FIELD_PROTOCOL, "smtp");
	facts_add(&facts, FIELD_CLIENT, "2001:db8::1");
	facts_add(&facts, FIELD_SENDER, "");
	looks(event_json, &ev,
	    "{\"@timestamp\":\"2026-11-23T09:12:33.123Z\","
	    "\"ecs\":{\"version\":\"8.11.0\"},"
	    "\"event\":{\"kind\":\"event\",\"category\":[\"email\"],"
	    "\"type\":[\"end\"],\"action\":\"outcome\","
	    "\"outcome\":\"success\",\"id\":\"" ID "\","
	    "\"duration\":20000000},"
	    "\"network\":{\"protocol\":\"smtp\"},"
	    "\"client\":{\"address\":\"2001:db8::1\","
	    "\"ip\":\"2001:db8::1\"},"
	    "\"server\":{\"address\":\"[2001:db8::25]:25\","
	    "\"ip\":\"2001:db8::25\",\"port\":25},"
	    "\"email\":{\"from\":{\"address\":[\"\"]}},"
	    "\"file\":{\"size\":1234,\"hash\":{\"sha256\":\"00ff\"}},"
	    "\"rule\":{\"name\":\"policy/mail\"},"
	    "\"sallyport\":{\"session\":\"000000000000001f\","
	    "\"content\":\"mail\",\"verdict\":\"clean\","
	    "\"action\":\"pass\",\"ms\":{\"queued\":2,\"scanned\":5,"
	    "\"delivered\":9,\"total\":20},\"result\":\"delivered\","
	    "\"next_hop\":\"smtp:mail.example.org:25\","
	    "\"reply\":\"250 2.0.0 Ok: queued as \\\"7\\\"\\u000d\\u000a\","
	    "\"bytes\":{\"in\":1500,\"out\":200},"
	    "\"released_before_verdict\":false}}\n");
}

static void
what_ended_without_a_content(void **state)
{
	struct event ev = {.kind = EVENT_ENDED,
	    .id = ID,
	    .session = 2,
	    .facts = &facts,
	    .result = "aborted",
	    .reason = "client_gone",
	    .ms_total = 3};

	(void)state;
	facts_add(&facts, FIELD_PROTOCOL, "smtp");
	facts_add(&facts, FIELD_CLIENT, "unix");
	facts_add(&facts, FIELD_SENDER, "");
	looks(event_text, &ev,
	    "2026-11-23T09:12:33.123Z ended id=" ID
	    " result=aborted reason=client_gone from=<> client=unix"
	    " bytes_in=0 bytes_out=0 ms=3 delivered=0 protocol=smtp"
	    " session=0000000000000002\n");
	looks(event_json, &ev,
	    "{\"@timestamp\":\"2026-11-23T09:12:33.123Z\","
	    "\"ecs\":{\"version\":\"8.11.0\"},"
	    "\"event\":{\"kind\":\"event\",\"category\":[\"email\"],"
	    "\"type\":[\"end\"],\"action\":\"ended\","
	    "\"outcome\":\"failure\",\"id\":\"" ID "\","
	    "\"duration\":3000000},\"network\":{\"protocol\":\"smtp\"},"
	    "\"client\":{\"address\":\"unix\"},"
	    "\"email\":{\"from\":{\"address\":[\"\"]}},"
	    "\"sallyport\":{\"session\":\"0000000000000002\","
	    "\"ms\":{\"delivered\":0,\"total\":3},\"result\":\"aborted\","
	    "\"reason\":\"client_gone\",\"bytes\":{\"in\":0,\"out\":0}}}\n");
}

/* What is known of TLS that is not looked into. */
static void
what_a_connect_leaves(void **state)
{
	struct event ev = {.kind = EVENT_ENDED,
	    .id = ID,
	    .session = 2,
	    .facts = &facts,
	    .result = "delivered",
	    .reason = "tunnel"};

	(void)state;
	facts_add(&facts, FIELD_PROTOCOL, "http");
	facts_add(&facts, FIELD_TLS_VERSION, "1.3");
	facts_add(&facts, FIELD_SNI, "www.example.org");
	facts_add(&facts, FIELD_TLS_NOTE, "sni_mismatch ech");
	facts_add(&facts, FIELD_FLOW, "download");
	looks(event_text, &ev,
	    "2026-11-23T09:12:33.123Z ended id=" ID
	    " result=delivered reason=tunnel bytes_in=0 bytes_out=0 ms=0"
	    " delivered=0 protocol=http flow=download tls_version=1.3"
	    " sni=www.example.org tls_note=\"sni_mismatch ech\""
	    " session=0000000000000002\n");
	looks(event_json, &ev,
	    "{\"@timestamp\":\"2026-11-23T09:12:33.123Z\","
	    "\"ecs\":{\"version\":\"8.11.0\"},"
	    "\"event\":{\"kind\":\"event\",\"category\":[\"web\"],"
	    "\"type\":[\"end\"],\"action\":\"ended\","
	    "\"outcome\":\"success\",\"id\":\"" ID "\","
	    "\"duration\":0},\"network\":{\"protocol\":\"http\"},"
	    "\"tls\":{\"version\":\"1.3\","
	    "\"client\":{\"server_name\":\"www.example.org\"}},"
	    "\"sallyport\":{\"session\":\"0000000000000002\","
	    "\"flow\":\"download\",\"tls_note\":\"sni_mismatch ech\","
	    "\"ms\":{\"delivered\":0,\"total\":0},\"result\":\"delivered\","
	    "\"reason\":\"tunnel\",\"bytes\":{\"in\":0,\"out\":0}}}\n");
}

/* ---- hostile peers ---- */

/* Enough of RFC 8259 to be sure that it is one value; NULL: it is none. */
static const char *value(const char *at);

static const char *
string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++) {
		if ((unsigned char)*at < 0x20 || *at == '\x7f')
			return NULL;
		if (*at != '\\')
			continue;
		if (*++at == 'u' && strspn(at + 1, "0123456789abcdef") < 4)
			return NULL;
		if (strchr("u\"\\", *at) == NULL)
			return NULL;
	}
	return at + 1;
}

static const char *
series(const char *at, char close, bool keys)
{
	if (*++at == close)
		return at + 1;
	for (;; at++) {
		if (keys && ((at = string(at)) == NULL || *at++ != ':'))
			return NULL;
		if ((at = value(at)) == NULL)
			return NULL;
		if (*at == close)
			return at + 1;
		if (*at != ',')
			return NULL;
	}
}

static const char *
value(const char *at)
{
	if (*at == '{')
		return series(at, '}', true);
	if (*at == '[')
		return series(at, ']', false);
	if (*at == '"')
		return string(at);
	if (strncmp(at, "true", 4) == 0)
		return at + 4;
	if (strncmp(at, "false", 5) == 0)
		return at + 5;
	return strspn(at, "0123456789") > 0 ? at + strspn(at, "0123456789")
					    : NULL;
}

static void
is_one_line(const struct event *ev)
{
	struct buf b;
	const char *end;

	buf_init(&b, EVENT_LINE_MAX);
	event_json(&b, ev, WALL);
	end = value(buf_text(&b));
	assert_non_null(end);
	assert_string_equal(end, "\n");
	buf_free(&b);

	event_text(&b, ev, WALL);
	assert_int_equal(buf_at(&b)[b.len - 1], '\n');
	for (size_t i = 0; i + 1 < b.len; i++) {
		unsigned char c = (unsigned char)buf_at(&b)[i];

		assert_true(c >= 0x20 && c != 0x7f);
	}
	buf_free(&b);
}

/* Every value as long as can be, of the byte that grows most. */
static void
flood(const char *byte, size_t len)
{
	char *big = malloc(len + 1);
	struct event ev = outcome_event();

	assert_non_null(big);
	for (size_t i = 0; i < len; i++)
		big[i] = byte[i % strlen(byte)];
	big[len] = '\0';
	for (enum field f = 0; f < FIELD_COUNT; f++)
		facts_add(&facts, f, big);
	for (int i = 0; i < 500; i++)
		facts_addn(&facts, FIELD_RECIPIENT, big, 300);
	for (int i = 0; i < REPORT_MAX; i++)
		report_add(&report, FOUND_MALWARE, big, big, "%d%s", i, big);
	snprintf(report.engines, sizeof(report.engines), "%s", big);
	verdict.because = report.found[0];
	verdict.action = DO_BLOCK;
	verdict.rule = ev.result = ev.next_hop = ev.hop_address = big;
	ev.hop_tls_version = ev.hop_tls_cipher = big;
	ev.reply = ev.reason = ev.sha256 = ev.id = big;
	ev.session = ev.size = ev.bytes_in = ev.bytes_out = UINT64_MAX;
	report.unscanned_bytes = UINT64_MAX;
	ev.ms_total = ev.ms_delivered = INT64_MAX / 1000000;
	is_one_line(&ev);
	ev.kind = EVENT_DECISION;
	is_one_line(&ev);
	free(big);
	facts_clear(&facts);
	report_init(&report);
}

static void
no_peer_makes_two_lines_or_a_long_one(void **state)
{
	(void)state;
	flood("\r\n", 3000);
	flood("\"", 3000);
	flood("\\", 3000);
	flood("\xff", 3000);
	flood("\x01", 3000);
	flood("\xe2\x80\xa8", 3000);
	flood("\xf3\xa0\x80\x81", 3000);
	flood("\xe2\x82\xac", 3000);
	flood("x", 3000);
	flood(" >,\"},{\n", 3000);
}

static void
random_bytes_make_one_line(void **state)
{
	static const enum field fields[] = {FIELD_SENDER, FIELD_RECIPIENT,
	    FIELD_SUBJECT, FIELD_HELO, FIELD_CLIENT, FIELD_NAME};
	struct event ev = outcome_event();
	unsigned seed = 1;
	char bytes[64];

	(void)state;
	ev.reply = bytes;
	for (int round = 0; round < 2000; round++) {
		facts_clear(&facts);
		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1103515245 + 12345;
			bytes[i] = (char)(seed >> 16);
		}
		bytes[sizeof(bytes) - 1] = '\0';
		for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
			facts_addn(&facts, fields[i], bytes + i * 10, 10);
		is_one_line(&ev);
	}
}

static void
an_address_cannot_pose_as_two(void **state)
{
	struct event ev = decision_event();
	struct buf b;

	(void)state;
	facts_add(&facts, FIELD_SENDER, "a> to=<root@localhost");
	buf_init(&b, EVENT_LINE_MAX);
	event_text(&b, &ev, WALL);
	assert_non_null(
	    strstr(buf_text(&b), " from=<a\\x3e\\x20to=\\x3croot@localhost> "));
	buf_free(&b);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(a_decision_as_text),
	    T(a_decision_as_json),
	    T(whether_it_was_kept),
	    T(an_outcome_as_text),
	    T(an_outcome_as_json),
	    T(what_ended_without_a_content),
	    T(what_a_connect_leaves),
	    T(no_peer_makes_two_lines_or_a_long_one),
	    T(random_bytes_make_one_line),
	    T(an_address_cannot_pose_as_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
