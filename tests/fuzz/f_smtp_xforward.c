/*
 * f_smtp_xforward: what XFORWARD and XCLIENT say, and what AUTH does.  What is
 * kept is printable and short, and said on it means the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/smtp/smtp_caps.h"
#include "protocols/smtp/smtp_sasl.h"
#include "protocols/smtp/smtp_who.h"
#include "protocols/smtp/smtp_xtext.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COMMAND_MAX 4096

static void
is_printable(const char *text)
{
	MUST(strlen(text) <= SMTP_WHO_MAX);
	for (; *text != '\0'; text++)
		MUST(*text > ' ' && *text <= '~');
}

/* As a next hop hears it. */
static void
said_on(const struct smtp_who *w, bool xclient)
{
	struct smtp_who again = {0};
	struct buf b;

	buf_init(&b, COMMAND_MAX);
	smtp_who_put(&b, w, w->said);
	for (size_t i = 0; i < b.len; i++)
		MUST(buf_at(&b)[i] >= ' ' && buf_at(&b)[i] <= '~');
	MUST(smtp_who((struct slice){buf_at(&b), b.len}, xclient, &again) ==
	    WHO_OK);
	MUST(again.said == w->said);
	for (unsigned i = 0; i < WHO_COUNT; i++)
		MUST(again.value[i][0] == '\0' ||
		    strcmp(again.value[i], w->value[i]) == 0);
	buf_free(&b);
}

static void
who(struct slice text, bool xclient)
{
	struct smtp_who w = {0};
	struct addr a;

	if (smtp_who(text, xclient, &w) != WHO_OK) {
		MUST(w.said == 0);
		return;
	}
	MUST(w.said != 0);
	for (unsigned i = 0; i < WHO_COUNT; i++)
		is_printable(w.value[i]);
	MUST((smtp_who_get(&w, WHO_ADDR) != NULL) ==
	    (smtp_who_addr(&w, &a) == 0));
	said_on(&w, xclient);
}

static void
xtext(struct slice text)
{
	char said[512], again[512];
	struct buf b;

	if (smtp_xtext(text, said, sizeof(said)) < 0)
		return;
	buf_init(&b, 4 * sizeof(said));
	smtp_xtext_put(&b, said);
	MUST(smtp_xtext((struct slice){buf_at(&b), b.len}, again,
		 sizeof(again)) == 0 ||
	    b.len == 0);
	MUST(b.len == 0 || strcmp(said, again) == 0);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct smtp_caps c = {.known = true}, least;
	struct smtp_sasl sasl;

	if (size == 0)
		return 0;
	who(text, false);
	who(text, true);
	xtext(text);
	(void)smtp_utf8(text);
	if (smtp_sasl(text, &sasl) == SASL_OK && sasl.initial.at != NULL)
		MUST(sasl.initial.at + sasl.initial.len == text.at + size);
	smtp_caps_line(&c, text);
	MUST(strlen(c.mechs) <= SMTP_MECHS_MAX);
	least = c;
	smtp_caps_least(&least, &c);
	MUST(strcmp(least.mechs, c.mechs) == 0 && least.size == c.size);
	return 0;
}
