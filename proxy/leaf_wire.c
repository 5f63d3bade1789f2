/*
 * leaf_wire: requests for leaves and leaves as bytes.  Numbers are big-endian;
 * a text or a DER is its length and its bytes.  What is refused is in
 * tests/unit/t_leaf_wire.c; tests/fuzz/f_leaf_wire.c looks for the rest.
 */
#include "proxy/leaf_wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proxy/base/check.h"

#define REQUEST_MAGIC 0x53504c31u /* SPL1 */
#define REPLY_MAGIC 0x53504332u   /* SPC2 */

/* In a reply: behind the magic, and behind that and the status. */
#define NUMBER_AT 4
#define GOOD_AT 9

/* ---- writing ---- */

static int
put_number(struct buf *b, uint32_t value, unsigned bytes)
{
	char *to = buf_room(b, bytes);

	if (to == NULL)
		return -1;
	for (unsigned i = bytes; i-- > 0;)
		*to++ = (char)(value >> (8 * i) & 0xff);
	buf_grew(b, bytes);
	return 0;
}

static int
put_counted(struct buf *b, struct slice s)
{
	MUST(s.len <= UINT16_MAX);
	if (put_number(b, (uint32_t)s.len, 2) < 0)
		return -1;
	return s.len == 0 ? 0 : buf_put(b, s.at, s.len);
}

int
leaf_put_request(struct buf *b, const struct leaf_request *q)
{
	if (put_number(b, REQUEST_MAGIC, 4) < 0 ||
	    put_number(b, q->number, 4) < 0 || put_number(b, q->names.n, 1) < 0)
		return -1;
	for (unsigned i = 0; i < q->names.n; i++) {
		if (put_counted(b, slice_of(q->names.list[i].text)) < 0)
			return -1;
	}
	return 0;
}

int
leaf_put_reply(struct buf *b, const struct leaf_reply *r)
{
	MUST(r->chain_n <= LEAF_CHAIN_MAX);
	if (put_number(b, REPLY_MAGIC, 4) < 0 ||
	    put_number(b, r->number, 4) < 0 || put_number(b, r->status, 1) < 0)
		return -1;
	if (r->status != LEAF_MADE)
		return 0;
	if (put_number(b, r->good_s, 4) < 0 || put_counted(b, r->cert) < 0 ||
	    put_counted(b, r->secret) < 0 || put_number(b, r->chain_n, 1) < 0)
		return -1;
	for (unsigned i = 0; i < r->chain_n; i++) {
		if (put_counted(b, r->chain[i]) < 0)
			return -1;
	}
	return 0;
}

static void
set_number(char *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (char)(value >> (8 * (3 - i)) & 0xff);
}

void
leaf_readdress(char *message, uint32_t number, uint32_t good_s)
{
	set_number(message + NUMBER_AT, number);
	set_number(message + GOOD_AT, good_s);
}

/* ---- reading ---- */

/* What does not fit makes it bad for good; a bad one reads as zeros. */
struct eye {
	struct slice rest;
	bool bad;
};

static uint32_t
get_number(struct eye *e, unsigned bytes)
{
	uint32_t value = 0;

	if (e->rest.len < bytes)
		e->bad = true;
	if (e->bad)
		return 0;
	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | (unsigned char)e->rest.at[i];
	e->rest = slice_skip(e->rest, bytes);
	return value;
}

static struct slice
get_counted(struct eye *e)
{
	size_t len = get_number(e, 2);
	struct slice s = {e->rest.at, len};

	if (len > e->rest.len)
		e->bad = true;
	if (e->bad)
		return (struct slice){NULL, 0};
	e->rest = slice_skip(e->rest, len);
	return s;
}

/* In its one form, and not there yet. */
static bool
take_name(struct leaf_names *ns, struct slice text)
{
	unsigned before = ns->n;

	return leaf_names_add(ns, text) && ns->n == before + 1 &&
	    slice_is(text, ns->list[before].text);
}

int
leaf_get_request(struct slice message, struct leaf_request *q_r)
{
	struct eye e = {.rest = message};
	unsigned n;

	memset(q_r, 0, sizeof(*q_r));
	if (get_number(&e, 4) != REQUEST_MAGIC)
		return -1;
	q_r->number = get_number(&e, 4);
	n = get_number(&e, 1);
	if (n < 1 || n > LEAF_NAMES_MAX)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		struct slice text = get_counted(&e);

		if (e.bad || !take_name(&q_r->names, text))
			return -1;
	}
	return e.bad || e.rest.len > 0 ? -1 : 0;
}

static void
get_made(struct eye *e, struct leaf_reply *r)
{
	r->good_s = get_number(e, 4);
	r->cert = get_counted(e);
	r->secret = get_counted(e);
	r->chain_n = get_number(e, 1);
	if (r->chain_n > LEAF_CHAIN_MAX || r->cert.len == 0 ||
	    r->secret.len != LEAF_SECRET)
		e->bad = true;
	for (unsigned i = 0; !e->bad && i < r->chain_n; i++)
		r->chain[i] = get_counted(e);
}

int
leaf_get_reply(struct slice message, struct leaf_reply *r_r)
{
	struct eye e = {.rest = message};
	uint32_t status;

	memset(r_r, 0, sizeof(*r_r));
	if (get_number(&e, 4) != REPLY_MAGIC)
		return -1;
	r_r->number = get_number(&e, 4);
	status = get_number(&e, 1);
	if (e.bad || status >= LEAF_STATUSES)
		return -1;
	r_r->status = (enum leaf_status)status;
	if (r_r->status == LEAF_MADE)
		get_made(&e, r_r);
	return e.bad || e.rest.len > 0 ? -1 : 0;
}
