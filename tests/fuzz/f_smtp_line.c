/*
 * f_smtp_line: command lines, paths and parameters.  What is taken lies inside
 * the line, holds nothing that ends a path or a line, and is taken the same
 * way when it is written as we write it to a next hop.
 */
#include <stdint.h>
#include <stdlib.h>

#include "protocols/smtp/smtp_addr.h"
#include "protocols/smtp/smtp_line.h"
#include "protocols/smtp/smtp_param.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct slice part, struct slice whole)
{
	MUST(part.at >= whole.at && part.at <= whole.at + whole.len);
	MUST(part.len <= (size_t)(whole.at + whole.len - part.at));
}

static void
an_address(struct slice text)
{
	char again[SMTP_ADDR_MAX + 3];
	struct smtp_addr a, b;
	struct slice rest, r;

	enum smtp_addr_is is = smtp_addr(text, &a, &rest);

	if (is != ADDR_OK && is != ADDR_UTF8)
		return;
	inside(a.whole, text);
	inside(rest, text);
	MUST(a.whole.len <= SMTP_ADDR_MAX);
	for (size_t i = 0; i < a.whole.len; i++)
		MUST((a.whole.at[i] >= ' ' && a.whole.at[i] <= '~') ||
		    (is == ADDR_UTF8 && (a.whole.at[i] & 0x80) != 0));
	again[0] = '<';
	memcpy(again + 1, a.whole.at, a.whole.len);
	again[a.whole.len + 1] = '>';
	r = (struct slice){again, a.whole.len + 2};
	MUST(smtp_addr(r, &b, &rest) == is && rest.len == 0);
	MUST(b.whole.len == a.whole.len);
	MUST(memcmp(b.whole.at, a.whole.at, a.whole.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size}, rest;
	struct smtp_param_offer all = {.dsn = true, .auth = true};
	struct smtp_rcpt_param rcpt, again;
	char said[SMTP_RCPT_PARAM_TEXT];
	struct smtp_param p;
	struct smtp_line l;

	if (size == 0)
		return 0;
	an_address(text);
	(void)smtp_param_mail(text, all, &p);
	if (smtp_param_rcpt(text, all, true, &rcpt) == PARAM_OK) {
		/* What we say to a next hop is what was said. */
		smtp_rcpt_param_text(&rcpt, said);
		MUST(smtp_param_rcpt(slice_of(said), all, true, &again) ==
		    PARAM_OK);
		MUST(memcmp(&rcpt, &again, sizeof(rcpt)) == 0);
	}
	MUST(!p.has_size || p.size < UINT64_C(1000000000000000000));
	(void)smtp_line_helo(text);
	if (smtp_line(text, &l) < 0)
		return 0;
	MUST(l.verb.len > 0);
	inside(l.verb, text);
	inside(l.arg, text);
	if (smtp_line_after(l.arg, "FROM", &rest) == 0 ||
	    smtp_line_after(l.arg, "TO", &rest) == 0) {
		inside(rest, text);
		an_address(rest);
	}
	return 0;
}
