/*
 * f_proxy_line: the PROXY protocol, version 1 and 2, in arbitrary pieces.  All
 * bytes of an unfinished one belong to it, the end of a finished one does not
 * depend on what follows, and a client that it names has a number address.
 */
#include <stdint.h>
#include <stdlib.h>

#include "proxy/base/check.h"
#include "proxy/proxy_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
whole(const struct proxy_line *whole, const struct proxy_line *part)
{
	MUST(whole->used == part->used && whole->carried == part->carried);
	MUST(!whole->carried || addr_same(&whole->client, &part->client));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = {(const char *)data, size};
	struct proxy_line line, part;
	enum proxy_line_is is = proxy_line(in, &line), early;
	char text[ADDR_TEXT];
	struct addr again;

	MUST(is != PROXY_LINE_MORE || size < PROXY_LINE_MAX);
	for (size_t i = 0; i < size; i++) {
		early = proxy_line((struct slice){in.at, i}, &part);
		if (early == PROXY_LINE_MORE)
			continue;
		MUST(early == is);
		if (is == PROXY_LINE_OK)
			whole(&line, &part);
		break;
	}
	if (is != PROXY_LINE_OK)
		return 0;
	MUST(line.used > 0 && line.used <= size);
	early = proxy_line((struct slice){in.at, line.used}, &part);
	MUST(early == PROXY_LINE_OK);
	whole(&line, &part);
	if (!line.carried)
		return 0;
	MUST(line.client.ss.ss_family == AF_INET ||
	    line.client.ss.ss_family == AF_INET6);
	MUST(addr_parse(addr_text(&line.client, text), &again, NULL) == 0);
	MUST(addr_same(&again, &line.client));
	return 0;
}
