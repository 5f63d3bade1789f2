/*
 * decode_qp: quoted-printable (RFC 2045 6.7) and the ways in which readers
 * read what is not quite that.
 */
#include <stdbool.h>
#include <string.h>

#include "scan/decode.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A byte quoted-printable text may not hold as it is (8-bit among them). */
static bool
is_wrong_byte(char c)
{
	unsigned char u = (unsigned char)c;

	return (u < 0x20 && c != '\t' && c != '\r' && c != '\n') || u > 0x7e;
}

/* The length of the line end at text, CRLF or LF; 0: none is there. */
static size_t
eol_len(const char *text, size_t len)
{
	if (len >= 1 && text[0] == '\n')
		return 1;
	if (len >= 2 && text[0] == '\r' && text[1] == '\n')
		return 2;
	return 0;
}

static size_t
blanks(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && is_blank(text[n]))
		n++;
	return n;
}

static bool
is_escape(const char *text, size_t len)
{
	return len >= 3 && text[0] == '=' && hex_value(text[1]) >= 0 &&
	    hex_value(text[2]) >= 0;
}

static bool
is_soft(const char *text, size_t len)
{
	size_t n = 1 + blanks(text + 1, len - 1);

	return n == len || eol_len(text + n, len - n) > 0;
}

static unsigned
check_equals(const char *text, size_t len)
{
	size_t n, eol;

	if (is_escape(text, len))
		return 0;
	if (!is_soft(text, len))
		return QP_ESCAPE;
	eol = eol_len(text + 1, len - 1);
	if (eol == 0)
		return len > 1 ? QP_SOFT : 0;
	if (eol_len(text + 1 + eol, len - 1 - eol) > 0)
		return QP_INDENT;
	n = blanks(text + 1 + eol, len - 1 - eol);
	if (n > 0 && is_escape(text + 1 + eol + n, len - 1 - eol - n))
		return QP_INDENT;
	return 0;
}

unsigned
qp_check(const char *text, size_t len)
{
	unsigned odd = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '=')
			odd |= check_equals(text + i, len - i);
		else if (c == '\r' && eol_len(text + i, len - i) == 0)
			odd |= QP_BYTE;
		else if (is_wrong_byte(c))
			odd |= QP_BYTE;
		else if (is_blank(c) &&
		    (i + 1 == len || eol_len(text + i + 1, len - i - 1) > 0))
			odd |= QP_BLANKS;
	}
	return odd;
}

/* How a blank run at the end of a line, or a soft break, is read. */
struct qp_reader {
	const char *text;
	size_t len, at;
	enum qp_variant variant;
	unsigned char *to;
	size_t n;
};

static void
put(struct qp_reader *q, char c)
{
	q->to[q->n++] = (unsigned char)c;
}

/* Two hex digits with line ends or soft breaks between them. */
static bool
split_escape(struct qp_reader *q)
{
	size_t i = q->at + 1;
	int high;

	while (i < q->len && strchr("\r\n", q->text[i]) != NULL)
		i++;
	high = i < q->len ? hex_value(q->text[i]) : -1;
	if (high < 0)
		return false;
	i++;
	while (i < q->len && strchr("=\r\n", q->text[i]) != NULL)
		i++;
	if (i == q->len || hex_value(q->text[i]) < 0)
		return false;
	put(q, (char)(high << 4 | hex_value(q->text[i])));
	q->at = i + 1;
	return true;
}

static void
wrong_escape(struct qp_reader *q)
{
	size_t drop = 0;

	if (q->variant == QP_DROPS_1 || q->variant == QP_JOINS)
		drop = 1;
	if (q->variant == QP_DROPS_2)
		drop = 2;
	if (q->variant == QP_DROPS_3)
		drop = 3;
	if (drop == 0) {
		put(q, q->text[q->at++]);
		return;
	}
	q->at++;
	while (--drop > 0 && q->at < q->len && q->text[q->at] != '=' &&
	    strchr("\r\n", q->text[q->at]) == NULL)
		q->at++;
}

static void
read_equals(struct qp_reader *q)
{
	const char *t = q->text + q->at;
	size_t left = q->len - q->at;

	if (is_escape(t, left)) {
		put(q, (char)(hex_value(t[1]) * 16 | hex_value(t[2])));
		q->at += 3;
		return;
	}
	if (q->variant == QP_JOINS && split_escape(q))
		return;
	if (is_soft(t, left) &&
	    (q->variant != QP_KEEPS_BLANKS || left == 1 || !is_blank(t[1]))) {
		size_t n = 1 + blanks(t + 1, left - 1);

		q->at += n + eol_len(t + n, left - n);
		return;
	}
	wrong_escape(q);
}

/* Blanks: gone at the end of a line (RFC 2045 6.7 (3)), else as they are. */
static void
read_blanks(struct qp_reader *q)
{
	const char *t = q->text + q->at;
	size_t left = q->len - q->at, n = blanks(t, left);
	bool at_end = n == left || eol_len(t + n, left - n) > 0;
	bool indent = q->at == 0 || strchr("\r\n", t[-1]) != NULL;

	q->at += n;
	if (at_end && q->variant != QP_KEEPS_BLANKS)
		return;
	if (indent && q->variant == QP_JOINS)
		return;
	memcpy(q->to + q->n, t, n);
	q->n += n;
}

static void
read_other(struct qp_reader *q)
{
	char c = q->text[q->at++];
	bool drops = q->variant >= QP_DROPS_1;

	if (drops && (is_wrong_byte(c) || c == '\0'))
		return;
	if (drops && c == '\r' &&
	    eol_len(q->text + q->at - 1, q->len - q->at + 1) == 0)
		return;
	if (q->variant == QP_JOINS && (c == '\r' || c == '\n'))
		return;
	put(q, c);
}

size_t
qp_decode(const char *text, size_t len, enum qp_variant variant, void *to)
{
	struct qp_reader q = {text, len, 0, variant, to, 0};

	while (q.at < len) {
		char c = text[q.at];

		if (c == '=')
			read_equals(&q);
		else if (is_blank(c))
			read_blanks(&q);
		else
			read_other(&q);
	}
	return q.n;
}
