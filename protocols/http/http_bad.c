/*
 * http_bad: the words and sentences for what is malformed.
 */

#include "protocols/http/http_bad.h"

#include "proxy/base/check.h"

static const struct {
	const char *word, *text;
} bads[] = {
#define X(name, word, text) {word, text},
    HTTP_BADS(X)
#undef X
};

const char *
http_bad_word(enum http_bad bad)
{
	MUST(bad < HTTP_BAD_COUNT);
	return bads[bad].word;
}

const char *
http_bad_text(enum http_bad bad)
{
	MUST(bad < HTTP_BAD_COUNT);
	return bads[bad].text;
}
