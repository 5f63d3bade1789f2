/*
 * f_coding: any bytes under each content coding: what is used is never more
 * than there is, and a taker that stops is obeyed.
 */
#include <stdint.h>

#include "proxy/base/check.h"
#include "scan/coding.h"

/* What a seed may become; a bomb is not what is looked for here. */
#define OUT_MOST ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct taken {
	size_t len;
	bool stopped;
	unsigned sum; /* so that the bytes are read */
};

static int
take(void *arg, const void *bytes, size_t len)
{
	struct taken *t = arg;
	const unsigned char *p = bytes;

	MUST(!t->stopped && len > 0);
	for (size_t i = 0; i < len; i++)
		t->sum += p[i];
	t->len += len;
	t->stopped = t->len > OUT_MOST;
	return t->stopped ? -1 : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct taken t = {0};
	enum coding_end end;
	size_t used;

	if (size == 0)
		return 0;
	end = coding_undo((enum coding)(data[0] % CODING_KINDS), data + 1,
	    size - 1, take, &t, &used);
	MUST(used <= size - 1);
	MUST((end == CODING_STOPPED) == t.stopped);
	MUST(end != CODING_WHOLE || used == size - 1);
	MUST(end != CODING_BEHIND || used < size - 1);
	return 0;
}
