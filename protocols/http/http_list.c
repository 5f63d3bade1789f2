/*
 * http_list: lists, quoted strings, parameters and numbers in field values
 * (RFC 9110 5.6).  Pure.
 */

#include "protocols/http/http_list.h"

#include "protocols/http/http_line.h"

#define DIGITS_MAX 19 /* of a number up to 2^63-1 */

void
http_list_init(
    struct http_list *l, const struct http_head *h, enum http_field_id id)
{
	*l = (struct http_list){.head = h, .id = id};
}

void
http_list_of(struct http_list *l, struct slice text)
{
	*l = (struct http_list){.rest = text};
}

/* The length of the quoted string that s begins with, quotes included; 0: it
 * is not closed. */
static size_t
quoted(struct slice s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.at[i] == '"')
			return i + 1;
		if (s.at[i] == '\\')
			i++;
	}
	return 0;
}

/* Up to the first end that is not in quotes; false: a quote is not closed. */
static bool
up_to(struct slice s, char end, size_t *len_r)
{
	size_t i = 0, n;

	while (i < s.len && s.at[i] != end) {
		n = s.at[i] == '"' ? quoted(slice_skip(s, i)) : 1;
		if (n == 0)
			return false;
		i += n;
	}
	*len_r = i;
	return true;
}

/* The next line of the field into rest; false: there is none. */
static bool
next_field(struct http_list *l)
{
	const struct http_head *h = l->head;

	while (h != NULL && l->next < h->n) {
		const struct http_field *f = &h->fields[l->next++];

		if (f->id != l->id)
			continue;
		l->rest = http_at(h, f->value);
		return true;
	}
	return false;
}

int
http_list_next(struct http_list *l, struct slice *element_r)
{
	size_t n;

	do {
		while (l->rest.len > 0) {
			if (!up_to(l->rest, ',', &n))
				return -1;
			*element_r = http_trim((struct slice){l->rest.at, n});
			l->rest =
			    slice_skip(l->rest, n < l->rest.len ? n + 1 : n);
			if (element_r->len > 0)
				return 1;
		}
	} while (next_field(l));
	return 0;
}

bool
http_list_has(
    const struct http_head *h, enum http_field_id id, const char *word)
{
	struct http_list l;
	struct slice element;

	if (!http_has(h, id))
		return false;
	http_list_init(&l, h, id);
	while (http_list_next(&l, &element) > 0) {
		if (slice_is_word(element, word))
			return true;
	}
	return false;
}

struct slice
http_before_params(struct slice element)
{
	size_t n;

	if (!up_to(element, ';', &n))
		n = element.len;
	return http_trim((struct slice){element.at, n});
}

int
http_param_next(struct slice *rest, struct slice *name_r, struct slice *value_r)
{
	struct slice one;
	const char *sign;
	size_t n;

	do {
		*rest = http_trim(*rest);
		if (rest->len == 0)
			return 0;
		if (rest->at[0] != ';')
			return -1;
		*rest = slice_skip(*rest, 1);
		if (!up_to(*rest, ';', &n))
			return -1;
		one = http_trim((struct slice){rest->at, n});
		*rest = slice_skip(*rest, n);
	} while (one.len == 0);
	sign = memchr(one.at, '=', one.len);
	n = sign == NULL ? one.len : (size_t)(sign - one.at);
	*name_r = (struct slice){one.at, n};
	*value_r = (struct slice){NULL, 0};
	if (sign != NULL)
		*value_r = slice_skip(one, n + 1);
	return http_is_token(*name_r) ? 1 : -1;
}

/* Behind the value proper, at the first ";". */
static struct slice
params_of(struct slice value)
{
	size_t n;

	return up_to(value, ';', &n) ? slice_skip(value, n)
				     : slice_skip(value, value.len);
}

int
http_param(struct slice value, const char *name, char *to, size_t size)
{
	struct slice rest = params_of(value), its, text;
	bool found = false;
	int got;

	while ((got = http_param_next(&rest, &its, &text)) > 0) {
		if (!slice_is_word(its, name))
			continue;
		if (found || text.at == NULL ||
		    http_unquote(text, to, size) < 0)
			return -1;
		found = true;
	}
	if (got < 0)
		return -1;
	return found;
}

int
http_unquote(struct slice text, char *to, size_t size)
{
	size_t n = 0;

	if (http_is_token(text))
		return slice_copy(text, to, size) ? (int)text.len : -1;
	if (text.len < 2 || text.at[0] != '"' || quoted(text) != text.len)
		return -1;
	for (size_t i = 1; i < text.len - 1; i++) {
		if (text.at[i] == '\\')
			i++;
		if (n + 1 >= size)
			return -1;
		to[n++] = text.at[i];
	}
	to[n] = '\0';
	return (int)n;
}

int
http_number(struct slice text, uint64_t *n_r)
{
	uint64_t n = 0;

	if (text.len == 0 || text.len > DIGITS_MAX)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return -1;
		n = n * 10 + (uint64_t)(text.at[i] - '0');
	}
	if (n > INT64_MAX)
		return -1;
	*n_r = n;
	return 0;
}
