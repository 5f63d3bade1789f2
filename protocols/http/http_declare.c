/*
 * http_declare: what a head says of its body that the scan has to know.
 */
#include "protocols/http/http.h"
#include "protocols/http/http_list.h"

/* Parts: their own heads say what they are. */
static bool
is_multipart(struct slice type)
{
	return type.len > 10 && strncasecmp(type.at, "multipart/", 10) == 0;
}

/* Of a form: its type, as the scan has to know it; {NULL, 0}: none. */
static struct slice
form_of(struct slice type)
{
	static const char fields[] = "application/x-www-form-urlencoded";

	if (type.at == NULL)
		return type;
	if (is_multipart(type))
		return type;
	if (slice_is_word(http_before_params(type), fields))
		return slice_of(fields);
	return (struct slice){NULL, 0};
}

bool
http_declare(struct content *c, const struct http_head *h)
{
	enum http_coding list[HTTP_CODINGS_MAX];
	char codings[CONTENT_CODINGS_MAX + 1] = "";
	char form[CONTENT_TYPE_MAX + 1] = "";
	struct slice type = form_of(http_value(h, HTTP_FIELD_CONTENT_TYPE));
	int n = http_codings(h, list);
	size_t at = 0;

	if (n < 0)
		return false;
	for (int i = 0; i < n; i++)
		at += (size_t)snprintf(codings + at, sizeof(codings) - at,
		    "%s%s", i == 0 ? "" : ", ", http_coding_word(list[i]));
	if (type.at != NULL && !slice_copy(type, form, sizeof(form)))
		return false;
	return content_declare(c, codings, form) == 0;
}
