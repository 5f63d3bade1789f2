/*
 * f_ftp_reply: a server's lines.  Every reply that is taken is written so that
 * whoever reads it finds one reply with that code, and its end at our end.
 */
#include <stdint.h>

#include "protocols/ftp/ftp_reply.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 959 4.2 as a client has it. */
static void
read_again(struct buf *b, unsigned code)
{
	struct slice rest = {buf_at(b), b->len};
	enum ftp_reply_is is = FTP_REPLY_MORE;
	struct ftp_reply r;

	ftp_reply_init(&r);
	while (rest.len > 0) {
		const char *end = memchr(rest.at, '\n', rest.len);
		struct slice line;

		MUST(is == FTP_REPLY_MORE);
		MUST(end != NULL && end > rest.at && end[-1] == '\r');
		line = (struct slice){rest.at, (size_t)(end - rest.at) - 1};
		MUST(memchr(line.at, '\r', line.len) == NULL);
		is = ftp_reply_line(&r, line);
		rest = slice_skip(rest, line.len + 2);
	}
	MUST(is == FTP_REPLY_DONE && r.code == code);
	ftp_reply_free(&r);
}

static void
done(struct ftp_reply *r)
{
	struct buf b;

	MUST(r->code >= 100 && r->code <= 599 && r->lines > 0);
	MUST(ftp_reply_text(r, r->lines - 1).at != NULL);
	MUST(ftp_reply_text(r, r->lines).at == NULL);
	buf_init(&b, 4 * FTP_REPLY_MAX);
	ftp_reply_put(r, r->code, &b);
	MUST(b.len > 0);
	read_again(&b, r->code);
	buf_free(&b);
	ftp_reply_clear(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = {(const char *)data, size};
	struct ftp_reply r;
	const char *end;

	ftp_reply_init(&r);
	while (
	    rest.len > 0 && (end = memchr(rest.at, '\n', rest.len)) != NULL) {
		struct slice line = {rest.at, (size_t)(end - rest.at)};
		enum ftp_reply_is is = ftp_reply_line(&r, line);

		rest = slice_skip(rest, line.len + 1);
		if (is == FTP_REPLY_DONE)
			done(&r);
		if (is == FTP_REPLY_BAD)
			break;
	}
	ftp_reply_free(&r);
	return 0;
}
