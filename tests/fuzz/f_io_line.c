/*
 * f_io_line: lines in arbitrary pieces.  The same bytes cut differently have
 * to give the same lines, and nothing is eaten that was not there.
 */
#include <stdint.h>
#include <stdlib.h>

#include "proxy/base/check.h"
#include "proxy/io_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT 40

/* FNV over all lines and answers; LINE_LONG counts without its bytes, for how
 * many of them were there when it was told depends on the pieces. */
static uint64_t
add(uint64_t h, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ at[i]) * UINT64_C(1099511628211);
	return h;
}

static uint64_t
read_in_pieces(const uint8_t *data, size_t size, size_t piece)
{
	struct line_state st = {0};
	size_t have = 0, eaten = 0;
	uint64_t h = 14695981039346656037u;

	while (have < size) {
		have = size - have < piece ? size : have + piece;
		for (;;) {
			struct slice in = {
			    (const char *)data + eaten, have - eaten};
			struct slice line;
			size_t n;
			enum line what = line_take(&st, in, LIMIT, &n, &line);

			MUST(n <= in.len);
			eaten += n;
			if (what == LINE_NONE)
				break;
			MUST(n > 0);
			h = add(h, &what, sizeof(what));
			if (what != LINE_LONG)
				h = add(h, line.at, line.len);
		}
	}
	MUST(size - eaten <= LIMIT + 1);
	return h;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t whole = read_in_pieces(data, size, size == 0 ? 1 : size);

	MUST(read_in_pieces(data, size, 1) == whole);
	MUST(read_in_pieces(data, size, 7) == whole);
	return 0;
}
