/*
 * value: numbers with units, words, and the way back to text.
 */
#include "conf/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/reader.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"

struct unit {
	const char *word;
	int64_t is;
};

/* The largest first: value_print() takes the first that divides. */
static const struct unit size_units[] = {
    {"G", UNIT_G}, {"M", UNIT_M}, {"k", UNIT_K}, {"B", 1}, {NULL, 0}};
static const struct unit time_units[] = {{"d", UNIT_D}, {"h", UNIT_H},
    {"m", UNIT_MIN}, {"s", UNIT_S}, {"ms", 1}, {NULL, 0}};
static const struct unit percent_units[] = {{"%", 1}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

#define SHOWN_MAX 60 /* of a wrong value, in an error's text */

static const struct unit *
units_of(enum opt_type type)
{
	if (type == TYPE_SIZE)
		return size_units;
	if (type == TYPE_TIME)
		return time_units;
	return type == TYPE_PERCENT ? percent_units : no_units;
}

static const char *
units_text(enum opt_type type)
{
	if (type == TYPE_SIZE)
		return "B, k, M or G";
	return type == TYPE_TIME ? "ms, s, m, h or d" : "%";
}

/* Digits at the front of text; what is behind them goes to *rest_r. */
static int
read_digits(const char *text, int64_t *n_r, const char **rest_r)
{
	int64_t n = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (n > (INT64_MAX - (*at - '0')) / 10)
			return -1;
		n = n * 10 + (*at - '0');
	}
	*n_r = n;
	*rest_r = at;
	return at == text ? -1 : 0;
}

static int
check_range(
    const struct opt_row *row, const char *text, int64_t n, struct err *e)
{
	char least[32], most[32];

	if (n >= row->least && n <= row->most)
		return 0;
	return err_set(e, "%.*s is not within %s to %s", SHOWN_MAX, text,
	    value_print(row, row->least, least),
	    value_print(row, row->most, most));
}

static int
read_number(
    const struct opt_row *row, const char *text, int64_t *n_r, struct err *e)
{
	const struct unit *u = units_of(row->type);
	const char *unit;
	int64_t n;

	if (row->type != TYPE_INT && strcmp(text, "none") == 0)
		text = "0";
	if (read_digits(text, &n, &unit) < 0)
		return err_set(e, "\"%.*s\" is not a whole number%s%s",
		    SHOWN_MAX, text,
		    row->type == TYPE_INT ? "" : " with a unit: ",
		    row->type == TYPE_INT ? "" : units_text(row->type));
	while (u->word != NULL && strcmp(u->word, unit) != 0)
		u++;
	if (u->word == NULL && row->type == TYPE_INT)
		return err_set(
		    e, "\"%.*s\" is not a whole number", SHOWN_MAX, text);
	if (u->word == NULL && *unit == '\0' && n != 0)
		return err_set(e, "%.*s needs a unit: %s", SHOWN_MAX, text,
		    units_text(row->type));
	if (u->word == NULL && *unit != '\0')
		return err_set(e, "\"%.*s\": the unit is %s", SHOWN_MAX, text,
		    units_text(row->type));
	if (n != 0 && n > INT64_MAX / u->is)
		n = INT64_MAX;
	else
		n *= n == 0 ? 1 : u->is;
	*n_r = n;
	return check_range(row, text, n, e);
}

static int
read_bool(const char *text, int64_t *n_r, struct err *e)
{
	*n_r = strcmp(text, "yes") == 0;
	if (*n_r == 1 || strcmp(text, "no") == 0)
		return 0;
	return err_set(e, "\"%.*s\" is neither yes nor no", SHOWN_MAX, text);
}

void
value_did_you_mean(struct err *e, const struct nearest *n)
{
	size_t len = strlen(e->text);

	if (n->best[0] != '\0')
		snprintf(e->text + len, sizeof(e->text) - len,
		    "; did you mean \"%s\"?", n->best);
}

/* Those of the table are few and short: they fit. */
static int
read_word(
    const struct opt_row *row, const char *text, int64_t *n_r, struct err *e)
{
	struct nearest near;
	char word[64];

	*n_r = schema_word_index(row->words, text);
	if (*n_r >= 0)
		return 0;
	nearest_to(&near, text);
	for (size_t i = 0; schema_word(row->words, i, word, sizeof(word)); i++)
		nearest_offer(&near, word);
	err_set(e, "\"%.*s\" is none of: %s", SHOWN_MAX, text, row->words);
	value_did_you_mean(e, &near);
	return -1;
}

int
value_number(
    const struct opt_row *row, const char *text, int64_t *n_r, struct err *e)
{
	MUST(!schema_is_list(row->type));
	*n_r = 0;
	if (row->type == TYPE_WORD)
		return read_word(row, text, n_r, e);
	if (row->type == TYPE_BOOL)
		return read_bool(text, n_r, e);
	if (row->type == TYPE_STRING)
		return 0;
	if (row->type != TYPE_PATH)
		return read_number(row, text, n_r, e);
	if (text[0] == '/')
		return 0;
	return err_set(
	    e, "\"%.*s\" is not a path that begins with /", SHOWN_MAX, text);
}

const char *
value_print(const struct opt_row *row, int64_t n, char *to)
{
	const struct unit *u = units_of(row->type);

	if (row->type == TYPE_BOOL)
		snprintf(to, 32, "%s", n != 0 ? "yes" : "no");
	else if (row->type == TYPE_WORD)
		schema_word(row->words, (size_t)n, to, 32);
	else if (n == 0)
		snprintf(to, 32, "0");
	else {
		while (n % u->is != 0)
			u++;
		snprintf(to, 32, "%" PRId64 "%s", n / u->is, u->word);
	}
	return to;
}

int
value_is_quoted(const char *s, size_t len)
{
	return len >= 2 && s[0] == '"' && s[len - 1] == '"' &&
	    memchr(s + 1, '"', len - 2) == NULL;
}

char *
value_text(const char *raw)
{
	size_t len = strlen(raw);
	char *text;

	/* What was behind the last of it were comments. */
	while (len > 0 && raw[len - 1] == '\n')
		len--;
	if (value_is_quoted(raw, len))
		return xstrndup(raw + 1, len - 2);
	text = xstrndup(raw, len);
	for (char *at = text; *at != '\0'; at++) {
		if (*at == '\n')
			*at = ' ';
	}
	return text;
}

static int
needs_quotes(const char *text)
{
	size_t len = strlen(text);
	bool open;

	/* Quotes inside: it was read without quotes around it. */
	if (strchr(text, '"') != NULL)
		return 0;
	if (len == 0 || text[0] == ' ' || text[0] == '\t')
		return 1;
	return reader_strip(text, len, &open) != len;
}

void
value_quote(struct buf *b, const char *text)
{
	if (needs_quotes(text))
		buf_printf(b, "\"%s\"", text);
	else
		buf_puts(b, text);
}
