/*
 * tool_mail: the mail that a delivery agent is given.  All of it is read before
 * anything is done, and what is scanned cannot change any more before it is
 * delivered.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/mem.h"
#include "proxy/tool.h"

#define PIECE (32 * 1024)
#define MEMORY_MAX (1u << 20) /* beyond it lies in a file */
#define SIZE_MAX_MAIL (UINT64_C(4) << 30)
#define MIN_FREE 1         /* percent of the disk of TMPDIR */
#define FROM_LINE_MAX 1000 /* a longer one is none */

static const char *
temporary(void)
{
	const char *dir = getenv("TMPDIR");

	return dir != NULL && dir[0] == '/' ? dir : "/tmp";
}

/* 1: there is more, 0: that was all, -1 unreadable, -2 no room. */
static int
take_piece(struct spool *s, int fd)
{
	char piece[PIECE];
	ssize_t n = read(fd, piece, sizeof(piece));

	if (n < 0)
		return errno == EINTR ? 1 : -1;
	if (n == 0)
		return 0;
	return spool_write(s, piece, (size_t)n) == 0 ? 1 : -2;
}

/* mbox: what an agent puts in front of a mail is no part of it. */
static void
find_begin(struct tool_mail *m)
{
	char text[FROM_LINE_MAX];
	ssize_t n = spool_read(m->bytes, text, sizeof(text), 0);
	const char *lf;

	if (n < 5 || memcmp(text, "From ", 5) != 0)
		return;
	lf = memchr(text, '\n', (size_t)n);
	if (lf != NULL)
		m->from = (uint64_t)(lf - text) + 1;
}

static void
read_head(struct tool_mail *m)
{
	char piece[PIECE];
	uint64_t at = m->from;
	bool first = true;
	const char *lf;
	ssize_t n;

	mail_head_init(&m->head);
	while (!m->head.over &&
	    (n = spool_read(m->bytes, piece, sizeof(piece), at)) > 0) {
		lf = first ? memchr(piece, '\n', (size_t)n) : NULL;
		if (lf != NULL && lf > piece && lf[-1] == '\r')
			m->crlf = true;
		first = false;
		mail_head(&m->head, piece, (size_t)n);
		at += (uint64_t)n;
	}
	mail_head_end(&m->head);
}

enum tool_mail_is
tool_mail_take(struct tool_mail *m_r, int fd, struct err *e)
{
	int is;

	*m_r = (struct tool_mail){.house = {.dir = temporary(),
				      .memory_each = MEMORY_MAX,
				      .memory_max = 2 * MEMORY_MAX,
				      .disk_max = 2 * SIZE_MAX_MAIL,
				      .min_free_pct = MIN_FREE}};
	m_r->bytes = spool_open(&m_r->house, SIZE_MAX_MAIL);
	while ((is = take_piece(m_r->bytes, fd)) > 0)
		;
	if (is == -1) {
		err_set(e, "cannot read the mail: %s", strerror(errno));
		return MAIL_UNREADABLE;
	}
	if (is == -2 || spool_seal(m_r->bytes) < 0) {
		err_set(e, "cannot keep the mail in %s: %s", m_r->house.dir,
		    strerror(errno));
		return MAIL_NO_ROOM;
	}
	find_begin(m_r);
	read_head(m_r);
	return MAIL_TAKEN;
}

/* ---- what is delivered ---- */

static int
copy_range(struct tool_mail *m, struct spool *to, uint64_t from, uint64_t end)
{
	char piece[PIECE];
	size_t want;
	ssize_t n;

	while (from < end) {
		want = end - from < PIECE ? (size_t)(end - from) : PIECE;
		n = spool_read(m->bytes, piece, want, from);
		if (n <= 0 || spool_write(to, piece, (size_t)n) < 0)
			return -1;
		from += (uint64_t)n;
	}
	return 0;
}

static int
put_mark(struct tool_mail *m, struct spool *to, const char *mark)
{
	const char *end = m->crlf ? "\r\n" : "\n";

	if (mark[0] == '\0')
		return 0;
	if (spool_write(to, mark, strlen(mark)) < 0 ||
	    spool_write(to, end, strlen(end)) < 0)
		return -1;
	/* a mail without a header would take ours for its own begin */
	return m->head.no_field ? spool_write(to, end, strlen(end)) : 0;
}

/* Offsets in the head are from the mail's own begin. */
static int
put_all(struct tool_mail *m, struct spool *to, const char *mark)
{
	const struct mail_head *h = &m->head;
	uint64_t at = m->from;

	if (copy_range(m, to, 0, at) < 0 || put_mark(m, to, mark) < 0)
		return -1;
	for (unsigned i = 0; i < h->cuts && i < MAIL_CUTS_MAX; i++) {
		if (copy_range(m, to, at, m->from + h->cut[i].from) < 0)
			return -1;
		at = m->from + h->cut[i].to;
	}
	return copy_range(m, to, at, spool_size(m->bytes));
}

int
tool_mail_copy(
    struct tool_mail *m, const char *mark, struct spool **copy_r, struct err *e)
{
	struct spool *copy = spool_open(&m->house, 2 * SIZE_MAX_MAIL);
	int fd = -1;

	*copy_r = copy;
	if (put_all(m, copy, mark) == 0 && spool_seal(copy) == 0)
		fd = spool_fd(copy);
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, "cannot keep the mail in %s: %s",
		    m->house.dir, strerror(errno));
	return fd;
}

void
tool_mail_free(struct tool_mail *m)
{
	spool_free(&m->bytes);
}
