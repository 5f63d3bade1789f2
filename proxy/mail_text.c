/*
 * mail_text: the words of a refusal, from the operator's template, and the
 * field on top of what is delivered.  Pure.  They quote a signature's name,
 * which comes from outside, so a line break in it must not become one in the
 * reply or the mail.
 */

#include "proxy/mail_text.h"

#include "proxy/base/mem.h"
#include "proxy/base/slice.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
has_code(const char *tpl, char class)
{
	return tpl[0] == class && is_digit(tpl[1]) && is_digit(tpl[2]) &&
	    tpl[3] == ' ' && tpl[4] != '\0';
}

/* The length of "{reason}" or "{id}" at p; 0: neither. */
static size_t
placeholder(const char *p)
{
	if (strncmp(p, "{reason}", 8) == 0)
		return 8;
	return strncmp(p, "{id}", 4) == 0 ? 4 : 0;
}

int
mail_text_check(const char *tpl, char class, struct err *e)
{
	if (!has_code(tpl, class))
		return err_set(e, "must begin with a %cxx code and a blank: %s",
		    class, tpl);
	if (strlen(tpl) > MAIL_TEXT_MAX - MAIL_REASON_MAX - 32)
		return err_set(e, "longer than %d bytes",
		    MAIL_TEXT_MAX - MAIL_REASON_MAX - 32);
	for (const char *p = tpl; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			return err_set(e, "must be printable ASCII");
		if (*p == '{' && placeholder(p) == 0)
			return err_set(e,
			    "only {reason} and {id} are known, "
			    "not %.20s",
			    p);
	}
	return 0;
}

/* How long the line is without its reasons; *reasons_r: how many it has. */
static size_t
fixed_length(const char *tpl, const char *id, size_t *reasons_r)
{
	size_t len = 2, n;

	*reasons_r = 0;
	for (const char *p = tpl; *p != '\0'; p += n) {
		n = placeholder(p);
		if (n == 4)
			len += strlen(id);
		else if (n == 8)
			(*reasons_r)++;
		else
			len += n = 1;
	}
	return len;
}

static size_t
append(char *to, size_t at, const char *text, size_t most)
{
	size_t n = strnlen(text, most);

	if (n > MAIL_TEXT_MAX - 3 - at) /* room for CRLF and NUL */
		n = MAIL_TEXT_MAX - 3 - at;
	memcpy(to + at, text, n);
	return at + n;
}

const char *
mail_text_fill(const char *tpl, const char *reason, const char *id, char *to)
{
	size_t at = 0, reasons, fixed, n, room = 0;

	fixed = fixed_length(tpl, id, &reasons);
	if (reasons > 0 && fixed < MAIL_TEXT_MAX - 1)
		room = (MAIL_TEXT_MAX - 1 - fixed) / reasons;
	for (const char *p = tpl; *p != '\0'; p += n) {
		n = placeholder(p);
		if (n == 4)
			at = append(to, at, id, SIZE_MAX);
		else if (n == 8)
			at = append(to, at, reason, room);
		else
			at = append(to, at, p, n = 1);
	}
	memcpy(to + at, "\r\n", 3);
	return to;
}

const char *
mail_text_clean(const char *text, const char * not, char *to, size_t size)
{
	size_t n = copy_text(to, size, text);

	for (size_t i = 0; i < n && i < size - 1; i++) {
		if (to[i] < ' ' || to[i] > '~' || strchr(not, to[i]) != NULL)
			to[i] = '?';
	}
	return to;
}

const char *
mail_text_reason(const struct finding *f, char *to)
{
	char what[FINDING_WHAT_MAX + 1];

	mail_text_clean(f->what, "", what, sizeof(what));
	(void)snprintf(to, MAIL_REASON_MAX, "%s%s%s", finding_word(f->kind),
	    what[0] == '\0' ? "" : " ", what);
	return to;
}

const char *
mail_text_mark(const struct decision *d, const struct report *report,
    const char *id, const char *direction, char *to)
{
	char what[FINDING_WHAT_MAX + 1], engines[REPORT_ENGINES_MAX + 1];
	bool tagged = d->action == DO_TAG && d->because.what[0] != '\0';

	mail_text_clean(d->because.what, ";", what, sizeof(what));
	mail_text_clean(report->engines, ";", engines, sizeof(engines));
	(void)snprintf(to, MAIL_MARK_MAX, "X-Sallyport: %s%s%s; %s; %s; %s",
	    d->verdict, tagged ? " " : "", tagged ? what : "",
	    engines[0] == '\0' ? "none" : engines, id, direction);
	return to;
}
