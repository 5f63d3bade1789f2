/*
 * coding: which content coding is which, and who undoes it.
 */
#include "scan/coding.h"

#include "proxy/base/check.h"

/* clang-format off */
static const char *const words[] = {
#define X(coding, word) word,
	CODINGS(X)
#undef X
};
/* clang-format on */

const char *
coding_word(enum coding coding)
{
	MUST(coding < CODING_KINDS);
	return words[coding];
}

enum coding
coding_of_word(struct slice word)
{
	/* RFC 9110 8.4.1.3: to be taken for the same */
	if (slice_is_word(word, "x-gzip"))
		return CODING_GZIP;
	if (slice_is_word(word, words[CODING_RAW]))
		return CODING_KINDS; /* a name of ours */
	for (enum coding c = 0; c < CODING_KINDS; c++) {
		if (slice_is_word(word, words[c]))
			return c;
	}
	return CODING_KINDS;
}

enum coding_end
coding_undo(enum coding coding, const void *bytes, size_t len,
    coding_taker *take, void *arg, size_t *used_r)
{
	*used_r = 0;
	switch (coding) {
	case CODING_BR:
		return coding_unbrotli(bytes, len, take, arg, used_r);
	case CODING_ZSTD:
		return coding_unzstd(bytes, len, take, arg, used_r);
	default:
		return coding_inflate(coding, bytes, len, take, arg, used_r);
	}
}
