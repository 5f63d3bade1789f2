/*
 * f_http_onboard: the input as the CA's file and as every value of the page
 * that offers it: out comes one certificate or none, and no value is markup.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/http/http_ca.h"
#include "protocols/http/http_onboard.h"
#include "proxy/base/check.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"
#define PAGE_MAX (256 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
has(struct slice text, const char *word)
{
	return text.len > 0 &&
	    memmem(text.at, text.len, word, strlen(word)) != NULL;
}

static void
as_file(struct slice text)
{
	struct http_ca ca;
	struct slice rest;
	struct err e = {""};

	if (http_ca_take(&ca, text, &e) < 0) {
		MUST(ca.der.at == NULL && e.text[0] != '\0');
		return;
	}
	MUST(ca.pem.at >= text.at &&
	    ca.pem.at + ca.pem.len <= text.at + text.len);
	MUST(strncmp(ca.pem.at, BEGIN, strlen(BEGIN)) == 0);
	rest = slice_skip(ca.pem, strlen(BEGIN));
	MUST(!has(rest, "BEGIN") && !has(rest, "PRIVATE"));
	rest = slice_skip(rest, rest.len - strlen(END));
	MUST(slice_is(rest, END));
	MUST(ca.der.len >= 2 && ca.der.at[0] == 0x30);
	MUST(strlen(ca.print) == 32 * 3 - 1);
	http_ca_free(&ca);
}

static unsigned
markup(const char *value)
{
	struct http_onboard o = {
	    value, "c", value, value, value, strlen(value) % 2 != 0};
	struct buf b;
	unsigned n = 0;

	buf_init(&b, PAGE_MAX);
	MUST(http_onboard_put(&b, &o) == 0);
	for (size_t i = 0; i < b.len; i++)
		n += strchr("<>\"", buf_at(&b)[i]) != NULL;
	buf_free(&b);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *value = malloc(size + 1);

	MUST(value != NULL);
	if (size > 0)
		memcpy(value, data, size);
	value[size] = '\0';
	as_file((struct slice){value, size});
	MUST(markup(value) == markup(""));
	free(value);
	return 0;
}
