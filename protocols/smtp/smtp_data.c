/*
 * smtp_data: takes the dots off, finds the end, and notes what somebody could
 * read in another way: bare CR, bare LF, NUL.  Pure.  It runs by memchr over
 * whole lines and gives out ranges as long as they can be: every byte of every
 * mail passes here.
 */

#include "protocols/smtp/smtp_data.h"

/*
 * Where the next byte stands.  A byte that is held back (a dot, a CR) was not
 * given out yet.
 */
enum at {
	AT_LINE,      /* behind CRLF or at the very beginning */
	AT_LINE_BARE, /* behind a bare CR or LF: no CRLF, so no dot counts */
	AT_TEXT,
	AT_CR,     /* inside a line; a CR is held back */
	AT_DOT,    /* a dot at the start of a line is held back */
	AT_DOT_CR, /* the same and a CR */
	AT_END
};

static const struct slice crlf = {"\r\n", 2};

void
smtp_data_init(struct smtp_data *d, bool normalize)
{
	*d = (struct smtp_data){.at = AT_LINE, .normalize = normalize};
}

void
smtp_data_init_chunks(struct smtp_data *d, bool normalize)
{
	*d = (struct smtp_data){
	    .at = AT_LINE, .normalize = normalize, .chunks = true};
}

/* A bare CR or LF: as it came, or mended. */
static struct slice
bare(struct smtp_data *d, const char *byte)
{
	d->bare++;
	return d->normalize ? crlf : (struct slice){byte, 1};
}

static void
count_nul(struct smtp_data *d, struct slice s)
{
	const char *p;

	while (s.len > 0 && (p = memchr(s.at, '\0', s.len)) != NULL) {
		d->nul++;
		s = slice_skip(s, (size_t)(p - s.at) + 1);
	}
}

/*
 * How many bytes from the start of s can be given out as they are: up to a
 * dot at the start of a line, a bare CR or LF, or a CR at the end.  d->at is
 * AT_LINE or AT_TEXT and becomes that of the byte behind them.
 */
static size_t
plain(struct smtp_data *d, struct slice s)
{
	const char *p = s.at, *end = s.at + s.len, *cr, *lf;

	while (p < end) {
		if (d->at == AT_LINE && *p == '.') {
			if (!d->chunks)
				break;
			d->dots = true;
		}
		d->at = AT_TEXT;
		cr = memchr(p, '\r', (size_t)(end - p));
		lf = memchr(p, '\n', (size_t)((cr == NULL ? end : cr) - p));
		if (lf != NULL)
			return (size_t)(lf - s.at);
		if (cr == NULL)
			return s.len;
		if (cr + 1 == end || cr[1] != '\n')
			return (size_t)(cr - s.at);
		p = cr + 2;
		d->at = AT_LINE;
	}
	return (size_t)(p - s.at);
}

/* In a line: the next range, or a single byte that is not plain. */
static enum smtp_data_is
in_line(struct smtp_data *d, struct slice *in, struct slice *out_r)
{
	size_t n;

	if (d->at == AT_LINE_BARE) {
		/* Not a line for us, but for whom we write it to. */
		if (in->at[0] == '.' && d->normalize)
			d->dots = true;
		d->at = AT_TEXT;
	}
	n = plain(d, *in);
	*out_r = (struct slice){in->at, n};
	count_nul(d, *out_r);
	*in = slice_skip(*in, n);
	if (n > 0)
		return DATA_SOME;
	if (in->at[0] == '\r') {
		d->at = AT_CR;
	} else if (in->at[0] == '.') {
		d->at = AT_DOT;
	} else {
		*out_r = bare(d, in->at);
		d->at = AT_LINE_BARE;
	}
	*in = slice_skip(*in, 1);
	return out_r->len > 0 ? DATA_SOME : DATA_MORE;
}

/* A CR inside a line was held back. */
static enum smtp_data_is
behind_cr(struct smtp_data *d, struct slice *in, struct slice *out_r)
{
	if (in->at[0] == '\n') {
		*in = slice_skip(*in, 1);
		*out_r = crlf;
		d->at = AT_LINE;
		return DATA_SOME;
	}
	*out_r = bare(d, crlf.at);
	d->at = AT_LINE_BARE;
	return DATA_SOME;
}

/* A dot at the start of a line was held back, and goes (RFC 5321 4.5.2). */
static enum smtp_data_is
behind_dot(struct smtp_data *d, struct slice *in)
{
	if (in->at[0] == '\r') {
		*in = slice_skip(*in, 1);
		d->at = AT_DOT_CR;
		return DATA_MORE;
	}
	if (in->at[0] == '.')
		d->dots = true;
	d->at = AT_TEXT;
	return DATA_MORE;
}

static enum smtp_data_is
behind_dot_cr(struct smtp_data *d, struct slice *in)
{
	if (in->at[0] == '\n') {
		*in = slice_skip(*in, 1);
		d->at = AT_END;
		return DATA_END;
	}
	d->at = AT_CR; /* the dot is gone; the CR is bare */
	return DATA_MORE;
}

enum smtp_data_is
smtp_data(struct smtp_data *d, struct slice *in, struct slice *out_r)
{
	enum smtp_data_is is = DATA_MORE;

	while (is == DATA_MORE && in->len > 0 && d->at != AT_END) {
		*out_r = (struct slice){in->at, 0};
		switch ((enum at)d->at) {
		case AT_CR:
			is = behind_cr(d, in, out_r);
			break;
		case AT_DOT:
			is = behind_dot(d, in);
			break;
		case AT_DOT_CR:
			is = behind_dot_cr(d, in);
			break;
		default:
			is = in_line(d, in, out_r);
			break;
		}
	}
	return d->at == AT_END ? DATA_END : is;
}

struct slice
smtp_data_end(struct smtp_data *d)
{
	struct slice out = {crlf.at, 0};

	if (d->at == AT_CR) {
		out = bare(d, crlf.at);
		d->at = AT_LINE_BARE;
	}
	return out;
}

bool
smtp_data_open(const struct smtp_data *d)
{
	if (d->at == AT_LINE_BARE)
		return !d->normalize;
	return d->at != AT_LINE;
}
