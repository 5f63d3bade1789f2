/*
 * f_mime: any bytes as a mail.  Every part must be one of the bytes, its
 * promises kept, and a plain mail must have no second reading.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "scan/mime.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct seen {
	unsigned parts;
	bool other, unseen;
	size_t size;
};

static int
look(void *arg, const struct mime_part *p)
{
	struct seen *s = arg;
	const void *bytes;
	unsigned char sum = 0;
	size_t len;

	s->parts++;
	s->other |= p->other_reading;
	s->unseen |= !p->seen_by_engine;
	MUST(p->at <= s->size && p->len <= s->size - p->at);
	MUST(strlen(p->where) > 0 && strlen(p->type) > 0);
	MUST(p->head_len <= MIME_HEAD_MAX && p->codec < MIME_CODECS);
	if (mime_part_bytes(p, &bytes, &len) < 0)
		return 0;
	for (size_t i = 0; i < len; i++)
		sum = (unsigned char)(sum + ((const unsigned char *)bytes)[i]);
	/* so that the loop stays: it touches every byte handed out */
	return sum == 1 && len == 7 && s->parts == 5;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const struct mime_limits limits = {
	    .bytes = 1 << 20, .parts = 200, .depth = 10, .readings = 500};
	struct seen s = {.size = size};
	struct mime_result r;
	char *copy = malloc(size == 0 ? 1 : size);
	int rc;

	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	rc = mime_walk(copy, size, &limits, look, &s, &r);
	MUST(rc != 0 || r.parts == s.parts);
	MUST(!r.plain || (r.odd == 0 && !s.other && !s.unseen));
	free(copy);
	return 0;
}
