/*
 * http_coding: content codings: which ones a body has, and which ones a
 * server may choose from (RFC 9110 8.4 and 12.5.3).  Pure.
 */

#include "protocols/http/http_field.h"
#include "protocols/http/http_line.h"
#include "protocols/http/http_list.h"

static const char *const words[] = {
    [HTTP_CODING_GZIP] = "gzip",
    [HTTP_CODING_DEFLATE] = "deflate",
    [HTTP_CODING_BR] = "br",
    [HTTP_CODING_ZSTD] = "zstd",
    [HTTP_CODING_OTHER] = "other",
};

const char *
http_coding_word(enum http_coding coding)
{
	return words[coding];
}

static enum http_coding
coding_of(struct slice word)
{
	for (int i = HTTP_CODING_GZIP; i < HTTP_CODING_OTHER; i++) {
		if (slice_is_word(word, words[i]))
			return (enum http_coding)i;
	}
	/* RFC 9110 8.4.1.3 */
	return slice_is_word(word, "x-gzip") ? HTTP_CODING_GZIP
					     : HTTP_CODING_OTHER;
}

int
http_codings(
    const struct http_head *h, enum http_coding list_r[HTTP_CODINGS_MAX])
{
	struct http_list l;
	struct slice word;
	int n = 0, got;

	if (!http_has(h, HTTP_FIELD_CONTENT_ENCODING))
		return 0;
	http_list_init(&l, h, HTTP_FIELD_CONTENT_ENCODING);
	while ((got = http_list_next(&l, &word)) > 0) {
		if (!http_is_token(word))
			return -1;
		if (slice_is_word(word, "identity"))
			continue;
		if (n == HTTP_CODINGS_MAX)
			return -1;
		list_r[n++] = coding_of(word);
	}
	return got < 0 ? -1 : n;
}

/* ---- Accept-Encoding ---- */

#define WEIGHT_NONE (-1) /* not named */
#define WEIGHT_ONE 1000

static const char *const read_by_us[] = {
    "gzip", "x-gzip", "br", "zstd", "identity"};
#define READ_BY_US (sizeof(read_by_us) / sizeof(read_by_us[0]))

/* "0.5" in thousandths (RFC 9110 12.4.2); what is broken counts as 0. */
static int
weight(struct slice text)
{
	int w, unit = 100;

	if (text.len == 0 || text.len > 5 || text.at[0] < '0' ||
	    text.at[0] > '1' || (text.len > 1 && text.at[1] != '.'))
		return 0;
	w = text.at[0] == '1' ? WEIGHT_ONE : 0;
	for (size_t i = 2; i < text.len; i++, unit /= 10) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return 0;
		w += (text.at[i] - '0') * unit;
	}
	return w > WEIGHT_ONE ? 0 : w;
}

static int
weight_of(struct slice element)
{
	struct slice word = http_before_params(element), name, value;
	struct slice rest =
	    slice_skip(element, (size_t)(word.at - element.at) + word.len);
	int w = WEIGHT_ONE;

	while (http_param_next(&rest, &name, &value) > 0) {
		if (slice_is_word(name, "q"))
			w = weight(value);
	}
	return w;
}

/* What the client gives each of read_by_us; any: "*". */
static void
read_weights(const struct http_head *h, int list_r[READ_BY_US], int *any_r)
{
	struct http_list l;
	struct slice element;

	for (size_t i = 0; i < READ_BY_US; i++)
		list_r[i] = WEIGHT_NONE;
	*any_r = WEIGHT_NONE;
	http_list_init(&l, h, HTTP_FIELD_ACCEPT_ENCODING);
	while (http_list_next(&l, &element) > 0) {
		struct slice word = http_before_params(element);
		int w = weight_of(element);

		if (slice_is(word, "*"))
			*any_r = w;
		for (size_t i = 0; i < READ_BY_US; i++) {
			if (slice_is_word(word, read_by_us[i]))
				list_r[i] = w;
		}
	}
}

static void
add(char *to, const char *word, int w)
{
	size_t n = strlen(to), room = HTTP_ACCEPT_MAX - n;
	const char *comma = n == 0 ? "" : ", ";

	if (w == WEIGHT_ONE)
		(void)snprintf(to + n, room, "%s%s", comma, word);
	else
		(void)snprintf(to + n, room, "%s%s;q=0.%03d", comma, word, w);
}

const char *
http_accept_encoding(const struct http_head *h, char to[HTTP_ACCEPT_MAX])
{
	int list[READ_BY_US], any, w;

	to[0] = '\0';
	if (http_has(h, HTTP_FIELD_ACCEPT_ENCODING)) {
		read_weights(h, list, &any);
		for (size_t i = 0; i < READ_BY_US; i++) {
			bool old = slice_is(slice_of(read_by_us[i]), "x-gzip");

			w = list[i];
			if (w == WEIGHT_NONE && !old)
				w = any;
			if (w > 0)
				add(to, read_by_us[i], w);
		}
	}
	if (to[0] == '\0')
		add(to, "identity", WEIGHT_ONE);
	return to;
}
