/*
 * f_wire: bytes as a job, a report and a member.  What is taken must come out
 * of writing it again as the same bytes: one meaning has one form.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "scan/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
is_same(const struct buf *b, const uint8_t *data, size_t size)
{
	MUST(b->len == size && memcmp(buf_at(b), data, size) == 0);
}

static void
as_job(const uint8_t *data, size_t size)
{
	struct wire_job job;
	struct buf b;

	if (size > WIRE_JOB_MAX || wire_get_job(data, size, &job) < 0)
		return;
	MUST(job.kind < CONTENT_KINDS);
	MUST(strlen(job.name) <= CONTENT_NAME_MAX);
	buf_init(&b, WIRE_JOB_MAX);
	MUST(wire_put_job(&b, &job) == 0);
	is_same(&b, data, size);
	buf_free(&b);
}

static void
as_report(const uint8_t *data, size_t size)
{
	static struct report r;
	uint32_t number;
	struct buf b;

	if (size > WIRE_REPORT_MAX ||
	    wire_get_report(data, size, &number, &r) < 0)
		return;
	MUST(r.n <= REPORT_MAX && r.n <= r.seen);
	buf_init(&b, WIRE_REPORT_MAX);
	MUST(wire_put_report(&b, number, &r) == 0);
	is_same(&b, data, size);
	buf_free(&b);
}

static void
as_member(const uint8_t *data, size_t size)
{
	struct wire_member m;
	struct buf b;

	if (wire_get_member(data, size, &m) < 0)
		return;
	buf_init(&b, WIRE_MEMBER_MAX);
	MUST(wire_put_member(&b, &m) == 0);
	is_same(&b, data, size);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_job(data, size);
	as_report(data, size);
	as_member(data, size);
	return 0;
}
