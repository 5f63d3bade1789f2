/*
 * ulid: 48 bits of time and 80 random bits, as 26 signs.
 */
#include "proxy/base/ulid.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"

/* What the last one was made of: one more is later in the same millisecond. */
static int64_t last_ms;
static unsigned char last[10];

static void
refill(int64_t ms)
{
	MUST(getrandom(last, sizeof(last), 0) == (ssize_t)sizeof(last));
	last[0] &= 0x7f; /* room to count up */
	last_ms = ms;
}

static void
count_up(void)
{
	for (int i = 9; i >= 0; i--) {
		if (++last[i] != 0)
			return;
	}
}

void
ulid_make(char to[ULID_TEXT])
{
	static const char signs[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	int64_t ms = clock_wall_ms();
	unsigned bit = 0, acc = 0, n = 10;

	if (ms > last_ms)
		refill(ms);
	else
		count_up();
	for (int i = 9; i >= 0; i--)
		to[i] = signs[(last_ms >> (5 * (9 - i))) & 31];
	for (int i = 0; i < 10; i++) {
		acc = acc << 8 | last[i];
		for (bit += 8; bit >= 5; bit -= 5)
			to[n++] = signs[acc >> (bit - 5) & 31];
	}
	to[26] = '\0';
}
