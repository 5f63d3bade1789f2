/*
 * f_http_listing: whatever a server says of a directory, the page has no tags
 * and no quotes but its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/http/http_listing.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In what is between <pre> and </pre> only links begin with "<". */
static void
look(const char *text)
{
	const char *at = strstr(text, "<pre>\n");
	const char *end;

	MUST(at != NULL);
	at += strlen("<pre>\n");
	end = strstr(at, "</pre>\n</body>\n</html>\n");
	MUST(end != NULL && end[strlen("</pre>\n</body>\n</html>\n")] == '\0');
	while ((at = strchr(at, '<')) != NULL && at < end) {
		MUST(strncmp(at, "<a href=\"./", 11) == 0 ||
		    strncmp(at, "</a>", 4) == 0);
		at++;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct buf b;

	buf_init(&b, 1024 * 1024);
	if (http_listing_put(&b, slice_of("/"), text) == 0) {
		MUST(strlen(buf_text(&b)) == b.len);
		look(buf_text(&b));
	}
	buf_free(&b);
	return 0;
}
