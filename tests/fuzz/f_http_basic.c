/*
 * f_http_basic: a login that is taken has one writing only: written again it is
 * what came.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/http/http_basic.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice value = {(const char *)data, size};
	struct http_basic b;
	struct buf again;

	if (http_basic_read(value, &b) < 0)
		return 0;
	MUST(b.user[0] != '\0' && strchr(b.user, ':') == NULL);
	buf_init(&again, 4096);
	MUST(http_basic_put(&again, b.user, b.password) == 0);
	value = slice_skip(value, 6);
	while (value.len > 0 && value.at[0] == ' ')
		value = slice_skip(value, 1);
	MUST(again.len == value.len + 6);
	MUST(memcmp(buf_at(&again) + 6, value.at, value.len) == 0);
	buf_free(&again);
	return 0;
}
