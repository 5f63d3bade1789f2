#ifndef SCAN_WIRE_H
#define SCAN_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proxy/base/buf.h"
#include "scan/content.h"
#include "scan/report.h"

/*
 * wire: jobs and reports as bytes, for the socket pair between a net worker
 * and a scan worker.  Pure.  Each end distrusts the other: a length that does
 * not fit, a word out of range or a byte too many is refused.
 *
 * A content of up to WIRE_INLINE bytes travels in the job itself; a larger one
 * as a descriptor beside it.
 */
#define WIRE_INLINE (32 * 1024)
#define WIRE_JOB_MAX (WIRE_INLINE + 1024)
#define WIRE_REPORT_MAX (24 * 1024)

struct wire_job {
	uint32_t number; /* the report names it again */
	enum content_kind kind;
	uint32_t budget_ms; /* from now to the deadline of the engines */
	uint64_t size;
	char name[CONTENT_NAME_MAX + 1];
	char codings[CONTENT_CODINGS_MAX + 1]; /* see content_declare() */
	char type[CONTENT_TYPE_MAX + 1];
	const void *inline_bytes; /* NULL: a descriptor comes along */
};

/* Appends the whole message to b.  0, or -1 with errno EFBIG. */
int wire_put_job(struct buf *b, const struct wire_job *job);

/* The same without the bytes, which are to follow in the same message. */
int wire_put_job_head(struct buf *b, const struct wire_job *job);

/* 0, or -1: not a job.  job_r->inline_bytes points into bytes. */
int wire_get_job(const void *bytes, size_t len, struct wire_job *job_r);

int wire_put_report(struct buf *b, uint32_t number, const struct report *r);
int wire_get_report(
    const void *bytes, size_t len, uint32_t *number_r, struct report *r_r);

/*
 * A member that was looked at: sent before the report by a worker that was
 * told to, for `sallyport scan`; gateways do not ask for them.
 */
#define WIRE_WHERE_MAX 1023
#define WIRE_TYPE_MAX 63
#define WIRE_MEMBER_MAX 2048

struct wire_member {
	uint64_t size;
	uint32_t depth;
	char where[WIRE_WHERE_MAX + 1];
	char type[WIRE_TYPE_MAX + 1];
};

int wire_put_member(struct buf *b, const struct wire_member *m);
int wire_get_member(const void *bytes, size_t len, struct wire_member *m_r);

#endif
