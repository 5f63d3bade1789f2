/*
 * f_smtp_reply: whatever a next hop says, what goes on to a client is one
 * reply of printable lines under one code, and a template is one line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/smtp/smtp_next.h"
#include "protocols/smtp/smtp_reply.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/mail_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Strictly: lines of at most 512 octets, the last one and no other "NNN ". */
static void
one_reply(const char *at, size_t len, const char *code)
{
	while (len > 0) {
		const char *end = memchr(at, '\n', len);
		size_t n;

		MUST(end != NULL && end > at && end[-1] == '\r');
		n = (size_t)(end - at) + 1;
		MUST(n <= 512 && n >= 6 && memcmp(at, code, 3) == 0);
		MUST(at[3] == (n == len ? ' ' : '-'));
		for (size_t i = 0; i < n - 2; i++)
			MUST(at[i] >= ' ' && at[i] <= '~');
		at += n;
		len -= n;
	}
}

static void
reply_goes_on(const struct smtp_reply *r)
{
	char code[4];
	struct buf b;

	buf_init(&b, 16 * 1024);
	(void)snprintf(code, sizeof(code), "%03u", r->code);
	smtp_reply_put(r, r->code, &b);
	MUST(b.len > 0);
	one_reply(buf_at(&b), b.len, code);
	buf_free(&b);
}

/* The input as a template, a reason and a next hop. */
static void
as_texts(const uint8_t *data, size_t size)
{
	char text[2048], to[MAIL_TEXT_MAX], reason[MAIL_REASON_MAX];
	struct finding f = {.kind = FOUND_MALWARE};
	struct smtp_next next;
	struct err e;

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	(void)copy_text(f.what, sizeof(f.what), text);
	mail_text_reason(&f, reason);
	(void)smtp_next(text, &next, &e);
	if (mail_text_check(text, '5', &e) < 0)
		return;
	mail_text_fill(text, reason, "01ARZ3NDEKTSV4RRFFQ69G5FAV", to);
	one_reply(to, strlen(to), text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct smtp_reply r;
	struct smtp_caps caps;
	const char *at = (const char *)data, *end = at + size, *lf;
	enum smtp_reply_is is;

	as_texts(data, size);
	smtp_reply_init(&r);
	for (; at < end; at = lf + 1) {
		lf = memchr(at, '\n', (size_t)(end - at));
		if (lf == NULL)
			lf = end;
		is = smtp_reply_line(&r, (struct slice){at, (size_t)(lf - at)});
		MUST(r.len < SMTP_REPLY_MAX && r.text[r.len] == '\0');
		if (is == REPLY_DONE) {
			reply_goes_on(&r);
			smtp_reply_caps(&r, &caps);
		}
		if (is != REPLY_MORE)
			smtp_reply_init(&r);
		if (lf == end)
			break;
	}
	return 0;
}
