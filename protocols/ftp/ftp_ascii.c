/*
 * ftp_ascii: a file that goes as TYPE A has two readings: as it is on the wire,
 * with CRLF (which is what some receivers keep), and with LF alone (which is
 * what the others make of it).  A virus may be in either, so both are judged,
 * each with its own event.
 */

#include <errno.h>

#include "protocols/ftp/ftp.h"
#include "protocols/ftp/ftp_lf.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"

#define PIECE (32 * 1024)

static bool
has_crlf(const struct content *c)
{
	char bytes[PIECE];
	bool cr = false;
	uint64_t at = 0;
	ssize_t n;

	while ((n = content_read(c, bytes, sizeof(bytes), at)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (cr && bytes[i] == '\n')
				return true;
			cr = bytes[i] == '\r';
		}
		at += (uint64_t)n;
	}
	return n < 0; /* judged, then: it will not be clean */
}

/* 0, or -1 with errno. */
static int
copy_lf(const struct content *from, struct content *to)
{
	char bytes[PIECE], out[PIECE + 1];
	bool cr = false;
	uint64_t at = 0;
	ssize_t n;

	while ((n = content_read(from, bytes, sizeof(bytes), at)) > 0) {
		if (content_write(to, out, ftp_lf(bytes, (size_t)n, &cr, out)) <
		    0)
			return -1;
		at += (uint64_t)n;
	}
	if (n < 0 || (cr && content_write(to, "\r", 1) < 0))
		return -1;
	return 0;
}

static void
decided(void *arg, struct exchange *y)
{
	struct session *s = arg;
	struct ftp_transfer *t = ftp_transfer(s);
	enum action action = y->decision.action;
	struct exchange_end end = {.reason = "other_reading"};

	t->other = NULL;
	if (action == DO_PASS || action == DO_TAG) {
		end.result = "delivered";
		exchange_finish(&y, &end);
		ftp_move_judge(s);
		ftp_go_on(s);
		return;
	}
	/* this one speaks for the transfer */
	end.result = "refused";
	exchange_finish(&t->x, &end);
	t->x = y;
	ftp_move_decided(s, y);
}

bool
ftp_ascii_judge(struct session *s)
{
	struct ftp_transfer *t = ftp_transfer(s);

	if (!has_crlf(t->x->content))
		return false;
	t->other = ftp_move_exchange(s, t);
	if (copy_lf(t->x->content, t->other->content) == 0 &&
	    exchange_submit(t->other, ftp_own(s)->scan_deadline, decided, s) ==
		0)
		return true;
	log_error(s->id, "spool_dir lost bytes error=%s", strerror(errno));
	ftp_move_stop(
	    s, "deferred", "spool", "452 Insufficient storage, try again\r\n");
	return true;
}
