#ifndef UNIT_CONF_SIDE_H
#define UNIT_CONF_SIDE_H

/*
 * conf_side: what the tests of conf/ share: a configuration from text, with
 * the errors it gave as text.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"

/* Enough for a listener and a scan; 12 lines, so a test's own begin at 13. */
#define HOUSE \
	"[listener in]\n" \
	"protocol = smtp\n" \
	"address = 127.0.0.1:2500\n" \
	"policy = mail\n" \
	"max_recipients = 7\n" \
	"\n" \
	"[policy mail]\n" \
	"encrypted = tag\n" \
	"\n" \
	"[engine clamav]\n" \
	"\n" \
	"\n"

/* The caller frees *errors_r. */
static inline struct conf *
conf_try(const char *text, size_t len, bool env, char **errors_r)
{
	size_t size;
	FILE *f = open_memstream(errors_r, &size);
	struct conf *c;

	assert_non_null(f);
	c = conf_from_text("t.ini", text, len, env, f);
	fclose(f);
	return c;
}

/* text MUST be without error. */
static inline struct conf *
conf_good(const char *text)
{
	char *errors;
	struct conf *c = conf_try(text, strlen(text), false, &errors);

	assert_string_equal(errors, "");
	assert_non_null(c);
	free(errors);
	return c;
}

/* text MUST have these errors and no others. */
static inline void
conf_bad(const char *text, const char *wanted)
{
	char *errors;
	struct conf *c = conf_try(text, strlen(text), false, &errors);

	assert_string_equal(errors, wanted);
	assert_null(c);
	free(errors);
}

/* The dump of c; the caller frees it. */
static inline char *
conf_dumped(const struct conf *c, bool changed_only)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	conf_dump(c, changed_only, f);
	fclose(f);
	return text;
}

/* Takes the origins off a dump: all from "  ; " to the line's end. */
static inline void
without_origins(char *text)
{
	char *to = text;

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		const char *cut = NULL;

		for (size_t i = 0; i + 4 <= len; i++) {
			if (memcmp(text + i, "  ; ", 4) == 0)
				cut = text + i;
		}
		memmove(to, text, cut != NULL ? (size_t)(cut - text) : len);
		to += cut != NULL ? (size_t)(cut - text) : len;
		text += len;
		if (*text == '\n')
			*to++ = *text++;
	}
	*to = '\0';
}

#endif
